//! The free month of a plan, which a customer has once: a trial can't be restarted (refund-policies page).

use super::{super::event::Event, Context, Decision, Subscription};

/// What becomes of the free month that a purchase was promised, before its billing may begin. Several may wait with the same
/// promise; the first that begins has the trial (inferred), and is no other's to have any more.
#[must_use]
pub fn keep_trial(subscription: &Subscription, trial_is_used: bool, context: Context) -> Decision {
    let mut decision = Decision::starting_at(context.first_entry);
    if subscription.free_trial && subscription.billing.is_none() && trial_is_used {
        decision.events.push(Event::TrialUsed {});
    }
    decision
}
