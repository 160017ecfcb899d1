//! Signing in to the landing page, and out of it.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use url::form_urlencoded;

use super::{Asked, Format, failed, json, json::ErrorBody, landing::link, notice};
use crate::{
    http::cookies,
    publisher::{
        Publisher,
        host::HostError,
        landing::Visit,
        visitor::{Returned, SignInFault, Visitor},
    },
};

/// The cookie of a sign-in that has begun, and that of a session.
const BEGUN: &str = "rehearsal-publisher-begun";
const SESSION: &str = "rehearsal-publisher";

/// Who a landing page is shown to.
pub(super) enum Entry {
    /// Whoever it is, or somebody who has signed in.
    Open(Option<Visitor>),
    /// Nobody: they have to sign in first.
    SignInFirst(Box<Response>),
}

/// Lets somebody in, or sends them to sign in.
pub(super) async fn enter(
    publisher: &Publisher,
    asked: &Asked,
    visit: &Visit,
    headers: &HeaderMap,
    format: Format,
) -> Result<Entry, HostError> {
    let Some(site) = publisher.wants_sign_in(visit).await? else { return Ok(Entry::Open(None)) };
    if let Some(visitor) = publisher.visitor(&site, cookies::named(headers, SESSION)) {
        return Ok(Entry::Open(Some(visitor)));
    }
    if format == Format::Json {
        let body = ErrorBody::new("signInRequired", "sign in with a browser first".to_owned());
        return Ok(Entry::SignInFirst(Box::new(json(StatusCode::UNAUTHORIZED, &body))));
    }
    let (to, begun) = publisher.begin_sign_in(&site, link(asked, visit.token.as_deref().unwrap_or_default()));
    let mut response = Redirect::to(to.as_str()).into_response();
    set_cookie(&mut response, BEGUN, &begun, "");
    Ok(Entry::SignInFirst(Box::new(response)))
}

/// `GET /publisher/signed-in`
pub(super) async fn signed_in(
    State(publisher): State<Arc<Publisher>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let mut returned = Returned::default();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "code" => returned.code = Some(value.into_owned()),
            "state" => returned.state = Some(value.into_owned()),
            "error_description" => returned.error = Some(value.into_owned()),
            "error" => {
                returned.error.get_or_insert_with(|| value.into_owned());
            }
            _ => {}
        }
    }
    match publisher.finish_sign_in(cookies::named(&headers, BEGUN), returned).await {
        Ok((_, session, return_to)) => {
            let mut response = Redirect::to(&return_to).into_response();
            set_cookie(&mut response, SESSION, &session, "");
            set_cookie(&mut response, BEGUN, "", "; Max-Age=0");
            response
        }
        Err(SignInFault::Host(error)) => failed(&error, Format::Page),
        Err(fault) => {
            let status = match fault {
                SignInFault::Identity(ref error) if error.may_pass() => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::FORBIDDEN,
            };
            let what = format!("{fault}. Open the link to this page again to have another try");
            notice(status, "signInFailed", Format::Page, ("You are not signed in", &what))
        }
    }
}

/// `GET /publisher/sign-out`: forgets who it was, here and at the identity, and comes back to the landing page.
pub(super) async fn sign_out(State(publisher): State<Arc<Publisher>>, RawQuery(query): RawQuery) -> Response {
    let mut asked = Asked::from_pairs(form_urlencoded::parse(query.unwrap_or_default().as_bytes()));
    let token = asked.token.take().unwrap_or_default();
    let mut response = Redirect::to(publisher.sign_out(&link(&asked, &token)).as_str()).into_response();
    set_cookie(&mut response, SESSION, "", "; Max-Age=0");
    response
}

fn set_cookie(response: &mut Response, name: &str, value: &str, end: &str) {
    if let Ok(cookie) = HeaderValue::try_from(format!("{name}={value}; Path=/publisher; HttpOnly; SameSite=Lax{end}")) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
