//! The face of the stand-in publisher: landing page, account pages, the customer's page, and the same as JSON for tools.
//!
//! | route | what it does |
//! | --- | --- |
//! | `GET /publisher?sandbox=` | which publishers the stand-in plays |
//! | `GET /publisher/landing?token=&site=&sandbox=` | the landing page: set-up form, guidance, or on to the account |
//! | `POST /publisher/landing` | submits the form (`token`, `site`, `sandbox`, `field.<name>`), or takes a pasted `code` |
//! | `GET /publisher/signed-in` | the identity sends people back here, if the page wants them signed in |
//! | `GET /publisher/sign-out` | another account |
//! | `GET /publisher/accounts/{key}` | progress, then management |
//! | `GET /publisher/accounts/{key}/events` | a message (`text/event-stream`) whenever the account changes; 204 once it is active |
//! | `POST /publisher/accounts/{key}/retry` | tries again what failed |
//! | `POST /publisher/webhook?site=&sandbox=` | what the marketplace tells of changes, with its token |
//! | `GET /publisher/welcome/{key}` | the page that is sent on to the customer |
//!
//! `sandbox` is `default` when left out. Without `site`, the publishers of the sandbox try the code one after the other.
//! Queries and forms are decoded exactly once; a `+` that was not percent-encoded is a blank by the rules of forms and
//! is passed on as one, for the marketplace to diagnose.
//!
//! With `Accept: application/json`, the landing routes, the account and the retry answer with the shapes in [`json`].
//! Errors: 422 `{"errors": [{"field", "message"}]}` for answers, `{"error": {"code", "message"}}` for the rest.

pub mod json;

mod account;
mod fields;
mod landing;
mod sign_in;
mod views;
mod webhook;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use url::form_urlencoded;

use self::{
    json::ErrorBody,
    views::{IndexPage, NoticePage, Shell, SiteChoice},
};
use super::{page::page, same_origin::refuse_cross_site};
use crate::{
    domain::ids::SandboxId,
    publisher::{
        Publisher,
        host::{HostError, Site},
        landing::Visit,
    },
};

/// Largest form that is read.
const LARGEST_FORM: usize = 64 * 1024;

/// The routes of the publisher's site.
pub fn router(publisher: Arc<Publisher>) -> Router {
    Router::new()
        .route("/publisher", get(index))
        .route("/publisher/landing", get(landing::show).post(landing::submit))
        .route("/publisher/signed-in", get(sign_in::signed_in))
        .route("/publisher/sign-out", get(sign_in::sign_out))
        .route("/publisher/accounts/{key}", get(account::show))
        .route("/publisher/accounts/{key}/events", get(account::events))
        .route("/publisher/accounts/{key}/retry", post(account::retry))
        .route("/publisher/welcome/{key}", get(account::welcome))
        .layer(from_fn(refuse_cross_site))
        // Called by a program that shows a token, never by a page.
        .route("/publisher/webhook", post(webhook::take))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .with_state(publisher)
}

async fn index(State(publisher): State<Arc<Publisher>>, RawQuery(query): RawQuery) -> Response {
    let asked = Asked::from_pairs(form_urlencoded::parse(query.unwrap_or_default().as_bytes()));
    let visit = match asked.visit() {
        Ok(visit) => visit,
        Err(error) => return failed(&error, Format::Page),
    };
    match publisher.sites(&visit.sandbox).await {
        Ok(sites) => {
            let shell = Shell::nobody(&visit.sandbox);
            page(StatusCode::OK, &IndexPage { shell, sites: SiteChoice::all(&sites, None, &visit.sandbox) })
        }
        Err(error) => failed(&error, Format::Page),
    }
}

/// What a landing request asks for: from the query or from the form.
#[derive(Default)]
struct Asked {
    token: Option<String>,
    code: Option<String>,
    site: Option<String>,
    sandbox: Option<String>,
    /// `on`: the link wants its visitor signed in.
    sign_in: Option<String>,
    answers: Vec<(String, String)>,
}

impl Asked {
    /// The first value of each name; names that mean nothing here are passed over.
    fn from_pairs<K: AsRef<str>, V: Into<String>>(pairs: impl Iterator<Item = (K, V)>) -> Self {
        let mut asked = Self::default();
        for (name, value) in pairs {
            let place = match name.as_ref() {
                "token" => &mut asked.token,
                "code" => &mut asked.code,
                "site" => &mut asked.site,
                "sandbox" => &mut asked.sandbox,
                "signIn" => &mut asked.sign_in,
                other => {
                    if let Some(field) = other.strip_prefix("field.") {
                        asked.answers.push((field.to_owned(), value.into()));
                    }
                    continue;
                }
            };
            place.get_or_insert_with(|| value.into());
        }
        asked
    }

    /// The visit that this is. A sandbox whose name can't be one is a sandbox that there is not.
    fn visit(&self) -> Result<Visit, HostError> {
        let sandbox = match self.sandbox.as_deref().filter(|name| !name.is_empty()) {
            None => SandboxId::default_sandbox(),
            // The answer names no sandbox, so any id will do for one that can't be.
            Some(name) => name.parse().map_err(|_| HostError::UnknownSandbox(SandboxId::default_sandbox()))?,
        };
        // A name that can't be a publisher's leads nowhere, as one that no publisher has would; the code decides.
        let site = self.site.as_deref().and_then(|name| name.parse().ok());
        let sign_in = self.sign_in.as_deref() == Some("on");
        Ok(Visit { sandbox, site, token: self.token.clone().filter(|token| !token.is_empty()), sign_in })
    }
}

/// How the caller wants its answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Page,
    Json,
}

impl Format {
    fn wanted(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accept.contains("application/json") && !accept.contains("text/html") { Self::Json } else { Self::Page }
    }
}

fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// The answer to what the host could not do.
fn failed(error: &HostError, format: Format) -> Response {
    let (status, code) = match error {
        HostError::UnknownSandbox(_) => (StatusCode::NOT_FOUND, "noSuchSandbox"),
        HostError::Conflict => (StatusCode::CONFLICT, "failed"),
        HostError::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    if status.is_server_error() {
        tracing::error!(%error, "the publisher's host failed");
    }
    let (title, lede) = match error {
        HostError::UnknownSandbox(_) => ("There is no such sandbox", "It may have been deleted. Check the address."),
        HostError::Conflict => ("Something else happened at the same time", "Load the page again to see how it went."),
        HostError::Failed(_) => ("This did not work", "The server’s log says why. Nothing is half done; try again."),
    };
    notice(status, code, format, (title, lede))
}

/// A page, or its JSON twin, with a title and a sentence.
fn notice(status: StatusCode, code: &'static str, format: Format, (title, lede): (&str, &str)) -> Response {
    match format {
        Format::Json => json(status, &ErrorBody::new(code, format!("{title}. {lede}"))),
        Format::Page => {
            let shell = Shell::nobody(&SandboxId::default_sandbox());
            page(status, &NoticePage::new(shell, code, title, lede))
        }
    }
}

/// The shell for one of these publishers if there is just one, otherwise nobody's.
fn shell_of(sites: &[Site], sandbox: &SandboxId) -> Shell {
    if let [site] = sites { Shell::of(site) } else { Shell::nobody(sandbox) }
}
