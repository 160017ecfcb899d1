//! The identity's face: token endpoints, discovery, keys.
//!
//! | route | what |
//! | --- | --- |
//! | `POST /{tenant}/oauth2/token` | a token, v1 |
//! | `POST /{tenant}/oauth2/v2.0/token` | a token, v2 |
//! | `GET /{tenant}/.well-known/openid-configuration` | discovery, v1 |
//! | `GET /{tenant}/v2.0/.well-known/openid-configuration` | discovery, v2 |
//! | `GET /{tenant}/discovery/keys`, `/{tenant}/discovery/v2.0/keys` | public keys; also under `common` |

mod discovery;
mod problem;
mod token;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use super::faces::Faces;

/// The routes.
pub fn router(faces: Arc<Faces>) -> Router {
    Router::new()
        .route("/{tenant}/oauth2/token", post(token::v1))
        .route("/{tenant}/oauth2/v2.0/token", post(token::v2))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery::v1))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::v2))
        .route("/common/discovery/instance", get(discovery::instance))
        .route("/{tenant}/discovery/keys", get(discovery::keys))
        .route("/{tenant}/discovery/v2.0/keys", get(discovery::keys))
        .with_state(faces)
}
