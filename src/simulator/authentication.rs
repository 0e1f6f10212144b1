//! Who calls: signature, freshness, nonce and security token of a request.
//!
//! Promises: every request is verified as the services do it, in both styles; a style is told by the `Authorization`
//! header, never by `x-acs` headers, which clients of either style send. Does not decide what a caller may do: `policy`
//! does.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

use super::error::{self, ServiceError};
use super::issuing::Issuing;
use super::request::Request;
use super::signature::{self, Acs3Request};
use crate::secret::Secret;

/// How far a request's date may be from the service's clock.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// Whose key a request was signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The account itself.
    Root,
    /// Nobody: the operation asks for no signature.
    Anonymous,
    /// A RAM user, by id.
    User(String),
    /// A session of a role.
    Session {
        /// The role, by id.
        role_id: String,
        /// The name that AssumeRole was given.
        session_name: String,
    },
}

/// An access key that verifies, unless it was switched off.
#[derive(Clone, Debug)]
pub struct Key {
    /// What requests are signed with.
    pub secret: Secret,
    /// Whose it is.
    pub identity: Identity,
    /// The token without which a temporary key is worth nothing, and when it expires.
    pub session: Option<(Secret, Timestamp)>,
}

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The access key id.
    pub access_key_id: String,
    /// Whose key it is.
    pub identity: Identity,
}

/// The keys that verify, and the nonces that were used.
#[derive(Debug, Default)]
pub struct Keys {
    /// How temporary ones come about.
    pub(super) issuing: Issuing,
    keys: Mutex<HashMap<String, Key>>,
    switched_off: Mutex<HashSet<String>>,
    nonces: Mutex<Nonces>,
}

impl Keys {
    /// Adds a key.
    pub fn add(&self, access_key_id: impl Into<String>, key: Key) {
        super::lock(&self.keys).insert(access_key_id.into(), key);
    }

    /// Switches a key on or off.
    pub fn switch(&self, access_key_id: &str, is_on: bool) {
        let mut switched_off = super::lock(&self.switched_off);
        if is_on {
            switched_off.remove(access_key_id)
        } else {
            switched_off.insert(access_key_id.to_owned())
        };
    }

    /// Takes a key away.
    pub fn remove(&self, access_key_id: &str) {
        super::lock(&self.keys).remove(access_key_id);
    }

    /// Lets a temporary key expire at `at`.
    #[cfg(feature = "simulation")]
    pub fn expire(&self, access_key_id: &str, at: Timestamp) {
        if let Some(Key { session: Some((_, expires)), .. }) = super::lock(&self.keys).get_mut(access_key_id) {
            *expires = at;
        }
    }

    /// Verifies `request`: its freshness at `judging`, the life of a security token at `now`, by the account's clock.
    ///
    /// # Errors
    /// What is wrong with it, as the services word it.
    pub fn authenticate(&self, request: &Request, judging: Timestamp, now: Timestamp) -> Result<Caller, ServiceError> {
        let claim = match request.acs3_authorization() {
            Some(authorization) => acs3_claim(request, authorization)?,
            None => hmac_sha1_claim(request)?,
        };
        check_date(claim.date, judging)?;
        let key = super::lock(&self.keys).get(claim.access_key_id).cloned().ok_or(error::KEY_NOT_FOUND)?;
        if super::lock(&self.switched_off).contains(claim.access_key_id) {
            return Err(error::KEY_INACTIVE);
        }
        check_session(&key, claim.security_token, now)?;
        (claim.verify)(request, &claim, &key.secret)?;
        if !super::lock(&self.nonces).is_new(claim.access_key_id, claim.nonce, judging) {
            return Err(error::NONCE_USED);
        }
        Ok(Caller { access_key_id: claim.access_key_id.to_owned(), identity: key.identity })
    }
}

type Verify = fn(&Request, &Claim<'_>, &Secret) -> Result<(), ServiceError>;

/// What a request says of itself.
struct Claim<'a> {
    access_key_id: &'a str,
    signature: &'a str,
    signed_headers: Vec<&'a str>,
    date: &'a str,
    nonce: &'a str,
    security_token: Option<&'a str>,
    verify: Verify,
}

