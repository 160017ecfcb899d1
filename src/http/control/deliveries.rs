//! What whoever bought a subscription does in the marketplace, and what the publisher is told of it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};

use super::{
    problem::{ControlError, Input, sandbox_named},
    subscriptions::subscription_id,
};
use crate::{
    app::{Sandbox, WebhookWish},
    domain::{catalogue::WebhookManner, ids::OperationId, operation::Wish},
    http::faces::Faces,
    wire::control::{
        ChangeRequest, DeliveryList, DeliveryView, OperationView, Problem, ResendRequest, WebhookBehavior,
    },
};

/// Changes plan or seats, as whoever bought the subscription does in the marketplace. Nothing has changed yet: the
/// publisher's webhook is told, and may refuse.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/changes", tag = "marketplace",
    params(("sandbox" = String, Path), ("subscription" = String, Path)), request_body = ChangeRequest,
    responses(
        (status = 202, body = OperationView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)
    )
)]
pub(super) async fn change(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, subscription)): Path<(String, String)>,
    Input(input): Input<ChangeRequest>,
) -> Result<(StatusCode, Json<OperationView>), ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let wish = Wish { plan: input.plan_id, quantity: input.quantity.map(i64::from) };
    let operation = sandbox.change_in_marketplace(subscription_id(&subscription)?, wish).await?;
    Ok((StatusCode::ACCEPTED, Json(OperationView::from(&operation))))
}

/// Cancels, as whoever bought the subscription does in the marketplace: at once. The publisher's webhook is told.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/cancellation", tag = "marketplace",
    params(("sandbox" = String, Path), ("subscription" = String, Path)),
    responses((status = 200, body = OperationView), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn cancel(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, subscription)): Path<(String, String)>,
) -> Result<Json<OperationView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let operation = sandbox.cancel_in_marketplace(subscription_id(&subscription)?).await?;
    Ok(Json(OperationView::from(&operation)))
}

/// The calls to the publisher's webhook about a subscription, oldest first, with their attempts.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/deliveries", tag = "webhooks",
    params(("sandbox" = String, Path), ("subscription" = String, Path)),
    responses((status = 200, body = DeliveryList), (status = 404, body = Problem))
)]
pub(super) async fn list(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, subscription)): Path<(String, String)>,
) -> Result<Json<DeliveryList>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let deliveries = sandbox.deliveries(subscription_id(&subscription)?).await?;
    Ok(Json(DeliveryList {
        deliveries: deliveries.iter().map(|delivery| DeliveryView::of(delivery, sandbox.rules())).collect(),
    }))
}

/// Makes a call to the publisher's webhook once more, whether or not the publisher has had it; with another body, if you
/// send one. A call that is held is released by it.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/deliveries/{operation}/resend",
    tag = "webhooks",
    params(("sandbox" = String, Path), ("subscription" = String, Path), ("operation" = String, Path)),
    request_body = ResendRequest,
    responses((status = 202, body = DeliveryView), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn resend(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, subscription, operation)): Path<(String, String, String)>,
    Input(input): Input<ResendRequest>,
) -> Result<(StatusCode, Json<DeliveryView>), ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let operation: OperationId = operation.parse().map_err(|error| ControlError::id(&error, "operation"))?;
    let edited = input.body.map(|body| match body {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    });
    let delivery = sandbox.deliver_again(subscription_id(&subscription)?, operation, edited).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::of(&delivery, sandbox.rules()))))
}

/// Holds a call to the publisher's webhook back that has not been made, until it is sent again. To hold all of them from
/// their beginning on, set the rule `webhookSending` to `held`.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/deliveries/{operation}/hold",
    tag = "webhooks",
    params(("sandbox" = String, Path), ("subscription" = String, Path), ("operation" = String, Path)),
    responses(
        (status = 200, body = DeliveryView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(super) async fn hold(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, subscription, operation)): Path<(String, String, String)>,
) -> Result<Json<DeliveryView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let operation: OperationId = operation.parse().map_err(|error| ControlError::id(&error, "operation"))?;
    let delivery = sandbox.hold_delivery(subscription_id(&subscription)?, operation).await?;
    Ok(Json(DeliveryView::of(&delivery, sandbox.rules())))
}

/// How the stand-in publisher's webhook takes the next changes.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/faults/webhook", tag = "faults", params(("sandbox" = String, Path)),
    responses((status = 200, body = WebhookBehavior), (status = 404, body = Problem))
)]
pub(super) async fn behavior(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<Json<WebhookBehavior>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    view(&sandbox).await
}

/// Tells the stand-in publisher's webhook how to take the next changes; `accept` ends it.
#[utoipa::path(
    put, path = "/sim/v1/sandboxes/{sandbox}/faults/webhook", tag = "faults", params(("sandbox" = String, Path)),
    request_body = WebhookBehavior,
    responses((status = 200, body = WebhookBehavior), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn set_behavior(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    Input(input): Input<WebhookBehavior>,
) -> Result<Json<WebhookBehavior>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let manner = WebhookManner::ALL.into_iter().find(|manner| manner.as_str() == input.manner);
    let manner = manner.ok_or_else(|| ControlError::BadInput {
        detail: format!("{:?} is no way to take a change", input.manner),
        field: Some("manner"),
        hint: "Take accept, staySilent, refuse, fail, decline or answerLate.",
    })?;
    sandbox.wish_of_webhook(WebhookWish { manner, times: input.times }).await?;
    view(&sandbox).await
}

async fn view(sandbox: &Sandbox) -> Result<Json<WebhookBehavior>, ControlError> {
    let wish = sandbox.webhook_wish().await?;
    let wish = wish.unwrap_or_else(|| WebhookWish { manner: WebhookManner::default(), times: None });
    Ok(Json(WebhookBehavior { manner: wish.manner.as_str().to_owned(), times: wish.times }))
}
