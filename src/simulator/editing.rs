//! Rows changed by hand: what the services could show, and no public operation does.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::draft::Draft;
use super::entities::{AccessKey, Group, Role, User};
use super::keys::id_key;
use super::table::Row;

/// Sets fields, named as in the account file, of the row with this id.
///
/// # Errors
/// Why the account cannot be so.
pub(super) fn edit(draft: &mut Draft<'_>, table: &str, id: &str, set: &Map<String, Value>) -> Result<(), String> {
    match table {
        "users" => set_fields::<User>(draft, id, set),
        "groups" => set_fields::<Group>(draft, id, set),
        "roles" => set_fields::<Role>(draft, id, set),
        "access_keys" => set_fields::<AccessKey>(draft, id, set),
        _ => Err(format!("table: {table:?} is none of users, groups, roles, access_keys")),
    }
}

fn set_fields<T: Row + DeserializeOwned>(
    draft: &mut Draft<'_>,
    id: &str,
    set: &Map<String, Value>,
) -> Result<(), String> {
    let (key, table) = (id_key(id), T::table(draft));
    let held = table.get(&key).ok_or_else(|| format!("id: no {} has the id {id:?}", T::KIND))?;
    let mut row = serde_json::to_value(held).map_err(|error| error.to_string())?;
    for (field, value) in set {
        row[field] = value.clone();
    }
    let row: T = serde_json::from_value(row).map_err(|error| format!("set: {error}"))?;
    let keys = row.keys();
    if keys.first() != Some(&key) {
        return Err(format!("set: the id of a {} stays as it is", T::KIND));
    }
    let is_taken = |wanted: &&String| table.get(wanted).is_some_and(|other| other.keys().first() != Some(&key));
    if let Some(taken) = keys.iter().find(is_taken) {
        return Err(format!("set: another {} has {taken}", T::KIND));
    }
    draft.replace(row);
    Ok(())
}
