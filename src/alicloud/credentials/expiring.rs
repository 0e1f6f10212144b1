//! Credentials with an end: held, exchanged before that, and used on while an exchange fails as long as they are valid.
//!
//! Promises that at most one exchange is under way, that nobody waits for one while what is held is still valid, and
//! that one which failed is not tried again at once: hundreds of calls may ask in a second.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use super::super::session::Session;
use super::issued::Issued;
use super::{Credentials, CredentialsError, Link};
use crate::ambient;

/// Exchanged so long before their end, or at the last third of a shorter life.
const MARGIN: SignedDuration = SignedDuration::from_mins(15);
/// What was just given is used for so long whatever our clock says of its end: the clock may be wrong, and the
/// metadata service gives the same credentials again until it has new ones.
const AT_LEAST: SignedDuration = SignedDuration::from_secs(60);
/// For one exchange, while what is held is still valid.
const PATIENCE: Duration = Duration::from_secs(10);
/// After an exchange that failed, while what is held is still valid, and where nothing is.
const PAUSE: Duration = Duration::from_secs(30);
const SHORT_PAUSE: Duration = Duration::from_secs(5);

/// See the module's page. `Debug` shows no secret.
#[derive(Debug)]
pub(super) struct Expiring {
    link: Link,
    held: Mutex<Held>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Held {
    current: Option<Current>,
    /// Until when the failure of the last exchange holds.
    failed: Option<(Instant, CredentialsError)>,
}

#[derive(Debug)]
struct Current {
    credentials: Credentials,
    /// When to exchange them.
    due: Timestamp,
    valid_until: Timestamp,
}

impl Current {
    /// `jitter` is from 0 to below 1: copies that began together do not ask together for ever.
    fn new(issued: Issued, now: Timestamp, jitter: f64) -> Self {
        let life = issued.expires.duration_since(now).max(SignedDuration::ZERO);
        let margin = MARGIN.min(life / 3);
        let early = margin + margin.mul_f64(jitter / 5.0);
        let soonest = AT_LEAST.min(life.max(SignedDuration::from_secs(3)) / 3);
        let after = |time: Timestamp, span: SignedDuration| time.checked_add(span).unwrap_or(Timestamp::MAX);
        let due = issued.expires.checked_sub(early).unwrap_or(now).max(after(now, soonest));
        let is_odd = life.is_zero();
        let valid_until = if is_odd { after(now, AT_LEAST) } else { issued.expires };
        Self { credentials: issued.credentials, due: if is_odd { valid_until } else { due }, valid_until }
    }
}

impl Expiring {
    pub(super) fn new(link: Link) -> Self {
        Self { link, held: Mutex::default(), turn: tokio::sync::Mutex::new(()) }
    }

    /// What is held, or what comes of `exchange`, which is dropped where it is not needed.
    pub(super) async fn current(
        &self,
        session: &Session,
        exchange: impl Future<Output = Result<Issued, CredentialsError>>,
    ) -> Result<Credentials, CredentialsError> {
        if let Some(known) = self.known(session.now()) {
            return known;
        }
        let Some(valid) = self.valid(session.now()) else {
            let turn = timeout_at(session.deadline(), self.turn.lock()).await;
            let _turn = turn.map_err(|_| CredentialsError::out_of_time(self.link))?;
            return match self.known(session.now()) {
                Some(known) => known,
                None => self.exchanged(session, session.deadline(), exchange).await,
            };
        };
        let Ok(_turn) = self.turn.try_lock() else { return Ok(valid) };
        if let Some(known) = self.known(session.now()) {
            return known;
        }
        let deadline = session.deadline().min(Instant::now() + PATIENCE);
        Ok(self.exchanged(session, deadline, exchange).await.unwrap_or(valid))
    }

    /// Forgets credentials that a service refused.
    pub(super) fn distrust(&self, refused: &Credentials) {
        let mut held = self.held();
        if held.current.as_ref().is_some_and(|current| current.credentials == *refused) {
            *held = Held::default();
        }
    }

