//! The console: the pages on which a person buys, follows what happens and steers the clock.
//!
//! Everything works without JavaScript; a small script only refreshes what has changed. A page is about one sandbox,
//! which `?sandbox=` names; the default one needs no naming. Where keys are asked for, a page about a sandbox that the
//! visitor's key does not open is refused.
//!
//! | route | page |
//! | --- | --- |
//! | `GET /` | environment, clock, subscriptions, the *Buy* form |
//! | `POST /purchases` | buys; 303 to the confirmation, or 422 with a message at each field |
//! | `GET /subscriptions/{id}/bought` | confirmation: personalized link, authorization code, what happens next |
//! | `GET /subscriptions/{id}` | state, both confirmations, billing, link, ledger, timeline |
//! | `POST /subscriptions/{id}/links` | a fresh link; 303 back |
//! | `GET /journal` | everything that happened in the sandbox |
//! | `GET /rules`, `POST /rules` | what the sandbox does where that is a choice; 303 back |
//! | `GET /faults`, `POST /faults` | which steps of provisioning shall fail, and how often; 303 back, or 422 |
//! | `GET /keys`, `POST /keys` | the access keys; makes one and shows it once: 201, or 422 |
//! | `POST /keys/{key}/removal` | removes one; 303 back |
//! | `POST /clock/{freeze,resume,advance,run-next,stop}` | moves the clock, or stops that; 303 home, or 422 |

mod bought;
mod buy;
mod clock;
mod error;
mod faults;
mod home;
mod journal;
mod keys;
mod marketplace;
mod progress;
mod rules;
mod shell;
mod subscription;
mod timeline;

use std::{fmt, sync::Arc};

