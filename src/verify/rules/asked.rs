//! What was asked of the account, and how often it lied to whoever asked.
//!
//! A lie is an old answer, or one that lacks rows, that is complete in form. Who is told more of them than the evidence can
//! outweigh cannot know better, so what it says then is excused, and counted as that.

use std::collections::{BTreeMap, BTreeSet};

use super::super::fold::{ends, kind_of};
use super::super::truth::{Request, Truth};

/// The operations that read a kind: its listing, then its details.
const READ_BY: [(&str, &[&str]); 14] = [
    ("account", &["GetAccountAlias", "GetAccountMFAInfo", "GetDefaultDomain"]),
    ("user", &["ListUsers"]),
    ("group", &["ListGroups"]),
    ("membership", &["ListUsersForGroup"]),
    ("role", &["ListRoles", "GetRole"]),
    ("policy", &["ListPolicies", "ListPolicyVersions"]),
    ("policy_attachment", &["ListPolicyAttachments"]),
    ("password_policy", &["GetPasswordPolicy"]),
    ("security_preference", &["GetSecurityPreference"]),
    ("identity_provider", &["ListSAMLProviders", "ListOIDCProviders", "GetSAMLProvider", "GetOIDCProvider"]),
    ("instance", &["DescribeRegions", "DescribeInstances", "DescribeInstanceRamRole"]),
    ("access_key", &["ListAccessKeys"]),
    ("login_profile", &["GetLoginProfile"]),
    ("mfa_device", &["ListVirtualMFADevices", "GetUserMFAInfo"]),
];

/// Those that are asked for by a name or an id, which may go meanwhile.
pub(super) const BY_NAME: [&str; 9] = [
    "ListUsersForGroup",
    "GetRole",
    "ListPolicyVersions",
    "GetSAMLProvider",
    "GetOIDCProvider",
    "DescribeInstanceRamRole",
    "ListAccessKeys",
    "GetLoginProfile",
    "GetUserMFAInfo",
];

/// The listings that a kind is read through, beside its own: those that its names come from.
const NAMED_BY: [(&str, &[&str]); 5] = [
    ("membership", &["ListGroups"]),
    ("policy_attachment", &["ListUsers", "ListGroups", "ListRoles"]),
    ("access_key", &["ListUsers"]),
    ("login_profile", &["ListUsers"]),
    ("mfa_device", &["ListUsers"]),
];

/// Those by which an edge is asked for a second time, where much else seems to have gone with it.
const SECOND: [&str; 5] = [
    "ListGroupsForUser",
    "ListPoliciesForUser",
    "ListPoliciesForGroup",
    "ListPoliciesForRole",
    "ListPolicyAttachments",
];

/// The listings that the names come from by which `kind` is read.
fn named_by(kind: &str) -> &'static [&'static str] {
    NAMED_BY.iter().find(|(of, _)| *of == kind).map_or(&[], |(_, operations)| operations)
}

pub(super) fn operations_of(kind: &str) -> &'static [&'static str] {
    READ_BY.iter().find(|(of, _)| *of == kind).map_or(&[], |(_, operations)| operations)
}

/// What was answered with a lie meanwhile.
pub(super) fn lies_between(truth: &Truth, from: i64, to: i64) -> impl Iterator<Item = &Request> {
    truth.requests_between(from, to).filter(|request| request.is_lie)
}

/// How often the account lied to whoever read anything of `kind` meanwhile.
pub(super) fn lies_of(truth: &Truth, kind: &str, from: i64, to: i64) -> usize {
    let of_kind = |operation| operations_of(kind).contains(&operation) || named_by(kind).contains(&operation);
    lies_between(truth, from, to).filter(|lie| of_kind(&*lie.operation)).count()
}

/// How often it lied to whoever read this entity, or what an edge hangs on, meanwhile: an answer about another parent
/// says nothing of it.
pub(super) fn lies_about(truth: &Truth, key: &str, from: i64, to: i64) -> usize {
    let kind = kind_of(key);
    let lies = lies_between(truth, from, to);
    lies.filter(|lie| is_listing_of(truth, kind, key, lie) || is_naming(kind, key, lie)).count()
}

/// Whether it reads what the key belongs to.
fn is_listing_of(truth: &Truth, kind: &str, key: &str, request: &Request) -> bool {
    match &*request.operation {
        "ListPolicies" => {
            let of_type = request.parameter("PolicyType").unwrap_or_default().to_ascii_lowercase();
            return kind == "policy" && key.split('/').nth(2) == Some(&*of_type);
        }
        "ListPolicyVersions" => return kind == "policy" && is_versions_of(key, request),
        "GetRole" => return kind == "role" && may_be_about(truth, key, request, "RoleName"),
        _ => {}
    }
    let parameter = match kind {
        "membership" => Some("GroupName"),
        "access_key" | "login_profile" | "mfa_device" => Some("UserPrincipalName"),
        _ => None,
    };
    let parent = || ends(key).into_iter().next().unwrap_or_default();
    operations_of(kind).contains(&&*request.operation)
        && !(kind == "policy_attachment" && request.parameter("PolicyName").is_some())
        && parameter.is_none_or(|parameter| may_be_about(truth, &parent(), request, parameter))
}

