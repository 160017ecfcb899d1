//! Access keys: who may use the sandbox, and, for whoever may use everything, who else may. A key is shown once.

use askama::Template;
use axum::{
    Form,
    extract::{
        Path, Query,
        rejection::{FormRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{Here, error::ConsoleError, shell::Shell};
use crate::{
    app::{AppError, NewKey},
    domain::access::{KeptKey, KeyFault, KeyId, LONGEST_NOTE, Reach},
    http::{
        page::page,
        words::{Moment, sentence},
    },
};

#[derive(Template)]
#[template(path = "console/keys.html")]
struct KeysPage {
    shell: Shell,
    /// Whether this server lets everybody in as it runs now.
    is_open: bool,
    /// The key that was just made, and what it opens.
    new: Option<(String, String)>,
    /// Whether one has just been removed.
    is_removed: bool,
    lists: Vec<KeyList>,
    /// Whether keys can be made that open everything.
    has_everything: bool,
    input: KeyInput,
    /// What is wrong with what was typed, or with a removal.
    refused: Option<RefusedKey>,
}

/// The keys that open equally much.
struct KeyList {
    opens: Opens,
    title: String,
    /// What is said where there are none.
    none: &'static str,
    rows: Vec<KeyRow>,
}

struct KeyRow {
    id: String,
    note: String,
    created: Moment,
}

/// What a key opens, as forms name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Opens {
    /// The page's sandbox, and those that are named as parts of it.
    #[default]
    Sandbox,
    /// Everything.
    Everything,
}

/// The form for a new key.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct KeyInput {
    note: String,
    opens: Opens,
}

/// The form that removes one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RemovalInput {
    opens: Opens,
}

/// What of the query the page understands.
#[derive(Debug, Default, Deserialize)]
pub(super) struct KeysQuery {
    /// Anything: a key has just been removed.
    removed: Option<String>,
}

struct RefusedKey {
    /// The field that it is about; `None` for none.
    field: Option<&'static str>,
    why: String,
}

/// What the page says besides its lists.
#[derive(Default)]
struct Said {
    new: Option<NewKey>,
    is_removed: bool,
    input: KeyInput,
    refused: Option<RefusedKey>,
}

impl Opens {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Everything => "everything",
        }
    }

    /// Nobody makes, sees or removes a key that opens more than their own.
    fn check(self, here: &Here) -> Result<(), ConsoleError> {
        match (self, &here.holder.reach) {
            (Self::Sandbox, _) | (Self::Everything, Reach::Everything) => Ok(()),
            (Self::Everything, Reach::Sandbox(_)) => Err(ConsoleError::operators_only(&here.place)),
        }
    }
}

impl KeysPage {
    fn refused_at(&self, field: &str) -> Option<&str> {
        self.refused.as_ref().filter(|refused| refused.field == Some(field)).map(|refused| refused.why.as_str())
    }

    fn removal(&self, row: &KeyRow) -> String {
        self.shell.place.to(&format!("/keys/{}/removal", row.id))
    }
}

impl KeyList {
    fn of(opens: Opens, title: String, none: &'static str, kept: &[KeptKey]) -> Self {
        let row = |kept: &KeptKey| KeyRow {
            id: kept.id.to_string(),
            note: kept.note.clone(),
            created: Moment::of(kept.created),
        };
        Self { opens, title, none, rows: kept.iter().map(row).collect() }
    }
}

/// Shows the keys.
pub(super) async fn show(
    here: Here,
    query: Result<Query<KeysQuery>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let is_removed = query.is_ok_and(|Query(query)| query.removed.is_some());
    answer(&here, StatusCode::OK, Said { is_removed, ..Said::default() }).await
}

