//! The free month of a plan, which a customer has once: a trial can't be restarted (refund-policies page).

use super::{super::event::Event, Context, Decision, Subscription};

/// Whether a purchase was promised a free month that has not begun.
#[must_use]
pub const fn waits_with_trial(subscription: &Subscription) -> bool {
    subscription.free_trial && subscription.billing.is_none()
}

/// What becomes of the free month that a purchase was promised, before its billing may begin. Several may wait with the same
/// promise; the first that begins has the trial (inferred), and is no other's to have any more.
#[must_use]
pub fn keep_trial(subscription: &Subscription, trial_is_used: bool, context: Context) -> Decision {
    let mut decision = Decision::starting_at(context.first_entry);
    if trial_is_used && waits_with_trial(subscription) {
        decision.events.push(Event::TrialUsed {});
    }
    decision
}
