//! Everything that happened in a sandbox, page by page.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    extract::{Query, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use url::form_urlencoded;

use super::{
    Here,
    error::ConsoleError,
    shell::{Place, Shell},
    timeline::{Scope, Timeline},
};
use crate::{
    app::{Entry, JournalFilter},
    domain::{event::Seq, ids::SubscriptionId},
    http::page::page,
};

/// Entries on one page.
const PAGE: u64 = 100;

/// Where in the journal to read.
#[derive(Debug, Default, Deserialize)]
pub(super) struct JournalQuery {
    /// Entries after this one. If left out: the newest ones; of some kind, or of one subscription, the first ones.
    since: Option<u64>,
    /// Kinds, separated by commas.
    #[serde(default)]
    kind: String,
    /// A subscription.
    #[serde(default)]
    subscription: String,
}

impl JournalQuery {
    fn is_narrow(&self) -> bool {
        !self.kind.trim().is_empty() || !self.subscription.trim().is_empty()
    }

    fn subscription(&self) -> Result<Option<SubscriptionId>, String> {
        let text = self.subscription.trim();
        let parsed = (!text.is_empty()).then(|| text.parse()).transpose();
        parsed.map_err(|_| format!("{text:?} is no subscription id."))
    }

    /// The entries that are asked for.
    fn filter(&self, since: u64, subscription: Option<SubscriptionId>) -> JournalFilter {
        let kinds = self.kind.split(',').map(str::trim).filter(|kind| !kind.is_empty());
        let kinds = kinds.map(str::to_owned).collect();
        JournalFilter { since: Seq(since), subscription, kinds, ..JournalFilter::default() }
    }

    /// The page of the same entries from another place on.
    fn from(&self, place: &Place, since: u64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("since", &since.to_string());
        for (name, value) in [("kind", self.kind.trim()), ("subscription", self.subscription.trim())] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        place.to(&format!("/journal?{}", query.finish()))
    }
}

#[derive(Template)]
#[template(path = "console/journal.html")]
struct JournalPage {
    shell: Shell,
    live: Option<String>,
    newest: u64,
    first: u64,
    last: u64,
    /// Kinds that are to be seen, to choose among.
    kinds: Vec<&'static str>,
    query: JournalQuery,
    /// What is wrong with the subscription that was typed.
    error: Option<String>,
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
    let is_narrow = query.is_narrow();
    let since = query.since.unwrap_or_else(|| if is_narrow { 0 } else { newest.saturating_sub(PAGE) });
    let (subscription, error) = match query.subscription() {
        Ok(subscription) => (subscription, None),
        Err(error) => (None, Some(error)),
    };
    let limit = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let slice = here.sandbox.journal(&query.filter(since, subscription), limit).await;
    let slice = slice.map_err(|error| here.failed(&error))?;
    let last = slice.entries.last().map_or(since, |entry| entry.seq.0);
    let kinds: BTreeSet<_> = slice.entries.iter().map(Entry::kind).collect();
    let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let title = if error.is_some() { "Error: Journal" } else { "Journal" };
    let journal = JournalPage {
        shell: here.shell("journal", title),
        // Only the end of the journal changes.
        live: (slice.next_since.is_none() && error.is_none()).then(|| here.place.live(Seq(newest), subscription)),
        newest,
        first: slice.entries.first().map_or(0, |entry| entry.seq.0),
        last,
        timeline: Timeline::of(&here.place, &slice.entries, Scope::Sandbox),
        // How far back a page of chosen entries began is not known: the way back leads to the first of them.
        older: (since > 0).then(|| query.from(&here.place, if is_narrow { 0 } else { since.saturating_sub(PAGE) })),
        newer: slice.next_since.map(|Seq(next)| query.from(&here.place, next)),
        kinds: kinds.into_iter().collect(),
        query,
        error,
    };
    Ok(page(status, &journal))
}
