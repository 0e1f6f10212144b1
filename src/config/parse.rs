//! How single values are read: one function per type, each fault with its mend.
//!
//! Knows no key. Values from the environment are texts, so every type is also read from its text.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::problem::Fault;
use super::source::Raw;

/// The outcome of reading one value.
pub(super) type Parsed<T> = Result<T, Fault>;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

const DURATION_UNITS: &[(&str, Duration)] =
    &[("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", Duration::from_millis(1))];

const SIZE_UNITS: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1000),
    ("B", 1),
];

fn wrong_type(raw: &Raw, wanted: &str, mend: &str) -> Fault {
    Fault::new(format!("{wanted} is needed, this is {}", raw.type_name()), mend)
}

fn as_text<'a>(raw: &'a Raw, wanted: &str, mend: &str) -> Parsed<&'a str> {
    match raw {
        Raw::Untyped(text) | Raw::Text(text) => Ok(text),
        other => Err(wrong_type(other, wanted, mend)),
    }
}

/// A text that is not empty, without control characters.
pub(super) fn text(raw: &Raw) -> Parsed<String> {
    let text = as_text(raw, "a text", "put the value in quotes")?;
    if text.is_empty() {
        return Err(Fault::new("the text is empty", "give a value, or take the line out"));
    }
    if text.contains(char::is_control) {
        return Err(Fault::new("the text has a control character (a line break?)", "write it on one line"));
    }
    Ok(text.to_owned())
}

/// Any of `words`, each with what it stands for.
pub(super) fn one_of<T: Copy>(words: &'static [(&'static str, T)]) -> impl Fn(&Raw) -> Parsed<T> {
    move |raw| {
        let mend = format!(
            "write one of {}",
            words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
        );
        let text = as_text(raw, "a text", &mend)?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| Fault::new(format!("{text:?} is not known here"), mend))
    }
}

/// `None` for `word`, otherwise what `parse` reads.
pub(super) fn or_word<T>(word: &'static str, parse: impl Fn(&Raw) -> Parsed<T>) -> impl Fn(&Raw) -> Parsed<Option<T>> {
    move |raw| match raw {
        Raw::Untyped(text) | Raw::Text(text) if text == word => Ok(None),
        other => {
            parse(other).map(Some).map_err(|fault| Fault::new(fault.reason, format!("{}, or \"{word}\"", fault.mend)))
        }
    }
}

/// `true` or `false`.
pub(super) fn boolean(raw: &Raw) -> Parsed<bool> {
    match raw {
        Raw::Boolean(truth) => Ok(*truth),
        Raw::Untyped(text) if text == "true" => Ok(true),
        Raw::Untyped(text) if text == "false" => Ok(false),
        other => Err(wrong_type(other, "true or false", "write true or false, without quotes")),
    }
}

/// A whole number within `range`.
pub(super) fn integer<T>(range: RangeInclusive<T>) -> impl Fn(&Raw) -> Parsed<T>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    move |raw| {
        let mend = format!("write a whole number from {} to {}, without quotes", range.start(), range.end());
        let number = match raw {
            Raw::Integer(number) => Some(*number),
            Raw::Untyped(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| wrong_type(raw, "a whole number", &mend))?;
        let fits = T::try_from(number).ok().filter(|number| range.contains(number));
        fits.ok_or_else(|| Fault::new(format!("{number} is out of bounds"), mend))
    }
}

/// A fraction within `range`.
pub(super) fn fraction(range: RangeInclusive<f64>) -> impl Fn(&Raw) -> Parsed<f64> {
    move |raw| {
        let mend = format!("write a fraction from {} to {}, without quotes", range.start(), range.end());
        let number = match raw {
            Raw::Float(number) => Some(*number),
            Raw::Integer(number) => i32::try_from(*number).ok().map(f64::from),
            Raw::Untyped(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| wrong_type(raw, "a fraction", &mend))?;
        if range.contains(&number) { Ok(number) } else { Err(Fault::new(format!("{number} is out of bounds"), mend)) }
    }
}

/// A time span with its unit, within `range`: `500ms`, `30s`, `5m`, `1h`, `30d`.
pub(super) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&Raw) -> Parsed<Duration> {
    move |raw| {
        let mend = format!(
            "write a whole number with a unit (ms, s, m, h, d) from \"{}\" to \"{}\"",
            duration_text(*range.start()),
            duration_text(*range.end())
        );
        let text = measure(raw, "a time span", &mend)?;
        let parsed = with_unit(text, DURATION_UNITS)
            .and_then(|(count, unit)| unit.checked_mul(u32::try_from(count).ok()?))
            .ok_or_else(|| Fault::new(format!("{text:?} is not a time span with its unit"), mend.clone()))?;
        if range.contains(&parsed) { Ok(parsed) } else { Err(Fault::new(format!("{text} is out of bounds"), mend)) }
    }
}

