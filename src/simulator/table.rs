//! One kind's rows, in the order in which they were created, found by key or by group.
//!
//! Promises: a row keeps its place for life, so that a marker (the place of the last row served) stays valid while
//! rows come and go; looking up, paging by marker and paging by number cost no more than the page. A clone shares the
//! rows. Does not know what a row means.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::account::Account;

/// What a table asks of its rows.
pub trait Row: Clone + Serialize {
    /// The kind's name in the truth log.
    const KIND: &'static str;

    /// Every text under which this row alone is found; the first one never changes.
    fn keys(&self) -> Vec<String>;

    /// Every text under which this row is found together with others.
    fn groups(&self) -> Vec<String> {
        Vec::new()
    }

    /// The account's table of this kind.
    fn table(account: &Account) -> &Table<Self>;

    /// The account's table of this kind, to change it.
    fn table_mut(account: &mut Account) -> &mut Table<Self>;
}

/// The rows of one kind.
#[derive(Clone, Debug)]
pub struct Table<T> {
    /// Sorted by place.
    rows: Vec<(u64, Arc<T>)>,
    by_key: HashMap<String, u64>,
    by_group: HashMap<String, BTreeSet<u64>>,
    last_place: u64,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), by_key: HashMap::new(), by_group: HashMap::new(), last_place: 0 }
    }
}

/// Two rows of a kind claim the same key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("two rows share the key {0}")]
pub struct DuplicateKey(pub String);

impl<T: Row> Table<T> {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row with `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        self.at(*self.by_key.get(key)?)
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|(_, row)| row.as_ref())
    }

    /// At most `count` rows from the `skip`th on.
    pub fn window(&self, skip: usize, count: usize) -> impl Iterator<Item = &T> {
        let begin = skip.min(self.rows.len());
        let end = begin.saturating_add(count).min(self.rows.len());
        self.rows[begin..end].iter().map(|(_, row)| row.as_ref())
    }

    /// The rows behind `place`, each with its own place; places begin at 1.
    pub fn after(&self, place: u64) -> impl Iterator<Item = (u64, &T)> {
        let begin = self.rows.partition_point(|(row_place, _)| *row_place <= place);
        self.rows[begin..].iter().map(|(place, row)| (*place, row.as_ref()))
    }

    /// The rows of `group` behind `place`, each with its own place.
    pub fn group_after<'a>(&'a self, group: &str, place: u64) -> impl Iterator<Item = (u64, &'a T)> + use<'a, T> {
        let places = self.by_group.get(group);
        places
            .into_iter()
            .flat_map(move |places| places.range(place.saturating_add(1)..))
            .filter_map(|place| Some((*place, self.at(*place)?)))
    }

    /// The rows of `group` in order.
    pub fn group<'a>(&'a self, group: &str) -> impl Iterator<Item = &'a T> + use<'a, T> {
        self.group_after(group, 0).map(|(_, row)| row)
    }

    /// How many rows `group` has.
    #[must_use]
    pub fn group_len(&self, group: &str) -> usize {
        self.by_group.get(group).map_or(0, BTreeSet::len)
    }

    /// Appends `row`.
    ///
    /// # Errors
    /// A key that another row has; the table stays as it was.
    pub fn insert(&mut self, row: T) -> Result<(), DuplicateKey> {
        self.check_free(&row, None)?;
        self.last_place += 1;
        self.index(&row, self.last_place);
        self.rows.push((self.last_place, Arc::new(row)));
        Ok(())
    }

    /// Puts `row` in the place of the row with its first key, which it returns.
    ///
    /// # Errors
    /// No such row, or a key that another row has; the table stays as it was.
    pub fn replace(&mut self, row: T) -> Result<Arc<T>, DuplicateKey> {
        let key = row.keys().swap_remove(0);
        let place = *self.by_key.get(&key).ok_or(DuplicateKey(key))?;
        self.check_free(&row, Some(place))?;
        let index = self.rows.partition_point(|(row_place, _)| *row_place < place);
        let before = self.rows[index].1.clone();
        self.forget(&before, place);
        self.index(&row, place);
        self.rows[index].1 = Arc::new(row);
        Ok(before)
    }

    /// Takes the row with `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Arc<T>> {
        let place = *self.by_key.get(key)?;
        let index = self.rows.partition_point(|(row_place, _)| *row_place < place);
        let (_, row) = self.rows.remove(index);
        self.forget(&row, place);
        Some(row)
    }

