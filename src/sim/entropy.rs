//! Randomness from a seed: the only place that draws.
//!
//! A sandbox's ids and nonces come from generators that are named by purpose and numbered by the journal entry that
//! they serve. So one more draw here shifts nothing there, and a sandbox that is reopened goes on without repeating
//! itself, because journal entries are numbered for ever.

use std::sync::{Mutex, PoisonError};

use rand::{
    Rng, SeedableRng, TryRng,
    rngs::{ChaCha8Rng, ChaCha20Rng, SysRng},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::{
    event::Seq,
    ids::{ActivityId, OperationId, SandboxId, SubscriptionId, UsageEventId},
    purchase_token::{NONCE_BYTES, SealingSecrets},
};

/// What a sandbox's randomness starts from. The same seed gives the same ids, codes and secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl From<u64> for Seed {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl From<Seed> for u64 {
    fn from(seed: Seed) -> Self {
        seed.0
    }
}

impl Seed {
    /// A seed that nobody can foresee, for `--seed random`.
    ///
    /// # Panics
    /// If the operating system has no randomness to give: nothing can be started then.
    #[must_use]
    #[expect(clippy::expect_used, reason = "start-up invariant: the operating system gives random bytes")]
    pub fn random() -> Self {
        Self(SysRng.try_next_u64().expect("the operating system gives random bytes"))
    }

    /// A number that no other run of the program has, to tell by it what another run has left behind.
    #[must_use]
    pub fn of_this_run() -> u64 {
        Self::random().0
    }

    /// The generator of a purpose, for one journal entry.
    #[must_use]
    pub fn draws(self, purpose: &str, entry: Seq) -> Draws {
        let mut salt = Sha256::new();
        salt.update(self.0.to_be_bytes());
        salt.update(purpose.as_bytes());
        let mut generator = ChaCha20Rng::from_seed(salt.finalize().into());
        generator.set_stream(entry.0);
        Draws(generator)
    }

    /// The secrets that seal a sandbox's authorization codes. Two sandboxes with one seed have the same ids; a code of
    /// one is foreign to the other all the same.
    #[must_use]
    pub fn sealing_secrets(self, sandbox: &SandboxId) -> SealingSecrets {
        let mut draws = self.draws(&format!("sealing secrets of {sandbox}"), Seq(0));
        SealingSecrets::new(draws.bytes(), draws.bytes())
    }
}

/// Random bytes that nobody can foresee, for secrets that no sandbox decides on.
///
/// # Panics
/// If the operating system has no randomness to give any more.
#[must_use]
#[expect(clippy::expect_used, reason = "no secret is better than one that can be guessed")]
pub fn secret_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// The draws for one purpose.
#[derive(Debug)]
pub struct Draws(ChaCha20Rng);

impl Draws {
    /// Random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A subscription id: random in all 128 bits, as the recorded ones.
    #[must_use]
    pub fn subscription_id(&mut self) -> SubscriptionId {
        SubscriptionId::from_bytes(self.bytes())
    }

    /// A subscription id as a GUID of version 4.
    #[must_use]
    pub fn subscription_id_of_version_4(&mut self) -> SubscriptionId {
        SubscriptionId::from_bytes(uuid::Builder::from_random_bytes(self.bytes()).into_uuid().into_bytes())
    }

    /// An operation id: random in all 128 bits too.
    #[must_use]
    pub fn operation_id(&mut self) -> OperationId {
        OperationId::from_bytes(self.bytes())
    }

    /// An activity id: random in all 128 bits too.
    #[must_use]
    pub fn activity_id(&mut self) -> ActivityId {
        ActivityId::from_bytes(self.bytes())
    }

    /// A usage event id.
    #[must_use]
    pub fn usage_event_id(&mut self) -> UsageEventId {
        UsageEventId::from_bytes(self.bytes())
    }

    /// Nonces without end, for [`crate::domain::purchase_token::seal`]. It settles on one of the first few.
    pub fn nonces(&mut self) -> impl Iterator<Item = [u8; NONCE_BYTES]> {
        std::iter::repeat_with(|| self.bytes()).take(64)
    }
}

/// Random bits of pauses, by which processes that have met don't meet again. Nothing that is kept depends on them.
#[derive(Debug)]
pub struct Jitter(ChaCha8Rng);

impl Default for Jitter {
    fn default() -> Self {
        Self(ChaCha8Rng::seed_from_u64(Seed::random().0))
    }
}

impl Jitter {
    /// A number below another one; 0 below 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64().checked_rem(end).unwrap_or(0)
    }
}

/// Ids of requests and traces: unique, but no part of what a sandbox decides or a report shows.
#[derive(Debug)]
pub struct RequestIds(Mutex<ChaCha8Rng>);

impl Default for RequestIds {
    fn default() -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(Seed::random().0)))
    }
}

impl RequestIds {
    /// A new GUID.
    pub fn next(&self) -> Uuid {
        let [id] = self.draw();
        id
    }

    /// Some new GUIDs.
    pub fn draw<const N: usize>(&self) -> [Uuid; N] {
        let mut ids = [[0; 16]; N];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(ids.as_flattened_mut());
        ids.map(Uuid::from_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_for_the_same_seed_purpose_and_entry_and_for_nothing_else() {
        let id = |seed, purpose, entry| Seed(seed).draws(purpose, Seq(entry)).subscription_id();
        assert_eq!(id(1, "purchase", 5), id(1, "purchase", 5));
        for other in [id(2, "purchase", 5), id(1, "link", 5), id(1, "purchase", 6)] {
            assert_ne!(id(1, "purchase", 5), other);
        }
    }

    #[test]
    fn each_seed_and_each_sandbox_has_its_own_secrets() {
        let [here, there] = ["here", "there"].map(|name| name.parse().unwrap());
        assert_eq!(Seed(1).sealing_secrets(&here), Seed(1).sealing_secrets(&here));
        assert_ne!(Seed(1).sealing_secrets(&here), Seed(2).sealing_secrets(&here));
        assert_ne!(Seed(1).sealing_secrets(&here), Seed(1).sealing_secrets(&there));
    }
}
