//! A host in memory, and a marketplace over real HTTP on a port of its own.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Form, Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{
    StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use serde_json::{Value, json};

use crate::{
    domain::{
        catalogue::{ProvisioningStep, WebhookManner},
        ids::{PublisherId, SandboxId},
        setup_form::{FieldKind, FormField, SetupForm},
        time::Timestamp,
    },
    publisher::{
        Publisher, PublisherOptions,
        answers::Typed,
        host::{
            Change, Host, HostError, LandingSignIn, Note, Outcome, Pace, Product, Record, Site, StepAttempt, Worker,
        },
        landing::Visit,
    },
    store::{Expectation, Version},
};

pub(crate) const SUBSCRIPTION: &str = "0e1d2c3b-4a59-0877-8695-a4b3c2d1e0f9";
/// Has all that goes wrong on the way: `+`, `/`, `=`.
pub(crate) const CODE: &str = "aB+c/d12==";

/// The host's memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) records: BTreeMap<String, (Version, Vec<u8>)>,
    pub(crate) notes: Vec<Note>,
    pub(crate) work: BTreeMap<String, Timestamp>,
    pub(crate) now_millis: i64,
    pub(crate) pace: Pace,
    pub(crate) faults: BTreeMap<ProvisioningStep, u32>,
    pub(crate) sites: Vec<Site>,
    /// Commits until the machine is killed: from then on none succeeds.
    pub(crate) commits_left: Option<u32>,
    /// Counts the commits.
    pub(crate) commits: tokio::sync::watch::Sender<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct MemoryHost(Mutex<Memory>);

impl MemoryHost {
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap()
    }
}

impl Host for MemoryHost {
    fn sites<'a>(&'a self, sandbox: &'a SandboxId) -> BoxFuture<'a, Result<Vec<Site>, HostError>> {
        Box::pin(async move {
            if *sandbox != SandboxId::default_sandbox() {
                return Err(HostError::UnknownSandbox(sandbox.clone()));
            }
            Ok(self.memory().sites.clone())
        })
    }

    fn now<'a>(&'a self, _: &'a SandboxId) -> BoxFuture<'a, Result<Timestamp, HostError>> {
        Box::pin(async move { Ok(Timestamp::from_millis(self.memory().now_millis)) })
    }

    fn pace<'a>(&'a self, _: &'a SandboxId) -> BoxFuture<'a, Result<Pace, HostError>> {
        Box::pin(async move { Ok(self.memory().pace) })
    }

    fn changes<'a>(&'a self, _: &'a SandboxId) -> BoxFuture<'a, Result<BoxStream<'static, ()>, HostError>> {
        let commits = self.memory().commits.subscribe();
        let each = stream::unfold(commits, async |mut commits| commits.changed().await.ok().map(|()| ((), commits)));
        Box::pin(async { Ok(each.boxed()) })
    }

    fn read<'a>(&'a self, _: &'a SandboxId, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, HostError>> {
        Box::pin(async move {
            let memory = self.memory();
            let found = memory.records.get(key);
            Ok(found.map(|(version, bytes)| Record { version: *version, bytes: bytes.as_slice().into() }))
        })
    }

    fn commit<'a>(&'a self, _: &'a SandboxId, change: Change) -> BoxFuture<'a, Result<(), HostError>> {
        Box::pin(async move {
            let mut memory = self.memory();
            if let Some(left) = &mut memory.commits_left {
                *left = left.checked_sub(1).ok_or_else(|| HostError::Failed("killed".into()))?;
            }
            for (key, expected, _) in &change.records {
                let found =
                    memory.records.get(key).map_or(Expectation::Absent, |(version, _)| Expectation::At(*version));
                if found != *expected {
                    return Err(HostError::Conflict);
                }
            }
            for (key, _, write) in change.records {
                let version = memory.records.get(&key).map_or(0, |(version, _)| version.0);
                match write.bytes() {
                    Some(bytes) => drop(memory.records.insert(key, (Version(version + 1), bytes.to_vec()))),
                    None => drop(memory.records.remove(&key)),
                }
            }
            memory.notes.extend(change.notes);
            for (name, due) in change.work {
                match due {
                    Some(due) => drop(memory.work.insert(name, due)),
                    None => drop(memory.work.remove(&name)),
                }
            }
            memory.commits.send_modify(|commits| *commits += 1);
            Ok(())
        })
    }

    fn webhook_manner<'a>(&'a self, _: &'a SandboxId) -> BoxFuture<'a, Result<WebhookManner, HostError>> {
        Box::pin(async move { Ok(WebhookManner::Accept) })
    }

    fn fails<'a>(&'a self, _: &'a SandboxId, attempt: StepAttempt<'a>) -> BoxFuture<'a, Result<bool, HostError>> {
        Box::pin(async move {
            let mut memory = self.memory();
            let Some(left) = memory.faults.get_mut(&attempt.step).filter(|left| **left > 0) else { return Ok(false) };
            *left -= 1;
            Ok(true)
        })
    }
}

