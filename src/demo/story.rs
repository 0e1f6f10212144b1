//! The story: what happens in the account, what must come out of Kafka for it, and the telling.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout_at};

use super::caller::Caller;
use super::page::Page;
use super::reader::{Reader, Sync};
use super::stage::Stage;

/// An event has to come within this time; two seconds are usual.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two steps, so that a person can read.
const PAUSE: Duration = Duration::from_millis(1_200);

/// One step of the story.
struct Step {
    /// What happens, for people.
    title: &'static str,
    deeds: &'static [Deed],
    /// What has to be published: type and subject. None: a sync has to come that does not know the users.
    expected: &'static [(&'static str, &'static str)],
    /// What there is to see.
    lesson: Option<&'static str>,
}

/// What somebody does to the account.
enum Deed {
    /// An operation of RAM with its parameters.
    Ram(&'static str, &'static [(&'static str, &'static str)]),
    /// What only the console does.
    Freeze(&'static str),
    /// An operation is throttled from now on.
    Throttle(&'static str),
    /// Every operation is answered again.
    Relent,
}

const STORY: &[Step] = &[
    Step {
        title: "Carol joins",
        deeds: &[Deed::Ram("CreateUser", &[("UserName", "carol.reyes")])],
        expected: &[("user.added", "carol.reyes")],
        lesson: None,
    },
    Step {
        title: "She becomes an administrator",
        deeds: &[Deed::Ram("AddUserToGroup", &[("UserName", "carol.reyes"), ("GroupName", "administrators")])],
        expected: &[("membership.added", "carol.reyes in administrators")],
        lesson: None,
    },
    Step {
        title: "She gets a policy of her own",
        deeds: &[Deed::Ram(
            "AttachPolicyToUser",
            &[("PolicyType", "System"), ("PolicyName", "AliyunOSSFullAccess"), ("UserName", "carol.reyes")],
        )],
        expected: &[("policy_attachment.added", "AliyunOSSFullAccess on carol.reyes")],
        lesson: None,
    },
    Step {
        title: "She is renamed",
        deeds: &[Deed::Ram("UpdateUser", &[("UserName", "carol.reyes"), ("NewUserName", "carol.diaz")])],
        expected: &[("user.renamed", "carol.reyes → carol.diaz")],
        lesson: Some("One event, not a removal and an addition: keys are ids, never names."),
    },
    Step {
        title: "Alibaba Cloud throttles ListUsers, and while nobody can see it, she is frozen",
        deeds: &[Deed::Throttle("ListUsers"), Deed::Freeze("carol.diaz")],
        expected: &[],
        lesson: Some("No user counts as removed: what could not be read is unknown, and the sync record says so."),
    },
    Step {
        title: "The throttling ends",
        deeds: &[Deed::Relent],
        expected: &[("user.frozen", "carol.diaz active → frozen")],
        lesson: Some("Nothing is lost: the window reaches back to the last complete reading of the users."),
    },
    Step {
        title: "She is no administrator any more",
        deeds: &[Deed::Ram("RemoveUserFromGroup", &[("UserName", "carol.diaz"), ("GroupName", "administrators")])],
        expected: &[("membership.removed", "carol.diaz in administrators")],
        lesson: Some("A removal is published once a second reading confirms it, here one second later."),
    },
    Step {
        title: "She leaves",
        deeds: &[
            Deed::Ram(
                "DetachPolicyFromUser",
                &[("PolicyType", "System"), ("PolicyName", "AliyunOSSFullAccess"), ("UserName", "carol.diaz")],
            ),
            Deed::Ram("DeleteUser", &[("UserName", "carol.diaz")]),
        ],
        expected: &[
            ("policy_attachment.removed", "AliyunOSSFullAccess on carol.diaz"),
            ("user.removed", "carol.diaz"),
        ],
        lesson: None,
    },
];

/// What the story came to.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// Change events that were read, without the baseline.
    pub events: usize,
    /// Syncs that were committed.
    pub syncs: i64,
}

/// Tells the whole story while a daemon serves the account of `stage`.
///
/// # Errors
/// An event that does not come, with its name, or one that nobody caused; a part that fails.
pub async fn tell(stage: &Stage, reader: &mut Reader, page: &Page) -> anyhow::Result<Told> {
    page.heading("The first reading is the baseline: what is there, not what changed")?;
    baseline(reader, page).await?;
    page.print("")?;
    page.columns()?;
    let mut told = Told { events: 0, syncs: 0 };
    for step in STORY {
        sleep(PAUSE).await;
        page.heading(step.title)?;
        for deed in step.deeds {
            page.aside(&format!("  {}", deed.words()))?;
            deed.perform(stage.caller()).await?;
        }
        told.syncs = step.watch(reader, page).await?;
        told.events += step.expected.len();
        if let Some(lesson) = step.lesson {
            page.aside(&format!("  {lesson}"))?;
        }
    }
    Ok(told)
}

/// Tells every event from now on, until it is given up.
///
/// # Errors
/// A part that fails.
pub async fn follow(reader: &mut Reader, page: &Page) -> anyhow::Result<()> {
    loop {
        show(&reader.next().await?, page)?;
    }
}

async fn baseline(reader: &mut Reader, page: &Page) -> anyhow::Result<()> {
    let first = timeout_at(Instant::now() + PATIENCE, reader.next()).await;
    let first = first.context("missing: the baseline, with which every state begins")??;
    if first.events.is_empty() || first.events.iter().any(|event| event.op != "r") || !first.is_complete() {
        bail!("the first sync is not a complete baseline: {:?}", first.record);
    }
    Ok(page.baseline(&first)?)
}

fn show(sync: &Sync, page: &Page) -> anyhow::Result<()> {
    for event in &sync.events {
        page.event(event)?;
    }
    if !sync.is_complete() {
        page.incomplete(sync)?;
    }
    Ok(())
}

impl Step {
    /// Reads until everything expected has come; returns the sequence of the last sync.
    async fn watch(&self, reader: &mut Reader, page: &Page) -> anyhow::Result<i64> {
        let deadline = Instant::now() + PATIENCE;
        let mut missing = self.expected.to_vec();
        loop {
            let Ok(sync) = timeout_at(deadline, reader.next()).await else { bail!("{}", self.waited_for(&missing)) };
            let sync = sync?;
            show(&sync, page)?;
            for event in &sync.events {
                let subject = event.subject()?;
                let known = missing.iter().position(|(event_type, who)| *event_type == event.event_type && *who == subject);
                let Some(known) = known else {
                    bail!("{} {subject}: nothing in the account has caused this event", event.event_type)
                };
                missing.swap_remove(known);
            }
            if missing.is_empty() && (!self.expected.is_empty() || sync.users_are_unknown()) {
                return Ok(sync.record.sequence);
            }
        }
    }

