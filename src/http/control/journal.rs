//! The journal: in pages, or live as server-sent events.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream::{self, Stream, StreamExt as _};
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::{ControlError, Params, sandbox_named};
use crate::{
    app::{self, Entry, JournalFilter, JournalSlice, Sandbox, What},
    domain::{event::Seq, ids::SandboxId},
    http::faces::Faces,
    wire::control::{JournalEntryView, JournalPage, Player, Problem},
};

/// Entries on a page, unless asked for fewer or more; entries sent at once when live.
const PAGE: usize = 200;
const LARGEST_PAGE: usize = 1000;

/// Which entries are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct JournalQuery {
    /// Only entries with a larger number. Live, `Last-Event-ID` says the same and goes before it.
    since: Option<u64>,
    /// Only entries of this subscription.
    subscription: Option<String>,
    /// Only entries of these kinds, separated by commas.
    kind: Option<String>,
    /// Only entries at this sandbox time or later.
    from: Option<String>,
    /// Only entries before this sandbox time.
    until: Option<String>,
    /// Entries on a page: 1 to 1000, 200 if left out.
    limit: Option<usize>,
}

/// The journal, oldest first. With `Accept: text/event-stream` it goes on live; each event's id is the entry's number.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/journal", tag = "journal",
    params(("sandbox" = String, Path), JournalQuery),
    responses(
        (status = 200, body = JournalPage), (status = 200, body = JournalEntryView, content_type = "text/event-stream"),
        (status = 400, body = Problem), (status = 404, body = Problem)
    )
)]
pub(super) async fn read(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    Params(query): Params<JournalQuery>,
    headers: HeaderMap,
) -> Result<Response, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let filter = filter(query)?;
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(&header::ACCEPT).is_some_and(|accept| accept.contains("text/event-stream")) {
        let last = text(&LAST_EVENT_ID).and_then(|id| id.parse().ok()).map(Seq);
        // A number that the journal has not come to is of a sandbox of that name that was deleted: all of this one is new.
        let last = last.map(|last| if last > sandbox.newest_entry() { Seq(0) } else { last });
        let filter = JournalFilter { since: last.unwrap_or(filter.since), ..filter };
        let follower = Follower { faces: Arc::clone(&faces), headers, name: sandbox.id().clone() };
        let entries = live(follower, &sandbox, filter).take_until(faces.app.followers_are_let_go());
        return Ok(Sse::new(entries).keep_alive(KeepAlive::default()).into_response());
    }
    // Whoever has made a call finds it here.
    sandbox.finish_told().await?;
    let slice = sandbox.journal(&filter, limit).await?;
    let entries = slice.entries.iter().map(entry_view).collect();
    Ok(Json(JournalPage { entries, next_since: slice.next_since.map(|seq| seq.0) }).into_response())
}

fn filter(query: JournalQuery) -> Result<JournalFilter, ControlError> {
    let subscription = query.subscription.map(|id| id.parse()).transpose();
    let from = query.from.map(|at| at.parse()).transpose();
    let until = query.until.map(|at| at.parse()).transpose();
    let kinds = query.kind.unwrap_or_default();
    Ok(JournalFilter {
        since: Seq(query.since.unwrap_or_default()),
        subscription: subscription.map_err(|error| ControlError::id(&error, "subscription"))?,
        kinds: kinds.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned).collect(),
        from: from.map_err(|error| ControlError::time(&error, "from"))?,
        until: until.map_err(|error| ControlError::time(&error, "until"))?,
    })
}

/// The number of the last entry that somebody has seen who comes back (HTML standard, server-sent events).
static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Whoever follows a journal.
struct Follower {
    faces: Arc<Faces>,
    /// Those of the request, with the key if there is one.
    headers: HeaderMap,
    /// The sandbox that is followed.
    name: SandboxId,
}

impl Follower {
    /// Whether the journal is still open to them: a key may have been removed since.
    async fn may_listen(&self) -> bool {
        let holder = self.faces.holder(&self.headers).await;
        holder.ok().flatten().is_some_and(|holder| holder.reach.covers(&self.name))
    }
}

/// Entries as they come, for as long as the client listens and may, and the sandbox is there: following it does not keep it.
fn live(
    follower: Follower,
    sandbox: &Arc<Sandbox>,
    filter: JournalFilter,
) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let changes = sandbox.changes();
    let start = (follower, Arc::downgrade(sandbox), filter, changes, Vec::<Entry>::new().into_iter());
    stream::unfold(start, |(follower, sandbox, mut filter, mut changes, mut pending)| async move {
        loop {
            if let Some(entry) = pending.next() {
                let data = serde_json::to_string(&entry_view(&entry)).unwrap_or_default();
                let event = Event::default().id(entry.seq.to_string()).event("entry").data(data);
                return Some((Ok(event), (follower, sandbox, filter, changes, pending)));
            }
            let JournalSlice { entries, last_seen, .. } = sandbox.upgrade()?.journal(&filter, PAGE).await.ok()?;
            filter.since = last_seen;
            if entries.is_empty() {
                changes.next().await.ok()?;
            } else if !follower.may_listen().await {
                return None;
            }
            pending = entries.into_iter();
        }
    })
}

/// An entry as the control API shows it.
pub(in crate::http) fn entry_view(entry: &Entry) -> JournalEntryView {
    let (to, correlation_id) = match &entry.what {
        What::Exchange(exchange) => (Some(player(exchange.to)), exchange.correlation_id.clone()),
        What::Fact(_) | What::PublisherStep(_) | What::Clock { .. } | What::Steering { .. } | What::Fault { .. } => {
            (None, None)
        }
    };
    // An entry's own fields, without the name of its variant around them.
    let data = match &entry.what {
        What::Fact(event) => serde_json::to_value(event),
        What::Exchange(exchange) => serde_json::to_value(exchange),
        What::PublisherStep(step) => serde_json::to_value(step),
        What::Clock { .. } | What::Steering { .. } => Ok(serde_json::json!({})),
        What::Fault { step, times } => Ok(serde_json::json!({ "step": step, "times": times })),
    };
    JournalEntryView {
        seq: entry.seq.0,
        at: entry.at.to_string(),
        wall_at: entry.wall_at.to_string(),
        kind: entry.kind().to_owned(),
        from: player(entry.from),
        to,
        subscription: entry.subscription.map(|id| id.to_string()),
        correlation_id,
        summary: entry.summary(),
        data: data.unwrap_or_default(),
    }
}

const fn player(player: app::Player) -> Player {
    match player {
        app::Player::Partner => Player::Partner,
        app::Player::PartnerCenter => Player::PartnerCenter,
        app::Player::Publisher => Player::Publisher,
        app::Player::Marketplace => Player::Marketplace,
        app::Player::Identity => Player::Identity,
        app::Player::Operator => Player::Operator,
    }
}
