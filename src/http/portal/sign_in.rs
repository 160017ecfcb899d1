//! The portal's door: pick a partner's person, and with it a role.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::frame::COOKIE;
use crate::{
    app::Sandbox,
    domain::ids::{ObjectId, PartnerId},
    http::{access::Holder, faces::Faces, page::page},
};

#[derive(Template)]
#[template(path = "portal/sign_in.html")]
struct SignInPage {
    sandbox: String,
    sandboxes: Vec<String>,
    partners: Vec<PartnerCard>,
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

/// Which sandbox.
#[derive(Deserialize)]
pub(super) struct InSandbox {
    sandbox: Option<String>,
}

/// Who was picked.
#[derive(Deserialize)]
pub(super) struct Picked {
    sandbox: String,
    /// The partner and the person, joined by a slash.
    user: String,
}

/// `GET /partner`
pub(super) async fn show(State(faces): State<Arc<Faces>>, holder: Holder, Query(query): Query<InSandbox>) -> Response {
    let sandbox = sandbox(&faces, &holder, query.sandbox.as_deref().unwrap_or_default()).await;
    match sandbox {
        Some(sandbox) => page(StatusCode::OK, &SignInPage::of(&faces, &holder, &sandbox, None)),
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
        return page(StatusCode::UNPROCESSABLE_ENTITY, &SignInPage::of(&faces, &holder, &sandbox, problem));
    };
    let mut response = Redirect::to("/partner/customers").into_response();
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
    page(StatusCode::NOT_FOUND, &SignInPage { sandbox: String::new(), sandboxes, partners: Vec::new(), problem })
}

fn sandbox_names(faces: &Faces, holder: &Holder) -> Vec<String> {
    let sandboxes = faces.app.sandboxes();
    sandboxes.iter().map(|sandbox| sandbox.id()).filter(|id| holder.reach.covers(id)).map(ToString::to_string).collect()
}

impl SignInPage {
    fn of(faces: &Faces, holder: &Holder, sandbox: &Sandbox, problem: Option<&'static str>) -> Self {
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
            problem,
        }
    }
}
