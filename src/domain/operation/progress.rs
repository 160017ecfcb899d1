//! How an operation goes on: by itself, when its time has come, or by the publisher's answer.

use super::{
    super::{
        charges,
        event::Event,
        ids::OperationId,
        lifecycle::begin_term,
        refusal::Refusal,
        rules::{AnswerWord, FailureAnswer, OwnOperationAnswer, Reinstatement, RevertWebhook},
        subscription::{Context, Decision, Status, Subscription, TimerPlan},
        time::Term,
    },
    Action, Delays, Effect, Operation, OperationStatus, Request, RequestSource, TurnedDown,
    request::end,
};

/// What a publisher says to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// `Success`.
    Success,
    /// `Failure`.
    Failure,
    /// Any other word: accepted, and without effect (emulator-note; quirk Q4).
    NoSuchWord,
}

impl Verdict {
    /// The verdict of a status as a publisher spells it.
    #[must_use]
    pub fn read(status: &str) -> Self {
        if status.eq_ignore_ascii_case("Success") {
            Self::Success
        } else if status.eq_ignore_ascii_case("Failure") {
            Self::Failure
        } else {
            Self::NoSuchWord
        }
    }
}

/// Takes an operation to its next status. One that has ended stays as it is.
#[must_use]
pub fn step(operation: &Operation, subscription: &Subscription, delays: Delays, context: Context) -> Decision {
    let mut decision = Decision::starting_at(context.first_entry);
    let fits = fits(operation, subscription);
    match operation.status {
        OperationStatus::NotStarted | OperationStatus::InProgress if !fits => {
            decision.events.push(Event::OperationConflicted { operation: operation.id, action: operation.action() });
        }
        OperationStatus::NotStarted => {
            decision.events.push(Event::OperationStarted { operation: operation.id, action: operation.action() });
            let due = context.now.plus_millis(delays.until_ended());
            decision.timers.push(TimerPlan::OperationStep { due, operation: operation.id });
        }
        OperationStatus::InProgress => succeed(operation, subscription, &mut decision, context),
        OperationStatus::Succeeded | OperationStatus::Failed | OperationStatus::Conflict => {}
    }
    decision
}

/// What comes of a publisher's answer to an operation.
///
/// # Errors
/// [`Refusal::OperationEnded`] once it has ended. [`Refusal::OwnOperation`] for one that the publisher started itself
/// (emulator-note; quirk Q5). Which of the two is checked first is inferred. [`Refusal::NoSuchAnswer`] where the words of
/// answers are checked (quirk Q4).
pub fn answer(
    operation: &Operation,
    subscription: &Subscription,
    verdict: Verdict,
    context: Context,
) -> Result<Decision, Refusal> {
    if operation.status.is_final() {
        return Err(Refusal::OperationEnded { operation: operation.id, status: operation.status });
    }
    let rules = context.rules;
    if operation.source == RequestSource::Partner && rules.own_operation_answer == OwnOperationAnswer::ServerError {
        return Err(Refusal::OwnOperation(operation.id));
    }
    let mut decision = Decision::starting_at(context.first_entry);
    let (id, action) = (operation.id, operation.action());
    match verdict {
        Verdict::NoSuchWord if rules.answer_word == AnswerWord::Checked => return Err(Refusal::NoSuchAnswer),
        Verdict::NoSuchWord => {}
        // A publisher has no say in it (docs:webhook-new, emulator-code; quirk Q13).
        _ if operation.action() == Action::Reinstate && rules.reinstatement == Reinstatement::Regardless => {}
        Verdict::Success if fits(operation, subscription) => succeed(operation, subscription, &mut decision, context),
        Verdict::Success => decision.events.push(Event::OperationConflicted { operation: id, action }),
        Verdict::Failure if rules.failure_answer == FailureAnswer::Ignored => {}
        Verdict::Failure => {
            decision.events.push(Event::OperationFailed { operation: id, action, how: TurnedDown::Failure })
        }
    }
    Ok(decision)
}

