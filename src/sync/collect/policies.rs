//! Policies: one listing a type; the versions and documents of custom ones from ListPolicyVersions.

use futures::{future::join_all, join};
use serde::Deserialize;

use super::{
    Reader, Wanted, dates, note_count,
    roles::{detail_unread, listed_since},
    sorted_tags,
};
use crate::{
    alicloud::{Session, ims, ram},
    model::{
        Collection, Document, Found, Key, Kind, Listing, Millis, Reason, Scope, Tag, Unknown,
        policy::{Policy, PolicyType, PolicyVersion},
    },
    sync::details::{Mark, Round},
};

/// Policies as listed; `None` where a type was not wanted.
#[derive(Debug)]
pub struct ListedPolicies {
    /// The account's own.
    pub custom: Option<Listing<ram::Policy>>,
    /// Alibaba Cloud's.
    pub system: Option<Listing<ram::Policy>>,
}

/// What a listing says of a custom policy. The rest, its documents, makes up most of what is held.
#[derive(Debug, PartialEq, Deserialize)]
struct ListedPart {
    policy_name: String,
    description: Option<String>,
    default_version: Option<String>,
    tags: Vec<Tag>,
    create_date: Option<Millis>,
    update_date: Option<Millis>,
}

impl Reader<'_> {
    /// Lists the policies and reads the details that are due.
    pub(super) async fn list_policies(
        &self,
        session: &Session,
        wanted: &Wanted,
        round: &mut Round<Vec<ram::PolicyVersion>>,
    ) -> ListedPolicies {
        let list = async |of_type: PolicyType, asked: ram::PolicyType| {
            if self.wants(wanted, Kind::Policy) && wanted.scope(&of_type.scope()) {
                Some(ram::list_policies(session, asked).await)
            } else {
                None
            }
        };
        let custom = async {
            let custom = list(PolicyType::Custom, ram::PolicyType::Custom).await;
            if let Some(Ok(listing)) = &custom
                && wanted.details(&PolicyType::Custom.scope())
            {
                self.policy_details(session, listing.items(), round).await;
            }
            custom
        };
        let (custom, system) = join!(custom, list(PolicyType::System, ram::PolicyType::System));
        ListedPolicies { custom, system }
    }

    async fn policy_details(
        &self,
        session: &Session,
        custom: &[ram::Policy],
        round: &mut Round<Vec<ram::PolicyVersion>>,
    ) {
        let read = self.due_policies(custom, round).into_iter().map(async |(key, mark, listed)| {
            let versions = ram::list_policy_versions(session, ram::PolicyType::Custom, &listed.policy_name).await;
            let versions = versions.map(|versions| (versions.items().to_vec(), versions.window()));
            (key, mark, versions)
        });
        round.take(join_all(read).await);
    }

    /// The custom policies of which the versions are to be read.
    pub fn due_policies<'p>(
        &self,
        custom: &'p [ram::Policy],
        round: &Round<Vec<ram::PolicyVersion>>,
    ) -> Vec<(Key, Mark, &'p ram::Policy)> {
        let begun_at = self.state.progress_of(Kind::Policy).begun_at;
        let due = custom.iter().filter_map(|listed| {
            let (key, mark) = (self.custom_key(listed), mark(listed));
            let held = self.state.head(Kind::Policy, &key);
            let held = held.map(|held| Mark::of_version(held.dates(), held.default_version));
            self.ledger.is_due(&key, &mark, held.as_ref(), round, begun_at).then_some((key, mark, listed))
        });
        due.collect()
    }

    /// Policies, with the versions read now or held; `None` if none were wanted.
    pub(super) fn policies(
        &self,
        listed: ListedPolicies,
        counts: Option<&ims::AccountSummary>,
        round: &Round<Vec<ram::PolicyVersion>>,
    ) -> Option<Collection> {
        let custom = listed.custom.map(|listing| {
            listing.map(|all| {
                let listed_from = all.window().begun_at;
                all.map(|listed| self.custom_policy(listed, listed_from.into(), round))
            })
        });
        let system = listed.system.map(|listing| listing.map(|all| all.map(|listed| self.system_policy(listed))));
        let count = custom.as_ref().and_then(|listing| listing.as_ref().ok()).map(|listing| listing.items().len());
        let windows = [&custom, &system].into_iter().flatten().flatten().map(|listing| listing.window());
        let window = windows.reduce(|all, window| all.and(window));
        let listings = [(PolicyType::Custom, custom), (PolicyType::System, system)]
            .into_iter()
            .filter_map(|(of_type, listing)| Some((of_type.scope(), listing?)));
        let listings: Vec<_> = listings.collect();
        let collection = match (window, listings.first()) {
            (Some(window), _) => Collection::by_scope(Kind::Policy, window, listings),
            (None, Some((_, Err(why)))) => Collection::unknown(Kind::Policy, why.clone()),
            (None, _) => return None,
        };
        let mut collection = self.with_details_window(collection, round);
        note_count(&mut collection, count, counts.and_then(|counts| counts.policies));
        Some(collection)
    }

    fn system_policy(&self, listed: ram::Policy) -> (Key, Found) {
        self.found(&Policy {
            policy_type: PolicyType::System,
            policy_name: listed.policy_name,
            description: None,
            default_version: listed.default_version,
            default_document: None,
            versions: Vec::new(),
            tags: Vec::new(),
            create_date: None,
            update_date: None,
        })
    }

    /// A policy of a listing that was begun at `listed_from`.
    fn custom_policy(
        &self,
        listed: ram::Policy,
        listed_from: Millis,
        round: &Round<Vec<ram::PolicyVersion>>,
    ) -> (Key, Found) {
        let key = self.custom_key(&listed);
        let listed = listed_part(listed);
        let (versions, default_document) = match round.get(&key) {
            Some(Ok(read)) => {
                // One sync later the same answer is believed: what is held may be wrong itself.
                let is_new_doubt = || !self.state.scopes().contains_key(&Scope::entity(&key));
                let held = || self.state.read::<Policy>(&key).filter(|_| is_new_doubt());
                let whose = not_its_own(&read.detail, &listed, held, listed_from);
                match whose.map_or_else(|| documents(&read.detail, &listed), Err) {
                    Ok(documents) => documents,
                    Err(why) => return (key, Found::Unread(Unknown::new(Reason::DetailUnread, why))),
                }
            }
            Some(Err(_)) if planted!(UnreadDetailIsNone) => (Vec::new(), None),
            Some(Err(why)) => return (key, Found::Unread(detail_unread(why))),
            None => match self.held_as_listed(Kind::Policy, &key, &listed) {
                Some(same) => return same,
                None => match self.state.read::<Policy>(&key) {
                    Some(held) => (held.versions, held.default_document),
                    None => return (key, Found::Unread(listed_since())),
                },
            },
        };
        self.found(&Policy {
            policy_type: PolicyType::Custom,
            policy_name: listed.policy_name,
            description: listed.description,
            default_version: listed.default_version,
            default_document,
            versions,
            tags: listed.tags,
            create_date: listed.create_date,
            update_date: listed.update_date,
        })
    }

    fn with_details_window(&self, mut collection: Collection, round: &Round<Vec<ram::PolicyVersion>>) -> Collection {
        let is_custom = |key: &&Key| key.components().next() == Some(PolicyType::Custom.as_str());
        let keys: Vec<Key> = collection.found().iter().map(|(key, _)| key).filter(is_custom).cloned().collect();
        if let Some(begun_at) = self.ledger.oldest(&keys, round, self.state.progress_of(Kind::Policy).begun_at) {
            collection.begin_at(begun_at);
        }
        if let Some(ended_at) = round.ended_at() {
            collection.end_at(ended_at);
        }
        collection
    }

    fn custom_key(&self, listed: &ram::Policy) -> Key {
        PolicyType::Custom.key(self.account_id(), &listed.policy_name)
    }
}

