//! The one match over states and commands, and what follows from a decision.

use super::{
    super::{
        catalogue::ConfirmationKind,
        charges,
        event::{Event, Seq},
        ids::OperationId,
        operation::Wish,
        purchase_token::AuthorizationCode,
        refusal::Refusal,
        rules::{ActivateAgain, ActivateBody, Rules},
        time::{Term, Timestamp},
    },
    State, Subscription,
};

/// What can be asked of a subscription that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// A fresh link is wanted.
    IssueCode(&'a AuthorizationCode),
    /// The publisher showed a code that opened.
    Resolve,
    /// The publisher reports that licences are assigned.
    ReportLicenses {
        /// Seats that went to named users.
        assigned: u32,
    },
    /// The publisher activates.
    Activate {
        /// How long that takes, in milliseconds.
        wait: i64,
    },
    /// An activation takes effect.
    ActivationTakesEffect,
    /// A code's life is over.
    CodeLifeEnds {
        /// When it was issued.
        issued_at: Timestamp,
    },
    /// The time to activate is over.
    ActivationOverdue,
}

/// What a decision needs to know besides the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The sandbox's time.
    pub now: Timestamp,
    /// The journal entry that the first event will get.
    pub first_entry: Seq,
    /// What the sandbox does where that is a choice.
    pub rules: Rules,
}

/// A deadline that follows from a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerPlan {
    /// A code stops resolving.
    CodeLifeEnds {
        /// When.
        due: Timestamp,
        /// When the code was issued.
        issued_at: Timestamp,
    },
    /// The purchase is cancelled if nobody has activated it.
    ActivationOverdue {
        /// When.
        due: Timestamp,
    },
    /// An activation takes effect, or fails.
    ActivationTakesEffect {
        /// When.
        due: Timestamp,
    },
    /// An operation goes on to its next status.
    OperationStep {
        /// When.
        due: Timestamp,
        /// Which one.
        operation: OperationId,
    },
    /// A term ends.
    TermEnds {
        /// When the next one would start.
        due: Timestamp,
    },
    /// The next part of a term is to be paid.
    PaymentDue {
        /// When the part begins.
        due: Timestamp,
    },
    /// A suspended subscription ends if it has not been paid.
    GraceEnds {
        /// When.
        due: Timestamp,
        /// Which suspension: the one of then.
        suspended_at: Timestamp,
    },
}

/// What follows from a command: facts, and the deadlines that come with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The entry number of the first event; the others follow without gaps.
    first_entry: Seq,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Deadlines to be kept.
    pub timers: Vec<TimerPlan>,
}

impl Decision {
    /// Nothing yet.
    #[must_use]
    pub const fn starting_at(first_entry: Seq) -> Self {
        Self { first_entry, events: Vec::new(), timers: Vec::new() }
    }

    /// The events with their entry numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (Seq, &Event)> {
        (self.first_entry.0..).map(Seq).zip(&self.events)
    }

    pub(super) fn issue(&mut self, code: &AuthorizationCode) {
        self.events.push(Event::CodeIssued { expires_at: code.expires_at });
        self.timers.push(TimerPlan::CodeLifeEnds { due: code.expires_at, issued_at: code.issued_at });
    }

    /// The fee of a term that begins, or its first part, and the deadlines that come with it.
    pub(in crate::domain) fn charge_term(
        &mut self,
        subscription: &Subscription,
        term: Term,
        now: Timestamp,
        caused_by: Vec<Seq>,
    ) {
        let period = subscription.payment_period(term, Timestamp::midnight(term.start));
        let line = charges::term_fee(subscription, period, now, caused_by);
        self.events.push(Event::Charged { line });
        if period != term {
            self.timers.push(TimerPlan::PaymentDue { due: period.next_start() });
        }
        self.timers.push(TimerPlan::TermEnds { due: term.next_start() });
    }

    /// The entry that the next event will get.
    pub(in crate::domain) fn next_entry(&self) -> Seq {
        Seq(self.first_entry.0.saturating_add(self.events.len() as u64))
    }
}

