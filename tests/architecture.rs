//! Holds the arrows of the code map in `src/lib.rs`, and which words may stand where.
//!
//! Reads the sources as text: comments, literals and `#[cfg(test)]` modules are blanked first, so that only
//! product code is judged. A finding names file, line and rule. What it does not see: names that a macro
//! puts together.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom: module, and the modules of ours that it may name. `*` is anything.
const ARROWS: &[(&str, &[&str])] = &[
    ("secret", &[]),
    ("planted", &[]),
    ("ambient", &[]),
    ("model", &[]),
    ("control", &["model"]),
    ("state", &["control", "model"]),
    ("diff", &["model", "state"]),
    ("event", &["diff", "state", "model"]),
    ("framing", &[]),
    ("words", &[]),
    ("avro", &["framing", "event", "diff", "state", "model"]),
    ("alicloud", &["ambient", "model", "secret"]),
    ("kafka", &["ambient", "secret"]),
    ("snapshot", &["avro", "event", "diff", "state", "model"]),
    ("metrics", &["model"]),
    ("http", &["metrics"]),
    ("config", &["secret", "model"]),
    (
        "sync",
        &["ambient", "model", "state", "diff", "event", "avro", "alicloud", "kafka", "metrics", "control", "words"],
    ),
    ("admin", &["ambient", "control", "diff", "event", "http", "kafka", "model", "secret", "sync"]),
    ("simulator", &["ambient", "secret"]),
    ("decode", &["framing", "kafka"]),
    ("verify", &["decode", "kafka"]),
    ("tail", &["decode", "kafka", "words"]),
    ("cli", &["*"]),
    ("demo", &["*"]),
    ("intake", &["*"]),
];

/// Words that only some files may have (or that some may not), each with its reason.
struct Ban {
    words: &'static [&'static str],
    /// Longer words that begin with one of them and are fine everywhere.
    but: &'static [&'static str],
    places: Places,
    reason: &'static str,
}

/// Beginnings of paths.
enum Places {
    OnlyIn(&'static [&'static str]),
    NotIn(&'static [&'static str]),
    Nowhere,
}

const PURE: &[&str] =
    &["src/model", "src/control", "src/state", "src/diff", "src/event", "src/framing", "src/words", "src/avro"];

/// What the deterministic simulation runs in one thread.
const SIMULATED: &[&str] = &["src/sync", "src/alicloud", "src/simulator"];

const BANS: &[Ban] = &[
    Ban {
        words: &["::proven"],
        but: &[],
        places: Places::OnlyIn(&["src/alicloud/paging.rs", "src/model/complete.rs"]),
        reason: "only the end of the pages proves a listing complete",
    },
    Ban {
        words: &["SystemTime::now", "Timestamp::now", "Zoned::now", "Instant::now", "now_v7"],
        but: &[],
        places: Places::NotIn(PURE),
        reason: "pure: times come in as arguments",
    },
    Ban {
        words: &["rand::", "new_v4"],
        but: &[],
        places: Places::NotIn(PURE),
        reason: "pure: the same input gives the same bytes",
    },
    Ban {
        words: &["Timestamp::now", "now_v7", "new_v4", "rand::random", "rand::rng", "thread_rng"],
        but: &[],
        places: Places::NotIn(SIMULATED),
        reason: "time and chance come from crate::ambient, so that the simulation has them under its seed",
    },
    Ban {
        words: &["std::time::Instant", "SystemTime::now"],
        but: &[],
        places: Places::NotIn(SIMULATED),
        reason: "tokio::time::Instant pauses with the runtime, as the simulation needs it",
    },
    Ban {
        words: &["spawn_blocking", "std::thread"],
        but: &[],
        places: Places::NotIn(SIMULATED),
        reason: "a paused clock does not move on while a thread works",
    },
    Ban {
        words: &["tokio::", "std::fs", "std::net", "std::env", "std::process", "async fn"],
        but: &[],
        places: Places::NotIn(PURE),
        reason: "pure: no I/O",
    },
    Ban {
        words: &["abort_transaction"],
        but: &[],
        places: Places::Nowhere,
        reason: "drop the producer instead: the next init fences whatever it left open",
    },
    Ban {
        words: &["rdkafka"],
        but: &[],
        places: Places::OnlyIn(&[
            "src/kafka/",
            "src/config/kafka_properties.rs",
            "src/demo.rs",
            "src/demo/",
            "src/verify/consumer.rs",
        ]),
        reason: "only kafka knows the client (config asks it for its properties, the demo brings a broker, the checker reads)",
    },
    Ban {
        words: &["reqwest"],
        but: &["reqwest::Url"],
        places: Places::OnlyIn(&["src/alicloud/", "src/kafka/registry", "src/cli/", "src/demo.rs", "src/demo/"]),
        reason: "HTTP calls leave from few places, where time-outs and retries are decided",
    },
    Ban {
        words: &["planted!"],
        but: &[],
        places: Places::OnlyIn(&[
            "src/control/queue.rs",
            "src/model/",
            "src/diff/",
            "src/event/",
            "src/alicloud/paging.rs",
            "src/kafka/attempt.rs",
            "src/kafka/backoff.rs",
            "src/kafka/claim.rs",
            "src/kafka/log.rs",
            "src/sync/",
        ]),
        reason: "a planted bug stands where a rule is kept, from reading to publishing, and nowhere else",
    },
];

