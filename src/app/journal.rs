//! The journal: every fact and every call between players, in order.
//!
//! Console, scenarios, live updates and reports read it and nothing else. The entries of commands that are
//! committed together share pages, so that a command costs a part of a write.

use serde::{Deserialize, Serialize};

use crate::domain::{
    event::{Event, Seq},
    ids::{PublisherId, SubscriptionId},
    time::Timestamp,
    webhook::Sent,
};

/// Who acts or is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Player {
    /// The CSP partner, or whoever sits at the browser.
    Partner,
    /// Partner Center: where the partner buys and manages.
    PartnerCenter,
    /// The publisher (ISV).
    Publisher,
    /// The marketplace.
    Marketplace,
    /// The identity (Entra).
    Identity,
    /// Whoever steers the simulation.
    Operator,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number in the sandbox.
    pub seq: Seq,
    /// Sandbox time.
    pub at: Timestamp,
    /// Wall time: for people, never for a decision.
    pub wall_at: Timestamp,
    /// The subscription that it concerns.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subscription: Option<SubscriptionId>,
    /// Who acted.
    pub from: Player,
    /// What happened.
    pub what: What,
}

/// What an entry tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// A fact of a purchase.
    Fact(Event),
    /// A call from one player to another.
    Exchange(Exchange),
    /// A step of the stand-in publisher.
    PublisherStep(PublisherStep),
    /// The clock was moved by hand.
    Clock {
        /// What was done to it.
        summary: String,
    },
    /// Whoever steers the simulation did something else.
    Steering {
        /// What.
        summary: String,
    },
    /// A fault was set or lifted.
    Fault {
        /// The step that shall fail.
        step: String,
        /// How often.
        times: u32,
    },
}

/// A call over HTTP, as the called player saw it; a call to a webhook, as the caller did. Secrets are blanked before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// Who was called.
    pub to: Player,
    /// The method.
    pub method: String,
    /// Path and query; a code in it is blanked.
    pub path: String,
    /// The status of the answer; `None` if none came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// The publisher whose token was presented.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub publisher: Option<PublisherId>,
    /// The body of the request, cut at some length; `None` if there was none or it holds a secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_body: Option<String>,
    /// The body of the answer, likewise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub response_body: Option<String>,
    /// The correlation id that both sides saw.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub correlation_id: Option<String>,
    /// Why it was refused, where the answer does not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remark: Option<String>,
    /// How long it took, in microseconds of real time; of a change that is on record with its call, until it was decided.
    pub latency_micros: u64,
}

/// What the stand-in publisher did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublisherStep {
    /// The publisher.
    pub publisher: PublisherId,
    /// The step.
    pub step: String,
    /// How it went: `done`, `alreadyDone`, `failed`, `gaveUp`.
    pub outcome: String,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// One sentence for a person.
    pub summary: String,
}

impl Exchange {
    /// A call to a webhook with a body, as the caller saw it.
    pub(super) fn sent(to: Player, sent: &Sent, body: &str) -> Self {
        let (url, status, answer, why, latency_micros) = match sent {
            Sent::Answered { url, status, body, latency_micros } => {
                (url.as_str(), Some(*status), body.clone(), None, *latency_micros)
            }
            Sent::Unanswered { url, why, latency_micros } => {
                (url.as_str(), None, None, Some(why.clone()), *latency_micros)
            }
            Sent::NoWebhook => ("(no webhook)", None, None, Some("the offer has no webhook".to_owned()), 0),
        };
        Self {
            to,
            method: "POST".to_owned(),
            path: url.to_owned(),
            status,
            publisher: None,
            request_body: Some(body.to_owned()),
            response_body: answer,
            correlation_id: None,
            remark: why,
            latency_micros,
        }
    }
}

impl Entry {
    /// The kind of entry, as the control API and scenarios spell it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.what {
            What::Fact(event) => event.kind(),
            What::Exchange(_) => "exchange",
            What::PublisherStep(_) => "publisherStep",
            What::Clock { .. } => "clock",
            What::Steering { .. } => "steering",
            What::Fault { .. } => "fault",
        }
    }

    /// One sentence for a person.
    #[must_use]
    pub fn summary(&self) -> String {
        match &self.what {
            What::Fact(event) if self.from == Player::Partner => event.sentence_of_partner(),
            What::Fact(event) => event.sentence(),
            What::Exchange(Exchange { method, path, status: Some(status), .. }) => {
                format!("{method} {path} → {status}")
            }
            What::Exchange(Exchange { method, path, status: None, .. }) => format!("{method} {path} → no answer"),
            What::PublisherStep(step) => step.summary.clone(),
            What::Clock { summary } | What::Steering { summary } => summary.clone(),
            What::Fault { step, times: 0 } => format!("The step {step} fails no more."),
            What::Fault { step, times } => format!("The step {step} will fail {times} times."),
        }
    }
}
