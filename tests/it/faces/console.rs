//! The console's pages: what they show, what they do, and what they say when something is wrong.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use futures_util::future::BoxFuture;
use rehearsal::{
    app::{
        App, AppOptions, Attempted, Courier, Exchange, NewSandbox, Outside, Player, PublisherWork, RecordedCall,
        Sandbox, TimerMode,
    },
    domain::{
        catalogue::Catalogue,
        ids::{PublisherId, SandboxId},
        notice::{Notice, Registration},
        operation::{Delays, Wish},
        quotas::Quotas,
        rules::Rules,
        subscription::{Buyer, PurchaseOrder, Subscription},
        webhook::{Delivery, Sent},
    },
    http::{Access, Holder, console},
    sim::{clock::OsClock, entropy::Seed},
    store::MemoryStore,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::uncalled;

/// A console on an empty sandbox whose clock stands at the start of 2026.
struct World {
    console: Router,
    sandbox: Arc<Sandbox>,
}

struct Page {
    status: StatusCode,
    location: Option<String>,
    html: String,
}

impl World {
    async fn new() -> Self {
        let catalogue: Catalogue = serde_json::from_value(catalogue()).unwrap();
        let (store, wall) = (Arc::new(MemoryStore::new()), Arc::new(OsClock));
        let app =
            App::open(AppOptions { store, wall, catalogue, seed: Seed(7), quotas: Quotas::default() }).await.unwrap();
        let frozen_at = Some("2026-01-01T00:00:00Z".parse().unwrap());
        let id: SandboxId = "team-a".parse().unwrap();
        let new = NewSandbox {
            id,
            seed: None,
            frozen_at,
            timers: TimerMode::Manual,
            delays: Delays::default(),
            rules: Rules::default(),
            quotas: Quotas::default(),
        };
        let sandbox = app.create_sandbox(new).await.unwrap();
        app.attend_timers(Outside { publisher: Arc::new(IdlePublisher), courier: Arc::new(IdleCourier) });
        let links = console::Links {
            personalized: Arc::new(|_, bought| format!("http://isv.example/?token={}", bought.code.text)),
            landing_page: Arc::new(|_, offer| format!("http://isv.example/{}", offer.id)),
        };
        let console = console::router(app, links, "http://127.0.0.1:7070".into(), Access::Open);
        Self { console: console.layer(Extension(Holder::anybody())), sandbox }
    }

    async fn send(&self, request: Request<Body>) -> Page {
        let response = self.console.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let location = response.headers().get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
        let html = String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().into()).unwrap();
        Page { status, location, html }
    }

    async fn get(&self, path: &str) -> Page {
        self.send(Request::get(in_sandbox(path)).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, form: &str) -> Page {
        let request = Request::post(in_sandbox(path)).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Buys five seats, and gives the path of the subscription's page.
    async fn buy(&self) -> String {
        let page = self.post("/purchases", "customer=alpine&plan=crm/team&quantity=5").await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.html);
        page.location.unwrap().strip_suffix("/bought?sandbox=team-a").unwrap().to_owned()
    }

    async fn newest(&self) -> Subscription {
        Subscription::clone(&self.sandbox.newest_subscriptions(None, 1).await.unwrap().subscriptions[0])
    }
}

impl Page {
    /// The text of the first element with a test id, without its mark-up.
    fn text(&self, test_id: &str) -> String {
        let marker = format!("data-testid=\"{test_id}\"");
        let (before, after) = self.html.split_once(&marker).unwrap_or_else(|| panic!("no {test_id} in {}", self.html));
        let name: String = before.rsplit_once('<').unwrap().1.chars().take_while(|letter| *letter != ' ').collect();
        let inner = after.split_once('>').unwrap().1;
        let inner = inner.split_once(&format!("</{name}>")).unwrap().0;
        let mut text = String::new();
        for piece in inner.split('<') {
            text.push_str(piece.split_once('>').map_or(piece, |(_, rest)| rest));
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn has(&self, test_id: &str) -> bool {
        self.html.contains(&format!("data-testid=\"{test_id}\""))
    }

    fn shows(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.html.contains(part), "{part:?} is not in {}", self.html);
        }
    }
}

#[derive(Debug)]
struct IdlePublisher;

impl PublisherWork for IdlePublisher {
    fn run<'a>(&'a self, _sandbox: &'a SandboxId, _work: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

#[derive(Debug)]
struct IdleCourier;

impl Courier for IdleCourier {
    fn notify<'a>(
        &'a self,
        _sandbox: &'a Sandbox,
        _notice: &'a Notice,
        _to: &'a Registration,
    ) -> BoxFuture<'a, Attempted> {
        Box::pin(std::future::ready(Attempted { sent: Sent::NoWebhook, body: String::new() }))
    }

    fn goes_outside(&self, _sandbox: &Sandbox, _delivery: &Delivery) -> bool {
        false
    }

    fn attempt<'a>(&'a self, _sandbox: &'a Sandbox, _delivery: &'a Delivery) -> BoxFuture<'a, Attempted> {
        Box::pin(std::future::ready(Attempted { sent: Sent::NoWebhook, body: String::new() }))
    }
}

