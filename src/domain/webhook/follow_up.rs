//! What follows from an attempt.

use super::{
    super::{
        event::Event,
        operation::{Operation, OperationStatus, RequestSource, TurnedDown},
        rules::AnswerWindow,
        subscription::{Context, Decision, TimerPlan},
        time::Timestamp,
    },
    Delivery, DeliveryState, Heard, Sent, needs_answer,
};

/// Attempts after the first, and the time over which they are spread, in milliseconds (docs:webhook-2022). How they are
/// spaced is not documented: evenly.
const RETRIES: u32 = 500;
const RETRIED_FOR_MILLIS: i64 = 8 * 60 * 60 * 1000;

/// A change that the publisher has been told of is accepted if it says nothing for so long, in milliseconds
/// (docs:life-cycle). Counted from its answer (emulator-code).
const WINDOW_MILLIS: i64 = 10_000;

/// What follows from an attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    /// The delivery as it is now.
    pub delivery: Delivery,
    /// When it is to be attempted again, if it is.
    pub again: Option<Timestamp>,
    /// What becomes of the operation.
    pub decision: Decision,
}

/// Who made an attempt, and when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// The run of the server that made it.
    pub run: u64,
    /// When the webhook was called.
    pub began: Timestamp,
    /// How often somebody had handled the delivery by then.
    pub handled: u32,
    /// Whether a server that was stopped may have made it before.
    pub repeated: bool,
}

/// Decides what follows from an attempt; `operation` is the operation as it is now.
#[must_use]
pub fn follow_up(delivery: Delivery, operation: &Operation, sent: Sent, made: Made, context: Context) -> FollowUp {
    let heard = sent.heard(context.rules);
    let has_webhook = sent != Sent::NoWebhook;
    let how = TurnedDown::Webhook { status: sent.status() };
    let mut delivery = delivery.attempted(sent, context.now, made);
    let mut decision = Decision::starting_at(context.first_entry);
    let is_handled_since = delivery.handled != made.handled;
    let (outcome, again) = match heard {
        Heard::Yes if has_webhook => (DeliveryState::Delivered, None),
        Heard::Yes => (DeliveryState::NoWebhook, None),
        Heard::No => (DeliveryState::Refused, None),
        Heard::Unknown if is_handled_since => (DeliveryState::Waiting, None),
        Heard::Unknown => {
            delivery.failures = delivery.failures.saturating_add(1);
            let is_superseded = operation.status == OperationStatus::Conflict;
            match next_attempt(delivery.failures, context.now).filter(|_| !is_superseded) {
                None if is_superseded => (DeliveryState::Withdrawn, None),
                None => (DeliveryState::GivenUp, None),
                again => (DeliveryState::Waiting, again),
            }
        }
    };
    // Held or asked for again while the call was out: that stands. Only what the publisher has heard can't be held any more.
    let is_heard_though_held = delivery.state == DeliveryState::Held && heard != Heard::Unknown;
    if !is_handled_since || is_heard_though_held {
        delivery.state = outcome;
        delivery.next_attempt = again;
    }
    // A publisher's own operation goes on by itself, whatever it answers; so does what only informs.
    let waits =
        operation.source == RequestSource::Azure && needs_answer(operation.action()) && !operation.status.is_final();
    match outcome {
        DeliveryState::Delivered | DeliveryState::NoWebhook if waits => {
            let from = match context.rules.answer_window {
                AnswerWindow::FromAnswer => context.now,
                AnswerWindow::FromSending => made.began,
            };
            let due = from.plus_millis(WINDOW_MILLIS).max(context.now);
            decision.timers.push(TimerPlan::OperationStep { due, operation: operation.id });
        }
        DeliveryState::Refused | DeliveryState::GivenUp if waits => {
            decision.events.push(Event::OperationFailed { operation: operation.id, action: operation.action(), how });
        }
        DeliveryState::Waiting
        | DeliveryState::Held
        | DeliveryState::Delivered
        | DeliveryState::Refused
        | DeliveryState::GivenUp
        | DeliveryState::NoWebhook
        | DeliveryState::Withdrawn => {}
    }
    FollowUp { delivery, again, decision }
}

/// When to try again after so many attempts in vain; `None` once it is enough.
fn next_attempt(failures: u32, now: Timestamp) -> Option<Timestamp> {
    (failures <= RETRIES).then(|| now.plus_millis(RETRIED_FOR_MILLIS / i64::from(RETRIES)))
}
