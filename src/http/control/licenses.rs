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
    app::{Exchange, Player, RecordedCall},
    domain::{
        ids::{PublisherId, SubscriptionId},
        subscription::Subscription,
    },
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
    let call = Report {
        publisher: caller.publisher.clone(),
        subscription: id,
        body: serde_json::to_string(&input).ok(),
        correlation_id: headers.get("x-ms-correlationid").and_then(|id| id.to_str().ok()).map(str::to_owned),
        started,
    };
    let call = Arc::new(call);
    let of_success = Arc::clone(&call);
    let told = move |subscription: &Subscription| (subscription.clone(), Some(of_success.entry(StatusCode::OK, None)));
    let outcome = caller.sandbox.report_licenses(caller.publisher, id, input.assigned, told).await;
    if let Err(error) = &outcome {
        let status = super::problem::status_of(error);
        caller.sandbox.record(call.entry(status, Some(error.to_string()))).await?;
    }
    let subscription = outcome?;
    let ledger = caller.sandbox.ledger(id).await?;
    let link = link_view(&faces, &caller.sandbox, &subscription);
    Ok(Json(SubscriptionView::of(&subscription, &ledger, link)))
}

/// The call, as the journal tells of it.
struct Report {
    publisher: PublisherId,
    subscription: SubscriptionId,
    body: Option<String>,
    correlation_id: Option<String>,
    started: Stopwatch,
}

impl Report {
    fn entry(&self, status: StatusCode, remark: Option<String>) -> RecordedCall {
        let exchange = Exchange {
            to: Player::Marketplace,
            method: "POST".to_owned(),
            path: format!("/sim/v1/subscriptions/{}/licenses", self.subscription),
            status: Some(status.as_u16()),
            publisher: Some(self.publisher.clone()),
            request_body: self.body.clone(),
            response_body: None,
            correlation_id: self.correlation_id.clone(),
            remark,
            latency_micros: self.started.micros(),
        };
        RecordedCall { from: Player::Publisher, subscription: Some(self.subscription), exchange }
    }
}
