//! The story as data: what happens in the account, and what must come out of Kafka for it.

use reqwest::Method;
use serde_json::json;

use super::caller::Caller;

/// One step of the story.
pub(super) struct Step {
    /// What happens, for people.
    pub(super) title: &'static str,
    pub(super) deeds: &'static [Deed],
    /// What has to be published: type and subject. None: a sync has to come that does not know the users.
    pub(super) expected: &'static [(&'static str, &'static str)],
    /// What there is to see.
    pub(super) lesson: Option<&'static str>,
}

/// What somebody does to the account.
pub(super) enum Deed {
    /// An operation of RAM with its parameters.
    Ram(&'static str, &'static [(&'static str, &'static str)]),
    /// What only the console does.
    Freeze(&'static str),
    /// An operation is throttled from now on.
    Throttle(&'static str),
    /// Every operation is answered again.
    Relent,
}

/// From the first day to the last.
pub(super) const STORY: &[Step] = &[
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
        title: "She is no longer an administrator",
        deeds: &[Deed::Ram("RemoveUserFromGroup", &[("UserName", "carol.diaz"), ("GroupName", "administrators")])],
        expected: &[("membership.removed", "carol.diaz in administrators")],
        lesson: Some("A removal is published once a second reading confirms it: here after one second, by default 30."),
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
        expected: &[("policy_attachment.removed", "AliyunOSSFullAccess on carol.diaz"), ("user.removed", "carol.diaz")],
        lesson: None,
    },
];

impl Deed {
    /// The deed in one line.
    pub(super) fn words(&self) -> String {
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

    /// Does it.
    pub(super) async fn perform(&self, caller: &Caller) -> anyhow::Result<()> {
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