/// The operation that takes a change back which its publisher has turned down, if the sandbox has such: it names the
/// present plan and quantity, and changes nothing (accelerator; quirk Q42).
#[must_use]
pub fn revert(
    operation: &Operation,
    subscription: &Subscription,
    facts: &[Event],
    id: OperationId,
    context: Context,
) -> Option<Request> {
    let is_turned_down = facts
        .iter()
        .any(|fact| matches!(fact, Event::OperationFailed { operation: failed, .. } if *failed == operation.id));
    let is_change = matches!(operation.effect, Effect::ChangePlan { .. } | Effect::ChangeQuantity { .. });
    if !is_turned_down || !is_change || context.rules.revert_webhook == RevertWebhook::Never {
        return None;
    }
    let action = operation.action();
    let reverting = Operation::requested(subscription, RequestSource::Azure, id, context);
    let reverting = Operation { effect: Effect::Revert { action }, ..reverting };
    let mut decision = Decision::starting_at(context.first_entry);
    decision.events.push(reverting.request());
    decision.events.push(Event::OperationStarted { operation: id, action });
    Some(Request { operation: reverting, decision })
}

/// Whether the subscription is still one that the operation can be done to: a change needs an active one.
fn fits(operation: &Operation, subscription: &Subscription) -> bool {
    match operation.effect {
        Effect::ChangePlan { .. } | Effect::ChangeQuantity { .. } => subscription.state.status() == Status::Subscribed,
        Effect::Reinstate => subscription.state.status() == Status::Suspended,
        Effect::Unsubscribe | Effect::Renew | Effect::Suspend | Effect::Subscribe | Effect::Revert { .. } => true,
    }
}

/// The effect, then the end: whoever reads that it succeeded finds the subscription changed.
fn succeed(operation: &Operation, subscription: &Subscription, decision: &mut Decision, context: Context) {
    let fact = decision.next_entry();
    // What is not billed, or free, costs nothing to change.
    let billed_term = subscription.state.term().filter(|_| subscription.billing.is_some() && !subscription.free_trial);
    match &operation.effect {
        Effect::ChangePlan { plan_name, unit_price, free_trial } => {
            decision.events.push(Event::PlanChanged {
                from: subscription.plan.clone(),
                to: operation.plan.clone(),
                plan_name: plan_name.clone(),
                unit_price: *unit_price,
                free_trial: *free_trial,
            });
            if let Some(term) = billed_term {
                let plan = (plan_name.as_str(), *unit_price);
                let lines = charges::plan_changed(subscription, term, plan, context.now, &[fact]);
                decision.events.extend(lines.map(|line| Event::Charged { line }));
            } else if subscription.billing.is_some() && subscription.free_trial && !free_trial {
                // A plan without a trial ends the trial at once (docs:plans-pricing).
                let on_it = Subscription {
                    plan_name: plan_name.clone(),
                    unit_price: *unit_price,
                    free_trial: true,
                    ..subscription.clone()
                };
                let term = Term::starting(context.now, &subscription.term_unit);
                begin_term(&on_it, term, decision, context);
            }
        }
        Effect::ChangeQuantity { to } => {
            decision.events.push(Event::QuantityChanged { from: subscription.quantity, to: *to });
            if let Some(term) = billed_term {
                let lines = charges::seats_changed(subscription, term, *to, context.now, &[fact]);
                decision.events.extend(lines.map(|line| Event::Charged { line }));
            }
        }
        // It may have ended meanwhile, because nobody activated it in time.
        Effect::Unsubscribe if subscription.state.status() == Status::Unsubscribed => {}
        Effect::Unsubscribe => end(subscription, decision, context),
        Effect::Reinstate => {
            if let Some(term) = subscription.state.term() {
                decision.events.push(Event::Reinstated { term });
            }
            // What was to be paid while it was suspended is paid now, and what ended is renewed.
            if let Some(due) = subscription.next_payment_at() {
                decision.timers.push(TimerPlan::PaymentDue { due });
            }
            if let Some(due) = subscription.next_term_at() {
                decision.timers.push(TimerPlan::TermEnds { due });
            }
        }
        // They have happened when they come to be.
        Effect::Renew | Effect::Suspend | Effect::Subscribe | Effect::Revert { .. } => {}
    }
    decision.events.push(Event::OperationSucceeded { operation: operation.id, action: operation.action() });
}
