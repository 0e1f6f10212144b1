//! The yardsticks: ratios and counts, each measured in one run on this machine; `make bench` runs them all.
//!
//! `cargo bench --bench ratios -- NAME…` measures some: reading, details, comparing, encoding, publishing, replaying,
//! memory, recovery.
//! Those that need Kafka and a schema registry say so where there are none. None of this is a test: what the numbers
//! mean, and what is honest about them, stands in `docs/benchmarks.md`.

mod account;
mod bodies;
mod comparing;
mod details;
mod encoding;
mod measure;
mod memory;
mod publishing;
mod reading;
mod recovery;
mod replaying;
mod services;
mod table;

use std::{env, process::ExitCode};

use table::Figure;

const NAMES: [&str; 8] =
    ["reading", "details", "comparing", "encoding", "publishing", "replaying", "memory", "recovery"];
const NEED_SERVICES: [&str; 6] = ["reading", "details", "publishing", "replaying", "memory", "recovery"];

fn main() -> anyhow::Result<ExitCode> {
    // Cargo adds `--bench`.
    let asked: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(unknown) = asked.iter().find(|name| !NAMES.contains(&name.as_str())) {
        eprintln!("there is no figure {unknown:?}; there are: {}", NAMES.join(", "));
        return Ok(ExitCode::from(64));
    }
    let wanted: Vec<&str> =
        NAMES.into_iter().filter(|name| asked.is_empty() || asked.iter().any(|a| a == name)).collect();
    let (figures, left_out) = measure(&wanted)?;
    table::print(&figures);
    if !left_out.is_empty() {
        println!(
            "\nleft out, for they need Kafka and a schema registry: {}; `make bench` measures all",
            left_out.join(", ")
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures one figure after the other; gives also the names of those that could not be measured.
fn measure<'a>(wanted: &[&'a str]) -> anyhow::Result<(Vec<Figure>, Vec<&'a str>)> {
    let services = services::kafka().zip(services::registry());
    let (left_out, now): (Vec<_>, Vec<_>) =
        wanted.iter().partition(|name| NEED_SERVICES.contains(name) && services.is_none());
    let mut figures = Vec::new();
    let runtime = tokio::runtime::Runtime::new()?;
    for name in now {
        eprintln!("measuring {name}");
        match (name, &services) {
            ("reading", Some((kafka, registry))) => figures.extend(reading::measure(kafka, registry)?),
            ("details", Some((kafka, registry))) => figures.extend(details::measure(kafka, registry)?),
            ("publishing", Some((kafka, _))) => {
                let baseline = publishing::Baseline::of_the_largest_account()?;
                figures.push(runtime.block_on(publishing::measure(kafka, &baseline))?);
            }
            ("replaying", Some((kafka, _))) => {
                let baseline = publishing::Baseline::of_the_largest_account()?;
                figures.push(runtime.block_on(replaying::measure(kafka, &baseline))?);
            }
            ("memory", Some((kafka, registry))) => figures.extend(memory::measure(kafka, registry)?),
            ("recovery", Some((kafka, _))) => {
                let baseline = publishing::Baseline::of_the_largest_account()?;
                figures.push(runtime.block_on(async {
                    let (published, _) = baseline.publish(kafka).await?;
                    recovery::measure(kafka, &published).await
                })?);
            }
            ("comparing", _) => figures.push(comparing::measure()?),
            _ => figures.push(encoding::measure()?),
        }
    }
    Ok((figures, left_out))
}
