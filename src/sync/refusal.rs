//! Why nothing may be published until somebody has looked at it: what it is, the mend, and the section of
//! `docs/runbook.md` that says more.

use std::{error::Error, fmt};

use crate::{
    avro::DecodeError,
    state::{Harm, RecordError},
};

/// Where the sections stand.
const RUNBOOK: &str = "docs/runbook.md";

/// The mend where the state itself is beyond repair.
const BEGIN_ANEW: &str = "begin a new lineage knowingly (`ramstream state new-lineage`)";

/// Why nothing may be published until somebody has looked at it.
#[derive(Debug)]
pub enum Refusal {
    /// The state topic does not hold what progress counted.
    Harmed(Harm),
    /// Records were deleted from the state topic.
    Truncated {
        /// The first offset there is.
        low_watermark: i64,
    },
    /// There is no state, but the account has been published before.
    Lost {
        /// The sync topic.
        topic: String,
        /// The last sequence in it.
        sequence: i64,
    },
    /// State and trace stand at different sequences of one lineage, or there is no trace.
    RolledBack {
        /// The sync topic.
        topic: String,
        /// The sequence of progress.
        sequence: i64,
        /// The last sequence in the sync topic, if there is one.
        trace: Option<i64>,
    },
    /// State and trace are of different lineages.
    OtherLineage {
        /// The sync topic.
        topic: String,
        /// The lineage of progress.
        lineage: String,
        /// The last lineage in the sync topic.
        trace: String,
    },
    /// A newer version wrote a record.
    Newer(String),
    /// A record of the state topic is another account's.
    Foreign(String),
    /// A record of the state topic is none of ramstream's.
    Unreadable(String),
    /// A record of the sync topic under this account's key is none of ramstream's.
    UnreadableTrace(String),
    /// The topic ends or begins elsewhere than it did a moment ago.
    Recreated(String),
    /// A topic has not the settings that it must have.
    Topics(String),
    /// The schema registry holds something else, or does not let us.
    Registry(String),
    /// The account cannot be read by these credentials, or they are another account's.
    Account(String),
}

impl Refusal {
    /// The section of the runbook that says what it means, how to see more, and the mend.
    #[must_use]
    pub fn section(&self) -> &'static str {
        match self {
            Self::Harmed(Harm::NoProgress { .. }) => "progress-missing",
            Self::Harmed(Harm::Differs { .. }) => "counts-differ",
            Self::Harmed(Harm::NewerThanProgress { .. }) => "records-newer-than-progress",
            Self::Truncated { .. } => "state-truncated",
            Self::Lost { .. } => "state-lost",
            Self::RolledBack { .. } => "rolled-back",
            Self::OtherLineage { .. } => "other-lineage",
            Self::Newer(_) => "newer-version",
            Self::Foreign(_) => "foreign-records",
            Self::Unreadable(_) => "unreadable-record",
            Self::UnreadableTrace(_) => "unreadable-sync-record",
            Self::Recreated(_) => "topic-recreated",
            Self::Topics(_) => "topic-settings",
            Self::Registry(_) => "registry-refused",
            Self::Account(_) => "account-refused",
        }
    }

    /// Whether the state topic has to be made anew before anything can be written to it: every reader begins
    /// with its first record, and what stands there stops it.
    #[must_use]
    pub fn needs_new_topic(&self) -> bool {
        matches!(self, Self::Truncated { .. } | Self::Newer(_) | Self::Foreign(_) | Self::Unreadable(_))
    }

    /// What is wrong, without the mend.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Harmed(harm) => format!("the published state is damaged: {harm}"),
            Self::Truncated { low_watermark } => format!(
                "the state topic begins at offset {low_watermark}: records were deleted, which compaction never does"
            ),
            Self::Lost { topic, sequence } => format!(
                "the state topic is empty, but this account has been published before (sequence {sequence} in \
                 {topic}): the topic was deleted or recreated. It is not taken for a first run"
            ),
            Self::RolledBack { topic, sequence, trace: Some(trace) } => format!(
                "the state stands at sequence {sequence}, but {topic} says sequence {trace} of the same lineage: one \
                 of the topics was rolled back, restored or mirrored without the other"
            ),
            Self::RolledBack { topic, sequence, trace: None } => format!(
                "the state stands at sequence {sequence}, but {topic} says nothing of this account: that topic was \
                 deleted, recreated or restored without the other"
            ),
            Self::OtherLineage { topic, lineage, trace } => format!(
                "the state is of lineage {lineage}, but {topic} says lineage {trace}: one of the topics was restored \
                 or mirrored from elsewhere, or written to by a second state"
            ),
            Self::Newer(why)
            | Self::Foreign(why)
            | Self::Unreadable(why)
            | Self::UnreadableTrace(why)
            | Self::Recreated(why)
            | Self::Topics(why)
            | Self::Registry(why)
            | Self::Account(why) => why.clone(),
        }
    }

    /// What to do about it, where the text does not say so itself.
    #[must_use]
    pub fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Harmed(_) => format!("restore the topic from a backup, or {BEGIN_ANEW}"),
            Self::Lost { .. } => format!("restore the topic, or {BEGIN_ANEW}"),
            Self::RolledBack { .. } | Self::OtherLineage { .. } => {
                format!("restore both topics from the same moment, or {BEGIN_ANEW}")
            }
            Self::Truncated { .. } => {
                format!("restore the topic and set cleanup.policy=compact, or recreate it and {BEGIN_ANEW}")
            }
            Self::Newer(_) => format!("run the newer version, or recreate the topic and {BEGIN_ANEW}"),
            Self::Foreign(_) => {
                format!("check account.id and kafka.topic_prefix, or recreate the topic and {BEGIN_ANEW}")
            }
            Self::Unreadable(_) => {
                format!("find out who writes to it (only ramstream may), then recreate the topic and {BEGIN_ANEW}")
            }
            Self::UnreadableTrace(_) => {
                "find out who writes to it (only ramstream may), then delete the topic's records up to that one with \
                 kafka-delete-records.sh"
                    .to_owned()
            }
            Self::Recreated(_) => "it is read and verified again without action".to_owned(),
            Self::Topics(_) | Self::Registry(_) | Self::Account(_) => return None,
        })
    }

    /// What a record is that stops every reader; `why` says where it stands.
    pub(super) fn of_record(error: &(dyn Error + 'static), why: String) -> Self {
        if error.is::<DecodeError>() {
            return Self::UnreadableTrace(why);
        }
        match error.downcast_ref::<RecordError>() {
            Some(RecordError::Newer { .. } | RecordError::UnknownKind(_)) => Self::Newer(why),
            Some(RecordError::Key(_) | RecordError::ForeignProgress { .. }) => Self::Foreign(why),
            Some(RecordError::Malformed { .. }) | None => Self::Unreadable(why),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what())?;
        if let Some(mend) = self.mend() {
            write!(f, ". Nothing is published on it: {mend}")?;
        }
        write!(f, " ({RUNBOOK}#{})", self.section())
    }
}

