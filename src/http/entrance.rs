//! The way in: health and version, the gate that opens when everything is loaded, and the composition of the faces.

use std::sync::{Arc, OnceLock};

use axum::{
    Json, Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde_json::json;
use tower::{Service, ServiceExt};

use super::{
    Faces, assets, console, control, exchange::record_visit, identity, marketplace, paths, publisher_site, same_origin,
};
use crate::publisher::Publisher;

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
        let links = Arc::clone(faces);
        let console = console::router(
            Arc::clone(&faces.app),
            Arc::new(move |sandbox, subscription| links.personalized_link(sandbox, subscription)),
            faces.base_url.clone(),
        );
        router = router
            .merge(marketplace::router(Arc::clone(faces)))
            .merge(identity::router(Arc::clone(faces)))
            .merge(console);
    }
    if players == Players::PublisherOnly {
        router = router.route("/", get(|| async { Redirect::temporary("/publisher") }));
    }
    if let Some(publisher) = publisher.filter(|_| players.has_publisher()) {
        let recorded = middleware::from_fn_with_state(Arc::clone(faces), record_visit);
        router = router.merge(publisher_site::router(publisher).layer(recorded));
    }
    router
}

/// A server's entrance: answers health checks from the first moment, everything else once it is open.
#[derive(Debug, Clone, Default)]
pub struct Entrance {
    routes: Arc<OnceLock<Router>>,
}

impl Entrance {
    /// Opens: from now on these routes answer. The first call counts.
    pub fn open(&self, routes: Router) {
        let _already_open = self.routes.set(routes);
    }

    /// What the listener serves.
    pub fn router(&self) -> Router {
        let entrance = self.clone();
        let readiness = self.clone();
        Router::new()
            .route("/livez", get(|| async { "ok\n" }))
            .route("/readyz", get(move || async move { readiness.readiness() }))
            .route("/version", get(version))
            .fallback(move |request: Request| entrance.clone().enter(request))
    }

    fn readiness(&self) -> Response {
        if self.routes.get().is_some() { "ready\n".into_response() } else { not_ready() }
    }

    async fn enter(self, request: Request) -> Response {
        let Some(routes) = self.routes.get() else { return not_ready() };
        let mut routes = routes.clone();
        let ready = ServiceExt::<Request<Body>>::ready(&mut routes).await;
        match ready {
            Ok(routes) => match routes.call(paths::fold(request)).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Err(never) => match never {},
        }
    }
}

fn not_ready() -> Response {
    let mut response =
        (StatusCode::SERVICE_UNAVAILABLE, "the store and the fixtures are being loaded\n").into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

async fn version() -> Json<serde_json::Value> {
    Json(json!({ "name": "rehearsal", "version": env!("CARGO_PKG_VERSION") }))
}
