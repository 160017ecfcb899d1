//! How often partners have called Partner Center in the running minute, and what is limited.

use futures_util::future::BoxFuture;

use super::{desk::Desk, error::AppError, mailbox::Command, sandbox::Sandbox};
use crate::domain::ids::PartnerId;

const MINUTE_MILLIS: i64 = 60_000;

/// What a partner may do only so often in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Tests => "tests",
        }
    }
}

impl Sandbox {
    /// Counts what a partner does; tells the seconds until it may do it again, if it has done it too often. What is refused
    /// counts too (docs:api-throttling-guidance).
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn count_call(&self, partner: &PartnerId, what: Limited) -> Result<Option<u32>, AppError> {
        self.ask(CountCall { partner: partner.clone(), what }).await
    }
}

struct CountCall {
    partner: PartnerId,
    what: Limited,
}

impl Command for CountCall {
    type Answer = Option<u32>;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Option<u32>, AppError>> {
        Box::pin(async move {
            let now = desk.now().as_millis();
            let minute = now.div_euclid(MINUTE_MILLIS);
            let key = desk.space().calls(&self.partner, self.what.as_str());
            let counted: Option<(i64, u32)> = desk.load(&key).await?;
            let count = counted.filter(|(of, _)| *of == minute).map_or(0, |(_, count)| count).saturating_add(1);
            desk.put(key, &(minute, count))?;
            let left = MINUTE_MILLIS.saturating_sub(now.rem_euclid(MINUTE_MILLIS)).saturating_add(999);
            Ok((count > self.what.per_minute()).then(|| u32::try_from(left / 1000).unwrap_or(60)))
        })
    }
}
