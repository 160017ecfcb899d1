//! Provisioning as a pure state machine: which step is next, and what an outcome makes of an account.
//!
//! Create account, assign licences, report them, activate: in this order, each once. Nothing here waits, calls or reads
//! a clock; `worker` does what [`next`] says and records what came of it.

use super::{
    answers::Answers,
    records::{Account, Licenses, Purchase, StepRecord, StepState},
};
use crate::domain::{catalogue::ProvisioningStep, ids::PublisherId, time::Timestamp};

/// Attempts at a step before it is left to a person.
pub const MAX_FAILURES: u32 = 8;
/// An activation may take minutes (docs-new).
const LOOKED_AGAIN_AFTER_MILLIS: i64 = 10 * 1_000;
const FIRST_DELAY_MILLIS: i64 = 1_000;
const LONGEST_DELAY_MILLIS: i64 = 5 * 60 * 1_000;

/// What is to be done for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Begin an attempt at a step.
    Begin {
        /// The step.
        step: ProvisioningStep,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// An attempt was begun and nothing is known of its outcome: find out before doing anything again.
    FindOut {
        /// The step.
        step: ProvisioningStep,
        /// The attempt that was begun.
        attempt: u32,
    },
    /// Nothing before this instant.
    Wait {
        /// When the next attempt is due.
        until: Timestamp,
    },
    /// Nothing until somebody asks to try again.
    Stopped,
    /// Nothing any more.
    Finished,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It did what it should.
    Done,
    /// It had been done already; nothing was repeated.
    AlreadyDone,
    /// The marketplace has taken it, and it has not taken effect: there is nothing to do but look again later.
    Taken,
    /// There is nothing to do on this marketplace.
    Skipped,
    /// It failed in a way that may pass.
    Failed(String),
    /// It failed in a way that trying again by itself won't change.
    Refused(String),
}

/// A new account, with all steps to do.
#[must_use]
pub fn open(
    pages: (String, String),
    publisher: PublisherId,
    purchase: Purchase,
    answers: Answers,
    now: Timestamp,
) -> Account {
    let step =
        |step| StepRecord { step, state: StepState::Todo, attempts: 0, failures: 0, resumed: 0, last_error: None };
    Account {
        account: pages.0,
        welcome: pages.1,
        publisher,
        purchase,
        answers: answers.values,
        users: answers.users,
        steps: ProvisioningStep::ALL.map(step).to_vec(),
        licenses: None,
        created: now,
        activation_taken: false,
        activated: None,
        suspended: false,
        closed: None,
        handled: Vec::new(),
    }
}

/// What is to be done now.
#[must_use]
pub fn next(account: &Account, now: Timestamp) -> Next {
    if account.closed.is_some() {
        return Next::Finished;
    }
    let Some(record) = account.steps.iter().find(|record| !record.state.is_over()) else { return Next::Finished };
    let step = record.step;
    match record.state {
        StepState::Waiting { until } if until > now => Next::Wait { until },
        StepState::Todo | StepState::Waiting { .. } => Next::Begin { step, attempt: record.attempts.saturating_add(1) },
        StepState::Running => Next::FindOut { step, attempt: record.attempts },
        StepState::Stopped => Next::Stopped,
        StepState::Done { .. } | StepState::AlreadyDone { .. } | StepState::Skipped { .. } => Next::Finished,
    }
}

/// Whether an attempt leaves this machine, so that a crash can cut it off halfway.
#[must_use]
pub const fn calls_out(step: ProvisioningStep) -> bool {
    matches!(step, ProvisioningStep::ReportLicenses | ProvisioningStep::Activate)
}

/// The account once an attempt at a step has begun.
#[must_use]
pub fn begun(account: &Account, step: ProvisioningStep) -> Account {
    changed(account, step, |record| {
        record.attempts = record.attempts.saturating_add(1);
        record.state = StepState::Running;
    })
}

/// The account once an attempt that a crash cut off is taken up again. It differs from before, so that of two who take
/// it up at once only one can commit.
#[must_use]
pub fn taken_up(account: &Account, step: ProvisioningStep) -> Account {
    changed(account, step, |record| record.resumed = record.resumed.saturating_add(1))
}

/// The account once an attempt has ended.
#[must_use]
pub fn ended(account: &Account, step: ProvisioningStep, end: &End, now: Timestamp) -> Account {
    let mut account = changed(account, step, |record| match end {
        End::Done => record.state = StepState::Done { at: now },
        End::AlreadyDone => record.state = StepState::AlreadyDone { at: now },
        End::Skipped => record.state = StepState::Skipped { at: now },
        End::Taken => {
            record.last_error = None;
            record.state = StepState::Waiting { until: now.plus_millis(LOOKED_AGAIN_AFTER_MILLIS) };
        }
        End::Failed(message) => {
            record.failures = record.failures.saturating_add(1);
            record.last_error = Some(message.clone());
            record.state = match delay_after(record.failures) {
                Some(millis) => StepState::Waiting { until: now.plus_millis(millis) },
                None => StepState::Stopped,
            };
        }
        End::Refused(message) => {
            record.failures = record.failures.saturating_add(1);
            record.last_error = Some(message.clone());
            record.state = StepState::Stopped;
        }
    });
    account.activation_taken |= *end == End::Taken;
    let is_over = matches!(end, End::Done | End::AlreadyDone);
    if is_over && step == ProvisioningStep::AssignLicenses {
        account.licenses = Some(assign(account.purchase.quantity, &account.users));
    }
    if is_over && step == ProvisioningStep::Activate {
        account.activated = Some(now);
    }
    account
}

/// The account once somebody asked to try again; `None` when there is nothing to try.
#[must_use]
pub fn tried_again(account: &Account) -> Option<(ProvisioningStep, Account)> {
    let record = account.steps.iter().find(|record| !record.state.is_over())?;
    if !matches!(record.state, StepState::Stopped | StepState::Waiting { .. }) {
        return None;
    }
    let step = record.step;
    let account = changed(account, step, |record| {
        record.state = StepState::Todo;
        record.failures = 0;
    });
    Some((step, account))
}

/// Milliseconds from a failure to the next attempt: 1 s, 2 s, 4 s and so on up to five minutes. `None` once it has
/// failed too often in a row.
#[must_use]
pub fn delay_after(failures: u32) -> Option<i64> {
    if failures >= MAX_FAILURES {
        return None;
    }
    let doublings = failures.saturating_sub(1).min(30);
    Some(FIRST_DELAY_MILLIS.saturating_mul(1 << doublings).min(LONGEST_DELAY_MILLIS))
}

/// Who gets a licence: the named users, never more than bought; the rest waits in a pool. A flat rate has no seats, so
/// its pool is empty.
#[must_use]
pub fn assign(bought: Option<u32>, users: &[String]) -> Licenses {
    let Some(bought) = bought else { return Licenses { named: users.to_vec(), pool: 0 } };
    let named: Vec<String> = users.iter().take(bought as usize).cloned().collect();
    let pool = bought.saturating_sub(u32::try_from(named.len()).unwrap_or(bought));
    Licenses { named, pool }
}

fn changed(account: &Account, step: ProvisioningStep, change: impl FnOnce(&mut StepRecord)) -> Account {
    let mut account = account.clone();
    if let Some(record) = account.steps.iter_mut().find(|record| record.step == step) {
        change(record);
    }
    account
}
