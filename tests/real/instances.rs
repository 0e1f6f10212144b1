//! ECS instances: who carries which role, region by region.

use ramstream::simulator::seed::Size;
use serde_json::{Value, json};

use crate::support::cloud::{lookup, names, small};
use crate::support::fold::check_sequences;
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, collection, of_type, text};

const HERE: &str = "eu-central-1";
const THERE: &str = "cn-hangzhou";

/// A small account of which instances are read, too.
async fn world() -> World {
    let mut world = World::of(Size { instances: 3, ..small() }).await;
    world.set("COLLECT__INSTANCE", "true");
    world.set("SYNC__TIME_BUDGET", "8s");
    world
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| text(event, "event_type")).collect()
}

/// A role that can be given to an instance.
async fn a_role(world: &World) -> String {
    let account = world.cloud.account().await;
    let roles = names(&account, "roles", "role_name");
    roles.into_iter().find(|name| !name.starts_with("AliyunServiceRole")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_life_of_an_instance_is_told_word_by_word() {
    let world = world().await;
    let cloud = &world.cloud;
    let (role, another) = (a_role(&world).await, "another-role");
    cloud.create_role(another).await;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events_of(1).await;
    assert_eq!(of_type(&baseline, "instance.observed").len(), 3, "what was there is no news");

    let id = cloud.run_instance(HERE, "web", None).await;
    world.run_once().await.exits_with(COMPLETE);
    let events = world.events_of(2).await;
    assert_eq!(types(&events), ["instance.added"]);
    let added = &events[0];
    assert_eq!(text(added, "key"), world.key(&format!("instance/{HERE}/{id}")));
    assert_eq!((text(added, "region"), text(added, "instance_id"), text(added, "instance_name")), (HERE, &*id, "web"));
    assert_eq!((&added["after"]["role_name"], text(&added["after"], "status")), (&Value::Null, "Running"));

    let it = (HERE, id.as_str());
    cloud.instance("AttachInstanceRamRole", it, &[("RamRoleName", &role)]).await;
    world.run_once().await.exits_with(COMPLETE);
    let events = world.events_of(3).await;
    assert_eq!(types(&events), ["instance.role_attached"]);
    assert_eq!(events[0]["changed_fields"], json!(["role_name"]));
    assert_eq!((&events[0]["before"]["role_name"], text(&events[0]["after"], "role_name")), (&Value::Null, &*role));

    // From one role to another between two syncs.
    cloud.instance("DetachInstanceRamRole", it, &[]).await;
    cloud.instance("AttachInstanceRamRole", it, &[("RamRoleName", another)]).await;
    world.run_once().await.exits_with(COMPLETE);
    let events = world.events_of(4).await;
    assert_eq!(types(&events), ["instance.role_attached"]);
    assert_eq!((text(&events[0]["before"], "role_name"), text(&events[0]["after"], "role_name")), (&*role, another));

    cloud.instance("DetachInstanceRamRole", it, &[]).await;
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(types(&world.events_of(5).await), ["instance.role_detached"]);

    cloud.instance("ModifyInstanceAttribute", it, &[("InstanceName", "shop")]).await;
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(types(&world.events_of(6).await), ["instance.renamed"]);

    let tag = [("ResourceType", "instance"), ("ResourceId.1", id.as_str()), ("Tag.1.Key", "k"), ("Tag.1.Value", "v")];
    cloud.instance("TagResources", it, &tag).await;
    cloud.instance("StopInstance", it, &[]).await;
    world.run_once().await.exits_with(COMPLETE);
    let events = world.events_of(7).await;
    assert_eq!((types(&events), &events[0]["changed_fields"]), (vec!["instance.updated"], &json!(["status", "tags"])));

    cloud.recreate_instance(&id).await;
    world.run_once().await.exits_with(COMPLETE);
    let events = world.events_of(8).await;
    assert_eq!((types(&events), text(&events[0], "op")), (vec!["instance.readded"], "u"));

    cloud.instance("DeleteInstance", it, &[]).await;
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(types(&world.events_of(9).await), ["instance.removed"]);
    check_sequences(&world.syncs().await, &world.events().await);
    world.verify(&[]).await.0.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_region_that_cannot_be_read_keeps_its_instances_and_the_others_flow() {
    let world = world().await;
    let cloud = &world.cloud;
    let here = cloud.run_instance(HERE, "here", None).await;
    let there = cloud.run_instance(THERE, "there", None).await;
    world.run_once().await.exits_with(COMPLETE);
    let faults = [
        (json!({ "fault": "throttle" }), "throttled"),
        (json!({ "fault": "deny" }), "denied"),
        (json!({ "fault": "error", "status": 403, "code": "RegionUnauthorized" }), "protocol"),
        // There is no such region any more, says the service, but something was in it.
        (json!({ "fault": "error", "status": 404, "code": "InvalidRegionId.NotFound" }), "protocol"),
    ];
    for (number, (mut fault, reason)) in faults.into_iter().enumerate() {
        fault["operation"] = json!("DescribeInstances");
        fault["parameters"] = json!({ "RegionId": HERE });
        cloud.fault(fault).await;
        let name = format!("renamed-{number}");
        for it in [(HERE, here.as_str()), (THERE, there.as_str())] {
            cloud.instance("ModifyInstanceAttribute", it, &[("InstanceName", &name)]).await;
        }
        world.run_once().await.exits_with(PARTIAL);
        assert!(cloud.end_faults().await > 0);
        let record = world.syncs().await.pop().unwrap();
        let sequence = record["sequence"].as_i64().unwrap();
        let events = world.events_of(sequence).await;
        assert_eq!(types(&events), ["instance.renamed"], "{reason}");
        assert_eq!(text(&events[0], "region"), THERE);
        let instances = collection(&record, "instance");
        assert_eq!((text(instances, "status"), text(instances, "reason")), ("partial", reason), "{record}");
        assert_eq!(text(&record["scopes"][0], "scope"), format!("instance/{HERE}"));
        world.run_once().await.exits_with(COMPLETE);
        let events = world.events_of(sequence + 1).await;
        assert_eq!((types(&events), text(&events[0], "region")), (vec!["instance.renamed"], HERE), "it is not lost");
    }
    world.verify(&[]).await.0.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_region_that_is_not_there_any_more_is_no_removal_and_an_empty_one_that_does_not_exist_is_no_trouble() {
    let world = world().await;
    let cloud = &world.cloud;
    cloud.run_instance(HERE, "here", None).await;
    // The list of regions names one that the service then does not know, and in which nothing ever was.
    cloud.set_regions(&[THERE, HERE, "ap-southeast-1", "me-east-1"]).await;
    let unknown = json!({ "RegionId": "me-east-1" });
    let fault = json!({ "operation": "DescribeInstances", "fault": "error", "status": 404 });
    let (mut fault, code) = (fault, json!("InvalidRegionId.NotFound"));
    (fault["code"], fault["parameters"]) = (code, unknown);
    cloud.fault(fault).await;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;

    cloud.set_regions(&[THERE, "ap-southeast-1"]).await;
    world.run_once().await.exits_with(PARTIAL);
    assert_eq!(world.events().await, baseline);
    let record = world.syncs().await.pop().unwrap();
    assert_eq!(text(&record["scopes"][0], "scope"), format!("instance/{HERE}"));
    assert_eq!(text(collection(&record, "instance"), "reason"), "parent_gone");

    cloud.fault(json!({ "operation": "DescribeRegions", "fault": "empty" })).await;
    world.run_once().await.exits_with(PARTIAL);
    assert_eq!(world.events().await, baseline, "an account without regions is none");
    cloud.end_faults().await;
    cloud.set_regions(&[THERE, HERE, "ap-southeast-1"]).await;
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(world.events().await, baseline, "nothing to take back either");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_an_empty_answer_lacks_is_neither_gone_nor_without_its_role() {
    let world = world().await;
    let cloud = &world.cloud;
    let role = a_role(&world).await;
    cloud.run_instance(HERE, "here", Some(&role)).await;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;
    for operation in ["DescribeInstanceRamRole", "DescribeInstances"] {
        cloud
            .fault(json!({ "operation": operation, "fault": "empty", "parameters": { "RegionId": HERE }, "times": 1 }))
            .await;
        world.run_once().await.exits_with(COMPLETE);
        assert_eq!(cloud.end_faults().await, 1);
        assert_eq!(world.events().await, baseline, "{operation}");
    }
    // Roles that could not be read leave the instances as they were.
    cloud.fault(json!({ "operation": "DescribeInstanceRamRole", "fault": "deny" })).await;
    world.run_once().await.exits_with(PARTIAL);
    cloud.end_faults().await;
    assert_eq!(world.events().await, baseline);
    assert_eq!(of_type(&world.notices().await.iter().map(with_type).collect::<Vec<_>>(), "coverage.lost").len(), 1);
}

/// A notice under the name that events have for their type.
fn with_type(notice: &Value) -> Value {
    let mut notice = notice.clone();
    notice["event_type"] = notice["notice_type"].clone();
    notice
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_status_that_is_left_out_is_null_and_brings_a_baseline_when_it_comes_back() {
    let mut world = world().await;
    world.set("COLLECT__INSTANCE_STATUS", "false");
    let id = world.cloud.run_instance(HERE, "web", None).await;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events_of(1).await;
    let observed = of_type(&baseline, "instance.observed");
    assert!(observed.iter().all(|event| event["after"]["status"].is_null()));
    // echo -n status | sha256sum
    assert!(observed.iter().all(|event| text(event, "model_version") == "1+073c1634"));
    world.cloud.instance("StopInstance", (HERE, &id), &[]).await;
    assert_eq!(world.run_once().await.exits_with(COMPLETE).last_line(), "nothing changed");

    world.unset("COLLECT__INSTANCE_STATUS");
    world.run_once().await.exits_with(COMPLETE);
    let again = world.events_of(3).await;
    assert!(!again.is_empty() && again.iter().all(|event| text(event, "event_type") == "instance.observed"));
    assert!(again.iter().all(|event| text(event, "model_version") == "1"));
    let account = world.cloud.account().await;
    assert_eq!(lookup(&account, "instances", ("instance_id", &id), "status"), "Stopped");
    let it = again.iter().find(|event| text(event, "instance_id") == id).unwrap();
    assert_eq!(text(&it["after"], "status"), "Stopped");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn instances_are_not_asked_for_unless_they_are_wanted() {
    let world = World::of(Size { instances: 3, ..small() }).await;
    world.run_once().await.exits_with(COMPLETE);
    assert!(world.requests().iter().all(|request| !text(request, "operation").starts_with("Describe")));
    assert!(of_type(&world.events().await, "instance.observed").is_empty());
    world.verify(&[]).await.0.exits_with(COMPLETE);
}
