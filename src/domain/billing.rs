//! What is billed: ledger lines. What makes them is in [`super::charges`] and [`super::metering`].

use serde::{Deserialize, Serialize};

use super::{
    event::Seq,
    ids::DimensionId,
    money::{Decimal, Money},
    time::{Term, Timestamp},
};

/// What a ledger line charges for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChargeKind {
    /// The fee of a term: flat, or seats times the price of a seat.
    TermFee,
    /// A later payment of a term that is paid for in parts.
    CycleCharge,
    /// The free month of a trial, at zero (docs:plans-pricing).
    FreeTrial,
    /// What more seats cost for the rest of a period: a line that gives back, and one that charges.
    AddQuantity,
    /// What fewer seats give back, likewise.
    RemoveQuantity,
    /// What another plan costs, or gives back, likewise.
    Convert,
    /// What a cancellation gives back.
    Refund,
    /// Usage of a dimension beyond what the term includes.
    Usage,
}

/// One line of a subscription's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerLine {
    /// Its number within the subscription, from 1.
    pub number: u32,
    /// What it charges for.
    pub kind: ChargeKind,
    /// The formula in words: `Team, 5 seats × 20.00 USD for 1 month`.
    pub description: String,
    /// The dimension that was used, if it charges for usage.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dimension: Option<DimensionId>,
    /// What one unit costs.
    pub unit_price: Money,
    /// How many units: seats, 1 for a flat rate, or used units of a dimension.
    pub quantity: Decimal,
    /// The charge; rounded once, here. The usage of a term is rounded as one, so that its lines add up.
    pub amount: Money,
    /// The days that it pays for.
    pub period: Term,
    /// When it was written.
    pub at: Timestamp,
    /// The journal entries that caused it.
    pub caused_by: Vec<Seq>,
}
