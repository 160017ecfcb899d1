//! Telling the publisher of an operation: what it is told of, how often that is tried, and what its answer means.
//!
//! A [`Delivery`] comes to be with the fact that it tells of ([`tells`]). Each attempt at it is [`Sent`] from outside and
//! brings [`follow_up`]: it has been heard, it is tried again later, or it is given up.

mod follow_up;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use follow_up::{FollowUp, Made, follow_up};

use super::{
    event::{Event, Seq},
    ids::ActivityId,
    operation::{Action, Operation},
    rules::{PendingCancellation, Rules, WebhookRefusal},
    subscription::{Status, Subscription},
    time::Timestamp,
};

/// A call to the publisher's webhook: what it says, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// `activityId`: not the operation's id (captured-webhook-2024).
    pub activity: ActivityId,
    /// The operation as it was when this was to be told.
    pub operation: Operation,
    /// The subscription as it was then: a change that is in progress has not touched it.
    pub subscription: Subscription,
    /// When it came to be.
    pub created: Timestamp,
    /// The journal entry before which it came to be: its place among the others.
    pub entry: Seq,
    /// How far it has come.
    pub state: DeliveryState,
    /// How many attempts there were.
    pub attempts: u32,
    /// How many of them were in vain since it came to be or was asked for again.
    pub failures: u32,
    /// The last attempts, oldest first.
    pub latest: Vec<Attempt>,
    /// When it is to be attempted; a timer of another time is not this one's.
    #[serde(default)]
    pub next_attempt: Option<Timestamp>,
    /// What is sent instead of what it says, if somebody has edited that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<String>,
    /// How often somebody has held it or asked for it again. What comes of an attempt from before is no reason to undo that.
    #[serde(default)]
    pub handled: u32,
    /// The run of a server that has the next attempt in hand. Another run does not know whether it was made already.
    pub in_hand_of: u64,
}

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryState {
    /// It is to be attempted.
    Waiting,
    /// It waits until somebody releases it.
    Held,
    /// The publisher has it.
    Delivered,
    /// The publisher has refused it (4xx).
    Refused,
    /// All attempts were in vain.
    GivenUp,
    /// The offer names no webhook.
    NoWebhook,
    /// It was taken back before it was heard: what it tells of has come to nothing.
    Withdrawn,
}

impl DeliveryState {
    /// The state as the control API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::GivenUp => "givenUp",
            Self::NoWebhook => "noWebhook",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Which one, from 1.
    pub number: u32,
    /// When, in sandbox time.
    pub at: Timestamp,
    /// What came of it.
    pub sent: Sent,
    /// Whether a server that was stopped may have made this attempt before.
    #[serde(default)]
    pub repeated: bool,
}

/// What came of an attempt, as seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Sent {
    /// The webhook answered.
    Answered {
        /// The URL that was called.
        url: String,
        /// The status of the answer.
        status: u16,
        /// The start of its body, if it has one.
        body: Option<String>,
        /// How long it took, in microseconds of real time.
        latency_micros: u64,
    },
    /// Nothing that could be understood came back.
    Unanswered {
        /// The URL that was called.
        url: String,
        /// What happened, in words.
        why: String,
        /// How long it took, in microseconds of real time.
        latency_micros: u64,
    },
    /// There is nobody to call.
    NoWebhook,
}

/// What a publisher's answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// It has been told.
    Yes,
    /// It says no.
    No,
    /// Nobody knows.
    Unknown,
}

impl Sent {
    /// 2xx is heard, 4xx a refusal; everything else is tried again (docs:webhook-2023, inferred for 3xx).
    fn heard(&self, rules: Rules) -> Heard {
        match self {
            Self::Answered { status: 200..=299, .. } | Self::NoWebhook => Heard::Yes,
            Self::Answered { status: 400..=499, .. } if rules.webhook_refusal == WebhookRefusal::Refuses => Heard::No,
            Self::Answered { .. } | Self::Unanswered { .. } => Heard::Unknown,
        }
    }

