//! The edges of a suspected mass removal, looked for from their other end.
//!
//! Two listings by one operation may lack the same edges for the same wrong reason. So a second
//! operation is asked: for the groups of each user, for the policies of each principal (whole account),
//! for the attachments of each policy (resource groups; asked by policy, because the principal name of a
//! group cannot be known). Names are used as everywhere: the parents are listed before and after, and a
//! name counts only if it led to the same id both times.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use jiff::Timestamp;

use super::{Parents, Reader, Twice, names::PrincipalNames, policy_attachments::RowTrouble};
use crate::{
    alicloud::{
        Session, ims, ram,
        resource_manager::{self, PolicyAttachment as Row},
    },
    model::{
        Key, Kind, Listing, Reason, Unknown,
        membership::Membership,
        policy_attachment::{PolicyAttachment, WHOLE_ACCOUNT},
    },
};

/// A held edge that two listings lack.
enum Edge {
    Membership(Membership),
    Attachment(PolicyAttachment),
}

/// A call that would show an edge, if it is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    GroupsOfUser { principal_name: String },
    PoliciesOf { kind: Kind, name: String },
    AttachmentsOf { policy_type: &'static str, policy_name: String, principal_type: &'static str },
}

enum Answer {
    Groups(Listing<ims::JoinedGroup>),
    Policies(Listing<ram::AttachedPolicy>),
    Attachments(Listing<Row>),
}

/// What the second operations said of edges that two listings lack.
#[derive(Debug, Default)]
pub(crate) struct AskedAgain {
    /// Those that are not proven gone by them, with the reason.
    pub(crate) unproven: Vec<(Key, Unknown)>,
    /// When the last of them was answered; `None` if none was.
    pub(crate) ended_at: Option<Timestamp>,
}

/// The parents by id, as they were before anything was asked by their names.
struct NamesById<'a>(BTreeMap<(Kind, &'a str), &'a str>);

impl Reader<'_> {
    /// Asks for each of these edges, which two listings lack, by its second operation.
    pub(crate) async fn ask_by_second_operation(&self, session: &Session, edges: &BTreeSet<Key>) -> AskedAgain {
        if edges.is_empty() {
            return AskedAgain::default();
        }
        let (users, groups, roles) = self.list_parents(session).await;
        let names = NamesById::of(&users, &groups, &roles);
        let mut unproven = Vec::new();
        let mut asked: BTreeMap<Question, Vec<(&Key, Edge)>> = BTreeMap::new();
        for key in edges {
            let question = self.edge(key).ok_or(()).and_then(|edge| Ok((edge.question(&names).ok_or(())?, edge)));
            match question {
                Ok((question, edge)) => asked.entry(question).or_default().push((key, edge)),
                Err(()) => {
                    unproven.push((key.clone(), held("what it depends on is in no listing by which to ask for it")))
                }
            }
        }
        let answers = asked.into_iter().map(async |(question, edges)| (question.ask(session).await, edges));
        let answers = join_all(answers).await;
        let (users_after, groups_after, roles_after) = self.list_parents(session).await;
        let parents = Parents {
            users: Twice { before: users, after: users_after },
            groups: Twice { before: groups, after: groups_after },
            roles: Twice { before: roles, after: roles_after },
        };
        let names = parents.principal_names();
        for (answer, edges) in &answers {
            let doubts = edges.iter().filter_map(|(key, edge)| Some((key, self.doubt(key, edge, answer, &names)?)));
            unproven.extend(doubts.map(|(key, why)| ((*key).clone(), held(why))));
        }
        AskedAgain { unproven, ended_at: answers.iter().filter_map(|(answer, _)| answer.ended_at()).max() }
    }

    fn edge(&self, key: &Key) -> Option<Edge> {
        match key.kind()? {
            Kind::Membership => self.state.read(key).map(Edge::Membership),
            Kind::PolicyAttachment => self.state.read(key).map(Edge::Attachment),
            _ => None,
        }
    }

    /// Why the answer does not prove that the edge is gone, if it does not.
    fn doubt(&self, key: &Key, edge: &Edge, answer: &Answer, names: &PrincipalNames<'_>) -> Option<String> {
        match (edge, answer) {
            (Edge::Membership(edge), Answer::Groups(Ok(groups))) => {
                let is_listed = groups.items().iter().any(|group| group.group_id == edge.group_id);
                let listed = is_listed.then(|| still_listed(&ims::LIST_GROUPS_FOR_USER));
                listed.or_else(|| moved(names, Kind::User, &edge.user_id))
            }
            (Edge::Attachment(edge), Answer::Policies(Ok(policies))) => {
                let is_it = |policy: &ram::AttachedPolicy| {
                    policy.policy_type.eq_ignore_ascii_case(edge.policy_type.as_str())
                        && policy.policy_name.eq_ignore_ascii_case(&edge.policy_name)
                };
                let is_listed = policies.items().iter().any(is_it);
                let listed = is_listed.then(|| "RAM still lists it for its principal".to_owned());
                listed.or_else(|| moved(names, edge.principal_type, &edge.principal_id))
            }
            (Edge::Attachment(_), Answer::Attachments(Ok(rows))) => {
                rows.items().iter().find_map(|row| self.doubt_by_row(key, row, names))
            }
            (_, Answer::Groups(Err(why)) | Answer::Policies(Err(why)) | Answer::Attachments(Err(why))) => {
                Some(format!("the second operation did not say whether it is gone: {why}"))
            }
            _ => Some("it was not asked for".to_owned()),
        }
    }

    fn doubt_by_row(&self, key: &Key, row: &Row, names: &PrincipalNames<'_>) -> Option<String> {
        match self.attachment(row.clone(), names) {
            Ok(attachment) => {
                let is_it = crate::model::Entity::key(&attachment, self.account_id()) == *key;
                is_it.then(|| still_listed(&resource_manager::LIST_POLICY_ATTACHMENTS))
            }
            Err(RowTrouble::Unresolved(row)) => row
                .may_be(key)
                .then(|| "a row of its policy and scope has a principal that leads to no single id".into()),
            Err(RowTrouble::NamesUnknown) => Some("the names of its principals could not be read again".into()),
            Err(RowTrouble::Unreadable(why)) => Some(why.to_string()),
        }
    }
}

