//! Where people sign in and out: the authorization endpoint with its page, and the end of a session.

use std::sync::Arc;

use askama::Template;
use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use url::{Url, form_urlencoded};

use super::{problem, tenant::Tenant};
use crate::{
    app::{
        Exchange, Player, RecordedCall,
        identity::{Prompt, ResponseMode, SignIn, SignInCheck, SignInError, SignInRefusal, SignInRequest},
    },
    domain::ids::ObjectId,
    http::{faces::Faces, page::page, same_origin::is_foreign},
    sim::clock::Stopwatch,
};

/// The cookie by which a browser is known.
const COOKIE: &str = "rehearsal-session";

/// `GET` and `POST /{tenant}/oauth2/v2.0/authorize`
pub(super) async fn v2(
    State(faces): State<Arc<Faces>>,
    Tenant(tenant): Tenant,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let asked = Asked::read(tenant, query.as_deref(), &body);
    authorize(&faces, asked, false, &method, &headers).await
}

/// `GET` and `POST /{tenant}/oauth2/authorize`
pub(super) async fn v1(
    State(faces): State<Arc<Faces>>,
    Tenant(tenant): Tenant,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let asked = Asked::read(tenant, query.as_deref(), &body);
    authorize(&faces, asked, true, &method, &headers).await
}

/// A request, and what was clicked on its page.
struct Asked {
    request: SignInRequest,
    user: Option<String>,
    cancelled: bool,
}

impl Asked {
    fn read(tenant: String, query: Option<&str>, body: &[u8]) -> Self {
        let mut asked =
            Self { request: SignInRequest { tenant, ..SignInRequest::default() }, user: None, cancelled: false };
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        for (name, value) in query.chain(form_urlencoded::parse(body)).filter(|(_, value)| !value.is_empty()) {
            let request = &mut asked.request;
            let place = match name.as_ref() {
                "client_id" => &mut request.client_id,
                "redirect_uri" => &mut request.redirect_uri,
                "response_type" => &mut request.response_type,
                "response_mode" => &mut request.response_mode,
                "scope" => &mut request.scope,
                "state" => &mut request.state,
                "nonce" => &mut request.nonce,
                "code_challenge" => &mut request.code_challenge,
                "code_challenge_method" => &mut request.code_challenge_method,
                "prompt" => &mut request.prompt,
                "login_hint" => &mut request.login_hint,
                "user" => &mut asked.user,
                "cancel" => {
                    asked.cancelled = true;
                    continue;
                }
                _ => continue,
            };
            place.get_or_insert_with(|| value.into_owned());
        }
        asked
    }
}

async fn authorize(faces: &Faces, asked: Asked, is_v1: bool, method: &Method, headers: &HeaderMap) -> Response {
    let started = Stopwatch::start();
    let Asked { request, user, cancelled } = asked;
    let path = format!("/{}/oauth2/{}authorize", request.tenant, if is_v1 { "" } else { "v2.0/" });
    let origin = faces.origin(headers);
    faces.app.meet(&request.tenant, request.client_id.as_deref()).await;
    let sign_in = match faces.app.check_sign_in(request, is_v1, &origin) {
        SignInCheck::Possible(sign_in) => sign_in,
        SignInCheck::Returned(sign_in, error) => {
            return recorded(&sign_in, (method, &path), &started, failed(faces, &sign_in, &error)).await;
        }
        SignInCheck::Shown(refusal) => return refused(&refusal),
    };
    // Who picks somebody has to sit in front of the page, not behind a page of somebody else's.
    if (user.is_some() || cancelled) && (*method != Method::POST || is_foreign(method, headers)) {
        return (StatusCode::FORBIDDEN, "Sign in on the page itself.\n").into_response();
    }
    let signed_in = cookie(headers).and_then(|cookie| faces.app.signed_in(&sign_in, cookie));
    let response = if cancelled {
        let text = "the user canceled the authentication".to_owned();
        failed(faces, &sign_in, &SignInError { error: "access_denied", code: 65_004, text })
    } else {
        match (user, sign_in.prompt, signed_in) {
            (Some(user), _, _) => picked(faces, &sign_in, user.parse().ok()),
            (None, Prompt::None, Some(user)) => picked(faces, &sign_in, Some(user)),
            (None, Prompt::None, None) => {
                let text = "Session information is not sufficient for single-sign-on.".to_owned();
                failed(faces, &sign_in, &SignInError { error: "login_required", code: 50_058, text })
            }
            (None, Prompt::Ask, signed_in) => ask(faces, &sign_in, &path, signed_in),
        }
    };
    recorded(&sign_in, (method, &path), &started, response).await
}

/// The page on which somebody is picked.
fn ask(faces: &Faces, sign_in: &SignIn, path: &str, signed_in: Option<ObjectId>) -> Response {
    let people = faces.app.people_of(sign_in).into_iter().map(|one| Choice {
        is_signed_in: signed_in == Some(one.person.object_id),
        id: one.person.object_id.to_string(),
        name: one.person.name,
        email: one.person.email,
        company: one.company,
    });
    let shown = page(
        StatusCode::OK,
        &SignInPage {
            app: &sign_in.app.app.tenant_name,
            sandbox: sign_in.app.sandbox.id().as_str(),
            tenant: path.split('/').nth(1).unwrap_or_default(),
            action: path,
            parameters: sign_in.parameters(),
            people: people.collect(),
        },
    );
    leading_to(shown, &sign_in.redirect_uri)
}

