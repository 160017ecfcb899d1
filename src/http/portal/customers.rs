//! The partner's customers, and what each of them has.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::{
    frame::{Frame, PortalError, Visit},
    pager::{PageWanted, Pager},
};
use crate::{
    app::{CustomerFilter, CustomerOrder, CustomerPosition},
    domain::{
        ids::TenantId,
        partner::Right,
        subscription::{Status, Subscription},
    },
    http::{
        page::page,
        words::{Moment, count},
    },
};

/// Customers, or subscriptions of one, on a page.
const ON_A_PAGE: usize = 25;

#[derive(Template)]
#[template(path = "portal/customers.html")]
struct CustomersPage {
    frame: Frame,
    search: String,
    customers: Vec<CustomerRow>,
    next: Option<String>,
    is_first: bool,
    may_make: bool,
}

struct CustomerRow {
    href: String,
    name: String,
    domain: String,
    country: String,
    has_agreed: bool,
}

/// Which customers.
#[derive(Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    search: String,
    after: Option<String>,
}

/// `GET /partner/customers`
pub(super) async fn list(visit: Visit, Query(query): Query<Search>) -> Result<Response, PortalError> {
    visit.needs(Right::SeeCustomers)?;
    let search = query.search.trim().to_owned();
    let filter =
        CustomerFilter { order: CustomerOrder::CompanyName, contains: search.clone(), ..CustomerFilter::default() };
    let after = query.after.as_deref().and_then(position);
    let found = visit.sandbox.customers_of(&visit.partner.id, &filter, after.as_ref(), ON_A_PAGE).await;
    let found = found.map_err(|error| visit.failed(&error))?;
    let rows = found.customers.iter().filter_map(|customer| {
        Some(CustomerRow {
            href: format!("/partner/customers/{}", customer.tenant_id()?),
            name: customer.name.clone(),
            domain: customer.domain.clone(),
            country: customer.address.country.clone(),
            has_agreed: customer.agreement.is_some(),
        })
    });
    let next = found.next.map(|(name, tenant)| {
        let after = URL_SAFE_NO_PAD.encode(format!("{tenant}{name}"));
        let search = url::form_urlencoded::byte_serialize(search.as_bytes()).collect::<String>();
        format!("/partner/customers?search={search}&after={after}")
    });
    let customers = rows.collect();
    let frame = visit.frame("customers", "Customers");
    let (is_first, may_make) = (after.is_none(), visit.may(Right::ManageCustomers));
    Ok(page(StatusCode::OK, &CustomersPage { frame, search, customers, next, is_first, may_make }))
}

fn position(text: &str) -> Option<CustomerPosition> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (tenant, name) = text.split_at_checked(36)?;
    Some((name.to_owned(), tenant.parse().ok()?))
}

#[derive(Template)]
#[template(path = "portal/subscriptions.html")]
struct SubscriptionsPage {
    frame: Frame,
    live: String,
    customer: CustomerHead,
    subscriptions: Vec<SubscriptionRow>,
    pager: Pager,
    may_buy: bool,
}

/// What pages about a customer have at the top.
pub(super) struct CustomerHead {
    pub(super) name: String,
    pub(super) root: String,
    /// Which of the customer's pages this is: `subscriptions`, `orders`, `account`, or none.
    pub(super) tab: &'static str,
}

impl CustomerHead {
    pub(super) fn of(name: &str, tenant: TenantId, tab: &'static str) -> Self {
        Self { name: name.to_owned(), root: format!("/partner/customers/{tenant}"), tab }
    }
}

struct SubscriptionRow {
    id: String,
    href: String,
    name: String,
    product: String,
    quantity: String,
    status: PortalStatus,
    /// The way to the publisher, while it is needed.
    link: Option<String>,
    renews: Option<String>,
}

/// How a subscription stands, in the portal's words (section 14 of what is known).
pub(super) struct PortalStatus {
    pub(super) words: &'static str,
    pub(super) tone: &'static str,
}

impl PortalStatus {
    pub(super) const fn of(status: Status) -> Self {
        let (words, tone) = match status {
            Status::PendingFulfillmentStart => ("Action needed", "warn"),
            Status::Subscribed => ("Active", "good"),
            Status::Suspended => ("Suspended", "bad"),
            Status::Unsubscribed => ("Canceled", ""),
        };
        Self { words, tone }
    }
}

/// `GET /partner/customers/{customer}`
pub(super) async fn subscriptions(
    visit: Visit,
    Path(customer): Path<String>,
    Query(wanted): Query<PageWanted>,
) -> Result<Response, PortalError> {
    let newest_entry = visit.sandbox.newest_entry();
    let (customer, tenant) = visit.customer(&customer).await?;
    let found = visit.sandbox.bought_for(&customer.id, wanted.part(), ON_A_PAGE).await;
    let found = found.map_err(|error| visit.failed(&error))?;
    let page_of = SubscriptionsPage {
        frame: visit.frame("customers", format!("{}: subscriptions", customer.name)),
        live: visit.live(newest_entry, None),
        customer: CustomerHead::of(&customer.name, tenant, "subscriptions"),
        subscriptions: found.items.iter().map(|one| SubscriptionRow::of(&visit, one, tenant)).collect(),
        pager: Pager::of(&format!("/partner/customers/{tenant}"), &found),
        may_buy: visit.may(Right::Buy),
    };
    Ok(page(StatusCode::OK, &page_of))
}

impl SubscriptionRow {
    fn of(visit: &Visit, subscription: &Subscription, tenant: TenantId) -> Self {
        let status = subscription.state.status();
        let offer = visit.sandbox.catalogue().offer(&subscription.offer);
        let offer = offer.map_or_else(|| subscription.offer.to_string(), |offer| offer.name.clone());
        let is_needed = status == Status::PendingFulfillmentStart;
        let ends = subscription.next_term_at().filter(|_| status == Status::Subscribed);
        Self {
            id: subscription.id.to_string(),
            href: format!("/partner/customers/{tenant}/subscriptions/{}", subscription.id),
            name: subscription.friendly_name().to_owned(),
            product: format!("{offer} - {}", subscription.plan_name),
            quantity: subscription
                .quantity
                .map_or_else(|| "Flat rate".to_owned(), |seats| count(u64::from(seats.get()), "license")),
            status: PortalStatus::of(status),
            link: is_needed.then(|| visit.faces.portal_link(&visit.sandbox, subscription)),
            renews: ends.map(|at| {
                format!("{} on {}", if subscription.auto_renew { "Renews" } else { "Ends" }, Moment::of(at).day())
            }),
        }
    }
}
