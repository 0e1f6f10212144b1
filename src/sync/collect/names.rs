//! From names to ids: child operations take names, and attachments return nothing else.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
};

use super::{Parents, Twice};
use crate::model::{Kind, Reason, Unknown};

/// Names and the ids that they led to, in the listing before and in the one after.
#[derive(Debug, Default)]
pub(super) struct IdsByName<'a>(HashMap<AnyCase<'a>, Ids<'a>>);

/// The ids of one name; more than one in a listing is rare, and takes memory only then.
#[derive(Debug, Default)]
struct Ids<'a> {
    before: Option<&'a str>,
    after: Option<&'a str>,
    more: Vec<&'a str>,
}

/// A name without regard to ASCII case, for the services do not regard it.
#[derive(Debug, Clone, Copy)]
struct AnyCase<'a>(&'a str);

impl PartialEq for AnyCase<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for AnyCase<'_> {}

impl Hash for AnyCase<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for chunk in self.0.as_bytes().chunks(16) {
            let mut lower = [0; 16];
            lower[..chunk.len()].copy_from_slice(chunk);
            lower.make_ascii_lowercase();
            state.write(&lower);
        }
    }
}

impl<'a> IdsByName<'a> {
    /// Joins the two listings, each of names with ids.
    pub(super) fn joined(
        before: impl IntoIterator<Item = (&'a str, &'a str)>,
        after: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let before = before.into_iter();
        let mut names: HashMap<AnyCase<'a>, Ids<'a>> = HashMap::with_capacity(before.size_hint().0);
        for (name, id) in before {
            let ids = names.entry(AnyCase(name)).or_default();
            ids.more.extend(ids.before.replace(id));
        }
        for (name, id) in after {
            let ids = names.entry(AnyCase(name)).or_default();
            ids.more.extend(ids.after.replace(id));
        }
        Self(names)
    }

    /// The id that the name leads to.
    ///
    /// # Errors
    /// The name did not lead to one and the same id both times; the ids that it may have meant.
    pub(super) fn resolve(&self, name: &str) -> Result<&'a str, Vec<&'a str>> {
        match self.0.get(&AnyCase(name)) {
            None => Err(Vec::new()),
            Some(Ids { before: Some(id), after: Some(same), more }) if id == same && more.is_empty() => Ok(id),
            Some(Ids { before, after, more }) => Err(before.iter().chain(after).chain(more).copied().collect()),
        }
    }
}

impl IdsByName<'_> {
    /// Whether one name led to this id, and to nothing else, both times.
    pub(super) fn leads_to(&self, id: &str) -> bool {
        self.0.values().any(|ids| ids.before == Some(id) && ids.after == Some(id) && ids.more.is_empty())
    }
}

/// The names of everything that a policy can be attached to: users by their principal names, groups and
/// roles by their names. Each is known or not for itself.
pub(super) struct PrincipalNames<'a> {
    pub(super) users: Result<IdsByName<'a>, Unknown>,
    pub(super) groups: Result<IdsByName<'a>, Unknown>,
    pub(super) roles: Result<IdsByName<'a>, Unknown>,
}

impl<'a> PrincipalNames<'a> {
    /// The names of the principals of one kind, if they are known.
    pub(super) fn of(&self, kind: Kind) -> Option<&Result<IdsByName<'a>, Unknown>> {
        match kind {
            Kind::User => Some(&self.users),
            Kind::Group => Some(&self.groups),
            Kind::Role => Some(&self.roles),
            _ => None,
        }
    }

    /// The kinds of principals whose names are not known, with the reason.
    pub(super) fn unknown(&self) -> impl Iterator<Item = (Kind, &Unknown)> {
        let kinds = [Kind::User, Kind::Group, Kind::Role].into_iter();
        kinds.filter_map(|kind| Some((kind, self.of(kind)?.as_ref().err()?)))
    }
}

impl Parents {
    /// The users' principal names and the users that they led to.
    pub(super) fn user_names(&self) -> Result<IdsByName<'_>, Unknown> {
        self.users.names(|user| (&user.user_principal_name, &user.user_id))
    }

    /// Group names and the groups that they led to.
    pub(super) fn group_names(&self) -> Result<IdsByName<'_>, Unknown> {
        self.groups.names(|group| (&group.group_name, &group.group_id))
    }

    /// The names of all principals.
    pub(super) fn principal_names(&self) -> PrincipalNames<'_> {
        PrincipalNames {
            users: self.user_names(),
            groups: self.group_names(),
            roles: self.roles.names(|role| (&role.role_name, &role.role_id)),
        }
    }
}

impl<T> Twice<T> {
    /// The names in both listings, or why what hangs on them cannot be known.
    fn names(&self, name_and_id: impl Fn(&T) -> (&str, &str)) -> Result<IdsByName<'_>, Unknown> {
        let before = self.before.as_ref().map_err(names_unknown)?;
        let after = self.after.as_ref().map_err(names_unknown)?;
        Ok(IdsByName::joined(before.items().iter().map(&name_and_id), after.items().iter().map(&name_and_id)))
    }
}

fn names_unknown(why: &Unknown) -> Unknown {
    Unknown::new(Reason::ParentUnknown, format!("the names in it lead to no ids: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_an_id_only_if_both_listings_agree() {
        let names = IdsByName::joined(
            [("alice", "1"), ("bob", "2"), ("carol", "3"), ("twin", "5"), ("twin", "6")],
            [("Alice", "1"), ("bob", "9"), ("dave", "4"), ("twin", "5"), ("twin", "6")],
        );
        assert_eq!(names.resolve("ALICE"), Ok("1"));
        assert_eq!(names.resolve("bob"), Err(vec!["2", "9"]), "recreated under the same name");
        assert_eq!(names.resolve("carol"), Err(vec!["3"]), "gone since");
        assert_eq!(names.resolve("dave"), Err(vec!["4"]), "new since");
        assert_eq!(names.resolve("twin").unwrap_err().len(), 4, "ambiguous");
        assert_eq!(names.resolve("nobody"), Err(vec![]));
    }
}
