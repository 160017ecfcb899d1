//! What a webhook is told, in every generation that publishers may have been written for.
//!
//! The default is the present one, key for key as captured (captured-webhook-2024); which one it is, is a rule of the
//! sandbox.

mod subscription;

use serde::Serialize;

use crate::domain::{
    catalogue::Seats,
    rules::{Rules, WebhookPayload, WebhookQuantity},
    webhook::Delivery,
};
use subscription::ToldSubscription;

/// The body of a call to a webhook.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum WebhookBody<'a> {
    /// With a subscription in it: from 2021 on.
    Full(Box<FullBody<'a>>),
    /// What names the operation, and nothing else.
    Thin(ThinBody),
    /// Empty texts for what is not said (issue:MicrosoftDocs/azure-docs#45427).
    Flat(FlatBody),
}

/// The operation, and the subscription as it is: what has no value is `null` here where it is absent in other calls. All
/// of it is intentional (captured-webhook-2024).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FullBody<'a> {
    id: String,
    /// Not the id (captured-webhook-2024).
    activity_id: String,
    publisher_id: &'a str,
    offer_id: &'a str,
    /// The target.
    plan_id: &'a str,
    /// The target; 1 on a flat rate (captured 2021 and 2024).
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<u32>,
    subscription_id: String,
    time_stamp: String,
    action: &'static str,
    status: &'static str,
    operation_request_source: &'static str,
    subscription: ToldSubscription<'a>,
    purchase_token: Option<&'a str>,
}

/// Generation A: seen live in 2021, and in documentation of 2022 (issue:MicrosoftDocs/azure-docs#75997).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThinBody {
    id: String,
    activity_id: String,
    operation_request_source: &'static str,
    subscription_id: String,
    time_stamp: String,
    action: &'static str,
}

/// Generation 0, of 2019. Which keys are empty is as it was seen on `Unsubscribe`; their order is inferred.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlatBody {
    id: String,
    activity_id: String,
    subscription_id: String,
    offer_id: &'static str,
    publisher_id: &'static str,
    plan_id: &'static str,
    quantity: &'static str,
    time_stamp: String,
    action: &'static str,
    status: &'static str,
}

impl<'a> WebhookBody<'a> {
    /// What a delivery tells, by the rules of its sandbox.
    #[must_use]
    pub fn of(delivery: &'a Delivery, rules: Rules) -> Self {
        let operation = &delivery.operation;
        let (id, activity_id) = (operation.id.to_string(), delivery.activity.to_string());
        let (subscription_id, time_stamp) = (operation.subscription.to_string(), delivery.created.to_string());
        let (action, operation_request_source) = (operation.action().as_str(), operation.source.as_str());
        match rules.webhook_payload {
            WebhookPayload::Thin => {
                Self::Thin(ThinBody { id, activity_id, operation_request_source, subscription_id, time_stamp, action })
            }
            WebhookPayload::Flat2019 => Self::Flat(FlatBody {
                id,
                activity_id,
                subscription_id,
                offer_id: "",
                publisher_id: "",
                plan_id: "",
                quantity: "",
                time_stamp,
                action,
                status: "",
            }),
            WebhookPayload::Current | WebhookPayload::Autumn2021 | WebhookPayload::May2021 => {
                let on_flat_rate = (rules.webhook_quantity == WebhookQuantity::Captured).then_some(1);
                Self::Full(Box::new(FullBody {
                    id,
                    activity_id,
                    publisher_id: operation.publisher.as_str(),
                    offer_id: operation.offer.as_str(),
                    plan_id: operation.plan.as_str(),
                    quantity: operation.quantity.map(Seats::get).or(on_flat_rate),
                    subscription_id,
                    time_stamp,
                    action,
                    status: operation.status.as_str(),
                    operation_request_source,
                    subscription: ToldSubscription::of(delivery, rules),
                    purchase_token: None,
                }))
            }
        }
    }
}