#[test]
fn arrows_point_one_way() {
    report(&judge(|path, text| wrong_arrows(path, text, &modules())));
}

#[test]
fn words_stand_where_they_belong() {
    report(&judge(banned_words));
}

#[test]
fn nothing_escapes_the_simulation() {
    report(&judge(escapes));
}

#[test]
fn every_module_has_its_row() {
    let mut rows: Vec<_> = ARROWS.iter().map(|(module, _)| (*module).to_owned()).collect();
    let mut declared = modules();
    rows.sort();
    declared.sort();
    assert_eq!(rows, declared, "ARROWS and the `pub mod` lines of src/lib.rs differ");
}

/// One that stands nowhere is never caught, and one that stands everywhere says nothing of a single mistake.
#[test]
fn every_planted_bug_stands_in_one_place_or_two() {
    let list = fs::read_to_string(root().join("src/planted/bugs.rs")).expect("the list of bugs is readable");
    let listed =
        list.lines().filter_map(|line| Some(line.trim().strip_suffix("\",")?.split_once(" = \"")?.0.to_owned()));
    let mut sites: BTreeMap<String, usize> = listed.map(|bug| (bug, 0)).collect();
    assert!(sites.len() >= 24, "only {} bugs are listed", sites.len());
    let stray = judge(|path, text| {
        let code = product_code(text);
        let named = code.match_indices("planted!(").filter_map(|(at, open)| name_at(&code, at + open.len()));
        let mut stray = Vec::new();
        for (at, bug) in named {
            match sites.get_mut(&bug) {
                Some(count) => *count += 1,
                None => stray.push(format!("{path}:{}: {bug} is no planted bug", line_of(&code, at))),
            }
        }
        stray
    });
    report(&stray);
    sites.retain(|_, count| !(1..=2).contains(count));
    assert_eq!(sites, BTreeMap::new(), "places of bugs that have none or too many");
}

// The rules can fail: each is tried on a planted text.

#[test]
fn a_forbidden_arrow_is_found_in_every_spelling() {
    for planted in [
        "use crate::kafka::Producer;",
        "use crate::{model::User, kafka};",
        "use crate::{\n    model::{User, Group},\n    kafka::Producer,\n};",
        "fn f() { crate::kafka::send() }",
        "use super::super::kafka::Producer;",
        "pub use  crate :: kafka;",
        "macro_rules! m { () => { $crate::kafka::send() } }",
    ] {
        let found = wrong_arrows("src/alicloud/client.rs", planted, &modules());
        assert_eq!(found.len(), 1, "{planted}: {found:?}");
        assert!(found[0].contains("alicloud -> kafka"), "{found:?}");
    }
    assert_eq!(wrong_arrows("src/state.rs", "use super::sync::Cycle;", &modules()).len(), 1);
}

