//! The status page of a live daemon: what it says of what has happened, and how it looks in a real browser.

use std::path::Path;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::html::Html;
use crate::support::browser::Browser;
use crate::support::cloud::lookup;
use crate::support::process::{Daemon, eventually};
use crate::support::world::World;

const TOKEN: &str = "canary-token-0123456789";
const HOSTILE: &str = "<script>document.title='taken'</script>";

/// Changes of all sorts, a kind that cannot be read, and a replay.
async fn with_a_story() -> (World, Daemon) {
    let mut world = World::small().await;
    world.set("ADMIN__TOKEN", TOKEN);
    world.set("ACCOUNT__NAME", HOSTILE);
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let long = "l".repeat(64);
    world.cloud.create_user("newcomer").await;
    world.cloud.create_user(&long).await;
    daemon.syncs(1, "complete").await;
    let id = lookup(&world.cloud.account().await, "users", ("user_name", "newcomer"), "user_id");
    let hostile = [("UserId", id.as_str()), ("NewDisplayName", HOSTILE)];
    world.cloud.ims("UpdateUser", &hostile).await;
    world.cloud.rename_user("newcomer", "resident").await;
    daemon.syncs(1, "complete").await;
    world.cloud.fault(json!({ "operation": "ListGroups", "fault": "deny" })).await;
    daemon.syncs(1, "partial").await;
    world.ask_for_replay("everything");
    world.notice_of("everything", "replay.completed").await;
    daemon.syncs(1, "partial").await;
    (world, daemon)
}

