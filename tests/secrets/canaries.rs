//! Values that must not come out anywhere, in any form in which they travel.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub(crate) const ACCESS_KEY_SECRET: &str = "canary/access+key=secret";
pub(crate) const SECURITY_TOKEN: &str = "canary/sts+token=of-a-session";
pub(crate) const SASL_PASSWORD: &str = "canary/sasl+password=1";
pub(crate) const KEY_PASSWORD: &str = "canary/key+password=2";
pub(crate) const REGISTRY_PASSWORD: &str = "canary/registry+password=3";
pub(crate) const BEARER_TOKEN: &str = "canary/bearer+token=4";
pub(crate) const PROXY_PASSWORD: &str = "canary-proxy-password";

pub(crate) const ALL: [&str; 7] =
    [ACCESS_KEY_SECRET, SECURITY_TOKEN, SASL_PASSWORD, KEY_PASSWORD, REGISTRY_PASSWORD, BEARER_TOKEN, PROXY_PASSWORD];

/// Fails if one of them stands in `text`: as it is, escaped, percent-encoded, or in base64 (also behind a user's name,
/// as HTTP and SASL send it).
#[track_caller]
pub(crate) fn none_in(what: &str, text: &str) {
    for canary in ALL {
        for form in forms(canary) {
            assert!(!text.contains(&form), "{what} holds {form:?}:\n{text}");
        }
    }
}

fn forms(canary: &str) -> Vec<String> {
    let login = format!("user:{canary}");
    let sasl = format!("\0user\0{canary}");
    // What comes before the last bytes of a text is the same in base64 whatever follows.
    let encoded = [canary, &login, &sasl].map(|text| STANDARD.encode(text).trim_end_matches('=').to_owned());
    let mut forms = vec![
        canary.to_owned(),
        canary.replace('/', "\\/"),
        utf8_percent_encode(canary, NON_ALPHANUMERIC).to_string(),
        URL_SAFE.encode(canary).trim_end_matches('=').to_owned(),
        canary.bytes().map(|byte| format!("{byte:02x}")).collect(),
        canary.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", "),
    ];
    forms.extend(encoded);
    forms
}

#[test]
fn a_canary_is_found_in_each_of_its_forms() {
    for form in forms(SASL_PASSWORD) {
        let found = std::panic::catch_unwind(|| none_in("a planted text", &format!("…{form}…")));
        assert!(found.is_err(), "{form}");
    }
}
