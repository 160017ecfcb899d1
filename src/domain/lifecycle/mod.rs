//! The life of an active subscription: its terms follow one another, it is suspended when a payment fails, comes back
//! when it is paid, and ends.
//!
//! Whatever the publisher is told of is an operation of Microsoft's (`Azure`); most of them have happened when they are
//! told (docs:webhook-2023).

#[cfg(test)]
mod tests;

use super::{
    catalogue::Offer,
    charges,
    event::Event,
    ids::OperationId,
    operation::{Action, Delays, Effect, Operation, Request, RequestSource, supersede},
    refusal::Refusal,
    rules::Reinstatement,
    subscription::{Command, Context, Decision, State, Status, Subscription, TimerPlan, decide},
    time::{Period, Term, Timestamp},
};

/// Days that a suspended subscription waits for its payment (docs:life-cycle).
const GRACE_DAYS: i32 = 30;

/// Whether something should have become of it by now: a deadline of its own has come. Only a timer knows when an activation
/// that is under way takes effect.
#[must_use]
pub fn is_overdue(subscription: &Subscription, now: Timestamp) -> bool {
    let has_come = |deadline: Option<Timestamp>| deadline.is_some_and(|deadline| deadline <= now);
    match (subscription.state, subscription.activating_since) {
        (State::Pending, Some(since)) => since < now,
        (State::Pending, None) => has_come(Some(subscription.activation_deadline)),
        (State::Subscribed { .. }, _) => {
            has_come(subscription.next_term_at()) || has_come(subscription.next_payment_at())
        }
        (State::Suspended { since, .. }, _) => {
            has_come(Some(since.plus(Period::days(GRACE_DAYS))))
                || has_come(subscription.next_term_at().filter(|_| !subscription.auto_renew))
        }
        (State::Unsubscribed { .. }, _) => false,
    }
}

/// Activates what was bought on a plan that wants no publisher for that; `None` on any other. The publisher is told once
/// it has happened (inferred from docs:subscription-new and docs:webhook-new).
///
/// # Errors
/// As for a publisher's activation.
pub fn auto_activate(
    subscription: &Subscription,
    offer: &Offer,
    id: OperationId,
    context: Context,
) -> Result<Option<Request>, Refusal> {
    if !offer.plan(&subscription.plan).is_some_and(|plan| plan.auto_activation) {
        return Ok(None);
    }
    let mut request = Request::of_microsoft(subscription, Effect::Subscribe, id, context);
    let first_entry = request.decision.next_entry();
    let activation = decide(subscription, Command::Activate { wait: 0 }, Context { first_entry, ..context })?;
    request.decision.events.extend(activation.events);
    request.decision.timers.extend(activation.timers);
    Ok(Some(succeeded(request)))
}

/// What becomes of a purchase whose activation fails on Microsoft's side: it ends, and the publisher is told (docs-new).
/// `None` if no activation is under way.
#[must_use]
pub fn activation_fails(subscription: &Subscription, id: OperationId, context: Context) -> Option<Request> {
    subscription.activating_since?;
    let mut request = Request::of_microsoft(subscription, Effect::Unsubscribe, id, context);
    request.decision.events.extend([Event::ActivationFailed {}, Event::Unsubscribed {}]);
    Some(succeeded(request))
}

/// What the end of a term brings, at the instant at which it ends. `None` if that is not the end of its term any more, or
/// if it is suspended and only waits: nothing is renewed then (docs:life-cycle).
#[must_use]
pub fn term_ends(subscription: &Subscription, due: Timestamp, id: OperationId, context: Context) -> Option<Request> {
    if subscription.next_term_at() != Some(due) {
        return None;
    }
    match subscription.state {
        // It ends with the cancellation that was granted before, and is renewed no more (inferred).
        State::Subscribed { .. } if subscription.auto_renew && is_being_cancelled(subscription) => None,
        State::Subscribed { .. } if !subscription.auto_renew => Some(end(subscription, id, context)),
        // Inferred.
        State::Suspended { .. } if !subscription.auto_renew => Some(end(subscription, id, context)),
        State::Subscribed { term } if subscription.payment_fails => Some(suspended(subscription, term, id, context)),
        State::Subscribed { .. } => Some(renewed(subscription, due, id, context)),
        State::Pending | State::Suspended { .. } | State::Unsubscribed { .. } => None,
    }
}

/// Whether its publisher has cancelled it, and that is under way.
fn is_being_cancelled(subscription: &Subscription) -> bool {
    subscription.outstanding.iter().any(|outstanding| outstanding.action == Action::Unsubscribe)
}

/// What becomes of a payment for a part of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payment {
    /// It is charged. The publisher is not told: a renewal is one of the term (inferred).
    Made(Decision),
    /// It failed.
    Failed(Request),
}

/// What comes when a part of a term is to be paid. `None` if that part is paid for already, or the subscription is not
/// active: it is made up for when it is active again.
#[must_use]
pub fn payment_due(subscription: &Subscription, due: Timestamp, id: OperationId, context: Context) -> Option<Payment> {
    let State::Subscribed { term } = subscription.state else { return None };
    if subscription.next_payment_at() != Some(due) || is_being_cancelled(subscription) {
        return None;
    }
    if subscription.payment_fails {
        return Some(Payment::Failed(suspended(subscription, term, id, context)));
    }
    let mut decision = Decision::starting_at(context.first_entry);
    let (entry, period) = (decision.next_entry(), subscription.payment_period(term, due));
    decision.events.push(Event::PaymentDue { period });
    let line = charges::cycle_fee(subscription, period, context.now, vec![entry]);
    decision.events.push(Event::Charged { line });
    if period.end < term.end {
        decision.timers.push(TimerPlan::PaymentDue { due: period.next_start() });
    }
    Some(Payment::Made(decision))
}