fn in_sandbox(path: &str) -> String {
    format!("{path}{}sandbox=team-a", if path.contains('?') { '&' } else { '?' })
}

fn publisher() -> PublisherId {
    "contoso".parse().unwrap()
}

#[tokio::test]
async fn an_empty_sandbox_says_what_to_do_first() {
    let world = World::new().await;
    let page = world.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    page.shows(&["Nothing has been bought in this sandbox yet", "Buy a plan", "data-live=\"/sim/v1/sandboxes/team-a/"]);
    assert_eq!(page.text("clock-now"), "1 Jan 2026, 00:00:00 UTC");
    let app = &world.sandbox.catalogue().publishers[0].app;
    let expected = format!(
        "MARKETPLACE_API=http://127.0.0.1:7070/api AUTHORITY=http://127.0.0.1:7070 TENANT_ID={} CLIENT_ID={} \
         CLIENT_SECRET={}",
        app.tenant_id,
        app.client_id,
        app.client_secret.replace('<', "&#60;").replace('>', "&#62;")
    );
    assert_eq!(page.text("env-block"), expected);
    page.shows(&["Team: 20.00 USD per seat and month or 200.00 USD per seat and year · 1 to 100 seats"]);
    page.shows(&["<option value=\"crm/old\" disabled>", "flat rate", "not sold any more"]);
    page.shows(&["Landing page of Contoso CRM", "http://isv.example/crm"]);
    assert!(page.text("last-call").contains("lately"));
    page.shows(&["<option value=\"team-a\" selected>", "<option value=\"default\">"]);
}

#[tokio::test]
async fn a_purchase_is_confirmed_with_its_link_and_nothing_is_billed() {
    let world = World::new().await;
    let path = world.buy().await;
    let page = world.get(&format!("{path}/bought")).await;
    assert_eq!(page.status, StatusCode::OK);
    let bought = world.newest().await;
    assert_eq!(page.text("authorization-code"), bought.code.text);
    page.shows(&["Nothing is billed yet", "5 seats", "Alpine &#38; Ski", "target=\"_blank\" rel=\"noopener\""]);
    assert!(page.text("personalized-link-url").starts_with("http://isv.example/?token="));
    assert!(page.text("link-expires").starts_with("2 Jan 2026, 00:00:00 UTC"));

    let home = world.get("/").await;
    assert_eq!(home.text("status"), "PendingFulfillmentStart");
    assert_eq!(home.text("missing"), "Missing: licences assigned, activated");
}

