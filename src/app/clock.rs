//! Steering sandbox time: freeze, resume, advance.
//!
//! An advance runs the due timers in order of time, with the clock set to each one's due time, and waits for what each
//! causes. Each step is durable, so an advance that is interrupted can be asked for again and goes on where it was.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::RangeInclusive,
};

use futures_util::{
    StreamExt as _,
    future::{BoxFuture, try_join_all},
    stream,
};

use super::{
    desk::{Desk, decode},
    error::AppError,
    holds::{BrokenOff, Hold},
    journal::{Player, What},
    mailbox::Command,
    outbound::{ClaimedTimer, OutboundCall, Outside},
    sandbox::{LookAgain, Sandbox},
    timers::StoredTimer,
    turns::a_moment,
};
use crate::{
    domain::{
        refusal::Refusal,
        time::{Period, Timestamp},
    },
    store::{Direction, Key, KeyRange},
};

/// Timers that an advance lists; it counts all of them.
const LISTED: usize = 1000;
/// Timers of one instant that are looked at together.
const TOGETHER: usize = 512;
/// Calls to webhooks that are under way at once.
const CALLS_AT_ONCE: usize = 64;
/// Of timers that have run together with another one, which is listed with what all of them caused.
#[expect(clippy::reversed_empty_ranges, reason = "a range without entries")]
const NO_ENTRIES: RangeInclusive<u64> = 1..=0;

/// How far to advance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Advance {
    /// By a period.
    By(Period),
    /// To an instant.
    To(Timestamp),
    /// To the next timer, whenever it is due.
    ToNextTimer,
}

/// What an advance did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advanced {
    /// How many timers ran.
    pub count: u64,
    /// How many of each kind.
    pub by_kind: BTreeMap<&'static str, u64>,
    /// The last of them, in order, each with the journal entries from one number up to another that it caused.
    pub ran: VecDeque<(StoredTimer, RangeInclusive<u64>)>,
}

impl Sandbox {
    /// Freezes the clock: where it is, or at a later instant.
    ///
    /// # Errors
    /// [`Refusal::ClockBackwards`], [`Refusal::BeyondCalendar`].
    pub async fn freeze(&self, at: Option<Timestamp>) -> Result<(), AppError> {
        self.ask(SetClock::Freeze(at)).await
    }

