//! What a registry holds under a subject, read and not changed.

use schema_registry_converter::async_impl::schema_registry::perform_sr_call;
use schema_registry_converter::schema_registry_common::SrCall;
use serde::Deserialize;
use serde_json::json;

use super::compatibility::{self, WANTED, get};
use super::failure::Failure;
use super::{Node, Registry};
use crate::kafka::error::RegistryError;

/// See the module's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The id of exactly the schema that was asked for, if it is registered.
    pub id: Option<u32>,
    /// The subject's own compatibility level; `None` where the registry's general one holds, or it tells none.
    pub level: Option<String>,
    /// The versions of the subject with their texts, oldest first; empty where the schema itself is registered.
    pub versions: Vec<(u32, String)>,
}

impl Standing {
    /// Whether somebody chose another level than ramstream sets where nobody did.
    #[must_use]
    pub fn other_level(&self) -> Option<&str> {
        self.level.as_deref().filter(|level| ![WANTED, "NONE"].contains(level))
    }
}

#[derive(Deserialize)]
struct Version {
    schema: String,
}

impl Registry {
    /// What stands under `subject`, and whether `schema` is among it.
    ///
    /// # Errors
    /// The registry cannot be reached (every address is tried once), or refuses.
    pub async fn standing(&self, subject: &str, schema: &str) -> Result<Standing, RegistryError> {
        let body = json!({ "schema": schema, "schemaType": "AVRO" }).to_string();
        self.at_any_node(subject, async |node| self.standing_at(node, subject, &body).await).await
    }

    async fn standing_at(&self, node: &Node, subject: &str, body: &str) -> Result<Standing, Failure> {
        let found = perform_sr_call(&node.settings, SrCall::PostForVersion(subject, body)).await;
        let id = match found.map_err(Failure::from_converter) {
            Ok(answer) => answer.id,
            Err(failure) if failure.is_absence() => None,
            Err(failure) => return Err(failure),
        };
        let level = match compatibility::level(&self.http, &self.auth, &node.url, subject).await {
            Err(Failure::Answered { .. }) => None,
            level => level?,
        };
        let versions = if id.is_some() { Vec::new() } else { self.versions_at(node, subject).await? };
        Ok(Standing { id, level, versions })
    }

    async fn versions_at(&self, node: &Node, subject: &str) -> Result<Vec<(u32, String)>, Failure> {
        let address = format!("{}/subjects/{subject}/versions", node.url);
        let numbers: Vec<u32> = match get(&self.http, &self.auth, &address).await {
            Ok(numbers) => numbers,
            Err(failure) if failure.is_absence() => Vec::new(),
            Err(failure) => return Err(failure),
        };
        let mut versions = Vec::new();
        for number in numbers {
            let Version { schema } = get(&self.http, &self.auth, &format!("{address}/{number}")).await?;
            versions.push((number, schema));
        }
        Ok(versions)
    }
}
