//! What a reading concludes of regions and their instances; the server says what the script says.

use std::time::Duration;

use uuid::Uuid;

use super::super::{Rounds, every_kind};
use super::*;
use crate::{
    alicloud::test_server::{ACCOUNT, Call, Says, Server},
    diff::{Diff, compare},
    model::{Entity, Redacted, Tag},
    state::{CollectionProgress, Progress, State, entity_record, progress_key},
    sync::details::Ledger,
};

const TWO: &str = r#"{"Regions":{"Region":[{"RegionId":"cn-hangzhou"},{"RegionId":"eu-central-1"}]}}"#;
const NOBODY: &str = r#"{"NextToken":"","Instances":{"Instance":[]}}"#;
const WEB: &str = r#"{"NextToken":"","Instances":{"Instance":[
    {"InstanceId":"i-1","InstanceName":"web","Status":"Running","CreationTime":"2026-01-01T00:00Z"}]}}"#;
const OPS: &str =
    r#"{"TotalCount":1,"InstanceRamRoleSets":{"InstanceRamRoleSet":[{"InstanceId":"i-1","RamRoleName":"ops"}]}}"#;
const NO_ROLE: &str = r#"{"TotalCount":0,"InstanceRamRoleSets":{"InstanceRamRoleSet":[]}}"#;

/// Everything else is denied.
async fn server(script: impl Fn(&Call) -> Option<Says> + Send + Sync + 'static) -> Server {
    Server::start(move |call| match call.action.as_str() {
        "GetCallerIdentity" => None,
        _ => Some(script(call).unwrap_or_else(|| Says::error(403, "NoPermission"))),
    })
    .await
}

/// `eu-central-1` holds one instance with a role, `cn-hangzhou` none.
fn usual(call: &Call) -> Option<Says> {
    let body = match (call.action.as_str(), call.parameter("RegionId")) {
        ("DescribeRegions", _) => TWO,
        ("DescribeInstances", Some("eu-central-1")) => WEB,
        ("DescribeInstances", _) => NOBODY,
        ("DescribeInstanceRamRole", _) => OPS,
        _ => return None,
    };
    Some(Says::ok(body))
}

async fn read_as(server: &Server, state: &State, wanted: &Wanted) -> Collection {
    let (ledger, kinds) = (Ledger::new(Duration::from_secs(3_600)), every_kind());
    let reader = Reader { state, ledger: &ledger, kinds: &kinds };
    reader.read(&server.session(), wanted, &mut Rounds::default()).await.remove(&Kind::Instance).unwrap()
}

async fn read(server: &Server, state: &State) -> Collection {
    read_as(server, state, &Wanted::Everything).await
}

