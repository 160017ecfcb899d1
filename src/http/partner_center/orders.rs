//! Orders, and the activation links of their lines (sections 5.4 and 6: E21 to E27).

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{
    call::{Answer, At, Call, Needs, object},
    problem::Problem,
};
use crate::{
    domain::{
        cart::CartWish,
        customer::Customer,
        money::Decimal,
        order::{Order, OrderId},
        partner::Right,
        product::BillingCycle,
        refusal::Refusal,
        rules::SandboxLink,
        subscription::{Status, Subscription},
    },
    http::faces::Faces,
    wire::partner_center::{ActivationLinkBody, Body, Collection, Link, OrderBody, ProvisioningBody},
};

fn order_id(text: &str) -> Result<OrderId, Problem> {
    text.parse().map_err(|_| Refusal::UnknownOrder(text.to_owned()).into())
}

/// `POST .../orders`
pub(super) async fn create(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::right(Right::Buy), |at| async move {
        let (customer, tenant) = at.customer(&customer).await?;
        let value = at.call.json()?;
        let body = object(&value)?;
        let cycle = body.text("billingCycle")?;
        let wishes = wishes(body, cycle.as_deref())?;
        let placed = at.acts().place_order(customer.id.clone(), wishes, at.call.request_id()).await;
        let order = placed.map_err(|error| at.named(error, &customer, None))?;
        let placed = OrderBody::of(&order, at.sandbox.catalogue(), tenant, at.now(), None).as_placed();
        Ok(Answer::with(StatusCode::CREATED, &placed))
    })
    .await
}

fn wishes(body: Body<'_>, cycle: Option<&str>) -> Result<Vec<CartWish>, Problem> {
    let lines = body.objects("lineItems")?;
    if lines.is_empty() {
        return Err(Problem::Field("lineItems is required".to_owned()));
    }
    let wish = |line: Body<'_>| {
        let renews_to = line.objects("renewsTo")?;
        Ok(CartWish {
            id: None,
            catalog_item_id: line.required("offerId")?,
            friendly_name: line.text("friendlyName")?,
            quantity: line.number("quantity")?.ok_or_else(|| Problem::Field("quantity is required".to_owned()))?,
            billing_cycle: cycle.map(str::to_owned),
            term_duration: line.text("termDuration")?,
            renews_to: renews_to.first().map(|to| to.text("termDuration")).transpose()?.flatten(),
            reseller: line.text("partnerIdOnRecord")?,
        })
    };
    lines.into_iter().map(wish).collect()
}

/// `GET .../orders`
pub(super) async fn list(State(_): State<Arc<Faces>>, Path(customer): Path<String>, call: Call) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let (customer, tenant) = at.customer(&customer).await?;
        let cycle = match at.call.parameter("billingType") {
            None => None,
            Some(text) => Some(BillingCycle::named(text).ok_or(Problem::Parameter("billingType"))?),
        };
        let mut orders = at.sandbox.orders_of(&customer.id).await?;
        let now = at.now();
        orders.retain(|order| order.listed <= now && cycle.is_none_or(|cycle| order.billing_cycle == cycle));
        let mut items = Vec::with_capacity(orders.len());
        for order in &orders {
            let price = price(&at, order);
            items.push(OrderBody::of(order, at.sandbox.catalogue(), tenant, now, price));
        }
        Ok(Answer::ok(&Collection::at(at.call.link(), items)))
    })
    .await
}

/// `totalPrice`, where `include_price=true` asks for it: before tax.
fn price(at: &At, order: &Order) -> Option<Decimal> {
    let is_wanted = at.call.parameter("include_price").is_some_and(|wanted| wanted.eq_ignore_ascii_case("true"));
    if !is_wanted {
        return None;
    }
    let catalogue = at.sandbox.catalogue();
    let amounts = order.lines.iter().filter_map(|line| {
        let plan = catalogue.offer(&line.offer)?.plan(&line.plan)?;
        let price = plan.term(&line.term_unit)?.price;
        if plan.free_trial { None } else { price.times(line.quantity).map(|total| total.amount) }
    });
    Some(amounts.fold(Decimal::ZERO, |sum, amount| sum.saturating_add(amount)))
}

/// `GET .../orders/{order}`
pub(super) async fn get(
    State(_): State<Arc<Faces>>,
    Path((customer, order)): Path<(String, String)>,
    call: Call,
) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let (customer, tenant) = at.customer(&customer).await?;
        let order = at.sandbox.order(&customer.id, order_id(&order)?).await?;
        let price = price(&at, &order);
        Ok(Answer::ok(&OrderBody::of(&order, at.sandbox.catalogue(), tenant, at.now(), price)))
    })
    .await
}

