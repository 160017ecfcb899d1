//! Three servers on one PostgreSQL behind a round-robin. Servers are killed, the database is restarted, connections are cut,
//! while many clients buy, confirm, change and advance the clock. At the end an auditor that knows only what the callers were told
//! finds nothing lost, nothing doubled, every delivery made, every ledger right.
//!
//! Moments are counted in answers, not in seconds. `CHAOS_TEST_EVENTS` makes it longer, `CHAOS_TEST_SEED` picks other moments.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::RoundRobin;
use crate::{
    kill::Process,
    own_webhook::Webhook,
    postgres::Database,
    world::{SANDBOX, START, VERSION, text, token_form},
};

const CLIENTS: usize = 6;
const EVENTS: usize = 7;
const SEED: u64 = 20_261_123;

/// What happens to the servers.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// SIGKILL for one of them, and another one in its place.
    Killed(usize),
    /// The database crashes, and starts again.
    DatabaseRestarted,
    /// The database ends all connections.
    ConnectionsCut,
}

/// Everything runs behind this one address.
struct Stage {
    base: String,
    http: Client,
    token: String,
    answers: Semaphore,
    is_over: AtomicBool,
    told: Mutex<Told>,
}

/// What the callers were told.
#[derive(Default)]
struct Told {
    bought: BTreeSet<String>,
    reported: BTreeSet<String>,
    activated: BTreeSet<String>,
    /// Operations that were accepted, and their subscriptions.
    changes: BTreeMap<String, String>,
    /// What each client bought, in the order in which it was told so.
    in_order: BTreeMap<usize, Vec<String>>,
    /// Where the clock is.
    now: String,
    /// Calls that got no answer, or 503: nobody knows what became of them.
    unknown: u32,
}

impl Stage {
    fn control(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/sim/v1/sandboxes/{SANDBOX}/{path}", self.base))
    }

    fn publisher(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    /// What a call is answered with; `None` if nobody knows.
    async fn ask(&self, request: RequestBuilder) -> Option<(u16, Value)> {
        let answer = async {
            let response = request.send().await.ok()?;
            let status = response.status().as_u16();
            let body = response.text().await.ok()?;
            Some((status, serde_json::from_str(&body).unwrap_or(Value::String(body))))
        };
        match answer.await {
            Some((500.., _)) | None => {
                self.told().unknown += 1;
                None
            }
            known => {
                self.answers.add_permits(1);
                known
            }
        }
    }

    /// Asks until there is an answer: of calls that may be repeated.
    #[expect(
        clippy::disallowed_methods,
        reason = "callers that hammer would take the machine from who is to come back"
    )]
    async fn insist(&self, request: impl Fn() -> RequestBuilder) -> (u16, Value) {
        loop {
            if let Some(answer) = self.ask(request()).await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Buys, confirms both, asks for more seats; again and again.
    async fn trade(&self, number: usize) {
        while !self.is_over.load(Ordering::Relaxed) {
            let order = json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5 });
            let Some((status, bought)) = self.ask(self.control(Method::POST, "purchases").json(&order)).await else {
                continue;
            };
            assert_eq!(status, 201, "{bought}");
            let id = text(&bought, "id");
            {
                let mut told = self.told();
                told.bought.insert(id.clone());
                told.in_order.entry(number).or_default().push(id.clone());
            }
            let licenses = format!("/sim/v1/subscriptions/{id}/licenses");
            let reported =
                self.insist(|| self.publisher(Method::POST, &licenses).json(&json!({ "assigned": 5 }))).await;
            assert_eq!(reported.0, 200, "{reported:?}");
            self.told().reported.insert(id.clone());
            let activate = format!("/api/saas/subscriptions/{id}/activate?{VERSION}");
            let activated = self.insist(|| self.publisher(Method::POST, &activate)).await;
            assert_eq!(activated.0, 200, "{activated:?}");
            self.told().activated.insert(id.clone());
            let change =
                self.control(Method::POST, &format!("subscriptions/{id}/changes")).json(&json!({ "quantity": 7 }));
            if let Some((status, operation)) = self.ask(change).await {
                assert_eq!(status, 202, "{operation}");
                self.told().changes.insert(text(&operation, "id"), id);
            }
        }
    }

    /// Advances the clock step by step, wherever the call comes to; what was broken off is asked for again. A step is longer
    /// than a publisher has to turn a change down; all of them are shorter than a token lives.
    async fn pass_time(&self) {
        for step in 1..=320 {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            self.advance(step * 11).await;
        }
    }

    async fn advance(&self, seconds: i64) {
        let start: jiff::Timestamp = START.parse().unwrap();
        let to = (start + jiff::SignedDuration::from_secs(seconds)).to_string();
        let (status, advanced) =
            self.insist(|| self.control(Method::POST, "clock/advance").json(&json!({ "to": to }))).await;
        assert_eq!(status, 200, "{advanced}");
        self.told().now = to;
    }

    async fn read(&self, path: &str) -> Value {
        let (status, found) = self.insist(|| self.control(Method::GET, path)).await;
        assert_eq!(status, 200, "{found}");
        found
    }

    async fn journal(&self) -> Vec<Value> {
        let (mut entries, mut since) = (Vec::new(), Some(0));
        while let Some(after) = since {
            let page = self.read(&format!("journal?limit=1000&since={after}")).await;
            entries.extend(page["entries"].as_array().unwrap().iter().cloned());
            since = page["nextSince"].as_u64();
        }
        entries
    }
}

