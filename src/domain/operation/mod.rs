//! Operations: a change of plan or quantity, or a cancellation, from the request to its end.
//!
//! [`request_change`] and [`request_cancel`] make a publisher's, [`change_in_marketplace`] and [`cancel_in_marketplace`]
//! a buyer's; [`step`] takes it on, [`answer`] is what a publisher may say to one. Each gives facts, which both the
//! operation and its subscription are built from: whoever has to tell the publisher (a webhook) hangs on these facts, and
//! on nothing else.

mod progress;
mod request;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use progress::{Verdict, answer, revert, step};
pub(super) use request::supersede;
pub use request::{
    Cancellation, Request, Wish, cancel_in_marketplace, change_in_marketplace, end_with_customer, request_cancel,
    request_change, within_reach,
};

use super::{
    catalogue::Seats,
    event::Event,
    ids::{OfferId, OperationId, PlanId, PublisherId, SubscriptionId},
    money::Money,
    time::Timestamp,
};

/// A change or a cancellation under way, or as it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Its id; its `activityId` is the same (recorded).
    pub id: OperationId,
    /// What it is about.
    pub subscription: SubscriptionId,
    /// Whose offer that is.
    pub publisher: PublisherId,
    /// The offer.
    pub offer: OfferId,
    /// The plan that the subscription shall have: the target, not the present one (recorded).
    pub plan: PlanId,
    /// The seats that it shall have; `None` on a flat rate.
    pub quantity: Option<Seats>,
    /// Who asked for it.
    pub source: RequestSource,
    /// What it does when it succeeds.
    pub effect: Effect,
    /// When it was asked for.
    pub requested: Timestamp,
    /// Where it stands.
    pub status: OperationStatus,
    /// How it came there, oldest first.
    pub transitions: Vec<Transition>,
}

/// What an operation does when it succeeds, as agreed when it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// The subscription gets the operation's plan, on these conditions.
    ChangePlan {
        /// The plan's name.
        plan_name: String,
        /// Its price.
        unit_price: Money,
        /// Whether a free trial goes on.
        free_trial: bool,
    },
    /// The subscription gets this many seats.
    ChangeQuantity {
        /// How many.
        to: Seats,
    },
    /// The subscription ends.
    Unsubscribe,
    /// Its next term begins.
    Renew,
    /// It is not paid for, and rests.
    Suspend,
    /// It is paid for again, and goes on.
    Reinstate,
    /// It is activated without the publisher.
    Subscribe,
    /// A change that was turned down is taken back, which the publisher is told as the same change to what there is
    /// (accelerator; quirk Q42).
    Revert {
        /// What the change was of.
        action: Action,
    },
}

/// `action` of the operations API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Another plan of the offer.
    ChangePlan,
    /// Another number of seats.
    ChangeQuantity,
    /// The end.
    Unsubscribe,
    /// A new term.
    Renew,
    /// Not paid for.
    Suspend,
    /// Paid for again.
    Reinstate,
    /// Activated without the publisher.
    Subscribe,
}

impl Action {
    /// The action as the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChangePlan => "ChangePlan",
            Self::ChangeQuantity => "ChangeQuantity",
            Self::Unsubscribe => "Unsubscribe",
            Self::Renew => "Renew",
            Self::Suspend => "Suspend",
            Self::Reinstate => "Reinstate",
            Self::Subscribe => "Subscribe",
        }
    }

    /// The action for people, where a sentence starts.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ChangePlan => "The change of plan",
            Self::ChangeQuantity => "The change of seats",
            Self::Unsubscribe => "The cancellation",
            Self::Renew => "The renewal",
            Self::Suspend => "The suspension",
            Self::Reinstate => "The reinstatement",
            Self::Subscribe => "The automatic activation",
        }
    }
}

/// How a publisher has turned an operation down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "camelCase")]
pub enum TurnedDown {
    /// It answered the operation with `Failure`.
    Failure,
    /// Its webhook refused it.
    Webhook {
        /// The status of its last answer; `None` if it gave none in all the attempts.
        status: Option<u16>,
    },
}

impl fmt::Display for TurnedDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure => f.write_str("it answered with Failure"),
            Self::Webhook { status: Some(status) } => write!(f, "its webhook answered {status}"),
            Self::Webhook { status: None } => f.write_str("its webhook did not answer"),
        }
    }
}

