//! Steering sandbox time: freeze, resume, advance.
//!
//! An advance runs the due timers in order of time, with the clock set to each one's due time, and waits for what each
//! causes. Each step is durable, so an advance that is interrupted can be asked for again and goes on where it was.

use futures_util::future::BoxFuture;

use super::{
    deliveries::Outside,
    desk::Desk,
    error::AppError,
    journal::{Player, What},
    mailbox::Command,
    sandbox::Sandbox,
    timers::StoredTimer,
};
use crate::{
    domain::{
        event::Seq,
        time::{Period, Timestamp},
    },
    store::Key,
};

/// Timers that an advance lists; it counts all of them.
const LISTED: usize = 1000;

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
    /// The last of them, in order, each with the journal entries from one number up to another that it caused.
    pub ran: Vec<(StoredTimer, std::ops::RangeInclusive<u64>)>,
}

impl Sandbox {
    /// Freezes the clock: where it is, or at a later instant.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
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
    /// [`AppError::WorkDoesNotEnd`] when the publisher leaves work due that it was asked to do.
    pub async fn advance(&self, by: Advance, outside: &Outside) -> Result<Advanced, AppError> {
        let _alone = self.timers_at_work.write().await;
        let mut advanced = Advanced::default();
        let target = match by {
            Advance::By(period) => self.now().plus(period),
            Advance::To(at) => at,
            Advance::ToNextTimer => match self.earliest_timer().await? {
                Some((_, timer)) => timer.due,
                None => return Ok(advanced),
            },
        };
        let mut last: Option<Key> = None;
        while let Some((key, timer)) = self.earliest_timer().await? {
            if timer.due > target {
                break;
            }
            if last.as_ref() == Some(&key) {
                return Err(AppError::WorkDoesNotEnd(key.to_string()));
            }
            let before = self.newest_entry();
            self.ask(SetClock::To(timer.due)).await?;
            self.run_timer(key.clone(), &timer, outside).await?;
            last = Some(key);
            advanced.count = advanced.count.saturating_add(1);
            if advanced.ran.len() == LISTED {
                advanced.ran.remove(0);
            }
            let Seq(first) = before;
            advanced.ran.push((timer, first.saturating_add(1)..=self.newest_entry().0));
        }
        self.ask(SetClock::To(target)).await?;
        Ok(advanced)
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
