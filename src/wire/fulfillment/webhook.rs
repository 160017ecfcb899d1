//! What a webhook is told: generation D, key for key as captured (captured-webhook-2024).
//!
//! Not the subscription object of the other calls: keys stand in another order, and what has no value is `null` here
//! where it is absent there. All of it is intentional.

use serde::Serialize;

use super::PersonBody;
use crate::domain::{
    catalogue::Seats,
    subscription::Subscription,
    time::{Term, Timestamp},
    webhook::Delivery,
};

/// The body of a call to a webhook.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookBody<'a> {
    id: String,
    /// Not the id (captured-webhook-2024).
    activity_id: String,
    publisher_id: &'a str,
    offer_id: &'a str,
    /// The target.
    plan_id: &'a str,
    /// The target; 1 on a flat rate (captured 2021 and 2024).
    quantity: u32,
    subscription_id: String,
    time_stamp: String,
    action: &'static str,
    status: &'static str,
    operation_request_source: &'static str,
    subscription: ToldSubscription<'a>,
    purchase_token: Option<&'a str>,
}

/// The subscription as it is: a change in progress has not touched it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldSubscription<'a> {
    id: String,
    name: &'a str,
    publisher_id: &'a str,
    offer_id: &'a str,
    plan_id: &'a str,
    quantity: Option<u32>,
    beneficiary: PersonBody<'a>,
    purchaser: PersonBody<'a>,
    allowed_customer_operations: Vec<&'static str>,
    session_mode: &'static str,
    is_free_trial: bool,
    is_test: bool,
    sandbox_type: &'static str,
    saas_subscription_status: &'static str,
    term: ToldTerm<'a>,
    auto_renew: bool,
    created: String,
    /// A real time here (captured-webhook-2024).
    last_modified: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldTerm<'a> {
    start_date: Option<String>,
    end_date: Option<String>,
    term_unit: &'a str,
    charge_duration: Option<&'a str>,
}

impl<'a> From<&'a Delivery> for WebhookBody<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        let operation = &delivery.operation;
        Self {
            id: operation.id.to_string(),
            activity_id: delivery.activity.to_string(),
            publisher_id: operation.publisher.as_str(),
            offer_id: operation.offer.as_str(),
            plan_id: operation.plan.as_str(),
            quantity: operation.quantity.map_or(1, Seats::get),
            subscription_id: operation.subscription.to_string(),
            time_stamp: delivery.created.to_string(),
            action: operation.action().as_str(),
            status: operation.status.as_str(),
            operation_request_source: operation.source.as_str(),
            subscription: ToldSubscription::of(&delivery.subscription, delivery.created),
            purchase_token: None,
        }
    }
}

impl<'a> ToldSubscription<'a> {
    fn of(subscription: &'a Subscription, last_modified: Timestamp) -> Self {
        let allowed = subscription.allowed_customer_operations().iter();
        Self {
            id: subscription.id.to_string(),
            name: &subscription.name,
            publisher_id: subscription.publisher.as_str(),
            offer_id: subscription.offer.as_str(),
            plan_id: subscription.plan.as_str(),
            quantity: subscription.quantity.map(Seats::get),
            beneficiary: PersonBody::from(&subscription.beneficiary),
            purchaser: PersonBody::from(&subscription.purchaser),
            allowed_customer_operations: allowed.map(|operation| operation.as_str()).collect(),
            session_mode: "None",
            is_free_trial: subscription.free_trial,
            is_test: false,
            sandbox_type: "None",
            saas_subscription_status: subscription.state.status().as_str(),
            term: ToldTerm::of(subscription.state.term(), subscription.term_unit.as_str()),
            auto_renew: subscription.auto_renew,
            created: subscription.created.to_string(),
            last_modified: last_modified.to_string(),
        }
    }
}

impl<'a> ToldTerm<'a> {
    fn of(term: Option<Term>, term_unit: &'a str) -> Self {
        let midnight = |date| Timestamp::midnight(date).to_string();
        Self {
            start_date: term.map(|term| midnight(term.start)),
            end_date: term.map(|term| midnight(term.end)),
            term_unit,
            charge_duration: None,
        }
    }
}