/// What the marketplace remembers, and how it shall behave.
#[derive(Debug)]
pub(crate) struct Market {
    /// Every call: what, the bearer, the request id.
    pub(crate) calls: Vec<(String, String, String)>,
    pub(crate) status: &'static str,
    pub(crate) quantity: Value,
    /// Statuses of the next calls to activate; 200 when there is none.
    pub(crate) activate: VecDeque<u16>,
    /// Whether an activation that is answered with an error happens all the same.
    pub(crate) activates_despite_errors: bool,
    pub(crate) has_license_api: bool,
    pub(crate) licenses: Vec<u32>,
    pub(crate) activations: u32,
    pub(crate) tokens_issued: u32,
    /// Tokens up to this number are refused.
    pub(crate) tokens_expired: u32,
    /// Client ids that may see the purchase.
    pub(crate) owner: String,
    pub(crate) token_life: Value,
}

type Shared = Arc<Mutex<Market>>;

/// All of it together.
pub(crate) struct World {
    pub(crate) host: Arc<MemoryHost>,
    pub(crate) market: Shared,
    pub(crate) publisher: Arc<Publisher>,
    /// Where the marketplace is.
    pub(crate) base: String,
}

pub(crate) fn site(publisher: &str) -> Site {
    let field = |name: &str, label: &str, help: &str, required, kind| FormField {
        name: name.to_owned(),
        label: label.to_owned(),
        help: help.to_owned(),
        required,
        kind,
    };
    let regions = ["Europe", "North America", "Asia Pacific"].map(str::to_owned).to_vec();
    let fields = vec![
        field("company", "Company name", "", true, FieldKind::Text { min_length: 2, max_length: 60 }),
        field("contactEmail", "Contact e-mail", "We write here when the account is ready.", true, FieldKind::Email),
        field(
            "region",
            "Data region",
            "Where your data is kept. It can't be changed later.",
            true,
            FieldKind::Choice { options: regions },
        ),
        field("domain", "Company domain", "", false, FieldKind::Domain),
        field(
            "users",
            "Users who get a seat",
            "The rest of the seats wait in a pool.",
            false,
            FieldKind::Users { max_users: 50 },
        ),
    ];
    Site {
        sandbox: SandboxId::default_sandbox(),
        installation: "1".to_owned(),
        publisher: publisher.parse().unwrap(),
        name: if publisher == "contoso" { "Contoso".to_owned() } else { "Northwind Traders".to_owned() },
        tenant_id: format!("{publisher}-tenant"),
        client_id: format!("{publisher}-client"),
        client_secret: format!("{publisher}-secret"),
        landing_sign_in: LandingSignIn::Nobody,
        products: vec![Product {
            offer: format!("{publisher}-crm"),
            name: if publisher == "contoso" { "Contoso CRM".to_owned() } else { "Northwind Insights".to_owned() },
            plans: vec![("team".to_owned(), "Team".to_owned())],
            setup_form: SetupForm { fields },
        }],
    }
}

