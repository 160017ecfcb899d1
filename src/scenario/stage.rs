//! A scenario's own sandbox, seen from outside: HTTP calls in the name of a player, and the values saved so far.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Client, Method, Url, header};
use serde_json::{Value as Json, json};

use crate::wire::control::{Environment, PartnerEnvironment, PublisherEnvironment, SubscriptionView};

use super::{
    ast::{Entry, Node, Step},
    refusal::Refusal,
    values::Values,
};

const TOO_MANY_REQUESTS: u16 = 429;

/// Where a scenario runs.
#[derive(Debug)]
pub(super) struct Stage<'r> {
    client: &'r Client,
    base: &'r Url,
    /// Opens the control API.
    key: Option<&'r str>,
    sandbox: &'r str,
    environment: Option<Environment>,
    /// One token for each publisher; thrown away when the clock moves, since it may have expired.
    tokens: BTreeMap<String, String>,
    pub(super) values: Values,
    /// Every code that was seen, so that reports can shorten it.
    codes: Vec<String>,
    /// The step that is being carried out expects to be told that there were too many calls.
    pub(super) takes_too_many: bool,
}

/// What a report must not show as it is.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Authorization codes.
    pub(super) codes: Vec<String>,
    /// Identities that the sandbox has of its name, each with what they are of.
    pub(super) identities: Vec<(String, String)>,
}

/// A step with its values filled in.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) args: Vec<Entry>,
}

/// Why a step was not done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A player refused.
    Refused(Refusal),
    /// The call itself failed, or the answer makes no sense.
    Broken { message: String, fix: String },
}

/// A call to be made.
#[derive(Debug)]
pub(super) struct Call {
    method: Method,
    url: Url,
    accept: &'static str,
    bearer: Option<String>,
    header: Option<(&'static str, String)>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Nothing,
    Json(Json),
    Form(Vec<(String, String)>),
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// The operation that was accepted: `Operation-Location`.
    pub(super) operation_location: Option<String>,
    /// When to come again, if there were too many calls.
    pub(super) retry_after: Option<Duration>,
    /// The body: JSON if it is, else its text.
    pub(super) body: Json,
}

impl Turn {
    pub(super) fn new(step: &Step, values: &Values) -> Self {
        let fill = |arg: &Entry| Entry { key: arg.key.clone(), value: values.fill(&arg.value) };
        Self { args: step.args.iter().map(fill).collect() }
    }

    /// A field, if it was given.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.args.iter().find(|arg| arg.key.value == name).map(|arg| &arg.value).filter(|node| !node.is_nothing())
    }

    /// A field's text, if it was given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(Node::text)
    }

    /// A field's number, if it was given.
    pub(super) fn count(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(Node::as_scalar).and_then(|scalar| scalar.json.as_u64())
    }

    /// The text of a field that the parser has made sure of.
    pub(super) fn needed(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// Every field that is not one of these.
    pub(super) fn except(&self, names: &[&str]) -> impl Iterator<Item = &Entry> {
        self.args.iter().filter(move |arg| !names.contains(&arg.key.value.as_str()))
    }
}

impl Call {
    pub(super) const fn new(method: Method, url: Url) -> Self {
        Self { method, url, accept: "application/json", bearer: None, header: None, body: Body::Nothing }
    }

    pub(super) fn json(mut self, body: Json) -> Self {
        self.body = Body::Json(body);
        self
    }

    pub(super) fn form(mut self, fields: Vec<(String, String)>) -> Self {
        self.body = Body::Form(fields);
        self
    }

    pub(super) const fn page(mut self) -> Self {
        self.accept = "text/html";
        self
    }

    pub(super) fn bearer(mut self, token: String) -> Self {
        self.bearer = Some(token);
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.header = Some((name, value));
        self
    }
}

impl Answer {
    /// The body of an answer that says yes.
    pub(super) fn accepted(self) -> Result<Json, Trouble> {
        if (200..400).contains(&self.status) {
            Ok(self.body)
        } else {
            Err(Trouble::Refused(Refusal::read(self.status, &self.body)))
        }
    }
}