    fn at(&self, place: u64) -> Option<&T> {
        let index = self.rows.binary_search_by_key(&place, |(row_place, _)| *row_place).ok()?;
        Some(self.rows[index].1.as_ref())
    }

    fn check_free(&self, row: &T, own: Option<u64>) -> Result<(), DuplicateKey> {
        match row.keys().into_iter().find(|key| self.by_key.get(key).is_some_and(|place| Some(*place) != own)) {
            Some(key) => Err(DuplicateKey(key)),
            None => Ok(()),
        }
    }

    fn index(&mut self, row: &T, place: u64) {
        for key in row.keys() {
            self.by_key.insert(key, place);
        }
        for group in row.groups() {
            self.by_group.entry(group).or_default().insert(place);
        }
    }

    fn forget(&mut self, row: &T, place: u64) {
        for key in row.keys() {
            self.by_key.remove(&key);
        }
        for group in row.groups() {
            let Some(places) = self.by_group.get_mut(&group) else { continue };
            places.remove(&place);
            if places.is_empty() {
                self.by_group.remove(&group);
            }
        }
    }
}

impl<T: Row> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Row + Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = Self::default();
        for row in Vec::<T>::deserialize(deserializer)? {
            table.insert(row).map_err(|error| D::Error::custom(format!("{}: {error}", T::KIND)))?;
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entities::ResourceGroup;
    use super::super::keys::{id_key, name_key};
    use super::*;

    fn row(id: &str, name: &str) -> ResourceGroup {
        let (name, display_name) = (name.to_owned(), String::new());
        ResourceGroup { id: id.to_owned(), name, display_name, create_date: jiff::Timestamp::UNIX_EPOCH }
    }

    fn table(ids: &[&str]) -> Table<ResourceGroup> {
        let mut table = Table::default();
        for id in ids {
            table.insert(row(id, id)).unwrap();
        }
        table
    }

    fn ids<'a>(rows: impl Iterator<Item = &'a ResourceGroup>) -> Vec<&'a str> {
        rows.map(|row| row.id.as_str()).collect()
    }

    #[test]
    fn a_place_stays_when_earlier_rows_go_and_later_ones_come() {
        let mut table = table(&["a", "b", "c"]);
        let (place, _) = table.after(0).nth(1).unwrap();
        table.remove(&id_key("a")).unwrap();
        table.insert(row("d", "d")).unwrap();
        assert_eq!(ids(table.after(place).map(|(_, row)| row)), ["c", "d"]);
        assert_eq!(ids(table.window(1, 1)), ["c"]);
        assert_eq!(ids(table.window(7, 1)), Vec::<&str>::new());
    }

    #[test]
    fn a_replaced_row_keeps_its_place_and_gives_up_its_old_keys() {
        let mut table = table(&["a", "b"]);
        table.replace(row("a", "x")).unwrap();
        assert_eq!(ids(table.iter()), ["a", "b"]);
        assert_eq!(table.get(&name_key("X")).unwrap().id, "a", "names are found without regard to case");
        assert!(table.get(&name_key("a")).is_none());
    }

    #[test]
    fn a_key_that_another_row_has_is_refused_and_nothing_changes() {
        let mut table = table(&["a", "b"]);
        assert_eq!(table.insert(row("c", "A")), Err(DuplicateKey(name_key("a"))));
        assert_eq!(table.replace(row("b", "A")).unwrap_err(), DuplicateKey(name_key("a")));
        assert_eq!(ids(table.iter()), ["a", "b"]);
        assert!(table.get(&id_key("c")).is_none() && table.get(&name_key("b")).is_some());
    }

    #[test]
    fn a_clone_does_not_see_what_happens_to_the_original() {
        let mut table = table(&["a", "b"]);
        let before = table.clone();
        table.remove(&id_key("a")).unwrap();
        table.replace(row("b", "x")).unwrap();
        assert_eq!(ids(before.iter()), ["a", "b"]);
        assert!(before.get(&name_key("b")).is_some());
    }
}