impl World {
    /// Two publishers, Northwind first; the purchase is Contoso's: five seats, pending.
    pub(crate) async fn new() -> Self {
        let market = Arc::new(Mutex::new(Market {
            calls: Vec::new(),
            status: "PendingFulfillmentStart",
            quantity: json!(5),
            activate: VecDeque::new(),
            activates_despite_errors: false,
            has_license_api: true,
            licenses: Vec::new(),
            activations: 0,
            tokens_issued: 0,
            tokens_expired: 0,
            owner: "contoso-client".to_owned(),
            token_life: json!(3599),
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = marketplace(Arc::clone(&market));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let host = Arc::new(MemoryHost::default());
        host.memory().now_millis = 1_767_225_600_000;
        host.memory().sites = vec![site("northwind"), site("contoso")];
        let publisher = Self::publisher_at(&host, &base);
        Self { host, market, publisher, base }
    }

    pub(crate) fn publisher_at(host: &Arc<MemoryHost>, base: &str) -> Arc<Publisher> {
        let options = PublisherOptions {
            marketplace: format!("{base}/api").parse().unwrap(),
            authority: base.parse().unwrap(),
            sign_in: base.parse().unwrap(),
            public_base: "http://rehearsal.example:7070/".parse().unwrap(),
            trusted: None,
        };
        Arc::new(Publisher::new(Arc::clone(host) as Arc<dyn Host>, &options).unwrap())
    }

    /// The same store and marketplace, with another process at work.
    pub(crate) fn beside(&self, base: &str) -> Self {
        Self {
            host: Arc::clone(&self.host),
            market: Arc::clone(&self.market),
            publisher: Self::publisher_at(&self.host, base),
            base: base.to_owned(),
        }
    }

    pub(crate) fn market(&self) -> MutexGuard<'_, Market> {
        self.market.lock().unwrap()
    }

    /// The calls so far, without bearers and ids.
    pub(crate) fn called(&self) -> Vec<String> {
        self.market().calls.iter().map(|(what, ..)| what.clone()).collect()
    }

    /// Runs one due piece of work, moving the clock to it. False when there is none.
    pub(crate) async fn run_next(&self) -> bool {
        let next = {
            let mut memory = self.host.memory();
            let next = memory.work.iter().min_by_key(|(_, due)| **due).map(|(name, due)| (name.clone(), *due));
            if let Some((_, due)) = &next {
                memory.now_millis = memory.now_millis.max(due.as_millis());
            }
            next
        };
        let Some((name, _)) = next else { return false };
        self.publisher.run(&SandboxId::default_sandbox(), &name).await;
        true
    }

    pub(crate) async fn run_all(&self) {
        for _ in 0..100 {
            if !self.run_next().await {
                return;
            }
        }
        panic!("work does not end");
    }

    /// The journal: step, outcome, attempt.
    pub(crate) fn story(&self) -> Vec<(String, Outcome, u32)> {
        self.host.memory().notes.iter().map(|note| (note.step.clone(), note.outcome, note.attempt)).collect()
    }
}

pub(crate) fn visit(site: Option<&str>, token: Option<&str>) -> Visit {
    Visit {
        sandbox: SandboxId::default_sandbox(),
        site: site.map(|site| site.parse::<PublisherId>().unwrap()),
        token: token.map(str::to_owned),
        sign_in: false,
    }
}

pub(crate) fn typed() -> Typed {
    [
        ("company", "Fabrikam"),
        ("contactEmail", "kim@fabrikam.example"),
        ("region", "Europe"),
        ("users", "kim@fabrikam.example, lee@fabrikam.example"),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .into()
}

fn marketplace(market: Shared) -> Router {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .route("/api/saas/subscriptions/resolve", post(resolve))
        .route("/api/saas/subscriptions/{id}", get(subscription))
        .route("/api/saas/subscriptions/{id}/activate", post(activate))
        .route("/sim/v1/subscriptions/{id}/licenses", post(licenses))
        .with_state(market)
}

async fn token(
    State(market): State<Shared>,
    Path(tenant): Path<String>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let mut market = market.lock().unwrap();
    let client = &form["client_id"];
    market.calls.push((format!("token {client}"), String::new(), String::new()));
    let publisher = client.trim_end_matches("-client");
    let is_right = tenant == format!("{publisher}-tenant")
        && form["client_secret"] == format!("{publisher}-secret")
        && form["scope"] == "20e940b3-4c77-4b0b-9a53-9e16a1b010a7/.default"
        && form["grant_type"] == "client_credentials";
    if !is_right {
        let body = json!({"error": "invalid_client", "error_description": "AADSTS7000222: The provided client secret keys for app are expired."});
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    market.tokens_issued += 1;
    let token = format!("{client}.{}", market.tokens_issued);
    Json(json!({"token_type": "Bearer", "expires_in": market.token_life, "access_token": token})).into_response()
}

/// Notes a call, and refuses it unless its token is good and the purchase is the caller's.
#[expect(clippy::result_large_err, reason = "a test's refusal")]
fn admit(market: &mut Market, what: &str, headers: &HeaderMap) -> Result<(), Response> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let bearer = text("authorization").trim_start_matches("Bearer ").to_owned();
    market.calls.push((what.to_owned(), bearer.clone(), text("x-ms-requestid")));
    assert!(!text("x-ms-correlationid").is_empty());
    let (client, number) = bearer.rsplit_once('.').unwrap();
    let is_good = number.parse::<u32>().unwrap() > market.tokens_expired && client == market.owner;
    if is_good {
        Ok(())
    } else {
        Err((StatusCode::FORBIDDEN, Json("The authorization token is invalid")).into_response())
    }
}

fn subscription_body(market: &Market) -> Value {
    let person = |email: &str| json!({"emailId": email, "objectId": "o", "tenantId": "t", "puid": "1003200000000001"});
    json!({
        "id": SUBSCRIPTION, "publisherId": "contoso", "offerId": "contoso-crm-preview", "name": "CRM for Fabrikam",
        "saasSubscriptionStatus": market.status, "beneficiary": person("kim@fabrikam.example"),
        "purchaser": person("pat@partner.example"), "planId": "team", "term": {"termUnit": "P1M"},
        "quantity": market.quantity, "somethingNew": {"a": [1]},
    })
}

async fn resolve(State(market): State<Shared>, headers: HeaderMap) -> Response {
    let mut market = market.lock().unwrap();
    if let Err(refusal) = admit(&mut market, "resolve", &headers) {
        return refusal;
    }
    if headers["x-ms-marketplace-token"] != CODE {
        let body = json!({"code": "InvalidValue", "message": "Failed to decrypt token", "target": "token"});
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    Json(json!({"id": SUBSCRIPTION, "planId": "team", "subscription": subscription_body(&market)})).into_response()
}

async fn subscription(State(market): State<Shared>, headers: HeaderMap) -> Response {
    let mut market = market.lock().unwrap();
    if let Err(refusal) = admit(&mut market, "get", &headers) {
        return refusal;
    }
    Json(subscription_body(&market)).into_response()
}

async fn activate(State(market): State<Shared>, headers: HeaderMap) -> Response {
    let mut market = market.lock().unwrap();
    if let Err(refusal) = admit(&mut market, "activate", &headers) {
        return refusal;
    }
    let status = market.activate.pop_front().unwrap_or(200);
    if status == 200 || market.activates_despite_errors {
        market.activations += 1;
        market.status = "Subscribed";
    }
    StatusCode::from_u16(status).unwrap().into_response()
}

async fn licenses(State(market): State<Shared>, headers: HeaderMap, Json(report): Json<Value>) -> Response {
    let mut market = market.lock().unwrap();
    if !market.has_license_api {
        return (StatusCode::NOT_FOUND, Json(json!({"code": "NotFound", "message": "no such path"}))).into_response();
    }
    if let Err(refusal) = admit(&mut market, "licenses", &headers) {
        return refusal;
    }
    market.licenses.push(u32::try_from(report["assigned"].as_u64().unwrap()).unwrap());
    StatusCode::NO_CONTENT.into_response()
}
