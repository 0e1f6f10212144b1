//! The commands: what is typed, dispatched to one file per command.
//!
//! To add a command: a file with `Args` and `run`, a `mod` line, a line in `Command` with an example, and the arm that
//! the compiler then asks for in `Cli::dispatch`.

mod core_dumps;
mod exit;
mod format;
mod kinds;
mod logging;
mod setup;
mod shutdown;
mod waiting;

mod assemble;
mod credentials;
mod identify;

mod asking;
mod asking_kafka;
mod told;

mod check;
mod claim;
mod completions;
mod config;
mod demo;
mod inventory;
mod man;
mod policy;
mod replay;
mod run;
mod schemas;
mod simulate;
mod snapshot;
mod state;
mod sync;
mod tail;
mod topics;
mod verify;
mod version;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

pub use exit::Exit;
pub use setup::configure;
pub use shutdown::on_signals;

/// How long the end waits for calls that block a thread.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

const ABOUT: &str = "Change data capture for Alibaba Cloud identity (RAM)";

const LONG_ABOUT: &str = "\
Change data capture for Alibaba Cloud identity (RAM).

ramstream reads one account on an interval: users, groups, memberships, roles, policies, policy attachments, access keys, \
login profiles, MFA devices, SAML and OIDC identity providers, the account's own settings, password policy and security \
preferences and, if enabled, ECS instances with their RAM roles. It compares each complete reading with what it published \
last, and publishes every difference to Kafka as an Avro event, exactly once for consumers that read committed records.";

const AFTER_HELP: &str = "\
Getting started:
  ramstream config example > ramstream.toml    write a commented file with every key
  ramstream config check                       report every mistake in it
  ramstream check                              check everything that ramstream needs

Exit codes: 0 complete, 1 failed, 2 different (`snapshot diff`), 3 partial, 64 configuration or usage, 69 service \
unavailable, 75 superseded by another copy, 77 state or account refused.";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "ramstream", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER_HELP)]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    /// Configuration file [default: $RAMSTREAM_CONFIG, or ramstream.toml if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon: publish every change of the account
    #[command(after_help = "Examples:\n  ramstream run\n  ramstream --config /etc/ramstream.toml run --once")]
    Run(run::Args),
    /// Read the account once and print it
    #[command(after_help = "Examples:\n  ramstream inventory\n  ramstream inventory --kind user\n  \
                            ramstream inventory --format json | jq .collections.user")]
    Inventory(inventory::Args),
    /// Check permissions, brokers, topics and registry, and suggest a fix for each failure; change nothing
    #[command(after_help = check::EXAMPLES)]
    Check(check::Args),
    /// Print the least RAM policy (JSON) that reading the configured kinds needs
    #[command(after_help = "Example:\n  ramstream policy > policy.json    grant it to the user or role of ramstream")]
    Policy(policy::Args),
    /// Read the topics as any consumer would, and check every promise made about them
    #[command(after_help = "Examples:\n  ramstream verify\n  ramstream verify --format json | jq .verdicts\n  \
                            ramstream verify --truth truth.jsonl    also compare with the log of a simulated account")]
    Verify(verify::Args),
    /// Print the events of the topics, one line each, from now on or from a given point
    #[command(after_help = tail::EXAMPLES)]
    Tail(tail::Args),
    /// Request a replay: the whole published state as rows in the snapshot topics; wait until it is complete
    #[command(
        after_help = "Examples:\n  ramstream replay\n  ramstream replay --kind user --kind group --id siem-1\n  \
                            ramstream replay --via kafka    if no daemon can be reached over HTTP"
    )]
    Replay(replay::Args),
    /// Request a sync now from the running daemon, and wait for the result
    #[command(after_help = "Examples:\n  ramstream sync\n  ramstream sync --no-wait")]
    Sync(sync::Args),
    /// Let a parked copy take the account over from its owner
    #[command(
        after_help = "Example:\n  ramstream claim --url http://127.0.0.1:9465    the copy that should own the account"
    )]
    Claim(claim::Args),
    /// Describe or verify the published state, or begin a new lineage if it is lost
    #[command(after_help = "Examples:\n  ramstream state describe\n  ramstream state verify\n  \
                            ramstream state new-lineage --reason 'the state topic was deleted'")]
    State(state::Args),
    /// Export the published state as files, or compare two such exports
    #[command(after_help = "Examples:\n  ramstream snapshot export --to 2026-06-30\n  \
                            ramstream snapshot diff 2026-03-31 2026-06-30\n  ramstream snapshot diff 2026-06-30 --now")]
    Snapshot(snapshot::Args),
    /// List, describe or create the topics, or print the ACLs that they need
    #[command(after_help = "Examples:\n  ramstream topics describe\n  ramstream topics acls --writer User:ramstream")]
    Topics(topics::Args),
    /// List, check, register or print the Avro schemas
    #[command(after_help = "Examples:\n  ramstream schemas check\n  ramstream schemas print user")]
    Schemas(schemas::Args),
    /// Watch it work: simulated account, Kafka, registry and daemon in one process
    #[command(after_help = "Examples:\n  ramstream demo\n  ramstream demo --keep")]
    Demo(demo::Args),
    /// Serve a simulated Alibaba Cloud account
    #[command(after_help = "Examples:\n  ramstream simulate\n  \
                            ramstream simulate --users 1000 --groups 50 --account account.json")]
    Simulate(Box<simulate::SimulateArgs>),
    /// Print an example configuration, check yours, or show the effective values
    #[command(after_help = "Examples:\n  ramstream config example > ramstream.toml && ramstream config check\n  \
                            ramstream config show")]
    Config(config::Args),
    /// Print version, commit and the linked libraries
    #[command(
        after_help = "Examples:\n  ramstream version\n  ramstream version --format json | jq -r .librdkafka.version"
    )]
    Version(version::Args),
    /// Print shell completions
    #[command(after_help = completions::EXAMPLES)]
    Completions(completions::Args),
    /// Print the manual page, or write one per command
    #[command(after_help = man::EXAMPLES)]
    Man(man::Args),
}