use axum::{
    Router,
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;

use self::{
    error::ConsoleError,
    shell::{Place, Shell},
};
use super::{
    access::{Access, Holder},
    same_origin,
};
use crate::{
    app::{App, AppError, KnownSubscription, Sandbox},
    domain::{catalogue::Offer, ids::SubscriptionId, subscription::Subscription},
    wire::control::{LinkView, SubscriptionView},
};

/// A link that something of a sandbox has.
pub type Link<T> = Arc<dyn Fn(&Sandbox, &T) -> String + Send + Sync>;

/// Tells where the ways to publishers lead.
#[derive(Clone)]
pub struct Links {
    /// The personalized link of a subscription.
    pub personalized: Link<Subscription>,
    /// The landing page of an offer.
    pub landing_page: Link<Offer>,
}

/// The console's routes. `base_url` is how others reach this server, without a slash at its end, and `access` who is let in;
/// those have to have a [`Holder`] laid on their requests.
pub fn router(app: Arc<App>, links: Links, base_url: String, access: Access) -> Router {
    let console = Arc::new(Console { app, links, base_url, access });
    Router::new()
        .route("/", get(home::show))
        .route("/purchases", post(buy::submit).get(go_home))
        .route("/subscriptions/{id}", get(subscription::show))
        .route("/subscriptions/{id}/bought", get(bought::show))
        .route("/subscriptions/{id}/links", post(subscription::fresh_link))
        .route("/subscriptions/{id}/seats", post(marketplace::change_seats).get(go_to_subscription))
        .route("/subscriptions/{id}/plan", post(marketplace::change_plan).get(go_to_subscription))
        .route("/subscriptions/{id}/cancellation", post(marketplace::cancel))
        .route("/subscriptions/{id}/renewal", post(marketplace::set_renewal))
        .route("/subscriptions/{id}/suspension", post(marketplace::suspend))
        .route("/subscriptions/{id}/reinstatement", post(marketplace::reinstate))
        .route("/subscriptions/{id}/deliveries/{operation}/resend", post(marketplace::resend))
        .route("/subscriptions/{id}/deliveries/{operation}/hold", post(marketplace::hold))
        .route("/journal", get(journal::show))
        .route("/rules", get(rules::show).post(rules::choose))
        .route("/faults", get(faults::show).post(faults::set))
        .route("/keys", get(keys::show).post(keys::make))
        .route("/keys/{key}/removal", post(keys::remove).get(keys::go_to_keys))
        .route("/clock/freeze", post(clock::freeze))
        .route("/clock/resume", post(clock::resume))
        .route("/clock/advance", post(clock::advance).get(go_home))
        .route("/clock/run-next", post(clock::run_next).get(go_home))
        .route("/clock/stop", post(clock::stop))
        .layer(middleware::from_fn(same_origin::refuse_cross_site))
        .with_state(console)
}

/// A form that was refused leaves its address in the browser's bar: whoever opens that gets the form.
async fn go_home(here: Here) -> Redirect {
    here.back_to("/")
}

/// Likewise, where the form stands on a subscription's page.
async fn go_to_subscription(here: Here, id: Path<String>) -> Result<Redirect, ConsoleError> {
    let id = here.subscription_id(id)?;
    Ok(here.back_to(&format!("/subscriptions/{id}#marketplace")))
}

/// What the pages are made from.
struct Console {
    app: Arc<App>,
    links: Links,
    base_url: String,
    access: Access,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// The sandbox that a request is about.
#[derive(Debug)]
struct Here {
    console: Arc<Console>,
    sandbox: Arc<Sandbox>,
    place: Place,
    holder: Holder,
}

impl FromRequestParts<Arc<Console>> for Here {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Response> {
        #[derive(Deserialize)]
        struct InQuery {
            sandbox: Option<String>,
        }
        let holder = Holder::from_request_parts(parts, console).await?;
        let place = Place { sandbox: holder.reach.home() };
        let Query(query) = Query::<InQuery>::try_from_uri(&parts.uri)
            .map_err(|rejection| ConsoleError::malformed(&place, rejection.body_text()).into_response())?;
        // A switcher that nothing was chosen in sends an empty name.
        let name = query.sandbox.filter(|name| !name.is_empty());
        let sandbox = match name {
            None => holder.reach.home(),
            Some(name) => name.parse().map_err(|_| ConsoleError::no_sandbox(&place, &name).into_response())?,
        };
        if !holder.reach.covers(&sandbox) {
            return Err(ConsoleError::out_of_reach(&place, &sandbox).into_response());
        }
        let found = console.app.find_sandbox(&sandbox).await;
        let sandbox = found.map_err(|_| ConsoleError::no_sandbox(&place, sandbox.as_str()).into_response())?;
        let place = Place { sandbox: sandbox.id().clone() };
        sandbox.takes_call().map_err(|error| ConsoleError::of(&place, &error).into_response())?;
        Ok(Self { console: Arc::clone(console), sandbox, place, holder })
    }
}

impl Here {
    fn shell(&self, section: &'static str, title: impl Into<String>) -> Shell {
        Shell::of(&self.console.app, &self.sandbox, &self.holder, section, title)
    }

    fn failed(&self, error: &AppError) -> ConsoleError {
        ConsoleError::of(&self.place, error)
    }

    /// Back to a page after something was done, so that reloading does not do it again.
    fn back_to(&self, path: &str) -> Redirect {
        Redirect::to(&self.place.to(path))
    }

    fn subscription_id(&self, Path(text): Path<String>) -> Result<SubscriptionId, ConsoleError> {
        let fix = "Choose one of the sandbox's subscriptions on its home page.";
        text.parse().map_err(|_| ConsoleError::not_found(&self.place, format!("{text:?} is no subscription id."), fix))
    }

    async fn subscription(&self, id: Path<String>) -> Result<Arc<KnownSubscription>, ConsoleError> {
        let id = self.subscription_id(id)?;
        self.sandbox.subscription(id).await.map_err(|error| self.failed(&error))
    }

    /// A subscription as the control API shows it.
    async fn view(&self, subscription: &Subscription) -> Result<SubscriptionView, ConsoleError> {
        let ledger = self.sandbox.ledger(subscription.id).await.map_err(|error| self.failed(&error))?;
        let link = (self.console.links.personalized)(&self.sandbox, subscription);
        Ok(SubscriptionView::of(subscription, &ledger, LinkView::of(subscription, link, self.sandbox.now())))
    }
}
