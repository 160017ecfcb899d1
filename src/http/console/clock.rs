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
    app::{Advance, Due, TimerMode},
    domain::time::{Period, Timestamp},
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
    /// What was typed as a period.
    pub(super) by: String,
    /// What is wrong with that.
    pub(super) error: Option<String>,
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
    /// The clock, and what was typed if that could not be done. `ran` is how many timers its last move ran.
    pub(super) async fn of(
        here: &Here,
        ran: Option<u64>,
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
            notice: ran.map(|ran| match ran {
                0 => "The clock was moved; no timer was due on the way.".to_owned(),
                ran => format!("The clock was moved; {} ran on the way.", count(ran, "timer")),
            }),
            by,
            error,
        })
    }
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

/// The longest way at once, in years. A page can't show how far it has come while it is on the way.
const LONGEST_YEARS: i16 = 10;

/// How far to go, from what was typed.
fn period(text: &str, now: Timestamp) -> Result<Period, String> {
    let period = text.parse::<Period>().map_err(|error| sentence(&error.to_string()))?;
    if now.plus(period) > now.plus(Period::years(LONGEST_YEARS)) {
        return Err(format!(
            "That is too far for one step here: move by {LONGEST_YEARS} years at the most. The control API goes further, \
             and can be stopped on the way."
        ));
    }
    Ok(period)
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
    match period(&input.by, here.sandbox.now()) {
        Ok(period) => Ok(move_on(&console, &here, Advance::By(period)).await?.into_response()),
        Err(error) => {
            let typed = home::Typed { clock: Some((input.by, error)), ..home::Typed::default() };
            home::answer(&console, &here, StatusCode::UNPROCESSABLE_ENTITY, typed).await
        }
    }
}

/// Moves the clock to the earliest timer, and runs that.
pub(super) async fn run_next(State(console): State<Arc<Console>>, here: Here) -> Result<Redirect, ConsoleError> {
    move_on(&console, &here, Advance::ToNextTimer).await
}

async fn move_on(console: &Console, here: &Here, by: Advance) -> Result<Redirect, ConsoleError> {
    let outside = console.app.outside().map_err(|error| here.failed(&error))?;
    let advanced = here.sandbox.advance(by, outside).await.map_err(|error| here.failed(&error))?;
    Ok(here.back_to(&format!("/?ran={}#clock-moved", advanced.count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_one_that_a_page_can_wait_for() {
        let now = "2026-03-01T00:00:00Z".parse().unwrap();
        let table = [
            ("P1M", None),
            (" 30d ", None),
            ("P10Y", None),
            ("P10Y1D", Some("too far")),
            ("P300Y", Some("too far")),
            ("soon", Some("period")),
            ("-P1D", Some("period")),
        ];
        for (text, expected) in table {
            let found = period(text, now).err();
            match expected {
                None => assert_eq!(found, None, "{text}"),
                Some(part) => assert!(found.is_some_and(|why| why.contains(part)), "{text}"),
            }
        }
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
