//! The page on which people show their key.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{COOKIE, Faces};
use crate::{
    app::{AppError, identity::SESSION_SECONDS},
    domain::{access::Reach, ids::SandboxId},
    http::{page::page, way_on::leads_within},
};

#[derive(Template)]
#[template(path = "access/sign_in.html")]
struct SignInPage {
    to: String,
    /// Why nobody was signed in.
    problem: Option<&'static str>,
}

/// Where to go on.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    to: String,
}

/// What was typed.
#[derive(Deserialize)]
pub(super) struct Shown {
    #[serde(default)]
    key: String,
    #[serde(default)]
    to: String,
}

/// The address of the page, for somebody who wanted another one.
pub(super) fn address(wanted: &str) -> String {
    if wanted == "/" {
        return "/sign-in".to_owned();
    }
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("to", wanted).finish();
    format!("/sign-in?{query}")
}

/// A page of this server; home for everything else, so that nobody is led away by a link to this page.
fn way_on(wanted: &str) -> &str {
    if leads_within(wanted) && !wanted.starts_with("/sign-in") { wanted } else { "/" }
}

/// Where somebody goes on who named no page: to what their key opens.
fn home(wanted: &str, reach: &Reach) -> String {
    let home = reach.home();
    match way_on(wanted) {
        "/" if home != SandboxId::default_sandbox() => format!("/?sandbox={home}"),
        wanted => wanted.to_owned(),
    }
}

/// `GET /sign-in`
pub(super) async fn show(
    State(faces): State<Arc<Faces>>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Response {
    match faces.holder(&headers).await {
        Ok(Some(holder)) => Redirect::to(&home(&wanted.to, &holder.reach)).into_response(),
        Ok(None) => page(StatusCode::OK, &SignInPage { to: wanted.to, problem: None }),
        Err(error) => unavailable(&error),
    }
}

/// `POST /sign-in`
pub(super) async fn sign_in(State(faces): State<Arc<Faces>>, Form(shown): Form<Shown>) -> Response {
    let again = |problem| page(StatusCode::UNPROCESSABLE_ENTITY, &SignInPage { to: shown.to.clone(), problem });
    let key = shown.key.trim();
    if key.is_empty() {
        return again(Some("Paste your key."));
    }
    match faces.opened_by(key).await {
        Ok(Some((reach, name))) => {
            let to = home(&shown.to, &reach);
            let Some(session) = faces.app.access_session(reach, name) else {
                return again(Some("Nobody can be signed in right now. Try again in a moment."));
            };
            with_cookie(&faces, Redirect::to(&to).into_response(), &format!("{session}; Max-Age={SESSION_SECONDS}"))
        }
        Ok(None) => again(Some("This key opens nothing here. It may have been removed, or be another server's.")),
        Err(error) => unavailable(&error),
    }
}

/// `POST /sign-out`
pub(super) async fn sign_out(State(faces): State<Arc<Faces>>) -> Response {
    with_cookie(&faces, Redirect::to("/sign-in").into_response(), "; Max-Age=0")
}

fn with_cookie(faces: &Faces, mut response: Response, value: &str) -> Response {
    let secure = if faces.base_url.starts_with("https://") { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Keys can't be looked up.
pub(super) fn unavailable(error: &AppError) -> Response {
    tracing::warn!(%error, "a key could not be looked up");
    let problem = Some("Keys can't be looked up right now. Try again in a moment.");
    page(StatusCode::SERVICE_UNAVAILABLE, &SignInPage { to: String::new(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away() {
        let table = [
            ("", "/"),
            ("/", "/"),
            ("/journal?sandbox=a", "/journal?sandbox=a"),
            ("//evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("/sign-in?to=/", "/"),
        ];
        for (wanted, expected) in table {
            assert_eq!(way_on(wanted), expected, "{wanted}");
        }
    }

    #[test]
    fn whoever_names_no_page_goes_to_what_the_key_opens() {
        let team = Reach::Sandbox("team-a".parse().unwrap());
        assert_eq!(home("", &team), "/?sandbox=team-a");
        assert_eq!(home("/", &Reach::Everything), "/");
        assert_eq!(home("/partner", &team), "/partner");
        assert_eq!(address("/journal?sandbox=a&b=c"), "/sign-in?to=%2Fjournal%3Fsandbox%3Da%26b%3Dc");
    }
}
