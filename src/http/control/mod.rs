//! The control API (`/sim/v1`): what only a simulator has. Described by its own OpenAPI document at
//! `/sim/openapi.json`, generated from the handlers below.

mod access_keys;
mod clock;
mod deliveries;
mod document;
mod door;
mod faults;
#[expect(unused_qualifications, reason = "the code that utoipa generates qualifies more than it needs to")]
mod journal;
mod licenses;
mod lifecycle;
mod problem;
mod quotas;
mod sandboxes;
mod signing_keys;
#[expect(unused_qualifications, reason = "the code that utoipa generates qualifies more than it needs to")]
mod subscriptions;
mod webhook_authority;

use std::sync::Arc;

use axum::{
    Json, Router, middleware,
    response::{IntoResponse as _, Response},
    routing::get,
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::faces::Faces;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rehearsal control API",
        description = "Sandboxes, clocks, purchases, the whole view of a subscription, the journal, faults. \
                       Everything that Microsoft's own APIs have is on Microsoft's own paths instead."
    ),
    modifiers(&BearerTokens),
    security(("accessKey" = []), ())
)]
struct Document;

/// The access key that all calls ask for, unless the server is open; and the one call that a publisher makes with its access
/// token instead.
struct BearerTokens;

impl Modify for BearerTokens {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let key =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("rhk.<sandbox>.<id>.<secret>").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("publisherToken", SecurityScheme::Http(scheme));
        components.add_security_scheme("accessKey", SecurityScheme::Http(key));
    }
}

/// The routes, and the document that describes them.
pub fn router(faces: Arc<Faces>) -> Router {
    let door = middleware::from_fn_with_state(Arc::clone(&faces), door::ask_for_key);
    let (router, _) = api().layer(door).merge(of_publishers()).split_for_parts();
    router
        .with_state(faces)
        .route("/sim/openapi.json", get(|| async { Json(document()) }))
        .route("/sim/{*rest}", axum::routing::any(problem::no_such_path))
        .method_not_allowed_fallback(problem::no_such_method)
}

/// Made when it is asked for: that is seldom, and it is large.
fn document() -> utoipa::openapi::OpenApi {
    let (_, mut document) = api().merge(of_publishers()).split_for_parts();
    document::complete(&mut document);
    document
}

/// The problem of a request for a host that is not this server's.
pub(super) fn misdirected(host: &str) -> Response {
    problem::ControlError::Misdirected(host.to_owned()).into_response()
}

fn api() -> OpenApiRouter<Arc<Faces>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(sandboxes::list, sandboxes::create))
        .routes(routes!(sandboxes::get, sandboxes::change, sandboxes::delete))
        .routes(routes!(sandboxes::rules))
        .routes(routes!(sandboxes::environment))
        .routes(routes!(sandboxes::catalogue))
        .routes(routes!(clock::read))
        .routes(routes!(clock::freeze))
        .routes(routes!(clock::resume))
        .routes(routes!(clock::advance))
        .routes(routes!(clock::run_next))
        .routes(routes!(subscriptions::purchase))
        .routes(routes!(subscriptions::list))
        .routes(routes!(subscriptions::get))
        .routes(routes!(subscriptions::issue_link))
        .routes(routes!(deliveries::change))
        .routes(routes!(deliveries::cancel))
        .routes(routes!(lifecycle::set_renewal))
        .routes(routes!(lifecycle::set_activation))
        .routes(routes!(lifecycle::suspend))
        .routes(routes!(lifecycle::reinstate))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::resend))
        .routes(routes!(deliveries::hold))
        .routes(routes!(deliveries::behavior, deliveries::set_behavior))
        .routes(routes!(webhook_authority::show, webhook_authority::trust))
        .routes(routes!(journal::read))
        .routes(routes!(faults::list, faults::set))
        .routes(routes!(signing_keys::list))
        .routes(routes!(signing_keys::rotate))
        .routes(routes!(access_keys::list_operators, access_keys::create_operators))
        .routes(routes!(access_keys::delete_operators))
        .routes(routes!(access_keys::list, access_keys::create))
        .routes(routes!(access_keys::delete))
        .routes(routes!(quotas::show, quotas::set))
}

/// What is called with a publisher's access token, which is a key of its own kind.
fn of_publishers() -> OpenApiRouter<Arc<Faces>> {
    OpenApiRouter::new().routes(routes!(licenses::report))
}