impl<'a> NamesById<'a> {
    fn of(users: &'a Listing<ims::User>, groups: &'a Listing<ims::Group>, roles: &'a Listing<ram::Role>) -> Self {
        fn items<T>(listing: &Listing<T>) -> &[T] {
            listing.as_ref().map(|listing| listing.items()).unwrap_or_default()
        }
        let users = items(users).iter().map(|user| ((Kind::User, &*user.user_id), &*user.user_principal_name));
        let groups = items(groups).iter().map(|group| ((Kind::Group, &*group.group_id), &*group.group_name));
        let roles = items(roles).iter().map(|role| ((Kind::Role, &*role.role_id), &*role.role_name));
        Self(users.chain(groups).chain(roles).collect())
    }

    fn get(&self, kind: Kind, id: &str) -> Option<String> {
        self.0.get(&(kind, id)).map(|name| (*name).to_owned())
    }
}

impl Edge {
    /// The call that would show it; `None` if what it hangs on has no name.
    fn question(&self, names: &NamesById<'_>) -> Option<Question> {
        match self {
            Self::Membership(edge) => {
                Some(Question::GroupsOfUser { principal_name: names.get(Kind::User, &edge.user_id)? })
            }
            Self::Attachment(edge) if edge.scope == WHOLE_ACCOUNT => {
                let kind = edge.principal_type;
                Some(Question::PoliciesOf { kind, name: names.get(kind, &edge.principal_id)? })
            }
            Self::Attachment(edge) => Some(Question::AttachmentsOf {
                policy_type: super::policies::asked_type(edge.policy_type).as_str(),
                policy_name: edge.policy_name.clone(),
                principal_type: super::policy_attachments::principal_word(edge.principal_type)?,
            }),
        }
    }
}

impl Answer {
    fn ended_at(&self) -> Option<Timestamp> {
        let window = match self {
            Self::Groups(listing) => listing.as_ref().ok()?.window(),
            Self::Policies(listing) => listing.as_ref().ok()?.window(),
            Self::Attachments(listing) => listing.as_ref().ok()?.window(),
        };
        Some(window.ended_at)
    }
}

impl Question {
    async fn ask(self, session: &Session) -> Answer {
        match self {
            Self::GroupsOfUser { principal_name } => {
                Answer::Groups(ims::list_groups_for_user(session, &principal_name).await)
            }
            Self::PoliciesOf { kind, name } => {
                let principal = match kind {
                    Kind::Group => ram::Principal::Group(&name),
                    Kind::Role => ram::Principal::Role(&name),
                    // RAM knows a user by what stands before the @ of the principal name.
                    _ => ram::Principal::User(super::policy_attachments::local_part(&name)),
                };
                Answer::Policies(ram::list_policies_for(session, principal).await)
            }
            Self::AttachmentsOf { policy_type, policy_name, principal_type } => Answer::Attachments(
                resource_manager::list_attachments_of_policy(session, policy_type, &policy_name, principal_type).await,
            ),
        }
    }
}

/// Why the names do not let the answer count: the principal came, went or changed its name while it was asked for.
fn moved(names: &PrincipalNames<'_>, kind: Kind, id: &str) -> Option<String> {
    let is_steady = names.of(kind)?.as_ref().is_ok_and(|names| names.leads_to(id));
    (!is_steady).then(|| format!("the {kind} {id} came, went or changed its name while it was asked for"))
}

fn still_listed(operation: &crate::alicloud::Operation) -> String {
    format!("it is in no listing of its collection, but {operation} still lists it")
}

fn held(why: impl Into<String>) -> Unknown {
    Unknown::new(Reason::RemovalsUnproven, why)
}

#[cfg(test)]
#[path = "second_operations_tests.rs"]
mod tests;
