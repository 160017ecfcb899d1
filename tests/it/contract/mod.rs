//! The contract: what the real services do, row by row, each row with the proof that this one does it too.
//!
//! A [`Row`] of the table of quirks shows the default and every other choice of its rule. `docs/fidelity.md` and
//! `docs/rules.md` are made of the rows ([`documents`]), so what they say is what was proven.

mod documents;
mod quirks;
mod stage;

use futures_util::future::BoxFuture;

use stage::{Act, Stage};

/// A row of the contract, and how it is proven.
pub(crate) struct Row {
    /// Its number in the table of quirks.
    id: &'static str,
    /// The rule by which a sandbox chooses; `None` where there is nothing to choose.
    rule: Option<&'static str>,
    /// What is so, for rows without a rule.
    says: &'static str,
    proof: for<'a> fn(Act<'a>) -> BoxFuture<'a, ()>,
}

/// Proves each row in a sandbox of its own; tells which ones failed.
#[expect(clippy::print_stdout, reason = "the harness shows it if the row's proof fails")]
async fn prove(rows: &[Row]) {
    let stage = Stage::build().await;
    for (place, row) in rows.iter().enumerate() {
        println!("row {} {}", row.id, row.rule.unwrap_or(row.says));
        (row.proof)(stage.act(place).await).await;
    }
}

#[tokio::test]
async fn rows_of_the_api() {
    prove(quirks::api::ROWS).await;
}

#[tokio::test]
async fn rows_of_operations() {
    prove(quirks::operations::ROWS).await;
}

#[tokio::test]
async fn rows_of_webhooks_and_life() {
    prove(quirks::webhooks::ROWS).await;
}

#[tokio::test]
async fn rows_of_metering_and_identity() {
    prove(quirks::metering::ROWS).await;
}
