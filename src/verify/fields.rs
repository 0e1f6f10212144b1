//! What of a row of the truth log is compared with the entity that is published of it.
//!
//! Everything but what moves by itself (dates of updates, sign-ins) and what no reading shows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// What an entity was: its compared fields, `None` while it is not there.
pub(super) type Fields = Option<Map<String, Value>>;

/// A user's principal name: it stands in no row, and follows from the name and the account's domain.
pub(super) const PRINCIPAL_NAME: &str = "user_principal_name";

/// The compared fields by kind, as they are published.
const COMPARED: [(&str, &[&str]); 14] = [
    // Where no alias is set the services say the account's id, so that it cannot be held against the row.
    ("account", &["root_mfa_enabled", "default_domain"]),
    (
        "user",
        &[
            "user_id",
            "user_name",
            PRINCIPAL_NAME,
            "display_name",
            "comments",
            "email",
            "mobile_phone",
            "status",
            "provision_type",
            "tags",
            "create_date",
        ],
    ),
    ("group", &["group_id", "group_name", "display_name", "comments", "create_date"]),
    ("membership", &["group_id", "user_id", "join_date"]),
    (
        "role",
        &["role_id", "role_name", "description", "max_session_duration_secs", "service_linked", "tags", "create_date"],
    ),
    ("policy", &["default_version", "description", "tags", "create_date"]),
    (
        "password_policy",
        &[
            "minimum_length",
            "minimum_different_characters",
            "require_lowercase",
            "require_uppercase",
            "require_numbers",
            "require_symbols",
            "forbid_user_name",
            "refuse_risky_over_api",
            "max_age_days",
            "initial_max_age_days",
            "expired_bars_login",
            "reuse_prevention_count",
            "max_login_attempts",
        ],
    ),
    (
        "security_preference",
        &[
            "login_session_duration_hours",
            "login_network_masks",
            "mfa_operation_for_login",
            "operation_for_risk_login",
            "verification_types",
            "save_mfa_ticket",
            "allow_user_to_login_with_passkey",
            "allow_user_to_change_password",
            "allow_user_to_manage_access_keys",
            "allow_user_to_manage_service_credentials",
            "allow_user_to_manage_mfa_devices",
            "allow_user_to_manage_personal_dingtalk",
            "max_idle_days_for_users",
            "max_idle_days_for_access_keys",
        ],
    ),
    (
        "identity_provider",
        &[
            "provider_type",
            "provider_name",
            "description",
            "authn_sign_algorithm",
            "issuer_url",
            "client_ids",
            "fingerprints",
            "issuance_limit_hours",
            "create_date",
        ],
    ),
    ("policy_attachment", &["principal_type", "principal_id", "attach_date"]),
    ("instance", &["region", "instance_id", "instance_name", "vpc_id", "role_name", "status", "tags", "creation_time"]),
    ("access_key", &["access_key_id", "user_id", "status", "create_date"]),
    ("login_profile", &["user_id", "status", "mfa_bind_required", "password_reset_required"]),
    ("mfa_device", &["user_id", "device_type", "serial_number", "activate_date"]),
];

/// Fields that have another name in a row: as they are published, as the row has them.
const RENAMED: [(&str, &str); 3] = [
    ("max_session_duration_secs", "max_session_duration"),
    ("service_linked", "is_service_linked_role"),
    ("authn_sign_algorithm", "authn_sign_algo"),
];

/// Of a system policy the version in force alone is published.
const OF_CUSTOM_POLICIES: [&str; 3] = ["description", "tags", "create_date"];

/// The compared fields of an entity, which are those of its row if it is what it was.
pub(super) fn shown(key: &str, entity: Option<&str>) -> Fields {
    let entity = entity.and_then(|entity| serde_json::from_str::<Map<String, Value>>(entity).ok());
    entity.map(|entity| compared(super::fold::kind_of(key), &entity))
}

/// Whether what is published is what there was. Where nobody knows the account's domain, principal names are not compared.
pub(super) fn agree(shown: &Fields, was: &Fields) -> bool {
    shown == was
        || (was.as_ref().is_none_or(|was| !was.contains_key(PRINCIPAL_NAME)) && agree_but_for_alias(shown, was))
}

