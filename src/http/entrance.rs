//! The way in: health and version, the gate that opens when everything is loaded, and the composition of the faces.

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{future::RouteFuture, get},
};
use serde_json::json;
use tower::Service;

use super::{
    Faces, Hosts, access, assets, console, control, exchange::record_visit, hosts, identity, marketplace, nowhere,
    partner_center, paths, portal, publisher_site, same_origin,
};
use crate::{
    app::{App, AppError},
    publisher::Publisher,
};

/// Which players a server plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Players {
    /// All of them.
    #[default]
    All,
    /// Marketplace and identity, for a publisher of the user's own.
    MarketplaceOnly,
    /// The stand-in publisher, for a marketplace elsewhere.
    PublisherOnly,
}

impl Players {
    /// Whether marketplace and identity are among them.
    #[must_use]
    pub const fn has_marketplace(self) -> bool {
        !matches!(self, Self::PublisherOnly)
    }

    /// Whether the stand-in publisher is among them.
    #[must_use]
    pub const fn has_publisher(self) -> bool {
        !matches!(self, Self::MarketplaceOnly)
    }
}

/// The routes of a server.
pub fn routes(faces: &Arc<Faces>, publisher: Option<Arc<Publisher>>, players: Players) -> Router {
    let guarded = control::router(Arc::clone(faces)).layer(middleware::from_fn(same_origin::refuse_cross_site));
    let mut router = Router::new().merge(assets::router()).merge(guarded);
    if players.has_marketplace() {
        let (links, pages) = (Arc::clone(faces), Arc::clone(faces));
        let door = middleware::from_fn_with_state(Arc::clone(faces), access::ask_for_key);
        let console = console::router(
            Arc::clone(&faces.app),
            console::Links {
                personalized: Arc::new(move |sandbox, subscription| links.personalized_link(sandbox, subscription)),
                landing_page: Arc::new(move |sandbox, offer| pages.landing_page(sandbox, offer)),
            },
            faces.base_url.clone(),
            faces.access.clone(),
        );
        router = router
            .merge(marketplace::router(Arc::clone(faces)))
            .merge(partner_center::router(Arc::clone(faces)))
            .merge(portal::router(Arc::clone(faces)).layer(door.clone()))
            .merge(access::router(Arc::clone(faces)))
            .merge(identity::router(Arc::clone(faces)))
            .merge(console.layer(door));
    }
    if players == Players::PublisherOnly {
        router = router.route("/", get(|| async { Redirect::temporary("/publisher") }));
    }
    if let Some(publisher) = publisher.filter(|_| players.has_publisher()) {
        let recorded = middleware::from_fn_with_state(Arc::clone(faces), record_visit);
        router = router.merge(publisher_site::router(publisher).layer(recorded));
    }
    router.fallback(nowhere::answer)
}

/// A server's entrance: answers health checks from the first moment, everything else once it is open.
///
/// It hands a request to one router, not to a router behind a router: that would cost each call as much again as all of
/// its own routing.
#[derive(Debug, Clone)]
pub struct Entrance {
    closed: Router,
    open: Arc<OnceLock<Open>>,
}

/// What is behind an open entrance.
#[derive(Debug)]
struct Open {
    routes: Router,
    hosts: Hosts,
    /// For those who are none of the hosts'.
    strangers: Router,
}

impl Default for Entrance {
    fn default() -> Self {
        let closed = health().route("/readyz", get(|| async { not_ready() })).fallback(|| async { not_ready() });
        Self { closed, open: Arc::default() }
    }
}

impl Entrance {
    /// Opens: from now on these routes answer whoever calls one of these hosts. The first call counts.
    pub fn open(&self, routes: Router, hosts: Hosts, app: Arc<App>) {
        let ready = get(move || ready(Arc::clone(&app)));
        let routes = health().route("/readyz", ready).merge(routes);
        let _already_open = self.open.set(Open { routes, hosts, strangers: hosts::strangers() });
    }
}

impl Service<Request> for Entrance {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> RouteFuture<Infallible> {
        let routes = match self.open.get() {
            None => &self.closed,
            Some(Open { routes, hosts, .. }) if hosts.admit(&request) => routes,
            Some(Open { strangers, .. }) => strangers,
        };
        routes.clone().call(paths::fold(request))
    }
}

/// What is answered from the first moment.
fn health() -> Router {
    Router::new().route("/livez", get(|| async { "ok\n" })).route("/version", get(version))
}

/// Ready, as long as the store answers.
async fn ready(app: Arc<App>) -> Response {
    match app.reach_store().await {
        Ok(()) => "ready\n".into_response(),
        Err(AppError::Store(error)) => unavailable(format!("{error}\n")),
        Err(error) => unavailable(format!("{error}\n")),
    }
}

fn not_ready() -> Response {
    unavailable("the store and the fixtures are being loaded\n".to_owned())
}

fn unavailable(why: String) -> Response {
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

async fn version() -> Json<serde_json::Value> {
    Json(json!({ "name": "rehearsal", "version": env!("CARGO_PKG_VERSION") }))
}
