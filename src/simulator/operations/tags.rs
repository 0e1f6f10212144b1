//! Tags, as every listing of these services wraps them.

use serde::Serialize;

use super::super::entities::Tag;

/// Tags in the wrapping of these services; left out when there are none.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tags {
    tag: Vec<TagRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagRow {
    tag_key: String,
    tag_value: String,
}

impl Tags {
    pub(super) fn of(tags: &[Tag]) -> Option<Self> {
        let rows = tags.iter().map(|tag| TagRow { tag_key: tag.key.clone(), tag_value: tag.value.clone() });
        (!tags.is_empty()).then(|| Self { tag: rows.collect() })
    }
}
