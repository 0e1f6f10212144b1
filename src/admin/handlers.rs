//! One function a call.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::document::{ReplaysDocument, RequestDocument, StatusDocument};
use super::problem::{
    About, INVALID, NO_ACCOUNT, NO_METHOD, NO_PATH, NO_REQUEST, NOT_PARKED, NOT_WAITING, OTHER_ACTION, Problem,
    UNACKNOWLEDGED,
};
use super::{Admin, OPENAPI, ask};
use crate::control::{Action, Outcome, Request, RequestId, Standing};
use crate::sync::{
    Phase,
    desk::{Stands, View},
};

type Body = Result<Bytes, BytesRejection>;

/// The words for what can be asked for.
const REPLAY: &str = "replay";
const SYNC: &str = "sync";

/// A path below this process's account.
pub(super) struct Ours {
    request: Option<RequestId>,
}

impl FromRequestParts<Admin> for Ours {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Problem> {
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, admin).await;
        let Path(mut path) = path.map_err(|error| Problem::new(INVALID, format!("the path: {error}")))?;
        let account = path.remove("account").unwrap_or_default();
        if account != admin.0.account_id {
            let ours = &admin.0.account_id;
            return Err(Problem::new(NO_ACCOUNT, format!("account {account:?}: this process serves {ours} alone")));
        }
        let request = path.remove("request").map(RequestId::try_from).transpose();
        let request = request.map_err(|mend| Problem::new(INVALID, format!("the id in the path: {mend}")))?;
        Ok(Self { request })
    }
}

impl Ours {
    fn request(self) -> Result<RequestId, Problem> {
        self.request.ok_or_else(|| Problem::new(INVALID, "the path has no request id"))
    }
}

pub(super) async fn show_openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

pub(super) async fn no_such_path(uri: Uri) -> Problem {
    Problem::new(NO_PATH, format!("{}: GET /openapi.json describes every path", uri.path()))
}

pub(super) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    Problem::new(NO_METHOD, format!("{method} {}: GET /openapi.json describes what it takes", uri.path()))
}

pub(super) async fn ask_replay(
    State(admin): State<Admin>,
    _: Ours,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    admin.ask(ask::request(REPLAY, &headers, body)?).await
}

pub(super) async fn ask_sync(
    State(admin): State<Admin>,
    _: Ours,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    admin.ask(ask::request(SYNC, &headers, body)?).await
}

pub(super) async fn list_replays(State(admin): State<Admin>, _: Ours) -> Json<ReplaysDocument> {
    let view = (admin.0.process.view)();
    let replays = ended(&view)
        .map(RequestDocument::ended)
        .chain(admin.waiting(&view))
        .filter(|document| document.action == REPLAY);
    Json(ReplaysDocument { replays: replays.collect() })
}

pub(super) async fn show_replay(State(admin): State<Admin>, ours: Ours) -> Result<Json<RequestDocument>, Problem> {
    admin.known(REPLAY, &ours.request()?).map(|known| Json(known.document()))
}

pub(super) async fn show_sync(State(admin): State<Admin>, ours: Ours) -> Result<Json<RequestDocument>, Problem> {
    admin.known(SYNC, &ours.request()?).map(|known| Json(known.document()))
}

pub(super) async fn cancel_replay(State(admin): State<Admin>, ours: Ours) -> Result<Response, Problem> {
    let id = ours.request()?;
    let known = admin.known(REPLAY, &id)?;
    let document = known.document();
    if let Known::Ended(_) | Known::Waiting(_, Some(Stands::Sending(_))) = known {
        let detail = format!("the replay {id} is {} and can no longer be cancelled", document.state);
        return Err(Problem::new(NOT_WAITING, detail).about(id));
    }
    let cancel = Request { id: id.clone(), action: Action::Cancel, not_after: None };
    admin.append(&cancel).await?;
    Ok(accepted(StatusCode::ACCEPTED, id, Json(document)))
}

pub(super) async fn show_status(State(admin): State<Admin>, _: Ours) -> Json<StatusDocument> {
    Json(admin.status())
}

pub(super) async fn claim(
    State(admin): State<Admin>,
    _: Ours,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    ask::nothing(&headers, body)?;
    let why = match (admin.0.process.phase)() {
        Phase::Parked { .. } => {
            (admin.0.process.claim)();
            return Ok((StatusCode::ACCEPTED, Json(admin.status())).into_response());
        }
        Phase::Running | Phase::Failing { .. } => "it owns the account already".to_owned(),
        Phase::Starting | Phase::Claiming => "it is about to claim by itself".to_owned(),
        Phase::Refused { why } => format!("it refuses the state, and may not publish: {why}"),
        Phase::Unavailable { why } => format!("it cannot reach what it needs: {why}"),
    };
    Err(Problem::new(NOT_PARKED, format!("this copy is not parked: {why}")))
}