    async fn exchanged(
        &self,
        session: &Session,
        deadline: Instant,
        exchange: impl Future<Output = Result<Issued, CredentialsError>>,
    ) -> Result<Credentials, CredentialsError> {
        let outcome = timeout_at(deadline, exchange).await;
        let now = session.now();
        match outcome.unwrap_or_else(|_| Err(CredentialsError::out_of_time(self.link))) {
            Ok(issued) => {
                info!(link = %self.link, access_key_id = issued.credentials.access_key_id, expires = %issued.expires, "temporary credentials");
                session.tell_exchange(Some(issued.expires));
                let current = Current::new(issued, now, ambient::fraction());
                let credentials = current.credentials.clone();
                *self.held() = Held { current: Some(current), failed: None };
                Ok(credentials)
            }
            Err(error) => {
                session.tell_exchange(None);
                let left = self.held().current.as_ref().map(|current| current.valid_until.duration_since(now));
                let left = left.and_then(|left| Duration::try_from(left).ok()).filter(|left| !left.is_zero());
                warn!(%error, still_valid_secs = left.map(|left| left.as_secs()), "no new credentials");
                let pause = left.map_or(SHORT_PAUSE, |left| PAUSE.min(left / 3));
                let until = Instant::now() + pause.mul_f64(0.5 + ambient::fraction() / 2.0);
                self.held().failed = Some((until, error.clone()));
                Err(error)
            }
        }
    }

    /// What needs no exchange: fresh credentials, or, after one that failed, what is still valid or the failure.
    fn known(&self, now: Timestamp) -> Option<Result<Credentials, CredentialsError>> {
        let held = self.held();
        if let Some(current) = held.current.as_ref().filter(|current| now < current.due) {
            return Some(Ok(current.credentials.clone()));
        }
        let (_, failure) = held.failed.as_ref().filter(|(until, _)| Instant::now() < *until)?;
        let valid = held.current.as_ref().filter(|current| now < current.valid_until);
        Some(valid.map(|current| current.credentials.clone()).ok_or_else(|| failure.clone()))
    }

    fn valid(&self, now: Timestamp) -> Option<Credentials> {
        let held = self.held();
        held.current.as_ref().filter(|current| now < current.valid_until).map(|current| current.credentials.clone())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::alicloud::{Client, CredentialsSource, EndpointSettings, Endpoints, Settings};
    use crate::secret::Secret;

    fn temporary() -> Credentials {
        Credentials { access_key_id: "STS.a".into(), access_key_secret: Secret::new("hush"), security_token: None }
    }

    fn current(now: i64, expires: i64, jitter: f64) -> (i64, i64) {
        let at = |second| Timestamp::from_second(second).unwrap();
        let current = Current::new(Issued { credentials: temporary(), expires: at(expires) }, at(now), jitter);
        (current.due.as_second() - now, current.valid_until.as_second() - now)
    }

    #[test]
    fn credentials_are_exchanged_a_quarter_of_an_hour_before_their_end_or_a_little_earlier() {
        assert_eq!(current(1000, 4600, 0.0), (2700, 3600));
        assert_eq!(current(1000, 4600, 0.5), (2610, 3600));
        assert_eq!(current(1000, 1090, 0.0), (60, 90), "a third of a short life");
    }

    #[test]
    fn what_was_just_given_is_used_for_a_while_although_it_is_due_or_seems_to_have_expired() {
        assert_eq!(current(1000, 700, 0.0), (60, 60));
        assert_eq!(current(1000, 1300, 0.9).1, 300);
        assert!(current(1000, 1300, 0.9).0 >= 60);
        assert_eq!(current(1000, 1003, 0.0), (2, 3));
    }

    #[tokio::test]
    async fn every_exchange_is_reported_with_the_end_of_what_it_brought() {
        let reported = Arc::new(Mutex::new(Vec::new()));
        let endpoints = Endpoints::new(&EndpointSettings::default()).unwrap();
        let mut settings = Settings::new(CredentialsSource::Static(temporary()), endpoints);
        let reports = Arc::clone(&reported);
        settings.on_exchange = Some(Arc::new(move |expire| reports.lock().unwrap().push(expire)));
        let session = Client::new(settings, "5481").unwrap().session(Instant::now() + Duration::from_secs(60));
        let expiring = Expiring::new(Link::Uri);
        let in_vain = expiring.current(&session, async { Err(CredentialsError::out_of_time(Link::Uri)) }).await;
        assert!(in_vain.is_err());
        expiring.held().failed = None;
        let expires = session.now() + SignedDuration::from_hours(1);
        for _ in 0..2 {
            let issued = async { Ok(Issued { credentials: temporary(), expires }) };
            assert_eq!(expiring.current(&session, issued).await.unwrap(), temporary());
        }
        assert_eq!(*reported.lock().unwrap(), [None, Some(expires)], "the second time they are still good");
    }
}
