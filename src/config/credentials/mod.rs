//! `[credentials]`: which link of the chain, and a role on top of it.
//!
//! Decided here, once: what the section says, or else the first link of Alibaba Cloud's default chain that is configured
//! (`chain`). A link that is configured and fails is an error later on; it is never passed over for the next one, which
//! would be other credentials than somebody meant.

mod assume_role;
mod chain;
mod keys;
mod links;

use std::path::PathBuf;

pub use assume_role::AssumeRole;
pub use links::{Ecs, Oidc, Profile};

use self::keys::Keys;
use super::parse;
use super::reader::Reader;
use crate::secret::Secret;

/// What the cloud is called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Where they come from.
    pub source: Source,
    /// `[credentials.assume_role]`: a role that they take on.
    pub assume_role: Option<AssumeRole>,
}

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An AccessKey in the configuration.
    Values(AccessKey),
    /// Files to read the values from, again whenever they change.
    Files {
        /// Holds the AccessKeyId.
        access_key_id: PathBuf,
        /// Holds the AccessKeySecret.
        access_key_secret: PathBuf,
        /// Holds the token of temporary (STS) credentials.
        security_token: Option<PathBuf>,
    },
    /// An AccessKey in Alibaba Cloud's own variables.
    Environment(AccessKey),
    /// The token of an identity provider.
    Oidc(Oidc),
    /// A profile of Alibaba Cloud's command line.
    Profile(Profile),
    /// The role of the ECS instance.
    Ecs(Ecs),
    /// An address that gives credentials; never shown, for it may be what lets one in.
    Uri(Secret),
}

/// An AccessKey by value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The AccessKeyId.
    pub access_key_id: String,
    /// The AccessKeySecret.
    pub access_key_secret: Secret,
    /// The token of temporary (STS) credentials.
    pub security_token: Option<Secret>,
}

/// `credentials.source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Chain,
    Keys,
    Environment,
    Oidc,
    Profile,
    Ecs,
    Uri,
}

const WORDS: &[(&str, Word)] = &[
    ("chain", Word::Chain),
    ("keys", Word::Keys),
    ("environment", Word::Environment),
    ("oidc", Word::Oidc),
    ("profile", Word::Profile),
    ("ecs", Word::Ecs),
    ("uri", Word::Uri),
];

const SOURCE: &str = "credentials.source";

impl Word {
    fn as_str(self) -> &'static str {
        WORDS.iter().find(|(_, word)| *word == self).map_or("", |(text, _)| text)
    }

    /// The keys that have an effect with this source alone.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Chain | Self::Environment => &[],
            Self::Keys => keys::ALL,
            Self::Oidc => links::OIDC,
            Self::Profile => links::PROFILE,
            Self::Ecs => links::ECS,
            Self::Uri => links::URI,
        }
    }
}

impl Credentials {
    /// `None` comes with a problem.
    pub(super) fn read(r: &mut Reader<'_>) -> Option<Self> {
        let before = r.problems.len();
        let word = r.optional(SOURCE, parse::one_of(WORDS));
        let (keys, links) = (Keys::read(r), links::Links::read(r));
        let assume_role = AssumeRole::read(r);
        let is_wrong = r.is_given(SOURCE) && word.is_none();
        let word = if is_wrong { None } else { decided(r, word) };
        let source = match word? {
            Word::Chain => chain::first_configured(r, links),
            Word::Keys => keys.complete(r),
            Word::Environment => chain::environment(r),
            Word::Oidc => links.oidc(r),
            Word::Profile => links.profile(r),
            Word::Ecs => Some(links.ecs(r, true)),
            Word::Uri => links.uri(r),
        };
        let is_fine = r.problems.len() == before;
        Some(Self { source: source?, assume_role: assume_role.ok()? }).filter(|_| is_fine)
    }

    /// Whether somebody chose them: without any choice, the instance's role is what is left to try.
    pub(super) fn are_chosen(&self) -> bool {
        !matches!(self.source, Source::Ecs(Ecs { is_chosen: false, .. }))
    }
}

/// The source that is named, or that the keys which are given belong to; `None` comes with a problem.
fn decided(r: &mut Reader<'_>, word: Option<Word>) -> Option<Word> {
    let is_given = |word: Word| word.keys().iter().any(|key| r.is_given(key));
    let implied: Vec<Word> = WORDS.iter().map(|(_, word)| *word).filter(|word| is_given(*word)).collect();
    match (word, implied.as_slice()) {
        (None, []) => Some(Word::Chain),
        (None, [only]) => Some(*only),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|word| word.as_str()).collect();
            let reason = format!("keys of several sources are mixed: {}", names.join(", "));
            r.fault("credentials", reason, "leave the keys of one, or say which one with credentials.source");
            None
        }
        (Some(word), implied) => {
            let Some(other) = implied.iter().find(|other| **other != word) else { return Some(word) };
            let key = other.keys().iter().copied().find(|key| r.is_given(key)).unwrap_or(SOURCE);
            let reason = format!("is without effect: credentials.source is {:?}", word.as_str());
            r.fault(key, reason, format!("take it out, or set credentials.source = {:?}", other.as_str()));
            None
        }
    }
}