impl<'r> Stage<'r> {
    pub(super) const fn new(client: &'r Client, (base, key): (&'r Url, Option<&'r str>), sandbox: &'r str) -> Self {
        Self {
            client,
            base,
            key,
            sandbox,
            environment: None,
            tokens: BTreeMap::new(),
            values: Values::empty(),
            codes: Vec::new(),
            takes_too_many: false,
        }
    }

    /// What came by that a report must not show as it is.
    pub(super) fn seen(&self) -> Seen {
        let identities = self.environment.as_ref().map(identities).unwrap_or_default();
        Seen { codes: self.codes.clone(), identities }
    }

    /// Makes a call. Where the sandbox may take only so many in a second, it is made again until it is let through: how
    /// fast this machine is says nothing about the scenario.
    pub(super) async fn call(&self, call: Call) -> Result<Answer, Trouble> {
        loop {
            let answer = self.call_once(&call).await?;
            match answer.retry_after {
                Some(wait) if !self.takes_too_many => come_again(wait).await,
                Some(_) | None => return Ok(answer),
            }
        }
    }

    async fn call_once(&self, call: &Call) -> Result<Answer, Trouble> {
        let mut request =
            self.client.request(call.method.clone(), call.url.clone()).header(header::ACCEPT, call.accept);
        let is_control = call.url.path().starts_with("/sim/v1/") && call.url.origin() == self.base.origin();
        if let Some(token) = call.bearer.as_deref().or_else(|| self.key.filter(|_| is_control)) {
            request = request.bearer_auth(token);
        }
        if let Some((name, value)) = &call.header {
            request = request.header(*name, value);
        }
        request = match &call.body {
            Body::Nothing => request,
            Body::Json(json) => request.json(json),
            Body::Form(fields) => request.form(fields),
        };
        let unreachable = |error: reqwest::Error| Trouble::Broken {
            message: format!("no answer from {}: {}", call.url, cause(&error)),
            fix: "make sure that the server runs and can be reached".to_owned(),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let named = |name: &str| response.headers().get(name).and_then(|to| to.to_str().ok()).map(str::to_owned);
        let (location, operation_location) = (named("location"), named("operation-location"));
        let seconds = named("retry-after").filter(|_| status == TOO_MANY_REQUESTS);
        let retry_after = seconds.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let text = response.text().await.map_err(unreachable)?;
        let body = if text.is_empty() {
            Json::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|_| Json::String(text))
        };
        Ok(Answer { status, location, operation_location, retry_after, body })
    }

    /// An address of the control API.
    pub(super) fn control_url(&self, path: &str) -> Result<Url, Trouble> {
        self.url(&format!("{}/sim/v1{path}", self.base.as_str().trim_end_matches('/')))
    }

    /// An address of this sandbox in the control API.
    pub(super) fn sandbox_url(&self, path: &str) -> Result<Url, Trouble> {
        self.control_url(&format!("/sandboxes/{}{path}", self.sandbox))
    }

    pub(super) fn url(&self, text: &str) -> Result<Url, Trouble> {
        Url::parse(text).or_else(|_| self.base.join(text)).map_err(|error| Trouble::Broken {
            message: format!("`{text}` is not an address: {error}"),
            fix: "look at the landing page in the offer's fixture".to_owned(),
        })
    }

    /// GET of something in this sandbox.
    pub(super) async fn look(&self, path: &str) -> Result<Json, Trouble> {
        self.call(Call::new(Method::GET, self.sandbox_url(path)?)).await?.accepted()
    }

    /// POST of something to this sandbox.
    pub(super) async fn post(&self, path: &str, body: Json) -> Result<Json, Trouble> {
        self.call(Call::new(Method::POST, self.sandbox_url(path)?).json(body)).await?.accepted()
    }

    /// Creates the sandbox afresh, its clock standing at `start`.
    pub(super) async fn set(&self, seed: u64, start: &str) -> Result<(), Trouble> {
        self.strike().await?;
        // Nobody but the runner runs what is due: otherwise the publisher's work would race with the next step.
        let body = json!({"name": self.sandbox, "seed": seed, "frozenAt": start, "timers": "manual"});
        self.call(Call::new(Method::POST, self.control_url("/sandboxes")?).json(body)).await?.accepted()?;
        Ok(())
    }