/// The same without principal names.
pub(super) fn agree_but_for_alias(shown: &Fields, was: &Fields) -> bool {
    let (Some(shown), Some(was)) = (shown, was) else { return shown == was };
    let mut names = shown.keys().chain(was.keys()).filter(|name| *name != PRINCIPAL_NAME);
    names.all(|name| shown.get(name) == was.get(name))
}

/// The compared fields; none, absent and empty are the same.
pub(super) fn compared(kind: &str, row: &Map<String, Value>) -> Map<String, Value> {
    let names = COMPARED.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, names)| names);
    let names = names.iter().filter(|name| is_published(kind, row, name));
    let with_value = names.filter_map(|name| Some(((*name).to_owned(), value(name, row)?)));
    let derived = [
        ("document", document(kind, row)),
        ("versions", versions(kind, row)),
        ("default_domain", default_domain(kind, row)),
    ];
    let derived = derived.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let is_something =
        |value: &Value| !value.is_null() && *value != "" && value.as_array().is_none_or(|all| !all.is_empty());
    with_value.chain(derived).filter(|(_, value)| is_something(value)).collect()
}

fn is_published(kind: &str, row: &Map<String, Value>, name: &str) -> bool {
    match kind {
        "policy" => is_custom(row) || !OF_CUSTOM_POLICIES.contains(&name),
        // A row has a number there, whatever its type.
        "identity_provider" => {
            name != "issuance_limit_hours" || row.get("provider_type").is_some_and(|of| of == "oidc")
        }
        _ => true,
    }
}

fn is_custom(policy: &Map<String, Value>) -> bool {
    let of_type = policy.get("policy_type").and_then(Value::as_str);
    of_type.is_some_and(|of_type| of_type.eq_ignore_ascii_case("custom"))
}

/// The value of a field as it is published: moments in milliseconds, lists sorted.
fn value(name: &str, row: &Map<String, Value>) -> Option<Value> {
    let renamed = RENAMED.iter().find(|(published, _)| *published == name);
    let value = row.get(name).or_else(|| row.get(renamed?.1))?;
    Some(match value {
        Value::String(text) if name.ends_with("_date") => millis(text),
        // ECS gives times without seconds.
        Value::String(text) if name == "creation_time" => {
            millis(text).as_i64().map_or(Value::Null, |millis| Value::from(millis - millis.rem_euclid(60_000)))
        }
        Value::Array(all) => {
            let mut all = all.clone();
            all.sort_by_cached_key(Value::to_string);
            Value::Array(all)
        }
        other => other.clone(),
    })
}

fn millis(text: &str) -> Value {
    text.parse::<Timestamp>().map_or(Value::Null, |moment| Value::from(moment.as_millisecond()))
}

/// The default domain of an account as the account file has it: it follows from the alias.
fn default_domain(kind: &str, row: &Map<String, Value>) -> Option<Value> {
    if kind != "account" || row.contains_key("default_domain") {
        return None;
    }
    let alias = row.get("alias").and_then(Value::as_str).or_else(|| row.get("account_id")?.as_str())?;
    Some(Value::from(format!("{alias}.onaliyun.com")))
}

/// The document in force of a role or a custom policy, or the digest of a provider's metadata, under the names of an
/// entity or under those of a row. It is a detail: read anew when the listing says that something of the entity changed.
fn document(kind: &str, row: &Map<String, Value>) -> Option<Value> {
    match kind {
        "role" => row.get("trust_policy").or_else(|| row.get("assume_role_policy_document")).cloned(),
        "policy" => row.get("default_document").cloned().or_else(|| {
            let versions = row.get("versions").filter(|_| is_custom(row)).and_then(Value::as_array);
            let in_force = |version: &&Value| version.get("version_id") == row.get("default_version");
            versions.into_iter().flatten().find(in_force)?.get("policy_document").cloned()
        }),
        "identity_provider" => row.get("metadata_sha256").cloned().or_else(|| {
            let encoded = row.get("encoded_metadata").and_then(Value::as_str).filter(|text| !text.is_empty())?;
            Some(Value::from(hex::encode(Sha256::digest(BASE64.decode(encoded).ok()?))))
        }),
        _ => None,
    }
}

