//! Values that must not come out anywhere.

use crate::forms::{forms, found};

pub(crate) const ACCESS_KEY_SECRET: &str = "canary/access+key=secret";
pub(crate) const SECURITY_TOKEN: &str = "canary/sts+token=of-a-session";
pub(crate) const SASL_PASSWORD: &str = "canary/sasl+password=1";
pub(crate) const KEY_PASSWORD: &str = "canary/key+password=2";
pub(crate) const REGISTRY_PASSWORD: &str = "canary/registry+password=3";
pub(crate) const BEARER_TOKEN: &str = "canary/bearer+token=4";
pub(crate) const PROXY_PASSWORD: &str = "canary-proxy-password";

/// Issued by whatever stands beside the program, or by STS.
pub(crate) const ISSUED_SECRET: &str = "canary/issued+secret=5";
pub(crate) const ISSUED_TOKEN: &str = "canary/issued+token=6";
pub(crate) const METADATA_TOKEN: &str = "canary/metadata+token=7";
pub(crate) const OIDC_TOKEN: &str = "canary/oidc+token=8";
pub(crate) const EXTERNAL_ID: &str = "canary/external+id=9";
pub(crate) const URI_PATH: &str = "canary-uri-path";

pub(crate) const ALL: [&str; 13] = [
    ACCESS_KEY_SECRET,
    SECURITY_TOKEN,
    SASL_PASSWORD,
    KEY_PASSWORD,
    REGISTRY_PASSWORD,
    BEARER_TOKEN,
    PROXY_PASSWORD,
    ISSUED_SECRET,
    ISSUED_TOKEN,
    METADATA_TOKEN,
    OIDC_TOKEN,
    EXTERNAL_ID,
    URI_PATH,
];

/// Fails if one of them stands in `text`, in any form.
#[track_caller]
pub(crate) fn none_in(what: &str, text: &str) {
    if let Some(form) = found(&ALL, text.as_bytes()) {
        panic!("{what} holds {form:?}:\n{text}");
    }
}

#[test]
fn a_canary_is_found_in_each_of_its_forms() {
    for form in ALL.into_iter().flat_map(forms) {
        let found = std::panic::catch_unwind(|| none_in("a planted text", &format!("…{form}…")));
        assert!(found.is_err(), "{form}");
    }
}
