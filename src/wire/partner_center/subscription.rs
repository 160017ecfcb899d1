//! Subscriptions (section 7.2), in the field order of real answers.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{Attributes, Link, catalogue::ItemType, instant, offset_instant, order::item_links};
use crate::domain::{
    catalogue::Catalogue,
    charges,
    ids::{SubscriptionId, TenantId},
    partner::MpnId,
    partner_change::{self, Cancellation},
    product::{BillingCycle, CatalogItemId},
    rules::{ActivationLink, CspPendingStatus, Rules},
    subscription::{Status, Subscription},
    time::{TermUnit, Timestamp},
};

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionBody<'a> {
    id: String,
    offer_id: String,
    offer_name: String,
    friendly_name: &'a str,
    product_type: ItemType,
    quantity: u32,
    unit_type: &'static str,
    has_purchasable_addons: bool,
    creation_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_start_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commitment_end_date: Option<String>,
    status: &'static str,
    auto_renew_enabled: bool,
    is_trial: bool,
    billing_type: &'static str,
    billing_cycle: &'static str,
    term_duration: &'a str,
    renewal_term_duration: &'a str,
    refund_options: Vec<RefundOption>,
    is_microsoft_product: bool,
    partner_id: &'a str,
    attention_needed: bool,
    action_taken: bool,
    actions: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suspension_reasons: Vec<&'static str>,
    contract_type: &'static str,
    links: Links,
    publisher_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    attributes: Attributes,
}

/// What a cancellation gives back, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundOption {
    /// `Full`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Until when.
    pub expires_at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Links {
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation_links: Option<Link>,
    #[serde(rename = "self")]
    own: Link,
}

/// What a subscription is shown with.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Its sandbox's catalogue.
    pub catalogue: &'a Catalogue,
    /// Its customer's tenant.
    pub customer: TenantId,
    /// The sandbox's rules.
    pub rules: Rules,
    /// The sandbox's time.
    pub now: Timestamp,
}

/// `status` of Partner Center (sections 7.3 and 14).
#[must_use]
pub const fn status_of(subscription: &Subscription, rules: Rules) -> &'static str {
    status_words(subscription.state.status(), rules)
}

pub(super) const fn status_words(status: Status, rules: Rules) -> &'static str {
    match (status, rules.csp_pending_status) {
        (Status::PendingFulfillmentStart, CspPendingStatus::Pending) => "pending",
        (Status::PendingFulfillmentStart, CspPendingStatus::Active) | (Status::Subscribed, _) => "active",
        (Status::Suspended, _) => "suspended",
        (Status::Unsubscribed, _) => "deleted",
    }
}

