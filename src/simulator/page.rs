//! Paging: by marker (RAM and IMS), by page number (ResourceManager), by token (ECS).
//!
//! Promises: a marker stays valid while rows come and go: what was there all the time is listed exactly once. Page
//! numbers give no such promise, nor does the real service: rows shift when earlier ones are taken out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use super::error::ServiceError;
use super::ids::scatter;
use super::operations::Call;
use super::parameters::Parameters;
use super::reply::Reply;
use super::table::{Row, Table};

/// How an operation pages, with the page size it takes by default and the largest it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// Everything in one answer.
    None,
    /// `Marker` and `MaxItems`.
    Marker {
        /// Rows without `MaxItems`.
        default: u32,
        /// The largest `MaxItems`.
        max: u32,
    },
    /// `NextToken`, empty on the last page, and `MaxResults`.
    Token {
        /// Rows without `MaxResults`, and the fewest that it can ask for.
        default: u32,
        /// The most rows that it can ask for.
        max: u32,
    },
    /// `PageNumber` and `PageSize`.
    Number {
        /// Rows without `PageSize`.
        default: u32,
        /// The largest `PageSize`.
        max: u32,
    },
}

/// Where a page by marker begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Marker {
    /// The place of the last row served.
    place: u64,
    /// How many pages were served.
    pages: u32,
}

/// Which page of a listing `parameters` ask for, from 1 on; 1 where nothing is paged.
#[must_use]
pub(super) fn page_number(paging: Paging, operation: &str, parameters: &Parameters) -> u32 {
    match paging {
        Paging::None => 1,
        Paging::Number { .. } => parameters.text("PageNumber").and_then(|text| text.parse().ok()).unwrap_or(1),
        Paging::Marker { .. } | Paging::Token { .. } => {
            let marker = parameters.mark().and_then(|text| decode_marker(operation, text));
            marker.map_or(1, |marker| marker.pages + 1)
        }
    }
}

