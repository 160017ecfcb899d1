//! The clock of a sandbox: how it stands, what is due next, and the forms that move it.

use std::sync::Arc;

use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{Console, Here, error::ConsoleError, home, shell::ClockReading};
use crate::http::words::{Moment, count, sentence};
use crate::{
    app::{Advance, AdvanceNumber, AppError, Due, Ended, OnItsWay, SetOut, TimerMode},
    domain::{
        refusal::Refusal,
        time::{Period, Timestamp},
    },
};

/// The clock as the home page shows it.
#[derive(Debug)]
pub(super) struct ClockPanel {
    pub(super) reading: ClockReading,
    /// The next timers, earliest first.
    pub(super) next: Vec<NextTimer>,
    /// What holds them up, if they don't run by themselves.
    pub(super) held_up: Option<&'static str>,
    /// What the last move of the clock did.
    pub(super) notice: Option<String>,
    /// The advance that is under way.
    pub(super) way: Option<WayPanel>,
    /// How the advance has ended that the page's address names.
    pub(super) ended: Option<Told>,
    /// What was typed as a period.
    pub(super) by: String,
    /// What is wrong with that.
    pub(super) error: Option<String>,
}

/// An advance that is under way.
#[derive(Debug)]
pub(super) struct WayPanel {
    /// How far it is; `None` while it waits for timers that are running.
    pub(super) progress: Option<Progress>,
    /// Whether it goes on by itself, so that it takes a button to stop it.
    pub(super) can_stop: bool,
}

/// How far an advance is.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) from: Moment,
    pub(super) to: Moment,
    pub(super) now: Moment,
    /// Of a hundred.
    pub(super) percent: u64,
    pub(super) so_far: String,
}

/// What is told of an advance, and in which colour.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) text: String,
    pub(super) tone: &'static str,
}

/// A timer.
#[derive(Debug)]
pub(super) struct NextTimer {
    pub(super) due: Moment,
    pub(super) what: &'static str,
    /// The page of the subscription that it concerns.
    pub(super) href: Option<String>,
}

/// Timers that are shown.
const SHOWN: usize = 4;

impl ClockPanel {
    /// The clock, and what was typed if that could not be done. `ran` is how many timers its last move ran, `advance` the one
    /// that goes on by itself.
    pub(super) async fn of(
        here: &Here,
        (ran, advance): (Option<u64>, Option<AdvanceNumber>),
        typed: Option<(String, String)>,
    ) -> Result<Self, ConsoleError> {
        let next = here.sandbox.next_timers(SHOWN).await.map_err(|error| here.failed(&error))?;
        let next = next.into_iter().map(|timer| NextTimer {
            due: Moment::of(timer.due),
            what: match timer.what {
                Due::CodeLifeEnds { .. } => "an authorization code expires",
                Due::ActivationOverdue { .. } => "a purchase that nobody has activated is cancelled",
                Due::ActivationTakesEffect { .. } => "an activation takes effect",
                Due::OperationStep { .. } => "an operation goes on",
                Due::TermEnds { .. } => "a term ends",
                Due::PaymentDue { .. } => "a part of a term is to be paid",
                Due::GraceEnds { .. } => "a suspended subscription ends unless it is paid",
                Due::Delivery { .. } => "the publisher's webhook is called",
                Due::InvoiceReady { .. } => "a partner's invoice is there",
                Due::CustomerGone { .. } => "what a customer had that is gone ends",
                Due::SignInCodeEnds {} => "the code of a sign-in, which was exchanged, ends",
                Due::Notice { .. } => "a partner's program is told of a change",
                Due::PublisherWork { .. } => "the stand-in publisher goes on with its work",
            },
            href: timer.what.subscription().map(|id| here.place.subscription(id)),
        });
        let (by, error) = typed.map_or((String::new(), None), |(by, error)| (by, Some(error)));
        Ok(Self {
            reading: ClockReading::of(&here.sandbox),
            next: next.collect(),
            held_up: held_up(here.sandbox.timer_mode(), here.sandbox.clock().is_frozen()),
            notice: ran.map(moved),
            way: WayPanel::of(here),
            ended: advance.and_then(|advance| here.sandbox.ended(advance)).map(|ended| Told::of(&ended)),
            by,
            error,
        })
    }
}

impl WayPanel {
    fn of(here: &Here) -> Option<Self> {
        let progress = here.sandbox.on_its_way().map(|way| Progress::of(here, &way));
        let can_stop = here.sandbox.goes_on().is_some();
        (progress.is_some() || can_stop).then_some(Self { progress, can_stop })
    }
}

impl Progress {
    fn of(here: &Here, way: &OnItsWay) -> Self {
        let now = here.sandbox.now();
        let entries = here.sandbox.newest_entry().0.saturating_sub(way.since.0);
        Self {
            from: Moment::of(way.from),
            to: Moment::of(way.to),
            now: Moment::of(now),
            percent: percent(way.from, now, way.to),
            so_far: format!("{} ran so far, {} written", count(way.timers, "timer"), entries_words(entries)),
        }
    }
}

impl Told {
    fn of(ended: &Ended) -> Self {
        match ended {
            Ended::Arrived(advanced) => Self { text: moved(advanced.count), tone: "good" },
            Ended::Stopped => {
                Self { text: "The advance was stopped: the clock stays where it has come to.".to_owned(), tone: "info" }
            }
            Ended::Failed(error) => {
                let why = sentence(&error.to_string());
                Self { text: format!("The advance has broken off. {why}"), tone: "bad" }
            }
        }
    }
}

