//! Deadlines on sandbox time: what a timer does when it is due, and who sees to it.
//!
//! Timers of the marketplace are commands like any other. Work of the stand-in publisher is done by the publisher
//! itself, outside the mailbox, because it calls the marketplace over HTTP.

use std::{ops::RangeInclusive, sync::Arc};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    customer_gone::{self, SeenTo},
    desk::{Desk, decode},
    error::AppError,
    fulfillment::{load_subscription, save},
    holds::{BrokenOff, Hold},
    invoicing,
    journal::Player,
    lifecycle,
    mailbox::Command,
    operations,
    outbound::{ClaimedTimer, Outside},
    sandbox::{Sandbox, TimerMode},
};
use crate::{
    domain::{
        event::Seq,
        ids::{CustomerId, OperationId, PartnerId, SandboxId, SubscriptionId},
        invoice::Month,
        money::Currency,
        subscription::{self, decide},
        time::Timestamp,
    },
    store::{Claimed, Direction, Key, KeyRange},
};

/// Publisher work that runs at the same time in one sandbox.
const WORK_AT_ONCE: usize = 32;
/// How long it takes until something is looked at again that is due and in somebody's hands, in milliseconds.
const AGAIN_MILLIS: u64 = 250;

/// A deadline as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredTimer {
    /// When it is due, in sandbox time.
    pub due: Timestamp,
    /// What it does.
    pub what: Due,
    /// Later timers that were set with it, earliest first: they are put down when this one has run, so that a purchase
    /// costs one document for all of its timers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) then: Vec<Self>,
}

impl StoredTimer {
    /// A timer on its own.
    pub(super) const fn new(due: Timestamp, what: Due) -> Self {
        Self { due, what, then: Vec::new() }
    }
}

/// Sets the timers of the command whose first entry has this number: the earliest is put down, under `index`, the others
/// with it.
pub(super) fn set_timers(
    desk: &mut Desk<'_>,
    entry: Seq,
    index: u64,
    mut timers: Vec<StoredTimer>,
) -> Result<(), AppError> {
    timers.sort_by_key(|timer| timer.due);
    let mut timers = timers.into_iter();
    let Some(mut first) = timers.next() else { return Ok(()) };
    first.then.extend(timers);
    let key = desk.space().timer(first.due, entry, index);
    desk.put(key, &first)
}

/// What is to be done at a deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Due {
    /// An authorization code stops resolving.
    CodeLifeEnds {
        /// Of which subscription.
        subscription: SubscriptionId,
        /// Which code: the one issued then.
        issued_at: Timestamp,
    },
    /// A purchase that nobody has activated is cancelled.
    ActivationOverdue {
        /// Which one.
        subscription: SubscriptionId,
    },
    /// An activation takes effect, or fails.
    ActivationTakesEffect {
        /// Of which subscription.
        subscription: SubscriptionId,
    },
    /// An operation goes on to its next status.
    OperationStep {
        /// On which subscription.
        subscription: SubscriptionId,
        /// Which one.
        operation: OperationId,
    },
    /// A term ends.
    TermEnds {
        /// Of which subscription.
        subscription: SubscriptionId,
    },
    /// The next part of a term is to be paid.
    PaymentDue {
        /// Of which subscription.
        subscription: SubscriptionId,
    },
    /// A suspended subscription ends if it has not been paid.
    GraceEnds {
        /// Which one.
        subscription: SubscriptionId,
        /// Which suspension: the one of then.
        suspended_at: Timestamp,
    },
    /// A publisher's webhook is to be called.
    Delivery {
        /// About which subscription.
        subscription: SubscriptionId,
        /// About which operation on it.
        operation: OperationId,
    },
    /// A partner's invoice is there.
    InvoiceReady {
        /// Whose.
        partner: PartnerId,
        /// Of which month.
        month: Month,
        /// In which currency.
        currency: Currency,
    },
    /// More of what was bought for a customer that is gone is to be ended.
    CustomerGone {
        /// Which customer.
        customer: CustomerId,
        /// What was seen to last.
        after: SeenTo,
    },
    /// A code of somebody's sign-in that was exchanged could not be exchanged any more: that it was need not be known.
    SignInCodeEnds {},
    /// A partner's own program is to be told of something.
    Notice {
        /// Whose.
        partner: PartnerId,
        /// Of what.
        notice: Uuid,
    },
    /// The stand-in publisher has something to do.
    PublisherWork {
        /// The work's name, which is the publisher's own.
        work: String,
    },
}

