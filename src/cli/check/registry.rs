//! The registry, and whether every schema is in it or fits what is.

use super::report::{Part, Row};
use crate::cli::{Exit, assemble};
use crate::config::{Config, Registry, RegistryMode};
use crate::kafka::{RegistryError, registry};
use crate::sync::Topics;
use crate::sync::subjects::{Fit, Subject, SubjectReport, look_at, subjects};

pub(super) async fn check(config: &Config) -> Vec<Row> {
    let Some(publishing) = &config.publishing else {
        return [Part::Registry, Part::Schemas]
            .map(|part| Row::not_checked(part, "all", "registry is not configured"))
            .into();
    };
    let settings = &publishing.registry;
    let urls = settings.urls.join(", ");
    match assemble::registry(settings) {
        Ok(registry) => {
            let topics = Topics::new(&publishing.kafka.topic_prefix, &config.account.id);
            look(&urls, settings, &registry, &subjects(&topics)).await
        }
        Err(error) => {
            let mend = "fix the section [registry]";
            let failed = Row::failed(Part::Registry, urls, Exit::Usage, format!("{error:#}"), mend);
            vec![failed, Row::not_checked(Part::Schemas, "all", "the registry cannot be asked")]
        }
    }
}

async fn look(urls: &str, settings: &Registry, registry: &registry::Registry, subjects: &[Subject]) -> Vec<Row> {
    let mut rows = Vec::new();
    for subject in subjects {
        match look_at(registry, subject).await {
            Ok(report) => rows.extend(of_subject(subject, report, settings.mode)),
            Err(error @ RegistryError::Unreachable { .. }) => {
                let mend = "check registry.url, and that the registry runs and can be reached";
                let failed = Row::failed(Part::Registry, urls, Exit::Unavailable, error.to_string(), mend);
                let why = "the registry does not answer";
                return vec![failed, Row::not_checked(Part::Schemas, "all", why)];
            }
            Err(error) => rows.push(refused(subject, &error)),
        }
    }
    [vec![Row::ok(Part::Registry, urls, "answers")], rows].concat()
}

fn refused(subject: &Subject, error: &RegistryError) -> Row {
    let mend = match error {
        RegistryError::Denied { .. } => "check the login in [registry], and its rights on this subject",
        _ => "check that registry.url is the base of its Confluent API",
    };
    Row::failed(Part::Schemas, &subject.name, Exit::Refused, error.to_string(), mend)
}

fn of_subject(subject: &Subject, SubjectReport { fit, other_level }: SubjectReport, mode: RegistryMode) -> Vec<Row> {
    let name = &subject.name;
    let missing = |told: String| match mode {
        RegistryMode::Register => Row::ok(Part::Schemas, name, format!("{told}; `ramstream run` registers it")),
        RegistryMode::Lookup => {
            let mend = "register it (`ramstream schemas register`), or set registry.mode = \"register\"";
            Row::failed(Part::Schemas, name, Exit::Refused, format!("{told}, and registry.mode is \"lookup\""), mend)
        }
    };
    let row = match fit {
        Fit::Registered(id) => Row::ok(Part::Schemas, name, format!("registered, id {id}")),
        Fit::New => missing("not registered yet".to_owned()),
        Fit::Fits { versions } => {
            missing(format!("not registered yet, compatible with all {versions} versions of the subject"))
        }
        Fit::Unfit { version, reason } => {
            let told = format!("is not compatible with version {version} of the subject: {reason}");
            let mend = "another program or a newer ramstream registered it: use another kafka.topic_prefix, or run the \
                        matching version";
            Row::failed(Part::Schemas, name, Exit::Refused, told, mend)
        }
    };
    let level = other_level.map(|level| {
        let told = format!("its compatibility level is {level}, set by somebody else; it is left unchanged");
        let mend = "set FULL_TRANSITIVE unless there is a reason not to: then old and new readers both keep working";
        Row::warning(Part::Schemas, name, told, mend)
    });
    [row].into_iter().chain(level).collect()
}
