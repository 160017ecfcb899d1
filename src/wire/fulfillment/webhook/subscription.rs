//! The subscription in a webhook's body: not the object of the other calls, and another one in each generation.

use serde::Serialize;

use super::super::{LAST_MODIFIED, PersonBody, allowed_operations, sandbox_type};
use crate::domain::{
    catalogue::{Person, Seats},
    operation::Action,
    rules::{Rules, SuspendedTold, WebhookPayload, WebhookQuantity},
    subscription::{Status, Subscription},
    time::{TermUnit, Timestamp},
    webhook::Delivery,
};

/// The subscription as it is: a change in progress has not touched it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ToldSubscription<'a> {
    /// Generation D.
    Current(Box<CurrentSubscription<'a>>),
    /// Generation C.
    Autumn2021(Box<Autumn2021Subscription<'a>>),
    /// Generation B.
    May2021(May2021Subscription<'a>),
}

/// Generation D: keys in another order than elsewhere, and `null` for what has no value (captured-webhook-2024).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CurrentSubscription<'a> {
    id: String,
    name: &'a str,
    publisher_id: &'a str,
    offer_id: &'a str,
    plan_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Option<u32>>,
    beneficiary: PersonBody<'a>,
    purchaser: PersonBody<'a>,
    allowed_customer_operations: Vec<&'static str>,
    session_mode: &'static str,
    is_free_trial: bool,
    is_test: bool,
    sandbox_type: &'static str,
    saas_subscription_status: &'static str,
    term: CurrentTerm<'a>,
    auto_renew: bool,
    created: String,
    /// A real time here (captured-webhook-2024).
    last_modified: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CurrentTerm<'a> {
    #[serde(flatten)]
    dates: TermDates<'a>,
    charge_duration: Option<&'a str>,
}

/// Generation C: the order of the other calls, with internal keys that are all `null` (captured-webhook-2021).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Autumn2021Subscription<'a> {
    id: String,
    publisher_id: &'a str,
    offer_id: &'a str,
    name: &'a str,
    saas_subscription_status: &'static str,
    beneficiary: Autumn2021Person<'a>,
    purchaser: Autumn2021Person<'a>,
    plan_id: &'a str,
    term: TermDates<'a>,
    auto_renew: bool,
    is_test: bool,
    is_free_trial: bool,
    allowed_customer_operations: Vec<&'static str>,
    session_id: Option<&'a str>,
    fulfillment_id: Option<&'a str>,
    legacy_subscription_id: Option<&'a str>,
    sandbox_type: &'static str,
    created: String,
    last_modified: &'static str,
    is_blending: Option<bool>,
    tags: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Option<u32>>,
    session_mode: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Autumn2021Person<'a> {
    #[serde(flatten)]
    person: PersonBody<'a>,
    group_ids: Option<&'a str>,
    iss: Option<&'a str>,
    idp: Option<&'a str>,
    altsecid: Option<&'a str>,
    #[serde(rename = "CLIENT-IP")]
    client_ip: Option<&'a str>,
}

/// Generation B (issue:MicrosoftDocs/azure-docs#75997).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct May2021Subscription<'a> {
    id: String,
    publisher_id: &'a str,
    offer_id: &'a str,
    name: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TermDates<'a> {
    start_date: Option<String>,
    end_date: Option<String>,
    term_unit: &'a str,
}

impl<'a> ToldSubscription<'a> {
    pub(super) fn of(delivery: &'a Delivery, rules: Rules) -> Self {
        let subscription = &delivery.subscription;
        match rules.webhook_payload {
            WebhookPayload::May2021 => Self::May2021(May2021Subscription {
                id: subscription.id.to_string(),
                publisher_id: subscription.publisher.as_str(),
                offer_id: subscription.offer.as_str(),
                name: &subscription.name,
            }),
            WebhookPayload::Autumn2021 => Self::Autumn2021(Box::new(autumn_2021(delivery, rules))),
            WebhookPayload::Current | WebhookPayload::Thin | WebhookPayload::Flat2019 => {
                Self::Current(Box::new(current(delivery, rules)))
            }
        }
    }
}

fn current(delivery: &Delivery, rules: Rules) -> CurrentSubscription<'_> {
    let subscription = &delivery.subscription;
    CurrentSubscription {
        id: subscription.id.to_string(),
        name: &subscription.name,
        publisher_id: subscription.publisher.as_str(),
        offer_id: subscription.offer.as_str(),
        plan_id: subscription.plan.as_str(),
        quantity: quantity(subscription, rules),
        beneficiary: PersonBody::of(&subscription.beneficiary),
        purchaser: PersonBody::of(&subscription.purchaser),
        allowed_customer_operations: allowed_operations(subscription, rules),
        session_mode: "None",
        is_free_trial: subscription.free_trial,
        is_test: false,
        sandbox_type: sandbox_type(subscription),
        saas_subscription_status: status(delivery, rules),
        term: CurrentTerm {
            dates: TermDates::of(subscription),
            charge_duration: subscription.payment.as_ref().map(TermUnit::as_str),
        },
        auto_renew: subscription.auto_renew,
        created: subscription.created.to_string(),
        last_modified: delivery.created.to_string(),
    }
}

fn autumn_2021(delivery: &Delivery, rules: Rules) -> Autumn2021Subscription<'_> {
    let subscription = &delivery.subscription;
    Autumn2021Subscription {
        id: subscription.id.to_string(),
        publisher_id: subscription.publisher.as_str(),
        offer_id: subscription.offer.as_str(),
        name: &subscription.name,
        saas_subscription_status: status(delivery, rules),
        beneficiary: Autumn2021Person::of(&subscription.beneficiary),
        purchaser: Autumn2021Person::of(&subscription.purchaser),
        plan_id: subscription.plan.as_str(),
        term: TermDates::of(subscription),
        auto_renew: subscription.auto_renew,
        is_test: false,
        is_free_trial: subscription.free_trial,
        allowed_customer_operations: allowed_operations(subscription, rules),
        session_id: None,
        fulfillment_id: None,
        legacy_subscription_id: None,
        sandbox_type: sandbox_type(subscription),
        created: subscription.created.to_string(),
        last_modified: LAST_MODIFIED,
        is_blending: None,
        tags: None,
        quantity: quantity(subscription, rules),
        session_mode: "None",
    }
}

/// `null` on a flat rate, unless that is left out (quirk Q24).
fn quantity(subscription: &Subscription, rules: Rules) -> Option<Option<u32>> {
    match (subscription.quantity.map(Seats::get), rules.webhook_quantity) {
        (None, WebhookQuantity::Omitted) => None,
        (quantity, _) => Some(quantity),
    }
}

/// A suspension was told of an active subscription for a time (quirk Q41).
fn status(delivery: &Delivery, rules: Rules) -> &'static str {
    let is_suspension = delivery.operation.action() == Action::Suspend;
    if is_suspension && rules.suspended_told == SuspendedTold::Subscribed {
        Status::Subscribed.as_str()
    } else {
        delivery.subscription.state.status().as_str()
    }
}

impl<'a> Autumn2021Person<'a> {
    fn of(person: &'a Person) -> Self {
        Self { person: PersonBody::of(person), group_ids: None, iss: None, idp: None, altsecid: None, client_ip: None }
    }
}

impl<'a> TermDates<'a> {
    fn of(subscription: &'a Subscription) -> Self {
        let term = subscription.state.term();
        let midnight = |date| Timestamp::midnight(date).to_string();
        Self {
            start_date: term.map(|term| midnight(term.start)),
            end_date: term.map(|term| midnight(term.end)),
            term_unit: subscription.term_unit.as_str(),
        }
    }
}
