//! The sandboxes of a server: opened at start, created, deleted.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::{
    clock::check_within_calendar,
    deletion::begun,
    desk::{decode, encode},
    directory::Directory,
    error::AppError,
    followers::Followers,
    identity::{CheckedTokens, SigningKeys, WebhookTokens},
    keeping_up::Looks,
    keys::{self, Space},
    outbound::Outside,
    sandbox::{Head, Sandbox, TimerMode, World},
    timers::attend,
};
use crate::{
    domain::{
        catalogue::Catalogue, event::Seq, ids::SandboxId, operation::Delays, quotas::Quotas, rules::Rules,
        time::Timestamp,
    },
    sim::{
        clock::{Clock, WallClock},
        entropy::Seed,
    },
    store::{Changeset, CommitError, Direction, Document, Expectation, Key, KeyRange, Store, StoreError, Version},
};

/// Documents that every sandbox has: its head and its catalogue.
const OF_ITS_OWN: u64 = 2;

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct AppOptions {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The machine's clock.
    pub wall: Arc<dyn WallClock>,
    /// What a new sandbox sells.
    pub catalogue: Catalogue,
    /// Where the randomness of a new sandbox starts, if it does not say.
    pub seed: Seed,
    /// What a sandbox may use, where nothing was set for it.
    pub quotas: Quotas,
}

/// The commerce core: all sandboxes of one store.
#[derive(Debug)]
pub struct App {
    options: AppOptions,
    pub(super) directory: Directory,
    /// Creating and deleting, one at a time.
    registrar: tokio::sync::Mutex<()>,
    looks: Looks,
    pub(super) followers: Followers,
    outside: OnceLock<Outside>,
    /// A number of this run of the program.
    run: u64,
    signing_keys: SigningKeys,
    checked_tokens: CheckedTokens,
    webhook_tokens: WebhookTokens,
}

/// That a sandbox exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SandboxRecord {
    pub(super) space: String,
}

/// A sandbox to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSandbox {
    /// Its name.
    pub id: SandboxId,
    /// Where its randomness starts; the server's seed if `None`.
    pub seed: Option<Seed>,
    /// Where its clock stands still; it runs if `None`.
    pub frozen_at: Option<Timestamp>,
    /// Who runs its timers.
    pub timers: TimerMode,
    /// How long its operations take.
    pub delays: Delays,
    /// What it does where that is a choice.
    pub rules: Rules,
    /// What it may use, where that is not the server's usual.
    pub quotas: Quotas,
}

impl App {
    /// Opens every sandbox of a store; creates `default` in a new one.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails, [`AppError::Unreadable`] when a newer version wrote it.
    pub async fn open(options: AppOptions) -> Result<Arc<Self>, AppError> {
        let signing_keys = SigningKeys::of(&*options.store).await?;
        let app = Arc::new(Self {
            options,
            signing_keys,
            checked_tokens: CheckedTokens::default(),
            webhook_tokens: WebhookTokens::default(),
            directory: Directory::default(),
            registrar: tokio::sync::Mutex::default(),
            looks: Looks::default(),
            followers: Followers::default(),
            outside: OnceLock::new(),
            run: Seed::of_this_run(),
        });
        for (id, space) in registered(&*app.options.store).await? {
            app.open_sandbox(id, &space).await?;
        }
        let id = SandboxId::default_sandbox();
        if app.sandbox(&id).is_err() {
            let new = NewSandbox {
                id,
                seed: None,
                frozen_at: None,
                timers: TimerMode::Automatic,
                delays: Delays::default(),
                rules: Rules::default(),
                quotas: Quotas::default(),
            };
            match app.create_sandbox(new).await {
                // Another server, started at the same time, was first.
                Ok(_) | Err(AppError::SandboxExists(_)) => {}
                Err(error) => return Err(error),
            }
        }
        app.sweep_in_background();
        app.keep_up_in_background();
        Ok(app)
    }

    /// Tells who does what timers cause outside, and starts to see to timers. Called once.
    pub fn attend_timers(&self, outside: Outside) {
        if self.outside.set(outside).is_ok() {
            for sandbox in self.sandboxes() {
                self.attend(&sandbox);
            }
        }
    }

    /// Who does what timers cause outside.
    ///
    /// # Errors
    /// [`AppError::Stopping`] before [`App::attend_timers`].
    pub fn outside(&self) -> Result<&Outside, AppError> {
        self.outside.get().ok_or(AppError::Stopping)
    }

