//! The rules of a sandbox, and the forms that choose among them.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Form,
    extract::rejection::FormRejection,
    http::StatusCode,
    response::{Redirect, Response},
};

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
}

/// How long operations take.
struct Delay {
    name: &'static str,
    meaning: &'static str,
    is_chosen: bool,
}

impl RulesPage {
    /// Rules for which something else than the usual is chosen.
    fn unusual(&self) -> usize {
        self.rules.iter().filter(|rule| is_unusual(rule)).count()
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
pub(super) async fn show(here: Here) -> Response {
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
    page(StatusCode::OK, &RulesPage { shell: here.shell("rules", "Rules"), delays: delays.collect(), rules })
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
    Ok(here.back_to("/rules"))
}
