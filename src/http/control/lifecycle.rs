//! What happens to an active subscription: its renewal, and its payments.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};

use super::{
    problem::{ControlError, Input, sandbox_named},
    subscriptions::{link_view, subscription_id},
};
use crate::{
    app::{RenewalWish, Sandbox},
    http::faces::Faces,
    wire::control::{ActivationRequest, OperationView, Problem, RenewalRequest, SubscriptionView},
};

/// Says what shall happen when the term ends: whether it renews itself, and whether the payment fails.
#[utoipa::path(
    put, path = "/sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/renewal", tag = "life cycle",
    params(("sandbox" = String, Path), ("subscription" = String, Path)), request_body = RenewalRequest,
    responses(
        (status = 200, body = SubscriptionView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(super) async fn set_renewal(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, subscription)): Path<(String, String)>,
    Input(input): Input<RenewalRequest>,
) -> Result<Json<SubscriptionView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let wish =
        RenewalWish { auto_renew: input.auto_renew, payment_fails: input.payment_fails, ..RenewalWish::default() };
    set(&faces, &sandbox, &subscription, wish).await
}

/// Says how the activation goes: whether it fails on Microsoft's side, after the publisher has been told that it works.
#[utoipa::path(
    put, path = "/sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/activation", tag = "life cycle",
    params(("sandbox" = String, Path), ("subscription" = String, Path)), request_body = ActivationRequest,
    responses(
        (status = 200, body = SubscriptionView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(super) async fn set_activation(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, subscription)): Path<(String, String)>,
    Input(input): Input<ActivationRequest>,
) -> Result<Json<SubscriptionView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let wish = RenewalWish { activation_fails: Some(input.fails), ..RenewalWish::default() };
    set(&faces, &sandbox, &subscription, wish).await
}

async fn set(
    faces: &Faces,
    sandbox: &Sandbox,
    subscription: &str,
    wish: RenewalWish,
) -> Result<Json<SubscriptionView>, ControlError> {
    let subscription = sandbox.set_renewal(subscription_id(subscription)?, wish).await?;
    let ledger = sandbox.ledger(subscription.id).await?;
    let link = link_view(faces, sandbox, &subscription);
    Ok(Json(SubscriptionView::of(&subscription, &ledger, link)))
}

/// A payment fails now: the subscription is suspended, and the publisher is told.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/suspension", tag = "life cycle",
    params(("sandbox" = String, Path), ("subscription" = String, Path)),
    responses((status = 200, body = OperationView), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn suspend(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, subscription)): Path<(String, String)>,
) -> Result<Json<OperationView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let operation = sandbox.suspend(subscription_id(&subscription)?).await?;
    Ok(Json(OperationView::from(&operation)))
}

/// A suspended subscription is paid for: it comes back, and the publisher is told.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/reinstatement", tag = "life cycle",
    params(("sandbox" = String, Path), ("subscription" = String, Path)),
    responses((status = 200, body = OperationView), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn reinstate(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, subscription)): Path<(String, String)>,
) -> Result<Json<OperationView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let operation = sandbox.reinstate(subscription_id(&subscription)?).await?;
    Ok(Json(OperationView::from(&operation)))
}