/// Makes a key, and shows it: there is no other page that could.
pub(super) async fn make(here: Here, form: Result<Form<KeyInput>, FormRejection>) -> Result<Response, ConsoleError> {
    let Form(input) = form.map_err(|rejection| ConsoleError::malformed(&here.place, rejection.body_text()))?;
    input.opens.check(&here)?;
    let refused =
        |field, why| Said { input: input.clone(), refused: Some(RefusedKey { field, why }), ..Said::default() };
    if input.note.chars().count() > LONGEST_NOTE {
        let why = format!("A note has {LONGEST_NOTE} characters at the most: say in a few words who uses the key.");
        return answer(&here, StatusCode::UNPROCESSABLE_ENTITY, refused(Some("note"), why)).await;
    }
    let note = input.note.trim().to_owned();
    let made = match input.opens {
        Opens::Sandbox => here.sandbox.make_access_key(note).await,
        Opens::Everything => here.console.app.make_operator_key(note).await,
    };
    match made {
        Ok(new) => answer(&here, StatusCode::CREATED, Said { new: Some(new), ..Said::default() }).await,
        Err(AppError::Key(fault)) => {
            let why = format!("{} Remove one first.", sentence(&fault.to_string()));
            answer(&here, StatusCode::CONFLICT, refused(None, why)).await
        }
        Err(error) => Err(here.failed(&error)),
    }
}

/// Removes a key.
pub(super) async fn remove(
    here: Here,
    Path(key): Path<String>,
    form: Result<Form<RemovalInput>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let Form(input) = form.map_err(|rejection| ConsoleError::malformed(&here.place, rejection.body_text()))?;
    input.opens.check(&here)?;
    let no_key =
        || ConsoleError::not_found(&here.place, format!("There is no key {key:?}."), "It may be removed already.");
    let id: KeyId = key.parse().map_err(|_| no_key())?;
    let removed = match input.opens {
        Opens::Sandbox => here.sandbox.remove_access_key(id).await,
        Opens::Everything => here.console.app.remove_operator_key(&id, here.console.access.has_other_ways_in()).await,
    };
    match removed {
        Ok(()) => Ok(here.back_to("/keys?removed=1").into_response()),
        Err(AppError::Key(KeyFault::Unknown(_))) => Err(no_key()),
        Err(AppError::Key(fault @ KeyFault::Last(_))) => {
            let why = format!("{} Make another one first.", sentence(&fault.to_string()));
            let said = Said { refused: Some(RefusedKey { field: None, why }), ..Said::default() };
            answer(&here, StatusCode::CONFLICT, said).await
        }
        Err(error) => Err(here.failed(&error)),
    }
}

/// Whoever opens the address of a form that was refused gets the page with the form.
pub(super) async fn go_to_keys(here: Here) -> Redirect {
    here.back_to("/keys")
}

async fn answer(here: &Here, status: StatusCode, said: Said) -> Result<Response, ConsoleError> {
    let sandbox = here.sandbox.id();
    let kept = here.sandbox.access_keys().await.map_err(|error| here.failed(&error))?;
    let none = "None: only keys that open more get in.";
    let mut lists = vec![KeyList::of(Opens::Sandbox, format!("Keys of sandbox {sandbox}"), none, &kept)];
    let has_everything = here.holder.reach == Reach::Everything;
    if has_everything {
        let kept = here.console.app.operator_keys().await.map_err(|error| here.failed(&error))?;
        let none = "None is kept. A key that the server was started with is not listed.";
        lists.push(KeyList::of(Opens::Everything, "Keys that open everything".to_owned(), none, &kept));
    }
    let opens = |reach: &Reach| match reach {
        Reach::Everything => "everything".to_owned(),
        Reach::Sandbox(own) => format!("{own}, and sandboxes that are named {own}.*"),
    };
    let title = if said.refused.is_some() { "Error: Access keys" } else { "Access keys" };
    let keys = KeysPage {
        shell: here.shell("keys", title),
        is_open: here.console.access.is_open(),
        new: said.new.map(|new| (new.key.to_string(), opens(&new.key.reach))),
        is_removed: said.is_removed,
        lists,
        has_everything,
        input: said.input,
        refused: said.refused,
    };
    Ok(page(status, &keys))
}