/// The service's word for a type.
pub(super) fn asked_type(of_type: PolicyType) -> ram::PolicyType {
    match of_type {
        PolicyType::Custom => ram::PolicyType::Custom,
        PolicyType::System => ram::PolicyType::System,
    }
}

fn listed_part(listed: ram::Policy) -> ListedPart {
    ListedPart {
        policy_name: listed.policy_name,
        description: listed.description,
        default_version: listed.default_version,
        tags: sorted_tags(listed.tags),
        create_date: listed.create_date.map(Into::into),
        update_date: listed.update_date.map(Into::into),
    }
}

fn mark(listed: &ram::Policy) -> Mark {
    Mark::of_version(dates(listed.create_date, listed.update_date), listed.default_version.clone())
}

/// So far apart may be dated what was made at once, a policy and its first version: the dates may come from two clocks.
const DATES_APART_MS: i64 = 5_000;

/// Why the versions are not those of the policy as listed: they are asked for by its name, and between the two answers, or
/// in one that was old already, the name may be that of another policy. `None` if they may be its own.
fn not_its_own(
    read: &[ram::PolicyVersion],
    listed: &ListedPart,
    held: impl FnOnce() -> Option<Policy>,
    listed_from: Millis,
) -> Option<String> {
    let name = &listed.policy_name;
    let oldest = read.iter().filter_map(|version| version.create_date.map(Millis::from)).min()?;
    let created = listed.create_date?;
    if oldest.0 + DATES_APART_MS < created.0 {
        return Some(format!("the versions read of {name} are older than the policy itself"));
    }
    if oldest.0 <= created.0 + DATES_APART_MS {
        // The version that was made with the policy is among them.
        return None;
    }
    if listed_from <= oldest {
        return Some(format!("the versions read of {name} were all made after it was listed"));
    }
    // The date of a version never changes; its number might be given once more, but not those of all.
    let same = held().filter(|held| held.create_date == Some(created))?;
    let keeps_its_date = |version: &ram::PolicyVersion| {
        let was = same.versions.iter().find(|was| was.version_id == version.version_id)?.create_date?;
        Some(was == version.create_date?.into())
    };
    let kept: Vec<bool> = read.iter().filter_map(keeps_its_date).collect();
    (!kept.is_empty() && !kept.contains(&true))
        .then(|| format!("the versions read of {name} have other dates than before"))
}