fn moved(ran: u64) -> String {
    match ran {
        0 => "The clock was moved; no timer was due on the way.".to_owned(),
        ran => format!("The clock was moved; {} ran on the way.", count(ran, "timer")),
    }
}

fn entries_words(entries: u64) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") }
}

/// How much of a way is done, of a hundred.
fn percent(from: Timestamp, now: Timestamp, to: Timestamp) -> u64 {
    let millis = |until: Timestamp| u64::try_from(until.as_millis().saturating_sub(from.as_millis())).unwrap_or(0);
    millis(now).saturating_mul(100).checked_div(millis(to)).unwrap_or(100).min(100)
}

/// Why nothing that waits for a time comes by itself, if so.
pub(super) const fn held_up(timers: TimerMode, frozen: bool) -> Option<&'static str> {
    match (timers, frozen) {
        (TimerMode::Manual, _) => {
            Some("The timers of this sandbox are manual: they run only when its clock is advanced.")
        }
        (TimerMode::Automatic, true) => {
            Some("The clock of this sandbox is frozen: what waits for a later time comes only when the clock is moved.")
        }
        (TimerMode::Automatic, false) => None,
    }
}

/// How far to go.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AdvanceInput {
    by: String,
}

/// Freezes the clock where it is.
pub(super) async fn freeze(here: Here) -> Result<Redirect, ConsoleError> {
    here.sandbox.freeze(None).await.map_err(|error| here.failed(&error))?;
    Ok(here.back_to("/#clock"))
}

/// Lets the clock run on.
pub(super) async fn resume(here: Here) -> Result<Redirect, ConsoleError> {
    here.sandbox.resume().await.map_err(|error| here.failed(&error))?;
    Ok(here.back_to("/#clock"))
}

/// Moves the clock forward by a period.
pub(super) async fn advance(
    State(console): State<Arc<Console>>,
    here: Here,
    form: Result<Form<AdvanceInput>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let Form(input) = form.map_err(|rejection| ConsoleError::malformed(&here.place, rejection.body_text()))?;
    match input.by.parse::<Period>() {
        Ok(period) => move_on(&console, &here, Advance::By(period), input.by).await,
        Err(error) => refused(&console, &here, input.by, sentence(&error.to_string())).await,
    }
}

/// Moves the clock to the earliest timer, and runs that.
pub(super) async fn run_next(State(console): State<Arc<Console>>, here: Here) -> Result<Response, ConsoleError> {
    move_on(&console, &here, Advance::ToNextTimer, String::new()).await
}

/// Stops the advance that goes on by itself.
pub(super) async fn stop(here: Here) -> Redirect {
    match here.sandbox.stop_advance().await {
        Some(number) => here.back_to(&format!("/?advance={number}#clock")),
        None => here.back_to("/#clock"),
    }
}

async fn move_on(console: &Console, here: &Here, by: Advance, typed: String) -> Result<Response, ConsoleError> {
    let outside = console.app.outside().map_err(|error| here.failed(&error))?;
    let set_out = match here.sandbox.set_out(by, outside).await {
        Err(AppError::Refused(refusal @ Refusal::BeyondCalendar(_))) => {
            return refused(console, here, typed, sentence(&refusal.to_string())).await;
        }
        other => other.map_err(|error| here.failed(&error))?,
    };
    match set_out {
        SetOut::Arrived(advanced) => Ok(here.back_to(&format!("/?ran={}#clock-moved", advanced.count)).into_response()),
        SetOut::OnItsWay(number) => Ok(here.back_to(&format!("/?advance={number}#clock")).into_response()),
        SetOut::Taken => {
            let why = "The clock is on its way already: wait until it has arrived, or stop it.".to_owned();
            refused(console, here, typed, why).await
        }
    }
}

async fn refused(console: &Console, here: &Here, typed: String, why: String) -> Result<Response, ConsoleError> {
    let typed = home::Typed { clock: Some((typed, why)), ..home::Typed::default() };
    home::answer(console, here, StatusCode::UNPROCESSABLE_ENTITY, typed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_told_in_hundredths() {
        let at = |text: &str| text.parse().unwrap();
        let (from, to) = (at("2026-03-01T00:00:00Z"), at("2026-03-11T00:00:00Z"));
        let table = [
            ("2026-03-01T00:00:00Z", 0),
            ("2026-03-05T00:00:00Z", 40),
            ("2026-03-10T23:59:59Z", 99),
            ("2026-03-11T00:00:00Z", 100),
            ("2026-03-12T00:00:00Z", 100),
        ];
        for (now, expected) in table {
            assert_eq!(percent(from, at(now), to), expected, "{now}");
        }
        assert_eq!(percent(from, from, from), 100, "no way at all");
    }

    #[test]
    fn what_holds_timers_up_is_told() {
        let table = [
            (TimerMode::Automatic, false, None),
            (TimerMode::Automatic, true, Some("frozen")),
            (TimerMode::Manual, false, Some("manual")),
            (TimerMode::Manual, true, Some("manual")),
        ];
        for (timers, frozen, expected) in table {
            let found = held_up(timers, frozen);
            assert_eq!(found.is_some(), expected.is_some());
            assert!(expected.is_none_or(|part| found.is_some_and(|why| why.contains(part))), "{timers:?} {frozen}");
        }
    }
}
