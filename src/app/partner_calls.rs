//! How often partners have called Partner Center in the running minute.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::sandbox::Sandbox;
use crate::domain::ids::PartnerId;

/// Calls in a minute (docs:subscription-resources).
const PER_MINUTE: u32 = 500;
const MINUTE_MILLIS: i64 = 60_000;

/// The minute, of the sandbox's time, and the calls in it. They are lost with the program, as the minute nearly is.
#[derive(Debug, Default)]
pub(super) struct PartnerCalls(Mutex<BTreeMap<PartnerId, (i64, u32)>>);

impl Sandbox {
    /// Counts a call of a partner.
    ///
    /// # Errors
    /// The seconds until it may call again, if it has called too often. Refused calls count too
    /// (docs:api-throttling-guidance).
    pub fn count_call(&self, partner: &PartnerId) -> Result<(), u32> {
        let now = self.now().as_millis();
        let minute = now.div_euclid(MINUTE_MILLIS);
        let mut calls = self.partner_calls.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, count) = calls.entry(partner.clone()).or_insert((minute, 0));
        if *of != minute {
            (*of, *count) = (minute, 0);
        }
        *count = count.saturating_add(1);
        if *count <= PER_MINUTE {
            return Ok(());
        }
        let left = MINUTE_MILLIS.saturating_sub(now.rem_euclid(MINUTE_MILLIS)).saturating_add(999);
        Err(u32::try_from(left / 1000).unwrap_or(60))
    }
}
