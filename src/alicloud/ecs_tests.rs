use super::*;
use crate::alicloud::presence::{Presence, of_instance};
use crate::alicloud::test_server::{Call, Says, Server};

fn here() -> RegionId {
    RegionId::parse("eu-central-1").unwrap()
}

/// A page of instances with these numbers.
fn page(numbers: std::ops::Range<usize>, rest: &str) -> Says {
    let rows: Vec<String> = numbers.map(|n| format!(r#"{{"InstanceId":"i-{n}"}}"#)).collect();
    Says::ok(format!(r#"{{"Instances":{{"Instance":[{}]}}{rest}}}"#, rows.join(",")))
}

async fn count(script: impl Fn(&Call) -> Option<Says> + Send + Sync + 'static) -> Result<usize, Unknown> {
    let server = Server::start(script).await;
    let listed = describe_instances(&server.session(), &here()).await;
    listed.map(|listed| listed.items().len()).map_err(Unknown::from)
}

#[tokio::test]
async fn instances_are_read_token_by_token_until_one_is_empty() {
    let server = Server::start(|call| match (call.action.as_str(), call.parameter("NextToken")) {
        ("DescribeInstances", None) => Some(page(0..100, r#","NextToken":"t/1+=","TotalCount":7"#)),
        ("DescribeInstances", Some("t/1+=")) => Some(page(100..130, r#","NextToken":"","TotalCount":7"#)),
        _ => None,
    })
    .await;
    let listed = describe_instances(&server.session(), &here()).await.unwrap();
    assert_eq!(listed.items().len(), 130);
    for call in server.calls("DescribeInstances") {
        assert_eq!((call.parameter("RegionId"), call.parameter("MaxResults")), (Some("eu-central-1"), Some("100")));
    }
}

#[tokio::test]
async fn a_page_that_does_not_say_that_it_is_the_last_one_makes_a_region_unknown() {
    for (rest, what) in [
        ("", "lacks NextToken"),
        (r#","NextToken":null"#, "lacks NextToken"),
        (r#","NextToken":"same""#, "repeats a NextToken"),
        (r#","NextToken":7"#, "wrong type"),
    ] {
        let why = count(move |call| (call.action == "DescribeInstances").then(|| page(0..3, rest))).await.unwrap_err();
        assert_eq!(why.reason, Reason::Protocol);
        assert!(why.detail.contains(what), "{}", why.detail);
    }
    let why = count(|call| (call.action == "DescribeInstances").then(|| Says::ok(r#"{"NextToken":""}"#))).await;
    assert!(why.unwrap_err().detail.contains("lacks its array"));
}

#[tokio::test]
async fn what_is_read_of_an_instance_is_what_the_service_says() {
    let server = Server::start(|call| {
        (call.action == "DescribeInstances").then(|| {
            Says::ok(
                r#"{"NextToken":"","Instances":{"Instance":[{"InstanceId":"i-1","InstanceName":"web","Status":"Running",
                "CreationTime":"2022-04-25T18:21Z","VpcAttributes":{"VpcId":"vpc-1","VSwitchId":"vsw-1"},
                "Tags":{"Tag":[{"TagKey":"k","TagValue":"v"}]},"Memory":1024},
                {"InstanceId":"i-2","InstanceName":"","VpcAttributes":{"VpcId":""}}]}}"#,
            )
        })
    })
    .await;
    let listed = describe_instances(&server.session(), &here()).await.unwrap();
    let [full, bare] = listed.items() else { panic!("{listed:?}") };
    assert_eq!(full.creation_time.map(Timestamp::as_second), Some(1_650_910_860));
    assert_eq!(full.vpc_attributes.as_ref().and_then(|vpc| vpc.vpc_id.as_deref()), Some("vpc-1"));
    assert_eq!((full.instance_name.as_deref(), full.status.as_deref()), (Some("web"), Some("Running")));
    assert_eq!(full.tags, [Tag { key: "k".into(), value: Some("v".into()) }]);
    assert_eq!((&bare.instance_name, &bare.status, bare.creation_time), (&None, &None, None));
    assert_eq!(bare.vpc_attributes, Some(VpcAttributes { vpc_id: None }));
}

#[tokio::test]
async fn regions_are_known_only_if_there_is_one_and_each_could_be_a_host() {
    for (body, what) in [
        (r#"{"Regions":{"Region":[]}}"#, "names no region"),
        ("{}", "lacks its array"),
        (r#"{"Regions":{"Region":[{"RegionId":"evil.example/"}]}}"#, "wrong type or form"),
        (r#"{"Regions":{"Region":[{"RegionId":""}]}}"#, "wrong type or form"),
    ] {
        let server = Server::start(move |call| (call.action == "DescribeRegions").then(|| Says::ok(body))).await;
        let why = describe_regions(&server.session()).await.unwrap_err();
        assert!(why.detail.contains(what), "{}", why.detail);
    }
    let body = r#"{"Regions":{"Region":[{"RegionId":"cn-hangzhou","RegionEndpoint":"evil.example","LocalName":"x"}]}}"#;
    let server = Server::start(move |call| (call.action == "DescribeRegions").then(|| Says::ok(body))).await;
    let regions = describe_regions(&server.session()).await.unwrap();
    assert_eq!(regions.items()[0].region_id.as_str(), "cn-hangzhou");
}

#[tokio::test]
async fn roles_are_asked_for_fifty_instances_at_a_time() {
    let server = Server::start(|call| {
        (call.action == "DescribeInstanceRamRole").then(|| {
            let ids: Vec<String> = serde_json::from_str(call.parameter("InstanceIds").unwrap()).unwrap();
            assert!(ids.len() <= 50);
            let role = if ids.contains(&"i-0".to_owned()) { "ops" } else { "" };
            let id = &ids[0];
            Says::ok(format!(
                r#"{{"TotalCount":1,"InstanceRamRoleSets":{{"InstanceRamRoleSet":[
                {{"InstanceId":"{id}","RamRoleName":"{role}"}}]}}}}"#
            ))
        })
    })
    .await;
    let ids: Vec<String> = (0..120).map(|n| format!("i-{n}")).collect();
    let batches = describe_instance_ram_roles(&server.session(), &here(), &ids).await;
    let sizes: Vec<usize> = batches.iter().map(|(ids, _)| ids.len()).collect();
    assert_eq!(sizes, [50, 50, 20]);
    let named = |batch: usize| batches[batch].1.as_ref().unwrap().items()[0].ram_role_name.clone();
    assert_eq!((named(0).as_deref(), named(1)), (Some("ops"), None));
}

#[tokio::test]
async fn an_answer_about_an_instance_that_was_not_asked_for_tells_nothing_of_roles() {
    let server = Server::start(|call| {
        (call.action == "DescribeInstanceRamRole").then(|| {
            Says::ok(
                r#"{"TotalCount":1,"InstanceRamRoleSets":{"InstanceRamRoleSet":[
                {"InstanceId":"i-9","RamRoleName":"ops"}]}}"#,
            )
        })
    })
    .await;
    let ids = ["i-1".to_owned()];
    let batches = describe_instance_ram_roles(&server.session(), &here(), &ids).await;
    assert_eq!(batches[0].1.as_ref().unwrap_err().reason, Reason::Protocol);
}

#[tokio::test]
async fn an_instance_is_gone_if_the_list_of_the_one_that_was_asked_for_is_whole_and_empty() {
    let server = Server::start(|call| match call.parameter("InstanceIds")? {
        r#"["i-gone"]"# => Some(page(0..0, r#","NextToken":"""#)),
        r#"["i-0"]"# => Some(page(0..1, r#","NextToken":"""#)),
        r#"["i-other"]"# => Some(page(0..1, r#","NextToken":"""#)),
        r#"["i-more"]"# => Some(page(0..0, r#","NextToken":"t""#)),
        r#"["i-open"]"# => Some(page(0..0, "")),
        r#"["i-torn"]"# => Some(Says::ok(r#"{"NextToken":""}"#)),
        _ => Some(Says::error(403, "Forbidden.RAM")),
    })
    .await;
    let session = server.session();
    let ask = async |id: &str| of_instance(&session, &here(), id).await.ok().map(|seen| seen.item);
    assert_eq!((ask("i-gone").await, ask("i-0").await), (Some(Presence::Gone), Some(Presence::Exists)));
    for open in ["i-other", "i-more", "i-open", "i-torn", "i-denied"] {
        assert_eq!(ask(open).await, None, "{open}");
    }
}

#[tokio::test]
async fn only_one_code_says_that_there_is_no_such_region() {
    for (status, code, says_so) in [
        (404, "InvalidRegionId.NotFound", true),
        (400, "InvalidOperation.NotSupportedEndpoint", false),
        (403, "RegionUnauthorized", false),
        (403, "Forbidden.RAM", false),
        (404, "InvalidApi.NotFound", false),
    ] {
        let script = move |call: &Call| (call.action == "DescribeInstances").then(|| Says::error(status, code));
        let server = Server::start(script).await;
        let error = describe_instances(&server.session(), &here()).await.unwrap_err();
        assert_eq!(error.says_no_such_region(), says_so, "{code}: {error}");
    }
}