/// Suspends a subscription, because a payment has failed.
///
/// # Errors
/// [`Refusal::NotInStatus`] if it is not active: only active ones are suspended (docs:life-cycle).
pub fn suspend(subscription: &Subscription, id: OperationId, context: Context) -> Result<Request, Refusal> {
    match subscription.state {
        State::Subscribed { term } => Ok(suspended(subscription, term, id, context)),
        State::Pending | State::Suspended { .. } | State::Unsubscribed { .. } => {
            Err(Refusal::NotInStatus { status: subscription.state.status(), action: "a suspension" })
        }
    }
}

/// Brings a suspended subscription back, because it is paid for again. The publisher is told while that is in progress
/// (docs:webhook-2023).
///
/// # Errors
/// [`Refusal::NotInStatus`] if it is not suspended; [`Refusal::OperationPending`] if it is on its way back.
pub fn reinstate(
    subscription: &Subscription,
    id: OperationId,
    delays: Delays,
    context: Context,
) -> Result<Request, Refusal> {
    let status = subscription.state.status();
    if status != Status::Suspended {
        return Err(Refusal::NotInStatus { status, action: "a reinstatement" });
    }
    if let Some(pending) = subscription.outstanding.first() {
        return Err(Refusal::OperationPending(pending.operation));
    }
    let mut request = Request::of_microsoft(subscription, Effect::Reinstate, id, context);
    let action = request.operation.action();
    request.decision.events.push(Event::OperationStarted { operation: id, action });
    // Under the old rule it goes on with the publisher's answer, and waits for it.
    if context.rules.reinstatement == Reinstatement::Regardless {
        let due = context.now.plus_millis(delays.until_ended());
        request.decision.timers.push(TimerPlan::OperationStep { due, operation: id });
    }
    Ok(request)
}

/// When a subscription ends that is suspended, unless it is paid.
#[must_use]
pub fn grace_ends_at(suspended_at: Timestamp) -> Timestamp {
    suspended_at.plus(Period::days(GRACE_DAYS))
}

/// What the end of the grace brings; `None` if it was reinstated meanwhile.
#[must_use]
pub fn grace_ends(
    subscription: &Subscription,
    suspended_at: Timestamp,
    id: OperationId,
    context: Context,
) -> Option<Request> {
    match subscription.state {
        State::Suspended { since, .. } if since == suspended_at => Some(end(subscription, id, context)),
        State::Pending | State::Subscribed { .. } | State::Suspended { .. } | State::Unsubscribed { .. } => None,
    }
}

/// The end of a subscription that nobody has asked for.
fn end(subscription: &Subscription, id: OperationId, context: Context) -> Request {
    let mut request = Request::of_microsoft(subscription, Effect::Unsubscribe, id, context);
    request.decision.events.push(Event::Unsubscribed {});
    supersede(subscription, &mut request.decision);
    succeeded(request)
}

fn suspended(subscription: &Subscription, term: Term, id: OperationId, context: Context) -> Request {
    let mut request = Request::of_microsoft(subscription, Effect::Suspend, id, context);
    request.decision.events.push(Event::Suspended { term });
    let due = grace_ends_at(context.now);
    request.decision.timers.push(TimerPlan::GraceEnds { due, suspended_at: context.now });
    succeeded(request)
}

/// The next term, and its fee. A trial turns into a paid subscription, whose terms are counted from then on.
fn renewed(subscription: &Subscription, due: Timestamp, id: OperationId, context: Context) -> Request {
    let mut request = Request::of_microsoft(subscription, Effect::Renew, id, context);
    begin_term(subscription, next_term(subscription, due), &mut request.decision, context);
    succeeded(request)
}

/// The term that starts at an instant at which one ends: counted from the first, so that a 31st does not drift.
fn next_term(subscription: &Subscription, due: Timestamp) -> Term {
    match subscription.billing {
        Some(billing) if !subscription.free_trial => billing.term.containing(due, &subscription.term_unit),
        _ => Term::starting(due, &subscription.term_unit),
    }
}

/// Begins a paid term: the fact, its fee, and the timer of its end.
pub(super) fn begin_term(subscription: &Subscription, term: Term, decision: &mut Decision, context: Context) {
    let began = decision.next_entry();
    decision.events.push(Event::TermBegan { term, after_trial: subscription.free_trial });
    decision.charge_term(subscription, term, context.now, vec![began]);
}

fn succeeded(mut request: Request) -> Request {
    let action = request.operation.action();
    request.decision.events.push(Event::OperationSucceeded { operation: request.operation.id, action });
    request
}

impl Request {
    /// An operation that Microsoft starts by itself, with the fact that it was asked for.
    fn of_microsoft(subscription: &Subscription, effect: Effect, id: OperationId, context: Context) -> Self {
        let operation = Operation::requested(subscription, RequestSource::Azure, id, context);
        let operation = Operation { effect, ..operation };
        let mut decision = Decision::starting_at(context.first_entry);
        decision.events.push(operation.request());
        Self { operation, decision }
    }
}
