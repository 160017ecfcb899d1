//! How servers that share a store keep up with each other: which sandboxes there are, what each is at, which keys sign.
//!
//! Each tells the others what it has changed, and looks at everything now and then, because what is told may get lost.
//! What a caller names and nobody here knows is looked for in the store before it is refused: another server may have
//! made it a moment ago. For commands this only saves work: the mailbox finds out by itself that it was overtaken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;

use super::{
    desk::decode,
    error::AppError,
    keys,
    registry::{App, SandboxRecord, registered},
    sandbox::{LookAgain, Sandbox},
};
use crate::{
    domain::ids::SandboxId,
    store::{Key, News, Version},
};

/// Looks at the store that those who ask for one at the same time share.
#[derive(Debug, Default)]
pub(super) struct Looks {
    turn: tokio::sync::Mutex<()>,
    /// How many have begun.
    begun: AtomicU64,
    /// The number of the last one that went well.
    done: AtomicU64,
}

/// How long a call waits to hear what is new.
const PATIENCE: Duration = Duration::from_secs(2);

impl Looks {
    /// Looks, unless somebody else has begun to since this was asked for, and it went well: then `None`.
    async fn share<T, E>(&self, look: impl AsyncFnOnce() -> Result<T, E>) -> Option<Result<T, E>> {
        let asked_at = self.begun.load(Ordering::Acquire);
        let _alone = self.turn.lock().await;
        if self.done.load(Ordering::Acquire) > asked_at {
            return None;
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        let looked = look().await;
        if looked.is_ok() {
            self.done.store(number, Ordering::Release);
        }
        Some(looked)
    }
}

impl Sandbox {
    /// Makes sure that its clock and its rules are known here as they are now, whichever server has changed them; tells
    /// whether it is still there, as far as the store can tell.
    pub(super) async fn keeps_up(&self) -> bool {
        let Some(shared) = self.store.shared() else { return true };
        let looked = self.looks.share(async || {
            let version = shared.versions(&[self.head()]).await?.into_iter().next().flatten();
            match version {
                Some(version) if version == self.version() => Ok(()),
                Some(_) => self.ask(LookAgain).await,
                // Not a look that went well: whoever waits for it has to find out as well.
                None => Err(AppError::UnknownSandbox(self.id().clone())),
            }
        });
        // A store that hangs shall not gather callers here; whatever needs it has to do with its own limits.
        let Ok(looked) = tokio::time::timeout(PATIENCE, looked).await else { return true };
        match looked {
            Some(Err(error @ AppError::Store(_))) => {
                tracing::debug!(sandbox = %self.id(), %error, "the store can't tell what is new");
                true
            }
            Some(Err(_)) => false,
            // Somebody else has looked for us, if not we.
            Some(Ok(())) | None => true,
        }
    }
}

impl App {
    /// Follows what other servers do, until the store is closed.
    pub(super) fn keep_up_in_background(self: &Arc<Self>) {
        if self.store().shared().is_none() {
            return;
        }
        let (app, store) = (Arc::downgrade(self), Arc::clone(self.store()));
        tokio::spawn(async move {
            while let Some(shared) = store.shared()
                && let Some(news) = shared.news().await
                && let Some(app) = app.upgrade()
            {
                // Somebody may have died over a deletion.
                if news == News::Anything {
                    app.sweep_in_background();
                }
                if let Err(error) = app.hear(news).await {
                    tracing::warn!(%error, "what other servers have done could not be read; it will be looked at again");
                }
            }
        });
    }

    /// A sandbox by name, also one that another server has just made, as it is now. While the store is away, what is known
    /// has to do; whatever needs the store fails by itself.
    ///
    /// # Errors
    /// [`AppError::UnknownSandbox`], [`AppError::Store`] when the store fails.
    pub async fn find_sandbox(&self, id: &SandboxId) -> Result<Arc<Sandbox>, AppError> {
        if let Ok(sandbox) = self.sandbox(id)
            && sandbox.keeps_up().await
        {
            return Ok(sandbox);
        }
        if self.store().shared().is_some() {
            let alone = self.registrar().lock().await;
            self.look_at(id).await?;
            drop(alone);
            // Somebody else may have opened it meanwhile: as it was when they began.
            self.sandbox(id)?.keeps_up().await;
        }
        self.sandbox(id)
    }

    /// Makes sure that a tenant and an app record, as a caller names them, are known here if any server knows them,
    /// and their sandbox as it is now. While the store is away, what is known has to do.
    pub async fn meet(&self, tenant: &str, client: Option<&str>) {
        if !self.knows(tenant, client).await && self.look_around().await {
            // Somebody else's look may have found them: as they were when it began.
            self.knows(tenant, client).await;
        }
    }

