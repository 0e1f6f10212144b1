//! Named mutations of well-formed JSON, each of which makes it malformed whatever it was.

use serde_json::{Map, Value, json};

/// A malformed body and what was done to it.
pub(crate) type Mutated = (String, Vec<u8>);

/// Begins a text that stands for a number which no JSON value holds.
const RAW: &str = "~raw ";

/// Mutations of the bytes. `inside` is a piece of the text, up to the inside of a string that counts.
pub(crate) fn of_bytes(base: &str, inside: &str) -> Vec<Mutated> {
    let at = base.find(inside).expect("the base holds it") + inside.len();
    let with = |insert: &[u8]| [&base.as_bytes()[..at], insert, &base.as_bytes()[at..]].concat();
    let utf16: Vec<u8> = base.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let open = base.len() - 1;
    let mut all: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("white space", b" \r\n ".to_vec()),
        ("null", b"null".to_vec()),
        ("true", b"true".to_vec()),
        ("a number", b"0".to_vec()),
        ("a text", b"\"Users\"".to_vec()),
        ("an array", b"[]".to_vec()),
        ("an object without fields", b"{}".to_vec()),
        ("the reply in an array", format!("[{base}]").into()),
        ("the reply in an object", format!(r#"{{"Response":{base}}}"#).into()),
        ("the reply as text", json!(base).to_string().into()),
        ("the reply twice", format!("{base}{base}").into()),
        ("something behind it", format!("{base}x").into()),
        ("a NUL behind it", format!("{base}\0").into()),
        ("a NUL before it", format!("\0{base}").into()),
        ("a byte order mark", format!("\u{feff}{base}").into()),
        ("UTF-16", utf16),
        ("a guard against scripts", format!(")]}}',\n{base}").into()),
        ("a callback", format!("callback({base})").into()),
        ("a comment", format!("/* ok */{base}").into()),
        ("a comma too many", format!("{},}}", &base[..open]).into()),
        ("no comma", base.replacen(',', " ", 1).into()),
        ("no colon", base.replacen(':', " ", 1).into()),
        ("single quotes", base.replace('"', "'").into()),
        ("no quotes", base.replace('"', "").into()),
        ("not a number", format!("{},\"N\":NaN}}", &base[..open]).into()),
        ("infinity", format!("{},\"N\":Infinity}}", &base[..open]).into()),
        ("a number with a leading zero", format!("{},\"N\":01}}", &base[..open]).into()),
        ("hexadecimal", format!("{},\"N\":0x1}}", &base[..open]).into()),
        ("invalid UTF-8", with(b"\xff")),
        ("overlong UTF-8", with(b"\xc0\x80")),
        ("half a character", with(b"\xe4\xb8")),
        ("a surrogate in UTF-8", with(b"\xed\xa0\x80")),
        ("a lone surrogate", with(b"\\ud800")),
        ("surrogates the wrong way round", with(b"\\udc00\\ud800")),
        ("an unknown escape", with(b"\\x41")),
        ("half an escape", with(b"\\u12~")),
        ("a bare line break", with(b"\n")),
        ("a bare NUL", with(b"\0")),
        ("a bare escape character", with(b"\x1b[2J")),
        ("200 arrays deep", "[".repeat(200).into()),
        ("100,000 arrays deep", "[".repeat(100_000).into()),
        ("100,000 objects deep", r#"{"a":"#.repeat(100_000).into()),
        ("100,000 objects deep in the reply", format!("{},\"N\":{}", &base[..open], r#"{"a":"#.repeat(100_000)).into()),
        ("HTML", b"<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>".to_vec()),
        ("XML", b"<?xml version=\"1.0\"?><Response><RequestId>R</RequestId></Response>".to_vec()),
        ("plain text", b"upstream connect error or disconnect/reset before headers".to_vec()),
        ("an error", br#"{"RequestId":"R","Code":"Throttling.User","Message":"Request was denied."}"#.to_vec()),
        ("an error of absence", br#"{"RequestId":"R","Code":"EntityNotExist.User","Message":"no"}"#.to_vec()),
        ("an error in lower case", br#"{"code":"500","message":"internal","success":false}"#.to_vec()),
    ];
    for eighths in 1..8 {
        all.push(("cut", base.as_bytes()[..base.len() * eighths / 8].to_vec()));
    }
    all.push(("cut", base.as_bytes()[..open].to_vec()));
    let named = all.into_iter().map(|(name, bytes)| match name {
        "cut" => (format!("cut after {} bytes", bytes.len()), bytes),
        name => (name.to_owned(), bytes),
    });
    named.collect()
}

/// What a field is, by its name: the services' own documentation, not the code under test.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Must be there and be a text.
    Id,
    /// A text, or nothing.
    Text,
    /// A date, or nothing.
    Date,
    /// A whole number from 0 on; `true` if it must be there.
    Number(bool),
    /// `true` if it must be there.
    Boolean(bool),
    /// An object that must be there; `true` if it may have no fields.
    Object(bool),
    /// An array of objects that must be there.
    List,
    Tags,
    TagList,
    /// A text that must be there, and may be empty.
    Token,
    /// Read by nobody.
    Ignored,
}

fn class(path: &[&str]) -> Class {
    match *path {
        [.., "RequestId" | "PageSize" | "Marker"] => Class::Ignored,
        [.., "NextToken"] => Class::Token,
        [.., "VirtualMFADevice", "User"] => Class::Tags,
        [.., "AccessKeyId" | "SerialNumber"] | ["MFADevice", "Type"] => Class::Id,
        [.., "AccessKey" | "LoginProfile", "Status"] => Class::Id,
        [_, "AccessKey" | "VirtualMFADevice"] => Class::List,
        ["AccessKeys" | "LoginProfile" | "MFADevice" | "VirtualMFADevices"] => Class::Object(false),
        [.., "MFABindRequired" | "PasswordResetRequired"] => Class::Boolean(false),
        [.., "Tags" | "VpcAttributes"] => Class::Tags,
        [.., "Tag"] => Class::TagList,
        [.., "SummaryMap"] => Class::Object(true),
        ["SummaryMap", _] | [.., "MaxSessionDuration" | "PageNumber"] => Class::Number(false),
        [.., "TotalCount"] => Class::Number(true),
        [.., "IsTruncated"] => Class::Boolean(true),
        [.., "IsDefaultVersion" | "IsServiceLinkedRole"] => Class::Boolean(false),
        [.., "UserId" | "UserPrincipalName" | "GroupId" | "GroupName" | "RoleId" | "RoleName" | "PolicyName"] => {
            Class::Id
        }
        [.., "VersionId" | "PolicyType" | "PrincipalType" | "PrincipalName" | "ResourceGroupId" | "TagKey"] => {
            Class::Id
        }
        [.., "AssumeRolePolicyDocument" | "AccountId" | "RegionId" | "InstanceId"] => Class::Id,
        [.., name] if name.ends_with("Date") || name == "CreationTime" => Class::Date,
        ["SAMLProvider", "SAMLProviderName" | "Description"] => Class::Ignored,
        [.., "SAMLProvider" | "OIDCProvider", "Arn"] => Class::Id,
        [.., "SAMLProviderName" | "OIDCProviderName" | "IssuerUrl" | "EncodedSAMLMetadataDocument"] => Class::Id,
        [.., "DefaultDomainName"] => Class::Id,
        [.., "MinimumPasswordLength" | "LoginSessionDuration"] => Class::Number(true),
        [.., "MaxLoginAttemps" | "MaxPasswordAge"] => Class::Number(false),
        [.., "IsMFAEnable"] => Class::Boolean(true),
        [.., "HardExpire" | "RequireNumbers" | "AllowUserToManageAccessKeys" | "AllowUserToManageMFADevices"] => {
            Class::Boolean(false)
        }
        [.., "AccessKeyPreference" | "MFAPreference"] => Class::Object(true),
        ["PasswordPolicy" | "SecurityPreference" | "SAMLProvider" | "SAMLProviders" | "OIDCProviders"] => {
            Class::Object(false)
        }
        [.., "LoginProfilePreference"] => Class::Object(false),
        [_, "SAMLProvider" | "OIDCProvider"] => Class::List,
        [_, "User" | "Group" | "Role" | "Policy" | "PolicyVersion" | "PolicyAttachment"] => Class::List,
        ["Users" | "Groups" | "Roles" | "Policies" | "PolicyVersions" | "PolicyAttachments"] => Class::Object(false),
        [_, "Region" | "Instance" | "InstanceRamRoleSet"] => Class::List,
        ["Regions" | "Instances" | "InstanceRamRoleSets"] => Class::Object(false),
        ["User" | "Group" | "Role" | "Policy"] => Class::Object(false),
        _ => Class::Text,
    }
}

/// Every field of `base` missing, of a wrong type, or out of range. `without` names fields that this reply may do
/// without, or of which it does not matter.
pub(crate) fn of_fields(base: &Value, without: &[&str]) -> Vec<Mutated> {
    let mut paths = Vec::new();
    walk(base, &mut Vec::new(), &mut paths);
    let mut mutated = Vec::new();
    for path in paths.iter().filter(|path| !path.iter().any(|name| without.contains(&name.as_str()))) {
        let names: Vec<&str> = path.iter().map(String::as_str).filter(|name| name.parse::<usize>().is_err()).collect();
        let pointer = format!("/{}", path.join("/"));
        let now = base.pointer(&pointer).expect("it was walked to");
        for (what, instead) in wrong(class(&names), now) {
            let mut reply = base.clone();
            set(&mut reply, path, instead);
            let text = raw(&reply.to_string());
            assert_ne!(text, base.to_string(), "{pointer} {what}");
            mutated.push((format!("{} {what}", names.join(".")), text.into_bytes()));
        }
        // Which of the two holds nobody says.
        if let ([name], false) = (&names[..], class(&names) == Class::Ignored) {
            let text = base.to_string();
            let twice = format!("{},\"{name}\":{now}}}", &text[..text.len() - 1]);
            mutated.push((format!("{name} twice"), twice.into_bytes()));
        }
    }
    mutated
}

/// Takes the quotes from around what stands for a number.
fn raw(text: &str) -> String {
    let Some((before, behind)) = text.split_once(&format!("\"{RAW}")) else { return text.to_owned() };
    let (number, behind) = behind.split_once('"').expect("a text ends");
    format!("{before}{number}{behind}")
}

/// The paths of all fields; of an array, those in its first item.
fn walk(value: &Value, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.first().map(|item| ("0".to_owned(), item)).into_iter().collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        path.push(name.clone());
        if name != "0" {
            paths.push(path.clone());
        }
        walk(child, path, paths);
        path.pop();
    }
}

/// Sets the field at `path`; `None` takes it out.
fn set(value: &mut Value, path: &[String], instead: Option<Value>) {
    let (name, parents) = path.split_last().expect("a field has a name");
    let parent = value.pointer_mut(&parents.iter().map(|name| format!("/{name}")).collect::<String>());
    let fields: &mut Map<String, Value> = parent.and_then(Value::as_object_mut).expect("a field stands in an object");
    match instead {
        Some(value) => fields.insert(name.clone(), value),
        None => fields.remove(name),
    };
}

type Wrong = (&'static str, Option<Value>);

fn wrong(class: Class, now: &Value) -> Vec<Wrong> {
    let some = |what, value| (what, Some(value));
    let no_object = || {
        vec![
            some("is an array", json!([])),
            some("is an array in an array", json!([[]])),
            some("is itself in an array", json!([now])),
            some("is a text", json!("x")),
            some("is a number", json!(5)),
            some("is true", json!(true)),
        ]
    };
    let nothing = || vec![("is missing", None), some("is null", Value::Null)];
    let no_text = || {
        vec![
            some("is a number", json!(5407)),
            some("is a fraction", json!(1.5)),
            some("is false", json!(false)),
            some("is an array", json!([])),
            some("is a text in an array", json!(["x"])),
            some("is an object", json!({ "a": 1 })),
        ]
    };
    match class {
        Class::Ignored => Vec::new(),
        Class::Id => {
            [nothing(), vec![some("is empty", json!("")), some("is an empty object", json!({}))], no_text()].concat()
        }
        Class::Text => no_text(),
        Class::Token => [nothing(), no_text()].concat(),
        Class::Date => {
            let texts = vec![
                some("is no date", json!("yesterday")),
                some("is a day alone", json!("2026-01-01")),
                some("has no zone", json!("2026-01-01T00:00:00")),
                some("has a 13th month", json!("2026-13-01T00:00:00Z")),
                some("has a 30th of February", json!("2026-02-30T00:00:00Z")),
                some("has a 25th hour", json!("2026-01-01T25:00:00Z")),
                some("is in the year 10000", json!("10000-01-01T00:00:00Z")),
                some("is before all years", json!("-999999-01-01T00:00:00Z")),
                some("is a text of digits", json!("1767225600")),
                some("has something behind it", json!("2026-01-01T00:00:00Z\u{0}")),
            ];
            [texts, no_text()].concat()
        }
        Class::Number(required) => {
            let mut all = vec![
                some("is negative", json!(-1)),
                some("is a fraction", json!(1.5)),
                some("does not fit 64 bits", json!(format!("{RAW}18446744073709551616"))),
                some("is out of any range", json!(format!("{RAW}1e400"))),
                some("is a text", json!("3600")),
                some("is true", json!(true)),
                some("is an array", json!([1])),
                some("is an object", json!({})),
            ];
            all.extend(if required { nothing() } else { Vec::new() });
            all
        }
        Class::Boolean(required) => {
            let mut all = vec![
                some("is a text", json!("false")),
                some("is empty", json!("")),
                some("is a number", json!(0)),
                some("is an array", json!([])),
                some("is an object", json!({})),
            ];
            all.extend(if required { nothing() } else { Vec::new() });
            all
        }
        Class::Object(may_be_empty) => {
            let empty = if may_be_empty { Vec::new() } else { vec![some("is an empty object", json!({}))] };
            [nothing(), empty, no_object()].concat()
        }
        Class::List | Class::TagList => {
            let item = now.as_array().and_then(|items| items.first()).expect("the base has an item");
            let values: Vec<&Value> = item.as_object().expect("items are objects").values().collect();
            let items = vec![
                some("is an item without an array", item.clone()),
                some("is an object", json!({ "0": item })),
                some("is empty text", json!("")),
                some("is a text", json!("x")),
                some("is a number", json!(5)),
                some("holds null", json!([null])),
                some("holds a text", json!(["x"])),
                some("holds a number", json!([5])),
                some("holds an array", json!([[]])),
                some("holds an item as array", json!([values])),
                some("holds an array of items", json!([[item]])),
                some("holds an item without fields", json!([{}])),
                some("holds an item and null", json!([item, null])),
                some("holds an item and a text", json!([item, "x"])),
            ];
            [if class == Class::List { nothing() } else { Vec::new() }, items].concat()
        }
        Class::Tags => [no_object(), vec![some("is an object in an array", json!([{}]))]].concat(),
    }
}
