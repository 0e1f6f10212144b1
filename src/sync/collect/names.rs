//! From names to ids: child operations take names, and attachments return nothing else.

use std::collections::HashMap;

use super::{Parents, Reader, Twice};
use crate::{
    alicloud::{ims, ram},
    model::{Key, Kind, Reason, Unknown},
};

/// Names and the keys that they led to, in the listing before and in the one after.
#[derive(Debug, Default)]
pub(super) struct KeysByName(HashMap<String, Keys>);

#[derive(Debug, Default)]
struct Keys {
    before: Vec<Key>,
    after: Vec<Key>,
}

impl KeysByName {
    /// Joins the two listings. Names are compared without regard to ASCII case, for the services do.
    pub(super) fn joined<'a>(
        before: impl IntoIterator<Item = (&'a str, Key)>,
        after: impl IntoIterator<Item = (&'a str, Key)>,
    ) -> Self {
        let mut names = Self::default();
        for (name, key) in before {
            names.0.entry(name.to_ascii_lowercase()).or_default().before.push(key);
        }
        for (name, key) in after {
            names.0.entry(name.to_ascii_lowercase()).or_default().after.push(key);
        }
        names
    }

    /// The key that the name leads to.
    ///
    /// # Errors
    /// The name did not lead to one and the same key both times; the keys that it may have meant.
    pub(super) fn resolve(&self, name: &str) -> Result<&Key, Vec<&Key>> {
        let Some(Keys { before, after }) = self.0.get(&name.to_ascii_lowercase()) else { return Err(Vec::new()) };
        match (before.as_slice(), after.as_slice()) {
            ([key], [same]) if key == same => Ok(key),
            _ => Err(before.iter().chain(after).collect()),
        }
    }
}

/// The names of everything that a policy can be attached to.
pub(super) struct PrincipalNames {
    pub(super) users: KeysByName,
    pub(super) groups: KeysByName,
    pub(super) roles: KeysByName,
}

impl Reader<'_> {
    /// Group names and the groups that they led to.
    pub(super) fn group_names(&self, parents: &Parents) -> Result<KeysByName, Unknown> {
        let (before, after) = parents.groups.both()?;
        let key = |group: &ims::Group| Key::new(self.account_id(), Kind::Group, &[&group.group_id]);
        Ok(KeysByName::joined(
            before.iter().map(|group| (group.group_name.as_str(), key(group))),
            after.iter().map(|group| (group.group_name.as_str(), key(group))),
        ))
    }

    fn role_names(&self, parents: &Parents) -> Result<KeysByName, Unknown> {
        let (before, after) = parents.roles.both()?;
        let key = |role: &ram::Role| Key::new(self.account_id(), Kind::Role, &[&role.role_id]);
        Ok(KeysByName::joined(
            before.iter().map(|role| (role.role_name.as_str(), key(role))),
            after.iter().map(|role| (role.role_name.as_str(), key(role))),
        ))
    }

    fn user_names(&self, parents: &Parents) -> Result<KeysByName, Unknown> {
        let (before, after) = parents.users.both()?;
        let key = |user: &ims::User| Key::new(self.account_id(), Kind::User, &[&user.user_id]);
        Ok(KeysByName::joined(
            before.iter().map(|user| (user.user_principal_name.as_str(), key(user))),
            after.iter().map(|user| (user.user_principal_name.as_str(), key(user))),
        ))
    }

    /// The names of all principals: users by their principal names, groups and roles by their names.
    pub(super) fn principal_names(&self, parents: &Parents) -> Result<PrincipalNames, Unknown> {
        Ok(PrincipalNames {
            users: self.user_names(parents)?,
            groups: self.group_names(parents)?,
            roles: self.role_names(parents)?,
        })
    }
}

impl<T> Twice<T> {
    /// Both listings, or why what hangs on the names in them cannot be known.
    fn both(&self) -> Result<(&[T], &[T]), Unknown> {
        let before = self.before.as_ref().map_err(names_unknown)?;
        let after = self.after.as_ref().map_err(names_unknown)?;
        Ok((before.items(), after.items()))
    }
}

fn names_unknown(why: &Unknown) -> Unknown {
    Unknown::new(Reason::ParentUnknown, format!("the names in it lead to no ids: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> Key {
        Key::new("5481", Kind::User, &[id])
    }

    #[test]
    fn a_name_leads_to_an_id_only_if_both_listings_agree() {
        let names = KeysByName::joined(
            [("alice", user("1")), ("bob", user("2")), ("carol", user("3")), ("twin", user("5")), ("twin", user("6"))],
            [("Alice", user("1")), ("bob", user("9")), ("dave", user("4")), ("twin", user("5")), ("twin", user("6"))],
        );
        assert_eq!(names.resolve("ALICE"), Ok(&user("1")));
        assert_eq!(names.resolve("bob"), Err(vec![&user("2"), &user("9")]), "recreated under the same name");
        assert_eq!(names.resolve("carol"), Err(vec![&user("3")]), "gone since");
        assert_eq!(names.resolve("dave"), Err(vec![&user("4")]), "new since");
        assert_eq!(names.resolve("twin").unwrap_err().len(), 4, "ambiguous");
        assert_eq!(names.resolve("nobody"), Err(vec![]));
    }
}