/// All versions of a custom policy in their order, each as its id, its date and its document: a detail, too.
fn versions(kind: &str, row: &Map<String, Value>) -> Option<Value> {
    let versions = row.get("versions").filter(|_| kind == "policy" && is_custom(row))?.as_array()?;
    let version = |version: &Value| {
        let row = version.as_object()?;
        let document = row.get("document").or_else(|| row.get("policy_document"));
        Some(json!([row.get("version_id"), value("create_date", row), document]))
    };
    Some(versions.iter().filter_map(version).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, row: Value) -> Map<String, Value> {
        compared(kind, row.as_object().unwrap())
    }

    /// `date -d 2026-03-01T10:20:30Z +%s` gives 1772360430.
    #[test]
    fn a_row_and_the_entity_that_is_published_of_it_are_the_same() {
        let tags = [json!({ "key": "b", "value": "" }), json!({ "key": "a", "value": "1" })];
        let row = json!({
            "role_id": "1", "role_name": "r", "description": "", "assume_role_policy_document": "{}",
            "max_session_duration": 3600, "is_service_linked_role": false, "tags": tags,
            "create_date": "2026-03-01T10:20:30Z", "update_date": "2026-03-01T10:20:30Z",
        });
        let entity = json!({
            "role_id": "1", "role_name": "r", "description": null, "trust_policy": "{}",
            "max_session_duration_secs": 3600, "service_linked": false, "tags": [tags[1], tags[0]],
            "create_date": 1_772_360_430_000_i64, "update_date": 1_772_360_999_000_i64,
        });
        assert_eq!(of("role", row.clone()), of("role", entity.clone()));
        for (field, other) in [
            ("description", json!("x")),
            ("max_session_duration_secs", json!(3601)),
            ("service_linked", json!(true)),
            ("tags", json!([tags[0]])),
            ("create_date", json!(1_772_360_431_000_i64)),
        ] {
            let mut changed = entity.clone();
            changed[field] = other;
            assert_ne!(of("role", row.clone()), of("role", changed), "{field}");
        }
    }

    #[test]
    fn of_a_system_policy_the_version_in_force_is_compared_and_of_a_custom_one_everything() {
        let row = |of_type: &str| {
            json!({
                "policy_type": of_type, "policy_name": "P", "description": "d", "default_version": "v2",
                "tags": [{ "key": "a", "value": "1" }], "create_date": "1970-01-01T00:00:01Z",
                "versions": [
                    { "version_id": "v2", "policy_document": "{}", "create_date": "1970-01-01T00:00:02Z" },
                    { "version_id": "v3", "policy_document": "[]", "create_date": "1970-01-01T00:00:03Z" },
                ],
            })
        };
        let system = json!({ "policy_type": "system", "policy_name": "P", "default_version": "v2", "versions": [] });
        assert_eq!(of("policy", row("System")), of("policy", system));
        let mut custom = json!({
            "policy_type": "custom", "policy_name": "P", "description": "d", "default_version": "v2",
            "default_document": "{}", "tags": [{ "key": "a", "value": "1" }], "create_date": 1_000,
            "versions": [
                { "version_id": "v2", "document": "{}", "create_date": 2_000 },
                { "version_id": "v3", "document": "[]", "create_date": 3_000 },
            ],
        });
        assert_eq!(of("policy", row("Custom")), of("policy", custom.clone()));
        custom["versions"][1]["create_date"] = json!(4_000);
        assert_ne!(of("policy", row("Custom")), of("policy", custom));
    }

    #[test]
    fn an_instance_began_in_its_minute() {
        let row = json!({ "region": "r", "instance_id": "i", "creation_time": "1970-01-01T00:01:59Z" });
        let entity = json!({ "region": "r", "instance_id": "i", "creation_time": 60_000 });
        assert_eq!(of("instance", row), of("instance", entity));
    }

    #[test]
    fn a_principal_name_is_compared_where_the_domain_is_known() {
        let user = |name: Option<&str>| Some(of("user", json!({ "user_id": "1", PRINCIPAL_NAME: name })));
        assert!(agree(&user(Some("a@x")), &user(Some("a@x"))) && agree(&user(Some("a@x")), &user(None)));
        assert!(!agree(&user(Some("a@x")), &user(Some("a@y"))) && !agree(&user(None), &user(Some("a@x"))));
        assert!(!agree(&None, &user(None)) && agree(&None, &None));
        assert!(agree_but_for_alias(&user(Some("a@x")), &user(Some("a@y"))));
        assert!(!agree_but_for_alias(&user(Some("a@x")), &None));
    }
}
