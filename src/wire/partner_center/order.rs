//! Orders, activation links and provisioning (sections 5.3, 5.4 and 6).

use serde::Serialize;

use super::{Attributes, Link, instant};
use crate::{
    domain::{
        catalogue::{Catalogue, Offer, Plan},
        ids::TenantId,
        money::Decimal,
        order::{Order, OrderLine, OrderStatus},
        partner::MpnId,
        product::{BillingCycle, CatalogItemId},
        time::{TermUnit, Timestamp},
    },
    wire::double::Amount,
};

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderBody<'a> {
    id: String,
    alternate_id: String,
    reference_customer_id: String,
    billing_cycle: &'static str,
    currency_code: &'static str,
    currency_symbol: String,
    line_items: Vec<LineBody<'a>>,
    creation_date: String,
    status: &'static str,
    transaction_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_price: Option<Amount>,
    links: OrderLinks,
    client: ClientBody<'a>,
    attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct LineBody<'a> {
    line_item_number: usize,
    offer_id: String,
    subscription_id: String,
    term_duration: &'a str,
    /// Of a trial (sdk:OrderLineItem).
    #[serde(skip_serializing_if = "Option::is_none")]
    renews_to: Option<RenewsTo<'a>>,
    transaction_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    friendly_name: Option<&'a str>,
    quantity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_id_on_record: Option<&'a str>,
    links: LineLinks,
}

/// The term that a trial turns into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RenewsTo<'a> {
    pub(super) term_duration: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct LineLinks {
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<Link>,
    product: Link,
    sku: Link,
    availability: Link,
    activation_links: Link,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderLinks {
    #[serde(rename = "self")]
    own: Link,
    provisioning_status: Link,
    patch_operation: Link,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientBody<'a> {
    marketplace_country: &'a str,
    device_family: &'static str,
    name: &'static str,
}

impl<'a> OrderBody<'a> {
    /// An order for a customer, as it stands. `total_price` where it was asked for.
    #[must_use]
    pub fn of(
        order: &'a Order,
        catalogue: &'a Catalogue,
        customer: TenantId,
        now: Timestamp,
        total_price: Option<Decimal>,
    ) -> Self {
        let own = format!("/customers/{customer}/orders/{}", order.id);
        let is_complete = order.status(now) == OrderStatus::Completed;
        let sold = |line: &OrderLine| {
            let offer = catalogue.offer(&line.offer)?;
            Some((offer, offer.plan(&line.plan)?))
        };
        let lines = order.lines.iter().enumerate();
        let lines = lines.filter_map(|(number, line)| {
            Some(LineBody::of(line, number, sold(line)?, (customer, &own), order, is_complete))
        });
        let country = order.lines.first().and_then(sold).map_or("US", |(_, plan)| plan.market.as_str());
        Self {
            id: order.id.to_string(),
            alternate_id: order.id.to_string(),
            reference_customer_id: customer.to_string(),
            billing_cycle: order.billing_cycle.as_str(),
            currency_code: order.currency.code(),
            currency_symbol: order.currency.symbol().to_string(),
            line_items: lines.collect(),
            creation_date: instant(order.created),
            status: order.status(now).as_str(),
            transaction_type: "UserPurchase",
            total_price: total_price.map(Amount),
            links: OrderLinks {
                provisioning_status: Link::get(format!("{own}/provisioningstatus")),
                patch_operation: Link { method: "PATCH", ..Link::get(own.clone()) },
                own: Link::get(own),
            },
            client: ClientBody {
                marketplace_country: country,
                device_family: "UniversalStore-PartnerCenter",
                name: order.client.as_str(),
            },
            attributes: Attributes::of("Order"),
        }
    }
}

impl OrderBody<'_> {
    /// The order as it is answered when it is placed: pending (docs:checkout-a-cart).
    #[must_use]
    pub fn as_placed(self) -> Self {
        Self { status: OrderStatus::Pending.as_str(), ..self }
    }
}

/// Where a plan is looked at in the catalogue: product, SKU and availability.
pub(super) fn item_links(offer: &Offer, plan: &Plan) -> [Link; 3] {
    let CatalogItemId { product, sku, availability } = CatalogItemId::of(offer, plan);
    let country = &plan.market;
    [
        Link::get(format!("/products/{product}?country={country}")),
        Link::get(format!("/products/{product}/skus/{sku}?country={country}")),
        Link::get(format!("/products/{product}/skus/{sku}/availabilities/{availability}?country={country}")),
    ]
}

impl<'a> LineBody<'a> {
    fn of(
        line: &'a OrderLine,
        number: usize,
        (offer, plan): (&Offer, &Plan),
        (customer, own): (TenantId, &str),
        order: &Order,
        is_complete: bool,
    ) -> Self {
        let is_trial = order.billing_cycle == BillingCycle::None;
        let [product, sku, availability] = item_links(offer, plan);
        let subscription = format!("/customers/{customer}/subscriptions/{}", line.subscription);
        Self {
            line_item_number: number,
            offer_id: CatalogItemId::of(offer, plan).to_string(),
            subscription_id: line.subscription.to_string(),
            term_duration: if is_trial { &TermUnit::P1M } else { &line.term_unit }.as_str(),
            renews_to: is_trial.then(|| RenewsTo { term_duration: line.term_unit.as_str() }),
            transaction_type: "New",
            friendly_name: line.friendly_name.as_deref(),
            quantity: line.quantity,
            partner_id_on_record: line.reseller.as_ref().map(MpnId::as_str),
            links: LineLinks {
                subscription: is_complete.then(|| Link::get(subscription)),
                product,
                sku,
                availability,
                activation_links: Link::get(format!("{own}/lineitems/{number}/activationlinks")),
            },
        }
    }
}

/// What a cart has become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckoutBody<'a> {
    orders: Vec<OrderBody<'a>>,
    order_errors: [(); 0],
    attributes: Attributes,
}

impl<'a> CheckoutBody<'a> {
    /// The orders of a cart.
    #[must_use]
    pub const fn of(orders: Vec<OrderBody<'a>>) -> Self {
        Self { orders, order_errors: [], attributes: Attributes::of("CartCheckoutResult") }
    }
}

/// An activation link: exactly two fields (sdk:OrderLineItemActivationLink).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivationLinkBody {
    /// The line of the order.
    pub line_item_number: u32,
    /// The personalized link.
    pub link: Link,
}

/// How a line of an order stands (docs23:get-order-provisioning-status).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisioningBody {
    order_line_item_id: usize,
    line_item_number: usize,
    status: &'static str,
    quantity_provisioning_information: [QuantityProvisioned; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct QuantityProvisioned {
    quantity: u32,
    status: &'static str,
}

impl ProvisioningBody {
    /// The lines of an order.
    #[must_use]
    pub fn of(order: &Order, now: Timestamp) -> Vec<Self> {
        let status = match order.status(now) {
            OrderStatus::Completed => "fulfilled",
            OrderStatus::Pending => "prefulfillment_pending",
        };
        let lines = order.lines.iter().enumerate();
        let line = |(number, line): (usize, &OrderLine)| Self {
            order_line_item_id: number,
            line_item_number: number,
            status,
            quantity_provisioning_information: [QuantityProvisioned { quantity: line.quantity, status }],
        };
        lines.map(line).collect()
    }
}
