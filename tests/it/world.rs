//! A running server, and those who call it over real HTTP: the buyer, the publishers, the operator.
//!
//! They act in a sandbox of their own, whose clock stands still and whose timers run only when it is advanced.

use rehearsal::{
    app::{Changes, RecordedCall},
    cli::wiring::{Server, ServerOptions},
    store::{DatabaseUrl, Direction, Key, KeyRange},
};
use reqwest::{Client, Method, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

use crate::{postgres::Database, together::RoundRobin};

/// The sandbox that the world's people act in, and the time that it starts at.
pub(crate) const SANDBOX: &str = "stage";
pub(crate) const START: &str = "2026-01-01T09:00:00Z";

/// What every call of the fulfillment API says.
pub(crate) const VERSION: &str = "api-version=2018-08-31";

/// A server on a free port, with everything in memory.
pub(crate) struct World {
    pub(crate) base_url: String,
    pub(crate) http: Client,
    server: Server,
    /// Further servers on the same database, behind a balancer.
    more: Vec<Server>,
    /// Go when the world does.
    _behind: Option<(Database, Option<RoundRobin>)>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// Who buys for customers.
pub(crate) struct Buyer<'a>(&'a World);

/// Who steers a sandbox and looks at what happened in it.
pub(crate) struct Operator<'a> {
    world: &'a World,
    sandbox: String,
}

/// An ISV's own program, with an access token.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    base_url: String,
    pub(crate) http: Client,
    pub(crate) token: String,
    /// What the program was configured with: an entry of the sandbox's environment.
    pub(crate) environment: Value,
}

impl World {
    pub(crate) async fn start() -> Self {
        let world = Self::start_with(ServerOptions::default()).await;
        world.create_sandbox(SANDBOX).await;
        world
    }

    pub(crate) async fn start_with(options: ServerOptions) -> Self {
        if options.data.is_some() || options.database.is_some() {
            return Self::of(Server::start(options).await.unwrap());
        }
        match engine().as_deref() {
            Ok("postgres") => {
                let database = Database::new().await;
                let database_url = Some(DatabaseUrl::new(&database.url()));
                let server = Server::start(ServerOptions { database: database_url, ..options }).await.unwrap();
                Self { _behind: Some((database, None)), ..Self::of(server) }
            }
            Ok("together") => Self::together(options).await,
            Ok(other) => panic!("TEST_ENGINE may be postgres or together, not {other}"),
            Err(_) => Self::of(Server::start(options).await.unwrap()),
        }
    }

    fn of(server: Server) -> Self {
        Self { base_url: server.base_url.clone(), http: client(), server, more: Vec::new(), _behind: None }
    }

    /// Three servers on one database, each of which gets every third connection.
    pub(crate) async fn together(options: ServerOptions) -> Self {
        let (database, balancer) = (Database::new().await, RoundRobin::listen().await);
        let mut servers = Vec::new();
        for _ in 0..3 {
            let options = ServerOptions {
                database: Some(DatabaseUrl::new(&database.url())),
                public_url: Some(balancer.base_url.parse().unwrap()),
                ..options.clone()
            };
            servers.push(Server::start(options).await.unwrap());
        }
        balancer.serve(servers.iter().map(|server| server.address));
        let base_url = balancer.base_url.clone();
        let server = servers.remove(0);
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().pool_max_idle_per_host(0);
        Self { base_url, http: http.build().unwrap(), server, more: servers, _behind: Some((database, Some(balancer))) }
    }

    pub(crate) async fn create_sandbox(&self, name: &str) {
        let new = json!({ "name": name, "frozenAt": START, "timers": "manual" });
        self.control(Method::POST, "/sandboxes", Some(new)).await.expect(201);
    }

    /// Stops the server, as its owner does.
    pub(crate) async fn stop(self) {
        self.server.stop().await.unwrap();
        for server in self.more {
            server.stop().await.unwrap();
        }
    }

    /// Checks that a sandbox has as many documents as it counts. What is recorded behind an answer may still be on its way.
    pub(crate) async fn counts_its_documents(&self, sandbox: &str) {
        let app = &self.server.app;
        let (mut counted, mut there) = (0, 0);
        for _ in 0..500 {
            let sandbox = app.find_sandbox(&sandbox.parse().unwrap()).await.unwrap();
            let range = KeyRange::under(&Key::in_sandbox(sandbox.space()));
            counted = sandbox.documents();
            there = app.store().scan(&range, Direction::Ascending, usize::MAX).await.unwrap().len() as u64;
            if counted == there {
                return;
            }
        }
        panic!("{sandbox} has {there} documents and counts {counted}");
    }

