//! The identity's signing keys, which all sandboxes share.

use std::sync::Arc;

use axum::{Json, extract::State};

use super::problem::ControlError;
use crate::{
    http::faces::Faces,
    wire::control::{Problem, SigningKeyList},
};

/// The ids of the published keys; the first is the one that signs.
#[utoipa::path(
    get, path = "/sim/v1/signing-keys", tag = "identity", responses((status = 200, body = SigningKeyList))
)]
pub(super) async fn list(State(faces): State<Arc<Faces>>) -> Json<SigningKeyList> {
    faces.app.look_around().await;
    view(&faces)
}

/// Makes a new key, which signs every token and webhook call from now on. What was signed before stays good; a client that
/// keeps the keys that it saw first is found out.
#[utoipa::path(
    post, path = "/sim/v1/signing-keys/rotation", tag = "identity",
    responses((status = 200, body = SigningKeyList), (status = 503, body = Problem))
)]
pub(super) async fn rotate(State(faces): State<Arc<Faces>>) -> Result<Json<SigningKeyList>, ControlError> {
    faces.app.rotate_signing_key().await?;
    Ok(view(&faces))
}

fn view(faces: &Faces) -> Json<SigningKeyList> {
    let keys = faces.app.signing_keys().public();
    Json(SigningKeyList { keys: keys.into_iter().map(|key| key.id).collect() })
}