fn acs3_claim<'a>(request: &'a Request, authorization: &'a str) -> Result<Claim<'a>, ServiceError> {
    let part = |name: &str| {
        authorization.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).ok_or_else(|| {
            let message = format!("The request signature does not conform to Aliyun standards. {name} is missing.");
            ServiceError::new(400, "IncompleteSignature", message)
        })
    };
    let header = |name: &str, parameter: &str| request.header(name).ok_or_else(|| ServiceError::missing(parameter));
    Ok(Claim {
        access_key_id: part("Credential")?,
        signature: part("Signature")?,
        signed_headers: part("SignedHeaders")?.split(';').collect(),
        date: header("x-acs-date", "Timestamp")?,
        nonce: header("x-acs-signature-nonce", "SignatureNonce")?,
        security_token: request.header("x-acs-security-token"),
        verify: verify_acs3,
    })
}

fn hmac_sha1_claim(request: &Request) -> Result<Claim<'_>, ServiceError> {
    let parameters = &request.parameters;
    let access_key_id = parameters.required("AccessKeyId")?;
    if parameters.required("SignatureMethod")? != "HMAC-SHA1" {
        return Err(ServiceError::new(400, "InvalidSignatureMethod", "Specified signature method is not supported."));
    }
    Ok(Claim {
        access_key_id,
        signature: parameters.required("Signature")?,
        signed_headers: Vec::new(),
        date: parameters.required("Timestamp")?,
        nonce: parameters.required("SignatureNonce")?,
        security_token: parameters.text("SecurityToken"),
        verify: verify_hmac_sha1,
    })
}

fn verify_acs3(request: &Request, claim: &Claim<'_>, secret: &Secret) -> Result<(), ServiceError> {
    let content_sha256 = signature::sha256_hex(&request.body);
    if request.header("x-acs-content-sha256") != Some(&content_sha256) {
        let message =
            "Specified signature is not matched with our calculation. x-acs-content-sha256 is not that of the body.";
        return Err(ServiceError::new(400, "SignatureDoesNotMatch", message));
    }
    let signed_headers: Vec<_> =
        claim.signed_headers.iter().map(|name| (*name, request.header(name).unwrap_or_default())).collect();
    let signed = Acs3Request {
        method: &request.method,
        path: &request.path,
        query: &request.query,
        signed_headers: &signed_headers,
        content_sha256: &content_sha256,
    };
    if signed.signature(secret.expose()) == claim.signature {
        return Ok(());
    }
    let message = format!(
        "Specified signature is not matched with our calculation. server string to sign is:{}",
        signed.string_to_sign()
    );
    Err(ServiceError::new(400, "SignatureDoesNotMatch", message))
}

fn verify_hmac_sha1(request: &Request, claim: &Claim<'_>, secret: &Secret) -> Result<(), ServiceError> {
    let string_to_sign = signature::hmac_sha1_string_to_sign(&request.method, request.parameters.pairs());
    if signature::hmac_sha1_signature(secret.expose(), &string_to_sign) == claim.signature {
        return Ok(());
    }
    // RAM answers a wrong secret in this style with this code (recorded from the real service).
    let message = format!(
        "The request signature does not conform to Aliyun standards. server string to sign is:{string_to_sign}"
    );
    Err(ServiceError::new(400, "IncompleteSignature", message))
}

fn check_date(date: &str, now: Timestamp) -> Result<(), ServiceError> {
    let date: Timestamp = date.parse().map_err(|_| error::TIMESTAMP_FORMAT)?;
    if now.duration_since(date).abs() > CLOCK_SKEW { Err(error::TIMESTAMP_EXPIRED) } else { Ok(()) }
}

fn check_session(key: &Key, sent: Option<&str>, now: Timestamp) -> Result<(), ServiceError> {
    match (&key.session, sent) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(error::TOKEN_MISMATCH),
        (Some(_), None) => Err(ServiceError::missing("SecurityToken")),
        (Some((token, _)), Some(sent)) if token.expose() != sent => Err(error::TOKEN_MALFORMED),
        (Some((_, expires)), Some(_)) if *expires <= now => Err(error::TOKEN_EXPIRED),
        (Some(_), Some(_)) => Ok(()),
    }
}

/// Nonces of the last half hour at least: a date may lie 15 minutes ahead and be accepted until 15 minutes after.
#[derive(Debug, Default)]
struct Nonces {
    hasher: RandomState,
    began: Timestamp,
    current: HashSet<u64>,
    previous: HashSet<u64>,
}

impl Nonces {
    fn is_new(&mut self, access_key_id: &str, nonce: &str, now: Timestamp) -> bool {
        if now.duration_since(self.began).abs() > CLOCK_SKEW * 2 {
            self.previous = std::mem::take(&mut self.current);
            self.began = now;
        }
        let hash = self.hasher.hash_one((access_key_id, nonce));
        !self.previous.contains(&hash) && self.current.insert(hash)
    }
}
