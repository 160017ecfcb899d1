//! One mailbox per sandbox: takes what has queued up, decides each command on top of the last, commits them together.
//!
//! Total order and group commit in one mechanism. Nobody gets an answer before the commit that carries it is durable.
//! If another process changed the sandbox meanwhile, the whole batch is decided again on fresh state.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::{
    desk::{Desk, decode},
    error::AppError,
    sandbox::{Head, World},
};
use crate::{
    sim::clock::WallClock,
    store::{CommitError, Expectation, Store, Version},
};

/// Commands that are decided and committed together at the most.
const BATCH: usize = 256;

/// Something that can be asked of a sandbox. It is decided at a [`Desk`]; if it fails, what it wrote there is forgotten.
/// It may be decided more than once, so deciding must not have effects of its own.
pub(crate) trait Command: Send + Sync + 'static {
    /// What the caller gets.
    type Answer: Send + 'static;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Self::Answer, AppError>>;
}

/// A command on its way through the mailbox.
pub(crate) trait Job: Send {
    fn decide<'a>(&'a mut self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, ()>;

    /// Answers, once it is known whether the batch was committed.
    fn answer(self: Box<Self>, committed: Result<(), AppError>);
}

struct Pending<C: Command> {
    command: C,
    outcome: Option<Result<C::Answer, AppError>>,
    reply: oneshot::Sender<Result<C::Answer, AppError>>,
}

pub(crate) type Answer<C> = oneshot::Receiver<Result<<C as Command>::Answer, AppError>>;

pub(crate) fn job<C: Command>(command: C) -> (Box<dyn Job>, Answer<C>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Pending { command, outcome: None, reply }), answer)
}

impl<C: Command> Job for Pending<C> {
    fn decide<'a>(&'a mut self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let decided = self.command.decide(desk).await;
            let finished = desk.finish(decided.is_ok());
            self.outcome = Some(decided.and_then(|answer| finished.map(|()| answer)));
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), AppError>) {
        let outcome = self.outcome.unwrap_or(Err(AppError::Stopping));
        let answer = match committed {
            Ok(()) => outcome,
            // A refusal stands whether or not the others' changes were kept.
            Err(error) => outcome.and(Err(error)),
        };
        // A caller that has gone away doesn't need its answer.
        let _gone = self.reply.send(answer);
    }
}

/// The task behind a mailbox.
pub(super) struct Mailbox {
    pub(super) world: Arc<World>,
    pub(super) store: Arc<dyn Store>,
    pub(super) wall: Arc<dyn WallClock>,
    pub(super) head: Head,
    pub(super) version: Version,
    pub(super) publish: Box<dyn Fn(&Head) + Send>,
}

impl Mailbox {
    /// Works until every handle of the sandbox is gone.
    pub(super) async fn run(mut self, mut receiver: mpsc::Receiver<Box<dyn Job>>) {
        let mut jobs = Vec::with_capacity(BATCH);
        while receiver.recv_many(&mut jobs, BATCH).await > 0 {
            let committed = self.commit(&mut jobs).await;
            if let Err(error) = &committed {
                tracing::error!(sandbox = %self.world.id, %error, "a batch of commands was not committed");
            }
            for job in jobs.drain(..) {
                job.answer(committed.clone());
            }
        }
    }

    async fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), AppError> {
        loop {
            let expectation = Expectation::At(self.version);
            let mut desk = Desk::open(&*self.store, &self.world, &self.head, expectation, self.wall.now());
            for job in jobs.iter_mut() {
                job.decide(&mut desk).await;
            }
            let (head, changeset) = desk.into_changeset()?;
            let Some(changeset) = changeset else { return Ok(()) };
            match self.store.commit(changeset).await {
                Ok(()) => {
                    self.head = head;
                    self.version = Version(self.version.0.saturating_add(1));
                    (self.publish)(&self.head);
                    return Ok(());
                }
                Err(CommitError::Conflict(key)) => {
                    tracing::debug!(sandbox = %self.world.id, %key, "another process was first; deciding again");
                    self.reload().await?;
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
    }

    async fn reload(&mut self) -> Result<(), AppError> {
        let key = self.world.space.head();
        let document = self.store.get(&key).await?.ok_or_else(|| AppError::UnknownSandbox(self.world.id.clone()))?;
        self.head = decode(&key, &document.bytes)?;
        self.version = document.version;
        (self.publish)(&self.head);
        Ok(())
    }
}
