//! `ramstream topics acls`: the rights of everybody as commands of Kafka's own tool.

use std::io::{self, Write};

use crate::cli::Exit;
use crate::sync::AccountTopics;
use crate::sync::rights::{Grant, Ids, Resource, Role, grants};

pub(super) const EXAMPLES: &str = "\
Examples:
  ramstream topics acls --writer User:ramstream > acls.sh
  ramstream topics acls --writer User:ramstream --reader User:siem --group siem --asker User:ops
  sh acls.sh --bootstrap-server kafka:9092 --command-config admin.properties    run the commands";

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Args {
    /// ramstream itself, and nobody else: whoever may write the state can hide a user
    #[arg(long, value_name = "PRINCIPAL", value_parser = principal)]
    writer: Vec<String>,
    /// A consumer of the event topics, the snapshot topics and `.syncs`
    #[arg(long, value_name = "PRINCIPAL", value_parser = principal)]
    reader: Vec<String>,
    /// Somebody who may request replays and syncs through `.control`, and read the results (`ramstream replay --via kafka`, or any producer)
    #[arg(long, value_name = "PRINCIPAL", value_parser = principal)]
    asker: Vec<String>,
    /// Somebody who may also read the published state: `ramstream snapshot`, `state describe`, `state verify`, `verify`
    #[arg(long, value_name = "PRINCIPAL", value_parser = principal)]
    auditor: Vec<String>,
    /// Consumer group of the readers (`ramstream tail` uses kafka.group_id)
    #[arg(long, value_name = "GROUP", requires = "reader")]
    group: Vec<String>,
}

/// What the brokers call somebody.
fn principal(text: &str) -> Result<String, String> {
    let is_one = text.strip_prefix("User:").is_some_and(|name| !name.is_empty());
    if is_one && !text.contains(char::is_control) {
        return Ok(text.to_owned());
    }
    Err("not a principal: write User:name, or User:CN=… with certificates".to_owned())
}

pub(super) fn run(args: &Args, account: &AccountTopics, creates: bool) -> anyhow::Result<Exit> {
    let ids = Ids {
        transactional_id: &account.transactional_id,
        client_group: &account.connection.group_id,
        reader_groups: &args.group,
    };
    let writes = format!("publishes the account {}", account.account_id);
    let audits = format!("reads the published state of the account {}", account.account_id);
    let roles = [
        (&args.writer, Role::Writer { creates }, writes.as_str()),
        (&args.reader, Role::Reader, "consumes"),
        (&args.asker, Role::Asker, "asks for replays and syncs"),
        (&args.auditor, Role::Auditor, &audits),
    ];
    let mut out = io::stdout().lock();
    writeln!(out, "#!/bin/sh\n# sh FILE --bootstrap-server HOST:PORT [--command-config FILE]\nset -eu")?;
    for (principals, role, does) in roles {
        for principal in principals {
            writeln!(out, "\n# {principal} {does}.")?;
            for grant in grants(role, &account.topics, ids) {
                writeln!(out, "{}", command(principal, &grant))?;
            }
        }
    }
    Ok(Exit::Complete)
}

fn command(principal: &str, grant: &Grant) -> String {
    let option = match grant.resource {
        Resource::Topic => "--topic",
        Resource::TransactionalId => "--transactional-id",
        Resource::Group => "--group",
    };
    let operations = grant.operations.iter().map(|operation| format!(" --operation {operation}"));
    let names = grant.names.iter().map(|name| format!(" {option} {}", quoted(name)));
    let rest: String = operations.chain(names).collect();
    format!("kafka-acls.sh \"$@\" --add --allow-principal '{}'{rest}", principal.replace('\'', r"'\''"))
}

/// As a shell takes it for one word.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.chars().all(is_plain) { name.to_owned() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_shell_would_take_apart_are_quoted() {
        let names = vec!["plain.name-1".to_owned(), "it's $HOME".to_owned()];
        let grant = Grant { operations: vec!["Read"], resource: Resource::Group, names };
        let expected = r#"kafka-acls.sh "$@" --add --allow-principal 'User:CN=a b' --operation Read --group plain.name-1 --group 'it'\''s $HOME'"#;
        assert_eq!(command("User:CN=a b", &grant), expected);
    }

    #[test]
    fn a_name_alone_is_no_principal() {
        assert!(principal("ramstream").is_err() && principal("User:").is_err());
        assert_eq!(principal("User:ramstream"), Ok("User:ramstream".to_owned()));
    }
}