impl Error for Refusal {}

impl From<Harm> for Refusal {
    fn from(harm: Harm) -> Self {
        Self::Harmed(harm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../docs/runbook.md");

    fn every_refusal() -> Vec<Refusal> {
        let (topic, lineage, trace) = ("syncs".to_owned(), "a".to_owned(), "b".to_owned());
        let key = crate::model::Key::new("5481", crate::model::Kind::User, &["1"]);
        let why = || "why".to_owned();
        vec![
            Harm::NoProgress { records: 3 }.into(),
            Harm::Differs { kind: crate::model::Kind::User, sequence: 7, found: 3, expected: 4 }.into(),
            Harm::NewerThanProgress { key, revision: 8, sequence: 7 }.into(),
            Refusal::Truncated { low_watermark: 3 },
            Refusal::Lost { topic: topic.clone(), sequence: 7 },
            Refusal::RolledBack { topic: topic.clone(), sequence: 7, trace: Some(8) },
            Refusal::OtherLineage { topic, lineage, trace },
            Refusal::Newer(why()),
            Refusal::Foreign(why()),
            Refusal::Unreadable(why()),
            Refusal::UnreadableTrace(why()),
            Refusal::Recreated(why()),
            Refusal::Topics(why()),
            Refusal::Registry(why()),
            Refusal::Account(why()),
        ]
    }

    #[test]
    fn every_refusal_has_a_section_of_its_own_in_the_runbook_and_points_to_it() {
        let sections: Vec<_> = every_refusal().iter().map(Refusal::section).collect();
        let written: Vec<_> = PAGE.split("## The refusals").nth(1).unwrap().lines().collect();
        let written: Vec<_> = written.iter().filter_map(|line| line.strip_prefix("### ")).collect();
        let sorted =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(sorted(&sections), sorted(&written));
        assert_eq!(sorted(&sections).len(), sections.len(), "no two share one");
        for refusal in every_refusal() {
            let link = format!("(docs/runbook.md#{})", refusal.section());
            assert!(refusal.to_string().ends_with(&link), "{refusal}");
        }
    }

    #[test]
    fn a_refused_state_names_the_way_back() {
        for refusal in &every_refusal()[..10] {
            assert!(refusal.to_string().contains("`ramstream state new-lineage`"), "{refusal}");
        }
    }

    #[test]
    fn a_record_is_refused_by_what_it_is() {
        let newer = RecordError::Newer { key: "k".into(), format: 2 };
        assert_eq!(Refusal::of_record(&newer, String::new()).section(), "newer-version");
        assert_eq!(Refusal::of_record(&RecordError::Key("k".into()), String::new()).section(), "foreign-records");
        assert_eq!(Refusal::of_record(&DecodeError::Framing, String::new()).section(), "unreadable-sync-record");
        let claim = crate::kafka::claim::InvalidClaim::Tombstone;
        assert_eq!(Refusal::of_record(&claim, String::new()).section(), "unreadable-record");
    }
}