    /// The status of the answer, if there was one.
    const fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            Self::Unanswered { .. } | Self::NoWebhook => None,
        }
    }
}

/// Attempts that are kept.
const KEPT: usize = 20;

impl Delivery {
    /// The delivery that tells of an operation as it is now.
    #[must_use]
    pub const fn new(
        activity: ActivityId,
        operation: Operation,
        subscription: Subscription,
        (now, entry): (Timestamp, Seq),
        run: u64,
    ) -> Self {
        Self {
            activity,
            operation,
            subscription,
            created: now,
            entry,
            state: DeliveryState::Waiting,
            attempts: 0,
            failures: 0,
            latest: Vec::new(),
            next_attempt: Some(now),
            edited: None,
            handled: 0,
            in_hand_of: run,
        }
    }

    /// The delivery while it is held.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.state = DeliveryState::Held;
        self.next_attempt = None;
        self.handled = self.handled.saturating_add(1);
        self
    }

    /// The delivery once its operation has come to nothing: it is attempted no more. One that is held is in somebody's hands.
    #[must_use]
    pub fn withdrawn(mut self) -> Self {
        if self.state == DeliveryState::Waiting {
            self.state = DeliveryState::Withdrawn;
            self.next_attempt = None;
        }
        self
    }

    /// Whether an attempt is due that was set for an instant.
    #[must_use]
    pub fn is_due(&self, at: Timestamp) -> bool {
        self.state == DeliveryState::Waiting && self.next_attempt.is_none_or(|next| next == at)
    }

    /// The delivery once it is to be made again, now.
    #[must_use]
    pub fn again(mut self, now: Timestamp, run: u64) -> Self {
        self.state = DeliveryState::Waiting;
        self.next_attempt = Some(now);
        self.failures = 0;
        self.handled = self.handled.saturating_add(1);
        self.in_hand_of = run;
        self
    }

    /// The delivery after an attempt.
    fn attempted(mut self, sent: Sent, now: Timestamp, made: Made) -> Self {
        self.attempts = self.attempts.saturating_add(1);
        self.in_hand_of = made.run;
        if self.latest.len() >= KEPT {
            self.latest.remove(0);
        }
        self.latest.push(Attempt { number: self.attempts, at: now, sent, repeated: made.repeated });
        self
    }
}

/// Whether an attempt that a run of a server is about to make may have been made before: another run had it in hand.
/// `left_behind` tells whether a process that is gone had claimed it, where claims outlive their processes.
#[must_use]
pub fn may_be_repeated(in_hand_of: u64, run: u64, left_behind: Option<bool>) -> bool {
    left_behind.unwrap_or(in_hand_of != run)
}

/// Whether a fact about an operation is what its publisher is told of. A change is told while it is in progress, by
/// whomever it was asked for; everything else once it has happened (docs:webhook-2022, docs:webhook-2023). Nothing is
/// told of the end of a purchase that was never activated (training), unless that is why it ends (docs-new).
#[must_use]
pub fn tells(event: &Event, before: &Subscription, rules: Rules) -> bool {
    match event {
        Event::OperationStarted { action, .. } => is_told_in_progress(*action),
        Event::OperationSucceeded { action, .. } => {
            let is_told = match before.state.status() {
                Status::PendingFulfillmentStart => {
                    *action == Action::Subscribe
                        || before.activating_since.is_some()
                        || rules.pending_cancellation == PendingCancellation::Told
                }
                Status::Unsubscribed => false,
                Status::Subscribed | Status::Suspended => true,
            };
            is_told && !is_told_in_progress(*action)
        }
        _ => false,
    }
}

/// Whether it is told before it has happened (docs:webhook-2023).
const fn is_told_in_progress(action: Action) -> bool {
    needs_answer(action) || matches!(action, Action::Reinstate)
}

/// Whether the publisher may say no.
const fn needs_answer(action: Action) -> bool {
    matches!(action, Action::ChangePlan | Action::ChangeQuantity)
}