/// What has ended, the oldest first; also what is not on record yet.
pub(super) fn ended(view: &View) -> impl Iterator<Item = &Outcome> {
    let is_on_record = |ended: &&Outcome| view.outcomes.iter().any(|outcome| outcome.request_id == ended.request_id);
    let judged = view.entries.iter().filter_map(|entry| match &entry.standing {
        Standing::Ended(outcome) => Some(outcome),
        _ => None,
    });
    view.outcomes.iter().chain(judged.filter(move |outcome| !is_on_record(outcome)))
}

/// What is known of a request.
enum Known {
    /// It waits; how, if it was read already.
    Waiting(Request, Option<Stands>),
    Ended(Outcome),
}

impl Known {
    fn action(&self) -> &str {
        match self {
            Self::Waiting(request, _) => request.action.as_str(),
            Self::Ended(outcome) => &outcome.action,
        }
    }

    fn document(&self) -> RequestDocument {
        match self {
            Self::Waiting(request, stands) => RequestDocument::waiting(request, stands.as_ref()),
            Self::Ended(outcome) => RequestDocument::ended(outcome),
        }
    }
}

impl Admin {
    /// Appends the request, unless its id is known: then it is that one.
    async fn ask(&self, request: Request) -> Result<Response, Problem> {
        let (id, action) = (request.id.clone(), request.action.as_str());
        let at = format!("/v1/accounts/{}/{action}s/{id}", self.0.account_id);
        let (status, document) = match self.find(&id) {
            Some(known) if known.action() == action => (StatusCode::OK, known.document()),
            Some(known) => {
                let detail = format!("`request_id`: {id} is the id of a {}; take another", known.action());
                return Err(Problem::new(OTHER_ACTION, detail).about(id));
            }
            None => {
                self.append(&request).await?;
                let document = RequestDocument::waiting(&request, None);
                self.0.asked.note(request);
                (StatusCode::ACCEPTED, document)
            }
        };
        Ok(accepted(status, id, ([(LOCATION, at)], Json(document))))
    }

    async fn append(&self, request: &Request) -> Result<(), Problem> {
        (self.0.process.append)(request).await.map_err(|why| {
            let detail =
                format!("{why}. Ask again with the same request_id, {}: it is then the same request", request.id);
            Problem::new(UNACKNOWLEDGED, detail).about(request.id.clone())
        })
    }

    /// The request of this sort with this id.
    fn known(&self, action: &str, id: &RequestId) -> Result<Known, Problem> {
        self.find(id).filter(|known| known.action() == action).ok_or_else(|| {
            let detail = format!(
                "no {action} {id} waits, and it is not among the last requests that ended; what was requested of another \
                 process is known here once the owner has read it"
            );
            Problem::new(NO_REQUEST, detail).about(id.clone())
        })
    }

    fn find(&self, id: &RequestId) -> Option<Known> {
        let view = (self.0.process.view)();
        match view.stands(id) {
            Some(Stands::Ended(outcome)) => Some(Known::Ended(outcome)),
            Some(stands) => {
                let request = view.waiting().find(|request| request.id == *id)?;
                Some(Known::Waiting(request.clone(), Some(stands)))
            }
            None => {
                let mut unseen = self.0.asked.unseen(&view).into_iter();
                unseen.find(|request| request.id == *id).map(|request| Known::Waiting(request, None))
            }
        }
    }

    /// Everything that waits, in the order in which it was asked for.
    pub(super) fn waiting(&self, view: &View) -> Vec<RequestDocument> {
        let read = view.waiting().map(|request| RequestDocument::waiting(request, view.stands(&request.id).as_ref()));
        let unseen = self.0.asked.unseen(view);
        read.chain(unseen.iter().map(|request| RequestDocument::waiting(request, None))).collect()
    }

    fn status(&self) -> StatusDocument {
        let view = (self.0.process.view)();
        let process = &self.0.process;
        StatusDocument::of(&self.0.account_id, process.writer, (process.phase)(), &view, self.waiting(&view))
    }
}

/// The answer, with the id for the log.
fn accepted(status: StatusCode, id: RequestId, answer: impl IntoResponse) -> Response {
    let mut response = (status, answer).into_response();
    response.extensions_mut().insert(About(id.into()));
    response
}
