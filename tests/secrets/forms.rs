//! A secret in every form in which it travels, and the search for all of them. The tests on real services use it, too.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The first form of one of `secrets` that stands in `bytes`, whatever stands around it.
pub(crate) fn found(secrets: &[&str], bytes: &[u8]) -> Option<String> {
    // What is not UTF-8 is replaced; a form is plain ASCII and stays as it is.
    let text = String::from_utf8_lossy(bytes);
    secrets.iter().flat_map(|secret| forms(secret)).find(|form| text.contains(form.as_str()))
}

/// As it is, escaped, percent-encoded, in hexadecimal, as a list of bytes, and in base64 at any place of a longer text
/// (HTTP and SASL put a user's name in front).
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut forms = vec![
        secret.to_owned(),
        secret.replace('/', "\\/"),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes.iter().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", "),
    ];
    forms.extend((0..3).flat_map(|before| [STANDARD, URL_SAFE].map(|alphabet| inside(&alphabet, before, bytes))));
    forms
}

/// The characters of base64 that depend on nothing but `bytes`, where so many bytes (modulo 3) stand in front.
fn inside(alphabet: &impl base64::Engine, before: usize, bytes: &[u8]) -> String {
    let encoded = alphabet.encode([&vec![0; before], bytes].concat());
    let first = (before * 8).div_ceil(6);
    encoded[first..(before + bytes.len()) * 8 / 6].to_owned()
}

#[test]
fn a_secret_is_found_in_every_form_and_nothing_else_is() {
    let secret = "canary/of+a=form";
    for form in forms(secret) {
        let text = [b"\xff\x00 before ", form.as_bytes(), b" after \xfe"].concat();
        assert_eq!(found(&["another", secret], &text).as_deref(), Some(form.as_str()));
    }
    for (user, rest) in [("a", ""), ("ab", "x"), ("abc", "xy"), ("daemon", "xyz")] {
        let login = STANDARD.encode(format!("{user}:{secret}{rest}"));
        assert!(found(&[secret], login.as_bytes()).is_some(), "{login}");
        assert_eq!(found(&["canary/of+a=norm"], login.as_bytes()), None);
    }
}
