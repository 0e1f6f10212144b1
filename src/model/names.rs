//! The names of entities that others carry in their events: a membership those of its group and its user.

use std::collections::HashMap;

use super::{Key, Kind};

/// The names of the entities in the state, by kind and id.
#[derive(Debug, Clone, Default)]
pub struct Names(HashMap<Kind, HashMap<String, String>>);

impl Names {
    /// Nothing has a name.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of what has this `id`, as it stands in keys.
    #[must_use]
    pub fn of(&self, kind: Kind, id: &str) -> Option<&str> {
        self.0.get(&kind)?.get(id).map(String::as_str)
    }

    /// The name of what has this key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&str> {
        self.of(key.kind()?, key.id())
    }

    /// From now on what has this key has this name.
    pub fn insert(&mut self, key: &Key, name: String) {
        if let Some(kind) = key.kind() {
            self.0.entry(kind).or_default().insert(key.id().to_owned(), name);
        }
    }

    /// From now on it has none.
    pub fn remove(&mut self, key: &Key) {
        if let Some(named) = key.kind().and_then(|kind| self.0.get_mut(&kind)) {
            named.remove(key.id());
        }
    }

    /// How many have a name.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.values().map(HashMap::len).sum()
    }
}

impl FromIterator<(Key, String)> for Names {
    fn from_iter<I: IntoIterator<Item = (Key, String)>>(named: I) -> Self {
        let mut names = Self::default();
        for (key, name) in named {
            names.insert(&key, name);
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_kind_and_the_id_of_its_key() {
        let group = Key::new("5481", Kind::Group, &["g/1"]);
        let mut names = Names::from_iter([(group.clone(), "admins".to_owned())]);
        assert_eq!((names.of(Kind::Group, "g%2F1"), names.of(Kind::User, "g%2F1")), (Some("admins"), None));
        assert_eq!((names.get(&group), names.count()), (Some("admins"), 1));
        names.remove(&group);
        assert_eq!((names.get(&group), names.count()), (None, 0));
    }
}