#[tokio::test]
async fn a_mistake_comes_back_at_its_field_with_what_was_typed() {
    let world = World::new().await;
    let table = [
        ("", &["error-customer", "error-plan"] as &[_]),
        ("customer=alpine&plan=crm/team&quantity=many", &["error-quantity"]),
        ("customer=alpine&plan=crm/team&quantity=500", &["error-quantity"]),
        ("customer=alpine&plan=crm/flat&quantity=5", &["error-quantity"]),
        ("customer=alpine&plan=crm/team", &["error-quantity"]),
        ("customer=alpine&plan=crm/old&quantity=5", &["error-plan"]),
        ("customer=nobody&plan=crm/team&quantity=5", &["error-customer"]),
        ("customer=alpine&plan=crm/team&quantity=5&term=P3Y", &["error-term"]),
    ];
    let fields = ["error-customer", "error-plan", "error-term", "error-quantity"];
    for (form, expected) in table {
        let page = world.post("/purchases", form).await;
        let found: Vec<_> = fields.into_iter().filter(|field| page.has(field)).collect();
        assert_eq!((page.status, &found[..]), (StatusCode::UNPROCESSABLE_ENTITY, expected), "{form}");
        assert!(page.has("error-summary") && !page.html.contains("data-live="), "{form}");
    }
    let page = world.post("/purchases", "customer=alpine&plan=crm/team&quantity=500&term=P1Y&name=<Us>").await;
    page.shows(&[
        "<option value=\"alpine\" selected>",
        "<option value=\"crm/team\" selected>",
        "<option value=\"P1Y\" selected>",
        "value=\"500\"",
        "value=\"&#60;Us&#62;\"",
        "aria-invalid=\"true\"",
    ]);
    assert_eq!(page.text("error-quantity"), "Plan team ends at 100 seats; 500 are too many.");
    assert!(world.sandbox.newest_subscriptions(None, 1).await.unwrap().subscriptions.is_empty());
    assert_eq!(world.get("/purchases").await.location.as_deref(), Some("/?sandbox=team-a"));
}

#[tokio::test]
async fn the_page_tells_which_confirmation_is_missing_until_billing_starts() {
    let world = World::new().await;
    let path = world.buy().await;
    let bought = world.newest().await;
    let page = world.get(&path).await;
    page.shows(&["data-state=\"missing\" data-testid=\"confirmation-licensesAssigned\""]);
    page.shows(&["data-state=\"missing\" data-testid=\"confirmation-activated\""]);
    assert!(page.text("confirmation-activated").contains(&bought.id.to_string()), "the remedy names the subscription");
    assert_eq!(page.text("ledger"), "No charge has been written.");

    world.sandbox.activate(publisher(), bought.id, Wish::default(), uncalled).await.unwrap();
    let page = world.get(&path).await;
    assert_eq!(page.text("status"), "Subscribed");
    assert_eq!(page.text("missing"), "Missing: licences assigned");
    page.shows(&["data-state=\"done\" data-testid=\"confirmation-activated\""]);

    world.sandbox.report_licenses(publisher(), bought.id, 3, uncalled).await.unwrap();
    let page = world.get(&path).await;
    assert!(!page.has("missing"));
    assert!(page.text("billing").starts_with("Billed since 1 Jan 2026, 00:00:00 UTC."));
    assert!(page.text("confirmation-licensesAssigned").contains("3 licences for named users, 2 in the pool"));
    page.shows(&["100.00 USD", "href=\"#entry-", "id=\"entry-1\""]);
    assert_eq!(page.text("ledger-total"), "100.00 USD");
}

#[tokio::test]
async fn an_expired_link_is_told_and_a_fresh_one_got() {
    let world = World::new().await;
    let path = world.buy().await;
    let first = world.newest().await.code.text;
    let moved = world.post("/clock/advance", "by=25h").await;
    assert_eq!(moved.location.as_deref(), Some("/?ran=1&sandbox=team-a#clock-moved"));
    assert_eq!(world.get("/?ran=1").await.text("clock-notice"), "The clock was moved; 1 timer ran on the way.");
    assert!(world.get(&path).await.has("link-expired"));

    let renewed = world.post(&format!("{path}/links"), "").await;
    assert_eq!(renewed.location, Some(format!("{path}?sandbox=team-a#link")));
    let page = world.get(&path).await;
    assert!(!page.has("link-expired"));
    assert_ne!(page.text("authorization-code"), first);
}