    /// Lets the clock run on from where it is.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn resume(&self) -> Result<(), AppError> {
        self.ask(SetClock::Resume).await
    }

    /// Moves the clock forward, running everything that falls due on the way.
    ///
    /// # Errors
    /// [`Refusal::ClockBackwards`], [`Refusal::BeyondCalendar`]; [`AppError::WorkDoesNotEnd`] when the publisher leaves work due that it was asked to do.
    pub async fn advance(&self, by: Advance, outside: &Outside) -> Result<Advanced, AppError> {
        let _alone = self.timers_at_work.write().await;
        let head = self.claim_head().await?;
        let advanced = self.advance_alone(by, outside).await;
        head.give_back().await;
        advanced
    }

    /// Keeps other processes from running timers, and from advancing the clock too.
    async fn claim_head(&self) -> Result<Hold, AppError> {
        let head = KeyRange::under(&self.head());
        loop {
            let claimed = self.store.claim(&head, 1).await?;
            if !claimed.is_empty() {
                return Ok(Hold::on(&self.store, &claimed, BrokenOff::GivenBack));
            }
            if self.store.get(&self.head()).await?.is_none() {
                return Err(AppError::UnknownSandbox(self.id().clone()));
            }
            a_moment().await;
        }
    }

    async fn advance_alone(&self, by: Advance, outside: &Outside) -> Result<Advanced, AppError> {
        // Another process may have been here since.
        self.ask(LookAgain).await?;
        let (mut advanced, now) = (Advanced::default(), self.now());
        let target = match by {
            Advance::By(period) => check_move(now, now.plus(period))?,
            Advance::To(at) => check_move(now, at)?,
            Advance::ToNextTimer => match self.earliest_timer().await? {
                // One that is overdue runs, and the clock stays.
                Some((_, timer)) => check_move(now, timer.due.max(now)).map(|_| timer.due)?,
                None => return Ok(advanced),
            },
        };
        let way = self.ways.begin(now, target, self.newest_entry());
        let mut before: Vec<Key> = Vec::new();
        loop {
            let due = self.due_together(target).await?;
            if !due.is_empty() {
                self.has_room()?;
            }
            let Some((first, timer)) = due.first() else { break };
            if before.contains(first) {
                return Err(AppError::WorkDoesNotEnd(first.to_string()));
            }
            let Some(claimed) = self.claim_all(&due).await? else {
                // Another process is still at one of them, or has died over it and will lose it soon.
                a_moment().await;
                continue;
            };
            before = due.iter().map(|(key, _)| key.clone()).collect();
            self.ask(SetClock::To(timer.due)).await?;
            self.run_together(due, &claimed.left_behind, outside, &mut advanced).await?;
            way.has_run(advanced.count);
            claimed.hold.give_back().await;
        }
        self.ask(SetClock::To(target)).await?;
        Ok(advanced)
    }

    /// The earliest timers until an instant: those that are due at the same time, up to some number, in their order.
    async fn due_together(&self, target: Timestamp) -> Result<Vec<(Key, StoredTimer)>, AppError> {
        let range = KeyRange::under(&self.world.space.timers());
        let found = self.store.scan(&range, Direction::Ascending, TOGETHER).await?;
        let mut due: Vec<(Key, StoredTimer)> = Vec::with_capacity(found.len());
        for (key, document) in found {
            let timer: StoredTimer = decode(&key, &document.bytes)?;
            let is_together = due.first().is_none_or(|(_, first)| first.due == timer.due);
            if timer.due > target || !is_together {
                break;
            }
            due.push((key, timer));
        }
        Ok(due)
    }

    /// Claims timers; `None` if one of them is held elsewhere or gone.
    async fn claim_all(&self, due: &[(Key, StoredTimer)]) -> Result<Option<ClaimedTimers>, AppError> {
        let (Some((first, _)), Some((last, _))) = (due.first(), due.last()) else { return Ok(None) };
        let range = KeyRange { start: first.clone(), end: None }.up_to(last);
        let claimed = self.store.claim(&range, due.len()).await?;
        let hold = Hold::on(&self.store, &claimed, BrokenOff::LeftBehind);
        if !claimed.iter().map(|claimed| &claimed.key).eq(due.iter().map(|(key, _)| key)) {
            hold.put_back().await;
            return Ok(None);
        }
        let left_behind = claimed.into_iter().filter(|claimed| claimed.left_behind).map(|claimed| claimed.key);
        Ok(Some(ClaimedTimers { hold, left_behind: left_behind.collect() }))
    }

    /// Runs timers that are due at the same time, in their order. What can share a flush shares it: commands of the
    /// marketplace are decided one after the other and committed together, and calls to webhooks of somebody's own are
    /// made at once, as long as each is about something else.
    async fn run_together(
        &self,
        due: Vec<(Key, StoredTimer)>,
        left_behind: &BTreeSet<Key>,
        outside: &Outside,
        advanced: &mut Advanced,
    ) -> Result<(), AppError> {
        let mut due = due.into_iter().peekable();
        while let Some((key, timer)) = due.next() {
            let before = self.newest_entry();
            if timer.what.is_command() {
                let mut commands = vec![(key, timer)];
                while let Some(next) = due.next_if(|(_, timer)| timer.what.is_command()) {
                    commands.push(next);
                }
                let ran = commands.iter().map(|(key, _)| self.run_command(key.clone()));
                let entries = try_join_all(ran).await?;
                for ((_, timer), entries) in commands.into_iter().zip(entries) {
                    advanced.add(timer, entries);
                }
                continue;
            }
            let claimed = |timer: Key| ClaimedTimer { left_behind: left_behind.contains(&timer), timer };
            let (mut calls, mut with_it) = (Vec::new(), Vec::new());
            let mut about = BTreeSet::new();
            if let Some(call) = self.outside_call(&timer, outside).await? {
                about.insert(call.about());
                calls.push((claimed(key.clone()), call));
                while let Some((_, next)) = due.peek()
                    && let Some(call) = self.outside_call(next, outside).await?
                    && about.insert(call.about())
                    && let Some((key, next)) = due.next()
                {
                    calls.push((claimed(key), call));
                    with_it.push(next);
                }
                self.call_together(calls, outside).await?;
            } else if self.store.get(&key).await?.is_some() {
                self.run_timer(claimed(key), &timer, outside).await?;
            }
            advanced.add(timer, before.0.saturating_add(1)..=self.newest_entry().0);
            with_it.into_iter().for_each(|timer| advanced.add(timer, NO_ENTRIES));
        }
        Ok(())
    }

    /// The call that a timer is for, if it is for one that goes to a webhook of somebody's own.
    async fn outside_call(&self, timer: &StoredTimer, outside: &Outside) -> Result<Option<OutboundCall>, AppError> {
        Ok(self.outbound_call(timer).await?.filter(|call| match call {
            OutboundCall::Delivery(due) => outside.courier.goes_outside(self, &due.delivery),
            OutboundCall::Notice(_) => true,
        }))
    }

    /// Makes calls at once, and records them in their order.
    async fn call_together(&self, calls: Vec<(ClaimedTimer, OutboundCall)>, outside: &Outside) -> Result<(), AppError> {
        let attempts = calls.into_iter().map(|(timer, call)| self.make(timer, call, &*outside.courier));
        let made: Vec<_> = stream::iter(attempts).buffered(CALLS_AT_ONCE).collect().await;
        try_join_all(made.into_iter().map(|made| made.record(self))).await?;
        Ok(())
    }
}

