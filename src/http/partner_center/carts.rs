//! Carts: made, read, changed, checked out (sections 5.1 to 5.3: E17 to E20).

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{
    call::{Answer, Call, Needs, object},
    problem::Problem,
};
use crate::{
    domain::{cart::CartWish, ids::CartId, order::OrderClient, partner::Right, refusal::Refusal},
    http::faces::Faces,
    wire::partner_center::{Body, CartBody, CheckoutBody, OrderBody},
};

fn cart_id(text: &str) -> Result<CartId, Problem> {
    text.parse().map_err(|_| Refusal::UnknownCart(text.to_owned()).into())
}

/// `POST .../carts`
pub(super) async fn create(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::right(Right::Buy), |at| async move {
        let (customer, tenant) = at.customer(&customer).await?;
        let value = at.call.json()?;
        let wishes = wishes(object(&value)?)?;
        let cart = at.sandbox.create_cart(customer.id, wishes, at.call.request_id()).await?;
        Ok(Answer::with(StatusCode::CREATED, &CartBody::of(&cart, tenant, at.actor())))
    })
    .await
}

/// `GET .../carts/{cart}`
pub(super) async fn get(
    State(_): State<Arc<Faces>>,
    Path((customer, cart)): Path<(String, String)>,
    call: Call,
) -> Response {
    call.answer(Needs::right(Right::Buy), |at| async move {
        let (customer, tenant) = at.customer(&customer).await?;
        let cart = at.sandbox.cart(&customer.id, cart_id(&cart)?).await?;
        Ok(Answer::ok(&CartBody::of(&cart, tenant, at.actor())))
    })
    .await
}

/// `PUT .../carts/{cart}`: its documented success is 201 (docs:update-a-cart).
pub(super) async fn update(
    State(_): State<Arc<Faces>>,
    Path((customer, cart)): Path<(String, String)>,
    call: Call,
) -> Response {
    call.answer(Needs::right(Right::Buy), |at| async move {
        let (customer, tenant) = at.customer(&customer).await?;
        let value = at.call.json()?;
        let wishes = wishes(object(&value)?)?;
        let cart = at.sandbox.update_cart(customer.id, cart_id(&cart)?, wishes).await?;
        Ok(Answer::with(StatusCode::CREATED, &CartBody::of(&cart, tenant, at.actor())))
    })
    .await
}

/// `POST .../carts/{cart}/checkout`
pub(super) async fn check_out(
    State(_): State<Arc<Faces>>,
    Path((customer, cart)): Path<(String, String)>,
    call: Call,
) -> Response {
    call.answer(Needs::right(Right::Buy), |at| async move {
        let (customer, tenant) = at.customer(&customer).await?;
        let (cart, request) = (cart_id(&cart)?, at.call.request_id());
        let placed = at.acts().check_out(customer.id.clone(), cart, OrderClient::Api, request).await;
        let placed = placed.map_err(|error| at.named(error, &customer, None))?;
        let catalogue = at.sandbox.catalogue();
        // At checkout an order is pending, whatever has become of it since (section 5.3).
        let orders = placed.orders.iter();
        let orders = orders.map(|order| OrderBody::of(order, catalogue, tenant, at.now(), None).as_placed()).collect();
        Ok(Answer::with(StatusCode::CREATED, &CheckoutBody::of(orders)))
    })
    .await
}

/// The lines of a cart as it was written.
fn wishes(body: Body<'_>) -> Result<Vec<CartWish>, Problem> {
    let lines = body.objects("lineItems")?;
    if lines.is_empty() {
        return Err(Problem::Field("lineItems is required".to_owned()));
    }
    lines.into_iter().map(wish).collect()
}

fn wish(line: Body<'_>) -> Result<CartWish, Problem> {
    let item = match line.text("catalogItemId")? {
        Some(item) => item,
        None => line.required("catalogId")?,
    };
    let renews_to = line.objects("renewsTo")?;
    let renews_to = renews_to.first().map(|to| to.text("termDuration")).transpose()?.flatten();
    let mut reseller = None;
    for participant in line.objects("participants")? {
        if participant.text("key")?.is_some_and(|key| key.eq_ignore_ascii_case("transaction_reseller")) {
            reseller = participant.text("value")?;
        }
    }
    let id = match line.number("id")? {
        None => None,
        Some(id) => Some(u32::try_from(id).map_err(|_| Problem::Field("id is not a whole number from 0".to_owned()))?),
    };
    Ok(CartWish {
        id,
        catalog_item_id: item,
        friendly_name: line.text("friendlyName")?,
        quantity: line.number("quantity")?.ok_or_else(|| Problem::Field("quantity is required".to_owned()))?,
        billing_cycle: line.text("billingCycle")?,
        term_duration: line.text("termDuration")?,
        renews_to,
        reseller,
    })
}