    /// How many documents a sandbox has besides its journal.
    pub(crate) async fn documents_besides_the_journal(&self, sandbox: &str) -> usize {
        let app = &self.server.app;
        let sandbox = app.find_sandbox(&sandbox.parse().unwrap()).await.unwrap();
        let root = Key::in_sandbox(sandbox.space());
        let journal = root.clone().text("journal");
        let all = app.store().scan(&KeyRange::under(&root), Direction::Ascending, usize::MAX).await.unwrap();
        all.iter().filter(|(key, _)| journal.rest_of(key).is_none()).count()
    }

    /// Submits the set-up form for a purchase of Contoso CRM, at the stand-in publisher's; gives the key of the account's
    /// page.
    pub(crate) async fn sets_up(&self, bought: &Value) -> String {
        let code = code(bought);
        let form = [
            ("token", code.as_str()),
            ("site", "contoso"),
            ("sandbox", SANDBOX),
            ("field.companyName", "Northwind"),
            ("field.contactEmail", "nora@northwind.example"),
            ("field.region", "Europe"),
            ("field.users", "nora@northwind.example"),
        ];
        let submit = self.request(Method::POST, "/publisher/landing").header("accept", "application/json");
        text(&send(submit.form(&form)).await.expect(201), "account")
    }

    /// Tells of each commit in a sandbox from now on.
    pub(crate) fn changes(&self, sandbox: &str) -> Changes {
        self.server.app.sandbox(&sandbox.parse().unwrap()).unwrap().changes()
    }

    /// A request to a path of this server.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base_url))
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    /// A call of the control API.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let request = self.request(method, &format!("/sim/v1{path}"));
        send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    pub(crate) fn buyer(&self) -> Buyer<'_> {
        Buyer(self)
    }

    pub(crate) fn operator(&self) -> Operator<'_> {
        self.operator_of(SANDBOX)
    }

    pub(crate) fn operator_of(&self, sandbox: &str) -> Operator<'_> {
        Operator { world: self, sandbox: sandbox.to_owned() }
    }

    /// A publisher of the world's sandbox, with a token that is valid now.
    pub(crate) async fn publisher(&self, id: &str) -> Publisher {
        self.publisher_in(SANDBOX, id).await
    }

    pub(crate) async fn publisher_in(&self, sandbox: &str, id: &str) -> Publisher {
        let environment = self.environment(sandbox, id).await;
        let reply = send(self.http.post(text(&environment, "tokenEndpoint")).form(&token_form(&environment))).await;
        let token = text(&reply.expect(200), "access_token");
        Publisher { base_url: self.base_url.clone(), http: self.http.clone(), token, environment }
    }

    /// What a publisher's own program is configured with.
    pub(crate) async fn environment(&self, sandbox: &str, publisher: &str) -> Value {
        let environment = self.get(&format!("/sim/v1/sandboxes/{sandbox}/environment")).await.expect(200);
        let found = environment["publishers"].as_array().unwrap().iter().find(|one| one["publisher"] == publisher);
        found.unwrap().clone()
    }
}

/// The form that a publisher gets a v2 token for.
pub(crate) fn token_form(environment: &Value) -> Vec<(&'static str, String)> {
    vec![
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", text(environment, "clientId")),
        ("client_secret", text(environment, "clientSecret")),
        ("scope", "20e940b3-4c77-4b0b-9a53-9e16a1b010a7/.default".to_owned()),
    ]
}

/// Where worlds keep what they have: in memory; or, if `TEST_ENGINE` is `postgres`, in a database of its own each; or, if
/// it is `together`, in a database that three servers share.
#[expect(clippy::disallowed_methods, reason = "tests take this one switch from the environment")]
fn engine() -> Result<String, std::env::VarError> {
    std::env::var("TEST_ENGINE")
}

pub(crate) fn client() -> Client {
    Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, text: response.text().await.unwrap() }
}

impl Reply {
    /// The body, of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The status, and what the text starts with.
    #[track_caller]
    pub(crate) fn expect_text(&self, status: u16, start: &str) {
        assert!(self.status == status && self.text.starts_with(start), "{}: {}", self.status, self.text);
    }

    /// The body; `null` if there is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Buyer<'_> {
    pub(crate) async fn tries(&self, order: Value) -> Reply {
        self.tries_in(SANDBOX, order).await
    }

    pub(crate) async fn tries_in(&self, sandbox: &str, order: Value) -> Reply {
        self.0.control(Method::POST, &format!("/sandboxes/{sandbox}/purchases"), Some(order)).await
    }