/// A page by marker of the rows that `after` gives, behind the place it is given.
///
/// # Errors
/// `InvalidParameter.MaxItems` and `InvalidParameter.Marker`.
pub(super) fn by_marker<'a, T: 'a, I, R>(
    call: &Call<'_>,
    (name, item): (&'static str, &'static str),
    after: impl FnOnce(u64) -> I,
    mut row: impl FnMut(&'a T) -> R,
) -> Result<Reply, ServiceError>
where
    I: Iterator<Item = (u64, &'a T)>,
    R: Serialize,
{
    let Paging::Marker { default, max } = call.operation.paging else {
        unreachable!("{} is listed by marker in the table of operations", call.operation.name)
    };
    let count = call.parameters.number("MaxItems", default, 1..=max)?.min(call.largest_page) as usize;
    let begin = match call.parameters.text("Marker") {
        None => Marker { place: 0, pages: 0 },
        Some(text) => decode_marker(call.operation.name, text).ok_or_else(|| ServiceError::invalid("Marker"))?,
    };
    let mut source = after(begin.place);
    let mut last = begin.place;
    let mut rows = Vec::with_capacity(count);
    for (place, found) in source.by_ref().take(count) {
        last = place;
        rows.push(row(found));
    }
    let truncated = source.next().is_some();
    let mut reply = Reply::done().with("IsTruncated", &truncated);
    if truncated {
        let next = Marker { place: last, pages: begin.pages + 1 };
        reply.set("Marker", &encode_marker(call.operation.name, next));
    }
    Ok(reply.with_rows(name, item, &rows))
}

/// A page by token of the rows that `after` gives, behind the place it is given. A size outside of its range is not
/// refused, but moved into it.
///
/// # Errors
/// `InvalidParameter.MaxResults` and `InvalidParameter.NextToken`.
pub(super) fn by_token<'a, T: 'a, I, R>(
    call: &Call<'_>,
    (name, item): (&'static str, &'static str),
    after: impl FnOnce(u64) -> I,
    row: impl FnMut(&'a T) -> R,
) -> Result<Reply, ServiceError>
where
    I: Iterator<Item = (u64, &'a T)>,
    R: Serialize,
{
    let Paging::Token { default, max } = call.operation.paging else {
        unreachable!("{} is listed by token in the table of operations", call.operation.name)
    };
    let size = call.parameters.number("MaxResults", default, 0..=u32::MAX)?.clamp(default, max);
    let count = size.min(call.largest_page) as usize;
    let begin = match call.parameters.text("NextToken") {
        None => Marker { place: 0, pages: 0 },
        Some(text) => decode_marker(call.operation.name, text).ok_or_else(|| ServiceError::invalid("NextToken"))?,
    };
    let mut source = after(begin.place);
    let (mut last, mut row) = (begin.place, row);
    let mut rows = Vec::with_capacity(count);
    for (place, found) in source.by_ref().take(count) {
        last = place;
        rows.push(row(found));
    }
    let next = source.next().is_some().then_some(Marker { place: last, pages: begin.pages + 1 });
    let token = next.map(|next| encode_marker(call.operation.name, next)).unwrap_or_default();
    Ok(Reply::done().with("NextToken", &token).with("PageSize", &size).with_rows(name, item, &rows))
}

/// The rows that a page by number is cut from.
#[derive(Debug)]
pub(super) enum Rows<'a, T> {
    /// A whole table.
    All(&'a Table<T>),
    /// Those that a filter left.
    Some(Vec<&'a T>),
}

/// A page by number.
///
/// # Errors
/// `InvalidParameter.PageNumber` and `InvalidParameter.PageSize`.
pub(super) fn by_number<'a, T: Row, R: Serialize>(
    call: &Call<'_>,
    (name, item): (&'static str, &'static str),
    rows: Rows<'a, T>,
    row: impl Fn(&'a T) -> R,
) -> Result<Reply, ServiceError> {
    let Paging::Number { default, max } = call.operation.paging else {
        unreachable!("{} is listed by page number in the table of operations", call.operation.name)
    };
    let number = call.parameters.number("PageNumber", 1, 1..=u32::MAX)?;
    let size = call.parameters.number("PageSize", default, 1..=max)?;
    let skip = (number as usize - 1).saturating_mul(size as usize);
    let (total, page): (usize, Vec<R>) = match rows {
        Rows::All(table) => (table.len(), table.window(skip, size as usize).map(row).collect()),
        Rows::Some(rows) => (rows.len(), rows.into_iter().skip(skip).take(size as usize).map(row).collect()),
    };
    let reply = Reply::done().with("PageNumber", &number).with("PageSize", &size).with("TotalCount", &total);
    Ok(reply.with_rows(name, item, &page))
}

/// A mark that differs from the one that the call began at, and leads to the same page; none where pages have no marks.
pub(super) fn mark_of_same_page(call: &Call<'_>) -> Option<String> {
    if !matches!(call.operation.paging, Paging::Marker { .. } | Paging::Token { .. }) {
        return None;
    }
    let sent = call.parameters.mark().and_then(|text| decode_marker(call.operation.name, text));
    let begin = sent.unwrap_or(Marker { place: 0, pages: 0 });
    Some(encode_marker(call.operation.name, Marker { pages: begin.pages + 1, ..begin }))
}

/// Opaque, and valid for the operation that gave it only. Standard Base64, so that `/`, `+` and `=` must be encoded.
fn encode_marker(operation: &str, marker: Marker) -> String {
    let mut bytes = Vec::with_capacity(20);
    let check = check_bytes(operation, marker);
    bytes.extend((marker.place ^ check).to_be_bytes());
    bytes.extend(marker.pages.to_be_bytes());
    bytes.extend(check.to_be_bytes());
    BASE64.encode(bytes)
}

fn decode_marker(operation: &str, text: &str) -> Option<Marker> {
    let bytes: [u8; 20] = BASE64.decode(text).ok()?.try_into().ok()?;
    let check = u64::from_be_bytes(bytes[12..].try_into().ok()?);
    let place = u64::from_be_bytes(bytes[..8].try_into().ok()?) ^ check;
    let marker = Marker { place, pages: u32::from_be_bytes(bytes[8..12].try_into().ok()?) };
    (check_bytes(operation, marker) == check).then_some(marker)
}

fn check_bytes(operation: &str, marker: Marker) -> u64 {
    let seed = scatter(marker.place ^ (u64::from(marker.pages) << 32));
    operation.bytes().fold(seed, |hash, byte| scatter(hash ^ u64::from(byte)))
}
