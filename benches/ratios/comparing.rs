//! From the bodies of the pages to "no change": parse, merge, look which details are due, resolve names, compare with
//! the published state; against parsing the same bodies into the same structs with serde_json. No network: what HTTP and
//! signing cost is not in it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, anyhow, ensure};
use jiff::Timestamp;
use ramstream::{
    alicloud::{
        bodies::{parse, without_duplicates},
        ims, ram,
        resource_manager::PolicyAttachmentsPage,
    },
    avro::Encoder,
    diff::{Diff, compare},
    model::{Complete, Kind, Listing, Window},
    state::State,
    sync::{
        Topics,
        collect::{ListedPolicies, ListedProviders, Listings, Parents, Reader, Rounds, Twice, UserDetails, Wanted},
        details::Ledger,
        publication::{Publication, Reading},
    },
};
use uuid::Uuid;

use crate::{
    account::{self, Size},
    bodies::Bodies,
    measure::{Pairs, cpu_time_of},
    table::{Figure, Goal},
};

const ROUNDS: usize = 31;
const SIZE: &Size = &Size::USUAL;

pub(crate) fn measure() -> anyhow::Result<Figure> {
    let bodies = Bodies::of(SIZE);
    let state = published_state()?;
    let ledger = Ledger::new(Duration::from_secs(3_600));
    let mut pairs = Pairs::default();
    for _ in 0..ROUNDS {
        let (diff, ours) = cpu_time_of(|| read_and_compare(&bodies, &state, &ledger));
        let diff = diff?;
        let unknown = diff.kinds.values().find(|kind| !kind.unknown.is_empty());
        ensure!(diff.changes.is_empty() && unknown.is_none(), "{:?} {unknown:?}", diff.changes.first());
        let (parsed, plain) = cpu_time_of(|| parse_all(&bodies));
        parsed?;
        pairs.push(ours, plain);
    }
    let (ours, plain) = pairs.medians();
    Ok(Figure {
        name: "from the pages' bytes to \"no change\", against parsing them with serde_json",
        measured: pairs.ratio(),
        unit: " x",
        goal: Goal::AtMost(2.0),
        detail: format!(
            "{} against {} us of processor time, {} entities, {} kB of pages",
            ours.as_micros(),
            plain.as_micros(),
            SIZE.entities(),
            bodies.bytes() / 1_000,
        ),
    })
}

/// The state after a baseline of the same account.
fn published_state() -> anyhow::Result<State> {
    let mut state = State::new(account::ID);
    let collections = account::collections(SIZE);
    let diff = compare(&state, &collections);
    let at = Timestamp::from_second(1_760_000_000)?;
    let reading = Reading { sync_id: Uuid::from_u128(1), started_at: at, finished_at: at, collections, diff };
    let publication = Arc::new(Publication::plan(&state, reading, None, Uuid::from_u128(2)));
    let topics = Arc::new(Topics::new("bench", account::ID));
    let encoder = Encoder::new(|_| 1, 1)?;
    for record in publication.records(&topics, &Arc::new(encoder)) {
        let record = record.map_err(|error| anyhow!(error))?;
        if record.topic == topics.state() {
            state.apply(&record.key, record.value.as_deref())?;
        }
    }
    Ok(state)
}

fn read_and_compare(bodies: &Bodies, state: &State, ledger: &Ledger) -> anyhow::Result<Diff> {
    let kinds = Kind::ALL.iter().copied().collect();
    let reader = Reader { state, ledger, kinds: &kinds };
    let listings = listings(bodies)?;
    if let (Ok(roles), Some(Ok(custom))) = (&listings.parents.roles.before, &listings.policies.custom) {
        let rounds = Rounds::default();
        ensure!(reader.due_roles(roles.items(), &rounds.roles).is_empty(), "a role's detail is due");
        ensure!(reader.due_policies(custom.items(), &rounds.policies).is_empty(), "a policy's detail is due");
    }
    Ok(compare(state, &reader.collections(&Wanted::Everything, listings, &Rounds::default())))
}

macro_rules! listed {
    ($page:ty, $bodies:expr) => {{
        let mut items = Vec::new();
        for body in $bodies {
            items.append(&mut parse::<$page>(body).map_err(|what| anyhow!(what))?.into_items().context("no array")?);
        }
        complete(without_duplicates(items).map_err(|what| anyhow!(what))?)
    }};
}

fn complete<T>(items: Vec<T>) -> Complete<T> {
    let at = Timestamp::UNIX_EPOCH;
    Complete::proven(items, Window { begun_at: at, ended_at: at })
}

/// The listings of one reading, parsed.
fn listings(bodies: &Bodies) -> anyhow::Result<Listings> {
    let groups = listed!(ims::GroupsPage, &bodies.groups);
    let members = groups.items().iter().zip(&bodies.members);
    let members = members.map(|(group, body)| -> anyhow::Result<_> {
        let listing: Listing<ims::Member> = Ok(listed!(ims::MembersPage, [body]));
        Ok((group.clone(), listing))
    });
    let count = |count: usize| Some(count as u64);
    Ok(Listings {
        account: Some(Ok(complete(vec![account::itself()]))),
        password_policy: None,
        security_preference: None,
        providers: ListedProviders { saml: None, oidc: None },
        members: Some(members.collect::<anyhow::Result<_>>()?),
        parents: Parents {
            users: Twice {
                before: Ok(listed!(ims::UsersPage, &bodies.users)),
                after: Ok(listed!(ims::UsersPage, &bodies.users)),
            },
            groups: Twice { before: Ok(groups), after: Ok(listed!(ims::GroupsPage, &bodies.groups)) },
            roles: Twice {
                before: Ok(listed!(ram::RolesPage, &bodies.roles)),
                after: Ok(listed!(ram::RolesPage, &bodies.roles)),
            },
        },
        details: UserDetails { access_keys: None, login_profiles: None, mfa_devices: None },
        attachments: Some(Ok(listed!(PolicyAttachmentsPage, &bodies.attachments))),
        instances: None,
        policies: ListedPolicies {
            custom: Some(Ok(listed!(ram::PoliciesPage, &bodies.custom_policies))),
            system: Some(Ok(listed!(ram::PoliciesPage, &bodies.system_policies))),
        },
        counts: Some(ims::AccountSummary {
            users: count(SIZE.users),
            groups: count(SIZE.groups),
            roles: count(SIZE.roles),
            policies: count(SIZE.custom_policies),
        }),
    })
}

/// Parses every page that a reading parses, and forgets it: UTF-8 checked once, which is the quickest way.
fn parse_all(bodies: &Bodies) -> anyhow::Result<()> {
    fn each<P: serde::de::DeserializeOwned>(bodies: &[Vec<u8>]) -> anyhow::Result<()> {
        for body in bodies {
            drop(serde_json::from_str::<P>(std::str::from_utf8(body)?)?);
        }
        Ok(())
    }
    for _ in 0..2 {
        each::<ims::UsersPage>(&bodies.users)?;
        each::<ims::GroupsPage>(&bodies.groups)?;
        each::<ram::RolesPage>(&bodies.roles)?;
    }
    each::<ims::MembersPage>(&bodies.members)?;
    each::<ram::PoliciesPage>(&bodies.custom_policies)?;
    each::<ram::PoliciesPage>(&bodies.system_policies)?;
    each::<PolicyAttachmentsPage>(&bodies.attachments)
}