#[expect(clippy::disallowed_methods, reason = "a failure is played again, or looked for longer, by these")]
fn chosen<T: std::str::FromStr>(variable: &str, usual: T) -> T {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn start(database: &str, balancer: &RoundRobin, webhook: &Webhook) -> Process {
    let (public_url, webhook) = (balancer.base_url.as_str(), webhook.url());
    Process::start_on(database, &["--public-url", public_url, "--webhook", &webhook])
}

fn serve(balancer: &RoundRobin, servers: &[Process]) {
    balancer.serve(servers.iter().map(|server| server.listening.parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_nothing_is_lost_and_nothing_is_done_twice() {
    let (events, seed) = (chosen("CHAOS_TEST_EVENTS", EVENTS), chosen("CHAOS_TEST_SEED", SEED));
    let mut moments = ChaCha8Rng::seed_from_u64(seed);
    let (database, balancer, webhook) = (Database::alone().await, RoundRobin::listen().await, Webhook::listen().await);
    let url = database.url();
    let mut servers: Vec<Process> = (0..3).map(|_| start(&url, &balancer, &webhook)).collect();
    serve(&balancer, &servers);
    let stage = Arc::new(set_up(&balancer).await);
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let stage = Arc::clone(&stage);
            tokio::spawn(async move { stage.trade(number).await })
        })
        .collect();
    clients.push(tokio::spawn({
        let stage = Arc::clone(&stage);
        async move { stage.pass_time().await }
    }));

    for number in 0..events {
        let until = moments.random_range(30..90);
        let event = match moments.random_range(0..6) {
            0 => Event::DatabaseRestarted,
            1 => Event::ConnectionsCut,
            server => Event::Killed(server % 3),
        };
        println!("CHAOS_TEST_SEED={seed}, {number}: after {until} answers {event:?}");
        stage.answers.acquire_many(until).await.unwrap().forget();
        match event {
            Event::Killed(server) => {
                // What takes its place is there before it is missed.
                servers.push(start(&url, &balancer, &webhook));
                drop(servers.swap_remove(server));
                serve(&balancer, &servers);
            }
            Event::DatabaseRestarted => {
                database.server.stop();
                database.server.start_again();
            }
            Event::ConnectionsCut => {
                let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rehearsal'";
                database.run(cut).await;
            }
        }
    }
    stage.answers.acquire_many(60).await.unwrap().forget();
    stage.is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("no client was told anything wrong");
    }
    println!("the clients are done; what was begun comes to its end");
    stage.advance(20 * 24 * 3600).await;
    audit(&stage, &webhook).await;
    let told = stage.told();
    println!(
        "{} bought, {} changes, {} calls without an answer, {}",
        told.bought.len(),
        told.changes.len(),
        told.unknown,
        told.now
    );
}

async fn set_up(balancer: &RoundRobin) -> Stage {
    let http = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let stage = Stage {
        base: balancer.base_url.clone(),
        http,
        token: String::new(),
        answers: Semaphore::new(0),
        is_over: AtomicBool::new(false),
        told: Mutex::default(),
    };
    let new = json!({ "name": SANDBOX, "frozenAt": START, "delays": "none" });
    let made = stage.http.post(format!("{}/sim/v1/sandboxes", stage.base)).json(&new);
    assert_eq!(stage.ask(made).await.unwrap().0, 201);
    let environment = stage.read("environment").await;
    let app = environment["publishers"].as_array().unwrap().iter().find(|app| app["publisher"] == "contoso").unwrap();
    let token = stage.http.post(text(app, "tokenEndpoint")).form(&token_form(app));
    let token = text(&stage.ask(token).await.unwrap().1, "access_token");
    Stage { token, ..stage }
}

/// Finds nothing lost, doubled or half done, by what the callers were told.
async fn audit(stage: &Stage, webhook: &Webhook) {
    let entries = stage.journal().await;
    let mut facts: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
    let mut operations: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for (number, entry) in (1..).zip(&entries) {
        assert_eq!(entry["seq"], number, "the journal has no gaps");
        let kind = text(entry, "kind");
        let operation = entry["data"]["operation"].as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "operationRequested" => operations.entry(operation).or_default().0 += 1,
            "operationSucceeded" | "operationFailed" | "operationConflicted" => {
                operations.entry(operation).or_default().1 += 1
            }
            _ => {}
        }
        if let Some(id) = entry["subscription"].as_str() {
            facts.entry((id.to_owned(), kind)).or_default().push(number);
        }
    }
    let all = |id: &str, fact: &str| facts.get(&(id.to_owned(), fact.to_owned())).cloned().unwrap_or_default();
    let told = std::mem::take(&mut *stage.told());
    for (fact, promised) in [
        ("purchaseCreated", &told.bought),
        ("licensesAssigned", &told.reported),
        ("activated", &told.activated),
        ("billingStarted", &told.activated),
    ] {
        for id in promised {
            assert_eq!(all(id, fact).len(), 1, "{fact} of {id}");
        }
    }
    for bought in told.in_order.values() {
        let places = bought.iter().map(|id| all(id, "purchaseCreated")[0]);
        assert!(places.is_sorted(), "the journal keeps the order in which a client was answered");
    }
    for operation in told.changes.keys() {
        assert!(operations.contains_key(operation), "an accepted change is missing: {operation}");
    }
    for (operation, times) in &operations {
        assert_eq!(*times, (1, 1), "{operation} is asked for once and ends once");
    }
    let mut heard: BTreeMap<String, usize> = BTreeMap::new();
    for call in webhook.heard() {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        *heard.entry(text(&body, "id")).or_default() += 1;
    }
    for (id, _) in facts.keys().filter(|(_, fact)| fact == "purchaseCreated") {
        audit_subscription(stage, id, |fact| all(id, fact).len(), &heard).await;
    }
    let now = text(&stage.read("clock").await, "now");
    assert_eq!(now, told.now, "the clock is where the last advance was told to have brought it");
    *stage.told() = told;
}

