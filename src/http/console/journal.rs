//! Everything that happened in a sandbox, page by page.

use askama::Template;
use axum::{
    extract::{Query, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    Here,
    error::ConsoleError,
    shell::Shell,
    timeline::{Scope, Timeline},
};
use crate::{app::JournalFilter, domain::event::Seq, http::page::page};

/// Entries on one page.
const PAGE: u64 = 100;

/// Where in the journal to read.
#[derive(Debug, Default, Deserialize)]
pub(super) struct JournalQuery {
    /// Entries after this one; the newest ones if left out.
    since: Option<u64>,
}

#[derive(Template)]
#[template(path = "console/journal.html")]
struct JournalPage {
    shell: Shell,
    live: Option<String>,
    newest: u64,
    first: u64,
    last: u64,
    timeline: Timeline,
    older: Option<String>,
    newer: Option<String>,
}

/// Shows a page of the journal.
pub(super) async fn show(
    here: Here,
    query: Result<Query<JournalQuery>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let Query(query) = query.map_err(|rejection| ConsoleError::malformed(&here.place, rejection.body_text()))?;
    here.sandbox.finish_told().await.map_err(|error| here.failed(&error))?;
    let Seq(newest) = here.sandbox.newest_entry();
    let since = query.since.unwrap_or_else(|| newest.saturating_sub(PAGE));
    let filter = JournalFilter { since: Seq(since), ..JournalFilter::default() };
    let limit = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let slice = here.sandbox.journal(&filter, limit).await.map_err(|error| here.failed(&error))?;
    let last = slice.entries.last().map_or(since, |entry| entry.seq.0);
    let journal = JournalPage {
        shell: here.shell("journal", "Journal"),
        // Only the end of the journal changes.
        live: (last >= newest).then(|| here.place.live(Seq(newest), None)),
        newest,
        first: slice.entries.first().map_or(0, |entry| entry.seq.0),
        last,
        timeline: Timeline::of(&here.place, &slice.entries, Scope::Sandbox),
        older: (since > 0).then(|| here.place.to(&format!("/journal?since={}", since.saturating_sub(PAGE)))),
        newer: (last < newest).then(|| here.place.to(&format!("/journal?since={last}"))),
    };
    Ok(page(StatusCode::OK, &journal))
}