impl<'a> SubscriptionBody<'a> {
    /// A subscription as it stands.
    #[must_use]
    pub fn of(subscription: &'a Subscription, shown: Shown<'a>) -> Self {
        let Shown { catalogue, customer, rules, now } = shown;
        let offer = catalogue.offer(&subscription.offer);
        let plan = offer.and_then(|offer| offer.plan(&subscription.plan));
        let sold = offer.zip(plan);
        let publisher = catalogue.publisher(&subscription.publisher);
        let status = subscription.state.status();
        let is_pending = status == Status::PendingFulfillmentStart;
        let own = format!("/customers/{customer}/subscriptions/{}", subscription.id);
        let has_link = match status {
            Status::PendingFulfillmentStart => true,
            Status::Subscribed | Status::Suspended => rules.activation_link == ActivationLink::Always,
            Status::Unsubscribed => false,
        };
        let [product, sku, availability] =
            sold.map_or([None, None, None], |(offer, plan)| item_links(offer, plan).map(Some));
        let every = subscription.payment.as_ref().unwrap_or(&subscription.term_unit);
        let until = charges::refundable_until(subscription, rules.refund_window).filter(|_| !is_pending);
        Self {
            id: subscription.id.to_string(),
            offer_id: sold.map_or_else(String::new, |(offer, plan)| CatalogItemId::of(offer, plan).to_string()),
            offer_name: sold.map_or_else(String::new, |(offer, plan)| format!("{} - {}", offer.name, plan.name)),
            friendly_name: subscription.friendly_name(),
            product_type: ItemType::SAAS,
            quantity: subscription.quantity.map_or(1, u32::from),
            unit_type: "License(s)",
            has_purchasable_addons: false,
            creation_date: instant(subscription.created),
            effective_start_date: subscription.confirmations.activated.map(|activated| offset_instant(activated.at)),
            commitment_end_date: charges::commitment(subscription).map(|term| offset_instant(term.next_start())),
            status: status_of(subscription, rules),
            auto_renew_enabled: subscription.auto_renew && status != Status::Unsubscribed,
            is_trial: subscription.free_trial,
            billing_type: "license",
            billing_cycle: if subscription.free_trial { BillingCycle::None } else { BillingCycle::every(every) }
                .as_str(),
            // A trial lasts a month, and renews to the term that was bought (section 5.1).
            term_duration: if subscription.free_trial { &TermUnit::P1M } else { &subscription.term_unit }.as_str(),
            renewal_term_duration: if subscription.free_trial { subscription.term_unit.as_str() } else { "" },
            refund_options: until
                .into_iter()
                .map(|until| RefundOption { kind: "Full", expires_at: offset_instant(until) })
                .collect(),
            is_microsoft_product: false,
            partner_id: subscription.reseller.as_ref().map_or("", MpnId::as_str),
            attention_needed: is_pending,
            action_taken: !is_pending,
            actions: actions(subscription, rules, now),
            suspension_reasons: if status == Status::Suspended { vec!["NonPayment"] } else { Vec::new() },
            contract_type: "subscription",
            links: Links {
                product,
                sku,
                availability,
                activation_links: has_link.then(|| Link::get(format!("{own}/activationlinks"))),
                own: Link::get(own),
            },
            publisher_name: publisher.map_or("", |publisher| publisher.name.as_str()),
            order_id: subscription.order.map(|place| place.order.to_string()),
            attributes: Attributes {
                etag: Some(etag(subscription.id, subscription.edition)),
                object_type: "Subscription",
            },
        }
    }
}

/// What can be done to it now (docs:subscription-resources: the actions allowed).
fn actions(subscription: &Subscription, rules: Rules, now: Timestamp) -> Vec<&'static str> {
    if subscription.state.status() == Status::Unsubscribed {
        return Vec::new();
    }
    match partner_change::cancellation(subscription, rules, now) {
        Ok(Cancellation::AtOnce | Cancellation::AtRenewal) => vec!["edit", "cancel"],
        Ok(Cancellation::Scheduled) | Err(_) => vec!["edit"],
    }
}

#[derive(Serialize, Deserialize)]
struct Edition {
    id: String,
    version: u64,
}

/// The edition of a subscription: base64 of a small JSON (docs: a real sample).
#[must_use]
pub fn etag(id: SubscriptionId, version: u64) -> String {
    STANDARD.encode(serde_json::to_vec(&Edition { id: id.to_string(), version }).unwrap_or_default())
}

/// The edition that an etag names, quoted or not; `None` if it is none of this subscription.
#[must_use]
pub fn edition_of(etag: &str, id: SubscriptionId) -> Option<u64> {
    let bytes = STANDARD.decode(etag.trim().trim_matches('"')).ok()?;
    let edition: Edition = serde_json::from_slice(&bytes).ok()?;
    (edition.id == id.to_string()).then_some(edition.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_the_one_of_the_real_sample() {
        let id = "a356ac8c-e310-44f4-bf85-c7f29044af99".parse().unwrap();
        let real = "eyJpZCI6ImEzNTZhYzhjLWUzMTAtNDRmNC1iZjg1LWM3ZjI5MDQ0YWY5OSIsInZlcnNpb24iOjJ9";
        assert_eq!(etag(id, 2), real);
        assert_eq!(edition_of(&format!("\"{real}\""), id), Some(2));
        assert_eq!(edition_of("nonsense", id), None);
        assert_eq!(edition_of(real, SubscriptionId::from_bytes([1; 16])), None);
    }
}
