//! Quotas at work: how many documents a sandbox has, how often it is called and calls.
//!
//! Documents are counted in the sandbox's head, with each commit. Calls are counted by each server for itself and on the
//! machine's clock: what they would use up is the machine.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::{
    desk::Desk,
    error::AppError,
    journal::{Player, What},
    mailbox::Command,
    sandbox::Sandbox,
};
use crate::domain::quotas::Quotas;

impl Sandbox {
    /// What it may use: what was set for it, and the server's usual where nothing was.
    #[must_use]
    pub fn quotas(&self) -> Quotas {
        self.published().quotas.or(self.world.usual_quotas)
    }

    /// What it may use, as far as that was set for it.
    #[must_use]
    pub fn quotas_of_its_own(&self) -> Quotas {
        self.published().quotas
    }

    /// How many documents it has.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.published().documents
    }

    /// That it takes no more changes, because it has as many documents as it may.
    ///
    /// # Errors
    /// [`AppError::Full`].
    pub(super) fn has_room(&self) -> Result<(), AppError> {
        self.quotas().filled_by(self.documents()).map_or(Ok(()), |documents| Err(AppError::Full { documents }))
    }

    /// Sets what it may use. What is left out is as the server usually has it.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn set_quotas(&self, quotas: Quotas) -> Result<(), AppError> {
        self.ask(SetQuotas(quotas)).await
    }

    /// Counts a call.
    ///
    /// # Errors
    /// [`AppError::TooManyCalls`] if there were as many as it may take; within a second it may take one again.
    pub fn takes_call(&self) -> Result<(), AppError> {
        let quota = self.quotas().requests_per_second.map(Quota::per_second);
        let Some(limiter) = self.calls.limiter(quota) else { return Ok(()) };
        limiter.check().map_err(|_until| AppError::TooManyCalls)
    }

    /// Waits until it may call a webhook.
    pub(super) async fn may_deliver(&self) {
        let mut changes = self.changes();
        loop {
            let quota = self.quotas().deliveries_per_minute.map(Quota::per_minute);
            let Some(limiter) = self.deliveries_made.limiter(quota) else { return };
            tokio::select! {
                () = limiter.until_ready() => return,
                // The quota may be another one now.
                changed = changes.next() => if changed.is_err() { return },
            }
        }
    }
}

/// How often something is done, as long as that is limited.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Option<(Quota, Arc<DefaultDirectRateLimiter>)>>);

impl Pace {
    /// What counts against a quota; another quota begins anew.
    fn limiter(&self, quota: Option<Quota>) -> Option<Arc<DefaultDirectRateLimiter>> {
        let quota = quota?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((of, limiter)) if *of == quota => Some(Arc::clone(limiter)),
            Some(_) | None => {
                let limiter = Arc::new(RateLimiter::direct(quota));
                *known = Some((quota, Arc::clone(&limiter)));
                Some(limiter)
            }
        }
    }
}

struct SetQuotas(Quotas);

impl Command for SetQuotas {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        if desk.head.quotas != self.0 {
            desk.head.quotas = self.0;
            let Quotas { documents, requests_per_second, deliveries_per_minute } = self.0;
            let of = |limit: Option<u64>, what: &str| {
                limit.map_or_else(|| format!("{what} as usual"), |limit| format!("{limit} {what}"))
            };
            let summary = format!(
                "The sandbox may have {}, take {}, and make {} from now on.",
                of(documents.map(std::num::NonZeroU64::get), "documents"),
                of(requests_per_second.map(NonZeroU32::get).map(u64::from), "calls a second"),
                of(deliveries_per_minute.map(NonZeroU32::get).map(u64::from), "deliveries a minute"),
            );
            desk.note(Player::Operator, None, What::Steering { summary });
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn may_overfill(&self) -> bool {
        true
    }
}