impl Due {
    /// The kind, as the control API spells it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CodeLifeEnds { .. } => "codeLifeEnds",
            Self::ActivationOverdue { .. } => "activationOverdue",
            Self::ActivationTakesEffect { .. } => "activationTakesEffect",
            Self::OperationStep { .. } => "operationStep",
            Self::TermEnds { .. } => "termEnds",
            Self::PaymentDue { .. } => "paymentDue",
            Self::GraceEnds { .. } => "graceEnds",
            Self::Delivery { .. } => "delivery",
            Self::InvoiceReady { .. } => "invoiceReady",
            Self::CustomerGone { .. } => "customerGone",
            Self::SignInCodeEnds {} => "signInCodeEnds",
            Self::Notice { .. } => "notice",
            Self::PublisherWork { .. } => "publisherWork",
        }
    }

    /// Whether the marketplace does it by itself, calling nobody.
    pub(super) const fn is_command(&self) -> bool {
        !matches!(self, Self::Delivery { .. } | Self::Notice { .. } | Self::PublisherWork { .. })
    }

    /// The subscription that it concerns.
    #[must_use]
    pub const fn subscription(&self) -> Option<SubscriptionId> {
        match self {
            Self::CodeLifeEnds { subscription, .. }
            | Self::ActivationOverdue { subscription }
            | Self::ActivationTakesEffect { subscription }
            | Self::OperationStep { subscription, .. }
            | Self::TermEnds { subscription }
            | Self::PaymentDue { subscription }
            | Self::GraceEnds { subscription, .. }
            | Self::Delivery { subscription, .. } => Some(*subscription),
            Self::InvoiceReady { .. }
            | Self::CustomerGone { .. }
            | Self::SignInCodeEnds {}
            | Self::Notice { .. }
            | Self::PublisherWork { .. } => None,
        }
    }
}

/// Whoever does the publisher's work when it is due.
pub trait PublisherWork: std::fmt::Debug + Send + Sync {
    /// Does the work of that name as far as it goes now, and commits what becomes of it.
    fn run<'a>(&'a self, sandbox: &'a SandboxId, work: &'a str) -> BoxFuture<'a, ()>;
}

impl Sandbox {
    /// The earliest timer.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn next_timer(&self) -> Result<Option<StoredTimer>, AppError> {
        Ok(self.earliest_timer().await?.map(|(_, timer)| timer))
    }

    /// The next timers, earliest first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn next_timers(&self, limit: usize) -> Result<Vec<StoredTimer>, AppError> {
        let range = KeyRange::under(&self.world.space.timers());
        let found = self.store.scan(&range, Direction::Ascending, limit).await?;
        let mut timers = Vec::with_capacity(found.len());
        for (key, document) in found {
            let mut timer: StoredTimer = decode(&key, &document.bytes)?;
            // Later ones lie with the one that they were set with.
            timers.append(&mut timer.then);
            timers.push(timer);
        }
        timers.sort_by_key(|timer| timer.due);
        timers.truncate(limit);
        Ok(timers)
    }

    pub(super) async fn earliest_timer(&self) -> Result<Option<(Key, StoredTimer)>, AppError> {
        let range = KeyRange::under(&self.world.space.timers());
        let found = self.store.scan(&range, Direction::Ascending, 1).await?;
        found.into_iter().next().map(|(key, document)| Ok((key.clone(), decode(&key, &document.bytes)?))).transpose()
    }

    /// Runs a timer that is due, and waits for what it causes.
    pub(super) async fn run_timer(
        &self,
        claimed: ClaimedTimer,
        timer: &StoredTimer,
        outside: &Outside,
    ) -> Result<(), AppError> {
        match &timer.what {
            Due::PublisherWork { work } => {
                outside.publisher.run(self.id(), work).await;
                Ok(())
            }
            Due::Delivery { .. } | Due::Notice { .. } => self.run_outbound(claimed, timer, &*outside.courier).await,
            Due::CodeLifeEnds { .. }
            | Due::ActivationOverdue { .. }
            | Due::ActivationTakesEffect { .. }
            | Due::OperationStep { .. }
            | Due::TermEnds { .. }
            | Due::PaymentDue { .. }
            | Due::GraceEnds { .. }
            | Due::InvoiceReady { .. }
            | Due::CustomerGone { .. }
            | Due::SignInCodeEnds {} => self.run_command(claimed.timer).await.map(drop),
        }
    }
}

