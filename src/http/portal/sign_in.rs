//! The portal's door: pick a partner's person, and with it a role.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::frame::COOKIE;
use crate::{
    app::Sandbox,
    domain::ids::{ObjectId, PartnerId},
    http::{access::Holder, faces::Faces, page::page, way_on::leads_within},
};

#[derive(Template)]
#[template(path = "portal/sign_in.html")]
struct SignInPage {
    sandbox: String,
    sandboxes: Vec<String>,
    partners: Vec<PartnerCard>,
    /// The page that was asked for, if one was.
    next: String,
    /// Why nobody was signed in.
    problem: Option<&'static str>,
}

struct PartnerCard {
    id: String,
    name: String,
    people: Vec<PersonCard>,
}

struct PersonCard {
    id: String,
    name: String,
    email: String,
    role: &'static str,
}

/// Which sandbox, and what for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct InSandbox {
    sandbox: String,
    next: String,
}

/// Who was picked.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Picked {
    sandbox: String,
    /// The partner and the person, joined by a slash.
    user: String,
    /// The page that was asked for, if one was.
    next: String,
}

/// Where somebody signs in who has asked for a page, and gets to it from there.
pub(super) fn way_to(method: &Method, uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    if *method != Method::GET || page_of_the_portal(path).is_none() {
        return "/partner".to_owned();
    }
    let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    format!("/partner?next={next}")
}

/// A page of the portal; nobody is led anywhere else.
fn page_of_the_portal(path: &str) -> Option<&str> {
    (path.starts_with("/partner/") && leads_within(path)).then_some(path)
}

/// `GET /partner`
pub(super) async fn show(State(faces): State<Arc<Faces>>, holder: Holder, Query(query): Query<InSandbox>) -> Response {
    let sandbox = sandbox(&faces, &holder, &query.sandbox).await;
    match sandbox {
        Some(sandbox) => page(StatusCode::OK, &SignInPage::of(&faces, &holder, &sandbox, (&query.next, None))),
        None => unknown_sandbox(&faces, &holder),
    }
}

/// `POST /partner`
pub(super) async fn pick(State(faces): State<Arc<Faces>>, holder: Holder, Form(picked): Form<Picked>) -> Response {
    let Some(sandbox) = sandbox(&faces, &holder, &picked.sandbox).await else {
        return unknown_sandbox(&faces, &holder);
    };
    let session = picked.user.split_once('/').and_then(|(partner, user)| {
        let (partner, user): (PartnerId, ObjectId) = (partner.parse().ok()?, user.parse().ok()?);
        sandbox.catalogue().partner(&partner)?.member(user)?;
        faces.app.portal_session(&sandbox, partner, user)
    });
    let Some(session) = session else {
        let problem = Some("There is nobody like that. Pick one of these.");
        return page(
            StatusCode::UNPROCESSABLE_ENTITY,
            &SignInPage::of(&faces, &holder, &sandbox, (&picked.next, problem)),
        );
    };
    let next = page_of_the_portal(&picked.next).unwrap_or("/partner/customers");
    let mut response = Redirect::to(next).into_response();
    set_cookie(&mut response, &format!("{COOKIE}={session}; Path=/partner; HttpOnly; SameSite=Lax"));
    response
}

/// `POST /partner/sign-out`
pub(super) async fn sign_out() -> Response {
    let mut response = Redirect::to("/partner").into_response();
    set_cookie(&mut response, &format!("{COOKIE}=; Path=/partner; HttpOnly; SameSite=Lax; Max-Age=0"));
    response
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

async fn sandbox(faces: &Faces, holder: &Holder, name: &str) -> Option<Arc<Sandbox>> {
    let id = if name.is_empty() { holder.reach.home() } else { name.parse().ok()? };
    if holder.reach.covers(&id) { faces.app.find_sandbox(&id).await.ok() } else { None }
}

fn unknown_sandbox(faces: &Faces, holder: &Holder) -> Response {
    let sandboxes = sandbox_names(faces, holder);
    let problem = Some("There is no such sandbox. Choose one that exists.");
    let (sandbox, next) = (String::new(), String::new());
    page(StatusCode::NOT_FOUND, &SignInPage { sandbox, sandboxes, partners: Vec::new(), next, problem })
}

fn sandbox_names(faces: &Faces, holder: &Holder) -> Vec<String> {
    let sandboxes = faces.app.sandboxes();
    sandboxes.iter().map(|sandbox| sandbox.id()).filter(|id| holder.reach.covers(id)).map(ToString::to_string).collect()
}

impl SignInPage {
    fn of(faces: &Faces, holder: &Holder, sandbox: &Sandbox, (next, problem): (&str, Option<&'static str>)) -> Self {
        let partners = sandbox.catalogue().partners.iter().map(|partner| PartnerCard {
            id: partner.id.to_string(),
            name: partner.name.clone(),
            people: partner
                .people()
                .map(|(person, role)| PersonCard {
                    id: person.object_id.to_string(),
                    name: person.name.clone(),
                    email: person.email.clone(),
                    role: role.words(),
                })
                .collect(),
        });
        Self {
            sandbox: sandbox.id().to_string(),
            sandboxes: sandbox_names(faces, holder),
            partners: partners.collect(),
            next: page_of_the_portal(next).unwrap_or_default().to_owned(),
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_signs_in_gets_to_the_page_that_was_asked_for_and_nowhere_else() {
        let table = [
            (Method::GET, "/partner/invoices?a=b", "/partner?next=%2Fpartner%2Finvoices%3Fa%3Db"),
            (Method::POST, "/partner/customers/x/buy", "/partner"),
            (Method::GET, "/journal", "/partner"),
        ];
        for (method, path, expected) in table {
            assert_eq!(way_to(&method, &path.parse().unwrap()), expected, "{method} {path}");
        }
        for path in ["//elsewhere.example", "https://elsewhere.example", "/partner", "/partner/\\x", "/partner/ x", ""]
        {
            assert_eq!(page_of_the_portal(path), None, "{path:?}");
        }
    }
}
