//! What every page of the portal has around its content: who looks, at which partner, and what went wrong.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
};

use super::sign_in;
use crate::{
    app::{Acting, AppError, Sandbox, identity::PartnerCaller},
    domain::{
        audit::Actor,
        customer::Customer,
        event::Seq,
        ids::{OfferId, SandboxId, SubscriptionId, TenantId},
        partner::{Partner, Right, Role},
        refusal::Refusal,
        refusal_names::in_names,
    },
    http::{
        access::Holder,
        cookies,
        faces::Faces,
        page::page,
        words::{Moment, sentence},
    },
};

/// The cookie by which the portal knows somebody.
pub(super) const COOKIE: &str = "rehearsal-portal";

/// The app that the activity log names for what is done at the portal.
const PORTAL_APP: &str = "Partner Center Web";

/// Who looks at the portal.
pub(super) struct Visit {
    pub(super) faces: Arc<Faces>,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) partner: Partner,
    name: String,
    user: String,
    role: Role,
}

impl FromRequestParts<Arc<Faces>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, faces: &Arc<Faces>) -> Result<Self, Response> {
        let holder = Holder::from_request_parts(parts, faces).await?;
        let cookie = cookies::named(&parts.headers, COOKIE);
        let visitor = match cookie {
            Some(cookie) => faces.app.portal_visitor(cookie).await,
            None => None,
        };
        let to_sign_in = || Redirect::to(&sign_in::way_to(&parts.method, &parts.uri)).into_response();
        let Some(PartnerCaller { sandbox, partner, user: Some((user, role)), .. }) = visitor else {
            return Err(to_sign_in());
        };
        // Somebody may have signed in with another key since.
        if !holder.reach.covers(sandbox.id()) {
            return Err(to_sign_in());
        }
        let catalogue = Arc::clone(sandbox.catalogue());
        let found = catalogue.partner(&partner).and_then(|partner| Some((partner, partner.member(user)?.0)));
        let Some((partner, person)) = found else { return Err(to_sign_in()) };
        let (partner, name, user) = (partner.clone(), person.name.clone(), person.email.clone());
        let visit = Self { faces: Arc::clone(faces), sandbox, partner, name, user, role };
        visit.sandbox.takes_call().map_err(|error| visit.failed(&error).into_response())?;
        Ok(visit)
    }
}

impl Visit {
    /// Whether the role allows something.
    pub(super) const fn may(&self, right: Right) -> bool {
        self.role.may(right)
    }

