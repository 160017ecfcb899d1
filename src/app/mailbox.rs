//! One mailbox per sandbox: takes what has queued up, decides each command on top of the last, commits them together.
//!
//! Total order and group commit in one mechanism. Nobody gets an answer before the commit that carries it is durable.
//! While a batch is on its way to the disk, the commands that arrive are decided on top of it; they are committed as the
//! next batch when it is there, and decided anew if it did not get there. If another process changed the sandbox
//! meanwhile, the whole batch is decided again on fresh state, after a while that grows with each time that another one was
//! first: so processes yield to each other, and the one that waits gathers more commands for its next commit.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    desk::{Desk, UnderWay, decode},
    error::AppError,
    sandbox::{Head, Published, World},
    turns::Turns,
};
use crate::{
    sim::clock::WallClock,
    store::{Changeset, CommitError, Expectation, Store, Version},
};

/// Commands that are taken up at once.
const HANDFUL: usize = 8;

/// How long what nobody waits for waits for something that somebody does.
const LINGER: Duration = Duration::from_millis(10);
/// Commands that linger together.
const MOST_LINGERING: usize = 256;

/// A batch that writes so many documents takes no more commands: whoever is in it waits for all of it, and larger ones are no
/// faster.
const BATCH_WRITES: usize = 400;

/// Something that can be asked of a sandbox. It is decided at a [`Desk`]; if it fails, what it wrote there is forgotten.
/// It may be decided more than once, so deciding must not have effects of its own.
pub(crate) trait Command: Send + Sync + 'static {
    /// What the caller gets.
    type Answer: Send + 'static;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Self::Answer, AppError>>;

    /// Whether it is done in a full sandbox as well: what has happened outside must not be lost, and what makes room or shuts
    /// somebody out must not be held up. Nothing of that kind may be repeated without end by whoever the quota is for: each
    /// change has its entry in the journal, which is documents too.
    fn may_overfill(&self) -> bool {
        false
    }
}

/// A command on its way through the mailbox.
pub(crate) trait Job: Send {
    /// Whether nobody waits for it.
    fn can_wait(&self) -> bool;

    fn decide<'a>(&'a mut self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, ()>;

    /// Answers, once it is known whether the batch was committed.
    fn answer(self: Box<Self>, committed: Result<(), AppError>);
}

struct Pending<C: Command> {
    command: C,
    outcome: Option<Result<C::Answer, AppError>>,
    /// `None` if nobody waits.
    reply: Option<oneshot::Sender<Result<C::Answer, AppError>>>,
    /// Goes when it is done.
    _on_the_way: Option<OnTheWay>,
}

/// Counts by its copies the commands that nobody waits for.
pub(crate) type OnTheWay = Arc<()>;

pub(crate) type Answer<C> = oneshot::Receiver<Result<<C as Command>::Answer, AppError>>;

pub(crate) fn job<C: Command>(command: C) -> (Box<dyn Job>, Answer<C>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Pending { command, outcome: None, reply: Some(reply), _on_the_way: None }), answer)
}

/// A command that nobody waits for.
pub(crate) fn job_on_the_way<C: Command>(command: C, on_the_way: OnTheWay) -> Box<dyn Job> {
    Box::new(Pending { command, outcome: None, reply: None, _on_the_way: Some(on_the_way) })
}

impl<C: Command> Job for Pending<C> {
    fn can_wait(&self) -> bool {
        self.reply.is_none()
    }

    fn decide<'a>(&'a mut self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.outcome = Some(match self.command.decide(desk).await {
                Ok(answer) => desk.keep(self.command.may_overfill()).await.map(|()| answer),
                Err(error) => {
                    desk.forget();
                    Err(error)
                }
            });
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), AppError>) {
        let outcome = self.outcome.unwrap_or(Err(AppError::Stopping));
        let answer = match committed {
            Ok(()) => outcome,
            // A refusal stands whether or not the others' changes were kept.
            Err(error) => outcome.and(Err(error)),
        };
        if let Some(reply) = self.reply {
            // A caller that has gone away doesn't need its answer.
            let _gone = reply.send(answer);
        }
    }
}

/// The task behind a mailbox.
pub(super) struct Mailbox {
    pub(super) world: Arc<World>,
    pub(super) store: Arc<dyn Store>,
    pub(super) wall: Arc<dyn WallClock>,
    pub(super) head: Head,
    pub(super) version: Version,
    pub(super) published: watch::Sender<Published>,
    pub(super) turns: Turns,
}

/// A batch whose commit the store is working on.
struct Submitted {
    jobs: Vec<Box<dyn Job>>,
    /// The head as it will be.
    head: Head,
    writes: UnderWay,
    commit: BoxFuture<'static, Result<(), CommitError>>,
}

/// How often commands that write nothing are decided again because another process has changed the sandbox meanwhile.
const CHECKS: u32 = 8;

impl Mailbox {
    /// Works until every handle of the sandbox is gone.
    pub(super) async fn run(mut self, mut receiver: mpsc::Receiver<Box<dyn Job>>) {
        let mut submitted = None;
        loop {
            submitted = match submitted {
                None => {
                    let mut jobs = Vec::with_capacity(HANDFUL);
                    if receiver.recv_many(&mut jobs, HANDFUL).await == 0 {
                        return;
                    }
                    if !self.turns.are_shared() {
                        linger(&mut jobs, &mut receiver).await;
                    }
                    self.decide(jobs, &mut receiver, 0).await
                }
                Some(batch) => self.decide_behind(batch, &mut receiver).await,
            };
        }
    }