#[tokio::test]
async fn a_purchase_that_nobody_activates_is_shown_as_cancelled() {
    let world = World::new().await;
    let path = world.buy().await;
    assert_eq!(world.post("/clock/run-next", "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.post("/clock/run-next", "").await.status, StatusCode::SEE_OTHER);
    let page = world.get(&path).await;
    assert_eq!(page.text("status"), "Unsubscribed");
    assert_eq!(page.text("billing"), "Cancelled at 31 Jan 2026, 00:00:00 UTC. Nothing was billed.");
    assert!(!page.has("missing") && !page.has("fresh-link"));
    assert_eq!(world.post(&format!("{path}/links"), "").await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_clock_is_frozen_resumed_and_a_bad_period_is_told() {
    let world = World::new().await;
    assert_eq!(world.post("/clock/resume", "").await.location.as_deref(), Some("/?sandbox=team-a#clock"));
    assert_eq!(world.get("/").await.text("clock-state"), "running");
    world.post("/clock/freeze", "").await;
    assert_eq!(world.get("/").await.text("clock-state"), "frozen");
    let page = world.post("/clock/advance", "by=soon").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.shows(&["value=\"soon\""]);
    assert!(page.text("error-by").contains("is not a period that moves forward"));
    assert!(world.post("/clock/advance", "by=P9000Y").await.text("error-by").contains("where clocks end"));
}

#[tokio::test]
async fn the_journal_is_read_page_by_page_and_shows_calls() {
    let world = World::new().await;
    world.buy().await;
    let exchange = Exchange {
        to: Player::Marketplace,
        method: "POST".into(),
        path: "/api/saas/subscriptions/resolve".into(),
        status: Some(403),
        publisher: None,
        request_body: None,
        response_body: Some("{\"code\":\"<x>\"}".into()),
        correlation_id: None,
        remark: Some("the token is another tenant's".into()),
        latency_micros: 1500,
    };
    let bought = world.newest().await.id;
    let subscription = Some(bought);
    for _ in 0..120 {
        let call = RecordedCall { from: Player::Publisher, subscription, exchange: exchange.clone() };
        world.sandbox.record(call).await.unwrap();
    }
    // A command that waits for its place comes after those that do not.
    world.sandbox.freeze(None).await.unwrap();
    let page = world.get("/journal").await;
    page.shows(&["</span>403</span>"]);
    page.shows(&["Entries 24 to 123 of 123", "&#60;x&#62;", "1.500 ms", "data-live="]);
    let older = world.get("/journal?since=0").await;
    older.shows(&["Entries 1 to 100 of 123", "/journal?since=100&#38;sandbox=team-a"]);
    assert!(!older.html.contains("data-live="), "an older page does not change");

    // Some of them: by kind, by subscription, from the first on.
    let facts = world.get("/journal?kind=purchaseCreated,+clock").await;
    facts.shows(&["2 of 123 entries, from 1 to 123", "alpine", "data-live="]);
    assert!(!facts.html.contains("data-kind=\"exchange\"") && facts.html.contains("data-kind=\"clock\""));
    let calls = world.get(&format!("/journal?kind=exchange&subscription={bought}")).await;
    calls.shows(&["100 of 123 entries", "kind=exchange&#38;subscription="]);
    let next =
        calls.html.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let rest = world.get(&next.replace("&sandbox=team-a", "")).await;
    assert_eq!(rest.html.matches("data-kind=\"exchange\"").count(), 20);
    let wrong = world.get("/journal?subscription=nonsense").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.has("error-summary") && wrong.html.contains("value=\"nonsense\""));

    let sent = RecordedCall {
        from: Player::Marketplace,
        subscription,
        exchange: Exchange { to: Player::Publisher, path: "http://isv.example/hook".into(), ..exchange },
    };
    world.sandbox.record(sent).await.unwrap();
    world.sandbox.freeze(None).await.unwrap();
    let last = world.get("/").await.text("last-call");
    assert!(last.contains("http://isv.example/hook") && last.contains("answered 403"), "{last}");
}

#[tokio::test]
async fn long_lists_go_on_with_older_subscriptions() {
    let world = World::new().await;
    for _ in 0..21 {
        world.buy().await;
    }
    let page = world.get("/").await;
    assert_eq!(page.html.matches("data-testid=\"subscription-row\"").count(), 20);
    let older = page.html.split("data-testid=\"older\"").next().unwrap();
    let href = older.rsplit_once("href=\"").unwrap().1.split('"').next().unwrap().replace("&#38;", "&");
    let path = href.split('#').next().unwrap().replace("&sandbox=team-a", "");
    assert_eq!(world.get(&path).await.html.matches("data-testid=\"subscription-row\"").count(), 1);
}

#[tokio::test]
async fn what_does_not_exist_is_told_in_a_page() {
    let world = World::new().await;
    let table = [
        ("/?sandbox=nowhere", StatusCode::NOT_FOUND),
        ("/?sandbox=No%20Where", StatusCode::NOT_FOUND),
        ("/subscriptions/nonsense", StatusCode::NOT_FOUND),
        ("/subscriptions/00000000-0000-0000-0000-000000000009", StatusCode::NOT_FOUND),
        ("/subscriptions/00000000-0000-0000-0000-000000000009/bought", StatusCode::NOT_FOUND),
        ("/?before=yesterday", StatusCode::BAD_REQUEST),
        ("/journal?since=-1", StatusCode::BAD_REQUEST),
    ];
    for (path, status) in table {
        let page = world.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.has("error-page"), "{path}");
    }
}

#[tokio::test]
async fn another_site_cannot_buy() {
    let world = World::new().await;
    let request = Request::post(in_sandbox("/purchases"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from("customer=alpine&plan=crm/team&quantity=5"));
    assert_eq!(world.send(request.unwrap()).await.status, StatusCode::FORBIDDEN);
    assert!(world.sandbox.newest_subscriptions(None, 1).await.unwrap().subscriptions.is_empty());
}

#[tokio::test]
async fn a_change_and_a_cancellation_are_told_in_words() {
    let world = World::new().await;
    let order = PurchaseOrder {
        buyer: Buyer::Customer,
        customer: "alpine".parse().unwrap(),
        offer: "crm".parse().unwrap(),
        plan: "team".parse().unwrap(),
        term_unit: None,
        quantity: Some(5.try_into().unwrap()),
        name: None,
        reseller: None,
    };
    let bought = world.sandbox.purchase(order).await.unwrap();
    let contoso: PublisherId = "contoso".parse().unwrap();
    world.sandbox.activate(contoso.clone(), bought.id, Wish::default(), uncalled).await.unwrap();
    let wish = Wish { plan: None, quantity: Some(8) };
    world.sandbox.request_change(contoso.clone(), bought.id, wish, uncalled).await.unwrap();
    world.get("/").await.shows(&["an operation goes on"]);
    let path = format!("/subscriptions/{}", bought.id);
    assert!(world.get(&path).await.text("under-way").contains("timers of this sandbox are manual"));
    world.get(&path).await.shows(&[
        "<dt>Purchaser</dt><dd>Alpine &#38; Ski<br>",
        "<dd>5 seats</dd>",
        "The publisher asked for a change to 8 seats. Nothing has changed yet.",
    ]);
    world.post("/clock/advance", "by=PT1S").await;
    world.sandbox.request_cancel(contoso, bought.id, uncalled).await.unwrap();
    world.get(&path).await.shows(&[
        "<dd>8 seats</dd>",
        "operation succeeded",
        "The subscription has 8 seats now, no longer 5.",
        "The publisher asked for the end of the subscription.",
    ]);
    world.post("/clock/advance", "by=PT1S").await;
    let over = world.get(&path).await;
    over.shows(&["The subscription is cancelled; no further term is billed."]);
    assert_eq!(over.text("billing"), "Cancelled at 1 Jan 2026, 00:00:02 UTC. Nothing was billed.");
}

fn catalogue() -> Value {
    let guid = |number: u32| format!("00000000-0000-0000-0000-{number:012}");
    let person = |name: &str, email: &str| json!({ "email": email, "name": name, "objectId": guid(4), "tenantId": guid(5), "puid": "1003200000000001" });
    let plan = |id: &str, name: &str, pricing: Value, stop_sell: bool| {
        json!({
            "id": id, "name": name, "description": "", "pricing": pricing, "freeTrial": false, "privateTo": null,
            "stopSell": stop_sell, "dimensions": [], "market": "US",
            "terms": [
                { "unit": "P1M", "price": { "amount": "20.00", "currency": "USD" } },
                { "unit": "P1Y", "price": { "amount": "200.00", "currency": "USD" } },
            ],
        })
    };
    let per_user = json!({ "model": "perUser", "min": 1, "max": 100 });
    json!({
        "publishers": [{
            "id": "contoso", "name": "Contoso Ltd",
            "app": {
                "tenantId": guid(1), "tenantName": "contoso", "clientId": guid(2), "objectId": guid(3),
                "clientSecret": "s3cret-<1>",
            },
        }],
        "offers": [{
            "id": "crm", "publisher": "contoso", "name": "Contoso CRM", "description": "", "landingPageUrl": null,
            "billingWaitsFor": ["licensesAssigned", "activated"], "setupForm": [], "provisioningFaults": [],
            "plans": [
                plan("team", "Team", per_user.clone(), false),
                plan("flat", "Company", json!({ "model": "flatRate" }), false),
                plan("old", "Classic", per_user, true),
            ],
        }],
        "partners": [{
            "id": "fourth", "name": "Fourth Coffee", "user": person("Pat", "pat@fourth.example"), "mpnId": "1234567",
            "app": {
                "tenantId": guid(5), "tenantName": "fourth", "clientId": guid(6), "objectId": guid(7),
                "clientSecret": "s3cret-<2>",
            },
            "staff": [], "resellers": [],
        }],
        "customers": [{
            "id": "alpine", "partner": "fourth", "name": "Alpine & Ski", "domain": "alpine.example",
            "users": [person("Ali", "ali@alpine.example")], "address": { "country": "US" }, "culture": "en-US",
            "agreement": { "firstName": "Ali", "lastName": "", "email": "ali@alpine.example", "dateAgreed": null },
        }],
    })
}

#[tokio::test]
async fn rules_are_chosen_on_a_page_and_what_is_left_out_stays() {
    let world = World::new().await;
    world.get("/rules").await.shows(&["failureAnswer", "All is as the real service has it"]);
    let set = world.post("/rules", "failureAnswer=ignored&delays=live").await;
    assert_eq!((set.status, set.location.as_deref()), (StatusCode::SEE_OTHER, Some("/rules?set=1&sandbox=team-a")));
    world.get("/rules?set=1").await.shows(&["The rules are set."]);
    world.get("/rules").await.shows(&[
        "Not as usual: 2 of",
        "not as usual",
        r#"name="failureAnswer" value="ignored" checked"#,
        r#"name="delays" value="live" checked"#,
        r#"name="apiVersion" value="required" checked"#,
    ]);
    // Nothing is changed by a form that is wrong somewhere.
    for wrong in [
        "failureAnswer=honoured&noSuchRule=x",
        "failureAnswer=honoured&apiVersion=x",
        "failureAnswer=honoured&delays=x",
    ] {
        let page = world.post("/rules", wrong).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{wrong}: {}", page.html);
        world.get("/rules").await.shows(&[r#"name="failureAnswer" value="ignored" checked"#]);
    }
    assert_eq!(world.post("/rules", "failureAnswer=honoured&delays=brief").await.status, StatusCode::SEE_OTHER);
    world.get("/rules").await.shows(&["All is as the real service has it"]);
}

#[tokio::test]
async fn what_can_not_be_done_to_a_subscription_is_said() {
    let world = World::new().await;
    let path = world.buy().await;
    let page = world.get(&path).await;
    page.shows(&["In the marketplace", "Its term begins once it is billed", "Cancel the subscription"]);
    assert!(!page.has("change-seats") && !page.has("fail-payment"), "nothing of that before it is active");
    let table = [
        ("seats", "quantity=8", StatusCode::UNPROCESSABLE_ENTITY),
        ("seats", "quantity=", StatusCode::UNPROCESSABLE_ENTITY),
        ("plan", "plan=", StatusCode::UNPROCESSABLE_ENTITY),
        ("plan", "plan=flat", StatusCode::UNPROCESSABLE_ENTITY),
        ("suspension", "", StatusCode::CONFLICT),
        ("reinstatement", "", StatusCode::CONFLICT),
        ("renewal", "autoRenew=perhaps", StatusCode::BAD_REQUEST),
        ("deliveries/x/resend", "", StatusCode::NOT_FOUND),
        ("deliveries/0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9/resend", "", StatusCode::CONFLICT),
        ("deliveries/x/hold", "", StatusCode::NOT_FOUND),
        ("deliveries/0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9/hold", "", StatusCode::CONFLICT),
    ];
    for (call, form, status) in table {
        let page = world.post(&format!("{path}/{call}"), form).await;
        assert_eq!(page.status, status, "{call} {form}");
        assert!(!page.html.contains("data-live="), "what was typed stays: {call}");
    }
    assert_eq!(world.post(&format!("{path}/renewal"), "autoRenew=false").await.status, StatusCode::SEE_OTHER);
    world.get(&path).await.shows(&["Turn auto-renew on"]);
    assert_eq!(world.post(&format!("{path}/cancellation"), "").await.status, StatusCode::SEE_OTHER);
    world.get(&path).await.shows(&["nothing can be changed any more", "Nothing was billed"]);
    assert_eq!(world.post(&format!("{path}/cancellation"), "").await.status, StatusCode::CONFLICT);
}
