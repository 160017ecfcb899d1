//! The marketplace's face: SaaS fulfillment API v2 and metering on their exact paths.
//!
//! | route | what |
//! | --- | --- |
//! | `POST /api/saas/subscriptions/resolve` | an authorization code becomes a subscription |
//! | `POST /api/saas/subscriptions/{id}/activate` | the publisher confirms |
//! | `GET /api/saas/subscriptions/{id}` | one subscription |
//! | `PATCH /api/saas/subscriptions/{id}` | a change of plan or quantity is asked for |
//! | `DELETE /api/saas/subscriptions/{id}` | a cancellation is asked for |
//! | `GET /api/saas/subscriptions` | the publisher's subscriptions, in pages |
//! | `GET /api/saas/subscriptions/{id}/listAvailablePlans` | the plans that the customer may have |
//! | `GET /api/saas/subscriptions/{id}/operations` | what is in progress |
//! | `GET /api/saas/subscriptions/{id}/operations/{operationId}` | how an operation stands |
//! | `PATCH /api/saas/subscriptions/{id}/operations/{operationId}` | the publisher answers one |
//! | `POST /api/usageEvent` | one usage event |
//! | `POST /api/batchUsageEvent` | up to 25 of them |
//! | `GET /api/usageEvents` | what was reported, by the day |

mod call;
mod continuation;
mod metering;
mod operations;
mod problem;
mod subscriptions;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use super::faces::Faces;

/// The routes. Paths are in lower case: [`super::paths`] has folded them before, as the real service does.
pub fn router(faces: Arc<Faces>) -> Router {
    Router::new()
        .route("/api/saas/subscriptions", get(subscriptions::list).fallback(call::not_found))
        .route("/api/saas/subscriptions/resolve", post(subscriptions::resolve).fallback(call::not_found))
        .route(
            "/api/saas/subscriptions/{id}",
            get(subscriptions::get).patch(operations::change).delete(operations::cancel).fallback(call::not_found),
        )
        .route("/api/saas/subscriptions/{id}/activate", post(subscriptions::activate).fallback(call::not_found))
        .route(
            "/api/saas/subscriptions/{id}/listavailableplans",
            get(subscriptions::list_available_plans).fallback(call::not_found),
        )
        .route("/api/saas/subscriptions/{id}/operations", get(operations::list).fallback(call::not_found))
        .route(
            "/api/saas/subscriptions/{id}/operations/{operation}",
            get(operations::get).patch(operations::update).fallback(call::not_found),
        )
        .route("/api/usageevent", post(metering::usage_event).fallback(call::not_found))
        .route("/api/batchusageevent", post(metering::batch_usage_event).fallback(call::not_found))
        .route("/api/usageevents", get(metering::usage_events).fallback(call::not_found))
        .route("/api/{*rest}", axum::routing::any(call::not_found))
        .with_state(faces)
}
