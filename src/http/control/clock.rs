//! The sandbox's clock.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use super::problem::{ControlError, Input, sandbox_named};
use crate::{
    app::{Advance, Sandbox, StoredTimer},
    http::faces::Faces,
    wire::control::{AdvanceClock, AdvanceProgress, ClockView, FreezeClock, Problem, TimerRun, TimerView, TimersRun},
};

/// The clock, and the timer that is due next.
#[utoipa::path(
    get, path = "/sim/v1/sandboxes/{sandbox}/clock", tag = "clock", params(("sandbox" = String, Path)),
    responses((status = 200, body = ClockView), (status = 404, body = Problem))
)]
pub(super) async fn read(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<Json<ClockView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    Ok(Json(clock_view(&sandbox).await?))
}

/// Lets the clock stand still.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/clock/freeze", tag = "clock", params(("sandbox" = String, Path)),
    request_body = FreezeClock,
    responses((status = 200, body = ClockView), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn freeze(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    Input(input): Input<FreezeClock>,
) -> Result<Json<ClockView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let at = input.at.map(|at| at.parse()).transpose().map_err(|error| ControlError::time(&error, "at"))?;
    sandbox.freeze(at).await?;
    Ok(Json(clock_view(&sandbox).await?))
}

/// Lets the clock run on from where it is.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/clock/resume", tag = "clock", params(("sandbox" = String, Path)),
    responses((status = 200, body = ClockView), (status = 404, body = Problem))
)]
pub(super) async fn resume(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
) -> Result<Json<ClockView>, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    sandbox.resume().await?;
    Ok(Json(clock_view(&sandbox).await?))
}

/// Moves the clock forward: runs every timer that falls due on the way, in order, and waits for what each causes. Hang up
/// to stop it; the same call with `to` goes on where it was. Meanwhile the clock shows how far it has come. With
/// `Accept: text/plain` the answer is a table for people.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/clock/advance", tag = "clock", params(("sandbox" = String, Path)),
    request_body = AdvanceClock,
    responses((status = 200, body = TimersRun), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn advance(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    headers: HeaderMap,
    Input(input): Input<AdvanceClock>,
) -> Result<Response, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    let by = match (input.by, input.to) {
        (Some(by), None) => Advance::By(by.parse().map_err(|error| ControlError::time(&error, "by"))?),
        (None, Some(to)) => Advance::To(to.parse().map_err(|error| ControlError::time(&error, "to"))?),
        (Some(_), Some(_)) | (None, None) => {
            return Err(ControlError::BadInput {
                detail: "an advance is either by a period or to an instant".to_owned(),
                field: Some("by"),
                hint: "Send either 'by' or 'to'.",
            });
        }
    };
    run(&faces, &sandbox, by, &headers).await
}

/// Moves the clock to the next timer, whenever it is due, and runs it.
#[utoipa::path(
    post, path = "/sim/v1/sandboxes/{sandbox}/clock/run-next", tag = "clock", params(("sandbox" = String, Path)),
    responses((status = 200, body = TimersRun), (status = 404, body = Problem))
)]
pub(super) async fn run_next(
    State(faces): State<Arc<Faces>>,
    Path(sandbox): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ControlError> {
    let sandbox = sandbox_named(&faces, &sandbox).await?;
    run(&faces, &sandbox, Advance::ToNextTimer, &headers).await
}

async fn run(faces: &Faces, sandbox: &Sandbox, by: Advance, headers: &HeaderMap) -> Result<Response, ControlError> {
    let advanced = sandbox.advance(by, faces.app.outside()?).await?;
    let ran = advanced
        .ran
        .iter()
        .map(|(timer, entries)| TimerRun { timer: timer_view(timer), entries: entries.clone().collect() });
    let by_kind = advanced.by_kind.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    let clock = clock_view(sandbox).await?;
    let told = TimersRun { clock, count: advanced.count, by_kind, ran: ran.collect() };
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    Ok(if accepted.starts_with("text/plain") { told.table().into_response() } else { Json(told).into_response() })
}

/// The clock of a sandbox.
pub(super) async fn clock_view(sandbox: &Sandbox) -> Result<ClockView, ControlError> {
    Ok(ClockView {
        now: sandbox.now().to_string(),
        frozen: sandbox.clock().is_frozen(),
        next_timer: sandbox.next_timer().await?.as_ref().map(timer_view),
        advance: sandbox.on_its_way().map(|way| AdvanceProgress {
            from: way.from.to_string(),
            to: way.to.to_string(),
            timers: way.timers,
            entries: sandbox.newest_entry().0.saturating_sub(way.since.0),
        }),
    })
}

fn timer_view(timer: &StoredTimer) -> TimerView {
    TimerView {
        due: timer.due.to_string(),
        kind: timer.what.kind().to_owned(),
        subscription: timer.what.subscription().map(|id| id.to_string()),
    }
}
