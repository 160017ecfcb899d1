//! Access keys: the operator's, which open everything, and those of each sandbox.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};

use super::problem::{ControlError, Input, sandbox_named};
use crate::{
    app::NewKey,
    domain::access::{KeptKey, KeyId, LONGEST_NOTE},
    http::faces::Faces,
    wire::control::{AccessKeyList, AccessKeyView, CreateAccessKey, NewAccessKey, Problem},
};

/// The keys that open everything; never the keys themselves.
#[utoipa::path(
    get, path = "/sim/v1/keys", tag = "access", responses((status = 200, body = AccessKeyList), (status = 403, body = Problem))
)]
pub(super) async fn list_operators(State(faces): State<Arc<Faces>>) -> Result<Json<AccessKeyList>, ControlError> {
    Ok(list_of(&faces.app.operator_keys().await?))
}

/// Makes a key that opens everything. It is told this once.
#[utoipa::path(
    post, path = "/sim/v1/keys", tag = "access", request_body = CreateAccessKey,
    responses((status = 201, body = NewAccessKey), (status = 403, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn create_operators(
    State(faces): State<Arc<Faces>>,
    Input(input): Input<CreateAccessKey>,
) -> Result<(StatusCode, Json<NewAccessKey>), ControlError> {
    let new = faces.app.make_operator_key(note(input)?).await?;
    Ok((StatusCode::CREATED, Json(told(&new))))
}

/// Removes a key that opens everything: from now on it opens nothing, and whoever has signed in with it is signed out.
#[utoipa::path(
    delete, path = "/sim/v1/keys/{key}", tag = "access", params(("key" = String, Path)),
    responses(
        (status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
pub(super) async fn delete_operators(
    State(faces): State<Arc<Faces>>,
    Path(key): Path<String>,
) -> Result<StatusCode, ControlError> {
    faces.app.remove_operator_key(&key_id(&key)?, faces.access.has_other_ways_in()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The keys of a sandbox; never the keys themselves.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/keys", tag = "access", params(("sandbox" = String, Path)),
    responses((status = 200, body = AccessKeyList), (status = 403, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn list(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<Json<AccessKeyList>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    Ok(list_of(&sandbox.access_keys().await?))
}

/// Makes a key that opens the sandbox, and those that are named as parts of it. It is told this once.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/keys", tag = "access", params(("sandbox" = String, Path)),
    request_body = CreateAccessKey,
    responses(
        (status = 201, body = NewAccessKey), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(super) async fn create(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    Input(input): Input<CreateAccessKey>,
) -> Result<(StatusCode, Json<NewAccessKey>), ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let new = sandbox.make_access_key(note(input)?).await?;
    Ok((StatusCode::CREATED, Json(told(&new))))
}

/// Removes a key of the sandbox: from now on it opens nothing, and whoever has signed in with it is signed out.
#[utoipa::path(
    delete, path = "/sim/v1/sandboxes/{sandbox}/keys/{key}", tag = "access",
    params(("sandbox" = String, Path), ("key" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn delete(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, key)): Path<(String, String)>,
) -> Result<StatusCode, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    sandbox.remove_access_key(key_id(&key)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn key_id(text: &str) -> Result<KeyId, ControlError> {
    text.parse().map_err(|error| ControlError::id(&error, "key"))
}

fn note(input: CreateAccessKey) -> Result<String, ControlError> {
    if input.note.chars().count() <= LONGEST_NOTE {
        return Ok(input.note);
    }
    Err(ControlError::BadInput {
        detail: format!("the note is longer than {LONGEST_NOTE} characters"),
        field: Some("note"),
        hint: "Say in a few words who uses the key.",
    })
}

fn list_of(kept: &[KeptKey]) -> Json<AccessKeyList> {
    Json(AccessKeyList { keys: kept.iter().map(view).collect() })
}

fn view(kept: &KeptKey) -> AccessKeyView {
    AccessKeyView { id: kept.id.to_string(), note: kept.note.clone(), created: kept.created.to_string() }
}

fn told(new: &NewKey) -> NewAccessKey {
    NewAccessKey { key: new.key.to_string(), about: view(&new.kept) }
}
