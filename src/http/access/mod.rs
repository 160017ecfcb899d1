//! Keys for the control API, the console and the portal: who calls, and how much is open to them.
//!
//! Programs show their key as a bearer token. People show it once, on the page [`sign_in`], and are known by a cookie from
//! then on. The marketplace's, Partner Center's and the identity's own APIs need none: they have Microsoft's tokens.

mod sign_in;

use std::sync::Arc;

use axum::{
    Router,
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};

use super::{Faces, cookies, same_origin};
use crate::{
    app::AppError,
    domain::access::{AccessKey, KeyDigest, Reach},
};

/// The cookie by which somebody is known who has shown a key.
const COOKIE: &str = "rehearsal-access";

/// Whether control API, console and portal are open.
#[derive(Debug, Clone)]
pub enum Access {
    /// To everybody who reaches the server.
    Open,
    /// To whoever shows a key.
    Keys {
        /// A key that this server was started with; it opens everything.
        own: Option<KeyDigest>,
    },
}

impl Access {
    /// Whether everybody gets in.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Whether somebody gets in without any of the keys that are kept.
    pub(super) const fn has_other_ways_in(&self) -> bool {
        !matches!(self, Self::Keys { own: None })
    }

    /// Whether the key that the server was started with is of that text.
    fn is_own(&self, shown: &str) -> bool {
        matches!(self, Self::Keys { own: Some(own) } if own.is_of(shown))
    }

    /// How a session names that key. Another key has another name, so a session ends with its key.
    fn own_name(&self) -> Option<String> {
        match self {
            Self::Keys { own: Some(own) } => Some(format!("own-{}", own.name())),
            Self::Keys { own: None } | Self::Open => None,
        }
    }
}

/// Who calls: laid on every request that came through a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What is open to them.
    pub reach: Reach,
    /// Whether they have shown a key; nobody needs to where everything is open.
    pub has_key: bool,
}

impl Holder {
    /// Somebody where everything is open to everybody.
    #[must_use]
    pub const fn anybody() -> Self {
        Self { reach: Reach::Everything, has_key: false }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Holder {
    type Rejection = Response;

    /// A route that has no door lets nobody in.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get().cloned().ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())
    }
}

impl Faces {
    /// Who sends a request; `None` if a key is needed, and none was shown that opens anything.
    pub(super) async fn holder(&self, headers: &HeaderMap) -> Result<Option<Holder>, AppError> {
        if matches!(self.access, Access::Open) {
            return Ok(Some(Holder::anybody()));
        }
        let reach = match headers.get(header::AUTHORIZATION) {
            Some(authorization) => match bearer(authorization) {
                Some(shown) => self.opened_by(shown).await?.map(|(reach, _)| reach),
                None => None,
            },
            None => match cookies::named(headers, COOKIE) {
                Some(cookie) => self.opened_by_session(cookie).await?,
                None => None,
            },
        };
        Ok(reach.map(|reach| Holder { reach, has_key: true }))
    }

    /// What a key opens, and how a session names it.
    async fn opened_by(&self, shown: &str) -> Result<Option<(Reach, String)>, AppError> {
        if self.access.is_own(shown) {
            return Ok(self.access.own_name().map(|name| (Reach::Everything, name)));
        }
        let Some(key) = AccessKey::read(shown) else { return Ok(None) };
        let reach = self.app.reach_of(&key).await?;
        Ok(reach.map(|reach| (reach, key.id.to_string())))
    }

    /// What the key opens that somebody has signed in with, as long as it still is one.
    async fn opened_by_session(&self, cookie: &str) -> Result<Option<Reach>, AppError> {
        let Some((reach, name)) = self.app.access_of_session(cookie) else { return Ok(None) };
        let is_good = match name.parse() {
            Ok(id) => self.app.has_key(&reach, &id).await?,
            Err(_) => self.access.own_name() == Some(name),
        };
        Ok(is_good.then_some(reach))
    }
}

fn bearer(authorization: &HeaderValue) -> Option<&str> {
    let (scheme, shown) = authorization.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| shown.trim())
}

/// The page on which a key is shown, and the way out.
pub(super) fn router(faces: Arc<Faces>) -> Router {
    Router::new()
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .layer(middleware::from_fn(same_origin::refuse_cross_site))
        .with_state(faces)
}

/// The door of pages: whoever has shown no key is led to the page that asks for one, and back from there.
pub(super) async fn ask_for_key(State(faces): State<Arc<Faces>>, mut request: Request, next: Next) -> Response {
    match faces.holder(request.headers()).await {
        Ok(Some(holder)) => {
            request.extensions_mut().insert(holder);
            next.run(request).await
        }
        Ok(None) => {
            let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
            // What a form was sent to can't be opened as a page.
            let wanted = if request.method() == Method::GET { wanted } else { "/" };
            Redirect::to(&sign_in::address(wanted)).into_response()
        }
        Err(error) => sign_in::unavailable(&error),
    }
}