/// Sends the browser back with what the app asked for.
fn picked(faces: &Faces, sign_in: &SignIn, user: Option<ObjectId>) -> Response {
    let fresh = faces.request_ids.next();
    let answer = user.and_then(|user| Some((user, faces.app.complete_sign_in(sign_in, user, fresh)?)));
    let Some((user, answer)) = answer else {
        let text = "The selected user account does not exist in the tenant.".to_owned();
        return failed(faces, sign_in, &SignInError { error: "invalid_request", code: 50_020, text });
    };
    let mut response = back(sign_in, answer);
    if let Some(session) = faces.app.session_cookie(sign_in, user)
        && let Ok(cookie) = HeaderValue::try_from(format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax"))
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Sends the browser back with an error.
fn failed(faces: &Faces, sign_in: &SignIn, error: &SignInError) -> Response {
    let now = sign_in.app.sandbox.now();
    let [trace, correlation, _] = faces.request_ids.draw();
    let described = problem::described(error.code, &error.text, &trace.to_string(), &correlation.to_string(), now);
    let mut answer = vec![("error", error.error.to_owned()), ("error_description", described)];
    answer.extend(sign_in.state());
    back(sign_in, answer)
}

fn back(sign_in: &SignIn, answer: Vec<(&'static str, String)>) -> Response {
    let mut to = sign_in.redirect_uri.clone();
    match sign_in.mode {
        ResponseMode::Query => {
            to.query_pairs_mut().extend_pairs(&answer);
            see_other(&to)
        }
        ResponseMode::Fragment => {
            to.set_fragment(Some(&form_urlencoded::Serializer::new(String::new()).extend_pairs(&answer).finish()));
            see_other(&to)
        }
        ResponseMode::FormPost => {
            let form = page(StatusCode::OK, &FormPostPage { action: to.as_str(), fields: answer });
            leading_to(form, &to)
        }
    }
}

fn see_other(to: &Url) -> Response {
    let mut response = Redirect::to(to.as_str()).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Lets a page's form lead to the app: `form-action` governs redirects too.
fn leading_to(mut page: Response, to: &Url) -> Response {
    let origin = to.origin().ascii_serialization();
    let headers = page.headers_mut();
    let usual =
        headers.get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok()).unwrap_or_default();
    let policy = usual.replace("form-action 'self'", &format!("form-action 'self' {origin}"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    page
}

/// Tells the person: nobody knows whether the app may be.
fn refused(refusal: &SignInRefusal) -> Response {
    let (what, fix) = match refusal {
        SignInRefusal::UnknownTenant(tenant) => (
            format!("AADSTS90002: Tenant '{tenant}' not found."),
            "Take a tenant of the app's sandbox, or organizations, or common.".to_owned(),
        ),
        SignInRefusal::MissingParameter(name) => (
            format!("AADSTS900144: The request body must contain the following parameter: '{name}'."),
            format!("Send {name} to the authorization endpoint."),
        ),
        SignInRefusal::UnknownApp(client) => (
            format!("AADSTS700016: Application with identifier '{client}' was not found in the directory."),
            "rehearsal print-env shows the app registrations of a sandbox.".to_owned(),
        ),
        SignInRefusal::RedirectNotRegistered { redirect_uri, client } => (
            format!(
                "AADSTS50011: The redirect URI '{redirect_uri}' specified in the request does not match the redirect \
                 URIs configured for the application '{client}'."
            ),
            "Name it under app.redirectUris in the publisher's fixture. Loopback addresses need no name.".to_owned(),
        ),
    };
    page(StatusCode::BAD_REQUEST, &NoticePage { title: "Nobody can sign in", what: &what, fix: Some(&fix) })
}

/// `GET /{tenant}/oauth2/v2.0/logout`, `GET /{tenant}/oauth2/logout`
pub(super) async fn sign_out(
    State(faces): State<Arc<Faces>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let wanted = form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes())
        .find(|(name, _)| name == "post_logout_redirect_uri")
        .and_then(|(_, uri)| Url::parse(&uri).ok());
    let is_allowed = |to: &Url| faces.app.may_return_to(to, &faces.origin(&headers));
    let mut response = match wanted.filter(is_allowed) {
        Some(to) => see_other(&to),
        None => {
            let what = "You can close this page.";
            page(StatusCode::OK, &NoticePage { title: "You are signed out", what, fix: None })
        }
    };
    let forget = HeaderValue::from_static("rehearsal-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    response.headers_mut().insert(header::SET_COOKIE, forget);
    response
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    crate::http::cookies::named(headers, COOKIE)
}

/// Writes the visit into the journal of the app's sandbox.
async fn recorded(
    sign_in: &SignIn,
    (method, path): (&Method, &str),
    started: &Stopwatch,
    response: Response,
) -> Response {
    let exchange = Exchange {
        to: Player::Identity,
        method: method.to_string(),
        path: path.to_owned(),
        status: Some(response.status().as_u16()),
        publisher: sign_in.app.owner.publisher().cloned(),
        request_body: None,
        response_body: None,
        correlation_id: None,
        remark: None,
        latency_micros: started.micros(),
    };
    let call = RecordedCall { from: Player::Partner, subscription: None, exchange };
    if let Err(error) = sign_in.app.sandbox.record(call).await {
        tracing::warn!(%error, "a sign-in was not recorded");
    }
    response
}

/// Somebody on the page.
struct Choice {
    id: String,
    name: String,
    email: String,
    company: String,
    is_signed_in: bool,
}

#[derive(Template)]
#[template(path = "identity/sign_in.html")]
struct SignInPage<'a> {
    app: &'a str,
    sandbox: &'a str,
    tenant: &'a str,
    action: &'a str,
    parameters: Vec<(&'static str, &'a str)>,
    people: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "identity/form_post.html")]
struct FormPostPage<'a> {
    action: &'a str,
    fields: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "identity/notice.html")]
struct NoticePage<'a> {
    title: &'a str,
    what: &'a str,
    fix: Option<&'a str>,
}
