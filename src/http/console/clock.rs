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
use crate::http::words::{Moment, sentence};
use crate::{
    app::{Advance, Due},
    domain::time::Period,
};

/// The clock as the home page shows it.
#[derive(Debug)]
pub(super) struct ClockPanel {
    pub(super) reading: ClockReading,
    pub(super) next: Option<NextTimer>,
    /// What was typed as a period.
    pub(super) by: String,
    /// What is wrong with that.
    pub(super) error: Option<String>,
}

/// The earliest timer.
#[derive(Debug)]
pub(super) struct NextTimer {
    pub(super) due: Moment,
    pub(super) what: &'static str,
    /// The page of the subscription that it concerns.
    pub(super) href: Option<String>,
}

impl ClockPanel {
    /// The clock, and what was typed if that could not be done.
    pub(super) async fn of(here: &Here, typed: Option<(String, String)>) -> Result<Self, ConsoleError> {
        let next = here.sandbox.next_timer().await.map_err(|error| here.failed(&error))?;
        let next = next.map(|timer| NextTimer {
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
                Due::Notice { .. } => "a partner's program is told of a change",
                Due::PublisherWork { .. } => "the stand-in publisher goes on with its work",
            },
            href: timer.what.subscription().map(|id| here.place.subscription(id)),
        });
        let (by, error) = typed.map_or((String::new(), None), |(by, error)| (by, Some(error)));
        Ok(Self { reading: ClockReading::of(&here.sandbox), next, by, error })
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
        Ok(period) => Ok(move_on(&console, &here, Advance::By(period)).await?.into_response()),
        Err(error) => {
            let typed = home::Typed { clock: Some((input.by, sentence(&error.to_string()))), ..home::Typed::default() };
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
    Ok(here.back_to(&format!("/?ran={}#clock", advanced.count)))
}
