//! What the status page shows, and to whom.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::html::Html;
use super::*;
use crate::diff::Op;
use crate::event::Outcome as SyncOutcome;
use crate::model::{Reason, Scope};
use crate::sync::Report;
use crate::sync::known::{How, Known, UnknownScope};
use crate::sync::lately::{Changed, SyncEnd, Unread};

/// 2026-01-31T11:00:00Z.
const AT: i64 = 1_769_857_200;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(AT + seconds).unwrap()
}

fn ago(hours: i64) -> Millis {
    Millis::from(Timestamp::now() - SignedDuration::from_hours(hours))
}

fn published(seconds: i64, sequence: i64, outcome: SyncOutcome, events: &[(Op, usize)], calls: u64) -> SyncEnd {
    let elapsed = Duration::from_millis(2_500);
    let unknown_scopes = if outcome == SyncOutcome::Complete { 0 } else { 3 };
    let events = events.iter().copied().collect();
    let report = Report { sequence, outcome, events, unknown_scopes, calls, elapsed };
    SyncEnd { at: at(seconds), elapsed, came_to: Ok(report) }
}

fn known(kind: Kind, how: How, complete_at: Option<Millis>) -> Known {
    let example = UnknownScope { scope: Scope::collection(kind), reason: Reason::Denied, since: None };
    let example = Some(example).filter(|_| how != How::Complete);
    let unknown_scopes = usize::from(example.is_some());
    Known { kind, how, entities: 12, complete_at, unknown_scopes, example }
}

fn changed(event_type: &str, words: &str) -> Changed {
    Changed { at: at(0), sequence: 7, op: Op::Updated, event_type: event_type.to_owned(), words: words.to_owned() }
}

impl World {
    async fn page(&self) -> Html {
        let answer = self.get("/").await;
        assert_eq!((answer.status, answer.content_type.as_str()), (StatusCode::OK, "text/html; charset=utf-8"));
        Html::parse(&answer.text)
    }

