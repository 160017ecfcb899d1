//! What a publisher is told, and how: changes in the marketplace, and the calls to webhooks that they bring.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    domain::{
        catalogue::Seats,
        operation::Operation,
        rules::Rules,
        webhook::{Attempt, Delivery, Sent},
    },
    wire::fulfillment::webhook::WebhookBody,
};

/// A change that whoever bought a subscription makes in the marketplace: another plan, or another number of seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeRequest {
    /// The plan that it shall have.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(example = "team-plus")]
    pub plan_id: Option<String>,
    /// The seats that it shall have.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity: Option<u32>,
}

/// An operation on a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationView {
    /// Its id.
    pub id: String,
    /// What it does: `ChangePlan`, `ChangeQuantity`, `Unsubscribe`.
    pub action: String,
    /// Where it stands: `NotStarted`, `InProgress`, `Succeeded`, `Failed`, `Conflict`.
    pub status: String,
    /// Who asked for it: `Partner` (the publisher) or `Azure` (whoever bought it, in the marketplace).
    pub operation_request_source: String,
    /// The plan that the subscription shall have.
    pub plan_id: String,
    /// The seats that it shall have; absent on a flat rate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity: Option<u32>,
    /// When it was asked for.
    pub requested: String,
}

impl From<&Operation> for OperationView {
    fn from(operation: &Operation) -> Self {
        Self {
            id: operation.id.to_string(),
            action: operation.action().as_str().to_owned(),
            status: operation.status.as_str().to_owned(),
            operation_request_source: operation.source.as_str().to_owned(),
            plan_id: operation.plan.to_string(),
            quantity: operation.quantity.map(Seats::get),
            requested: operation.requested.to_string(),
        }
    }
}

/// A call to the publisher's webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// The operation that it tells of.
    pub operation: String,
    /// What that does.
    pub action: String,
    /// How far the call has come: `waiting`, `held`, `delivered`, `refused`, `givenUp`, `noWebhook`, `withdrawn`.
    pub state: String,
    /// When it came to be.
    pub created: String,
    /// How many attempts there were.
    pub attempts: u32,
    /// The last of them, oldest first.
    pub latest: Vec<AttemptView>,
    /// When the next attempt is due, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_attempt: Option<String>,
    /// What is sent.
    pub body: serde_json::Value,
}

/// An attempt at calling a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptView {
    /// Which one, from 1.
    pub number: u32,
    /// When, in sandbox time.
    pub at: String,
    /// What was called; the stand-in publisher's webhook without its host.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// The start of the answer's body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub response: Option<String>,
    /// Why there was no answer, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<String>,
    /// Whether a server that was stopped may have made this attempt before.
    pub repeated: bool,
    /// How long it took, in microseconds of real time.
    pub latency_micros: u64,
}

impl DeliveryView {
    /// A call, by the rules of its sandbox.
    #[must_use]
    pub fn of(delivery: &Delivery, rules: Rules) -> Self {
        let usual = || serde_json::to_value(WebhookBody::of(delivery, rules)).unwrap_or_default();
        let edited = delivery.edited.as_deref();
        Self {
            operation: delivery.operation.id.to_string(),
            action: delivery.operation.action().as_str().to_owned(),
            state: delivery.state.as_str().to_owned(),
            created: delivery.created.to_string(),
            attempts: delivery.attempts,
            latest: delivery.latest.iter().map(AttemptView::from).collect(),
            next_attempt: delivery.next_attempt.map(|next| next.to_string()),
            body: edited.map_or_else(usual, |text| serde_json::from_str(text).unwrap_or_else(|_| text.into())),
        }
    }
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> Self {
        let blank = Self {
            number: attempt.number,
            at: attempt.at.to_string(),
            url: None,
            status: None,
            response: None,
            failure: None,
            repeated: attempt.repeated,
            latency_micros: 0,
        };
        match attempt.sent.clone() {
            Sent::Answered { url, status, body, latency_micros } => {
                Self { url: Some(url), status: Some(status), response: body, latency_micros, ..blank }
            }
            Sent::Unanswered { url, why, latency_micros } => {
                Self { url: Some(url), failure: Some(why), latency_micros, ..blank }
            }
            Sent::NoWebhook => Self { failure: Some("the offer has no webhook".to_owned()), ..blank },
        }
    }
}

/// The certificate authority by which webhooks are trusted, besides those that everybody trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookAuthority {
    /// Its certificate, PEM; none if `null`.
    pub certificate: Option<String>,
}

/// How a call is made once more.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResendRequest {
    /// What is sent instead of what the call says: an object, or a text that is sent as it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<serde_json::Value>,
}

/// The calls to a publisher's webhook about one subscription, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryList {
    /// The calls.
    pub deliveries: Vec<DeliveryView>,
}

/// How the stand-in publisher's webhook takes changes that the buyer asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookBehavior {
    /// `accept` (200, then `Success`), `staySilent` (200, and no more), `refuse` (400), `fail` (500), `decline` (200, then
    /// `Failure`), `answerLate` (200, and `Success` when the ten seconds are over).
    #[schema(example = "refuse")]
    pub manner: String,
    /// How many of the next changes; all from now on if left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub times: Option<u32>,
}
