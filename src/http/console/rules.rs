//! The rules of a sandbox, and the forms that choose among them.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Form,
    extract::{
        Query,
        rejection::{FormRejection, QueryRejection},
    },
    http::StatusCode,
    response::{Redirect, Response},
};

use serde::Deserialize;

use super::{Here, error::ConsoleError, shell::Shell};
use crate::{
    app::{AppError, Settings},
    domain::operation::Delays,
    http::{page::page, words::sentence},
    wire::control::{RuleList, RuleView},
};

/// The field for how long operations take; no rule is called so.
const DELAYS: &str = "delays";

#[derive(Template)]
#[template(path = "console/rules.html")]
struct RulesPage {
    shell: Shell,
    delays: Vec<Delay>,
    rules: Vec<RuleView>,
    /// Whether they have just been set.
    are_set: bool,
}

/// What of the query the page understands.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RulesQuery {
    /// Anything: the rules have just been set.
    set: Option<String>,
}

/// How long operations take.
struct Delay {
    name: &'static str,
    meaning: &'static str,
    is_chosen: bool,
}

impl RulesPage {
    /// Choices, and how many of them are not the usual ones.
    fn unusual(&self) -> (usize, usize) {
        let rules = self.rules.iter().filter(|rule| is_unusual(rule)).count();
        let delays = usize::from(self.are_delays_unusual());
        (rules.saturating_add(delays), self.rules.len().saturating_add(1))
    }

    fn are_delays_unusual(&self) -> bool {
        let usual = Delays::default().as_str();
        self.delays.iter().any(|delays| delays.is_chosen && delays.name != usual)
    }
}

/// Whether something else than the usual is chosen.
fn is_unusual(rule: &RuleView) -> bool {
    rule.choices.first().is_some_and(|usual| usual.name != rule.chosen)
}

/// A text without the marks that it has for Markdown.
fn plain(text: &str) -> String {
    text.replace(['`', '*'], "")
}

/// Shows the rules.
pub(super) async fn show(here: Here, query: Result<Query<RulesQuery>, QueryRejection>) -> Response {
    let are_set = query.is_ok_and(|Query(query)| query.set.is_some());
    let chosen = here.sandbox.delays();
    let delays = Delays::ALL.into_iter().map(|delays| Delay {
        name: delays.as_str(),
        meaning: match delays {
            Delays::None => "No time: an operation has ended when its request is answered.",
            Delays::Brief => "About a second.",
            Delays::Live => "As much as is known of the real service: seven seconds, half a minute for an activation.",
        },
        is_chosen: delays == chosen,
    });
    let rules = RuleList::of(&here.sandbox.rules()).rules;
    page(StatusCode::OK, &RulesPage { shell: here.shell("rules", "Rules"), delays: delays.collect(), rules, are_set })
}

/// Chooses; what the form leaves out stays.
pub(super) async fn choose(
    here: Here,
    form: Result<Form<BTreeMap<String, String>>, FormRejection>,
) -> Result<Redirect, ConsoleError> {
    let unreadable = |what: String| ConsoleError::malformed(&here.place, what);
    let Form(mut rules) = form.map_err(|rejection| unreadable(rejection.body_text()))?;
    let named = |name: String| {
        let found = Delays::ALL.into_iter().find(|delays| delays.as_str() == name);
        found.ok_or_else(|| unreadable(format!("There are no delays {name:?}.")))
    };
    let delays = rules.remove(DELAYS).map(named).transpose()?;
    let settings = Settings { delays, rules, ..Settings::default() };
    here.sandbox.change_settings(settings).await.map_err(|error| match error {
        // The page has no such rules and choices, so this is no form of ours.
        AppError::Rule(fault) => unreadable(sentence(&fault.to_string())),
        error => here.failed(&error),
    })?;
    Ok(here.back_to("/rules?set=1"))
}