    /// Decides jobs, and all that have queued up behind them, on what the store holds.
    async fn decide(
        &mut self,
        mut jobs: Vec<Box<dyn Job>>,
        receiver: &mut mpsc::Receiver<Box<dyn Job>>,
        checks: u32,
    ) -> Option<Submitted> {
        let nothing = UnderWay::default();
        let mut desk = Desk::open(&*self.store, &self.world, &self.head, Expectation::At(self.version), &nothing);
        desk.wall = self.wall.now();
        for job in &mut jobs {
            job.decide(&mut desk).await;
        }
        while desk.writes() < BATCH_WRITES
            && let Ok(mut job) = receiver.try_recv()
        {
            job.decide(&mut desk).await;
            jobs.push(job);
        }
        let batch = desk.into_changeset();
        self.settle(jobs, batch, receiver, checks).await
    }

    /// Hands a decided batch on. One that writes nothing is not checked by a commit, so it is answered only if what it was
    /// decided on is still so: what it read may be of different moments.
    async fn settle(
        &mut self,
        jobs: Vec<Box<dyn Job>>,
        batch: Result<(Head, Option<(Changeset, UnderWay)>), AppError>,
        receiver: &mut mpsc::Receiver<Box<dyn Job>>,
        checks: u32,
    ) -> Option<Submitted> {
        let is_checked = matches!(batch, Ok((_, Some(_)))) || checks >= CHECKS;
        if jobs.is_empty() || is_checked || self.store.shared().is_none() {
            return self.submit(jobs, batch);
        }
        let version = self.version;
        match self.reload().await {
            Ok(()) if self.version == version => self.submit(jobs, batch),
            Ok(()) => Box::pin(self.decide(jobs, receiver, checks.saturating_add(1))).await,
            Err(error) => {
                answer(jobs, &Err(error));
                None
            }
        }
    }

    /// Decides what arrives while a batch is being committed, on top of that batch.
    async fn decide_behind(
        &mut self,
        Submitted { jobs: before, head, writes, mut commit }: Submitted,
        receiver: &mut mpsc::Receiver<Box<dyn Job>>,
    ) -> Option<Submitted> {
        let (mut jobs, mut handful) = (Vec::new(), Vec::with_capacity(HANDFUL));
        let version = self.version.next();
        let mut desk = Desk::open(&*self.store, &self.world, &head, Expectation::At(version), &writes);
        let committed = loop {
            tokio::select! {
                biased;
                committed = &mut commit => break committed,
                received = receiver.recv_many(&mut handful, HANDFUL), if desk.writes() < BATCH_WRITES => {
                    if received == 0 {
                        // No more will come; what is under way is still to be seen through.
                        break commit.await;
                    }
                    desk.wall = self.wall.now();
                    for mut job in handful.drain(..) {
                        job.decide(&mut desk).await;
                        jobs.push(job);
                    }
                }
            }
        };
        let batch = desk.into_changeset();
        match committed {
            Ok(()) => {
                self.head = head;
                self.version = version;
                self.published.send_replace(Published::of(&self.head, version));
                self.turns.is_ours();
                if let Some(shared) = self.store.shared() {
                    shared.tell(&self.world.space.head());
                }
                answer(before, &Ok(()));
                return self.settle(jobs, batch, receiver, 0).await;
            }
            Err(CommitError::Conflict(key)) => {
                tracing::debug!(sandbox = %self.world.id, %key, "another process was first; deciding again");
                self.turns.yielded().await;
                match self.reload().await {
                    Ok(()) => jobs.splice(0..0, before).for_each(drop),
                    Err(error) => answer(before, &Err(error)),
                }
            }
            Err(CommitError::Store(error)) => {
                tracing::error!(sandbox = %self.world.id, %error, "a batch of commands was not committed");
                answer(before, &Err(error.into()));
            }
        }
        // They were decided on what has not come to be.
        if jobs.is_empty() { None } else { self.decide(jobs, receiver, 0).await }
    }

    /// Hands a decided batch to the store; answers at once if there is nothing to commit.
    fn submit(
        &self,
        jobs: Vec<Box<dyn Job>>,
        batch: Result<(Head, Option<(Changeset, UnderWay)>), AppError>,
    ) -> Option<Submitted> {
        match batch {
            Ok((head, Some((changeset, writes)))) => {
                let store = Arc::clone(&self.store);
                let commit = Box::pin(async move { store.commit(changeset).await });
                Some(Submitted { jobs, head, writes, commit })
            }
            Ok((_, None)) => {
                answer(jobs, &Ok(()));
                None
            }
            Err(error) => {
                answer(jobs, &Err(error));
                None
            }
        }
    }

    async fn reload(&mut self) -> Result<(), AppError> {
        let key = self.world.space.head();
        let document = self.store.get(&key).await?.ok_or_else(|| AppError::UnknownSandbox(self.world.id.clone()))?;
        if document.version != self.version {
            self.turns.was_theirs();
            self.head = decode(&key, &document.bytes)?;
            self.version = document.version;
            self.published.send_replace(Published::of(&self.head, self.version));
        }
        Ok(())
    }
}

/// Lets jobs that nobody waits for wait for one that somebody waits for: then all are one commit.
async fn linger(jobs: &mut Vec<Box<dyn Job>>, receiver: &mut mpsc::Receiver<Box<dyn Job>>) {
    let gather = async {
        while jobs.len() < MOST_LINGERING
            && jobs.iter().all(|job| job.can_wait())
            && receiver.recv_many(jobs, HANDFUL).await > 0
        {}
    };
    let _in_time = tokio::time::timeout(LINGER, gather).await;
}

fn answer(jobs: Vec<Box<dyn Job>>, committed: &Result<(), AppError>) {
    for job in jobs {
        job.answer(committed.clone());
    }
}
