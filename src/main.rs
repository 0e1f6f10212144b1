//! The `ramstream` program: read the command line, run the command, tell how it ended.

use std::process::ExitCode;

use ramstream::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::read() {
        Ok(cli) => cli.run().await.into(),
        Err(exit) => exit.into(),
    }
}
