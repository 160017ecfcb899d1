//! The life of subscriptions over months of sandbox time: what each call refuses, and a year that is broken off by a kill
//! and gone on with.

use std::collections::{BTreeMap, BTreeSet};

use rehearsal::cli::wiring::ServerOptions;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    kill::Process,
    own_webhook::Webhook,
    world::{SANDBOX, World, client, send, text, token_form},
};

#[tokio::test]
async fn each_call_says_what_it_can_not_do() {
    let world = World::start().await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let path = |call: &str| format!("/sandboxes/stage/subscriptions/{id}/{call}");
    let call = async |method: Method, name: &str, body: Value| world.control(method, &path(name), Some(body)).await;
    for name in ["suspension", "reinstatement"] {
        let reply = call(Method::POST, name, json!({})).await;
        assert_eq!((reply.status, &reply.json()["code"]), (409, &json!("notInStatus")), "{name}");
    }
    for (body, status) in [
        (json!({ "autoRenew": "no" }), 400),
        (json!({ "renew": false }), 400),
        (json!({}), 200),
        (json!({ "autoRenew": false, "paymentFails": true }), 200),
    ] {
        assert_eq!(call(Method::PUT, "renewal", body.clone()).await.status, status, "{body}");
    }
    let view = world.operator().subscription(&id).await;
    assert_eq!((&view["autoRenew"], &view["paymentFails"]), (&json!(false), &json!(true)));
    let kinds = world.operator().journal(&format!("subscription={id}&kind=autoRenewSet,paymentsSet")).await;
    assert_eq!(kinds.len(), 2, "what stays as it is, is no fact");
    let unknown = "/sandboxes/stage/subscriptions/0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9/suspension";
    assert_eq!(world.control(Method::POST, unknown, Some(json!({}))).await.status, 404);
    world.stop().await;
}

/// Sets the clock to a later instant: nothing that falls due on the way is run.
async fn leaps(world: &World, at: &str) {
    world.operator().post("clock/freeze", json!({ "at": at })).await.expect(200);
}

#[tokio::test]
async fn a_command_is_decided_after_what_is_overdue_for_its_subscription() {
    let world = World::start().await;
    let late = text(&world.buyer().buys_seats().await, "id");
    let active = text(&world.buyer().buys_seats().await, "id");
    let publisher = world.publisher("contoso").await;
    publisher.activate(&active).await.expect(200);
    publisher.reports(&active, 5).await.expect(200);
    // Ten days after its time has come, nobody can activate it any more; that is so from then on.
    leaps(&world, "2026-02-10T00:00:00Z").await;
    let publisher = world.publisher("contoso").await;
    assert_eq!(
        world.operator().subscription(&late).await["status"],
        "PendingFulfillmentStart",
        "nobody has come about it"
    );
    publisher.activate(&late).await.expect(404);
    assert_eq!(world.operator().subscription(&late).await["status"], "Unsubscribed");
    // Two terms later, a change is made in the third one.
    leaps(&world, "2026-03-10T00:00:00Z").await;
    let change = world.operator().post(&format!("subscriptions/{active}/changes"), json!({ "quantity": 8 })).await;
    change.expect(202);
    let first = world.operator().advances("PT0S").await;
    assert_eq!(first["byKind"].get("termEnds"), None, "no timer runs twice: {first}");
    world.operator().advances("PT10S").await;
    let view = world.operator().subscription(&active).await;
    let line = |line: &Value| {
        let period = &line["period"];
        format!(
            "{} {}..{} {}",
            text(line, "kind"),
            text(period, "start"),
            text(period, "end"),
            text(&line["amount"], "amount")
        )
    };
    let ledger: Vec<String> = view["ledger"].as_array().unwrap().iter().map(line).collect();
    let expected = [
        "termFee 2026-01-01..2026-01-31 122.50",
        "termFee 2026-02-01..2026-02-28 122.50",
        "termFee 2026-03-01..2026-03-31 122.50",
        "addQuantity 2026-03-10..2026-03-31 -86.95",
        "addQuantity 2026-03-10..2026-03-31 139.12",
    ];
    assert_eq!(ledger, expected);
    world.counts_its_documents(SANDBOX).await;
    world.stop().await;
}

