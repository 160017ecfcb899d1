//! Orders, and the confirmation of one: the personalized link and the authorization code of each line.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};

use super::{
    customers::{CustomerHead, PortalStatus},
    frame::{Frame, PortalError, Visit},
    pager::{PageWanted, Pager},
};
use crate::{
    domain::{
        order::{Order, OrderId},
        subscription::Status,
    },
    http::{page::page, words::Moment},
};

/// Orders on a page.
const ON_A_PAGE: usize = 25;

#[derive(Template)]
#[template(path = "portal/orders.html")]
struct OrdersPage {
    frame: Frame,
    customer: CustomerHead,
    orders: Vec<OrderRow>,
    pager: Pager,
}

struct OrderRow {
    id: String,
    href: String,
    created: Moment,
    status: &'static str,
    lines: Vec<String>,
    client: &'static str,
}

/// `GET .../orders`
pub(super) async fn list(
    visit: Visit,
    Path(customer): Path<String>,
    Query(wanted): Query<PageWanted>,
) -> Result<Response, PortalError> {
    let (customer, tenant) = visit.customer(&customer).await?;
    let found = visit.sandbox.listed_orders(&customer.id, wanted.part(), ON_A_PAGE).await;
    let found = found.map_err(|error| visit.failed(&error))?;
    let now = visit.sandbox.now();
    let row = |order: &Order| OrderRow {
        id: order.id.to_string(),
        href: format!("/partner/customers/{tenant}/orders/{}", order.id),
        created: Moment::of(order.created),
        status: order.status(now).as_str(),
        lines: order
            .lines
            .iter()
            .map(|line| format!("{} × {}", line.quantity, line.friendly_name.as_deref().unwrap_or(line.plan.as_str())))
            .collect(),
        client: order.client.as_str(),
    };
    let page_of = OrdersPage {
        frame: visit.frame("customers", format!("{}: orders", customer.name)),
        customer: CustomerHead::of(&customer.name, tenant, "orders"),
        orders: found.items.iter().map(row).collect(),
        pager: Pager::of(&format!("/partner/customers/{tenant}/orders"), &found),
    };
    Ok(page(StatusCode::OK, &page_of))
}

#[derive(Template)]
#[template(path = "portal/confirmation.html")]
struct ConfirmationPage {
    frame: Frame,
    customer: CustomerHead,
    order: String,
    created: Moment,
    lines: Vec<ConfirmedLine>,
}

struct ConfirmedLine {
    number: usize,
    name: String,
    product: String,
    publisher: String,
    href: String,
    status: PortalStatus,
    /// The personalized link and its code, while they are needed.
    link: Option<(String, String)>,
    expires: Moment,
}

/// `GET .../orders/{order}`
pub(super) async fn confirmation(
    visit: Visit,
    Path((customer, order)): Path<(String, String)>,
) -> Result<Response, PortalError> {
    let (customer, tenant) = visit.customer(&customer).await?;
    let id: Option<OrderId> = order.parse().ok();
    let id = id.ok_or_else(|| visit.not_found("There is no such order.", "Look at the customer's orders."))?;
    let order = visit.sandbox.order(&customer.id, id).await.map_err(|error| visit.failed(&error))?;
    let subscriptions = visit.sandbox.subscriptions_in(&order).await.map_err(|error| visit.failed(&error))?;
    let mut lines = Vec::with_capacity(order.lines.len());
    for (number, (line, subscription)) in order.lines.iter().zip(subscriptions).enumerate() {
        let catalogue = visit.sandbox.catalogue();
        let offer = catalogue.offer(&line.offer).map_or_else(|| line.offer.to_string(), |offer| offer.name.clone());
        let publisher = catalogue.publisher(&subscription.publisher).map_or_else(String::new, |it| it.name.clone());
        let status = subscription.state.status();
        let link = (status == Status::PendingFulfillmentStart)
            .then(|| (visit.faces.portal_link(&visit.sandbox, &subscription), subscription.code.text.clone()));
        lines.push(ConfirmedLine {
            number,
            name: subscription.friendly_name().to_owned(),
            product: format!("{offer} - {}", subscription.plan_name),
            publisher,
            href: format!("/partner/customers/{tenant}/subscriptions/{}", subscription.id),
            status: PortalStatus::of(status),
            link,
            expires: Moment::of(subscription.code.expires_at),
        });
    }
    let page_of = ConfirmationPage {
        frame: visit.frame("customers", "Order confirmed"),
        customer: CustomerHead::of(&customer.name, tenant, ""),
        order: order.id.to_string(),
        created: Moment::of(order.created),
        lines,
    };
    Ok(page(StatusCode::OK, &page_of))
}
