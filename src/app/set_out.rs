//! Advances of the clock that somebody looks at: how far one is, and one that goes on by itself when it takes long.
//!
//! What is told here is known to the process that runs the advance, as long as that lives. What an advance has done is in the
//! store: one that broke off is asked for again, and goes on where it was.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{AbortHandle, JoinHandle},
};

use super::{
    clock::{Advance, Advanced},
    error::AppError,
    outbound::Outside,
    sandbox::Sandbox,
};
use crate::domain::{event::Seq, time::Timestamp};

/// How long somebody waits for an advance before they are told that it is on its way.
const PATIENCE: Duration = Duration::from_secs(2);

/// How far an advance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnItsWay {
    /// From when.
    pub from: Timestamp,
    /// To when.
    pub to: Timestamp,
    /// The newest entry of the journal when it began.
    pub since: Seq,
    /// Timers that have run.
    pub timers: u64,
}

/// Which of the advances that go on by themselves: counted by the process that runs it.
pub type AdvanceNumber = u64;

/// What became of the wish to advance the clock.
#[derive(Debug, Clone)]
pub enum SetOut {
    /// It was done.
    Arrived(Advanced),
    /// It takes longer, and goes on by itself.
    OnItsWay(AdvanceNumber),
    /// Another one is on its way: nothing was done.
    Taken,
}

/// How an advance has ended that went on by itself.
#[derive(Debug, Clone)]
pub enum Ended {
    /// It has arrived.
    Arrived(Advanced),
    /// Somebody has stopped it.
    Stopped,
    /// It failed on its way.
    Failed(AppError),
}

/// What is known of a sandbox's advances.
#[derive(Debug)]
pub(super) struct Ways(watch::Sender<Known>);

#[derive(Debug, Default)]
struct Known {
    on_its_way: Option<OnItsWay>,
    /// The last one that went on by itself.
    last: Option<GoingOn>,
}

#[derive(Debug)]
struct GoingOn {
    number: AdvanceNumber,
    task: AbortHandle,
    ended: Option<Ended>,
}

/// An advance that is under way. It is told of until this goes, however that comes.
#[derive(Debug)]
pub(super) struct Way<'a>(&'a Ways);

impl Default for Ways {
    fn default() -> Self {
        Self(watch::Sender::new(Known::default()))
    }
}

impl Ways {
    pub(super) fn begin(&self, from: Timestamp, to: Timestamp, since: Seq) -> Way<'_> {
        self.0.send_modify(|known| known.on_its_way = Some(OnItsWay { from, to, since, timers: 0 }));
        Way(self)
    }

    /// Lets somebody look for it who does not wait any more.
    fn goes_on(&self, task: AbortHandle) -> AdvanceNumber {
        let mut number = 0;
        self.0.send_modify(|known| {
            number = known.last.as_ref().map_or(0, |last| last.number).saturating_add(1);
            known.last = Some(GoingOn { number, task, ended: None });
        });
        number
    }

    fn has_ended(&self, number: AdvanceNumber, how: Ended) {
        self.0.send_modify(|known| {
            if let Some(last) = known.last.as_mut().filter(|last| last.number == number) {
                last.ended = Some(how);
            }
        });
    }
}

impl Way<'_> {
    pub(super) fn has_run(&self, timers: u64) {
        self.0.0.send_modify(|known| {
            if let Some(way) = &mut known.on_its_way {
                way.timers = timers;
            }
        });
    }
}

impl Drop for Way<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|known| known.on_its_way = None);
    }
}

/// Whoever goes away before they were told that it goes on by itself stops it.
struct WhileAskedFor(JoinHandle<Result<Advanced, AppError>>);

impl Drop for WhileAskedFor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Sandbox {
    /// Moves the clock forward like [`Sandbox::advance`], but does not keep anybody waiting: what takes longer goes on by
    /// itself, until it has arrived or is stopped.
    ///
    /// # Errors
    /// Those of [`Sandbox::advance`], as far as they come soon.
    pub async fn set_out(self: &Arc<Self>, by: Advance, outside: &Outside) -> Result<SetOut, AppError> {
        if self.on_its_way().is_some() || self.goes_on().is_some() {
            return Ok(SetOut::Taken);
        }
        let (sandbox, outside) = (Arc::clone(self), outside.clone());
        let task = tokio::spawn(async move { Box::pin(sandbox.advance(by, &outside)).await });
        let mut asked_for = WhileAskedFor(task);
        if let Ok(ended) = tokio::time::timeout(PATIENCE, &mut asked_for.0).await {
            return Ok(SetOut::Arrived(ended.map_err(|_| AppError::Stopping)??));
        }
        let number = self.ways.goes_on(asked_for.0.abort_handle());
        let sandbox = Arc::clone(self);
        tokio::spawn(async move {
            let ended = match (&mut asked_for.0).await {
                Ok(Ok(advanced)) => Ended::Arrived(advanced),
                Ok(Err(error)) => Ended::Failed(error),
                Err(broken_off) if broken_off.is_cancelled() => Ended::Stopped,
                Err(_) => Ended::Failed(AppError::Stopping),
            };
            sandbox.ways.has_ended(number, ended);
        });
        Ok(SetOut::OnItsWay(number))
    }

    /// How far the advance is that is on its way in this process, if one is.
    #[must_use]
    pub fn on_its_way(&self) -> Option<OnItsWay> {
        self.ways.0.borrow().on_its_way
    }

    /// The advance that goes on by itself, and can be stopped. It may not be on its way yet: timers that are running come first.
    #[must_use]
    pub fn goes_on(&self) -> Option<AdvanceNumber> {
        let known = self.ways.0.borrow();
        known.last.as_ref().filter(|last| last.ended.is_none()).map(|last| last.number)
    }

    /// How an advance has ended that went on by itself; `None` while it does, and for one that nobody knows of any more.
    #[must_use]
    pub fn ended(&self, number: AdvanceNumber) -> Option<Ended> {
        let known = self.ways.0.borrow();
        known.last.as_ref().filter(|last| last.number == number)?.ended.clone()
    }

    /// Stops the advance that goes on by itself, if one does: the clock stays where it has come to.
    pub async fn stop_advance(&self) -> Option<AdvanceNumber> {
        let mut seen = self.ways.0.subscribe();
        let (number, task) = seen.borrow().last.as_ref().map(|last| (last.number, last.task.clone()))?;
        task.abort();
        // The sender lives as long as the sandbox.
        let _ended = seen
            .wait_for(|known| known.last.as_ref().is_none_or(|last| last.number != number || last.ended.is_some()))
            .await;
        Some(number)
    }
}