const SUBSCRIPTIONS: usize = 12;
const START: &str = "2026-01-31T09:00:00Z";
const END: &str = "2027-02-01T00:00:00Z";

struct Caller {
    http: Client,
    control: String,
    base: String,
}

impl Caller {
    fn of(server: &Process) -> Self {
        let base = server.base.clone();
        Self { http: client(), control: format!("{base}/sim/v1/sandboxes/life"), base }
    }

    async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.control)).send().await.unwrap().json().await.unwrap()
    }

    /// Buys, sets up and activates.
    async fn makes_active_ones(&self) {
        let environment = self.get("/environment").await["publishers"][0].clone();
        let granted = self.http.post(text(&environment, "tokenEndpoint")).form(&token_form(&environment)).send().await;
        let token = text(&granted.unwrap().json().await.unwrap(), "access_token");
        for _ in 0..SUBSCRIPTIONS {
            let order = json!({"customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5});
            let bought = self.http.post(format!("{}/purchases", self.control)).json(&order).send().await.unwrap();
            let id = text(&bought.json().await.unwrap(), "id");
            let report = format!("{}/sim/v1/subscriptions/{id}/licenses", self.base);
            let report = self.http.post(report).bearer_auth(&token).json(&json!({ "assigned": 5 }));
            assert_eq!(report.send().await.unwrap().status(), 200);
            let activate = format!("{}/api/saas/subscriptions/{id}/activate?api-version=2018-08-31", self.base);
            assert_eq!(self.http.post(activate).bearer_auth(&token).send().await.unwrap().status(), 200);
        }
    }

    /// The facts of the sandbox, oldest first.
    async fn facts(&self) -> Vec<Value> {
        let (mut since, mut facts) = (0, Vec::new());
        loop {
            let page = self.get(&format!("/journal?kind=termBegan,charged,exchange&limit=500&since={since}")).await;
            facts.extend(page["entries"].as_array().unwrap().clone());
            match page["nextSince"].as_u64() {
                Some(next) => since = next,
                None => return facts,
            }
        }
    }
}

#[tokio::test]
async fn a_year_that_is_broken_off_by_a_kill_goes_on_without_a_gap_or_a_repetition() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::start_with(folder.path(), &[]);
    let mut caller = Caller::of(&server);
    let new = json!({ "name": "life", "frozenAt": START, "timers": "manual" });
    let made = caller.http.post(format!("{}/sim/v1/sandboxes", caller.base)).json(&new).send().await.unwrap();
    assert_eq!(made.status(), 201);
    caller.makes_active_ones().await;
    // Killed as soon as so many terms have begun; then the same call again.
    for terms in [20, 50, 90] {
        let advance = caller.http.post(format!("{}/clock/advance", caller.control)).json(&json!({ "to": END }));
        let under_way = tokio::spawn(advance.send());
        while caller.get("/journal?kind=termBegan&limit=1000").await["entries"].as_array().unwrap().len() < terms {}
        drop(server);
        let _broken_off = under_way.await.unwrap();
        server = Process::start_with(folder.path(), &[]);
        caller = Caller::of(&server);
    }
    let advance = caller.http.post(format!("{}/clock/advance", caller.control)).json(&json!({ "to": END }));
    assert_eq!(advance.send().await.unwrap().status(), 200);
    assert_eq!(caller.get("/clock").await["now"], END);

    let facts = caller.facts().await;
    let times: Vec<String> = facts.iter().map(|fact| text(fact, "at")).collect();
    assert!(times.is_sorted(), "time never goes back");
    let mut terms: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for fact in &facts {
        let subscription = fact["subscription"].as_str().unwrap_or_default().to_owned();
        match text(fact, "kind").as_str() {
            "termBegan" => terms.entry(subscription).or_default().push(text(&fact["data"]["term"], "start")),
            "exchange" if text(&fact["data"], "path").starts_with("/publisher/webhook") => {
                *told.entry(subscription).or_default() += 1;
            }
            _ => {}
        }
    }
    let expected = [
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
        "2026-06-30",
        "2026-07-31",
        "2026-08-31",
        "2026-09-30",
        "2026-10-31",
        "2026-11-30",
        "2026-12-31",
        "2027-01-31",
    ];
    assert_eq!(terms.len(), SUBSCRIPTIONS);
    for (subscription, starts) in &terms {
        assert_eq!(starts, &expected, "{subscription}");
        let view = caller.get(&format!("/subscriptions/{subscription}")).await;
        assert_eq!(view["ledger"].as_array().unwrap().len(), 13, "one line a term");
        let deliveries = caller.get(&format!("/subscriptions/{subscription}/deliveries")).await;
        let deliveries = deliveries["deliveries"].as_array().unwrap();
        assert_eq!(deliveries.len(), 12);
        assert!(deliveries.iter().all(|one| one["state"] == "delivered" && one["action"] == "Renew"));
        assert!(told[subscription] >= 12, "each was told at least once");
    }
}

