//! ResourceManager: policy attachments of every scope.
//!
//! Only here are attachments listed whose scope is a resource group: RAM's listings per user leave them out.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::endpoints::Service;
use super::operation::{Operation, Quota};
use super::paging::{Identified, Listed, NumberedPage, Words, by_number};
use super::session::Session;
use super::wire;
use crate::model::Listing;

/// Lists policy attachments. No source gives its quota; 50 is the lowest read quota of the service.
pub const LIST_POLICY_ATTACHMENTS: Operation = Operation {
    service: Service::ResourceManager,
    name: "ListPolicyAttachments",
    ram_action: Some("ram:ListPolicyAttachments"),
    quota: Quota::Assumed(50),
};

/// The most attachments by the default quotas: 20 system and 10 custom policies on each of 5,000 users,
/// 300 groups and 1,000 roles.
const MOST_ATTACHMENTS: u32 = (5000 + 300 + 1000) * 30;

/// A policy attached to a principal. It has no id: its five names together are its identity.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyAttachment {
    /// `Custom` or `System`.
    #[serde(deserialize_with = "wire::id")]
    pub policy_type: Arc<str>,
    /// The policy's name.
    #[serde(deserialize_with = "wire::id")]
    pub policy_name: Arc<str>,
    /// `IMSUser`, `IMSGroup` or `ServiceRole`.
    #[serde(deserialize_with = "wire::id")]
    pub principal_type: Arc<str>,
    /// `<user>@<domain>`, `<group>@group.<domain>` or `<role>@role.<domain of services>`.
    #[serde(deserialize_with = "wire::id")]
    pub principal_name: Arc<str>,
    /// `rg-…`, or the account's id for the whole account.
    #[serde(deserialize_with = "wire::id")]
    pub resource_group_id: Arc<str>,
    /// Since when.
    #[serde(default, deserialize_with = "wire::time")]
    pub attach_date: Option<Timestamp>,
}

impl Identified for PolicyAttachment {
    fn identity(&self) -> impl Ord {
        (&*self.policy_type, &*self.policy_name, &*self.principal_type, &*self.principal_name, &*self.resource_group_id)
    }

    /// A few thousand names stand in up to 189,000 items.
    fn share(&mut self, words: &mut Words) {
        let Self { policy_type, policy_name, principal_type, principal_name, resource_group_id, attach_date: _ } = self;
        for text in [policy_type, policy_name, principal_type, principal_name, resource_group_id] {
            words.share(text);
        }
    }
}

/// A page of policy attachments, as the body of a reply.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyAttachmentsPage {
    page_number: Option<u32>,
    total_count: Option<u32>,
    #[serde(default, deserialize_with = "wire::maybe_object")]
    policy_attachments: Option<PolicyAttachmentList>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyAttachmentList {
    #[serde(default, deserialize_with = "wire::items")]
    policy_attachment: Option<Vec<PolicyAttachment>>,
}

impl PolicyAttachmentsPage {
    /// The items of the page, where it has an array.
    #[must_use]
    pub fn into_items(self) -> Option<Vec<PolicyAttachment>> {
        NumberedPage::from(self).items
    }
}

impl From<PolicyAttachmentsPage> for NumberedPage<PolicyAttachment> {
    fn from(page: PolicyAttachmentsPage) -> Self {
        Self {
            page_number: page.page_number,
            total_count: page.total_count,
            items: page.policy_attachments.and_then(|list| list.policy_attachment),
        }
    }
}

/// Lists all policy attachments of the account: those of the whole account and those of every resource group.
///
/// # Errors
///
/// Why the listing is not known.
pub async fn list_policy_attachments(session: &Session) -> Listing<PolicyAttachment> {
    let operation = &LIST_POLICY_ATTACHMENTS;
    let listed = Listed { operation, parameters: &[], page_size: 100, largest: MOST_ATTACHMENTS };
    by_number::<PolicyAttachmentsPage, _>(session, &listed).await
}

/// Lists where one policy is attached to principals of one type (`IMSUser`, `IMSGroup`, `ServiceRole`), in every scope.
///
/// # Errors
///
/// Why the listing is not known.
pub async fn list_attachments_of_policy(
    session: &Session,
    policy_type: &str,
    policy_name: &str,
    principal_type: &str,
) -> Listing<PolicyAttachment> {
    let operation = &LIST_POLICY_ATTACHMENTS;
    let parameters = [("PolicyType", policy_type), ("PolicyName", policy_name), ("PrincipalType", principal_type)];
    let listed = Listed { operation, parameters: &parameters, page_size: 100, largest: MOST_ATTACHMENTS };
    by_number::<PolicyAttachmentsPage, _>(session, &listed).await
}
