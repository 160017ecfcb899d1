//! A sandbox at work: what is constant in it, what its head document holds, and the handle that commands go through.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::{RwLock, mpsc, watch};

use super::{
    desk::Desk,
    error::AppError,
    keeping_up::Looks,
    keys::Space,
    known_subscriptions::KnownSubscriptions,
    mailbox::{self, Command, Job, OnTheWay},
    quotas::Pace,
    repeated_reads::RepeatedReads,
    set_out::Ways,
    turns::{Turns, a_moment},
};
use crate::{
    domain::{
        catalogue::Catalogue, event::Seq, ids::SandboxId, operation::Delays, purchase_token::SealingSecrets,
        quotas::Quotas, rules::Rules, time::Timestamp,
    },
    sim::{
        clock::{Clock, WallClock},
        entropy::Seed,
    },
    store::{Key, Store, Version},
};

/// Commands that may wait in a mailbox before callers have to wait for a place.
const MAILBOX_PLACES: usize = 4096;

/// The document that every commit of a sandbox reads and writes: it gives the sandbox its total order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    pub(crate) seed: Seed,
    pub(crate) clock: Clock,
    /// Who runs timers that are due.
    pub(crate) timers: TimerMode,
    /// How long operations take.
    #[serde(default)]
    pub(crate) delays: Delays,
    /// What it does where that is a choice. Every commit writes the head, so it holds only what was chosen.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub(crate) rules: Rules,
    /// What it may use, where that is not the server's usual.
    #[serde(default, skip_serializing_if = "has_none")]
    pub(crate) quotas: Quotas,
    /// How many documents it has.
    pub(crate) documents: u64,
    /// The number of the next journal entry.
    pub(crate) next_entry: Seq,
    /// How many records the activity logs of its partners have had.
    #[serde(default)]
    pub(crate) audit_records: u64,
    /// The time of the last commit: sandbox time never goes back, whatever the machine's clock does.
    pub(crate) last_moment: Timestamp,
}

fn has_none(quotas: &Quotas) -> bool {
    *quotas == Quotas::default()
}

fn is_usual(rules: &Rules) -> bool {
    *rules == Rules::default()
}

impl Head {
    /// The sandbox's time.
    pub(crate) fn now(&self, wall: Timestamp) -> Timestamp {
        self.clock.read(wall).max(self.last_moment)
    }
}

/// Who runs the timers of a sandbox when they are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TimerMode {
    /// The server, as soon as they are due.
    #[default]
    Automatic,
    /// Nobody, until the clock is advanced: what a scenario needs to be the same from run to run.
    Manual,
}

/// What is constant in a sandbox.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) id: SandboxId,
    pub(crate) space: Space,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) secrets: SealingSecrets,
    /// What it may use, where nothing was set for it.
    pub(crate) usual_quotas: Quotas,
    /// A number of this run of the program, to tell by it what another run has left behind.
    pub(crate) run: u64,
}

/// What readers need of the head without asking the store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Published {
    pub(crate) seed: Seed,
    pub(crate) clock: Clock,
    pub(crate) timers: TimerMode,
    pub(crate) delays: Delays,
    pub(crate) rules: Rules,
    pub(crate) quotas: Quotas,
    pub(crate) documents: u64,
    pub(crate) next_entry: Seq,
    pub(crate) last_moment: Timestamp,
    /// The head's version.
    pub(super) version: Version,
}

impl Published {
    pub(super) fn of(head: &Head, version: Version) -> Self {
        Self {
            version,
            seed: head.seed,
            clock: head.clock,
            timers: head.timers,
            delays: head.delays,
            rules: head.rules,
            quotas: head.quotas,
            documents: head.documents,
            next_entry: head.next_entry,
            last_moment: head.last_moment,
        }
    }
}

/// The handle of a sandbox.
#[derive(Debug)]
pub struct Sandbox {
    pub(crate) world: Arc<World>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) wall: Arc<dyn WallClock>,
    mailbox: mpsc::Sender<Box<dyn Job>>,
    /// What was told and is not done yet has a copy.
    on_the_way: OnTheWay,
    published: watch::Receiver<Published>,
    /// Held for reading while a timer runs, for writing while the clock is advanced.
    pub(super) timers_at_work: Arc<RwLock<()>>,
    /// The advances of its clock.
    pub(super) ways: Ways,
    pub(super) repeated_reads: RepeatedReads,
    pub(super) known_subscriptions: KnownSubscriptions,
    pub(super) looks: Looks,
    /// Calls that it takes.
    pub(super) calls: Pace,
    /// Calls that it makes to webhooks.
    pub(super) deliveries_made: Pace,
}