fn web() -> Instance {
    Instance {
        region: "eu-central-1".into(),
        instance_id: "i-1".into(),
        instance_name: Some("web".into()),
        vpc_id: None,
        role_name: Some("ops".into()),
        status: Some("Running".into()),
        tags: Vec::new(),
        creation_time: Some("2026-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().into()),
    }
}

/// A state that holds these instances since they were read under the version of `redacted`.
fn holding(instances: &[Instance], redacted: Redacted) -> State {
    let mut state = State::new(ACCOUNT).leaving_out(redacted.into());
    let version = state.model_version(Kind::Instance).to_owned();
    for instance in instances {
        let json = serde_json::to_string(instance).unwrap();
        state.apply(instance.key(ACCOUNT).as_ref(), Some(&entity_record(&version, 1, &json))).unwrap();
    }
    let mut progress = Progress::first(Uuid::nil(), ACCOUNT);
    let said = CollectionProgress { model_version: version, baselined: true, ..CollectionProgress::default() };
    progress.collections.insert(Kind::Instance, said);
    state.apply(progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
    state
}

fn held(instances: &[Instance]) -> State {
    holding(instances, Redacted::default())
}

fn unread(collection: &Collection) -> Vec<(&str, Reason)> {
    collection.unknown_scopes().iter().map(|(scope, why)| (scope.as_str(), why.reason)).collect()
}

fn diff(state: &State, collection: Collection) -> Diff {
    compare(state, &[(Kind::Instance, collection)].into())
}

fn told(diff: &Diff) -> Vec<String> {
    diff.changes.iter().map(|change| format!("{} {}", change.verb, change.changed_fields.join(","))).collect()
}

#[tokio::test]
async fn an_instance_is_found_with_its_role_in_its_region() {
    let read = read(&server(usual).await, &State::new(ACCOUNT)).await;
    let [(key, Found::Known(json))] = read.found() else { panic!("{read:?}") };
    assert_eq!(key.path(), "instance/eu-central-1/i-1");
    assert_eq!(serde_json::from_str::<Instance>(json).unwrap(), web());
    assert!(read.is_complete() && read.window().is_some());
    let knows = |region: &str| read.knows(&Instance::scope_of_region(region));
    assert!(knows("cn-hangzhou") && knows("eu-central-1") && !knows("us-east-1"));
}

#[tokio::test]
async fn one_region_that_fails_is_unknown_and_the_others_are_known() {
    for (answer, reason) in [
        (Says::error(403, "Forbidden.RAM"), Reason::Denied),
        (Says::error(403, "RegionUnauthorized"), Reason::Protocol),
        (Says::error(400, "InvalidOperation.NotSupportedEndpoint"), Reason::Protocol),
        (Says::ok("{}"), Reason::Protocol),
    ] {
        let script = move |call: &Call| match (call.action.as_str(), call.parameter("RegionId")) {
            ("DescribeInstances", Some("cn-hangzhou")) => Some(answer.clone()),
            _ => usual(call),
        };
        let read = read(&server(script).await, &State::new(ACCOUNT)).await;
        assert_eq!(unread(&read), [("instance/cn-hangzhou", reason)]);
        assert_eq!(read.found().len(), 1);
    }
}

#[tokio::test]
async fn without_the_list_of_regions_nothing_is_known() {
    for answer in [Says::error(403, "Forbidden.RAM"), Says::ok(r#"{"Regions":{"Region":[]}}"#)] {
        let script = move |call: &Call| match call.action.as_str() {
            "DescribeRegions" => Some(answer.clone()),
            _ => usual(call),
        };
        let state = held(&[web()]);
        let read = read(&server(script).await, &state).await;
        assert!(read.why_unknown().is_some());
        assert!(diff(&state, read).changes.is_empty());
    }
}

#[tokio::test]
async fn a_region_that_does_not_exist_is_empty_unless_something_is_held_there() {
    let script = |call: &Call| match (call.action.as_str(), call.parameter("RegionId")) {
        ("DescribeInstances", Some("eu-central-1")) => Some(Says::error(404, "InvalidRegionId.NotFound")),
        _ => usual(call),
    };
    let server = server(script).await;
    let fresh = read(&server, &State::new(ACCOUNT)).await;
    assert!(fresh.is_complete() && fresh.found().is_empty());
    let state = held(&[web()]);
    let read = read(&server, &state).await;
    assert_eq!(unread(&read), [("instance/eu-central-1", Reason::Protocol)]);
    let diff = diff(&state, read);
    assert_eq!((diff.changes.len(), diff.doubtful().count()), (0, 0));
}

#[tokio::test]
async fn a_region_that_is_not_listed_any_more_keeps_what_is_held_of_it() {
    let elsewhere = Instance { region: "me-east-1".into(), ..web() };
    let state = held(&[web(), elsewhere]);
    let read = read(&server(usual).await, &state).await;
    assert_eq!(unread(&read), [("instance/me-east-1", Reason::ParentGone)]);
    let diff = diff(&state, read);
    assert_eq!((diff.changes.len(), diff.doubtful().count()), (0, 0), "nothing seems to be gone");
}

#[tokio::test]
async fn instances_whose_roles_could_not_be_read_are_neither_added_nor_updated() {
    for (answer, reason) in
        [(Says::error(403, "Forbidden.RAM"), Reason::Denied), (Says::ok("{}"), Reason::DetailUnread)]
    {
        let script = move |call: &Call| match call.action.as_str() {
            "DescribeInstanceRamRole" => Some(answer.clone()),
            _ => usual(call),
        };
        let server = server(script).await;
        for state in [held(&[]), held(&[Instance { instance_name: None, ..web() }])] {
            let read = read(&server, &state).await;
            assert_eq!(unread(&read), [("instance/eu-central-1/i-1", reason)]);
            assert!(diff(&state, read).changes.is_empty());
        }
    }
}

#[tokio::test]
async fn an_instance_that_changes_while_its_role_is_read_is_unread_and_one_that_came_since_too() {
    let script = |call: &Call| match (call.action.as_str(), call.parameter("RegionId"), call.earlier) {
        // The first two calls are those of the two regions.
        ("DescribeInstances", Some("eu-central-1"), 2..) => Some(Says::ok(
            r#"{"NextToken":"","Instances":{"Instance":[
            {"InstanceId":"i-1","InstanceName":"renamed","Status":"Running","CreationTime":"2026-01-01T00:00Z"},
            {"InstanceId":"i-2","InstanceName":"late","Status":"Running","CreationTime":"2026-01-01T00:00Z"}]}}"#,
        )),
        _ => usual(call),
    };
    let read = read(&server(script).await, &held(&[])).await;
    let both = ["instance/eu-central-1/i-1", "instance/eu-central-1/i-2"].map(|path| (path, Reason::DetailUnread));
    assert_eq!(unread(&read), both);
}

