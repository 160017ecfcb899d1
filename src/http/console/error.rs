//! What the console answers when a page can't be shown: a page that says why, and the way back.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::shell::{Place, Shell};
use crate::http::words::sentence;
use crate::{
    app::AppError,
    domain::{ids::SandboxId, refusal::Refusal},
    http::page::page,
};

/// Why a page can't be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConsoleError {
    status: StatusCode,
    title: &'static str,
    what: String,
    fix: &'static str,
    place: Place,
}

#[derive(Template)]
#[template(path = "console/error.html")]
struct ErrorPage<'a> {
    shell: Shell,
    error: &'a ConsoleError,
}

impl ConsoleError {
    /// Something that does not exist.
    pub(super) fn not_found(place: &Place, what: impl Into<String>, fix: &'static str) -> Self {
        let title = "There is nothing here";
        Self { status: StatusCode::NOT_FOUND, title, what: what.into(), fix, place: place.clone() }
    }

    /// A sandbox that does not exist. The way back leads to one that does.
    pub(super) fn no_sandbox(back: &Place, name: &str) -> Self {
        let fix =
            "It may have been deleted. Choose one of the sandboxes that exist, or create it through the control API.";
        Self::not_found(back, format!("There is no sandbox {name:?}."), fix)
    }

    /// A sandbox that the visitor's key does not open.
    pub(super) fn out_of_reach(back: &Place, sandbox: &SandboxId) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            title: "Your key does not open that",
            what: format!("The key that you have signed in with does not open the sandbox {sandbox}."),
            fix: "Go back to your own sandbox, or sign out and sign in with another key.",
            place: back.clone(),
        }
    }

    /// What is for whoever may use everything.
    pub(super) fn operators_only(place: &Place) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            title: "Your key does not open that",
            what: "Keys that open everything are for whoever has one.".to_owned(),
            fix: "Ask whoever runs the server for what you need.",
            place: place.clone(),
        }
    }

    /// A request that no page of the console makes.
    pub(super) fn malformed(place: &Place, what: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "That request can't be read",
            what: what.into(),
            fix: "Start again from the console's home page.",
            place: place.clone(),
        }
    }

    /// A command or query that gave no answer.
    pub(super) fn of(place: &Place, error: &AppError) -> Self {
        let fix_later = "Try again; the server's log says more.";
        let (status, title, fix) = match error {
            AppError::Refused(Refusal::UnknownSubscription(_)) | AppError::UnknownSandbox(_) => {
                (StatusCode::NOT_FOUND, "There is nothing here", "It may belong to another sandbox.")
            }
            AppError::Refused(refusal) => (StatusCode::CONFLICT, "That is not possible", refusal.hint()),
            AppError::SandboxExists(_)
            | AppError::DefaultSandbox
            | AppError::RecordConflict(_)
            | AppError::Rule(_)
            | AppError::Key(_) => {
                (StatusCode::CONFLICT, "That is not possible", "Go back and look at what has changed.")
            }
            AppError::NameTooLong => {
                (StatusCode::UNPROCESSABLE_ENTITY, "A name is too long", "Go back and take a shorter one.")
            }
            AppError::Full { .. } => (
                StatusCode::INSUFFICIENT_STORAGE,
                "The sandbox is full",
                "Whoever runs the server can give it more room; or start anew in another sandbox.",
            ),
            AppError::TooManyCalls => (StatusCode::TOO_MANY_REQUESTS, "That was too fast", "Try again in a moment."),
            AppError::WorkDoesNotEnd(_) => {
                (StatusCode::CONFLICT, "The clock could not be moved so far", "The journal shows what is due again.")
            }
            AppError::Unreadable { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "That did not work", fix_later),
            AppError::Stopping | AppError::Store(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "The server is not ready", fix_later)
            }
        };
        if status.is_server_error() {
            tracing::error!(sandbox = %place.sandbox, ?error, "a console page could not be made");
        }
        Self { status, title, what: sentence(&error.to_string()), fix, place: place.clone() }
    }
}

impl IntoResponse for ConsoleError {
    fn into_response(self) -> Response {
        let shell = Shell::bare(self.place.clone(), self.title);
        page(self.status, &ErrorPage { shell, error: &self })
    }
}
