//! The client of Alibaba Cloud's APIs: signed, read-only, paced, and never sure of more than it was told.
//!
//! Promises of this module:
//!
//! - A listing is complete or unknown: `paging.rs` is the only file that states completeness.
//! - Only operations of [`OPERATIONS`] are called, all of them reads but those that give a role's credentials, at a share
//!   of their quotas.
//! - Retries, waits and the time budget live here (`session.rs`, `retry.rs`, `limit.rs`) and nowhere else.
//! - Nothing is called with credentials of another account than the expected one (`client.rs`), but to exchange them for
//!   those of a role (`credentials/assume_role.rs`).
//! - No secret and no message of a service leaves in an error or a log above debug level.
//!
//! It knows services and their operations, one file per service. It does not know what is compared,
//! where it is published, or what a listing means for another one.
//!
//! ```no_run
//! # async fn example(settings: ramstream::alicloud::Settings) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use ramstream::alicloud::{Client, ims};
//!
//! let client = Client::new(settings, "5481250658560000")?;
//! let session = client.session(tokio::time::Instant::now() + Duration::from_secs(240));
//! session.verify_account().await?;
//! match ims::list_users(&session).await {
//!     Ok(users) => println!("{} users in {:?}", users.items().len(), users.window()),
//!     Err(unknown) => println!("users are not known: {unknown}"),
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod session;

mod answer;
mod error;
mod error_body;
mod wire;

mod paging;

mod limit;
mod retry;

mod credentials;
mod endpoints;
mod exchange;
mod operation;
mod sign;

pub mod ecs;
pub mod ims;
pub mod ims_providers;
pub mod ims_settings;
pub mod presence;
pub mod ram;
pub mod resource_manager;
pub mod sign_in;
pub mod sts;
pub mod trial;

#[cfg(test)]
pub(crate) mod test_server;

pub use answer::Dated;
pub use client::{
    CallObserver, CallReport, Client, ExchangeObserver, IdentifyError, Settings, SettingsError, identify,
};
pub use credentials::{
    AssumedRole, CliProfile, CredentialFiles, Credentials, CredentialsError, CredentialsSource, CredentialsUri,
    DEFAULT_METADATA, EcsRole, EcsSettings, Link, OidcRole, OidcSettings, RoleSettings,
};
pub use endpoints::{EndpointError, EndpointSettings, Endpoints, Network, Service};
pub use error::{CallError, Refusal};
#[cfg(feature = "simulation")]
pub use exchange::SimulatedServices;
pub use exchange::{ExchangeError, ExchangeSettings, ExchangeSettingsError, Failure};
pub use operation::{Operation, Quota};
pub use retry::Backoff;
pub use session::{Calls, Session};
pub use wire::Tag;

// For the demo, which plays a person's tool on a simulated account; the client signs nothing but reads.
pub(crate) use sign::{Unsigned, canonical_query, sign};
/// What lies between the bodies of replies and a listing, for the benchmarks: `paging.rs` alone states completeness.
#[doc(hidden)]
pub mod bodies {
    pub use super::paging::without_duplicates;
    pub use super::wire::parse;
}

/// Every operation that is ever called: the least-privilege policy consists of their actions.
pub const OPERATIONS: &[&Operation] = &[
    &sts::GET_CALLER_IDENTITY,
    &sts::ASSUME_ROLE,
    &sts::ASSUME_ROLE_WITH_OIDC,
    &ims::LIST_USERS,
    &ims::LIST_GROUPS,
    &ims::LIST_USERS_FOR_GROUP,
    &ims::LIST_GROUPS_FOR_USER,
    &ims::GET_USER,
    &ims::GET_GROUP,
    &ims::GET_ACCOUNT_SUMMARY,
    &sign_in::LIST_ACCESS_KEYS,
    &sign_in::GET_LOGIN_PROFILE,
    &sign_in::GET_USER_MFA_INFO,
    &sign_in::LIST_VIRTUAL_MFA_DEVICES,
    &ram::GET_ACCOUNT_ALIAS,
    &ram::LIST_ROLES,
    &ram::GET_ROLE,
    &ram::LIST_POLICIES,
    &ram::GET_POLICY,
    &ram::LIST_POLICY_VERSIONS,
    &ram::LIST_POLICIES_FOR_USER,
    &ram::LIST_POLICIES_FOR_GROUP,
    &ram::LIST_POLICIES_FOR_ROLE,
    &resource_manager::LIST_POLICY_ATTACHMENTS,
    &ecs::DESCRIBE_REGIONS,
    &ecs::DESCRIBE_INSTANCES,
    &ecs::DESCRIBE_INSTANCE_RAM_ROLE,
    &ims_settings::GET_PASSWORD_POLICY,
    &ims_settings::GET_SECURITY_PREFERENCE,
    &ims_settings::GET_ACCOUNT_MFA_INFO,
    &ims_settings::GET_DEFAULT_DOMAIN,
    &ims_providers::LIST_SAML_PROVIDERS,
    &ims_providers::GET_SAML_PROVIDER,
    &ims_providers::LIST_OIDC_PROVIDERS,
    &ims_providers::GET_OIDC_PROVIDER,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{OPERATIONS, Service};

    #[test]
    fn every_operation_stands_once_and_needs_the_read_action_of_its_name() {
        let names: BTreeSet<String> = OPERATIONS.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), OPERATIONS.len());
        for operation in OPERATIONS.iter().filter(|operation| operation.service != Service::Sts) {
            assert!(["Get", "List", "Describe"].iter().any(|read| operation.name.starts_with(read)), "{operation}");
            // All the others are authorised by RAM's actions, whichever service has them.
            let of = if operation.service == Service::Ecs { "ecs" } else { "ram" };
            assert_eq!(operation.ram_action, Some(format!("{of}:{}", operation.name).as_str()));
        }
    }
}