/// State, ledger and deliveries of a subscription, beside how often each fact of it stands in the journal and how often the
/// webhook has heard of each operation.
async fn audit_subscription(stage: &Stage, id: &str, count: impl Fn(&str) -> usize, heard: &BTreeMap<String, usize>) {
    let view = stage.read(&format!("subscriptions/{id}")).await;
    let is_billed = count("activated") > 0 && count("licensesAssigned") > 0;
    assert_eq!(view["billing"]["started"], is_billed, "{view}");
    let changed = count("quantityChanged");
    assert_eq!(view["quantity"], if changed == 0 { 5 } else { 7 }, "{view}");
    // Everything happens on the first day of the first term: the fee, and, for a change, all of it back and the new one.
    let ledger = view["ledger"].as_array().unwrap();
    assert_eq!(ledger.len(), usize::from(is_billed) + 2 * changed, "{view}");
    assert_eq!(count("charged"), ledger.len(), "{view}");
    let cents = |line: &Value| text(&line["amount"], "amount").replace('.', "").parse::<i64>().unwrap();
    let seats = view["quantity"].as_i64().unwrap();
    assert_eq!(ledger.iter().map(cents).sum::<i64>(), if is_billed { seats * 24_50 } else { 0 }, "{view}");
    let deliveries = stage.read(&format!("subscriptions/{id}/deliveries")).await;
    let deliveries = deliveries["deliveries"].as_array().unwrap();
    assert_eq!(deliveries.len(), count("operationRequested"), "each operation is told of: {deliveries:?}");
    for delivery in deliveries {
        assert_eq!(delivery["state"], "delivered", "{delivery}");
        let times = heard.get(&text(delivery, "operation")).copied().unwrap_or_default();
        let attempts = delivery["attempts"].as_u64().unwrap();
        let is_repeated = delivery["latest"].as_array().unwrap().iter().any(|attempt| attempt["repeated"] == true);
        assert!(times as u64 >= attempts && times > 0, "heard {times} times: {delivery}");
        assert!(times as u64 == attempts || is_repeated, "heard {times} times, and nobody says so: {delivery}");
    }
}
