//! A schema registry in memory: the part of the Confluent API that ramstream and Avro readers call.
//!
//! It gives ids and gives schemas back. It checks no compatibility, although it remembers the level that it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the registry holds. An id is the place in `schemas`, from 1.
#[derive(Debug, Default)]
struct Held {
    schemas: Vec<String>,
    /// Ids by subject, oldest first.
    subjects: BTreeMap<String, Vec<usize>>,
    levels: BTreeMap<String, String>,
}

type Shared = Arc<Mutex<Held>>;

/// The registry's routes.
pub(super) fn routes() -> Router {
    Router::new()
        .route("/subjects", get(subjects))
        .route("/subjects/{subject}/versions", post(register))
        .route("/schemas/ids/{id}", get(schema))
        .route("/config/{subject}", get(level).put(set_level))
        .with_state(Shared::default())
}

fn lock(held: &Shared) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The API's own code beside the status.
fn not_found(error_code: u32, message: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error_code": error_code, "message": message }))).into_response()
}

async fn subjects(State(held): State<Shared>) -> Json<Vec<String>> {
    Json(lock(&held).subjects.keys().cloned().collect())
}

#[derive(Deserialize)]
struct Registration {
    schema: String,
}

/// The same text has the same id, whatever its subject.
async fn register(
    State(held): State<Shared>,
    Path(subject): Path<String>,
    Json(Registration { schema }): Json<Registration>,
) -> Json<Value> {
    let mut held = lock(&held);
    let known = held.schemas.iter().position(|text| *text == schema);
    let id = known.unwrap_or(held.schemas.len()) + 1;
    if known.is_none() {
        held.schemas.push(schema);
    }
    let versions = held.subjects.entry(subject).or_default();
    if !versions.contains(&id) {
        versions.push(id);
    }
    Json(json!({ "id": id }))
}

async fn schema(State(held): State<Shared>, Path(id): Path<usize>) -> Response {
    match id.checked_sub(1).and_then(|place| lock(&held).schemas.get(place).cloned()) {
        Some(schema) => Json(json!({ "schema": schema })).into_response(),
        None => not_found(40403, "Schema not found"),
    }
}

async fn level(State(held): State<Shared>, Path(subject): Path<String>) -> Response {
    match lock(&held).levels.get(&subject) {
        Some(level) => Json(json!({ "compatibilityLevel": level })).into_response(),
        None => not_found(40408, "Subject does not have subject-level compatibility configured"),
    }
}

#[derive(Deserialize)]
struct Level {
    compatibility: String,
}

async fn set_level(
    State(held): State<Shared>,
    Path(subject): Path<String>,
    Json(Level { compatibility }): Json<Level>,
) -> Json<Value> {
    lock(&held).levels.insert(subject, compatibility.clone());
    Json(json!({ "compatibility": compatibility }))
}
