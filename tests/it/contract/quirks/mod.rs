//! The table of quirks, and the other rules of a sandbox: for each row the default, then every other choice.

pub(super) mod api;
pub(super) mod metering;
pub(super) mod operations;
pub(super) mod webhooks;

use super::Row;

/// Every row, in the order of the table.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    [api::ROWS, operations::ROWS, webhooks::ROWS, metering::ROWS].into_iter().flatten()
}

/// A row about a rule.
macro_rules! rule {
    ($id:literal, $rule:literal, $proof:path) => {
        $crate::contract::Row { id: $id, rule: Some($rule), says: "", proof: |act| Box::pin($proof(act)) }
    };
}

/// A row without a choice.
macro_rules! fact {
    ($id:literal, $says:literal, $proof:path) => {
        $crate::contract::Row { id: $id, rule: None, says: $says, proof: |act| Box::pin($proof(act)) }
    };
}

use {fact, rule};
