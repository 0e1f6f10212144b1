//! Listings: read to their proven end, or not known.
//!
//! The only place that states a listing complete. Promises that a broken page, a marker that is missing,
//! repeated or endless, a missing array, or a listing that keeps moving while it is read gives an `Unknown`,
//! never a shorter list. Knows nothing about users or groups.

use std::collections::HashSet;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;

use super::answer::Answer;
use super::error::CallError;
use super::operation::Operation;
use super::session::Session;
use crate::model::{Complete, Listing, Window};

/// How often a listing that moves is read before it counts as unknown.
const READINGS: u32 = 3;

/// More pages than this multiple of the largest legal account's have no end in sight.
const GENEROSITY: u32 = 20;

/// Pages of one numbered listing that are asked for at one time.
const PAGES_AT_ONCE: usize = 8;

/// An item that a listing must not hold twice.
pub trait Identified {
    /// What tells it from the other items of its listing.
    fn identity(&self) -> impl Ord;

    /// Shares the texts that other items have, too, where there may be very many of them.
    fn share(&mut self, words: &mut Words) {
        let _ = words;
    }
}

/// Texts, each once.
#[derive(Debug, Default)]
pub struct Words(HashSet<Arc<str>>);

impl Words {
    /// Puts the text that was seen first in place of an equal one.
    pub fn share(&mut self, text: &mut Arc<str>) {
        match self.0.get(text) {
            Some(same) => *text = Arc::clone(same),
            None => {
                self.0.insert(Arc::clone(text));
            }
        }
    }
}

/// A listing operation with its parameters (those of paging excepted).
pub(super) struct Listed<'a> {
    pub(super) operation: &'static Operation,
    pub(super) parameters: &'a [(&'a str, &'a str)],
    /// The largest page that the operation gives.
    pub(super) page_size: u32,
    /// The most items that a legal account can have, by the documented quotas.
    pub(super) largest: u32,
}

impl Listed<'_> {
    fn page_cap(&self) -> u32 {
        GENEROSITY * self.largest.div_ceil(self.page_size)
    }

    /// Pages may be larger than asked for, but not without bounds: this is what a listing can take of the memory.
    fn item_cap(&self) -> usize {
        (self.page_cap() as usize).saturating_mul(self.page_size as usize)
    }

    fn broken<T>(&self, answer: &Answer<T>, what: impl Into<String>) -> CallError {
        CallError::broken_reply(self.operation, answer.request_id.clone(), what)
    }
}

/// A page with a marker for the next one; `None` where the reply says nothing.
pub(super) struct MarkedPage<T> {
    pub(super) is_truncated: Option<bool>,
    pub(super) marker: Option<String>,
    pub(super) items: Option<Vec<T>>,
}

/// A page with a number; `None` where the reply says nothing.
pub(super) struct NumberedPage<T> {
    pub(super) page_number: Option<u32>,
    pub(super) total_count: Option<u32>,
    pub(super) items: Option<Vec<T>>,
}

/// Declares the page of a marker listing in the form of its JSON:
/// `marked_page!(UsersPage { "Users": UserList { "User": [User] } });`.
macro_rules! marked_page {
    ($page:ident { $outer:literal: $list:ident { $inner:literal: [$item:ty] } }) => {
        #[doc = concat!("A page, as the body of a reply: `{\"", $outer, "\": {\"", $inner, "\": [...]}}`.")]
        #[derive(Debug, serde::Deserialize)]
        pub struct $page {
            #[serde(rename = "IsTruncated")]
            is_truncated: Option<bool>,
            #[serde(rename = "Marker", default, deserialize_with = "crate::alicloud::wire::text")]
            marker: Option<String>,
            #[serde(rename = $outer, default, deserialize_with = "crate::alicloud::wire::maybe_object")]
            list: Option<$list>,
        }

        #[derive(Debug, serde::Deserialize)]
        struct $list {
            #[serde(rename = $inner, default, deserialize_with = "crate::alicloud::wire::items")]
            items: Option<Vec<$item>>,
        }

        impl $page {
            /// The items of the page, where it has an array.
            #[must_use]
            pub fn into_items(self) -> Option<Vec<$item>> {
                crate::alicloud::paging::MarkedPage::from(self).items
            }
        }

        impl From<$page> for crate::alicloud::paging::MarkedPage<$item> {
            fn from(page: $page) -> Self {
                Self {
                    is_truncated: page.is_truncated,
                    marker: page.marker,
                    items: page.list.and_then(|list| list.items),
                }
            }
        }
    };
}
pub(super) use marked_page;

