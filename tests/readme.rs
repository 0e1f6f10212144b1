//! What the README says is what the code does.

use std::collections::BTreeSet;

use ramstream::{
    alicloud::OPERATIONS,
    model::{Entity, ForKind, Kind, Verb},
    sync::{Needs, actions, needs},
};

const README: &str = include_str!("../README.md");

/// The first JSON block of the README.
fn policy() -> serde_json::Value {
    let block = README.split("```json").nth(1).and_then(|rest| rest.split("```").next()).expect("a JSON block");
    serde_json::from_str(block).expect("the policy is JSON")
}

#[test]
fn the_policy_grants_exactly_what_the_calls_need() {
    let statement = &policy()["Statement"][0];
    let granted = statement["Action"].as_array().expect("actions");
    let granted: BTreeSet<&str> = granted.iter().filter_map(|action| action.as_str()).collect();
    let needed: BTreeSet<&str> = OPERATIONS.iter().filter_map(|operation| operation.ram_action).collect();
    assert_eq!(granted, needed);
    assert_eq!(statement["Effect"], "Allow");
}

#[test]
fn the_credentials_page_tells_every_variable_of_the_chain() {
    const PAGE: &str = include_str!("../docs/credentials.md");
    let sources =
        [include_str!("../src/config/credentials/chain.rs"), include_str!("../src/config/credentials/links.rs")];
    let words = sources.iter().flat_map(|text| text.split(|c: char| !(c.is_ascii_uppercase() || c == '_')));
    let variables: BTreeSet<&str> = words.filter(|word| word.starts_with("ALIBABA_CLOUD_")).collect();
    assert!(variables.len() >= 12, "{variables:?}");
    for variable in variables {
        assert!(PAGE.contains(&format!("`{variable}")), "{variable}");
    }
}

#[test]
fn every_kind_has_its_row() {
    let rows: Vec<&str> = README.lines().filter(|line| line.starts_with("| ")).collect();
    for kind in Kind::ALL {
        let begin = format!("| {kind} | `.{}` |", kind.plural());
        assert!(rows.iter().any(|row| row.starts_with(&begin)), "no row begins with {begin}");
    }
}

/// The cells of the row of a kind: kind, topic, events, read from, how often, permissions.
fn cells(kind: Kind) -> Vec<&'static str> {
    let row = README.lines().find(|line| line.starts_with(&format!("| {kind} |"))).expect("every kind has a row");
    let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
    assert_eq!(cells.len(), 6, "{row}");
    cells
}

/// What stands between backticks.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The operations that a text names.
fn operations(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| OPERATIONS.iter().any(|operation| operation.name == *word)).collect()
}

#[test]
fn every_row_names_the_operations_that_its_kind_is_read_by() {
    // What has a name from another listing needs that, too.
    let by_name = BTreeSet::from(["ListUsers", "ListGroups", "ListRoles"]);
    for kind in Kind::ALL {
        let read_from = operations(cells(*kind)[3]);
        let needed: BTreeSet<&str> = needs(*kind).reading.iter().map(|operation| operation.name).collect();
        assert!(!read_from.is_empty() && read_from.is_subset(&needed), "{kind}: {read_from:?}");
        let unnamed: BTreeSet<&str> = needed.difference(&read_from).copied().collect();
        assert!(unnamed.is_subset(&by_name), "{kind}: {unnamed:?}");
    }
}

#[test]
fn every_row_tells_how_often_each_of_its_operations_is_called() {
    for kind in Kind::ALL {
        let (read_from, how_often) = (operations(cells(*kind)[3]), cells(*kind)[4]);
        assert!(how_often.contains("every sync") || how_often.contains("every `detail_interval`"), "{kind}");
        assert!(operations(how_often).is_subset(&read_from), "{kind}: {how_often}");
    }
}

#[test]
fn every_row_tells_the_permissions_to_read_its_kind_and_to_prove_that_something_is_gone() {
    for kind in Kind::ALL {
        let Needs { reading, .. } = needs(*kind);
        let reading: BTreeSet<&str> = reading.iter().filter_map(|operation| operation.ram_action).collect();
        let proving: BTreeSet<&str> = actions(&[*kind]).difference(&reading).copied().collect();
        let (to_read, to_prove) = cells(*kind)[5].split_once(';').unwrap_or((cells(*kind)[5], ""));
        assert_eq!((quoted(to_read), quoted(to_prove)), (reading, proving), "{kind}");
    }
}

#[test]
fn every_row_tells_the_word_for_a_new_one_and_no_word_that_events_do_not_have() {
    struct New;
    impl ForKind for New {
        type Output = Verb;
        fn with<E: Entity>(self) -> Verb {
            E::NEW
        }
    }
    let words = "added created removed readded renamed frozen unfrozen activated deactivated role_attached role_detached updated";
    let words: BTreeSet<&str> = words.split(' ').collect();
    // The account has one of each, always.
    let always_there = [Kind::Account, Kind::PasswordPolicy, Kind::SecurityPreference];
    for kind in Kind::ALL {
        let told: BTreeSet<&str> = quoted(cells(*kind)[2]);
        assert!(told.is_subset(&words), "{kind}: {told:?}");
        let comes_and_goes = told.contains(kind.with(New).as_str()) && told.contains("removed");
        assert_eq!(comes_and_goes, !always_there.contains(kind), "{kind}: {told:?}");
    }
}

