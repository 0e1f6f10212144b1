//! The process behind the listener, as far as requests see it: what it is doing, and how a request gets to its topic.

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::control::Request;
use crate::kafka::{self, Connection, Record};
use crate::sync::{
    Phase,
    desk::{Desk, View},
};

/// Appends a request to the `.control` topic; done when the brokers have acknowledged it. The error is for people.
pub type Append = Arc<dyn Fn(&Request) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// So many requests are on their way to the brokers at once; each is a client of its own.
const APPENDING_MAX: usize = 8;

/// See the module's page.
pub struct Process {
    pub(super) account_name: Option<String>,
    pub(super) writer: Uuid,
    pub(super) view: Box<dyn Fn() -> View + Send + Sync>,
    pub(super) phase: Box<dyn Fn() -> Phase + Send + Sync>,
    pub(super) claim: Box<dyn Fn() + Send + Sync>,
    pub(super) append: Append,
    pub(super) in_vain: InVain,
}

/// Says whether exchanging credentials fails.
pub type InVain = Box<dyn Fn() -> Option<ExchangesInVain> + Send + Sync>;

/// The last exchange for temporary credentials has failed.
#[derive(Debug, Clone, Copy)]
pub struct ExchangesInVain {
    /// Those that failed one after another.
    pub times: u64,
    /// When the credentials of the last one that did not fail end; none if there were none.
    pub end: Option<Timestamp>,
}

impl Process {
    /// The daemon whose desk and phases these are, the label of its account, and the id that it claims with.
    #[must_use]
    pub fn of(
        account_name: Option<&str>,
        writer: Uuid,
        desk: &Desk,
        phases: watch::Receiver<Phase>,
        append: Append,
        in_vain: InVain,
    ) -> Self {
        let (seen, asked) = (desk.clone(), desk.clone());
        Self {
            account_name: account_name.map(str::to_owned),
            writer,
            view: Box::new(move || seen.view()),
            phase: Box::new(move || phases.borrow().clone()),
            claim: Box::new(move || asked.ask_to_claim()),
            append,
            in_vain,
        }
    }
}

/// Appends to `topic` under the key of the account.
#[must_use]
pub fn append_to(connection: Arc<Connection>, topic: Arc<str>, account_id: &str) -> Append {
    let places = Arc::new(Semaphore::new(APPENDING_MAX));
    let key = account_id.as_bytes().to_vec();
    Arc::new(move |request| {
        let record = Record {
            topic: Arc::clone(&topic),
            partition: None,
            key: key.clone(),
            value: Some(request.to_value()),
            headers: Vec::new(),
        };
        let (connection, places) = (Arc::clone(&connection), Arc::clone(&places));
        Box::pin(async move {
            let place = places.acquire_owned().await.map_err(|error| error.to_string())?;
            // A caller that goes away takes its place with it only when the brokers have answered.
            let appended = tokio::spawn(async move {
                let appended = kafka::append(&connection, record).await;
                drop(place);
                appended
            });
            match appended.await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(error.to_string()),
            }
        })
    })
}
