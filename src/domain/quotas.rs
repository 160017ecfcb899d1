//! What a sandbox may use of a server that it shares with others.

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

/// Limits; `None` is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quotas {
    /// Documents in the store. A sandbox that has as many takes no more changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<NonZeroU64>,
    /// Calls in a second of the machine's, as each server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<NonZeroU32>,
    /// Calls to webhooks in a minute of the machine's, as each server counts them. Further ones wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliveries_per_minute: Option<NonZeroU32>,
}

impl Quotas {
    /// The limit that a sandbox with so many documents has reached; `None` if it has room for more.
    #[must_use]
    pub fn filled_by(self, documents: u64) -> Option<u64> {
        self.documents.map(NonZeroU64::get).filter(|most| documents >= *most)
    }

    /// These, and where they say nothing, others.
    #[must_use]
    pub fn or(self, usual: Self) -> Self {
        Self {
            documents: self.documents.or(usual.documents),
            requests_per_second: self.requests_per_second.or(usual.requests_per_second),
            deliveries_per_minute: self.deliveries_per_minute.or(usual.deliveries_per_minute),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_is_full_from_its_limit_on_and_a_limit_of_its_own_goes_first() {
        let of = |documents: u64| Quotas { documents: NonZeroU64::new(documents), ..Quotas::default() };
        let table = [
            (of(0), of(0), u64::MAX, None),
            (of(5), of(0), 4, None),
            (of(5), of(0), 5, Some(5)),
            (of(5), of(0), 6, Some(5)),
            (of(0), of(3), 5, Some(3)),
            (of(9), of(3), 5, None),
        ];
        for (own, usual, documents, expected) in table {
            assert_eq!(own.or(usual).filled_by(documents), expected, "{own:?} {usual:?} {documents}");
        }
    }
}