    /// The sandbox, for what somebody does at the portal: the activity log tells of it under that name.
    pub(super) fn acts(&self) -> Acting<'_> {
        let [correlation_id] = self.faces.request_ids.draw();
        self.sandbox.acting(Actor {
            user_principal_name: Some(self.user.clone()),
            application_id: PORTAL_APP.to_owned(),
            correlation_id: correlation_id.to_string(),
        })
    }

    /// Stops what the role does not allow.
    pub(super) fn needs(&self, right: Right) -> Result<(), PortalError> {
        if self.may(right) {
            return Ok(());
        }
        let what = format!("A {} may not do that.", self.role.words().to_lowercase());
        Err(self.error(StatusCode::FORBIDDEN, "Your role does not allow that", what, "Sign in as somebody else."))
    }

    /// A customer of the partner, by the tenant in the path.
    pub(super) async fn customer(&self, tenant: &str) -> Result<(Customer, TenantId), PortalError> {
        self.needs(Right::SeeCustomers)?;
        let found = match tenant.parse::<TenantId>() {
            Ok(tenant) => self.sandbox.customer_of_tenant(tenant).await.map_err(|error| self.failed(&error))?,
            Err(_) => None,
        };
        let found = found.filter(|customer| customer.partner == self.partner.id);
        let found = found.and_then(|customer| customer.tenant_id().map(|tenant| (customer, tenant)));
        found.ok_or_else(|| self.not_found("There is no such customer.", "Choose one of your customers."))
    }

    /// The frame of a page.
    pub(super) fn frame(&self, section: &'static str, title: impl Into<String>) -> Frame {
        Frame {
            title: title.into(),
            section,
            partner: self.partner.name.clone(),
            who: format!("{}, {}", self.name, self.role.words()),
            sandbox: self.sandbox.id().to_string(),
            console: match self.sandbox.id() {
                id if *id == SandboxId::default_sandbox() => "/".to_owned(),
                id => format!("/?sandbox={id}"),
            },
            now: Moment::of(self.sandbox.now()),
            sees_invoices: self.may(Right::SeeInvoices),
            sees_customers: self.may(Right::SeeCustomers),
        }
    }

    /// Where a page hears of changes.
    pub(super) fn live(&self, since: Seq, subscription: Option<SubscriptionId>) -> String {
        let of = subscription.map(|id| format!("&subscription={id}")).unwrap_or_default();
        format!("/sim/v1/sandboxes/{}/journal?since={since}{of}", self.sandbox.id())
    }

    /// Something that does not exist.
    pub(super) fn not_found(&self, what: &str, fix: &'static str) -> PortalError {
        self.error(StatusCode::NOT_FOUND, "There is nothing here", what.to_owned(), fix)
    }

    /// A command or query that gave no answer.
    pub(super) fn failed(&self, error: &AppError) -> PortalError {
        let (status, title, fix) = match error {
            AppError::Refused(Refusal::UnknownSubscription(_) | Refusal::UnknownOrder(_) | Refusal::UnknownCart(_)) => {
                (StatusCode::NOT_FOUND, "There is nothing here", "Start again from the customer's page.")
            }
            AppError::Refused(refusal) => (StatusCode::CONFLICT, "That is not possible", refusal.hint()),
            AppError::Full { .. } => (
                StatusCode::INSUFFICIENT_STORAGE,
                "The sandbox is full",
                "Whoever runs the server can give it more room; or start anew in another sandbox.",
            ),
            AppError::TooManyCalls => (StatusCode::TOO_MANY_REQUESTS, "That was too fast", "Try again in a moment."),
            AppError::Stopping | AppError::Store(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "The server is not ready", "Try again in a moment.")
            }
            _ => {
                tracing::error!(?error, "a page of the portal could not be made");
                (StatusCode::INTERNAL_SERVER_ERROR, "That did not work", "Try again; the server's log says more.")
            }
        };
        self.error(status, title, sentence(&error.to_string()), fix)
    }

    /// Something that can't be done as things stand.
    pub(super) fn not_possible(&self, what: &str, fix: &'static str) -> PortalError {
        self.error(StatusCode::CONFLICT, "That is not possible", what.to_owned(), fix)
    }

    /// A refusal in a sentence, with the names that the portal has for things, not their ids.
    pub(super) fn told(&self, refusal: &Refusal, customer: &Customer, offer: Option<&OfferId>) -> String {
        sentence(&in_names(refusal, self.sandbox.catalogue(), customer, offer))
    }

    fn error(&self, status: StatusCode, title: &'static str, what: String, fix: &'static str) -> PortalError {
        PortalError(Box::new(ErrorPage { frame: self.frame("", title), status: status.as_u16(), title, what, fix }))
    }
}

/// The frame of a page.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) title: String,
    /// Which entry of the navigation is this page: `customers`, `activity`, `invoices`, or none.
    pub(super) section: &'static str,
    pub(super) partner: String,
    pub(super) who: String,
    pub(super) sandbox: String,
    /// The console of the sandbox.
    pub(super) console: String,
    pub(super) now: Moment,
    pub(super) sees_invoices: bool,
    pub(super) sees_customers: bool,
}

/// Why a page can't be shown.
#[derive(Debug)]
pub(super) struct PortalError(Box<ErrorPage>);

#[derive(Debug, Template)]
#[template(path = "portal/error.html")]
struct ErrorPage {
    frame: Frame,
    status: u16,
    title: &'static str,
    what: String,
    fix: &'static str,
}

impl IntoResponse for PortalError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        page(status, &*self.0)
    }
}
