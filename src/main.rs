//! The `ramstream` program; all of it is in the library.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// An event is many small texts, made and dropped at once.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    ramstream::cli::main()
}