#[test]
fn a_finding_names_file_line_and_rule() {
    let found = wrong_arrows("src/model/user.rs", "//! Users.\n\nuse crate::{\n    secret,\n};\n", &modules());
    assert_eq!(found, ["src/model/user.rs:4: model -> secret: model may use nothing of ours"]);
}

#[test]
fn an_allowed_arrow_is_none() {
    for allowed in [
        "use crate::model::User;",
        "use crate::secret::Secret;",
        "use super::http;",
        "use super::super::model::User;",
        "use crate::alicloud::x;",
    ] {
        assert_eq!(wrong_arrows("src/alicloud/client.rs", allowed, &modules()), Vec::<String>::new(), "{allowed}");
    }
}

#[test]
fn comments_literals_and_tests_are_not_judged() {
    for quiet in [
        "// crate::kafka\n/* crate::kafka /* nested */ crate::kafka */\n//! [`crate::kafka`]",
        "const A: &str = \"crate::kafka \\\" crate::kafka\"; const B: &str = r#\"\"crate::kafka\"\"#;",
        "fn f<'a>(x: &'a str) { let c = '\"'; } // \" crate::kafka",
        "#[cfg(test)]\nmod tests {\n    use crate::kafka;\n    fn f() { if true { } }\n}",
    ] {
        assert_eq!(wrong_arrows("src/alicloud/client.rs", quiet, &modules()), Vec::<String>::new(), "{quiet}");
    }
    let after = "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::kafka;";
    assert_eq!(wrong_arrows("src/alicloud/client.rs", after, &modules()).len(), 1);
}

#[test]
fn a_word_in_the_wrong_place_is_found() {
    for (path, planted) in [
        ("src/alicloud/users.rs", "Complete::<User>::proven(items, window)"),
        ("src/sync/collect.rs", "pages.map(Complete::proven)"),
        ("src/diff/mod.rs", "let now = Timestamp::now();"),
        ("src/event.rs", "let id = Uuid::new_v4();"),
        ("src/sync/cycle.rs", "let now = Timestamp::now();"),
        ("src/alicloud/session.rs", "let nonce = Uuid::new_v4();"),
        ("src/simulator/throttle.rs", "use std::time::Instant;"),
        ("src/kafka/transaction.rs", "producer.abort_transaction(timeout)"),
        ("src/sync/mod.rs", "use rdkafka::ClientConfig;"),
        ("src/kafka/producer.rs", "use reqwest::Client;"),
        ("src/state/mod.rs", "if planted!(SkipLastPage) {}"),
    ] {
        let found = banned_words(path, planted);
        assert_eq!(found.len(), 1, "{path}: {planted}: {found:?}");
        assert!(found[0].starts_with(&format!("{path}:1: ")), "{found:?}");
    }
}

#[test]
fn what_escapes_the_simulation_is_found() {
    let grouped = "use std::time::{\n    Duration,\n    Instant,\n};";
    for planted in [grouped, "select! { a = b => {} }", "tokio::select! {\n    a = b => {}\n}"] {
        assert_eq!(escapes("src/sync/daemon.rs", planted).len(), 1, "{planted}");
        assert_eq!(escapes("src/cli/run.rs", planted), Vec::<String>::new());
    }
    let within = "use std::time::{Duration, SystemTime}; use tokio::time::{Instant, sleep}; select! {\n    biased;\n}";
    assert_eq!(escapes("src/sync/daemon.rs", within), Vec::<String>::new());
}

