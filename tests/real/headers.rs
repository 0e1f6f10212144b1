//! What a router sees without decoding: headers, and the partition that the key leads to.

use serde_json::Value;

use crate::support::process::COMPLETE;
use crate::support::world::{World, text};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn events_carry_cloud_event_headers_and_land_where_murmur2_says() {
    let mut world = World::small().await;
    world.unset("KAFKA__EVENT_PARTITIONS");
    world.run_once().await.exits_with(COMPLETE);
    let events = world.events().await;
    for event in &events {
        let header = |name: &str| text(&event["headers"], name);
        assert_eq!(header("ce_specversion"), "1.0");
        assert_eq!(header("ce_id"), text(event, "event_id"));
        assert_eq!(header("ce_type"), format!("com.alibabacloud.identity.{}.v1", text(event, "event_type")));
        assert_eq!(header("ce_source"), format!("/alicloud/{}", world.cloud.account_id()));
        assert_eq!(header("ce_subject"), text(event, "key"));
        assert_eq!(header("content-type"), "application/avro");
        assert_eq!(milliseconds(header("ce_time")), event["observed_at"].as_i64().unwrap());
        assert_eq!(event["partition"].as_i64().unwrap(), i64::from(partition(text(event, "key"), 6)), "{event}");
    }
    let used: std::collections::BTreeSet<i64> = events.iter().filter_map(|event| event["partition"].as_i64()).collect();
    assert_eq!(used.len(), 6, "keys spread over all partitions");
    for notice in world.notices().await {
        let headers = &notice["headers"];
        assert_eq!((text(headers, "ce_id"), text(headers, "ce_specversion")), (text(&notice, "notice_id"), "1.0"));
        assert_eq!(
            (text(headers, "content-type"), text(&notice, "key")),
            ("application/avro", world.cloud.account_id())
        );
    }
    for record in world.state_records().await {
        assert_eq!(record["headers"], Value::Object(serde_json::Map::new()), "{record}");
    }
}

fn milliseconds(rfc_3339: &str) -> i64 {
    assert!(rfc_3339.ends_with('Z') && rfc_3339.len() == "2026-01-01T00:00:00.000Z".len(), "{rfc_3339}");
    rfc_3339.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// Where Kafka's Java client puts a key.
fn partition(key: &str, partitions: u32) -> u32 {
    (murmur2(key.as_bytes()) & 0x7fff_ffff) % partitions
}

/// Written from the description in Kafka's `org.apache.kafka.common.utils.Utils`; its vectors are below.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ u32::try_from(data.len()).unwrap();
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(M);
        word ^= word >> 24;
        hash = hash.wrapping_mul(M) ^ word.wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}

#[test]
fn murmur2_agrees_with_the_vectors_of_kafkas_own_test() {
    for (data, hash) in [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ] {
        assert_eq!(murmur2(data.as_bytes()).cast_signed(), hash, "{data}");
    }
}
