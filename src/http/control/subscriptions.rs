//! Purchases and subscriptions.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderName, StatusCode, header},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::{ControlError, Input, Params, sandbox_named};
use crate::{
    app::{ListPlace, Sandbox},
    domain::{
        catalogue::Seats,
        ids::SubscriptionId,
        subscription::{Buyer, PurchaseOrder, Subscription},
        time::TermUnit,
    },
    http::faces::Faces,
    wire::control::{LinkView, Problem, PurchaseRequest, SubscriptionPage, SubscriptionSummary, SubscriptionView},
};

/// Subscriptions on a page, unless asked for fewer or more.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 500;

/// Buys a plan for a customer. The answer holds the personalized link and the authorization code; nothing is billed yet.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/purchases", tag = "subscriptions", params(("sandbox" = String, Path)),
    request_body = PurchaseRequest,
    responses(
        (status = 201, body = SubscriptionView, headers(("Location" = String))),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)
    )
)]
pub(super) async fn purchase(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    Input(input): Input<PurchaseRequest>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<SubscriptionView>), ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let subscription = sandbox.purchase(order(input)?).await?;
    let location = format!("/sim/v1/sandboxes/{}/subscriptions/{}", sandbox.id(), subscription.id);
    // A new subscription has no ledger yet, unless it was activated by itself.
    let ledger = if subscription.ledger_lines == 0 { Vec::new() } else { sandbox.ledger(subscription.id).await? };
    let view = SubscriptionView::of(&subscription, &ledger, link_view(&faces, &sandbox, &subscription));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view)))
}

fn order(input: PurchaseRequest) -> Result<PurchaseOrder, ControlError> {
    let quantity = input.quantity.map(Seats::try_from).transpose().map_err(|detail| ControlError::BadInput {
        detail: detail.to_owned(),
        field: Some("quantity"),
        hint: "Ask for at least one seat, or leave the quantity out on a flat-rate plan.",
    })?;
    let buyer = match (input.partner, input.direct) {
        (None, false) => Buyer::OwnPartner,
        (Some(id), false) => Buyer::Partner(id.parse().map_err(|error| ControlError::id(&error, "partner"))?),
        (None, true) => Buyer::Customer,
        (Some(_), true) => {
            return Err(ControlError::BadInput {
                detail: "a direct purchase has no partner".to_owned(),
                field: Some("direct"),
                hint: "Leave out either 'partner' or 'direct'.",
            });
        }
    };
    Ok(PurchaseOrder {
        buyer,
        customer: input.customer.parse().map_err(|error| ControlError::id(&error, "customer"))?,
        offer: input.offer.parse().map_err(|error| ControlError::id(&error, "offer"))?,
        plan: input.plan.parse().map_err(|error| ControlError::id(&error, "plan"))?,
        term_unit: input.term_unit.map(TermUnit::from),
        quantity,
        name: input.name.filter(|name| !name.trim().is_empty()),
        reseller: None,
    })
}

/// Where a list goes on, and how long its pages are.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Where the list goes on, as the page before said it.
    after: Option<String>,
    /// Subscriptions on a page: 1 to 500, 50 if left out.
    limit: Option<usize>,
}

/// All subscriptions, newest first.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/subscriptions", tag = "subscriptions",
    params(("sandbox" = String, Path), ListQuery),
    responses((status = 200, body = SubscriptionPage), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn list(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    Params(query): Params<ListQuery>,
) -> Result<Json<SubscriptionPage>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let after = query.after.as_deref().map(read_position).transpose()?;
    let page = sandbox.newest_subscriptions(after, limit).await?;
    Ok(Json(SubscriptionPage {
        subscriptions: page.subscriptions.iter().map(|known| SubscriptionSummary::from(&***known)).collect(),
        next: page.next.map(|place| format!("after={place}&limit={limit}")),
    }))
}

fn read_position(text: &str) -> Result<ListPlace, ControlError> {
    text.parse().map_err(|_| ControlError::BadInput {
        detail: format!("{text:?} is not a position in the list"),
        field: Some("after"),
        hint: "Take 'next' of the page before as it is.",
    })
}

/// A subscription, whole: status, link and code, both confirmations, what billing waits for, the ledger.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}", tag = "subscriptions",
    params(("sandbox" = String, Path), ("subscription" = String, Path)),
    responses((status = 200, body = SubscriptionView), (status = 404, body = Problem))
)]
pub(super) async fn get(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, subscription)): Path<(String, String)>,
) -> Result<Json<SubscriptionView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let subscription = sandbox.subscription(subscription_id(&subscription)?).await?;
    let ledger = sandbox.ledger(subscription.id).await?;
    let link = link_view(&faces, &sandbox, &subscription);
    Ok(Json(SubscriptionView::of(&subscription, &ledger, link)))
}

/// Makes a fresh personalized link; the codes before it go on resolving until they expire.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/links", tag = "subscriptions",
    params(("sandbox" = String, Path), ("subscription" = String, Path)),
    responses((status = 201, body = LinkView), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn issue_link(
    State(faces): State<Arc<Faces>>,
    Path((sandbox, subscription)): Path<(String, String)>,
) -> Result<(StatusCode, Json<LinkView>), ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let subscription = sandbox.issue_link(subscription_id(&subscription)?).await?;
    Ok((StatusCode::CREATED, Json(link_view(&faces, &sandbox, &subscription))))
}

pub(super) fn subscription_id(text: &str) -> Result<SubscriptionId, ControlError> {
    text.parse().map_err(|error| ControlError::id(&error, "subscription"))
}

/// Link and code of a subscription.
pub(in crate::http) fn link_view(faces: &Faces, sandbox: &Sandbox, subscription: &Subscription) -> LinkView {
    LinkView::of(subscription, faces.personalized_link(sandbox, subscription), sandbox.now())
}
