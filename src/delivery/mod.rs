//! Outbound: calls to the webhooks of publishers and partners, one attempt at a time.
//!
//! What is to be told, when, and what an answer means is decided elsewhere ([`crate::domain::webhook`]); here it is put
//! on the wire. Redirects are not followed, and addresses that lead into the machine's own network service are refused
//! ([`address`]).

pub mod address;
mod notice;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use futures_util::future::BoxFuture;
use reqwest::{
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect::Policy,
};
use url::Url;

use crate::{
    app::{App, Attempted, Courier, Sandbox},
    domain::{
        ids::{PublisherId, SandboxId},
        notice::{Notice, Registration},
        webhook::{Delivery, Sent},
    },
    sim::clock::Stopwatch,
    wire::fulfillment::webhook::WebhookBody,
};
use address::{Guarded, forbidden};

/// A webhook has to answer within this time (docs:life-cycle). Real time: a call takes real time.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Characters of an answer that are kept.
const KEPT: usize = 4096;
/// Authorities of sandboxes whose clients are kept; beyond it all are made anew.
const AUTHORITIES: usize = 16;
const USER_AGENT: &str = concat!("rehearsal-marketplace/", env!("CARGO_PKG_VERSION"));

/// Where webhooks are, if an offer does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhooks {
    /// One webhook for all offers, whatever they say.
    pub configured: Option<Url>,
    /// The server on which the stand-in publisher has its own, if it is played.
    pub stand_in: Option<Url>,
    /// Where links in notices to partners lead: this server, without a slash at the end.
    pub base_url: String,
    /// The certificate (PEM) of one more certificate authority that is trusted.
    pub trusted: Option<String>,
}

/// Calls webhooks over HTTP.
#[derive(Debug)]
pub struct HttpCourier {
    /// Weakly: the core holds the courier.
    app: Weak<App>,
    http: reqwest::Client,
    /// Clients that trust an authority of a sandbox's own, by its certificate.
    trusting: Mutex<BTreeMap<String, reqwest::Client>>,
    webhooks: Webhooks,
}

/// Where a delivery goes, and how that is told.
struct Destination {
    url: Url,
    /// The stand-in's address without the server's own, which is another one each time.
    shown: String,
}

impl HttpCourier {
    /// A courier for a core.
    ///
    /// # Errors
    /// What is wrong with the machine's TLS set-up, in words.
    pub fn new(app: &Arc<App>, webhooks: Webhooks) -> Result<Self, String> {
        let http = client(webhooks.trusted.as_deref())?;
        Ok(Self { app: Arc::downgrade(app), http, trusting: Mutex::default(), webhooks })
    }

    /// The client for a delivery: one that trusts the sandbox's own authority, if it has one.
    async fn client_for(&self, sandbox: &Sandbox, delivery: &Delivery) -> Result<reqwest::Client, String> {
        if self.goes_outside(sandbox, delivery) { self.outside_client(sandbox).await } else { Ok(self.http.clone()) }
    }

    /// The client for webhooks of somebody's own.
    async fn outside_client(&self, sandbox: &Sandbox) -> Result<reqwest::Client, String> {
        let Some(certificate) = sandbox.webhook_authority().await.map_err(|error| error.to_string())? else {
            return Ok(self.http.clone());
        };
        let kept = || self.trusting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().get(&certificate) {
            return Ok(known.clone());
        }
        let trusting = client(Some(&certificate))?;
        let mut kept = kept();
        if kept.len() >= AUTHORITIES {
            kept.clear();
        }
        kept.insert(certificate, trusting.clone());
        Ok(trusting)
    }

    /// The webhook of somebody's own that a delivery goes to.
    fn own_webhook(&self, sandbox: &Sandbox, delivery: &Delivery) -> Option<Url> {
        let offer = sandbox.catalogue().offer(&delivery.operation.offer);
        let of_offer = || offer?.webhook_url.as_deref().and_then(|url| Url::parse(url).ok());
        self.webhooks.configured.clone().or_else(of_offer)
    }

    fn destination(&self, sandbox: &Sandbox, delivery: &Delivery) -> Option<Destination> {
        if let Some(url) = self.own_webhook(sandbox, delivery) {
            return Some(Destination { shown: without_secrets(&url), url });
        }
        let url = stand_in_webhook(self.webhooks.stand_in.as_ref()?, sandbox.id(), &delivery.operation.publisher)?;
        let shown = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        Some(Destination { url, shown })
    }

    async fn call(&self, sandbox: &Sandbox, delivery: &Delivery, to: Destination, body: String) -> Sent {
        let Destination { url, shown } = to;
        self.timed(shown, self.post_delivery(sandbox, delivery, url, body)).await
    }

    /// What came of a call to a URL, and how long it took.
    async fn timed(&self, url: String, call: impl Future<Output = Result<(u16, Option<String>), String>>) -> Sent {
        let started = Stopwatch::start();
        let answered = call.await;
        let latency_micros = started.micros();
        match answered {
            Ok((status, body)) => Sent::Answered { url, status, body, latency_micros },
            Err(why) => Sent::Unanswered { url, why, latency_micros },
        }
    }

