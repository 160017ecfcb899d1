//! What the publisher reads of the marketplace's answers: only what it needs, and forgiving about the rest.
//!
//! Unknown keys are passed over, `term` and `quantity` may be missing, ids are any text (Microsoft's are GUIDs of all
//! versions, recorded), and a quantity may come as a number or as a numeric text (docs and recordings differ).

use serde::{Deserialize, Deserializer};

/// The answer to Resolve.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resolved {
    pub(super) id: String,
    #[serde(default)]
    pub(super) subscription: Option<SubscriptionAnswer>,
}

/// A subscription, as Get and Resolve tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubscriptionAnswer {
    /// Its id.
    pub id: String,
    /// The name that the purchaser gave it.
    pub name: String,
    /// The offer.
    pub offer_id: String,
    /// The plan.
    pub plan_id: String,
    /// Seats; absent for a flat rate.
    #[serde(deserialize_with = "lenient_quantity")]
    pub quantity: Option<u32>,
    /// The status, as it came.
    pub saas_subscription_status: String,
    /// Whom it is for.
    pub beneficiary: PersonAnswer,
    /// Who bought it.
    pub purchaser: PersonAnswer,
    /// The term, if it was told.
    pub term: Option<TermAnswer>,
}

/// A person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PersonAnswer {
    /// The e-mail address.
    pub email_id: Option<String>,
}

/// A term.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TermAnswer {
    /// `P1M` and so on.
    pub term_unit: Option<String>,
}

/// An operation, as Get Operation tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationAnswer {
    /// What it does.
    pub action: String,
    /// The plan that the subscription shall have.
    pub plan_id: Option<String>,
    /// The seats that it shall have; absent for a flat rate.
    #[serde(deserialize_with = "lenient_quantity")]
    pub quantity: Option<u32>,
}

/// The status of a subscription, as far as it makes a difference to the publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Bought and not activated.
    Pending,
    /// Active.
    Subscribed,
    /// Not paid for.
    Suspended,
    /// Cancelled.
    Unsubscribed,
    /// Anything else: `NotStarted`, or a status of a later day.
    Other,
}

impl SubscriptionAnswer {
    /// What its status means.
    #[must_use]
    pub fn status(&self) -> Status {
        // Some documented samples pad the value with blanks.
        match self.saas_subscription_status.trim() {
            "PendingFulfillmentStart" => Status::Pending,
            "Subscribed" => Status::Subscribed,
            "Suspended" => Status::Suspended,
            "Unsubscribed" => Status::Unsubscribed,
            _ => Status::Other,
        }
    }
}

/// The answer of the token endpoint.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: String,
    #[serde(deserialize_with = "lenient_seconds", default)]
    pub(super) expires_in: u32,
}

/// What comes of exchanging the code of a sign-in.
#[derive(Deserialize)]
pub(super) struct SignedIn {
    pub(super) id_token: String,
}

/// An error of the token endpoint.
#[derive(Deserialize)]
pub(super) struct TokenRefusal {
    #[serde(default)]
    pub(super) error: String,
    #[serde(default)]
    pub(super) error_description: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Float(f64),
    Text(String),
}

impl Number {
    fn whole(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Float(number) => format!("{number:.0}").parse().ok(),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

fn lenient_quantity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?.and_then(|number| number.whole());
    Ok(number.and_then(|number| u32::try_from(number).ok()).filter(|&seats| seats > 0))
}

fn lenient_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(Number::deserialize(deserializer)?.whole().and_then(|number| u32::try_from(number).ok()).unwrap_or(0))
}

/// The sentence of an error body, whichever of the marketplace's forms it has: an object with `message`, one nested
/// under `error` or `Error`, a problem's `detail`, or a bare JSON string.
pub(super) fn error_sentence(body: &[u8]) -> String {
    const LONGEST: usize = 400;
    let text = match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(value) => sentence_of(&value).unwrap_or_default(),
        Err(_) => String::new(),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}

fn sentence_of(value: &serde_json::Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    ["message", "Message", "detail"]
        .iter()
        .find_map(|key| value.get(key)?.as_str())
        .map(str::to_owned)
        .or_else(|| ["error", "Error"].iter().find_map(|key| sentence_of(value.get(key)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_with_gaps_strangers_and_texts_for_numbers() {
        let table = [
            (r#"{"id":"x"}"#, None),
            (r#"{"id":"x","quantity":5}"#, Some(5)),
            (r#"{"id":"x","quantity":"20"}"#, Some(20)),
            (r#"{"id":"x","quantity":""}"#, None),
            (r#"{"id":"x","quantity":null,"term":null}"#, None),
            (r#"{"id":"x","quantity":5.0,"puzzle":[1]}"#, Some(5)),
            (r#"{"id":"x","quantity":-1,"term":{"startDate":"2026-01-01"}}"#, None),
        ];
        for (json, quantity) in table {
            let answer: SubscriptionAnswer = serde_json::from_str(json).unwrap();
            assert_eq!((answer.id.as_str(), answer.quantity), ("x", quantity), "{json}");
            assert_eq!(answer.status(), Status::Other);
        }
        let v1: TokenAnswer = serde_json::from_str(r#"{"access_token":"t","expires_in":"3599"}"#).unwrap();
        let v2: TokenAnswer = serde_json::from_str(r#"{"access_token":"t","expires_in":3599}"#).unwrap();
        assert_eq!((v1.expires_in, v2.expires_in), (3599, 3599));
    }

    #[test]
    fn error_bodies_of_every_form_give_their_sentence() {
        let table = [
            (r#"{"code":"InvalidValue","message":"Failed"}"#, "Failed"),
            (r#"{"Error":{"Code":"X","Message":"An API version is required"}}"#, "An API version is required"),
            (r#"{"error":{"code":"X","message":"Broken"}}"#, "Broken"),
            (r#"{"type":"/docs/errors#x","detail":"Too many"}"#, "Too many"),
            (r#""The authorization token is invalid""#, "The authorization token is invalid"),
            ("<html>", ""),
            ("", ""),
            ("[1]", ""),
        ];
        for (body, sentence) in table {
            assert_eq!(error_sentence(body.as_bytes()), sentence, "{body}");
        }
    }
}
