//! Products, SKUs and availabilities (section 4).

use serde::Serialize;

use super::{Link, PageLinks};
use crate::domain::{
    cancellation_window::CancellationWindow,
    catalogue::{Offer, Plan, Pricing, Seats, TermPrice},
    customer::Customer,
    product::{BillingCycle, CatalogItemId, availability_id, product_id, sku_id},
    rules::RefundWindow,
    time::TermUnit,
};

/// No limit on seats (section 4.3).
const NO_LIMIT: u32 = 999_999_999;

/// A product: an offer. It has no `attributes` (section 1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductBody<'a> {
    id: String,
    title: &'a str,
    description: &'a str,
    product_type: ItemType,
    is_microsoft_product: bool,
    publisher_name: &'a str,
    links: ProductLinks,
}

/// By which a marketplace SaaS product is known (docs:create-subscription-azure-marketplace-products).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemType {
    id: &'static str,
    display_name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_type: Option<SubType>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct SubType {
    id: &'static str,
    display_name: &'static str,
}

impl ItemType {
    pub(super) const SAAS: Self =
        Self { id: "Azure", display_name: "Azure", sub_type: Some(SubType { id: "SaaS", display_name: "SaaS" }) };
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ProductLinks {
    skus: Link,
    #[serde(rename = "self")]
    own: Link,
}

/// Where products are looked at: for a country, or for a customer.
fn root(customer: Option<&Customer>) -> String {
    let tenant = customer.and_then(Customer::tenant_id);
    tenant.map_or_else(String::new, |tenant| format!("/customers/{tenant}"))
}

/// The query that a link needs: the market, unless the customer says it.
fn market(country: &str, customer: Option<&Customer>) -> String {
    if customer.is_some() { String::new() } else { format!("?country={country}") }
}

impl<'a> ProductBody<'a> {
    /// A product, for a country or a customer.
    #[must_use]
    pub fn of(offer: &'a Offer, publisher_name: &'a str, country: &str, customer: Option<&Customer>) -> Self {
        let id = product_id(offer);
        let (root, market) = (root(customer), market(country, customer));
        Self {
            title: &offer.name,
            description: &offer.description,
            product_type: ItemType::SAAS,
            is_microsoft_product: false,
            publisher_name,
            links: ProductLinks {
                skus: Link::get(format!("{root}/products/{id}/skus{market}")),
                own: Link::get(format!("{root}/products/{id}{market}")),
            },
            id,
        }
    }
}

/// A SKU: a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SkuBody<'a> {
    id: String,
    product_id: String,
    title: String,
    description: &'a str,
    minimum_quantity: u32,
    maximum_quantity: u32,
    is_trial: bool,
    supported_billing_cycles: Vec<&'static str>,
    purchase_prerequisites: [&'static str; 1],
    inventory_variables: [(); 0],
    provisioning_variables: [(); 0],
    dynamic_attributes: DynamicAttributes,
    links: SkuLinks,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct DynamicAttributes {
    is_microsoft_product: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct SkuLinks {
    availabilities: Link,
    #[serde(rename = "self")]
    own: Link,
}

impl<'a> SkuBody<'a> {
    /// A SKU, for a country or a customer.
    #[must_use]
    pub fn of(offer: &'a Offer, plan: &'a Plan, country: &str, customer: Option<&Customer>) -> Self {
        let (product, id) = (product_id(offer), sku_id(offer, plan));
        let (root, market) = (root(customer), market(country, customer));
        let (minimum_quantity, maximum_quantity) = match plan.pricing {
            Pricing::FlatRate => (1, 1),
            Pricing::PerUser { min, max } => (min.map_or(1, Seats::get), max.map_or(NO_LIMIT, Seats::get)),
        };
        let mut cycles = Vec::new();
        for term in &plan.terms {
            let cycle = BillingCycle::of(plan, term).as_str();
            if !cycles.contains(&cycle) {
                cycles.push(cycle);
            }
        }
        let own = format!("{root}/products/{product}/skus/{id}");
        Self {
            title: format!("{} - {}", offer.name, plan.name),
            description: &plan.description,
            minimum_quantity,
            maximum_quantity,
            is_trial: plan.free_trial,
            supported_billing_cycles: cycles,
            purchase_prerequisites: ["MicrosoftCustomerAgreement"],
            inventory_variables: [],
            provisioning_variables: [],
            dynamic_attributes: DynamicAttributes { is_microsoft_product: false },
            links: SkuLinks {
                availabilities: Link::get(format!("{own}/availabilities{market}")),
                own: Link::get(format!("{own}{market}")),
            },
            product_id: product,
            id,
        }
    }
}

/// An availability: a plan in a market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AvailabilityBody<'a> {
    id: String,
    product_id: String,
    sku_id: String,
    catalog_item_id: String,
    default_currency: CurrencyBody,
    segment: &'static str,
    country: &'a str,
    is_purchasable: bool,
    is_renewable: bool,
    terms: Vec<TermBody<'a>>,
    product: ProductBody<'a>,
    sku: SkuBody<'a>,
    links: PageLinks,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct CurrencyBody {
    code: String,
    symbol: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct TermBody<'a> {
    id: String,
    duration: &'a str,
    description: String,
    billing_cycle: &'static str,
    cancellation_policies: [CancellationPolicy; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct CancellationPolicy {
    refund_options: [PolicyOption; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyOption {
    sequence_id: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    expires_after: String,
}

impl<'a> AvailabilityBody<'a> {
    /// The availability of a plan in its market.
    #[must_use]
    pub fn of(
        offer: &'a Offer,
        plan: &'a Plan,
        publisher_name: &'a str,
        customer: Option<&Customer>,
        window: RefundWindow,
    ) -> Self {
        let item = CatalogItemId::of(offer, plan);
        let (root, market) = (root(customer), market(&plan.market, customer));
        let own =
            format!("{root}/products/{}/skus/{}/availabilities/{}{market}", item.product, item.sku, item.availability);
        let currency = plan.currency();
        Self {
            id: availability_id(offer, plan),
            product_id: product_id(offer),
            sku_id: sku_id(offer, plan),
            catalog_item_id: item.to_string(),
            default_currency: CurrencyBody {
                code: currency.map_or_else(String::new, |currency| currency.code().to_owned()),
                symbol: currency.map_or_else(String::new, |currency| currency.symbol().to_string()),
            },
            segment: "commercial",
            country: &plan.market,
            is_purchasable: !plan.stop_sell,
            is_renewable: true,
            terms: plan.terms.iter().map(|term| TermBody::of(plan, term, window)).collect(),
            product: ProductBody::of(offer, publisher_name, &plan.market, customer),
            sku: SkuBody::of(offer, plan, &plan.market, customer),
            links: PageLinks::own(own),
        }
    }
}

impl<'a> TermBody<'a> {
    fn of(plan: &Plan, term: &'a TermPrice, window: RefundWindow) -> Self {
        let cycle = BillingCycle::of(plan, term);
        let expires_after = CancellationWindow::of(&term.unit, window).iso_days();
        let name = match term.unit {
            TermUnit::P1M => "monthly".to_owned(),
            TermUnit::P1Y => "annual".to_owned(),
            _ => term.unit.as_str().to_lowercase(),
        };
        Self {
            id: format!("{name}01"),
            duration: term.unit.as_str(),
            description: term.unit.description(),
            billing_cycle: cycle.capitalised(),
            cancellation_policies: [CancellationPolicy {
                refund_options: [PolicyOption { sequence_id: 0, kind: "Full", expires_after }],
            }],
        }
    }
}
