//! Configuration: one TOML file, every key overridable by an environment variable.
//!
//! Two stages. *Raw*: the file and the variables become dotted keys with their origins (`source`). *Validated*: each
//! section asks for its keys (`reader`) and becomes a plain struct, which the callers take apart into plain parameters.
//! Every mistake is found in one go, and each says which key, where it was given, why it is wrong and what to do.
//! Nothing here prints a secret. Knows nothing of what the values are used for.
//!
//! A variable is called `RAMSTREAM_<SECTION>__<KEY>`, nested tables joined by `__`; lists are separated by commas. An
//! empty variable counts as not set.

mod parse;
mod problem;
mod reader;
mod source;

mod alicloud;
mod collect;
mod credentials;
mod faces;
mod kafka;
mod kafka_properties;
mod registry;
mod sync;

#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::path::Path;

pub use alicloud::{Account, Alicloud, Endpoints, Network};
pub use collect::Collect;
pub use credentials::{AccessKey, AssumeRole, Credentials, Ecs, Oidc, Profile, Source};
pub use faces::{Admin, Listen, Log, LogFormat, TlsFiles};
pub use kafka::{ClientCertificate, Kafka, KafkaSecurity, Sasl, SecurityProtocol};
pub use problem::{Origin, Problem, Refused};
pub use reader::Setting;
pub use registry::{Registry, RegistryAuth, RegistryMode};
pub use sync::Sync;

use problem::Fault;
use reader::Reader;
use source::Given;

/// The file that is read if none is named.
pub const DEFAULT_FILE: &str = "ramstream.toml";

/// The variable that names the file, for whoever calls [`load`].
pub const FILE_VARIABLE: &str = source::FILE_VARIABLE;

/// A complete commented file with every key and its default.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Everything that a daemon needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[account]`
    pub account: Account,
    /// `[alicloud]`
    pub alicloud: Alicloud,
    /// `[credentials]`; `None` only if [`Purpose::Topics`], [`Purpose::Kafka`] or [`Purpose::Asking`] was asked for and they are not complete.
    pub credentials: Option<Credentials>,
    /// `[collect]`
    pub collect: Collect,
    /// `[sync]`
    pub sync: Sync,
    /// Where the events go; `None` for [`Purpose::Asking`], and for [`Purpose::Reading`] if nothing is configured.
    pub publishing: Option<Publishing>,
    /// `[listen]`
    pub listen: Listen,
    /// `[admin]`
    pub admin: Admin,
    /// `[log]`
    pub log: Log,
}

/// What only a command that publishes needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publishing {
    /// `[kafka]`
    pub kafka: Kafka,
    /// `[registry]`; without an address if only [`Purpose::Kafka`] was asked for and none is configured.
    pub registry: Registry,
}

/// What the command will do, and so which sections have to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Read the account only: `[kafka]` and `[registry]` may be missing, but not be wrong.
    Reading,
    /// Read and publish.
    Publishing,
    /// Work with the topics alone: `[credentials]` may be missing, but not be wrong.
    Topics,
    /// Work with Kafka alone: `[credentials]` and `[registry]` may be missing, but not be wrong.
    Kafka,
    /// Ask a daemon: `[credentials]`, `[kafka]` and `[registry]` may be missing, but not be wrong.
    Asking,
}

/// A configuration that can be used, and how it came about.
#[derive(Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Every key with what holds for it, in the order of the sections; secrets are hidden.
    pub settings: Vec<Setting>,
    /// What is allowed and should still be mended.
    pub warnings: Vec<Problem>,
}

/// Loads the configuration from `file` (or `ramstream.toml` if there is one) and `environment`.
///
/// # Errors
/// [`Refused`] with every mistake.
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    purpose: Purpose,
) -> Result<Loaded, Refused> {
    let (given, path) = gathered(file, environment)?;
    validate(&given, purpose, path)
}