    /// The page, asked for with these headers.
    async fn page_with(&self, headers: &[(&str, &str)]) -> Answer {
        let request = headers.iter().fold(ask("GET", "/"), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

#[tokio::test]
async fn a_process_that_has_just_begun_says_that_it_remembers_nothing() {
    let world = World::open();
    world.set(|inner| (inner.view.lately.since, inner.phase) = (at(0), Phase::Starting));
    let page = world.page().await;
    assert!(page.text("now").contains("starting") && page.text("now").contains("nothing yet"));
    for (section, told) in [
        ("syncs", "No sync has ended yet"),
        ("syncs", "2026-01-31 11:00:00"),
        ("syncs", "ramstream tail --until-end --notices all"),
        ("coverage", "Nothing is published yet"),
        ("changes", "No change since this process started"),
        ("requests", "No requests"),
    ] {
        assert!(page.text(section).contains(told), "no {told:?} in {:?}", page.text(section));
        assert_eq!(page.rows(section), []);
    }
}

#[tokio::test]
async fn the_top_names_this_process_and_tells_of_credentials_only_while_there_are_no_new_ones() {
    let world = World::open();
    let page = world.page().await;
    assert!(page.text("now").contains("00000000-0000-0000-0000-000000000003"), "{:?}", page.text("now"));
    assert!(!page.text("now").contains("credentials"), "{:?}", page.text("now"));
    let ahead = Timestamp::now() + SignedDuration::from_hours(1);
    let shown = ahead.strftime("they end at %Y-%m-%d %H:%M:%S").to_string();
    for (times, end, told) in [
        (1, Some(ahead), ["the last exchange for new ones failed", shown.as_str()]),
        (3, Some(at(0)), ["the last 3 exchanges for new ones failed", "they ended at 2026-01-31 11:00:00"]),
        (2, None, ["the last 2 exchanges for new ones failed", "there are none"]),
    ] {
        world.set(|inner| inner.in_vain = Some(ExchangesInVain { times, end }));
        let page = world.page().await;
        for told in told {
            assert!(page.text("now").contains(told), "no {told:?} in {:?}", page.text("now"));
        }
    }
    world.set(|inner| inner.phase = Phase::Parked { by: "x".to_owned() });
    let page = world.page().await;
    assert!(!page.text("now").contains("credentials"), "a parked copy asks for none: {:?}", page.text("now"));
}

#[tokio::test]
async fn each_sync_has_a_row_with_what_it_came_to_the_last_one_first() {
    let world = World::open();
    let unpublished =
        SyncEnd { at: at(90), elapsed: Duration::from_secs(125), came_to: Err("no broker answers".to_owned()) };
    let syncs = [
        published(0, 7, SyncOutcome::Complete, &[(Op::Created, 2), (Op::Removed, 1)], 40),
        published(30, 8, SyncOutcome::Partial, &[], 10),
        published(60, 9, SyncOutcome::Failed, &[], 20),
        unpublished,
    ];
    world.set(|inner| inner.view.lately.syncs = Arc::new(syncs.into()));
    let page = world.page().await;
    let rows = page.rows("syncs");
    let column = |name: &str| rows.iter().map(|row| row[name]).collect::<Vec<_>>();
    assert_eq!(
        column("Outcome"),
        ["unpublished: no broker answers", "failed (sequence 9)", "partial (sequence 8)", "complete (sequence 7)"]
    );
    assert_eq!(column("Ended")[3], "2026-01-31 11:00:00");
    assert_eq!(column("Took"), ["2 min 5 s", "2.5 s", "2.5 s", "2.5 s"]);
    assert_eq!(column("Changes"), ["", "none", "none", "2 created, 1 removed"]);
    assert_eq!(column("Calls"), ["", "20", "10", "40"]);
    assert_eq!(column("Unknown"), ["", "3 scopes", "3 scopes", ""]);

    // Two charts with a bar a sync, in the order of time.
    assert_eq!(page.all("syncs", "svg").len(), 2);
    let bars = page.all("syncs", "rect");
    let heights: Vec<&str> = bars.iter().map(|bar| bar.attributes["height"].as_str()).collect();
    assert_eq!(heights, ["60", "0", "0", "0", "60", "15", "30", "0"]);
    let outcomes: Vec<&str> = bars[4..].iter().map(|bar| bar.attributes["class"].as_str()).collect();
    assert_eq!(outcomes, ["complete", "partial", "failed", "unpublished"]);
    assert_eq!(bars[4].text, "2026-01-31 11:00:00: 40, complete");
}

#[tokio::test]
async fn coverage_says_what_is_read_how_old_it_is_and_why_not_all() {
    let world = World::open();
    let known = vec![
        known(Kind::User, How::Complete, Some(ago(0))),
        known(Kind::Group, How::Unknown, Some(ago(26))),
        known(Kind::Membership, How::Partial, None),
        known(Kind::Instance, How::Off, None),
    ];
    let detail = "group: ListGroups: NoPermission".to_owned();
    let unread = BTreeMap::from([(Kind::Group, vec![Unread { reason: Reason::Denied, count: 1, detail }])]);
    world.set(|inner| {
        (inner.view.known, inner.view.lately.unknown) = (Arc::new(known), Arc::new(unread));
    });
    let page = world.page().await;
    let rows = page.rows("coverage");
    let row = |index: usize| ["Kind", "Read", "Entities"].map(|name| rows[index][name]);
    assert_eq!(row(0), ["user", "complete", "12"]);
    assert_eq!(rows[0]["Why incomplete"], "");
    assert_eq!(row(1), ["group", "unknown", "12"]);
    assert!(rows[1]["Complete as of"].starts_with("1 d 2 h ago, 20"), "{:?}", rows[1]);
    assert_eq!(rows[1]["Why incomplete"], "denied, 1 scope: group: ListGroups: NoPermission");
    // Of what no sync of this process has told, the state says why.
    assert_eq!(row(2), ["membership", "partial", "12"]);
    assert_eq!((rows[2]["Complete as of"], rows[2]["Why incomplete"]), ("never", "denied, 1 scope: membership"));
    assert_eq!((row(3), rows[3]["Why incomplete"]), (["instance", "off", "12"], "left out by [collect]"));
}

#[tokio::test]
async fn the_last_change_comes_first_and_a_replay_shows_its_progress() {
    let world = World::open();
    let changes = [changed("user.added", "ann (2618…)"), changed("user.renamed", "alice → alicia (9921…)")];
    let sending = BTreeMap::from([(Kind::User, (3, 10)), (Kind::Role, (0, 5))]);
    let rejected = Outcome { reason: Some("busy".to_owned()), ..outcome("r-0", "replay", Ended::Rejected) };
    world.set(|inner| {
        inner.view.lately.changes = Arc::new(changes.into());
        inner.view.doing = Doing::Replaying { rows: sending };
        inner.view.entries = vec![waiting(replay("r-1"))];
        inner.view.outcomes = outcomes([rejected]);
    });
    let page = world.page().await;
    let changes: Vec<_> = page.rows("changes").iter().map(|row| (row["Change"], row["What"])).collect();
    assert_eq!(changes, [("user.renamed", "alice → alicia (9921…)"), ("user.added", "ann (2618…)")]);
    let rows = page.rows("requests");
    assert_eq!((rows[0]["Request"], rows[0]["State"]), ("replay r-1", "sending"));
    assert_eq!(rows[0]["Progress"].trim(), "3 of 15 rows");
    let bar = &page.all("requests", "progress")[0].attributes;
    assert_eq!((bar["value"].as_str(), bar["max"].as_str()), ("3", "15"));
    assert_eq!((rows[1]["State"], rows[1]["Why"]), ("rejected", "busy"));
    assert!(page.text("now").contains("replaying"));
}

/// What somebody who may name a user would like a browser to do.
const HOSTILE: [&str; 4] =
    ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</style></title><svg onload='x'>", "&lt;b&gt;"];

#[tokio::test]
async fn whatever_strangers_wrote_is_text_and_nothing_else() {
    let plain: BTreeSet<String> = World::open().page().await.0.into_iter().map(|element| element.name).collect();
    for text in HOSTILE {
        let world = World::open();
        let detail = text.to_owned();
        let mut members = known(Kind::Membership, How::Partial, None);
        members.example.as_mut().unwrap().scope = Scope::children(Kind::Membership, [text]);
        let unread = BTreeMap::from([(Kind::Group, vec![Unread { reason: Reason::Denied, count: 1, detail }])]);
        let failed = Outcome { reason: Some(text.to_owned()), ..outcome("r-0", "replay", Ended::Rejected) };
        let unpublished = SyncEnd { at: at(0), elapsed: Duration::ZERO, came_to: Err(text.to_owned()) };
        world.set(|inner| {
            inner.phase = Phase::Refused { why: text.to_owned() };
            inner.view.known = Arc::new(vec![known(Kind::Group, How::Unknown, None), members]);
            inner.view.lately.unknown = Arc::new(unread);
            inner.view.lately.syncs = Arc::new([unpublished].into());
            inner.view.lately.changes = Arc::new([changed(text, text)].into());
            inner.view.outcomes = outcomes([failed]);
        });
        let page = world.page().await;
        for (section, times) in [("now", 1), ("syncs", 1), ("coverage", 2), ("changes", 2), ("requests", 1)] {
            assert_eq!(page.text(section).matches(text).count(), times, "{section}: {:?}", page.text(section));
        }
        let more = ["table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "svg", "rect", "span", "p"];
        for element in &page.0 {
            let is_ours = plain.contains(&element.name) || more.contains(&element.name.as_str());
            assert!(is_ours, "{element:?}");
            assert!(element.attributes.keys().all(|name| !name.starts_with("on")), "{element:?}");
        }
    }
}

#[tokio::test]
async fn the_page_needs_no_script_and_nothing_from_elsewhere_and_lets_none_in() {
    let world = World::open();
    world.set(|inner| {
        inner.view.lately.syncs = Arc::new([published(0, 7, SyncOutcome::Complete, &[(Op::Created, 2)], 4)].into());
        inner.view.known = Arc::new(vec![known(Kind::Group, How::Unknown, Some(ago(26)))]);
    });
    let answer = world.get("/").await;
    let page = Html::parse(&answer.text);
    for element in &page.0 {
        let name = element.name.as_str();
        assert!(!["script", "link", "img", "iframe", "object", "embed", "base", "form", "a", "use"].contains(&name));
        for attribute in ["href", "src", "srcset", "action", "style", "data", "xlink:href", "http-equiv"] {
            assert!(!element.attributes.contains_key(attribute), "{element:?}");
        }
    }
    let styles: Vec<_> = page.0.iter().filter(|element| element.name == "style").collect();
    let [style] = styles[..] else { panic!("one style, not {styles:?}") };
    for word in ["url(", "@import", "//"] {
        assert!(!style.text.contains(word), "{word} in the style");
    }
    for word in ["prefers-color-scheme: dark", "max-width"] {
        assert!(style.text.contains(word), "no {word} in the style");
    }
    let digest = STANDARD.encode(openssl::sha::sha256(style.text.as_bytes()));
    let policy = answer.header("content-security-policy");
    let policy: Vec<&str> = policy.split("; ").collect();
    let style_src = format!("style-src 'sha256-{digest}'");
    let expected =
        ["default-src 'none'", &style_src, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"];
    assert_eq!(policy, expected);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

#[tokio::test(start_paused = true)]
async fn with_a_token_a_browser_logs_in_with_it_as_password_and_nobody_sees_the_page_without() {
    let world = World::new(Some(TOKEN), "0.0.0.0:9465");
    let longer = basic(&format!("ops:{TOKEN}x"));
    let name_alone = basic(&format!("{TOKEN}:"));
    for wrong in [None, Some("Basic !"), Some(&basic(TOKEN)), Some(&longer), Some(&name_alone), Some("Bearer x")] {
        let headers: Vec<_> = wrong.map(|value| ("authorization", value)).into_iter().collect();
        let answer = world.page_with(&headers).await;
        answer.is_problem(401, "unauthenticated", &["token"]);
        assert!(answer.challenge.as_deref().unwrap().starts_with("Basic realm="), "{answer:?}");
        assert!(!answer.text.contains("5481"), "{answer:?}");
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    for right in [basic(&format!("ops:{TOKEN}")), basic(&format!(":{TOKEN}")), format!("Bearer {TOKEN}")] {
        let answer = world.page_with(&[("authorization", &right)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    // A password that a browser has learnt asks for nothing.
    let request = ask("POST", SYNCS).header("authorization", basic(&format!("ops:{TOKEN}")));
    world.send(request.body(Body::empty()).unwrap()).await.is_problem(401, "unauthenticated", &["has no token"]);
    let request = ask("GET", STATUS).header("authorization", basic(&format!("ops:{TOKEN}")));
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.challenge.as_deref(), Some("Bearer realm=\"ramstream\""));
}

#[tokio::test]
async fn a_link_from_anywhere_leads_to_the_page_and_no_other_page_gets_to_see_it() {
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let world = World::open();
    assert_eq!(world.page_with(&link).await.status, StatusCode::OK);
    let framed = [link[0], link[1], ("sec-fetch-dest", "iframe")];
    let fetched = [link[0], ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "empty")];
    let posted = [link[0], link[1], link[2], ("origin", "https://evil.example")];
    for headers in [&framed[..], &fetched, &posted] {
        world.page_with(headers).await.is_problem(403, "from-a-page", &[]);
    }
    // What is no page is no goal of a link, and a foreign name leads nowhere.
    let request = link.iter().fold(ask("GET", STATUS), |request, (name, value)| request.header(*name, *value));
    world.send(request.body(Body::empty()).unwrap()).await.is_problem(403, "from-a-page", &["sec-fetch-site"]);
    let request = HttpRequest::builder().uri("/").header("host", "evil.example:9465");
    let request = link.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    world.send(request.body(Body::empty()).unwrap()).await.is_problem(403, "from-a-page", &["host"]);
}

impl Answer {
    fn header(&self, name: &str) -> String {
        let headers: &HeaderMap = &self.headers;
        headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }
}