/// A size in bytes with its unit, within `range`: `512KiB`, `1MB` (a million bytes), `64MiB`.
pub(super) fn size(range: RangeInclusive<u32>) -> impl Fn(&Raw) -> Parsed<u32> {
    move |raw| {
        let mend = format!(
            "write a whole number with a unit (B, KB, KiB, MB, MiB, GB, GiB), from {} to {} bytes",
            range.start(),
            range.end()
        );
        let text = measure(raw, "a size", &mend)?;
        let parsed = with_unit(text, SIZE_UNITS)
            .and_then(|(count, unit)| u32::try_from(count.checked_mul(unit)?).ok())
            .ok_or_else(|| Fault::new(format!("{text:?} is not a size with its unit"), mend.clone()))?;
        if range.contains(&parsed) { Ok(parsed) } else { Err(Fault::new(format!("{text} is out of bounds"), mend)) }
    }
}

/// The text of a number with its unit; a bare number is the commonest slip and gets a sentence of its own.
fn measure<'a>(raw: &'a Raw, wanted: &str, mend: &str) -> Parsed<&'a str> {
    let without_unit = match raw {
        Raw::Integer(number) => Some(number.to_string()),
        Raw::Untyped(text) | Raw::Text(text) if text.parse::<f64>().is_ok() => Some(text.clone()),
        _ => None,
    };
    match without_unit {
        Some(number) => Err(Fault::new(format!("{number} has no unit"), mend)),
        None => as_text(raw, wanted, mend),
    }
}

fn with_unit<U: Copy>(text: &str, units: &[(&str, U)]) -> Option<(u64, U)> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, name) = text.split_at(unit_at);
    let (_, unit) = units.iter().find(|(known, _)| *known == name.trim_start())?;
    Some((digits.parse().ok()?, *unit))
}

/// `duration` as it is written in a configuration, in the largest unit that keeps it whole.
pub(super) fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    let whole = |unit: &&(&str, Duration)| millis.is_multiple_of(unit.1.as_millis());
    match DURATION_UNITS.iter().filter(|unit| millis >= unit.1.as_millis()).find(whole) {
        Some((name, unit)) => format!("{}{name}", millis / unit.as_millis()),
        None => format!("{millis}s"),
    }
}

/// One or more of what `item` reads: a list, or a text with commas.
pub(super) fn list<T>(item: impl Fn(&Raw) -> Parsed<T>) -> impl Fn(&Raw) -> Parsed<Vec<T>> {
    move |raw| {
        let items = match raw {
            Raw::List(items) => items.clone(),
            Raw::Untyped(text) | Raw::Text(text) => {
                text.split(',').map(|part| Raw::Text(part.trim().to_owned())).collect()
            }
            other => return Err(wrong_type(other, "a list", "write a list: [\"…\", \"…\"]")),
        };
        if items.is_empty() {
            return Err(Fault::new("the list is empty", "give at least one"));
        }
        items.iter().map(&item).collect()
    }
}

/// An `http` or `https` address without user, query and fragment. The fault never repeats it: it may hold a password.
pub(super) fn url(raw: &Raw) -> Parsed<Url> {
    let mend = "write an address such as \"https://host:443\"";
    let parsed = Url::parse(as_text(raw, "an address", mend)?);
    let url = parsed.map_err(|error| Fault::new(format!("not an address: {error}"), mend))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(Fault::new("not an http or https address", mend));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::new("the address contains a user or password", "take it out and use the keys made for it"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Fault::new("the address has a query or a fragment", "leave out everything from the ? or # on"));
    }
    Ok(url)
}

/// Whether `url` stays on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// An address to listen on: IP and port.
pub(super) fn socket_address(raw: &Raw) -> Parsed<SocketAddr> {
    let mend = "write an IP address and a port, such as \"127.0.0.1:9464\" or \"[::1]:9464\"";
    let text = as_text(raw, "an address", mend)?;
    text.parse().map_err(|_| Fault::new(format!("{text:?} is not an IP address with a port"), mend))
}

/// The path of a file that is there.
pub(super) fn file(raw: &Raw) -> Parsed<PathBuf> {
    let path = PathBuf::from(text(raw)?);
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(path),
        Ok(_) => Err(Fault::new(format!("{} is not a file", path.display()), "name a file")),
        Err(error) => Err(Fault::new(format!("{}: {error}", path.display()), "name a file that this user may read")),
    }
}