/// The section `[collect]` alone, for whoever asks before anything else is configured: which permissions are needed is
/// asked before there are credentials.
///
/// # Errors
/// [`Refused`] with the mistakes of that section, or that there is nothing to read.
pub fn load_collect(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Collect, Refused> {
    let (given, path) = gathered(file, environment)?;
    let mut r = Reader::new(&given);
    let collect = Collect::read(&mut r);
    if r.problems.is_empty() { Ok(collect) } else { Err(refused(r.problems, path)) }
}

/// What the file and the environment give, and the file, if there is one.
fn gathered(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(Given, Option<&Path>), Refused> {
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if file.is_none() && error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let fault = Fault::new(format!("the file cannot be read: {error}"), "name a file that this user may read");
            return Err(refused(vec![fault.at(path.display().to_string(), None)], Some(path)));
        }
    };
    let given = source::gather(text.as_deref().map(|text| (path, text)), environment);
    let path = text.is_some().then_some(path);
    if given.problems.is_empty() { Ok((given, path)) } else { Err(refused(given.problems, path)) }
}

/// Loads the configuration from the text of a file that is never opened, and `variables`.
///
/// # Errors
/// [`Refused`] with every mistake.
#[doc(hidden)]
pub fn load_from_text(
    name: &Path,
    text: &str,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    purpose: Purpose,
) -> Result<Loaded, Refused> {
    validate(&source::gather(Some((name, text)), variables), purpose, Some(name))
}

/// Loads the configuration from `variables` alone, for whoever brings all of them and wants no file to interfere.
///
/// # Errors
/// [`Refused`] with every mistake.
pub fn load_from_variables(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    purpose: Purpose,
) -> Result<Loaded, Refused> {
    validate(&source::gather(None, variables), purpose, None)
}

fn refused(problems: Vec<Problem>, file: Option<&Path>) -> Refused {
    let read_from = match file {
        Some(path) => format!("{} and the environment", path.display()),
        None => format!("the environment alone: there is no {DEFAULT_FILE} in this directory"),
    };
    Refused { read_from, problems, account_unknown: None }
}

fn validate(given: &Given, purpose: Purpose, file: Option<&Path>) -> Result<Loaded, Refused> {
    if !given.problems.is_empty() {
        return Err(refused(given.problems.clone(), file));
    }
    let mut r = Reader::new(given);
    let account = Account::read(&mut r);
    let after_account = r.problems.len();
    let alicloud = Alicloud::read(&mut r);
    let credentials = Credentials::read(&mut r);
    if matches!(purpose, Purpose::Topics | Purpose::Kafka | Purpose::Asking) {
        r.forgive_missing(after_account);
    }
    let cloud_is_fine = r.problems.len() == after_account;
    let collect = Collect::read(&mut r);
    let sync = Sync::read(&mut r);
    let publishing = Publishing::read(&mut r, purpose);
    let listen = Listen::read(&mut r);
    let (admin, log) = (Admin::read(&mut r, &listen), Log::read(&mut r));
    r.refuse_unknown();
    warn_of_open_secrets(&mut r, file);

    if r.problems.is_empty() {
        let config = Config { account, alicloud, credentials, collect, sync, publishing, listen, admin, log };
        return Ok(Loaded { config, settings: r.settings, warnings: r.warnings });
    }
    let unknown = !r.is_given("account.id") && cloud_is_fine;
    let account_unknown =
        credentials.filter(|given| unknown && given.are_chosen()).map(|credentials| Box::new((alicloud, credentials)));
    Err(Refused { account_unknown, ..refused(r.problems, file) })
}

impl Publishing {
    fn read(r: &mut Reader<'_>, purpose: Purpose) -> Option<Self> {
        let before = r.problems.len();
        let kafka = Kafka::read(r);
        let after_kafka = r.problems.len();
        let publishing = Self { kafka, registry: Registry::read(r) };
        if purpose == Purpose::Kafka {
            r.forgive_missing(after_kafka);
        }
        let wanted = match purpose {
            Purpose::Reading => r.is_given("kafka.brokers") || r.is_given("registry.url"),
            // What the daemon has been given (a password of its unit, say) need not stand where it is asked.
            Purpose::Asking => false,
            Purpose::Publishing | Purpose::Topics | Purpose::Kafka => true,
        };
        if !wanted {
            r.forgive_missing(before);
        }
        wanted.then_some(publishing)
    }
}

/// The configuration file itself is a secret file if a secret stands in it.
fn warn_of_open_secrets(r: &mut Reader<'_>, file: Option<&Path>) {
    let in_file = |setting: &&Setting| {
        setting.shown.as_deref() == Some(reader::HIDDEN) && matches!(setting.origin, Origin::File { .. })
    };
    if let (Some(path), Some(setting)) = (file, r.settings.iter().find(in_file)) {
        let key = setting.key.clone();
        r.check_permissions(&key, path);
    }
}
