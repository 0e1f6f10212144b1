//! Policy attachments: one listing for all of them. Its principals are names, so each row counts only
//! if its name led to the same id before and after.

use std::collections::{BTreeMap, BTreeSet};

use super::{Parents, Reader, Wanted, names::PrincipalNames};
use crate::{
    alicloud::{
        Session,
        resource_manager::{self, PolicyAttachment as Row},
    },
    model::{
        Collection, Complete, Entity, Found, Key, Kind, Listing, Reason, Scope, Unknown,
        policy::PolicyType,
        policy_attachment::{PolicyAttachment, WHOLE_ACCOUNT},
    },
};

/// A row whose principal is not known: what may be it, and the rest of its key.
pub(super) struct Unresolved {
    /// What stands for its scope if nothing else can.
    by_name: Scope,
    candidates: Vec<Key>,
    policy: Key,
    principal_type: Kind,
    scope: String,
    why: Unknown,
}

impl Reader<'_> {
    pub(super) async fn list_attachments(&self, session: &Session, wanted: &Wanted) -> Option<Listing<Row>> {
        if !self.wants(wanted, Kind::PolicyAttachment) {
            return None;
        }
        Some(resource_manager::list_policy_attachments(session).await)
    }

    pub(super) fn policy_attachments(&self, parents: &Parents, rows: Listing<Row>) -> Collection {
        let names = parents.principal_names();
        let nameless: Vec<_> = names.unknown().collect();
        match (rows, nameless.as_slice()) {
            (Err(why), _) => Collection::unknown(Kind::PolicyAttachment, why),
            (Ok(_), [(_, why), _, _]) => Collection::unknown(Kind::PolicyAttachment, (*why).clone()),
            (Ok(rows), _) => self.resolve_rows(rows, &names),
        }
    }

    fn resolve_rows(&self, rows: Complete<Row>, names: &PrincipalNames<'_>) -> Collection {
        let mut unresolved = Vec::new();
        let mut unreadable = None;
        let listing = rows.sift(|row| match self.attachment(row, names) {
            Ok(attachment) => Some(self.found(&attachment)),
            Err(RowTrouble::Unresolved(row)) => {
                unresolved.push(*row);
                None
            }
            // Its scope is unknown as a whole.
            Err(RowTrouble::NamesUnknown) => None,
            Err(RowTrouble::Unreadable(why)) => {
                unreadable = Some(why);
                None
            }
        });
        if let Some(why) = unreadable {
            return Collection::unknown(Kind::PolicyAttachment, why);
        }
        let mut unknown = self.unresolved_scopes(listing.items(), &unresolved);
        let nameless = names.unknown();
        unknown.extend(nameless.map(|(kind, why)| (PolicyAttachment::scope_of_principals(kind), why.clone())));
        if unknown.is_empty() {
            return Collection::whole(Kind::PolicyAttachment, listing);
        }
        let listing = listing.sift(|item| (!unknown.contains_key(&PolicyAttachment::scope(&item.0))).then_some(item));
        Collection::partly(Kind::PolicyAttachment, listing, unknown)
    }

    /// Of which principals nothing is known for the rows that lead to no id: those that the name may have meant, and
    /// those that hold the same grant and seem to have lost it. If there are none, the name itself is said to be unknown.
    fn unresolved_scopes(&self, found: &[(Key, Found)], unresolved: &[Unresolved]) -> BTreeMap<Scope, Unknown> {
        let mut unknown = BTreeMap::new();
        if unresolved.is_empty() {
            return unknown;
        }
        let there: BTreeSet<&Key> = found.iter().map(|(key, _)| key).collect();
        // All users may be missing, and all rows unresolved: no row goes through all that is missing.
        let mut missing: BTreeMap<_, Vec<Scope>> = BTreeMap::new();
        for key in self.state.entities(Kind::PolicyAttachment).keys().filter(|key| !there.contains(key)) {
            missing.entry(PolicyAttachment::grant(key)).or_default().push(PolicyAttachment::scope(key));
        }
        for row in unresolved {
            let may_be = missing.get_mut(&row.grant());
            let is_nobody = row.candidates.is_empty() && may_be.is_none();
            // The first of the rows of one grant speaks for all.
            let may_be = may_be.map(std::mem::take).into_iter().flatten();
            let named = row.candidates.iter().map(PolicyAttachment::scope_of_principal);
            for scope in may_be.chain(named).chain(is_nobody.then(|| row.by_name.clone())) {
                unknown.insert(scope, row.why.clone());
            }
        }
        unknown
    }

    /// What a row says.
    ///
    /// # Errors
    /// Why it says nothing.
    pub(super) fn attachment(&self, row: Row, names: &PrincipalNames<'_>) -> Result<PolicyAttachment, RowTrouble> {
        let policy_type = match &*row.policy_type {
            "Custom" => PolicyType::Custom,
            "System" => PolicyType::System,
            other => return Err(unreadable("PolicyType", other)),
        };
        let (principal_type, names, name) = match &*row.principal_type {
            "IMSUser" => (Kind::User, &names.users, &*row.principal_name),
            "IMSGroup" => (Kind::Group, &names.groups, local_part(&row.principal_name)),
            "ServiceRole" => (Kind::Role, &names.roles, local_part(&row.principal_name)),
            other => return Err(unreadable("PrincipalType", other)),
        };
        let resolved = names.as_ref().map_err(|_| RowTrouble::NamesUnknown)?.resolve(name);
        let whole_account = *row.resource_group_id == *self.account_id();
        let scope = if whole_account { WHOLE_ACCOUNT } else { &row.resource_group_id }.to_owned();
        match resolved {
            Ok(principal_id) => Ok(PolicyAttachment {
                policy_type,
                policy_name: row.policy_name.to_string(),
                principal_type,
                principal_id: principal_id.to_owned(),
                scope,
                attach_date: row.attach_date.map(Into::into),
            }),
            Err(candidates) => {
                let name = Key::new(self.account_id(), principal_type, &[&format!("~{}", row.principal_name)]);
                let detail = format!("the {principal_type} {} leads to no single id", row.principal_name);
                Err(RowTrouble::Unresolved(Box::new(Unresolved {
                    by_name: PolicyAttachment::scope_of_principal(&name),
                    candidates: candidates
                        .into_iter()
                        .map(|id| Key::new(self.account_id(), principal_type, &[id]))
                        .collect(),
                    policy: policy_type.key(self.account_id(), &row.policy_name),
                    principal_type,
                    scope,
                    why: Unknown::new(Reason::UnresolvedName, detail),
                })))
            }
        }
    }
}