    /// Five seats of Contoso CRM, Team, for Northwind.
    pub(crate) async fn buys_seats(&self) -> Value {
        self.buys("northwind", "contoso-crm", "team", Some(5)).await
    }

    /// The flat rate of Contoso Mail Relay, Growth, for Northwind.
    pub(crate) async fn buys_flat_rate(&self) -> Value {
        self.buys("northwind", "contoso-mail", "growth", None).await
    }

    pub(crate) async fn buys(&self, customer: &str, offer: &str, plan: &str, quantity: Option<u32>) -> Value {
        self.buys_in(SANDBOX, customer, offer, plan, quantity).await
    }

    pub(crate) async fn buys_in(
        &self,
        sandbox: &str,
        customer: &str,
        offer: &str,
        plan: &str,
        quantity: Option<u32>,
    ) -> Value {
        let mut order = json!({ "customer": customer, "offer": offer, "plan": plan });
        if let Some(quantity) = quantity {
            order["quantity"] = quantity.into();
        }
        self.tries_in(sandbox, order).await.expect(201)
    }
}

impl Operator<'_> {
    pub(crate) async fn subscription(&self, id: &str) -> Value {
        self.get(&format!("subscriptions/{id}")).await.expect(200)
    }

    /// Entries of the journal, as a query picks them.
    pub(crate) async fn journal(&self, query: &str) -> Vec<Value> {
        let page = self.get(&format!("journal?{query}")).await.expect(200);
        page["entries"].as_array().unwrap().clone()
    }

    pub(crate) async fn advances(&self, by: &str) -> Value {
        self.post("clock/advance", json!({ "by": by })).await.expect(200)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.world.control(Method::GET, &format!("/sandboxes/{}/{path}", self.sandbox), None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.world.control(Method::POST, &format!("/sandboxes/{}/{path}", self.sandbox), Some(body)).await
    }
}

impl Publisher {
    /// A call of the fulfillment API: the path as it stands in Microsoft's documentation, behind `/api/saas`.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.raw(method, &format!("/api/saas{path}?{VERSION}"))
    }

    /// A call with the publisher's token, of any path and query.
    pub(crate) fn raw(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base_url) };
        self.http.request(method, url).bearer_auth(&self.token)
    }

    /// The same program with another token.
    pub(crate) fn with_token(&self, token: String) -> Self {
        Self { token, ..self.clone() }
    }

    pub(crate) async fn resolve(&self, code: &str) -> Reply {
        send(self.request(Method::POST, "/subscriptions/resolve").header("x-ms-marketplace-token", code)).await
    }

    pub(crate) async fn activate(&self, id: &str) -> Reply {
        send(self.request(Method::POST, &format!("/subscriptions/{id}/activate"))).await
    }

    pub(crate) async fn get(&self, id: &str) -> Reply {
        send(self.request(Method::GET, &format!("/subscriptions/{id}"))).await
    }

    pub(crate) async fn lists(&self) -> Reply {
        send(self.request(Method::GET, "/subscriptions")).await
    }

    /// Reports that licences are assigned.
    pub(crate) async fn reports(&self, id: &str, assigned: u32) -> Reply {
        let request = self.raw(Method::POST, &format!("/sim/v1/subscriptions/{id}/licenses"));
        send(request.json(&json!({ "assigned": assigned }))).await
    }
}

/// A field that is a text.
#[track_caller]
pub(crate) fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no text {field} in {value}")).to_owned()
}

/// The authorization code of a purchase.
#[track_caller]
pub(crate) fn code(bought: &Value) -> String {
    text(&bought["link"], "authorizationCode")
}

/// For what is asked of a sandbox without a call that the journal could tell of.
pub(crate) fn uncalled<A: Clone>(outcome: &A) -> (A, Option<RecordedCall>) {
    (outcome.clone(), None)
}

/// A text in which every GUID is `<guid>` and every PUID `<puid>`: what differs, out of the way of comparing the rest.
pub(crate) fn masked(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_guid = rest.get(..36).is_some_and(|part| part.parse::<uuid::Uuid>().is_ok());
        let is_puid = masked.ends_with("\"puid\":\"");
        let (shown, length) = match (is_guid, is_puid) {
            (true, _) => ("<guid>".to_owned(), 36),
            (false, true) => ("<puid>".to_owned(), rest.find('"').unwrap()),
            (false, false) => (first.to_string(), first.len_utf8()),
        };
        masked.push_str(&shown);
        rest = &rest[length..];
    }
    masked
}