/// One reading of a whole listing.
enum Reading<T> {
    Complete(Complete<T>),
    /// It changed while it was read; the text says how.
    Moved(String),
}

/// Counts the readings of one listing.
struct Readings<'a> {
    listed: &'a Listed<'a>,
    done: u32,
}

impl Readings<'_> {
    fn again(&mut self, moved: &str) -> Result<(), CallError> {
        self.done += 1;
        if self.done < READINGS {
            return Ok(());
        }
        let what = format!("{moved}, in each of {READINGS} readings");
        Err(CallError::broken_reply(self.listed.operation, None, what))
    }
}

/// What a service calls the size of a page and the mark of the next one.
#[derive(Clone, Copy)]
struct Paged {
    size: &'static str,
    mark: &'static str,
}

/// Reads a listing whose pages carry `IsTruncated` and `Marker`.
pub(super) async fn by_marker<P, T>(session: &Session, listed: &Listed<'_>) -> Listing<T>
where
    P: DeserializeOwned + Into<MarkedPage<T>>,
    T: Identified + PartialEq,
{
    Ok(by_mark::<P, T>(session, listed, Paged { size: "MaxItems", mark: "Marker" }).await?)
}

/// Reads a listing whose pages carry `NextToken`, which is empty on the last one. Its error has the service's code, for
/// some of these say that there is nothing to list.
pub(super) async fn by_token<P, T>(session: &Session, listed: &Listed<'_>) -> Result<Complete<T>, CallError>
where
    P: DeserializeOwned + Into<MarkedPage<T>>,
    T: Identified + PartialEq,
{
    by_mark::<P, T>(session, listed, Paged { size: "MaxResults", mark: "NextToken" }).await
}

async fn by_mark<P, T>(session: &Session, listed: &Listed<'_>, paged: Paged) -> Result<Complete<T>, CallError>
where
    P: DeserializeOwned + Into<MarkedPage<T>>,
    T: Identified + PartialEq,
{
    let mut readings = Readings { listed, done: 0 };
    loop {
        match follow_markers::<P, T>(session, listed, paged).await? {
            Reading::Complete(complete) => return Ok(complete),
            Reading::Moved(how) => readings.again(&how)?,
        }
    }
}

async fn follow_markers<P, T>(session: &Session, listed: &Listed<'_>, paged: Paged) -> Result<Reading<T>, CallError>
where
    P: DeserializeOwned + Into<MarkedPage<T>>,
    T: Identified + PartialEq,
{
    let mut items = Vec::new();
    let mut markers = HashSet::new();
    let mut marker: Option<String> = None;
    let mut window: Option<Window> = None;
    for _ in 0..listed.page_cap() {
        let mut answer = match (marked_page_after::<P, T>(session, listed, paged, marker.as_deref()).await, window) {
            (Err(_), Some(so_far)) if planted!(FailedPageIsTheEnd) => {
                return Ok(Reading::Complete(Complete::proven(items, so_far)));
            }
            (answer, _) => answer?,
        };
        let whole = window.map_or(answer.window, |window| window.and(answer.window));
        window = Some(whole);
        let before_page = items.len();
        let array = answer.item.items.take();
        items.append(&mut array.ok_or_else(|| listed.broken(&answer, "lacks its array"))?);
        if items.len() > listed.item_cap() {
            let what = format!("brings the listing to {} items, more than an account can have", items.len());
            return Err(listed.broken(&answer, what));
        }
        let Some(next) = next_marker(listed, paged, &answer)? else {
            if planted!(SkipLastPage) && marker.is_some() {
                items.truncate(before_page);
            }
            return Ok(match without_duplicates(items) {
                Ok(items) => Reading::Complete(Complete::proven(items, whole)),
                Err(how) => Reading::Moved(how),
            });
        };
        if !markers.insert(next.clone()) {
            return Err(listed.broken(&answer, format!("repeats a {}", paged.mark)));
        }
        marker = Some(next);
    }
    let what = format!("is not the last one after {} pages", listed.page_cap());
    Err(CallError::broken_reply(listed.operation, None, what))
}

async fn marked_page_after<P, T>(
    session: &Session,
    listed: &Listed<'_>,
    paged: Paged,
    marker: Option<&str>,
) -> Result<Answer<MarkedPage<T>>, CallError>
where
    P: DeserializeOwned + Into<MarkedPage<T>>,
{
    let page_size = listed.page_size.to_string();
    let mut parameters = listed.parameters.to_vec();
    parameters.push((paged.size, &page_size));
    parameters.extend(marker.map(|marker| (paged.mark, marker)));
    Ok(session.call::<P>(listed.operation, &parameters).await?.map(Into::into))
}

fn next_marker<T>(
    listed: &Listed<'_>,
    paged: Paged,
    answer: &Answer<MarkedPage<T>>,
) -> Result<Option<String>, CallError> {
    match (answer.item.is_truncated, &answer.item.marker) {
        (Some(false), _) => Ok(None),
        (Some(true), Some(_)) if planted!(FirstPageOnly) => Ok(None),
        (Some(true), Some(marker)) => Ok(Some(marker.clone())),
        (Some(true), None) => Err(listed.broken(answer, "is truncated but lacks a Marker")),
        (None, _) if paged.mark == "Marker" => Err(listed.broken(answer, "lacks IsTruncated")),
        (None, _) => Err(listed.broken(answer, format!("lacks {}", paged.mark))),
    }
}

/// Reads a listing that the operation gives in one reply, without paging.
pub(super) async fn at_once<P, T>(
    session: &Session,
    operation: &'static Operation,
    parameters: &[(&str, &str)],
) -> Listing<T>
where
    P: DeserializeOwned + Into<MarkedPage<T>>,
    T: Identified + PartialEq,
{
    let listed = Listed { operation, parameters, page_size: 1, largest: 1 };
    let mut answer = session.call::<P>(operation, parameters).await?.map(Into::into);
    if answer.item.is_truncated == Some(true) {
        Err(listed.broken(&answer, "is truncated, which this operation never is"))?;
    }
    let array = answer.item.items.take();
    let items = array.ok_or_else(|| listed.broken(&answer, "lacks its array"))?;
    let items = without_duplicates(items).map_err(|how| listed.broken(&answer, how))?;
    Ok(Complete::proven(items, answer.window))
}

/// Reads what there is one of, or none: `take` gives the item of a reply, and the service's own word that there is no
/// `entity` is a complete listing without an item.
pub(super) async fn at_most_one<R: DeserializeOwned, T>(
    session: &Session,
    operation: &'static Operation,
    parameters: &[(&str, &str)],
    entity: &str,
    take: impl FnOnce(R) -> Result<Option<T>, &'static str>,
) -> Listing<T> {
    match session.call::<R>(operation, parameters).await {
        Ok(answer) => {
            let Answer { item, window, request_id } = answer;
            let item = take(item).map_err(|what| CallError::broken_reply(operation, request_id, what))?;
            Ok(Complete::proven(item.into_iter().collect(), window))
        }
        Err(error) => match error.none_of(entity) {
            Some(window) => Ok(Complete::proven(Vec::new(), window)),
            None => Err(error.into()),
        },
    }
}

/// Reads the one item that a collection always has.
pub(super) async fn only_item<T: DeserializeOwned>(session: &Session, operation: &'static Operation) -> Listing<T> {
    let answer = session.call(operation, &[]).await?;
    Ok(Complete::proven(vec![answer.item], answer.window))
}

/// Reads a listing whose pages carry numbers and `TotalCount`: the first page, then the others at once.
pub(super) async fn by_number<P, T>(session: &Session, listed: &Listed<'_>) -> Listing<T>
where
    P: DeserializeOwned + Into<NumberedPage<T>>,
    T: Identified + PartialEq,
{
    let mut readings = Readings { listed, done: 0 };
    loop {
        match count_pages::<P, T>(session, listed).await? {
            Reading::Complete(complete) => return Ok(complete),
            Reading::Moved(how) => readings.again(&how)?,
        }
    }
}

async fn count_pages<P, T>(session: &Session, listed: &Listed<'_>) -> Result<Reading<T>, CallError>
where
    P: DeserializeOwned + Into<NumberedPage<T>>,
    T: Identified + PartialEq,
{
    let first = numbered_page::<P, T>(session, listed, 1).await?;
    let pages = first.total_count.div_ceil(listed.page_size).max(1);
    if pages > listed.page_cap() {
        let what = format!("counts {} items, more than an account can have", first.total_count);
        return Err(CallError::broken_reply(listed.operation, None, what));
    }
    let rest = stream::iter(2..=pages).map(|number| numbered_page::<P, T>(session, listed, number));
    let mut rest = rest.buffered(PAGES_AT_ONCE);
    let (mut all, mut words) = (vec![first], Words::default());
    while let Some(mut page) = rest.try_next().await? {
        page.items.iter_mut().for_each(|item| item.share(&mut words));
        all.push(page);
    }
    Ok(joined(listed, all).map_or_else(Reading::Moved, Reading::Complete))
}

/// One checked page.
struct Numbered<T> {
    total_count: u32,
    items: Vec<T>,
    window: Window,
}

async fn numbered_page<P, T>(session: &Session, listed: &Listed<'_>, number: u32) -> Result<Numbered<T>, CallError>
where
    P: DeserializeOwned + Into<NumberedPage<T>>,
{
    let (asked, page_size) = (number.to_string(), listed.page_size.to_string());
    let mut parameters = listed.parameters.to_vec();
    parameters.extend([("PageNumber", asked.as_str()), ("PageSize", page_size.as_str())]);
    let mut answer = session.call::<P>(listed.operation, &parameters).await?.map(Into::into);
    if answer.item.page_number.is_some_and(|given| given != number) {
        return Err(listed.broken(&answer, "is another page than the one asked for"));
    }
    let array = answer.item.items.take();
    Ok(Numbered {
        total_count: answer.item.total_count.ok_or_else(|| listed.broken(&answer, "lacks TotalCount"))?,
        items: array.ok_or_else(|| listed.broken(&answer, "lacks its array"))?,
        window: answer.window,
    })
}

/// Puts pages together if they are of one piece: an item that vanishes between two pages moves the others.
fn joined<T: Identified + PartialEq>(listed: &Listed<'_>, pages: Vec<Numbered<T>>) -> Result<Complete<T>, String> {
    let total = pages[0].total_count;
    let window = pages.iter().map(|page| page.window).reduce(Window::and).expect("the first page is there");
    let mut items = Vec::with_capacity(total as usize);
    for page in pages {
        let expected = (total as usize - items.len()).min(listed.page_size as usize);
        if page.total_count != total {
            return Err("changes its TotalCount between pages".into());
        }
        if page.items.len() != expected {
            return Err(format!("has a page of {} items where {expected} are due", page.items.len()));
        }
        items.extend(page.items);
    }
    let items = without_duplicates(items)?;
    if items.len() != total as usize {
        return Err("holds items twice, so it lacks others".into());
    }
    Ok(Complete::proven(items, window))
}

/// Merges equal duplicates; two bodies under one identity are an error that says so.
///
/// # Errors
/// How the listing contradicts itself.
pub fn without_duplicates<T: Identified + PartialEq>(items: Vec<T>) -> Result<Vec<T>, String> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|a, b| items[*a].identity().cmp(&items[*b].identity()));
    let mut repeated = HashSet::new();
    for pair in order.windows(2) {
        let (first, next) = (&items[pair[0]], &items[pair[1]]);
        if first.identity() != next.identity() {
            continue;
        }
        if first != next {
            return Err("holds one item twice with different contents".into());
        }
        repeated.insert(pair[1]);
    }
    if repeated.is_empty() {
        return Ok(items);
    }
    Ok(items.into_iter().enumerate().filter(|(index, _)| !repeated.contains(index)).map(|(_, item)| item).collect())
}

#[cfg(test)]
#[path = "paging_tests.rs"]
mod tests;
