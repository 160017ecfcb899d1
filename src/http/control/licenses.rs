//! The publisher's report that licences are assigned. Microsoft has no API for it; a publisher that wants its purchases
//! billed with both confirmations makes this one call besides *activate*.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};

use super::{
    problem::{ControlError, Input},
    subscriptions::{link_view, subscription_id},
};
use crate::{
    app::{AppError, Exchange, Player, RecordedCall, identity::Caller},
    domain::{ids::SubscriptionId, subscription::Subscription},
    http::faces::Faces,
    sim::clock::Stopwatch,
    wire::control::{LicenseReport, Problem, SubscriptionView},
};

/// Reports that licences are assigned. Called with the publisher's access token; repeating it changes nothing.
#[utoipa::path(
    post, path = "/sim/v1/subscriptions/{subscription}/licenses", tag = "publisher",
    params(("subscription" = String, Path)), request_body = LicenseReport, security(("publisherToken" = [])),
    responses(
        (status = 200, body = SubscriptionView), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)
    )
)]
pub(super) async fn report(
    State(faces): State<Arc<Faces>>,
    Path(subscription): Path<String>,
    headers: HeaderMap,
    Input(input): Input<LicenseReport>,
) -> Result<Json<SubscriptionView>, ControlError> {
    let started = Stopwatch::start();
    let caller = faces.caller(&headers, ControlError::Token).await?;
    let id = subscription_id(&subscription)?;
    let outcome = caller.sandbox.report_licenses(caller.publisher.clone(), id, input.assigned).await;
    record(&caller, id, &input, &headers, outcome.as_ref(), &started).await?;
    let subscription = outcome?;
    let ledger = caller.sandbox.ledger(id).await?;
    let link = link_view(&faces, &caller.sandbox, &subscription);
    Ok(Json(SubscriptionView::of(&subscription, &ledger, link)))
}

async fn record(
    caller: &Caller,
    id: SubscriptionId,
    input: &LicenseReport,
    headers: &HeaderMap,
    outcome: Result<&Subscription, &AppError>,
    started: &Stopwatch,
) -> Result<(), AppError> {
    let status = match outcome {
        Ok(_) => StatusCode::OK,
        Err(error) => super::problem::status_of(error),
    };
    let correlation_id = headers.get("x-ms-correlationid").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let exchange = Exchange {
        to: Player::Marketplace,
        method: "POST".to_owned(),
        path: format!("/sim/v1/subscriptions/{id}/licenses"),
        status: Some(status.as_u16()),
        publisher: Some(caller.publisher.clone()),
        request_body: serde_json::to_string(input).ok(),
        response_body: None,
        correlation_id,
        remark: outcome.err().map(ToString::to_string),
        latency_micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
    };
    caller.sandbox.record(RecordedCall { from: Player::Publisher, subscription: Some(id), exchange }).await
}