#[test]
fn every_command_has_its_row_and_every_row_is_of_commands() {
    let (_, table) = README.split_once("| command | does |").expect("a table of commands");
    let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" |").next());
    let told: BTreeSet<&str> = cells.flat_map(|cell| cell.split(", ")).map(|name| name.trim_matches('`')).collect();
    let command = <ramstream::cli::Cli as clap::CommandFactory>::command();
    assert_eq!(told, command.get_subcommands().map(|command| command.get_name()).collect());
}

#[test]
fn every_operation_of_the_client_is_in_its_list() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/alicloud");
    let files = std::fs::read_dir(folder).expect("the client's folder");
    let files = files.map(|file| file.expect("a file").path()).filter(|path| path.is_file());
    let text: String = files.map(|file| std::fs::read_to_string(file).expect("text")).collect();
    let constants = text.lines().filter(|line| line.starts_with("pub const ") && line.contains(": Operation ="));
    assert_eq!(constants.count(), OPERATIONS.len());
}

/// The pages, with the folder that their links begin in.
const PAGES: &[(&str, &str)] = &[
    ("", include_str!("../CHANGELOG.md")),
    ("", include_str!("../CONTRIBUTING.md")),
    ("", README),
    ("docs", include_str!("../docs/configuration.md")),
    ("docs", CONSUMERS),
    ("docs", include_str!("../docs/control.md")),
    ("docs", include_str!("../docs/credentials.md")),
    ("docs", include_str!("../docs/deploy.md")),
    ("docs", include_str!("../docs/metrics.md")),
    ("docs", include_str!("../docs/operations.md")),
    ("docs", include_str!("../docs/reliability.md")),
    ("docs", include_str!("../docs/runbook.md")),
    ("docs", include_str!("../docs/threat-model.md")),
];

/// As pages show headings: lower case, blanks as dashes, no punctuation.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: &char| c.is_alphanumeric() || *c == ' ' || *c == '-';
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn every_link_of_every_page_leads_to_a_file_and_to_a_heading_in_it() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, page) in PAGES {
        let links: Vec<&str> = page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(!links.is_empty(), "{page}");
        for link in links.into_iter().filter(|link| !link.starts_with("https://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let there = root.join(folder).join(file);
            assert!(there.exists(), "{link}");
            let target =
                if file.is_empty() { (*page).to_owned() } else { std::fs::read_to_string(&there).unwrap_or_default() };
            assert!(anchor.is_empty() || anchors(&target).contains(anchor), "{link}");
        }
    }
}

#[test]
fn every_module_that_the_threat_model_names_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = include_str!("../docs/threat-model.md");
    let words = page.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| word.contains("::") && word.chars().all(|c| c.is_ascii_lowercase() || "_:".contains(c));
    let modules: BTreeSet<&str> = words.filter(is_path).collect();
    assert!(modules.len() > 5, "{modules:?}");
    for module in modules {
        let path = root.join("src").join(module.replace("::", "/"));
        assert!(path.with_extension("rs").exists() || path.join("mod.rs").exists(), "{module}");
    }
}

/// The page for those who read the topics.
const CONSUMERS: &str = include_str!("../docs/consumers.md");

#[test]
fn what_the_consumers_page_shows_stands_in_its_examples() {
    let examples = [
        ("python", include_str!("../docs/examples/keep_table.py")),
        ("properties", include_str!("../docs/examples/connect/worker.properties")),
        ("properties", include_str!("../docs/examples/connect/users-to-file.properties")),
        ("sql", include_str!("../docs/examples/users.sql")),
    ];
    for (language, example) in examples {
        // Methods are shown without their class.
        let flat = |text: &str| text.lines().map(str::trim_start).collect::<Vec<_>>().join("\n");
        let example = flat(example);
        let begin = format!("```{language}\n");
        let blocks = CONSUMERS.split(&begin).skip(1);
        let shown = blocks.filter_map(|rest| rest.split("```").next());
        let mut blocks = shown.flat_map(|block| block.split("\n\ndef "));
        assert!(blocks.any(|block| example.contains(flat(block).trim_end())), "nothing of {example}");
    }
}

#[test]
fn every_field_notice_and_reason_has_its_word_on_the_consumers_page() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../schemas/users.avsc")).expect("the schema is JSON");
    let fields = schema["fields"].as_array().expect("fields").iter().filter_map(|field| field["name"].as_str());
    let reasons = ramstream::model::Reason::ALL.iter().map(|reason| reason.as_str());
    let notices = [
        "sync.completed",
        "coverage.lost",
        "coverage.restored",
        "removals.suspected",
        "replay.completed",
        "request.rejected",
        "request.expired",
        "request.cancelled",
        "control.gap",
        "lineage.started",
    ];
    let topics = Kind::ALL.iter().map(|kind| kind.plural());
    for word in fields.chain(reasons).chain(notices).chain(topics) {
        assert!(CONSUMERS.contains(&format!("`{word}`")), "{word}");
    }
}