    fn attend(&self, sandbox: &Arc<Sandbox>) {
        if let Some(outside) = self.outside.get() {
            tokio::spawn(attend(Arc::downgrade(sandbox), outside.clone()));
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.options.store
    }

    /// Asks the store for something, to know whether it answers.
    ///
    /// # Errors
    /// [`AppError::Store`] if it does not.
    pub async fn reach_store(&self) -> Result<(), AppError> {
        self.options.store.takes_commits()?;
        self.options.store.get(&keys::signing_keys()).await?;
        Ok(())
    }

    /// The identity's keys.
    #[must_use]
    pub const fn signing_keys(&self) -> &SigningKeys {
        &self.signing_keys
    }

    /// Signs with a new key from now on.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn rotate_signing_key(&self) -> Result<(), AppError> {
        self.signing_keys.rotate(&*self.options.store).await?;
        self.tell_others(&keys::signing_keys());
        Ok(())
    }

    /// Sees everything through that was told and that nobody waits for.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn finish_told(&self) -> Result<(), AppError> {
        for sandbox in self.sandboxes() {
            sandbox.finish_own().await?;
        }
        Ok(())
    }

    fn tell_others(&self, key: &Key) {
        if let Some(shared) = self.options.store.shared() {
            shared.tell(key);
        }
    }

    pub(super) const fn looks(&self) -> &Looks {
        &self.looks
    }

    /// Whoever opens and closes sandboxes holds it.
    pub(super) const fn registrar(&self) -> &tokio::sync::Mutex<()> {
        &self.registrar
    }

    /// Tokens for webhooks that are still good.
    pub(super) fn webhook_tokens(&self) -> &WebhookTokens {
        &self.webhook_tokens
    }

    pub(super) const fn checked_tokens(&self) -> &CheckedTokens {
        &self.checked_tokens
    }

    /// The machine's clock.
    #[must_use]
    pub fn wall(&self) -> &Arc<dyn WallClock> {
        &self.options.wall
    }

    /// Creates a sandbox; durable when it answers.
    ///
    /// # Errors
    /// [`AppError::SandboxExists`], [`Refusal::BeyondCalendar`].
    ///
    /// [`Refusal::BeyondCalendar`]: crate::domain::refusal::Refusal::BeyondCalendar
    pub async fn create_sandbox(&self, new: NewSandbox) -> Result<Arc<Sandbox>, AppError> {
        new.frozen_at.map_or(Ok(()), check_within_calendar)?;
        let _alone = self.registrar.lock().await;
        loop {
            if self.options.store.shared().is_some() {
                self.look_at(&new.id).await?;
            }
            if self.sandbox(&new.id).is_ok() {
                return Err(AppError::SandboxExists(new.id));
            }
            if let Some(sandbox) = self.try_to_create(&new).await? {
                return Ok(sandbox);
            }
        }
    }

    /// Creates a sandbox; `None` if another server has created one at the same time.
    async fn try_to_create(&self, new: &NewSandbox) -> Result<Option<Arc<Sandbox>>, AppError> {
        let wall = self.options.wall.now();
        let counter_key = keys::newest_space();
        let counter = self.options.store.get(&counter_key).await?;
        let number = counter.as_ref().map_or(Ok(0), |found| decode::<u64>(&counter_key, &found.bytes))?;
        let number = number.saturating_add(1);
        let space = Space::new(&format!("{}:{number}", new.id));
        let head = Head {
            seed: new.seed.unwrap_or(self.options.seed),
            clock: new.frozen_at.map_or(Clock::wall(), |at| Clock::Frozen { at }),
            timers: new.timers,
            delays: new.delays,
            rules: new.rules,
            quotas: new.quotas,
            documents: OF_ITS_OWN,
            next_entry: Seq(1),
            audit_records: 0,
            last_moment: new.frozen_at.unwrap_or(wall),
        };
        let catalogue = self.options.catalogue.clone().for_sandbox(&new.id);

        let mut changeset = Changeset::default();
        changeset.expect(counter_key.clone(), expectation(counter.as_ref()));
        changeset.put(counter_key.clone(), encode(&counter_key, &number)?);
        let registration_key = keys::sandbox(&new.id);
        changeset.expect(registration_key.clone(), Expectation::Absent);
        changeset.put(registration_key.clone(), encode(&registration_key, &sandbox_record(&space))?);
        changeset.put(space.head(), encode(&space.head(), &head)?);
        changeset.put(space.catalogue(), encode(&space.catalogue(), &catalogue)?);
        match self.options.store.commit(changeset).await {
            Ok(()) => {
                self.tell_others(&registration_key);
                Ok(Some(self.start(new.id.clone(), space, catalogue, head, Version(1))))
            }
            Err(CommitError::Conflict(_)) => Ok(None),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    pub(super) async fn open_sandbox(&self, id: SandboxId, space: &str) -> Result<(), AppError> {
        let space = Space::new(space);
        let head = self.document(&space.head()).await?;
        let catalogue = self.document(&space.catalogue()).await?;
        let (version, head) = (head.version, decode(&space.head(), &head.bytes)?);
        let catalogue = decode(&space.catalogue(), &catalogue.bytes)?;
        self.start(id, space, catalogue, head, version);
        Ok(())
    }

    async fn document(&self, key: &Key) -> Result<Document, AppError> {
        let missing = || AppError::Unreadable { key: key.to_string(), reason: "it is missing".to_owned() };
        self.options.store.get(key).await?.ok_or_else(missing)
    }

    fn start(&self, id: SandboxId, space: Space, catalogue: Catalogue, head: Head, version: Version) -> Arc<Sandbox> {
        let secrets = head.seed.sealing_secrets(&id);
        let (usual_quotas, run) = (self.options.quotas, self.run);
        let world = World { id, space, catalogue: Arc::new(catalogue), secrets, usual_quotas, run };
        let (store, wall) = (Arc::clone(&self.options.store), Arc::clone(&self.options.wall));
        let sandbox = Sandbox::start(world, head, version, store, wall);
        self.directory.enter(&sandbox);
        self.attend(&sandbox);
        sandbox
    }

    /// Deletes a sandbox. It is gone at once; its documents are removed in the background.
    ///
    /// # Errors
    /// [`AppError::UnknownSandbox`], [`AppError::DefaultSandbox`].
    pub async fn delete_sandbox(self: &Arc<Self>, id: &SandboxId) -> Result<(), AppError> {
        let _alone = self.registrar.lock().await;
        if *id == SandboxId::default_sandbox() {
            return Err(AppError::DefaultSandbox);
        }
        if self.options.store.shared().is_some() {
            self.look_at(id).await?;
        }
        let sandbox = self.sandbox(id)?;
        let record = keys::sandbox(id);
        let found = self.options.store.get(&record).await?;
        let mut changeset = Changeset::default();
        changeset.expect(record.clone(), expectation(found.as_ref()));
        changeset.remove(record.clone());
        changeset.put(keys::garbage(sandbox.world.space.name()), begun(&sandbox.world.space)?);
        // Without its head, whatever is still in the mailbox can't be committed any more.
        changeset.remove(sandbox.world.space.head());
        match self.options.store.commit(changeset).await {
            Ok(()) => {}
            // Another server has deleted it first.
            Err(CommitError::Conflict(_)) => return Err(AppError::UnknownSandbox(id.clone())),
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        self.tell_others(&record);
        self.close_sandbox(&sandbox);
        self.sweep_in_background();
        Ok(())
    }

    /// Forgets a sandbox that is gone from the store.
    pub(super) fn close_sandbox(&self, sandbox: &Arc<Sandbox>) {
        self.directory.strike_out(sandbox);
        self.checked_tokens().forget(sandbox);
        self.webhook_tokens().forget(sandbox.space());
    }
}

/// The sandboxes of a store, each with the name of its space.
pub(super) async fn registered(store: &dyn Store) -> Result<Vec<(SandboxId, String)>, AppError> {
    let sandboxes = keys::sandboxes();
    let mut registered = Vec::new();
    for (key, document) in store.scan(&KeyRange::under(&sandboxes), Direction::Ascending, usize::MAX).await? {
        let Some(id) = keys::sandbox_of(&key) else { continue };
        let record: SandboxRecord = decode(&key, &document.bytes)?;
        registered.push((id, record.space));
    }
    Ok(registered)
}

/// That a sandbox has a space.
pub(super) fn sandbox_record(space: &Space) -> SandboxRecord {
    SandboxRecord { space: space.name().to_owned() }
}

pub(super) fn expectation(found: Option<&Document>) -> Expectation {
    found.map_or(Expectation::Absent, |document| Expectation::At(document.version))
}

pub(super) fn store_error(error: CommitError) -> AppError {
    match error {
        CommitError::Store(error) => error.into(),
        CommitError::Conflict(key) => StoreError::Engine(format!("{key} was changed meanwhile").into()).into(),
    }
}