/// The page, by somebody who has the token.
async fn page(daemon: &mut Daemon) -> Html {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = daemon.admin().await;
    let answer = client.get(&url).basic_auth("ops", Some(TOKEN)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    Html::parse(&answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_page_says_what_a_daemon_did_what_it_knows_and_what_it_could_not_read() {
    let (world, mut daemon) = with_a_story().await;
    let refused =
        reqwest::Client::builder().no_proxy().build().unwrap().get(daemon.admin().await).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let shown = page(&mut daemon).await;
    assert!(shown.text("now").contains("running"), "{}", shown.text("now"));
    let syncs = shown.rows("syncs");
    assert!(syncs[0]["Outcome"].starts_with("partial (sequence "), "{:?}", syncs[0]);
    assert!(syncs[0]["Calls"].parse::<u64>().unwrap() > 0 && syncs[0]["Unknown"].contains("scope"), "{:?}", syncs[0]);
    assert!(syncs.last().unwrap()["Changes"].ends_with("observed"), "{syncs:?}");

    let coverage = shown.rows("coverage");
    let row = |kind: &str| coverage.iter().find(|row| row["Kind"] == kind).unwrap();
    assert_eq!((row("user")["Read"], row("user")["Why incomplete"]), ("complete", ""));
    assert_eq!((row("group")["Read"], row("instance")["Read"]), ("unknown", "off"));
    assert!(row("group")["Why incomplete"].starts_with("denied, 1 scope: group: "), "{:?}", row("group"));
    assert!(row("group")["Complete as of"].contains(" s ago, "), "{:?}", row("group"));

    // Word for word what tail says behind time and type.
    let told = world.tail(&["--kind", "user", "--type", "user.added,user.renamed"]).await.exits_with(0);
    let lines: Vec<String> =
        told.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(shown.text("changes").contains(HOSTILE), "{}", shown.text("changes"));
    let changes = shown.rows("changes");
    for line in &lines {
        let (_, said) = line.split_once(' ').unwrap();
        let is_it = |change: &&std::collections::BTreeMap<&str, &str>| {
            format!("{} {}", change["Change"], change["What"]).split_whitespace().collect::<Vec<_>>().join(" ") == said
        };
        assert!(changes.iter().any(|change| is_it(&change)), "no {said:?} in {changes:?}");
    }

    let requests = shown.rows("requests");
    assert_eq!((requests[0]["Request"], requests[0]["State"]), ("replay everything", "completed"));

    // Nothing can be read at all.
    world.cloud.fault(json!({ "operation": "*", "fault": "deny" })).await;
    daemon.syncs(1, "failed").await;
    daemon.logs("nothing could be read").await;
    let shown = page(&mut daemon).await;
    assert!(shown.rows("syncs")[0]["Outcome"].starts_with("failed"), "{:?}", shown.rows("syncs")[0]);
    daemon.terminate().await;

    // What it remembered went with it; what the state knows did not.
    let mut daemon = world.start_daemon();
    daemon.is_ready().await;
    let shown = eventually("the failed sync of the next process", async || {
        let shown = page(&mut daemon).await;
        (!shown.rows("syncs").is_empty()).then_some(shown)
    })
    .await;
    assert!(shown.rows("syncs").iter().all(|row| row["Outcome"].starts_with("failed")), "{:?}", shown.rows("syncs"));
    assert!(shown.text("changes").contains("No change since this process started"));
    let users = shown.rows("coverage").into_iter().find(|row| row["Kind"] == "user").unwrap();
    assert!(users["Read"] == "unknown" && users["Complete as of"].contains("ago"), "{users:?}");
    daemon.terminate().await;
}

/// What stands too far to the right, and what the page looks like.
const LOOK: &str = "\
    const wide = [...document.querySelectorAll('body *')].filter(
        e => !e.closest('svg') && e.getBoundingClientRect().right > window.innerWidth + 0.5);
    const paint = e => getComputedStyle(e);
    return {
        width: window.innerWidth, scroll: document.documentElement.scrollWidth,
        height: document.documentElement.scrollHeight,
        wide: wide.map(e => e.outerHTML.slice(0, 120)),
        paper: paint(document.body).backgroundColor, ink: paint(document.body).color,
        cells: paint(document.querySelector('td')).display,
        bars: document.querySelectorAll('rect').length, scripts: document.scripts.length, title: document.title,
    };";

/// How bright a colour is, as `rgb(…)`.
fn brightness(colour: &Value) -> u32 {
    let parts = colour.as_str().unwrap().trim_start_matches("rgb(").trim_end_matches(')').split(", ");
    parts.map(|part| part.parse::<u32>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka, a registry and Chromium: make test"]
async fn the_page_fits_a_phone_and_a_desktop_in_light_and_in_dark() {
    let (world, mut daemon) = with_a_story().await;
    let address = daemon.admin().await;
    // What a person types into the browser's own dialogue.
    let url = address.replace("http://", &format!("http://ops:{TOKEN}@"));
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("status-page");
    std::fs::create_dir_all(&pictures).unwrap();
    let browser = Browser::start().await;
    for (device, size, is_mobile, cells) in
        [("phone", (360, 780), true, "block"), ("desktop", (1440, 900), false, "table-cell")]
    {
        for scheme in ["light", "dark"] {
            browser.becomes(size, is_mobile, scheme).await;
            browser.opens(&url).await;
            let look = browser.says(LOOK).await;
            let what = format!("{device}, {scheme}: {look:#}");
            assert_eq!((&look["width"], &look["wide"]), (&json!(size.0), &json!([])), "{what}");
            assert!(look["scroll"].as_u64() <= Some(size.0.into()), "{what}");
            assert_eq!(look["cells"], cells, "the style is taken, for this width: {what}");
            assert_eq!(brightness(&look["paper"]) > brightness(&look["ink"]), scheme == "light", "{what}");
            assert!(look["bars"].as_u64() > Some(8), "{what}");
            assert_eq!((&look["scripts"], look["title"].as_str()), (&json!(0), Some(title(&world).as_str())), "{what}");
            let picture = browser.picture((size.0, look["height"].as_u64().unwrap())).await;
            std::fs::write(pictures.join(format!("{device}-{scheme}.png")), picture).unwrap();
        }
    }
    assert_eq!(browser.complaints().await, Vec::<Value>::new());
    browser.ends().await;
    daemon.terminate().await;
}

fn title(world: &World) -> String {
    format!("ramstream: account {}", world.cloud.account_id())
}