/// `operationRequestSource` of the operations API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestSource {
    /// The publisher, through the API.
    Partner,
    /// The customer, a CSP or Microsoft's billing, in the marketplace.
    Azure,
}

impl RequestSource {
    /// The source as the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Partner => "Partner",
            Self::Azure => "Azure",
        }
    }
}

/// `status` of the operations API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationStatus {
    /// Asked for (recorded 1.5 s after the 202; quirk Q30).
    NotStarted,
    /// Under way.
    InProgress,
    /// Ended: done.
    Succeeded,
    /// Ended: turned down.
    Failed,
    /// Ended: the subscription has become another one meanwhile.
    Conflict,
}

impl OperationStatus {
    /// The status as the API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "NotStarted",
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Conflict => "Conflict",
        }
    }

    /// Whether it stays so for ever.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Conflict)
    }
}

/// That an operation came to a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// The status.
    pub status: OperationStatus,
    /// When.
    pub at: Timestamp,
}

/// How long operations take: a setting of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Delays {
    /// No time: an operation has ended when its request is answered.
    None,
    /// About a second.
    #[default]
    Brief,
    /// As much as is known of the real service: seven seconds, and two before an operation is listed (inferred); half a
    /// minute for an activation, which takes no time otherwise.
    Live,
}

impl Delays {
    /// All of them, from none to the longest.
    pub const ALL: [Self; 3] = [Self::None, Self::Brief, Self::Live];

    /// The setting as the control API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Brief => "brief",
            Self::Live => "live",
        }
    }

    /// From the request to `InProgress`, in milliseconds.
    #[must_use]
    pub const fn until_started(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Brief => 500,
            Self::Live => 2_000,
        }
    }

    /// From `InProgress` to the end, in milliseconds.
    #[must_use]
    pub const fn until_ended(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Brief => 500,
            Self::Live => 5_000,
        }
    }

    /// From a publisher's *Activate* until the subscription shows it, in milliseconds (docs-new; quirk Q9).
    #[must_use]
    pub const fn until_activated(self) -> i64 {
        match self {
            Self::None | Self::Brief => 0,
            Self::Live => 30_000,
        }
    }

    /// From `InProgress` until the list of outstanding operations shows it, in milliseconds (emulator-note; quirk Q7).
    #[must_use]
    pub const fn until_listed(self) -> i64 {
        match self {
            Self::None | Self::Brief => 0,
            Self::Live => 2_000,
        }
    }
}

impl Operation {
    /// What it does.
    #[must_use]
    pub const fn action(&self) -> Action {
        match self.effect {
            Effect::ChangePlan { .. } => Action::ChangePlan,
            Effect::ChangeQuantity { .. } => Action::ChangeQuantity,
            Effect::Unsubscribe => Action::Unsubscribe,
            Effect::Renew => Action::Renew,
            Effect::Suspend => Action::Suspend,
            Effect::Reinstate => Action::Reinstate,
            Effect::Subscribe => Action::Subscribe,
            Effect::Revert { action } => action,
        }
    }

    /// The operation after a fact. Facts about its subscription and about other operations change nothing.
    #[must_use]
    pub fn apply(mut self, event: &Event, at: Timestamp) -> Self {
        let (of, status) = match event {
            Event::OperationStarted { operation, .. } => (operation, OperationStatus::InProgress),
            Event::OperationSucceeded { operation, .. } => (operation, OperationStatus::Succeeded),
            Event::OperationFailed { operation, .. } => (operation, OperationStatus::Failed),
            Event::OperationConflicted { operation, .. } => (operation, OperationStatus::Conflict),
            _ => return self,
        };
        if *of != self.id {
            return self;
        }
        self.status = status;
        self.transitions.push(Transition { status, at });
        self
    }

    /// Whether the list of outstanding operations shows it: only what is in progress (docs:operations-api), and that
    /// with some delay.
    #[must_use]
    pub fn is_listed(&self, now: Timestamp, delays: Delays) -> bool {
        let started = self.transitions.last().filter(|last| last.status == OperationStatus::InProgress);
        started.is_some_and(|started| started.at.plus_millis(delays.until_listed()) <= now)
    }
}
