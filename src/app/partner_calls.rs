//! How often partners have called Partner Center in the running minute, and what is limited.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::sandbox::Sandbox;
use crate::domain::ids::PartnerId;

const MINUTE_MILLIS: i64 = 60_000;

/// What a partner may do only so often in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limited {
    /// Calls (docs:subscription-resources).
    Calls,
    /// Tests of its webhook (docs:partner-center-webhooks).
    Tests,
}

impl Limited {
    const fn per_minute(self) -> u32 {
        match self {
            Self::Calls => 500,
            Self::Tests => 2,
        }
    }
}

/// The minute, of the sandbox's time, and what was done in it. They are lost with the program, as the minute nearly is.
#[derive(Debug, Default)]
pub(super) struct PartnerCalls(Mutex<BTreeMap<(PartnerId, Limited), (i64, u32)>>);

impl Sandbox {
    /// Counts what a partner does.
    ///
    /// # Errors
    /// The seconds until it may do it again, if it has done it too often. What is refused counts too
    /// (docs:api-throttling-guidance).
    pub fn count_call(&self, partner: &PartnerId, what: Limited) -> Result<(), u32> {
        let now = self.now().as_millis();
        let minute = now.div_euclid(MINUTE_MILLIS);
        let mut calls = self.partner_calls.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, count) = calls.entry((partner.clone(), what)).or_insert((minute, 0));
        if *of != minute {
            (*of, *count) = (minute, 0);
        }
        *count = count.saturating_add(1);
        if *count <= what.per_minute() {
            return Ok(());
        }
        let left = MINUTE_MILLIS.saturating_sub(now.rem_euclid(MINUTE_MILLIS)).saturating_add(999);
        Err(u32::try_from(left / 1000).unwrap_or(60))
    }
}