#[tokio::test]
async fn an_advance_is_told_as_a_table() {
    let world = World::start().await;
    let publisher = world.publisher("contoso").await;
    let id = text(&world.buyer().buys_seats().await, "id");
    publisher.activate(&id).await.expect(200);
    publisher.reports(&id, 5).await.expect(200);
    let advance = world.request(Method::POST, &format!("/sim/v1/sandboxes/{SANDBOX}/clock/advance"));
    let told = send(advance.header("accept", "text/plain").json(&json!({ "by": "P1M" }))).await;
    assert_eq!(told.header("content-type"), Some("text/plain; charset=utf-8"));
    let lines: Vec<Vec<&str>> = told.text.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in [
        &["kind", "timers"][..],
        &["delivery", "1"],
        &["termEnds", "1"],
        &["all", "4"],
        &["due", "kind", "subscription", "journal"],
    ] {
        assert!(lines.contains(&row.to_vec()), "{row:?} in\n{}", told.text);
    }
    assert!(lines.iter().any(|line| line.starts_with(&["2026-02-01T00:00:00Z", "termEnds", &id])), "{}", told.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_stops_an_advance_and_who_asks_again_goes_on() {
    let mut webhook = Webhook::listen().await;
    let options = ServerOptions { webhook: Some(webhook.url().parse().unwrap()), ..ServerOptions::default() };
    let world = World::start_with(options).await;
    world.create_sandbox(SANDBOX).await;
    let order = json!({ "customer": "northwind", "offer": "tailspin-tracker", "plan": "van" });
    let id = text(&world.buyer().tries(order).await.expect(201), "id");
    world.operator().advances("PT0S").await;
    webhook.arrivals.recv().await.unwrap();

    let to = json!({ "to": "2036-01-01T09:00:00Z" });
    let advance = world.request(Method::POST, &format!("/sim/v1/sandboxes/{SANDBOX}/clock/advance")).json(&to);
    let under_way = tokio::spawn(advance.send());
    // It has come to the third renewal when its caller goes away.
    for _ in 0..3 {
        webhook.arrivals.recv().await.unwrap();
    }
    under_way.abort();
    let clock = async || text(&world.operator().get("clock").await.expect(200), "now");
    let mut changes = world.changes(SANDBOX);
    // What was begun is finished; then nothing changes any more.
    while tokio::time::timeout(std::time::Duration::from_millis(500), changes.next()).await.is_ok() {}
    let stopped = clock().await;
    assert!(stopped.as_str() > "2026-03-01" && stopped.as_str() < "2036", "{stopped}");

    world.operator().post("clock/advance", to).await.expect(200);
    assert_eq!(clock().await, "2036-01-01T09:00:00Z");
    let subscription = world.operator().subscription(&id).await;
    assert_eq!(
        subscription["ledger"].as_array().unwrap().len(),
        121,
        "ten years of months and the one that has just begun, none left out and none twice"
    );
    let told: BTreeSet<String> =
        webhook.heard().iter().map(|call| text(&serde_json::from_str(&call.body).unwrap(), "id")).collect();
    assert_eq!(told.len(), 121, "one activation and 120 renewals");
}