#[test]
fn a_word_in_its_own_place_is_none() {
    for (path, text) in [
        ("src/alicloud/paging.rs", "Complete::proven(items, window)"),
        ("src/cli/mod.rs", "let now = Timestamp::now();"),
        ("src/kafka/producer.rs", "use rdkafka::ClientConfig;"),
        ("src/config/registry.rs", "use reqwest::Url;"),
        ("src/model/key.rs", "let operand::x = 1; my_rdkafka_like();"),
    ] {
        assert_eq!(banned_words(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

/// What the rule finds in `text`: every module of ours that is named without an arrow to it.
fn wrong_arrows(path: &str, text: &str, modules: &[String]) -> Vec<String> {
    let from = module_of(path);
    let Some((_, allowed)) = ARROWS.iter().find(|(module, _)| *module == from) else {
        return Vec::new(); // lib.rs declares the modules, main.rs stands above them all
    };
    let permitted = |to: &str| to == from || allowed.contains(&"*") || allowed.contains(&to);
    let rule = match allowed {
        [] => "nothing of ours".to_owned(),
        some => format!("only {}", some.join(", ")),
    };
    let code = product_code(text);
    named_at_root(path, &code)
        .into_iter()
        .filter(|(_, to)| modules.contains(to) && !permitted(to))
        .map(|(at, to)| format!("{path}:{}: {from} -> {to}: {from} may use {rule}", line_of(&code, at)))
        .collect()
}

/// What the bans find in `text`.
fn banned_words(path: &str, text: &str) -> Vec<String> {
    let code = product_code(text);
    let within = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
    let mut found = Vec::new();
    for ban in BANS {
        let permitted = match ban.places {
            Places::OnlyIn(places) => within(places),
            Places::NotIn(places) => !within(places),
            Places::Nowhere => false,
        };
        for word in ban.words.iter().filter(|_| !permitted) {
            let fine = |at: usize| ban.but.iter().any(|longer| code[at..].starts_with(longer));
            let whole = code.match_indices(word).filter(|(at, _)| is_whole(&code, *at, word) && !fine(*at));
            found.extend(whole.map(|(at, _)| format!("{path}:{}: {word}: {}", line_of(&code, at), ban.reason)));
        }
    }
    found
}

/// What no seed rules, where the simulation runs: lengths of time that do not pause, and choices of `select!`.
fn escapes(path: &str, text: &str) -> Vec<String> {
    if !SIMULATED.iter().any(|place| path.starts_with(place)) {
        return Vec::new();
    }
    let code = product_code(text);
    let found = |at: usize, what: &str| format!("{path}:{}: {what}", line_of(&code, at));
    let group = |at: usize| code[at..].split(['{', '}']).nth(1).unwrap_or_default();
    let times =
        code.match_indices("std::time::{").filter(|(at, _)| group(*at).split(',').any(|n| n.trim() == "Instant"));
    let times = times.map(|(at, _)| found(at, "std::time::Instant: take tokio's, which pauses with the runtime"));
    let choices = code.match_indices("select!").filter(|(at, _)| !group(*at).trim_start().starts_with("biased"));
    let choices = choices.map(|(at, _)| found(at, "select!: say `biased`, or it draws the order by itself"));
    times.chain(choices).collect()
}

/// The first names of all paths that begin at the crate's root: `crate::a`, `crate::{a, b::c}`, and chains of
/// `super::` that are as long as the file is deep (inline modules are not counted).
fn named_at_root(path: &str, code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let to_root = vec!["super"; depth_of(path)].join("::");
    for start in ["crate", &to_root] {
        for (at, _) in code.match_indices(start).filter(|(at, _)| is_whole(code, *at, start)) {
            if !code[..at].ends_with("super::") {
                names_after(code, at + start.len(), &mut found);
            }
        }
    }
    found
}

/// Reads `:: name` or `:: { name …, name … }` from `at` on.
fn names_after(code: &str, at: usize, found: &mut Vec<(usize, String)>) {
    let at = skip_space(code, at);
    if !code[at..].starts_with("::") {
        return;
    }
    let at = skip_space(code, at + 2);
    if !code[at..].starts_with('{') {
        found.extend(name_at(code, at));
        return;
    }
    let (mut depth, mut at) = (1, at + 1);
    found.extend(name_at(code, skip_space(code, at)));
    while depth > 0 && at < code.len() {
        match code.as_bytes()[at] {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 1 => found.extend(name_at(code, skip_space(code, at + 1))),
            _ => {}
        }
        at += 1;
    }
}

fn name_at(code: &str, at: usize) -> Option<(usize, String)> {
    let name: String = code[at..].chars().take_while(|c| is_word(*c)).collect();
    (!name.is_empty()).then_some((at, name))
}

fn skip_space(code: &str, at: usize) -> usize {
    at + code[at..].len() - code[at..].trim_start().len()
}

/// Whether the match is not the middle of a longer word.
fn is_whole(code: &str, at: usize, word: &str) -> bool {
    let open =
        |neighbour: Option<char>, edge: Option<char>| !(neighbour.is_some_and(is_word) && edge.is_some_and(is_word));
    open(code[..at].chars().next_back(), word.chars().next())
        && open(code[at + word.len()..].chars().next(), word.chars().next_back())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// `text` without comments, literals and test modules, all of them blanked in place, so that lines stay.
fn product_code(text: &str) -> String {
    without_tests(&without_comments_and_literals(text))
}

fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut rest = code.to_owned();
    while let Some(start) = rest.find(MARK) {
        let end = end_of_item(&rest, start + MARK.len());
        rest.replace_range(start..end, &blank(&rest[start..end]));
    }
    rest
}

/// Past the first `;`, or past the block that opens before it.
fn end_of_item(code: &str, from: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

fn without_comments_and_literals(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let quiet = quiet_length(rest, code.chars().next_back());
        let step = if quiet > 0 { quiet } else { rest.chars().next().map_or(1, char::len_utf8) };
        let (now, later) = rest.split_at(step);
        if quiet > 0 {
            code.push_str(&blank(now))
        } else {
            code.push_str(now)
        }
        rest = later;
    }
    code
}

/// The length of the comment or literal that `rest` begins with; 0 if it begins with code.
fn quiet_length(rest: &str, before: Option<char>) -> usize {
    let to = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        block_comment_length(rest)
    } else if let Some(hashes) = raw_string_hashes(rest).filter(|_| !before.is_some_and(is_word)) {
        let open = rest.find('"').map_or(rest.len(), |at| at + 1);
        to(&format!("\"{}", "#".repeat(hashes)), open)
    } else if rest.starts_with('"') {
        escaped_length(rest, '"')
    } else if rest.starts_with("'\\") || (rest.starts_with('\'') && rest.chars().nth(2) == Some('\'')) {
        escaped_length(rest, '\'') // not a lifetime
    } else {
        0
    }
}

/// How many `#` a raw string that begins here has.
fn raw_string_hashes(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// To the closing `quote` that no backslash escapes.
fn escaped_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn block_comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// As many spaces as `text` has bytes, its line ends kept.
fn blank(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

/// How many modules deep: `src/diff.rs` and `src/alicloud/mod.rs` 1, `src/alicloud/paging.rs` 2.
fn depth_of(path: &str) -> usize {
    path.trim_start_matches("src/").trim_end_matches("/mod.rs").split('/').count()
}

/// `src/alicloud/paging.rs` → `alicloud`; `src/lib.rs` → `lib`.
fn module_of(path: &str) -> &str {
    let inner = path.trim_start_matches("src/");
    inner.split_once('/').map_or_else(|| inner.trim_end_matches(".rs"), |(module, _)| module)
}

/// The modules that `src/lib.rs` declares.
fn modules() -> Vec<String> {
    let text = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs is readable");
    let declared = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    declared.map(str::to_owned).collect()
}

/// Every finding of `rule` in the sources.
fn judge(mut rule: impl FnMut(&str, &str) -> Vec<String>) -> Vec<String> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    assert!(files.len() > 10, "only {} source files were found", files.len());
    files.sort();
    let mut found = Vec::new();
    for file in &files {
        let path = file.strip_prefix(root()).expect("it is below the root").to_string_lossy().replace('\\', "/");
        if !is_test_file(&path) {
            found.extend(rule(&path, &fs::read_to_string(file).expect("a source file is UTF-8")));
        }
    }
    found
}

/// Files that are modules under `#[cfg(test)]` by their name.
fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn report(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}