/// Decides a command: what happens, or the rule that says no. A command that repeats what is already so succeeds and
/// changes nothing.
///
/// # Errors
/// The [`Refusal`] that the state and the command lead to.
pub fn decide(subscription: &Subscription, command: Command<'_>, context: Context) -> Result<Decision, Refusal> {
    let mut decision = Decision::starting_at(context.first_entry);
    let status = subscription.state.status();
    let refused = |action| Err(Refusal::NotInStatus { status, action });
    match (&subscription.state, command) {
        // The way to the publisher stays open to one that is suspended (inferred).
        (State::Pending | State::Subscribed { .. } | State::Suspended { .. }, Command::IssueCode(code)) => {
            decision.issue(code)
        }
        (State::Unsubscribed { .. }, Command::IssueCode(_)) => return refused("a link to the publisher"),
        // Resolve works in every status (docs:subscription-api).
        (
            State::Pending | State::Subscribed { .. } | State::Suspended { .. } | State::Unsubscribed { .. },
            Command::Resolve,
        ) => {
            decision.events.push(Event::Resolved { status });
        }
        (State::Pending | State::Subscribed { .. } | State::Suspended { .. }, Command::ReportLicenses { assigned }) => {
            let pool = spare_licenses(subscription, assigned)?;
            if subscription.confirmations.licenses_assigned.is_none() {
                decision.events.push(Event::LicensesAssigned { assigned, pool });
                start_billing(subscription, &mut decision, context);
            }
        }
        (State::Unsubscribed { .. }, Command::ReportLicenses { .. }) => return refused("assigning licences"),
        // Asked for again while it is under way: success, and nothing happens (inferred).
        (State::Pending, Command::Activate { .. }) if subscription.activating_since.is_some() => {}
        (State::Pending, Command::Activate { wait }) if wait > 0 || subscription.activation_fails => {
            let effective_at = context.now.plus_millis(wait);
            decision.events.push(Event::ActivationRequested { effective_at });
            decision.timers.push(TimerPlan::ActivationTakesEffect { due: effective_at });
        }
        (State::Pending, Command::Activate { .. }) => activate(subscription, &mut decision, context),
        (State::Pending, Command::ActivationTakesEffect) => {
            if subscription.activating_since.is_some() {
                activate(subscription, &mut decision, context);
            }
        }
        // Quirk Q10.
        (State::Subscribed { .. }, Command::Activate { .. })
            if context.rules.activate_again == ActivateAgain::Refused =>
        {
            return refused("activation");
        }
        (State::Subscribed { .. }, Command::Activate { .. }) => {}
        (State::Suspended { .. } | State::Unsubscribed { .. }, Command::Activate { .. }) => {
            return refused("activation");
        }
        (State::Pending, Command::CodeLifeEnds { issued_at }) => {
            decision.events.push(Event::CodeExpired { issued_at });
        }
        // An activation that was taken in time stays taken, however long it takes (inferred).
        (State::Pending, Command::ActivationOverdue) if subscription.activating_since.is_some() => {}
        (State::Pending, Command::ActivationOverdue) => decision.events.push(Event::NotActivatedInTime {}),
        (
            State::Subscribed { .. } | State::Suspended { .. } | State::Unsubscribed { .. },
            Command::CodeLifeEnds { .. } | Command::ActivationOverdue | Command::ActivationTakesEffect,
        ) => {}
    }
    Ok(decision)
}

/// The activation, now that it takes effect.
fn activate(subscription: &Subscription, decision: &mut Decision, context: Context) {
    decision.events.push(Event::Activated { term: Term::starting(context.now, &subscription.term_unit) });
    start_billing(subscription, decision, context);
}

/// What an *Activate* says of plan and quantity, where that is looked at (docs:subscription-api of 2020 to 2022).
///
/// # Errors
/// [`Refusal::ActivatedOtherwise`] if it is not what was bought, or the plan is missing.
pub fn check_activation(subscription: &Subscription, says: &Wish, rules: Rules) -> Result<(), Refusal> {
    if rules.activate_body == ActivateBody::Ignored {
        return Ok(());
    }
    let otherwise = |field, missing| Err(Refusal::ActivatedOtherwise { field, missing });
    match says.plan.as_deref().map(str::trim) {
        None | Some("") => return otherwise("planId", true),
        Some(plan) if plan != subscription.plan.as_str() => return otherwise("planId", false),
        Some(_) => {}
    }
    match (says.quantity, subscription.quantity) {
        (Some(said), Some(bought)) if said != i64::from(bought.get()) => otherwise("quantity", false),
        _ => Ok(()),
    }
}

/// Seats that are left when `assigned` have gone to named users. A flat rate has no number of seats to exceed.
fn spare_licenses(subscription: &Subscription, assigned: u32) -> Result<u32, Refusal> {
    let Some(bought) = subscription.quantity.map(u32::from) else { return Ok(0) };
    bought.checked_sub(assigned).ok_or(Refusal::TooManyLicenses { assigned, bought })
}

/// Starts billing if the events decided so far complete what it waits for: the start is the later confirmation, and the
/// first term is charged.
fn start_billing(subscription: &Subscription, decision: &mut Decision, context: Context) {
    if subscription.billing.is_some() {
        return;
    }
    let confirmed =
        decision.numbered().fold(subscription.clone(), |state, (entry, event)| state.apply(event, context.now, entry));
    let Some(at) = confirmed.confirmations.complete_since() else { return };
    let confirmed_by: Vec<Seq> = confirmed
        .confirmations
        .waits_for
        .iter()
        .filter_map(|kind: ConfirmationKind| confirmed.confirmations.of(kind))
        .map(|confirmation| confirmation.entry)
        .collect();
    let term = Term::starting(at, &subscription.term_unit);
    let started = decision.next_entry();
    decision.events.push(Event::BillingStarted { at, term, confirmed_by: confirmed_by.clone() });
    let caused_by = confirmed_by.into_iter().chain([started]).collect();
    if subscription.free_trial {
        let line = charges::trial(subscription, at, context.now, caused_by);
        decision.timers.push(TimerPlan::TermEnds { due: line.period.next_start() });
        decision.events.push(Event::Charged { line });
    } else {
        decision.charge_term(subscription, term, context.now, caused_by);
    }
}