    async fn post_delivery(
        &self,
        sandbox: &Sandbox,
        delivery: &Delivery,
        url: Url,
        body: String,
    ) -> Result<(u16, Option<String>), String> {
        let app = self.app.upgrade().ok_or("the server is stopping")?;
        let token = app.webhook_token(sandbox, &delivery.operation.publisher).ok_or("no token could be signed")?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| error.to_string())?;
        bearer.set_sensitive(true);
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer), (CONTENT_TYPE, json)]);
        let http = self.client_for(sandbox, delivery).await?;
        self.post(&http, url, headers, body).await
    }

    async fn post(
        &self,
        http: &reqwest::Client,
        url: Url,
        headers: HeaderMap,
        body: String,
    ) -> Result<(u16, Option<String>), String> {
        if let Some(host) = url.host().and_then(|host| forbidden(&host)) {
            return Err(host);
        }
        let request = http.post(url).headers(headers);
        let mut response = request.body(body).send().await.map_err(|error| in_words(&error))?;
        let status = response.status().as_u16();
        let mut read = Vec::new();
        while read.len() < KEPT {
            match response.chunk().await {
                Ok(Some(chunk)) => read.extend_from_slice(&chunk),
                // What counts is the status; a body that breaks off is kept as far as it came.
                Ok(None) | Err(_) => break,
            }
        }
        read.truncate(KEPT);
        let text = String::from_utf8_lossy(&read).into_owned();
        Ok((status, (!text.is_empty()).then_some(text)))
    }
}

impl Courier for HttpCourier {
    fn goes_outside(&self, sandbox: &Sandbox, delivery: &Delivery) -> bool {
        self.own_webhook(sandbox, delivery).is_some()
    }

    fn notify<'a>(
        &'a self,
        sandbox: &'a Sandbox,
        notice: &'a Notice,
        to: &'a Registration,
    ) -> BoxFuture<'a, Attempted> {
        Box::pin(self.notified(sandbox, notice, to))
    }

    fn attempt<'a>(&'a self, sandbox: &'a Sandbox, delivery: &'a Delivery) -> BoxFuture<'a, Attempted> {
        Box::pin(async move {
            // Only a map with keys that are no text could not be written.
            let usual = || serde_json::to_string(&WebhookBody::of(delivery, sandbox.rules())).unwrap_or_default();
            let body = delivery.edited.clone().unwrap_or_else(usual);
            let sent = match self.destination(sandbox, delivery) {
                Some(destination) => self.call(sandbox, delivery, destination, body.clone()).await,
                None => Sent::NoWebhook,
            };
            Attempted { sent, body }
        })
    }
}

/// A client that trusts one more certificate authority (PEM).
fn client(trusted: Option<&str>) -> Result<reqwest::Client, String> {
    let trusted = trusted.map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()));
    let trusted = trusted.transpose().map_err(|error| error.to_string())?;
    reqwest::Client::builder()
        .tls_certs_merge(trusted)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .user_agent(USER_AGENT)
        .dns_resolver(Arc::new(Guarded))
        .build()
        .map_err(|error| error.to_string())
}

/// The stand-in publisher's webhook on a server.
fn stand_in_webhook(server: &Url, sandbox: &SandboxId, publisher: &PublisherId) -> Option<Url> {
    let mut url = server.join("/publisher/webhook").ok()?;
    url.query_pairs_mut().append_pair("site", publisher.as_str());
    if *sandbox != SandboxId::default_sandbox() {
        url.query_pairs_mut().append_pair("sandbox", sandbox.as_str());
    }
    Some(url)
}

/// A URL as the journal tells it: a user, a password and what parameters say may be the publisher's secrets, as `code` is of
/// Azure Functions.
fn without_secrets(url: &Url) -> String {
    let mut shown = url.clone();
    // Only a URL without a host could have no user.
    let _it_has_a_host = (shown.set_username(""), shown.set_password(None));
    shown.set_query(None);
    shown.set_fragment(None);
    let of_pair =
        |pair: &str| pair.split_once('=').map_or_else(|| "(hidden)".to_owned(), |(name, _)| format!("{name}=(hidden)"));
    match url.query() {
        None => shown.to_string(),
        Some(query) => format!("{shown}?{}", query.split('&').map(of_pair).collect::<Vec<_>>().join("&")),
    }
}

/// What went wrong, without the URL: it may hold a secret of the publisher's.
fn in_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_told_without_its_secrets() {
        let table = [
            ("http://127.0.0.1:7071/api/hook", "http://127.0.0.1:7071/api/hook"),
            (
                "https://a.example/hook?code=TOPSECRET&clientId=x",
                "https://a.example/hook?code=(hidden)&clientId=(hidden)",
            ),
            ("http://user:pw@a.example/hook#TOPSECRET", "http://a.example/hook"),
            ("http://a.example/?TOPSECRET", "http://a.example/?(hidden)"),
        ];
        for (url, shown) in table {
            assert_eq!(without_secrets(&Url::parse(url).unwrap()), shown);
        }
    }
}