impl Sandbox {
    /// Starts the mailbox of a sandbox whose head is known.
    pub(super) fn start(
        world: World,
        head: Head,
        version: Version,
        store: Arc<dyn Store>,
        wall: Arc<dyn WallClock>,
    ) -> Arc<Self> {
        let world = Arc::new(world);
        let (sender, receiver) = mpsc::channel(MAILBOX_PLACES);
        let (publisher, published) = watch::channel(Published::of(&head, version));
        let mailbox = mailbox::Mailbox {
            world: Arc::clone(&world),
            store: Arc::clone(&store),
            wall: Arc::clone(&wall),
            head,
            version,
            published: publisher,
            turns: Turns::begin(store.shared().is_some()),
        };
        tokio::spawn(mailbox.run(receiver));
        Arc::new(Self {
            world,
            store,
            wall,
            mailbox: sender,
            on_the_way: OnTheWay::default(),
            published,
            timers_at_work: Arc::default(),
            ways: Ways::default(),
            repeated_reads: RepeatedReads::default(),
            known_subscriptions: KnownSubscriptions::default(),
            looks: Looks::default(),
            calls: Pace::default(),
            deliveries_made: Pace::default(),
        })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &SandboxId {
        &self.world.id
    }

    /// The name of its space in the store: another one when a sandbox of the same name is made anew.
    #[must_use]
    pub fn space(&self) -> &str {
        self.world.space.name()
    }

    /// What it sells, and to whom.
    #[must_use]
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.world.catalogue
    }

    /// Its time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let published = self.published();
        published.clock.read(self.wall.now()).max(published.last_moment)
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.published().clock
    }

    /// Who runs its timers.
    #[must_use]
    pub fn timer_mode(&self) -> TimerMode {
        self.published().timers
    }

    /// How long its operations take.
    #[must_use]
    pub fn delays(&self) -> Delays {
        self.published().delays
    }

    /// What it does where that is a choice.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.published().rules
    }

    /// Where its randomness starts.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.published().seed
    }

    /// The newest entry of its journal; 0 before the first.
    #[must_use]
    pub fn newest_entry(&self) -> Seq {
        Seq(self.published().next_entry.0.saturating_sub(1))
    }

    /// What readers know of the head.
    pub(super) fn published(&self) -> Published {
        *self.published.borrow()
    }

    /// Where its head is.
    pub(super) fn head(&self) -> Key {
        self.world.space.head()
    }

    /// The version of its head that is known here.
    pub(super) fn version(&self) -> Version {
        self.published().version
    }

    /// Looks whether another process has changed it, without waiting for what that brings.
    pub(super) async fn look_again(&self) -> Result<(), AppError> {
        let (job, _answer) = mailbox::job(LookAgain);
        self.mailbox.send(job).await.map_err(|_| AppError::Stopping)
    }

    /// Tells of each commit from now on: wakes up when the journal or the clock has changed.
    #[must_use]
    pub fn changes(&self) -> Changes {
        let mut changes = self.published.clone();
        // A copy believes that it has not seen what its original has not; whoever waits would be woken for nothing.
        changes.mark_unchanged();
        Changes(changes)
    }

    /// Puts a command into the mailbox and waits until it is decided and durable.
    pub(crate) async fn ask<C: Command>(&self, command: C) -> Result<C::Answer, AppError> {
        let (job, answer) = mailbox::job(command);
        self.mailbox.send(job).await.map_err(|_| AppError::Stopping)?;
        answer.await.map_err(|_| AppError::Stopping)?
    }

    /// Puts a command into the mailbox, in its place among the others, and does not wait for it. It may linger there for a
    /// moment, to be committed with the next one that somebody waits for.
    pub(crate) async fn tell<C: Command>(&self, command: C) -> Result<(), AppError> {
        self.mailbox
            .send(mailbox::job_on_the_way(command, Arc::clone(&self.on_the_way)))
            .await
            .map_err(|_| AppError::Stopping)
    }
}

impl Sandbox {
    /// Waits for what was told before, by this process or another one, so that whoever reads finds it.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn finish_told(&self) -> Result<(), AppError> {
        if self.store.shared().is_some() {
            a_moment().await;
        }
        self.finish_own().await
    }

    /// Waits for what this process was told before.
    pub(super) async fn finish_own(&self) -> Result<(), AppError> {
        if Arc::strong_count(&self.on_the_way) > 1 { self.ask(LookAgain).await } else { Ok(()) }
    }
}

/// Does nothing, but on what is so now.
pub(super) struct LookAgain;

impl Command for LookAgain {
    type Answer = ();

    fn decide<'a>(&'a self, _desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Wakes up whoever follows a sandbox.
#[derive(Debug, Clone)]
pub struct Changes(watch::Receiver<Published>);

impl Changes {
    /// Waits for the next commit.
    ///
    /// # Errors
    /// [`AppError::Stopping`] when the sandbox is gone.
    pub async fn next(&mut self) -> Result<(), AppError> {
        self.0.changed().await.map_err(|_| AppError::Stopping)
    }
}
