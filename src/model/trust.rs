//! Whom a trust policy trusts, and what a change of it means.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::Document;

/// Who may assume a role: one principal of a statement that allows something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TrustedPrincipal {
    /// `service`, `ram` (accounts, users, roles) or `federated`; any other as received, in lower case.
    pub principal_type: String,
    /// A service's domain, an ARN, an account's id, or `*`.
    pub principal: String,
}

/// Whom a change of a trust policy lets in, and whom it no longer does; both sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustChange {
    /// Trusted now, and not before.
    pub added: Vec<TrustedPrincipal>,
    /// Trusted before, and not now.
    pub removed: Vec<TrustedPrincipal>,
}

impl TrustChange {
    /// From one document to the other; of none nobody is trusted. `None` if they mean the same, or if one of them is
    /// no policy.
    ///
    /// Conditions and denials are not weighed: if they alone changed, both lists are empty.
    #[must_use]
    pub fn between(before: Option<&Document>, after: Option<&Document>) -> Option<Self> {
        if before == after {
            return None;
        }
        let trusted = |document: Option<&Document>| document.map_or(Some(BTreeSet::new()), principals);
        let (before, after) = (trusted(before)?, trusted(after)?);
        let only = |one: &BTreeSet<_>, other: &BTreeSet<_>| one.difference(other).cloned().collect();
        Some(Self { added: only(&after, &before), removed: only(&before, &after) })
    }
}

/// The principals of every statement that allows something; `None` if the document is no policy.
fn principals(document: &Document) -> Option<BTreeSet<TrustedPrincipal>> {
    let document: Value = serde_json::from_str(document.as_str()).ok()?;
    let statements = each(document.get("Statement")?).filter(|statement| allows(statement));
    let all = statements.filter_map(|statement| statement.get("Principal")).flat_map(of_statement);
    Some(all.collect())
}

fn allows(statement: &Value) -> bool {
    statement.get("Effect").and_then(Value::as_str).is_some_and(|effect| effect.eq_ignore_ascii_case("Allow"))
}

/// `{"Service": ["ecs.aliyuncs.com"], "RAM": "acs:ram::1:root"}`, or `"*"` for everybody.
fn of_statement(principal: &Value) -> Vec<TrustedPrincipal> {
    let one = |of_type: &str, principal: &Value| {
        let principal = principal.as_str()?.to_owned();
        Some(TrustedPrincipal { principal_type: of_type.to_ascii_lowercase(), principal })
    };
    match principal {
        Value::Object(by_type) => {
            by_type.iter().flat_map(|(of_type, all)| each(all).filter_map(move |each| one(of_type, each))).collect()
        }
        everybody => one("ram", everybody).into_iter().collect(),
    }
}

/// A value and an array of one value mean the same.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let several = value.as_array();
    several.into_iter().flatten().chain(several.is_none().then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusting(principal: &str) -> Document {
        let statement = format!(r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{principal}}}"#);
        Document::new(format!(r#"{{"Version":"1","Statement":[{statement}]}}"#))
    }

    fn between(before: &str, after: &str) -> Option<(Vec<String>, Vec<String>)> {
        let change = TrustChange::between(Some(&trusting(before)), Some(&trusting(after)))?;
        let told =
            |all: Vec<TrustedPrincipal>| all.into_iter().map(|p| format!("{} {}", p.principal_type, p.principal));
        Some((told(change.added).collect(), told(change.removed).collect()))
    }

    fn lists(added: &[&str], removed: &[&str]) -> Option<(Vec<String>, Vec<String>)> {
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        Some((owned(added), owned(removed)))
    }

    #[test]
    fn whoever_is_named_only_after_the_change_is_added_and_whoever_only_before_is_removed() {
        let before = r#"{"Service":["ecs.aliyuncs.com","fc.aliyuncs.com"],"RAM":"acs:ram::1:root"}"#;
        let after = r#"{"Service":["fc.aliyuncs.com"],"RAM":["acs:ram::1:root","acs:ram::2:user/eve"],
            "Federated":"acs:ram::1:saml-provider/okta"}"#;
        let added = ["federated acs:ram::1:saml-provider/okta", "ram acs:ram::2:user/eve"];
        assert_eq!(between(before, after), lists(&added, &["service ecs.aliyuncs.com"]));
    }

    #[test]
    fn another_order_spelling_or_form_is_no_change_of_trust() {
        assert_eq!(between(r#"{"Service":["a"]}"#, r#"{"Service":"a"}"#), None, "the documents mean the same");
        assert_eq!(between(r#"{"Service":["a","b"]}"#, r#"{"service":["b","a","b"]}"#), lists(&[], &[]));
        assert_eq!(between(r#"{"RAM":["1"]}"#, r#""*""#), lists(&["ram *"], &["ram 1"]), "everybody");
    }

    #[test]
    fn a_statement_that_denies_trusts_nobody() {
        let denying = Document::new(r#"{"Statement":{"Effect":"Deny","Principal":{"RAM":"1"}}}"#);
        let change = TrustChange::between(Some(&denying), Some(&trusting(r#"{"RAM":"1"}"#))).unwrap();
        assert_eq!((change.added.len(), change.removed.len()), (1, 0));
    }

    #[test]
    fn a_new_role_trusts_everybody_in_its_document_and_a_removed_one_nobody_any_more() {
        let document = trusting(r#"{"Service":"a"}"#);
        let new = TrustChange::between(None, Some(&document)).unwrap();
        let gone = TrustChange::between(Some(&document), None).unwrap();
        assert_eq!((new.added.len(), new.removed.len()), (1, 0));
        assert_eq!((gone.added, gone.removed), (vec![], new.added));
    }

    #[test]
    fn nothing_is_said_of_what_is_no_policy() {
        let document = trusting(r#"{"Service":"a"}"#);
        for broken in ["{", "[]", "{}", "1"] {
            assert_eq!(TrustChange::between(Some(&document), Some(&Document::new(broken))), None, "{broken}");
        }
    }
}