/// `PATCH .../orders/{order}`: cancels in an integration sandbox, but not seat-based SaaS, which is all that there is here
/// (docs:cancel-an-order-from-the-integration-sandbox, docs:error-codes).
pub(super) async fn cancel(
    State(_): State<Arc<Faces>>,
    Path((customer, order)): Path<(String, String)>,
    call: Call,
) -> Response {
    call.answer(Needs::right(Right::ManageSubscriptions), |at| async move {
        let (customer, _) = at.customer(&customer).await?;
        at.sandbox.order(&customer.id, order_id(&order)?).await?;
        let value = at.call.json()?;
        match object(&value)?.text("status")? {
            Some(status) if status.eq_ignore_ascii_case("cancelled") => {}
            Some(_) | None => return Err(Problem::Field("status is not cancelled".to_owned())),
        }
        Err(if at.is_sandbox() { Problem::CancelBySubscription } else { Problem::NotInProduction })
    })
    .await
}

/// `GET .../orders/{order}/provisioningstatus`
pub(super) async fn provisioning(
    State(_): State<Arc<Faces>>,
    Path((customer, order)): Path<(String, String)>,
    call: Call,
) -> Response {
    call.answer(Needs::person(Right::ManageSubscriptions), |at| async move {
        let (customer, _) = at.customer(&customer).await?;
        let order = at.sandbox.order(&customer.id, order_id(&order)?).await?;
        Ok(Answer::ok(&Collection::bare(ProvisioningBody::of(&order, at.now()))))
    })
    .await
}

/// `GET .../orders/{order}/activationlinks`
pub(super) async fn activation_links(
    State(_): State<Arc<Faces>>,
    Path((customer, order)): Path<(String, String)>,
    call: Call,
) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let (customer, _) = at.customer(&customer).await?;
        let order = at.sandbox.order(&customer.id, order_id(&order)?).await?;
        let mut items = Vec::new();
        for (number, line) in (0..).zip(&order.lines) {
            let subscription = at.sandbox.subscription(line.subscription).await?;
            items.extend(activation_link(&at, &customer, &subscription, number).await?);
        }
        Ok(Answer::ok(&Collection::at(at.call.link(), items)))
    })
    .await
}

/// `GET .../orders/{order}/lineitems/{line}/activationlinks`
pub(super) async fn activation_links_of_line(
    State(_): State<Arc<Faces>>,
    Path((customer, order, line)): Path<(String, String, String)>,
    call: Call,
) -> Response {
    call.answer(Needs::right(Right::SeeCustomers), |at| async move {
        let (customer, _) = at.customer(&customer).await?;
        let order = at.sandbox.order(&customer.id, order_id(&order)?).await?;
        let number: u32 = line.parse().map_err(|_| Problem::UnknownLine)?;
        let line = usize::try_from(number).ok().and_then(|number| order.lines.get(number));
        let line = line.ok_or(Problem::UnknownLine)?;
        let subscription = at.sandbox.subscription(line.subscription).await?;
        let items = activation_link(&at, &customer, &subscription, number).await?;
        let links = Collection::at(at.call.link(), items.into_iter().collect());
        Ok(Answer::ok(&links).about(line.subscription))
    })
    .await
}

/// The dummy of an integration sandbox: its real value is documented nowhere (section 6.4).
const DUMMY_LINK: &str = "https://www.microsoft.com/dummy-activation-link";

/// The activation link of a subscription, with a fresh code if the last one has expired. None once it is over; and once
/// it is active, unless the sandbox's rule keeps it.
pub(super) async fn activation_link(
    at: &At,
    _customer: &Customer,
    subscription: &Subscription,
    line_item_number: u32,
) -> Result<Option<ActivationLinkBody>, Problem> {
    let is_offered = match subscription.state.status() {
        Status::PendingFulfillmentStart => true,
        Status::Subscribed | Status::Suspended => {
            at.rules().activation_link == crate::domain::rules::ActivationLink::Always
        }
        Status::Unsubscribed => false,
    };
    if !is_offered {
        return Ok(None);
    }
    let uri = if at.is_sandbox() && at.rules().sandbox_link == SandboxLink::Dummy {
        DUMMY_LINK.to_owned()
    } else if subscription.code.expires_at <= at.now() {
        at.personalized_link(&at.sandbox.issue_link(subscription.id).await?)
    } else {
        at.personalized_link(subscription)
    };
    Ok(Some(ActivationLinkBody { line_item_number, link: Link::get(uri) }))
}