/// The whole program: reads the command line, runs the command, and tells by the exit code how it ended.
///
/// It stands here and not in `main.rs`, for what is asynchronous is compiled where it is first polled: once, for the
/// program and all tests.
pub fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ramstream: no threads to work with: {error}");
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(async {
        match Cli::read() {
            Ok(cli) => cli.run().await,
            Err(exit) => exit,
        }
    });
    // Calls of librdkafka cannot be given up, and wait for brokers longer than `sync.shutdown_deadline`.
    runtime.shutdown_timeout(LEFT_BEHIND);
    exit.into()
}

impl Cli {
    /// Reads the command line; usage errors, help and version are printed, and the exit code for them comes back.
    ///
    /// # Errors
    /// The exit code, when there is nothing to run.
    fn read() -> Result<Self, Exit> {
        Self::try_parse().map_err(|error| {
            // Nothing can be done about a closed terminal here; the exit code still tells.
            error.print().ok();
            if error.use_stderr() { Exit::Usage } else { Exit::Complete }
        })
    }

    /// Runs the command and tells on standard error why it failed, if it did.
    async fn run(self) -> Exit {
        match self.dispatch().await {
            Ok(exit) => exit,
            Err(error) => {
                if !is_closed_pipe(&error) {
                    eprintln!("ramstream: {error:#}");
                }
                if let Some(hint) = identify::hint(&error).await {
                    eprintln!("\n{hint}");
                }
                Exit::of(&error)
            }
        }
    }

    async fn dispatch(self) -> anyhow::Result<Exit> {
        core_dumps::forbid();
        let file = setup::config_file(self.config);
        match self.command {
            Command::Run(args) => run::run(&args, file.as_deref()).await,
            Command::Inventory(args) => inventory::run(&args, file.as_deref()).await,
            Command::Check(args) => check::run(&args, file.as_deref()).await,
            Command::Policy(args) => policy::run(&args, file.as_deref()),
            Command::Verify(args) => verify::run(&args, file.as_deref()).await,
            Command::Tail(args) => tail::run(args, file.as_deref()).await,
            Command::Replay(args) => replay::run(&args, file.as_deref()).await,
            Command::Sync(args) => sync::run(&args, file.as_deref()).await,
            Command::Claim(args) => claim::run(&args, file.as_deref()).await,
            Command::State(args) => state::run(&args, file.as_deref()).await,
            Command::Snapshot(args) => snapshot::run(&args, file.as_deref()).await,
            Command::Topics(args) => topics::run(&args, file.as_deref()).await,
            Command::Schemas(args) => schemas::run(&args, file.as_deref()).await,
            Command::Demo(args) => demo::run(&args).await,
            Command::Simulate(args) => {
                simulate::run(*args, on_signals()?).await?;
                Ok(Exit::Complete)
            }
            Command::Config(args) => config::run(&args, file.as_deref()),
            Command::Version(args) => version::run(&args),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
        }
    }
}

/// `ramstream … | head` is no failure worth a message.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = Some(io::ErrorKind::BrokenPipe);
    error.downcast_ref().map(io::Error::kind) == closed
        || error.downcast_ref().and_then(serde_json::Error::io_error_kind) == closed
}

#[cfg(test)]
mod tests {
    use clap::{Command as Clap, CommandFactory};

    use super::Cli;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &Clap) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("  ramstream "), "{} has no example", command.get_name());
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