    fn waited_for(&self, missing: &[(&str, &str)]) -> String {
        let mut what: Vec<_> = missing.iter().map(|(event_type, who)| format!("{event_type} {who}")).collect();
        if self.expected.is_empty() {
            what.push("a sync record that says that the users are not known".to_owned());
        }
        format!("missing after {} s: {}", PATIENCE.as_secs(), what.join(", "))
    }
}

impl Sync {
    fn is_complete(&self) -> bool {
        self.record.outcome.as_deref() == Some("complete")
    }

    fn users_are_unknown(&self) -> bool {
        self.record.collections.iter().any(|collection| collection.kind == "user" && collection.status == "unknown")
    }
}

impl Deed {
    /// The deed in one line.
    fn words(&self) -> String {
        match self {
            Self::Ram(action, parameters) => {
                let parameters: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("RAM {action} {}", parameters.join(" "))
            }
            Self::Freeze(user) => format!("{user} is frozen in the console (no API operation does it)"),
            Self::Throttle(operation) => format!("{operation} answers Throttling.User to every call"),
            Self::Relent => "every call is answered again".to_owned(),
        }
    }

    async fn perform(&self, caller: &Caller) -> anyhow::Result<()> {
        match self {
            Self::Ram(action, parameters) => caller.ram(action, parameters).await,
            Self::Freeze(user) => caller.control(Method::POST, "/freeze", &json!({ "user": user })).await,
            Self::Throttle(operation) => {
                let fault = json!({ "operation": operation, "fault": "throttle" });
                caller.control(Method::POST, "/faults", &fault).await
            }
            Self::Relent => caller.control(Method::DELETE, "/faults", &json!({})).await,
        }
    }
}