    /// Deletes the sandbox, if it is there.
    pub(super) async fn strike(&self) -> Result<(), Trouble> {
        let answer = self.call(Call::new(Method::DELETE, self.sandbox_url("")?)).await?;
        if answer.status == 404 { Ok(()) } else { answer.accepted().map(drop) }
    }

    /// Runs everything that is due now, and waits for what that causes.
    pub(super) async fn settle(&self) -> Result<(), Trouble> {
        self.post("/clock/advance", json!({"by": "PT0S"})).await.map(drop)
    }

    /// Called whenever sandbox time may have moved.
    pub(super) fn clock_moved(&mut self) {
        self.tokens.clear();
    }

    /// The whole subscription, as the simulator sees it.
    pub(super) async fn subscription(&mut self, id: &str) -> Result<(SubscriptionView, Json), Trouble> {
        let body = self.look(&format!("/subscriptions/{}", super::codes::encoded(id))).await?;
        let view: SubscriptionView = read(&body)?;
        self.saw_code(&view.link.authorization_code);
        Ok((view, body))
    }

    /// A code came by.
    pub(super) fn saw_code(&mut self, code: &str) {
        if !code.is_empty() && !self.codes.iter().any(|seen| seen == code) {
            self.codes.push(code.to_owned());
        }
    }

    /// What the apps of this sandbox need to know.
    pub(super) async fn environment(&mut self) -> Result<Environment, Trouble> {
        if let Some(known) = &self.environment {
            return Ok(known.clone());
        }
        let environment: Environment = read(&self.look("/environment").await?)?;
        self.environment = Some(environment.clone());
        Ok(environment)
    }

    /// A publisher's access token.
    pub(super) async fn token(&mut self, publisher: &str) -> Result<String, Trouble> {
        if let Some(token) = self.tokens.get(publisher) {
            return Ok(token.clone());
        }
        let environment = self.environment().await?;
        let app = app_of(&environment, publisher)?;
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", app.client_id.clone()),
            ("client_secret", app.client_secret.clone()),
            ("scope", format!("{}/.default", environment.resource)),
        ];
        let token = self.granted(&app.token_endpoint, form).await?;
        self.tokens.insert(publisher.to_owned(), token.clone());
        Ok(token)
    }

    /// A partner's access token for Partner Center: of its app alone, or for the one of a role who has signed in.
    pub(super) async fn partner_token(&mut self, partner: &str, role: Option<&str>) -> Result<String, Trouble> {
        let key = format!("{partner} {}", role.unwrap_or_default());
        if let Some(token) = self.tokens.get(&key) {
            return Ok(token.clone());
        }
        let environment = self.environment().await?;
        let known = environment.partners.iter().map(|app| app.partner.as_str());
        let app = environment.partners.iter().find(|app| app.partner == partner);
        let app = app.ok_or_else(|| unknown("partner", partner, known))?;
        let grant = match role {
            None => vec![("grant_type", "client_credentials".to_owned())],
            Some(role) => self.signed_in(app, role).await?,
        };
        let form = [
            ("client_id", app.client_id.clone()),
            ("client_secret", app.client_secret.clone()),
            ("resource", environment.partner_center_resource.clone()),
        ];
        let token = self.granted(&app.token_endpoint, form.into_iter().chain(grant)).await?;
        self.tokens.insert(key, token.clone());
        Ok(token)
    }

    /// Signs the partner's person of a role in, as a browser does; tells what its app shows for a token.
    async fn signed_in(&self, app: &PartnerEnvironment, role: &str) -> Result<Vec<(&'static str, String)>, Trouble> {
        const BACK: &str = "http://localhost/signed-in";
        let known = app.users.iter().map(|user| user.role.as_str());
        let user = app.users.iter().find(|user| user.role == role);
        let user = user.ok_or_else(|| unknown("role", role, known))?;
        let form = [
            ("client_id", app.client_id.as_str()),
            ("redirect_uri", BACK),
            ("response_type", "code"),
            ("response_mode", "query"),
            ("user", &user.object_id),
        ];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let url = self.url(&format!("/{}/oauth2/authorize", app.tenant_id))?;
        let origin = url.origin().ascii_serialization();
        let answer = self.call(Call::new(Method::POST, url).header("origin", origin).form(form)).await?;
        let location = answer.location.as_deref().and_then(|location| Url::parse(location).ok());
        let code = location.as_ref().and_then(|url| url.query_pairs().find(|(name, _)| name == "code"));
        let code = code.map(|(_, code)| code.into_owned()).ok_or_else(|| nonsense("the sign-in brings no code"))?;
        let grant = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", BACK)];
        Ok(grant.map(|(name, value)| (name, value.to_owned())).to_vec())
    }

    /// The access token that the identity grants for a form.
    async fn granted(
        &self,
        endpoint: &str,
        form: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<String, Trouble> {
        let form = form.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let body = self.call(Call::new(Method::POST, self.url(endpoint)?).form(form)).await?.accepted()?;
        let token = body.get("access_token").and_then(Json::as_str);
        token.map(str::to_owned).ok_or_else(|| nonsense("it has no access_token"))
    }

    /// An address of the fulfillment API, below `/saas/subscriptions`.
    pub(super) async fn fulfillment_url(&mut self, path: &str) -> Result<Url, Trouble> {
        self.marketplace_url(&format!("/saas/subscriptions{path}")).await
    }

    /// An address of Partner Center's API, below `/v1`.
    pub(super) async fn partner_center_url(&mut self, path: &str) -> Result<Url, Trouble> {
        let environment = self.environment().await?;
        self.url(&format!("{}/v1{path}", environment.partner_center_api.trim_end_matches('/')))
    }

    /// An address of the marketplace's APIs.
    pub(super) async fn marketplace_url(&mut self, path: &str) -> Result<Url, Trouble> {
        let environment = self.environment().await?;
        let api = environment.marketplace_api.trim_end_matches('/');
        self.url(&format!("{api}{path}?api-version={}", environment.api_version))
    }
}