/// Whether it lists the versions of this policy. The key has the name in lower case.
fn is_versions_of(key: &str, request: &Request) -> bool {
    let name = request.parameter("PolicyName").unwrap_or_default();
    request.operation == "ListPolicyVersions" && key.rsplit('/').next() == Some(&*name.to_lowercase())
}

/// Whether it lists the names by which the key is read. Of an attachment it is those of its principal's kind.
fn is_naming(kind: &str, key: &str, request: &Request) -> bool {
    let names = match kind {
        "policy_attachment" => operations_of(key.split('/').nth(4).unwrap_or_default()),
        _ => named_by(kind),
    };
    names.contains(&&*request.operation)
}

/// Whether the parameter, if it was sent, is a name that `parent` ever had. What it was called is not always known.
fn may_be_about(truth: &Truth, parent: &str, request: &Request, parameter: &str) -> bool {
    let Some(sent) = request.parameter(parameter) else { return true };
    let names: BTreeSet<&str> = truth.names(parent).collect();
    names.is_empty() || names.contains(local_part(&sent))
}

/// What stands before the `@` of a principal name.
pub(super) fn local_part(name: &str) -> &str {
    name.split('@').next().unwrap_or_default()
}

/// Whether what was read of the key rests on more lies than the evidence can outweigh: for an entity the account is asked
/// by itself; an edge is listed twice; what there is one of is read once.
pub(super) fn was_deceived(truth: &Truth, key: &str, from: i64, to: i64) -> bool {
    let bearable = match kind_of(key) {
        "membership" | "policy_attachment" | "access_key" | "login_profile" | "mfa_device" => 1,
        // Seen twice before they count as changed.
        "account" | "password_policy" | "security_preference" => 1,
        // Without a date nothing tells an old answer from a new one; the point read of an instance is the listing, too.
        "instance" => 0,
        // Nobody counts them: two listings and what is asked by the name are all there is.
        "identity_provider" => 2,
        // It is asked for by its name only: once renamed, two readings of two listings each outweigh that.
        "group" => 3,
        // One answer says which versions a policy has; that of an old one is judged by what was true once.
        "policy" if lies_between(truth, from, to).any(|lie| lie.lacks_rows && is_versions_of(key, lie)) => 0,
        _ => return false,
    };
    lies_about(truth, key, from, to) > bearable
}

/// Whether a removal rests on lies alone. One copy must have been told them all: in the later listing of its first reading,
/// in both of the second one (of policies there is one each), and when it asked for this entity itself.
pub(super) fn was_told_gone(truth: &Truth, key: &str, from: i64, to: i64) -> bool {
    let kind = kind_of(key);
    let (listing, least) = match kind {
        // It is asked for by its name: a renamed one is gone by that, without a lie.
        "group" => ("ListGroups", 3),
        "user" => ("ListUsers", 3),
        "role" => ("ListRoles", 3),
        "policy" => ("ListPolicies", 2),
        _ => return was_deceived(truth, key, from, to),
    };
    let mut told: BTreeMap<&str, (Vec<bool>, bool)> = BTreeMap::new();
    for request in truth.requests_between(from, to) {
        let (listings, asked) = told.entry(&request.client).or_default();
        if request.operation == listing && is_listing_of(truth, kind, key, request) {
            // A listing lies if one of its pages does.
            if !request.is_later_page || listings.is_empty() {
                listings.push(false);
            }
            if let Some(lied) = listings.last_mut() {
                *lied |= request.is_lie;
            }
        }
        *asked |= request.is_lie && is_point_read_of(truth, key, request);
    }
    let lied = |listings: &[bool]| listings.iter().filter(|lied| **lied).count();
    told.values().any(|(listings, asked)| lied(listings) >= least && (*asked || kind == "group"))
}

/// Whether it asks for this entity alone.
fn is_point_read_of(truth: &Truth, key: &str, request: &Request) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    let is_lower = |parameter, is: &str| request.parameter(parameter).is_some_and(|sent| sent.to_lowercase() == is);
    match &*request.operation {
        "GetUser" => request.parameter("UserId").as_deref() == Some(name),
        "GetRole" => may_be_about(truth, key, request, "RoleName"),
        "GetPolicy" => {
            is_lower("PolicyName", name) && key.split('/').nth(2).is_some_and(|is| is_lower("PolicyType", is))
        }
        _ => false,
    }
}