#[tokio::test]
async fn a_quiet_region_costs_two_calls_and_one_with_news_one_more() {
    let server = server(usual).await;
    read(&server, &held(&[web()])).await;
    assert_eq!(server.calls("DescribeInstances").len(), 2, "one in each region");
    assert_eq!(server.calls("DescribeInstanceRamRole").len(), 1, "nothing is asked of a region without instances");
    read(&server, &held(&[])).await;
    assert_eq!(server.calls("DescribeInstances").len(), 5, "the region with news is listed before and after");
}

#[tokio::test]
async fn a_role_that_is_gone_has_to_be_seen_twice() {
    let script = |call: &Call| match call.action.as_str() {
        "DescribeInstanceRamRole" => Some(Says::ok(NO_ROLE)),
        _ => usual(call),
    };
    let (server, state) = (server(script).await, held(&[web()]));
    let first = read(&server, &state).await;
    let doubt = diff(&state, first.clone());
    assert!(doubt.changes.is_empty());
    let doubtful: BTreeSet<Key> = doubt.doubtful().flat_map(|(_, keys)| keys.clone()).collect();
    assert_eq!(doubtful.len(), 1);
    assert!(doubt.suspected_removals(&state).is_empty(), "the instance itself is there");

    let again =
        Wanted::Again { doubtful: [Instance::scope_of_region("eu-central-1")].into(), counted: BTreeSet::new() };
    let second = read_as(&server, &state, &again).await;
    assert_eq!(server.calls("DescribeRegions").len(), 1, "one region alone is read again");
    let confirmed = diff(&state, first.clone().confirmed_by(second, doubtful.clone()));
    assert_eq!(told(&confirmed), ["role_detached role_name"]);

    // An answer that lacked the role by mistake was no news.
    let right = read_as(&self::server(usual).await, &state, &again).await;
    assert!(diff(&state, first.clone().confirmed_by(right, doubtful.clone())).changes.is_empty());

    // An instance that is gone by then was missing only once.
    let gone = |call: &Call| match call.action.as_str() {
        "DescribeInstances" => Some(Says::ok(NOBODY)),
        _ => usual(call),
    };
    let gone = read_as(&self::server(gone).await, &state, &again).await;
    let once = diff(&state, first.confirmed_by(gone, doubtful));
    assert_eq!((once.changes.len(), once.doubtful().count()), (0, 1));
}

#[tokio::test]
async fn an_instance_that_a_second_reading_lists_first_and_then_no_more_is_not_gone() {
    // Its role is news, so the region is listed once more.
    let script = |call: &Call| match (call.action.as_str(), call.earlier) {
        ("DescribeInstances", 1..) => Some(Says::ok(NOBODY)),
        ("DescribeInstanceRamRole", _) => Some(Says::ok(NO_ROLE)),
        _ => usual(call),
    };
    let again =
        Wanted::Again { doubtful: [Instance::scope_of_region("eu-central-1")].into(), counted: BTreeSet::new() };
    let read = read_as(&server(script).await, &held(&[web()]), &again).await;
    let unproven = read.unknown_scopes().values().map(|why| why.reason).collect::<Vec<_>>();
    assert_eq!(unproven, [Reason::RemovalsUnproven]);
}

#[test]
fn each_change_of_an_instance_has_its_word() {
    let none = Instance { role_name: None, ..web() };
    let later = web().creation_time.map(|time| crate::model::Millis(time.0 + 60_000));
    let tags = vec![Tag { key: "k".into(), value: "v".into() }];
    for (before, after, word) in [
        (none.clone(), web(), "role_attached"),
        (web(), Instance { role_name: Some("admin".into()), ..web() }, "role_attached"),
        (web(), none.clone(), "role_detached"),
        (none.clone(), Instance { instance_name: Some("x".into()), ..web() }, "role_attached"),
        (web(), Instance { instance_name: Some("x".into()), ..web() }, "renamed"),
        (web(), Instance { status: Some("Stopped".into()), ..web() }, "updated"),
        (web(), Instance { tags, ..web() }, "updated"),
    ] {
        assert_eq!(before.update_verb(&after).as_str(), word);
    }
    assert!(Instance { creation_time: later, ..web() }.dates().born_after(web().dates()));
}

#[tokio::test]
async fn a_status_that_is_left_out_is_null_and_tells_nothing() {
    let redacted = || Redacted::of([(Kind::Instance, "status")]);
    let without = Instance { status: None, ..web() };
    let state = holding(&[without], redacted());
    let read = read(&server(usual).await, &state).await;
    assert!(diff(&state, read.clone()).changes.is_empty());

    // What was read with the status is observed anew without it, under another version.
    let state = held(&[web()]).leaving_out(redacted().into());
    let diff = diff(&state, read);
    assert_eq!(told(&diff), ["observed "]);
    assert_eq!(diff.changes[0].model_version(), redacted().model_version(Kind::Instance));
    assert!(diff.changes[0].after.as_deref().unwrap().contains(r#""status":null"#));
}
