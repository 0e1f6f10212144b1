//! Brokers, topics, rights and transactions: what Kafka says.

use super::report::{Part, Row};
use crate::cli::{Exit, assemble};
use crate::config::Config;
use crate::kafka::ClientError;
use crate::kafka::topics::{Presence, Severity, TopicReport};
use crate::kafka::trial::{self, MayRead};
use crate::sync::AccountTopics;

/// What is granted by the commands that are printed.
const ACLS: &str = "`ramstream topics acls --writer User:NAME` prints the commands that grant it";

pub(super) async fn check(config: &Config) -> Vec<Row> {
    let Some(publishing) = &config.publishing else {
        return not_checked(
            &[Part::Brokers, Part::Topics, Part::Rights, Part::Transactions],
            "kafka is not configured",
        );
    };
    let account = assemble::account_topics(config, &publishing.kafka);
    let addresses = publishing.kafka.brokers.join(", ");
    match trial::brokers(&account.connection, &account.topics.state()).await {
        Err(error) => {
            let mend =
                "check kafka.brokers and kafka.security_protocol, and that the brokers are running and reachable";
            let mut rows = vec![Row::failed(Part::Brokers, addresses, exit(&error), error.to_string(), mend)];
            rows.extend(not_checked(&[Part::Topics, Part::Rights, Part::Transactions], "no broker answers"));
            rows
        }
        Ok(brokers) => {
            let found = Row::ok(Part::Brokers, addresses, format!("answer, {} in the cluster", brokers.count));
            let (topics, transactions) = tokio::join!(topics_and_rights(&account), transactions(&account));
            [vec![found], topics, vec![transactions]].concat()
        }
    }
}

fn not_checked(parts: &[Part], why: &str) -> Vec<Row> {
    parts.iter().map(|part| Row::not_checked(*part, "all", why)).collect()
}

fn exit(error: &ClientError) -> Exit {
    if matches!(error, ClientError::Configuration { .. }) { Exit::Usage } else { Exit::Unavailable }
}

async fn topics_and_rights(account: &AccountTopics) -> Vec<Row> {
    let reports = match account.look_at_topics().await {
        Ok(reports) => reports,
        Err(error) => {
            let mend = "try again, and check the brokers' logs";
            let failed = Row::failed(Part::Topics, "all", Exit::Unavailable, error.to_string(), mend);
            return [vec![failed], not_checked(&[Part::Rights], "the topics cannot be read")].concat();
        }
    };
    let mut rows: Vec<Row> = reports.iter().flat_map(of_topic).collect();
    for topic in [account.topics.state(), account.topics.syncs(), account.topics.control()] {
        let is_there = |report: &TopicReport| *report.name == *topic && report.presence == Presence::Found;
        let what = format!("Read on {topic}");
        if !reports.iter().any(is_there) {
            rows.push(Row::not_checked(Part::Rights, what, "the topic does not exist, or is not visible to this user"));
            continue;
        }
        rows.extend(of_reading(what, account, trial::may_read(&account.connection, &topic).await));
    }
    rows.push(
        Row::not_checked(
            Part::Rights,
            "Write on every topic",
            "only writing a record would show it, and this command writes nothing",
        )
        .with_mend(ACLS),
    );
    rows
}

fn of_topic(report: &TopicReport) -> Vec<Row> {
    if report.findings.is_empty() {
        let told = match report.presence {
            Presence::Missing => "does not exist yet; the brokers would let `ramstream run` create it",
            _ => "as it should be",
        };
        return vec![Row::ok(Part::Topics, &report.name, told)];
    }
    let findings = report.findings.iter().map(|finding| {
        let told = format!("{} {}", finding.setting, finding.reason);
        match finding.severity {
            Severity::Refused => Row::failed(Part::Topics, &report.name, Exit::Refused, told, &finding.mend),
            Severity::Warning => Row::warning(Part::Topics, &report.name, told, &finding.mend),
        }
    });
    findings.collect()
}

fn of_reading(what: String, account: &AccountTopics, outcome: Result<MayRead, ClientError>) -> Vec<Row> {
    let group = &account.connection.group_id;
    match outcome {
        Ok(MayRead { topic: true, group: true }) => vec![Row::ok(Part::Rights, what, "granted")],
        Ok(MayRead { topic: true, group: false }) => {
            let told =
                format!("Describe is not granted: everything works, but librdkafka logs an error each time ({ACLS})");
            let mend = "grant Describe on the group, or name another one in kafka.group_id";
            vec![
                Row::ok(Part::Rights, what, "granted"),
                Row::warning(Part::Rights, format!("the group {group}"), told, mend),
            ]
        }
        Ok(MayRead { topic: false, .. }) => {
            vec![Row::failed(Part::Rights, what, Exit::Failed, "is not granted to this Kafka user", ACLS)]
        }
        Err(error) => vec![Row::not_checked(Part::Rights, what, error.to_string())],
    }
}

/// Under an id of its own: the account's would fence a running daemon.
async fn transactions(account: &AccountTopics) -> Row {
    let what = format!("{}.check", account.transactional_id);
    match trial::transactions(&account.connection, &what).await {
        Ok(()) => Row::ok(Part::Transactions, what, "the brokers support transactions, and this user may begin them"),
        Err(ClientError::TransactionalIdDenied) => {
            let id = &account.transactional_id;
            let why = format!(
                "this user may not use that id, which the printed ACLs do not grant either; {id} itself cannot be \
                 tried, because that would fence a running daemon"
            );
            Row::not_checked(Part::Transactions, what, why).with_mend(ACLS)
        }
        Err(error @ ClientError::TransactionsUnsupported) => {
            let mend = "use Apache Kafka 2.5 or newer, or a service that offers its transactions";
            Row::failed(Part::Transactions, what, Exit::Unavailable, error.to_string(), mend)
        }
        Err(error) => {
            let mend = "check transaction.max.timeout.ms and the replicas of __transaction_state on the brokers";
            Row::failed(Part::Transactions, what, exit(&error), error.to_string(), mend)
        }
    }
}
