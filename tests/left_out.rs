//! Says what `cargo test` alone leaves out, in one line, and which command runs it.

use std::env;

fn main() {
    let asked_for = |argument: &str| env::args().any(|each| each == argument);
    if asked_for("--list") {
        return;
    }
    if env::var_os("TEST_KAFKA").is_some() && asked_for("--include-ignored") {
        println!("nothing left out but tests/clients: the services of TEST_KAFKA are used");
    } else {
        println!("left out: tests/real (needs Kafka and a registry) and tests/clients; `make test` runs everything");
    }
}