/// The versions by number and the document of the default one; why not, if the default moved since the listing.
fn documents(
    read: &[ram::PolicyVersion],
    listed: &ListedPart,
) -> Result<(Vec<PolicyVersion>, Option<Document>), String> {
    let moved = || format!("the default version of {} changed while it was read", listed.policy_name);
    let default = listed.default_version.as_deref();
    let in_force = read.iter().find(|version| version.is_default_version == Some(true));
    if let (Some(in_force), Some(default)) = (in_force, default)
        && in_force.version_id != default
    {
        return Err(moved());
    }
    let mut versions: Vec<PolicyVersion> = read
        .iter()
        .map(|version| PolicyVersion {
            version_id: version.version_id.clone(),
            create_date: version.create_date.map(Into::into),
            document: version.policy_document.as_deref().map(Document::new),
        })
        .collect();
    versions.sort_by_key(|version| version_number(&version.version_id));
    let document = match default {
        None => None,
        Some(id) => versions.iter().find(|version| version.version_id == id).ok_or_else(moved)?.document.clone(),
    };
    Ok((versions, document))
}

/// `v12` as 12, so that v2 stands before v12; what is no number comes last, by its text.
fn version_number(id: &str) -> (u32, String) {
    (id.trim_start_matches('v').parse().unwrap_or(u32::MAX), id.to_owned())
}
