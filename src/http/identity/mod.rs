//! The identity's face: token endpoints, discovery, keys.
//!
//! | route | what |
//! | --- | --- |
//! | `POST /{tenant}/oauth2/token` | a token, v1 |
//! | `POST /{tenant}/oauth2/v2.0/token` | a token, v2 |
//! | `GET`, `POST /{tenant}/oauth2/authorize`, `…/oauth2/v2.0/authorize` | the page on which people sign in |
//! | `GET /{tenant}/oauth2/logout`, `…/oauth2/v2.0/logout` | people sign out |
//! | `GET /oidc/userinfo` | who somebody is |
//! | `GET /{tenant}/.well-known/openid-configuration` | discovery, v1 |
//! | `GET /{tenant}/v2.0/.well-known/openid-configuration` | discovery, v2 |
//! | `GET /{tenant}/discovery/keys`, `/{tenant}/discovery/v2.0/keys` | public keys; also under `common` |

mod authorize;
mod discovery;
mod problem;
mod tenant;
mod token;
mod userinfo;

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
        .route("/{tenant}/oauth2/authorize", get(authorize::v1).post(authorize::v1))
        .route("/{tenant}/oauth2/v2.0/authorize", get(authorize::v2).post(authorize::v2))
        .route("/{tenant}/oauth2/logout", get(authorize::sign_out))
        .route("/{tenant}/oauth2/v2.0/logout", get(authorize::sign_out))
        .route("/oidc/userinfo", get(userinfo::show).post(userinfo::show))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery::v1))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::v2))
        .route("/common/discovery/instance", get(discovery::instance))
        .route("/{tenant}/discovery/keys", get(discovery::keys))
        .route("/{tenant}/discovery/v2.0/keys", get(discovery::keys))
        .with_state(faces)
}