impl Sandbox {
    /// Runs a timer of the marketplace, if it is still there; tells the journal entries that it caused.
    pub(super) async fn run_command(&self, timer: Key) -> Result<RangeInclusive<u64>, AppError> {
        self.ask(RunTimer(timer)).await
    }
}

struct RunTimer(Key);

impl Command for RunTimer {
    type Answer = RangeInclusive<u64>;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Self::Answer, AppError>> {
        Box::pin(async move {
            let first = desk.next_entry();
            run_command(desk, &self.0).await?;
            Ok(first.0..=desk.next_entry().0.saturating_sub(1))
        })
    }
}

/// Does what a timer of the marketplace is for, if it is still there, and puts down those that were set with it.
pub(super) async fn run_command(desk: &mut Desk<'_>, key: &Key) -> Result<(), AppError> {
    let Some(timer) = desk.load::<StoredTimer>(key).await? else { return Ok(()) };
    desk.remove(key.clone());
    if let Some((entry, index)) = desk.space().timer_place(key) {
        set_timers(desk, entry, index.saturating_add(1), timer.then)?;
    }
    let (id, command) = match timer.what {
        Due::CodeLifeEnds { subscription, issued_at } => {
            (subscription, subscription::Command::CodeLifeEnds { issued_at })
        }
        Due::ActivationOverdue { subscription } => (subscription, subscription::Command::ActivationOverdue),
        Due::ActivationTakesEffect { subscription } => {
            return lifecycle::activation_takes_effect(desk, subscription).await;
        }
        Due::OperationStep { subscription, operation } => {
            return operations::take_on(desk, subscription, operation).await;
        }
        Due::TermEnds { subscription } => return lifecycle::term_ends(desk, subscription, timer.due).await,
        Due::PaymentDue { subscription } => {
            return lifecycle::payment_due(desk, subscription, timer.due).await;
        }
        Due::GraceEnds { subscription, suspended_at } => {
            return lifecycle::grace_ends(desk, subscription, suspended_at).await;
        }
        Due::InvoiceReady { partner, month, currency } => {
            return invoicing::is_ready(desk, &partner, month, currency).await;
        }
        Due::CustomerGone { customer, after } => {
            return customer_gone::end_what_was_bought(desk, &customer, Some(after)).await;
        }
        // The timer was all that there was of it.
        Due::SignInCodeEnds {} => return Ok(()),
        Due::Delivery { .. } | Due::Notice { .. } | Due::PublisherWork { .. } => return Ok(()),
    };
    let subscription = load_subscription(desk, id).await?;
    let context = desk.context();
    let decision = decide(&subscription, command, context)?;
    save(desk, Player::Marketplace, Some(&subscription), subscription.clone(), &decision).await?;
    Ok(())
}

