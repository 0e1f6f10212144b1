//! The table of docs/metrics.md, and what a scrape exposes: both as name, type and labels.

use std::collections::{BTreeMap, BTreeSet};

/// Type and labels.
pub(crate) type Family = (String, BTreeSet<String>);

/// Every metric that docs/metrics.md tells of.
pub(crate) fn documented() -> BTreeMap<String, Family> {
    let rows = include_str!("../../docs/metrics.md").lines().filter(|line| line.starts_with("| `"));
    let mut table = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, ..] = cells[..] else { panic!("{row} has three cells at least") };
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`')).filter(|label| !label.is_empty());
        let family = (kind.to_owned(), labels.map(str::to_owned).collect());
        let twice = table.insert(name.trim_matches('`').to_owned(), family);
        assert!(twice.is_none(), "{name} stands there twice");
    }
    table
}

/// Every metric of a scrape in the text format. Labels of a value with quotes or commas would not be understood; there are none.
pub(crate) fn exposed(scrape: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in scrape.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            families.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
        }
    }
    for sample in samples(scrape) {
        let of_family = |suffix| sample.name.strip_suffix(suffix).filter(|name| families.contains_key(*name));
        let histogram = ["_bucket", "_sum", "_count"].into_iter().find_map(of_family);
        let name = histogram.unwrap_or(sample.name);
        let family = families.get_mut(name).unwrap_or_else(|| panic!("{name} has a type"));
        family.1.extend(sample.labels.into_iter().map(|(label, _)| label.to_owned()).filter(|label| label != "le"));
    }
    families
}

/// One line of a scrape.
pub(crate) struct Sample<'a> {
    pub(crate) name: &'a str,
    pub(crate) labels: Vec<(&'a str, &'a str)>,
    pub(crate) value: f64,
}

pub(crate) fn samples(scrape: &str) -> impl Iterator<Item = Sample<'_>> {
    scrape.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) =
            series.split_once('{').map_or((series, ""), |(name, rest)| (name, rest.trim_end_matches('}')));
        let labels = labels.split(',').filter_map(|label| label.split_once('='));
        Sample {
            name,
            labels: labels.map(|(label, value)| (label, value.trim_matches('"'))).collect(),
            value: value.parse().expect("a number"),
        }
    })
}