impl Unresolved {
    /// Whether the held attachment with this key may be the row.
    pub(super) fn may_be(&self, key: &Key) -> bool {
        PolicyAttachment::grant(key) == self.grant()
    }

    /// See [`PolicyAttachment::grant`].
    fn grant(&self) -> Vec<&str> {
        self.policy.components().chain([self.principal_type.as_str(), &self.scope]).collect()
    }
}

/// Why a row says nothing.
pub(super) enum RowTrouble {
    /// Its principal is not known.
    Unresolved(Box<Unresolved>),
    /// The names of all principals of its kind are unknown.
    NamesUnknown,
    /// It holds a word that no row has.
    Unreadable(Unknown),
}

/// ResourceManager's word for a kind of principal.
pub(super) fn principal_word(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::User => Some("IMSUser"),
        Kind::Group => Some("IMSGroup"),
        Kind::Role => Some("ServiceRole"),
        _ => None,
    }
}

/// A word that is not in the service's documentation: nothing is concluded from such a listing.
fn unreadable(field: &str, word: &str) -> RowTrouble {
    let detail = format!("ListPolicyAttachments gave the unknown {field} {word:?}");
    RowTrouble::Unreadable(Unknown::new(Reason::Protocol, detail))
}

/// Groups and roles stand as `<name>@group.<domain>` and `<name>@role.<domain>`; the name is unique.
pub(super) fn local_part(principal_name: &str) -> &str {
    principal_name.split('@').next().unwrap_or_default()
}
