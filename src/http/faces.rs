//! What every face needs: the commerce core, and the addresses under which the server is reached.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};

use super::access::Access;
use crate::{
    app::{
        App, AppError, Sandbox,
        identity::{Caller, TokenFault},
    },
    domain::{
        catalogue::Offer,
        ids::{PublisherId, SandboxId},
        purchase_token::personalized_link,
        subscription::Subscription,
    },
    sim::entropy::RequestIds,
};

/// How callers of the marketplace API show who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthMode {
    /// With an access token, as in the real world.
    Strict,
    /// A call without a token acts as this publisher, in the `default` sandbox: for a first quick try. A token that is
    /// sent is checked all the same.
    Relaxed(PublisherId),
}

/// Shared by all faces.
#[derive(Debug)]
pub struct Faces {
    /// The commerce core.
    pub app: Arc<App>,
    /// Ids of requests.
    pub request_ids: RequestIds,
    /// Where people and links reach this server: `http://127.0.0.1:7070`, without a slash at the end.
    pub base_url: String,
    /// A landing page that all personalized links lead to, whatever the offer says.
    pub landing_page: Option<String>,
    /// How callers show who they are.
    pub auth: AuthMode,
    /// Whether control API, console and portal ask for a key.
    pub access: Access,
}

impl Faces {
    /// The origin under which a caller reached this server, for links that it shall follow; [`Faces::base_url`] if it
    /// does not say.
    #[must_use]
    pub fn origin(&self, headers: &HeaderMap) -> String {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let scheme = self.base_url.split_once("://").map_or("http", |(scheme, _)| scheme);
        host.map_or_else(|| self.base_url.clone(), |host| format!("{scheme}://{host}"))
    }

    /// The publisher that makes a call, by its access token or, in relaxed mode and without one, by configuration.
    ///
    /// # Errors
    /// The error that `refused` makes of a token that is not accepted; [`AppError::UnknownSandbox`] or
    /// [`AppError::TooManyCalls`] turned into one.
    pub(super) async fn caller<E: From<AppError>>(
        &self,
        headers: &HeaderMap,
        refused: impl FnOnce(TokenFault) -> E,
    ) -> Result<Caller, E> {
        let authorization = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        if let (None, AuthMode::Relaxed(publisher)) = (authorization, &self.auth) {
            let sandbox = self.app.find_sandbox(&SandboxId::default_sandbox()).await?;
            sandbox.takes_call()?;
            return Ok(Caller { sandbox, publisher: publisher.clone() });
        }
        let caller = self.app.caller(authorization).await.map_err(refused)?;
        caller.sandbox.takes_call()?;
        Ok(caller)
    }

    /// Where the personalized links of an offer lead.
    #[must_use]
    pub fn landing_page(&self, sandbox: &Sandbox, offer: &Offer) -> String {
        let configured = self.landing_page.as_ref().or(offer.landing_page_url.as_ref());
        configured.cloned().unwrap_or_else(|| self.stand_in_landing_page(sandbox, &offer.publisher))
    }

    /// The stand-in publisher's landing page.
    #[must_use]
    pub fn stand_in_landing_page(&self, sandbox: &Sandbox, publisher: &PublisherId) -> String {
        let mut url = format!("{}/publisher/landing?site={publisher}", self.base_url);
        if *sandbox.id() != SandboxId::default_sandbox() {
            url.push_str("&sandbox=");
            url.push_str(sandbox.id().as_str());
        }
        url
    }

    /// The personalized link as Partner Center's portal shows it: the stand-in's landing page wants whoever comes from
    /// there signed in, as real ones do (docs:landing-page).
    #[must_use]
    pub fn portal_link(&self, sandbox: &Sandbox, subscription: &Subscription) -> String {
        let link = self.personalized_link(sandbox, subscription);
        let is_stand_in = link.starts_with(&format!("{}/publisher/landing?", self.base_url));
        if is_stand_in { link.replacen("/publisher/landing?", "/publisher/landing?signIn=on&", 1) } else { link }
    }

    /// The personalized link of a subscription, with its newest code.
    #[must_use]
    pub fn personalized_link(&self, sandbox: &Sandbox, subscription: &Subscription) -> String {
        let landing_page = sandbox.catalogue().offer(&subscription.offer).map_or_else(
            || self.stand_in_landing_page(sandbox, &subscription.publisher),
            |offer| self.landing_page(sandbox, offer),
        );
        personalized_link(&landing_page, &subscription.code.text)
    }
}
