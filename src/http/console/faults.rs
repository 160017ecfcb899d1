//! Faults of provisioning: which of the stand-in publisher's steps shall fail, and how often still.

use askama::Template;
use axum::{
    Form,
    extract::{
        Query,
        rejection::{FormRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{Here, buy::Choice, error::ConsoleError, shell::Shell};
use crate::{
    domain::catalogue::ProvisioningStep,
    http::{
        page::page,
        words::{count, step_words},
    },
};

/// Times that are asked for at once, at the most.
const MOST_TIMES: u32 = 1_000;

#[derive(Template)]
#[template(path = "console/faults.html")]
struct FaultsPage {
    shell: Shell,
    /// Where changes are told; `None` on a page on which something was typed.
    live: Option<String>,
    /// Whether faults have just been set or lifted.
    are_set: bool,
    faults: Vec<FaultRow>,
    planned: Vec<PlannedRow>,
    steps: Vec<Choice>,
    times: String,
    step_error: Option<String>,
    times_error: Option<String>,
}

/// A step that shall fail.
struct FaultRow {
    step: &'static str,
    words: &'static str,
    left: String,
}

/// What an offer's fixture has planned for each of its purchases.
struct PlannedRow {
    offer: String,
    words: &'static str,
    times: String,
}

/// What was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FaultInput {
    step: String,
    times: String,
}

/// What of the query the page understands.
#[derive(Debug, Default, Deserialize)]
pub(super) struct FaultsQuery {
    /// Anything: they have just been set.
    set: Option<String>,
}

/// What was typed and could not be done.
#[derive(Default)]
struct Refused {
    input: FaultInput,
    step: Option<String>,
    times: Option<String>,
}

impl FaultsPage {
    const fn has_errors(&self) -> bool {
        self.step_error.is_some() || self.times_error.is_some()
    }
}

/// Shows what shall fail.
pub(super) async fn show(
    here: Here,
    query: Result<Query<FaultsQuery>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let are_set = query.is_ok_and(|Query(query)| query.set.is_some());
    answer(&here, StatusCode::OK, are_set, None).await
}

/// Makes the next attempts at a step fail, or lifts that by no times at all.
pub(super) async fn set(here: Here, form: Result<Form<FaultInput>, FormRejection>) -> Result<Response, ConsoleError> {
    let Form(input) = form.map_err(|rejection| ConsoleError::malformed(&here.place, rejection.body_text()))?;
    match (step(&input.step), times(&input.times)) {
        (Ok(step), Ok(times)) => {
            here.sandbox.set_fault(step, times).await.map_err(|error| here.failed(&error))?;
            Ok(here.back_to("/faults?set=1").into_response())
        }
        (step, times) => {
            let refused = Refused { step: step.err(), times: times.err(), input };
            answer(&here, StatusCode::UNPROCESSABLE_ENTITY, false, Some(refused)).await
        }
    }
}

fn step(text: &str) -> Result<ProvisioningStep, String> {
    let found = ProvisioningStep::ALL.into_iter().find(|step| step.as_str() == text);
    found.ok_or_else(|| "Choose the step that shall fail.".to_owned())
}

fn times(text: &str) -> Result<u32, String> {
    let times = text.trim().parse().ok().filter(|times| *times <= MOST_TIMES);
    times.ok_or_else(|| format!("Say how many attempts shall fail: a whole number up to {MOST_TIMES}."))
}

async fn answer(
    here: &Here,
    status: StatusCode,
    are_set: bool,
    refused: Option<Refused>,
) -> Result<Response, ConsoleError> {
    let newest_entry = here.sandbox.newest_entry();
    let faults = here.sandbox.faults().await.map_err(|error| here.failed(&error))?;
    let fault = |(step, left): (ProvisioningStep, u32)| FaultRow {
        step: step.as_str(),
        words: step_words(step),
        left: count(u64::from(left), "attempt"),
    };
    let planned = here.sandbox.catalogue().offers.iter().flat_map(|offer| {
        offer.provisioning_faults.iter().map(|fault| PlannedRow {
            offer: offer.name.clone(),
            words: step_words(fault.step),
            times: count(u64::from(fault.times), "attempt"),
        })
    });
    let is_refused = refused.is_some();
    let Refused { input, step, times } = refused.unwrap_or_default();
    let choice = |known: ProvisioningStep| Choice {
        value: known.as_str().to_owned(),
        label: step_words(known).to_owned(),
        chosen: known.as_str() == input.step,
        disabled: false,
    };
    let title = if is_refused { "Error: Faults" } else { "Faults" };
    let faults = FaultsPage {
        shell: here.shell("faults", title),
        live: (!is_refused).then(|| here.place.live(newest_entry, None)),
        are_set,
        faults: faults.into_iter().map(fault).collect(),
        planned: planned.collect(),
        steps: ProvisioningStep::ALL.into_iter().map(choice).collect(),
        times: if is_refused { input.times } else { "1".to_owned() },
        step_error: step,
        times_error: times,
    };
    Ok(page(status, &faults))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_a_step_fails_is_a_whole_number() {
        let table = [("0", Some(0)), (" 2 ", Some(2)), ("1000", Some(1_000)), ("1001", None), ("-1", None), ("", None)];
        for (text, expected) in table {
            assert_eq!(times(text).ok(), expected, "{text:?}");
        }
    }
}
