//! What a sandbox may use of a server that it shares with others.

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits of a sandbox. What is left out is as the server usually has it, or not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetQuotas {
    /// Documents in the store. A full sandbox can be read, but takes no changes, and its timers stand still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, minimum = 1, example = 100_000)]
    pub documents: Option<NonZeroU64>,
    /// Calls in a second, as each server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, example = 50)]
    pub requests_per_second: Option<NonZeroU32>,
    /// Calls to webhooks in a minute, as each server counts them. Further ones wait for their turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, example = 600)]
    pub deliveries_per_minute: Option<NonZeroU32>,
}

/// What a sandbox may use; what is left out is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotasView {
    /// Documents in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, example = 100_000)]
    pub documents: Option<NonZeroU64>,
    /// Calls in a second, as each server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, example = 50)]
    pub requests_per_second: Option<NonZeroU32>,
    /// Calls to webhooks in a minute, as each server counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, example = 600)]
    pub deliveries_per_minute: Option<NonZeroU32>,
    /// How many documents it has.
    pub documents_used: u64,
}