    /// Whether a tenant and an app record are known here; if they are, then as they are now.
    async fn knows(&self, tenant: &str, client: Option<&str>) -> bool {
        let of_tenant = tenant.parse().ok().map(|tenant| self.sandbox_of_tenant(tenant));
        let of_app = client.and_then(|client| client.parse().ok());
        let of_app = of_app.map(|client| self.registered_app(client).map(|registered| registered.sandbox));
        let mut are_known = true;
        for sandbox in [of_tenant, of_app].into_iter().flatten() {
            are_known &= match sandbox {
                Some(sandbox) => sandbox.keeps_up().await,
                None => false,
            };
        }
        are_known
    }

    /// The id of the tenant that a caller names by its id or by a domain; what else it names stays as it is.
    pub async fn tenant_named(&self, name: String) -> String {
        if !name.contains('.') {
            return name;
        }
        let mut tenant = self.tenant_of_domain(&name);
        if tenant.is_none() && self.look_around().await {
            tenant = self.tenant_of_domain(&name);
        }
        tenant.map_or(name, |tenant| tenant.to_string())
    }

    /// Looks for sandboxes and keys that other servers have made; tells whether there could be any. Those who ask at the
    /// same time share one look.
    pub async fn look_around(&self) -> bool {
        if self.store().shared().is_none() {
            return false;
        }
        let looked = self.looks().share(async || self.hear(News::Anything).await).await;
        if let Some(Err(error)) = looked {
            tracing::warn!(%error, "what other servers have done could not be read");
        }
        true
    }

    async fn hear(&self, news: News) -> Result<(), AppError> {
        match news {
            News::Changed(keys) => {
                for key in keys {
                    self.hear_of(&key).await?;
                }
                Ok(())
            }
            News::Anything => {
                self.signing_keys().look_again(&**self.store()).await?;
                self.look_at_all().await?;
                self.look_at_heads().await
            }
        }
    }

    async fn hear_of(&self, key: &Key) -> Result<(), AppError> {
        if *key == keys::signing_keys() {
            return self.signing_keys().look_again(&**self.store()).await;
        }
        if let Some(id) = keys::sandbox_of(key) {
            let _alone = self.registrar().lock().await;
            return self.look_at(&id).await;
        }
        match self.sandbox_of_head(key) {
            Some(sandbox) => sandbox.look_again().await,
            None => Ok(()),
        }
    }

    /// Opens a sandbox that there is, closes one that there is no more. Whoever calls holds the registrar.
    pub(super) async fn look_at(&self, id: &SandboxId) -> Result<(), AppError> {
        let key = keys::sandbox(id);
        let found = self.store().get(&key).await?;
        let record = found.map(|document| decode::<SandboxRecord>(&key, &document.bytes)).transpose()?;
        self.settle(id, record.map(|record| record.space)).await
    }

    async fn look_at_all(&self) -> Result<(), AppError> {
        let _alone = self.registrar().lock().await;
        let registered = registered(&**self.store()).await?;
        for sandbox in self.sandboxes() {
            if !registered.iter().any(|(id, _)| id == sandbox.id()) {
                self.close_sandbox(&sandbox);
            }
        }
        for (id, space) in registered {
            self.settle(&id, Some(space)).await?;
        }
        Ok(())
    }

    /// Opens or closes a sandbox, so that it is here as it is there.
    async fn settle(&self, id: &SandboxId, space: Option<String>) -> Result<(), AppError> {
        let open = self.sandbox(id).ok();
        if open.as_ref().map(|sandbox| sandbox.space()) == space.as_deref() {
            return Ok(());
        }
        if let Some(sandbox) = open {
            self.close_sandbox(&sandbox);
        }
        let Some(space) = space else { return Ok(()) };
        match self.open_sandbox(id.clone(), &space).await {
            // It was deleted while it was being read.
            Err(AppError::Unreadable { .. }) if self.store().get(&keys::sandbox(id)).await?.is_none() => Ok(()),
            opened => opened,
        }
    }

    /// Has the sandboxes look again whose heads have got another version, and waits until they have.
    async fn look_at_heads(&self) -> Result<(), AppError> {
        let Some(shared) = self.store().shared() else { return Ok(()) };
        let sandboxes = self.sandboxes();
        let heads: Vec<Key> = sandboxes.iter().map(|sandbox| sandbox.head()).collect();
        let versions: Vec<Option<Version>> = shared.versions(&heads).await?;
        let behind = sandboxes.iter().zip(versions);
        let behind = behind.filter(|(sandbox, version)| version.is_some_and(|version| version != sandbox.version()));
        let looking = join_all(behind.map(|(sandbox, _)| sandbox.ask(LookAgain)));
        // One that is stuck shall not keep the others waiting; whoever needs it finds out.
        let _in_time = tokio::time::timeout(PATIENCE, looking).await;
        Ok(())
    }
}
