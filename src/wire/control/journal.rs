//! The journal: everything that happened in a sandbox, in order.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who acts or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Player {
    /// The CSP partner, or whoever sits at the browser.
    Partner,
    /// Partner Center: where the partner buys and manages.
    PartnerCenter,
    /// The publisher (ISV).
    Publisher,
    /// The marketplace.
    Marketplace,
    /// The identity (Entra).
    Identity,
    /// Whoever steers the simulation.
    Operator,
}

/// One entry.
///
/// Kinds: the facts of a purchase (`purchaseCreated`, `codeIssued`, `codeExpired`, `codeRefused`, `resolved`,
/// `licensesAssigned`, `activated`, `billingStarted`, `charged`, `usageAccepted`, `notActivatedInTime`), calls between players
/// (`exchange`), what the stand-in publisher did (`publisherStep`), and what steers the sandbox (`clock`, `steering`, `fault`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntryView {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// Sandbox time.
    pub at: String,
    /// Wall time.
    pub wall_at: String,
    /// The kind.
    pub kind: String,
    /// Who acted.
    pub from: Player,
    /// Who was called; absent for a fact.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<Player>,
    /// The subscription that it concerns.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subscription: Option<String>,
    /// The request's correlation id, on an exchange.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub correlation_id: Option<String>,
    /// One sentence for a person.
    pub summary: String,
    /// The entry's own data. A fact: its fields. An exchange: `method`, `path`, `status` (absent if no
    /// answer came), `requestBody`,
    /// `responseBody`, `latencyMicros`.
    pub data: serde_json::Value,
}

/// A page of the journal, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JournalPage {
    /// The entries.
    pub entries: Vec<JournalEntryView>,
    /// The `since` that gets the next page; absent when there is no more for now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_since: Option<u64>,
}
