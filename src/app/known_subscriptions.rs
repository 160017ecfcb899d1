//! Subscriptions as they were last read, so that one that is asked for again and again is decoded, and written out for
//! its caller, once.
//!
//! What is known is used only if the store still has the same version, whoever wrote it; so nothing has to be told that
//! it changed. The store need not be asked as long as nothing at all has happened in the sandbox.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{desk::decode, error::AppError};
use crate::{
    domain::{ids::SubscriptionId, rules::Rules, subscription::Subscription},
    store::{Document, Key, Version},
};

/// Subscriptions remembered, at about 3 KB each; beyond it all are forgotten, which costs decoding each once more.
const REMEMBERED: usize = 4096;

/// A subscription as the store has it.
#[derive(Debug)]
pub struct KnownSubscription {
    version: Version,
    /// The rules by which its answer is written.
    rules: Rules,
    subscription: Subscription,
    answer: OnceLock<Arc<[u8]>>,
    /// The version of the sandbox's head when the store was last seen to have this one.
    seen_at: AtomicU64,
}

/// What a subscription is looked at by: what a change of it would change too.
#[derive(Debug, Clone, Copy)]
pub(super) struct LookedAt {
    /// The version of the sandbox's head, as it was before the store was asked.
    pub(super) head: Version,
    pub(super) rules: Rules,
}

impl KnownSubscription {
    /// A number that is another one whenever anything of it is, its newest authorization code included.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version.0
    }

    /// Its bytes as the fulfillment API answers them: `render` is asked when they are needed for the first time.
    pub fn answer(&self, render: impl FnOnce(&Subscription, Rules) -> Vec<u8>) -> Arc<[u8]> {
        Arc::clone(self.answer.get_or_init(|| render(&self.subscription, self.rules).into()))
    }
}

impl Deref for KnownSubscription {
    type Target = Subscription;

    fn deref(&self) -> &Subscription {
        &self.subscription
    }
}

/// The subscriptions of one sandbox that were read lately.
#[derive(Debug, Default)]
pub(super) struct KnownSubscriptions(Mutex<BTreeMap<SubscriptionId, Arc<KnownSubscription>>>);

impl KnownSubscriptions {
    /// A subscription that was read when the sandbox was as it is now. Every change of a subscription is one of the head.
    pub(super) fn unchanged(&self, id: SubscriptionId, now: LookedAt) -> Option<Arc<KnownSubscription>> {
        let is_same = |known: &&Arc<KnownSubscription>| {
            known.rules == now.rules && known.seen_at.load(Ordering::Relaxed) == now.head.0
        };
        self.lock().get(&id).filter(is_same).cloned()
    }

    /// The subscription that a document holds.
    pub(super) fn of(
        &self,
        id: SubscriptionId,
        key: &Key,
        document: &Document,
        LookedAt { head, rules }: LookedAt,
    ) -> Result<Arc<KnownSubscription>, AppError> {
        let known =
            self.lock().get(&id).filter(|known| known.version == document.version && known.rules == rules).cloned();
        if let Some(known) = known {
            known.seen_at.store(head.0, Ordering::Relaxed);
            return Ok(known);
        }
        let read = Arc::new(KnownSubscription {
            version: document.version,
            rules,
            subscription: decode(key, &document.bytes)?,
            answer: OnceLock::new(),
            seen_at: AtomicU64::new(head.0),
        });
        let mut all = self.lock();
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(id, Arc::clone(&read));
        Ok(read)
    }

    /// A panic elsewhere leaves the map as it is: every change to it is a single step.
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<SubscriptionId, Arc<KnownSubscription>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