/// Where a clock goes that is to be moved: forward only, and not to where it could not go on from.
fn check_move(now: Timestamp, to: Timestamp) -> Result<Timestamp, Refusal> {
    if to < now {
        return Err(Refusal::ClockBackwards { now, to });
    }
    check_within_calendar(to).map(|()| to)
}

/// That a clock may show an instant.
pub(super) fn check_within_calendar(at: Timestamp) -> Result<(), Refusal> {
    if at <= Timestamp::latest() { Ok(()) } else { Err(Refusal::BeyondCalendar(at)) }
}

/// Timers in our hands, and those of them that a process had which is gone.
struct ClaimedTimers {
    hold: Hold,
    left_behind: BTreeSet<Key>,
}

impl Advanced {
    fn add(&mut self, timer: StoredTimer, entries: RangeInclusive<u64>) {
        self.count = self.count.saturating_add(1);
        let of_its_kind = self.by_kind.entry(timer.what.kind()).or_default();
        *of_its_kind = of_its_kind.saturating_add(1);
        if self.ran.len() >= LISTED {
            self.ran.pop_front();
        }
        self.ran.push_back((timer, entries));
    }
}

enum SetClock {
    Freeze(Option<Timestamp>),
    Resume,
    To(Timestamp),
}

impl Command for SetClock {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            let before = desk.now();
            let (clock, wall) = (desk.head.clock, desk.wall);
            if let Self::Freeze(Some(at)) = *self {
                check_move(before, at)?;
            }
            desk.head.clock = match *self {
                Self::Freeze(at) => clock.frozen(wall, at),
                Self::Resume => clock.running(wall),
                Self::To(at) => clock.moved_to(at, wall),
            };
            let now = desk.now();
            let summary = match self {
                Self::Freeze(_) => format!("The clock stands still at {now}."),
                Self::Resume => format!("The clock runs on from {now}."),
                // A clock that has already passed the instant is left as it was.
                Self::To(_) if now == before => return Ok(()),
                Self::To(_) => format!("The clock was moved from {before} to {now}."),
            };
            desk.note(Player::Operator, None, What::Clock { summary });
            Ok(())
        })
    }
}
