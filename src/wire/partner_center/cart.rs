//! Carts (section 5.1).

use serde::Serialize;

use super::{Attributes, PageLinks, instant, order::RenewsTo};
use crate::domain::{
    cart::{Cart, CartLine, CartWish},
    ids::TenantId,
};

/// A cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CartBody<'a> {
    id: String,
    creation_timestamp: String,
    last_modified_timestamp: String,
    expiration_timestamp: String,
    last_modified_user: String,
    status: &'static str,
    line_items: Vec<LineBody<'a>>,
    links: PageLinks,
    attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct LineBody<'a> {
    id: u32,
    catalog_item_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    friendly_name: Option<&'a str>,
    quantity: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_cycle: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    term_duration: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renews_to: Option<RenewsTo<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    participants: Vec<Participant<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<LineError<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Participant<'a> {
    key: &'static str,
    value: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct LineError<'a> {
    error_code: &'static str,
    error_description: &'a str,
}

impl<'a> CartBody<'a> {
    /// A cart of a customer's; `user` is who has changed it.
    #[must_use]
    pub fn of(cart: &'a Cart, customer: TenantId, user: String) -> Self {
        let mut groups = Vec::new();
        let mut group = |line: &'a CartLine| {
            let of = (line.billing_cycle?, line.currency.as_deref());
            let place = groups.iter().position(|known| *known == of).unwrap_or_else(|| {
                groups.push(of);
                groups.len().saturating_sub(1)
            });
            Some(place.to_string())
        };
        let line_items = cart.lines.iter().map(|line| LineBody::of(line, group(line))).collect();
        Self {
            id: cart.id.to_string(),
            creation_timestamp: instant(cart.created),
            last_modified_timestamp: instant(cart.modified),
            expiration_timestamp: instant(cart.expires()),
            last_modified_user: user,
            status: if cart.orders.is_some() { "Ordered" } else { "Active" },
            line_items,
            links: PageLinks::own(format!("/customers/{customer}/carts/{}", cart.id)),
            attributes: Attributes::of("Cart"),
        }
    }
}

impl<'a> LineBody<'a> {
    fn of(line: &'a CartLine, order_group: Option<String>) -> Self {
        let CartWish {
            id: _,
            catalog_item_id,
            friendly_name,
            quantity,
            billing_cycle,
            term_duration,
            renews_to,
            reseller,
        } = &line.wish;
        let cycle = line.billing_cycle.map(|cycle| cycle.as_str());
        Self {
            id: line.id,
            catalog_item_id,
            friendly_name: friendly_name.as_deref(),
            quantity: *quantity,
            currency_code: line.currency.as_deref(),
            billing_cycle: cycle.or(billing_cycle.as_deref()),
            term_duration: term_duration.as_deref(),
            renews_to: renews_to.as_deref().map(|term_duration| RenewsTo { term_duration }),
            participants: reseller.iter().map(|value| Participant { key: "transaction_reseller", value }).collect(),
            order_group,
            error: line
                .error
                .as_ref()
                .map(|error| LineError { error_code: error.code.as_str(), error_description: &error.description }),
        }
    }
}