/// Whether the second operation lied, too, by which an edge is asked for where much is gone; or both listings of the names
/// that it is asked by.
pub(super) fn was_deceived_again(truth: &Truth, key: &str, from: i64, to: i64) -> bool {
    let ends = ends(key);
    let of_end = |kind: &str| ends.iter().find(|end| kind_of(end) == kind).map_or("", String::as_str);
    let is_about = |lie: &Request| match &*lie.operation {
        "ListGroupsForUser" => may_be_about(truth, of_end("user"), lie, "UserPrincipalName"),
        "ListPoliciesForUser" => may_be_about(truth, of_end("user"), lie, "UserName"),
        "ListPoliciesForGroup" => may_be_about(truth, of_end("group"), lie, "GroupName"),
        "ListPoliciesForRole" => may_be_about(truth, of_end("role"), lie, "RoleName"),
        _ => lie.parameter("PolicyName").is_some(),
    };
    let asks_again = |lie: &&Request| SECOND.contains(&&*lie.operation) && is_about(lie);
    let names = |lie: &&Request| ends.iter().any(|end| operations_of(kind_of(end)).contains(&&*lie.operation));
    lies_between(truth, from, to).any(|lie| asks_again(&lie)) || lies_between(truth, from, to).filter(names).count() > 1
}

/// The codes of ECS for "there is none".
const NONE: [&str; 2] = ["InvalidRegionId.NotFound", "InvalidInstanceId.NotFound"];

/// "There is none" is an answer.
pub(super) fn is_failure(request: &Request) -> bool {
    let says_none = |code: &str| code.starts_with("EntityNotExist") || NONE.contains(&code);
    let is_none = request.code.as_deref().is_some_and(says_none);
    (request.status == 0 || request.status >= 400) && !is_none
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Whether one may take the key for gone who was told these lies: operation, fault, parameters.
    fn is_excused(key: &str, lies: &[(&str, &str, Value)]) -> bool {
        let mut truth = Truth::default();
        for (operation, fault, parameters) in lies {
            let lie = json!({ "type": "request", "request": {
                "received_ms": 5, "answered_ms": 6, "client": "c", "operation": operation,
                "parameters": parameters, "status": 200, "code": null, "fault": fault,
            }});
            truth.take("7", &lie.to_string()).unwrap();
        }
        was_told_gone(&truth, key, 0, 10)
    }

    #[test]
    fn a_user_goes_wrongly_only_if_both_readings_and_the_answer_about_it_alone_are_lies() {
        let listed = || ("ListUsers", "stale", json!({ "Status": "active" }));
        let about = |id| ("GetUser", "stale", json!({ "UserId": id }));
        assert!(is_excused("7/user/1", &[listed(), listed(), listed(), about("1")]));
        assert!(!is_excused("7/user/1", &[listed(), listed(), listed(), listed()]), "it was not lied about by itself");
        assert!(!is_excused("7/user/1", &[listed(), listed(), listed(), about("2")]), "about another one");
        assert!(!is_excused("7/user/1", &[listed(), listed(), about("1")]), "one listing was true");
    }

    #[test]
    fn a_renamed_group_goes_wrongly_if_three_listings_lack_it() {
        let listed = || ("ListGroups", "partial", json!({}));
        assert!(is_excused("7/group/g", &[listed(), listed(), listed()]));
        assert!(!is_excused("7/group/g", &[listed(), listed()]));
    }

    #[test]
    fn a_policy_goes_wrongly_only_if_its_own_type_was_listed_by_lies() {
        let listed = |of_type| ("ListPolicies", "stale", json!({ "PolicyType": of_type }));
        let about = |of_type| ("GetPolicy", "stale", json!({ "PolicyType": of_type, "PolicyName": "Ops" }));
        let versions = || ("ListPolicyVersions", "empty", json!({ "PolicyType": "Custom", "PolicyName": "Ops" }));
        let key = "7/policy/custom/ops";
        assert!(is_excused(key, &[listed("Custom"), listed("Custom"), about("Custom")]));
        assert!(!is_excused(key, &[listed("Custom"), listed("System"), about("Custom")]));
        assert!(!is_excused(key, &[listed("Custom"), listed("Custom"), about("System")]));
        assert!(!is_excused(key, &[listed("Custom"), listed("Custom"), versions()]));
    }

    #[test]
    fn pages_of_one_listing_are_one_lie() {
        let page = |marker| ("ListUsers", "stale", json!({ "Status": "active", "Marker": marker }));
        let (first, about) = (("ListUsers", "stale", json!({})), ("GetUser", "stale", json!({ "UserId": "1" })));
        assert!(!is_excused("7/user/1", &[first, page("a"), page("b"), about]));
    }
}