/// The identities in an environment that follow from the sandbox's name, and what a report calls them. A run has its own name,
/// and its report is that of every other run all the same.
fn identities(environment: &Environment) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut add = |what: &str, of: &str, id: &str| found.push((id.to_owned(), format!("{{{what} of {of}}}")));
    for app in &environment.publishers {
        add("tenant", &app.publisher, &app.tenant_id);
        add("client", &app.publisher, &app.client_id);
    }
    for app in &environment.partners {
        add("tenant", &app.partner, &app.tenant_id);
        add("client", &app.partner, &app.client_id);
        for user in &app.users {
            add("user", &user.email, &user.object_id);
        }
        for customer in &app.customers {
            add("tenant", &customer.customer, &customer.tenant_id);
        }
    }
    found
}

/// Waits as long as a server says that was called too often.
#[expect(clippy::disallowed_methods, reason = "how often somebody may call is counted on the machine's clock")]
async fn come_again(wait: Duration) {
    tokio::time::sleep(wait).await;
}

fn app_of<'e>(environment: &'e Environment, publisher: &str) -> Result<&'e PublisherEnvironment, Trouble> {
    let known = environment.publishers.iter().map(|app| app.publisher.as_str());
    let app = environment.publishers.iter().find(|app| app.publisher == publisher);
    app.ok_or_else(|| unknown("publisher", publisher, known))
}

/// There is nobody of that name; perhaps one of these was meant.
fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Trouble {
    Trouble::Broken {
        message: format!("there is no {what} `{name}`"),
        fix: crate::diagnostic::advise(name, known).unwrap_or_else(|| "look at the fixtures".to_owned()),
    }
}

/// An answer in the shape that it has to have.
pub(super) fn read<T: serde::de::DeserializeOwned>(body: &Json) -> Result<T, Trouble> {
    T::deserialize(body).map_err(|error| nonsense(&error.to_string()))
}

pub(super) fn nonsense(why: &str) -> Trouble {
    Trouble::Broken {
        message: format!("the server's answer can't be understood: {why}"),
        fix: "make sure that the server is Rehearsal, of the same version".to_owned(),
    }
}

/// The innermost reason: the outer ones repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