/// Sees to the timers of a sandbox until it is gone: runs what is due, sleeps until the next is.
pub(super) async fn attend(sandbox: std::sync::Weak<Sandbox>, outside: Outside) {
    let places = Arc::new(Semaphore::new(WORK_AT_ONCE));
    loop {
        let Some(strong) = sandbox.upgrade() else { return };
        let mut changes = strong.changes();
        let idle = match start_due(&strong, &outside, &places).await {
            Ok(idle) => idle,
            Err(error) => {
                tracing::error!(sandbox = %strong.id(), %error, "timers could not be read; trying again in a second");
                Some(1000)
            }
        };
        drop(strong);
        let Some(idle) = idle else {
            if changes.next().await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            changed = changes.next() => if changed.is_err() { return },
            () = wait(idle) => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "an idle clock that runs with the machine's waits for its next timer")]
async fn wait(millis: u64) {
    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
}

/// Starts everything that is due; tells in how many milliseconds the next timer will be, if the clock runs.
async fn start_due(
    sandbox: &Arc<Sandbox>,
    outside: &Outside,
    places: &Arc<Semaphore>,
) -> Result<Option<u64>, AppError> {
    // A full sandbox stands still until it gets more room, which is a change.
    if sandbox.timer_mode() == TimerMode::Manual || sandbox.has_room().is_err() {
        return Ok(None);
    }
    loop {
        // Whoever advances the clock runs all timers itself: in this process it holds the lock, in others the head.
        let at_work = Arc::new(Arc::clone(&sandbox.timers_at_work).read_owned().await);
        let timers = sandbox.world.space.timers();
        let now = sandbox.now();
        let due = KeyRange::under(&timers).before(&timers.clone().instant(now.as_millis().saturating_add(1)));
        let free = places.available_permits();
        let claimed = if free == 0 { Vec::new() } else { sandbox.store.claim(&due, free).await? };
        if claimed.is_empty() {
            if free == 0 {
                return Ok(Some(20));
            }
            let next = sandbox.earliest_timer().await?;
            let until = next.map(|(_, timer)| timer.due.as_millis().saturating_sub(now.as_millis()));
            return Ok(match until {
                Some(..=0) => Some(AGAIN_MILLIS),
                Some(millis) if !sandbox.clock().is_frozen() => {
                    Some(u64::try_from(millis).unwrap_or(0).clamp(10, 3_600_000))
                }
                Some(_) | None => None,
            });
        }
        let hold = |one: &Claimed| Hold::on(&sandbox.store, std::slice::from_ref(one), BrokenOff::LeftBehind);
        let claimed: Vec<(Hold, Claimed)> = claimed.into_iter().map(|one| (hold(&one), one)).collect();
        if let Some(shared) = sandbox.store.shared()
            && shared.is_claimed_elsewhere(&sandbox.head()).await?
        {
            for (hold, _) in claimed {
                hold.put_back().await;
            }
            return Ok(Some(AGAIN_MILLIS));
        }
        for (hold, Claimed { key, document, left_behind }) in claimed {
            let timer: StoredTimer = decode(&key, &document.bytes)?;
            let (sandbox, outside, at_work) = (Arc::clone(sandbox), outside.clone(), Arc::clone(&at_work));
            let place = Arc::clone(places).acquire_owned().await;
            tokio::spawn(async move {
                let (_place, _at_work) = (place, at_work);
                match sandbox.run_timer(ClaimedTimer { timer: key, left_behind }, &timer, &outside).await {
                    Ok(()) => hold.give_back().await,
                    // The hold lets it run out: how far the work has come is not known.
                    Err(error) => tracing::error!(sandbox = %sandbox.id(), %error, "a timer failed; it stays due"),
                }
            });
        }
    }
}

/// Replaces, makes or removes the timer of a named piece of publisher work.
pub(super) async fn schedule_work(
    desk: &mut Desk<'_>,
    name: &str,
    due: Option<Timestamp>,
    index: u64,
) -> Result<(), AppError> {
    let entry = desk.next_entry();
    let pointer = desk.space().work(name);
    if let Some((due, entry, index)) = desk.load::<(Timestamp, Seq, u64)>(&pointer).await? {
        let timer = desk.space().timer(due, entry, index).text(name);
        // It may have run, and the new one may come to lie in its place.
        desk.look_at(&timer).await?;
        desk.remove(timer);
    }
    match due {
        None => desk.remove(pointer),
        Some(due) => {
            // A change that writes no entry leaves the number to the next one; the name keeps their timers apart.
            let key = desk.space().timer(due, entry, index).text(name);
            desk.put(key, &StoredTimer::new(due, Due::PublisherWork { work: name.to_owned() }))?;
            desk.put(pointer, &(due, entry, index))?;
        }
    }
    Ok(())
}
