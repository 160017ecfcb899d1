//! Access keys: made, listed, removed, and known again when somebody shows one.
//!
//! A sandbox's keys lie in its space, so they go with it and come along with an export. They are read for each call, so that
//! a key that was removed opens nothing any more, whichever server is asked.

use futures_util::future::BoxFuture;

use super::{
    desk::{Desk, decode, encode},
    error::AppError,
    journal::{Player, What},
    keys,
    mailbox::Command,
    registry::{App, expectation},
    sandbox::Sandbox,
};
use crate::{
    domain::{
        access::{AccessKey, KeptKey, KeyFault, KeyId, Reach},
        time::Timestamp,
    },
    sim::entropy::secret_bytes,
    store::{Changeset, CommitError, Document, Key},
};

/// Keys that one sandbox, or the operator, may have at a time.
const MOST_KEYS: usize = 16;

/// A key that was just made: the only time that it can be shown.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The key.
    pub key: AccessKey,
    /// What is kept of it.
    pub kept: KeptKey,
}

impl App {
    /// What a shown key opens; `None` if it opens nothing.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn reach_of(&self, shown: &AccessKey) -> Result<Option<Reach>, AppError> {
        let kept = self.keys_within(&shown.reach).await?;
        let is_known = kept.iter().any(|kept| kept.id == shown.id && kept.is(shown));
        Ok(is_known.then(|| shown.reach.clone()))
    }

    /// Whether there still is a key of that id.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn has_key(&self, reach: &Reach, id: &KeyId) -> Result<bool, AppError> {
        Ok(self.keys_within(reach).await?.iter().any(|kept| kept.id == *id))
    }

    /// The keys that open exactly that much; none for a sandbox that there is not.
    async fn keys_within(&self, reach: &Reach) -> Result<Vec<KeptKey>, AppError> {
        match reach {
            Reach::Everything => self.operator_keys().await,
            Reach::Sandbox(id) => match self.find_sandbox(id).await {
                Ok(sandbox) => sandbox.access_keys().await,
                Err(AppError::UnknownSandbox(_)) => Ok(Vec::new()),
                Err(error) => Err(error),
            },
        }
    }

    /// The keys that open everything, oldest first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn operator_keys(&self) -> Result<Vec<KeptKey>, AppError> {
        let key = keys::operator_access();
        kept_in(&key, self.store().get(&key).await?.as_ref())
    }

    /// Makes a key that opens everything.
    ///
    /// # Errors
    /// [`KeyFault::TooMany`].
    pub async fn make_operator_key(&self, note: String) -> Result<NewKey, AppError> {
        let new = new_key(Reach::Everything, note, self.wall().now());
        self.change_operator_keys(|kept| added(kept, &new.kept)).await?;
        Ok(new)
    }

    /// Removes a key that opens everything. The last one goes only if there is another way in.
    ///
    /// # Errors
    /// [`KeyFault::Unknown`], [`KeyFault::Last`].
    pub async fn remove_operator_key(&self, id: &KeyId, has_another_way_in: bool) -> Result<(), AppError> {
        self.change_operator_keys(|kept| {
            let left = removed(kept, id)?;
            if left.is_empty() && !has_another_way_in { Err(KeyFault::Last(id.clone())) } else { Ok(left) }
        })
        .await
    }

    async fn change_operator_keys(
        &self,
        change: impl Fn(Vec<KeptKey>) -> Result<Vec<KeptKey>, KeyFault>,
    ) -> Result<(), AppError> {
        let key = keys::operator_access();
        loop {
            let found = self.store().get(&key).await?;
            let kept = kept_in(&key, found.as_ref())?;
            let mut changeset = Changeset::default();
            changeset.expect(key.clone(), expectation(found.as_ref()));
            changeset.put(key.clone(), encode(&key, &change(kept)?)?);
            match self.store().commit(changeset).await {
                Ok(()) => return Ok(()),
                // Somebody else has changed them at the same time.
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
    }
}

impl Sandbox {
    /// The keys that open it, oldest first; not those that open more.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn access_keys(&self) -> Result<Vec<KeptKey>, AppError> {
        let key = self.world.space.access();
        kept_in(&key, self.store.get(&key).await?.as_ref())
    }

    /// Makes a key that opens it.
    ///
    /// # Errors
    /// [`KeyFault::TooMany`].
    pub async fn make_access_key(&self, note: String) -> Result<NewKey, AppError> {
        let new = new_key(Reach::Sandbox(self.id().clone()), note, self.wall.now());
        self.ask(ChangeKeys::Add(new.kept.clone())).await?;
        Ok(new)
    }

    /// Removes one of its keys.
    ///
    /// # Errors
    /// [`KeyFault::Unknown`].
    pub async fn remove_access_key(&self, id: KeyId) -> Result<(), AppError> {
        self.ask(ChangeKeys::Remove(id)).await
    }
}

fn kept_in(key: &Key, found: Option<&Document>) -> Result<Vec<KeptKey>, AppError> {
    found.map_or_else(|| Ok(Vec::new()), |document| decode(key, &document.bytes))
}

fn new_key(reach: Reach, note: String, now: Timestamp) -> NewKey {
    let key = AccessKey::new(reach, secret_bytes(), secret_bytes());
    NewKey { kept: key.kept(note, now), key }
}

fn added(mut kept: Vec<KeptKey>, new: &KeptKey) -> Result<Vec<KeptKey>, KeyFault> {
    if kept.len() >= MOST_KEYS {
        return Err(KeyFault::TooMany { most: MOST_KEYS });
    }
    kept.push(new.clone());
    Ok(kept)
}

fn removed(mut kept: Vec<KeptKey>, id: &KeyId) -> Result<Vec<KeptKey>, KeyFault> {
    let place = kept.iter().position(|kept| kept.id == *id).ok_or_else(|| KeyFault::Unknown(id.clone()))?;
    kept.remove(place);
    Ok(kept)
}

enum ChangeKeys {
    Add(KeptKey),
    Remove(KeyId),
}

impl Command for ChangeKeys {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            let place: Key = desk.space().access();
            let kept = desk.load(&place).await?.unwrap_or_default();
            let (kept, summary) = match self {
                Self::Add(new) => (added(kept, new)?, format!("The access key {} was made.", new.id)),
                Self::Remove(id) => (removed(kept, id)?, format!("The access key {id} was removed.")),
            };
            desk.put(place, &kept)?;
            desk.note(Player::Operator, None, What::Steering { summary });
            Ok(())
        })
    }

    /// A key that got into the wrong hands is removed from a full sandbox too. That ends with the keys that there are.
    fn may_overfill(&self) -> bool {
        matches!(self, Self::Remove(_))
    }
}
