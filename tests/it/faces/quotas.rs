//! Quotas: what a full sandbox still does, who is called too often, and whose webhook has to wait.

use futures_util::future::join_all;
use rehearsal::{cli::wiring::ServerOptions, domain::quotas::Quotas};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    own_webhook::Webhook,
    world::{Reply, SANDBOX, VERSION, World, code, send, text},
};

async fn sets(world: &World, quotas: Value) -> Reply {
    world.control(Method::PUT, &format!("/sandboxes/{SANDBOX}/quotas"), Some(quotas)).await
}

async fn used(world: &World) -> u64 {
    world.operator().get("quotas").await.expect(200)["documentsUsed"].as_u64().unwrap()
}

#[track_caller]
fn is_full(reply: &Reply) {
    assert_eq!(reply.expect(507)["code"], "sandboxFull", "{}", reply.text);
}

#[tokio::test]
async fn a_full_sandbox_can_be_read_and_stands_still_until_it_has_room() {
    let world = World::start().await;
    let bought = world.buyer().buys_seats().await;
    let id = text(&bought, "id");
    let publisher = world.publisher("contoso").await;
    publisher.resolve(&code(&bought)).await.expect(200);
    let key = text(&world.operator().post("keys", json!({})).await.expect(201), "id");
    let before = used(&world).await;
    assert!(before > 2, "{before}");

    // A little room is used up, and not much more.
    let most = before + 5;
    assert_eq!(sets(&world, json!({ "documents": most })).await.expect(200)["documents"], most);
    let order = json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5 });
    loop {
        let reply = world.buyer().tries(order.clone()).await;
        if reply.status == 507 {
            break is_full(&reply);
        }
        reply.expect(201);
    }
    assert!((most..most + 30).contains(&used(&world).await), "{}", used(&world).await);

    // Everything can be read, nothing changed: by any face.
    world.operator().subscription(&id).await;
    publisher.get(&id).await.expect(200);
    assert!(!world.operator().journal("").await.is_empty());
    is_full(&world.operator().post(&format!("subscriptions/{id}/links"), json!({})).await);
    let refused = publisher.activate(&id).await.expect(507);
    assert_eq!(refused["code"], "InsufficientStorage", "{refused}");
    let form =
        [("customer", "northwind"), ("plan", "contoso-crm/team"), ("term", "P1M"), ("name", "x"), ("quantity", "5")];
    let page = send(world.request(Method::POST, &format!("/purchases?sandbox={SANDBOX}")).form(&form)).await;
    page.expect_text(507, "");
    assert!(page.text.contains("The sandbox is full"), "{}", page.text);
    // Settings and keys are no way around it: each change of them is told in the journal, which grows by that.
    let path = format!("/sandboxes/{SANDBOX}");
    let change = |settings: Value| world.control(Method::PATCH, &path, Some(settings));
    is_full(&change(json!({ "delays": "live" })).await);
    change(json!({ "timers": "manual" })).await.expect(200);
    is_full(&world.operator().post("keys", json!({ "note": "one more" })).await);
    let path = format!("/sandboxes/{SANDBOX}/keys/{key}");
    for status in [204, 404] {
        assert_eq!(world.control(Method::DELETE, &path, None).await.status, status);
    }
    // The code's life ends after a day.
    is_full(&world.operator().post("clock/advance", json!({ "by": "P2D" })).await);
    assert_eq!(world.operator().get("clock").await.expect(200)["now"], crate::world::START);

    // With more room everything goes on.
    sets(&world, json!({ "documents": 1000 })).await.expect(200);
    assert!(world.operator().advances("P2D").await["count"].as_u64().unwrap() > 0);
    world.publisher("contoso").await.activate(&id).await.expect(200);
    world.buyer().buys_seats().await;
    world.counts_its_documents(SANDBOX).await;
}

/// What can be set and lifted at any time is one document or none, however often that is done.
#[tokio::test]
async fn what_is_set_twice_counts_once_and_what_is_lifted_twice_not_at_all() {
    let world = World::start().await;
    let authority = rcgen::generate_simple_self_signed(vec!["authority.example".to_owned()]).unwrap().cert.pem();
    let places = [
        (
            "faults/provisioning",
            json!({ "step": "createAccount", "times": 2 }),
            json!({ "step": "createAccount", "times": 0 }),
        ),
        ("faults/webhook", json!({ "manner": "refuse" }), json!({ "manner": "accept" })),
        ("webhook-authority", json!({ "certificate": authority }), json!({ "certificate": null })),
    ];
    for (place, set, lifted) in &places {
        for body in [lifted, set, set, lifted, lifted] {
            let path = format!("/sandboxes/{SANDBOX}/{place}");
            world.control(Method::PUT, &path, Some(body.clone())).await.expect(200);
            world.counts_its_documents(SANDBOX).await;
        }
    }
}

/// Work of the stand-in publisher that is put off, hurried and done: its timers are counted as they come and go.
#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_put_off_is_counted_once() {
    let world = World::start().await;
    for step in ["createAccount", "activate"] {
        let fault = json!({ "step": step, "times": 4 });
        world.control(Method::PUT, &format!("/sandboxes/{SANDBOX}/faults/provisioning"), Some(fault)).await.expect(200);
    }
    let bought = world.buyer().buys_seats().await;
    let account = world.sets_up(&bought).await;
    world.counts_its_documents(SANDBOX).await;
    for _ in 0..3 {
        for _ in 0..2 {
            let retry = format!("/publisher/accounts/{account}/retry");
            assert!(send(world.request(Method::POST, &retry)).await.status < 400);
            world.counts_its_documents(SANDBOX).await;
        }
        world.operator().advances("PT1M").await;
        world.counts_its_documents(SANDBOX).await;
    }
    world.operator().advances("P1D").await;
    assert_eq!(world.operator().subscription(&text(&bought, "id")).await["status"], "Subscribed");
    world.counts_its_documents(SANDBOX).await;
}

#[tokio::test]
async fn quotas_that_make_no_sense_are_refused_and_the_servers_own_are_the_usual() {
    let quotas =
        Quotas { documents: 5000.try_into().ok(), requests_per_second: 900.try_into().ok(), ..Quotas::default() };
    let world = World::start_with(ServerOptions { quotas, ..ServerOptions::default() }).await;
    world.create_sandbox(SANDBOX).await;
    for bad in [
        json!({ "documents": 0 }),
        json!({ "documents": -1 }),
        json!({ "requestsPerSecond": "many" }),
        json!({ "deliveriesPerMinute": 4_294_967_296_u64 }),
        json!({ "requests": 1 }),
    ] {
        assert_eq!(sets(&world, bad.clone()).await.expect(400)["code"], "badInput", "{bad}");
    }
    let shown = async || world.operator().get("quotas").await.expect(200);
    let found = shown().await;
    assert_eq!([&found["documents"], &found["requestsPerSecond"]], [&json!(5000), &json!(900)]);
    assert!(found["deliveriesPerMinute"].is_null());
    sets(&world, json!({ "documents": 70_000, "deliveriesPerMinute": 3 })).await.expect(200);
    let found = shown().await;
    let limits = [&found["documents"], &found["requestsPerSecond"], &found["deliveriesPerMinute"]];
    assert_eq!(limits, [&json!(70_000), &json!(900), &json!(3)]);
    let journal = world.operator().get("journal").await.text;
    let says = "may have 70000 documents, take calls a second as usual, and make 3 deliveries a minute";
    assert!(journal.contains(says), "{journal}");
}

/// What is answered once the quota is lifted: another server may not have heard of that yet.
pub(crate) async fn answered(call: impl AsyncFn() -> Reply) -> Value {
    for _ in 0..500 {
        let reply = call().await;
        if reply.status != 429 {
            return reply.expect(200);
        }
    }
    panic!("the quota is never lifted")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_calls_too_often_is_told_when_to_call_again() {
    let world = World::start().await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let publisher = world.publisher("contoso").await;
    let partner = world.partner("proseware").await;
    sets(&world, json!({ "requestsPerSecond": 1 })).await.expect(200);
    let get = |path: &str| world.request(Method::GET, path);
    let faces: [(&str, &dyn Fn() -> RequestBuilder); 4] = [
        ("the control API", &|| get(&format!("/sim/v1/sandboxes/{SANDBOX}/subscriptions/{id}"))),
        ("the marketplace", &|| publisher.raw(Method::GET, &format!("/api/saas/subscriptions/{id}?{VERSION}"))),
        ("Partner Center", &|| partner.request(Method::GET, "/customers")),
        ("the console", &|| get(&format!("/?sandbox={SANDBOX}"))),
    ];
    for (face, request) in faces {
        // A machine that is busy may need a second for a few of them.
        let mut refused = None;
        for _ in 0..20 {
            let replies = join_all((0..40).map(|_| send(request()))).await;
            assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 429)), "{face}");
            refused = replies.into_iter().find(|reply| reply.status == 429);
            if refused.is_some() {
                break;
            }
        }
        let refused = refused.unwrap_or_else(|| panic!("{face} refuses nobody"));
        assert_eq!(refused.header("retry-after"), Some("1"), "{face}");
    }
    // Nobody is told of a refusal, neither here nor in the sandbox of those whom nobody knows.
    sets(&world, json!({})).await.expect(200);
    for sandbox in [SANDBOX, "default"] {
        let journal =
            answered(async || world.get(&format!("/sim/v1/sandboxes/{sandbox}/journal?limit=500")).await).await;
        let refused = |entry: &&Value| entry["status"] == 429;
        assert_eq!(journal["entries"].as_array().unwrap().iter().find(refused), None, "{sandbox}");
    }
    // Other sandboxes are called as before.
    let others = join_all((0..40).map(|_| world.get("/sim/v1/sandboxes/default"))).await;
    assert!(others.iter().all(|reply| reply.status == 200));
}

/// So many calls to a webhook are due. An advance makes one in a minute where no more are allowed, and the rest at once as soon as
/// they are.
pub(crate) async fn waits_for_its_turn(world: &World, webhook: &Webhook, calls: usize) {
    sets(world, json!({ "deliveriesPerMinute": 1 })).await.expect(200);
    let operator = world.operator();
    let mut advance = Box::pin(operator.advances("PT0S"));
    for _ in 0..100 {
        tokio::select! {
            biased;
            advanced = &mut advance => panic!("nothing had to wait: {advanced}"),
            reply = world.get("/livez") => assert_eq!(reply.status, 200),
        }
    }
    assert!(webhook.heard().len() <= 1, "{:?}", webhook.heard());
    sets(world, json!({})).await.expect(200);
    advance.await;
    assert_eq!(webhook.heard().len(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_beyond_the_quota_wait_and_none_is_lost() {
    let webhook = Webhook::listen().await;
    let options = ServerOptions { webhook: Some(webhook.url().parse().unwrap()), ..ServerOptions::default() };
    let world = World::start_with(options).await;
    world.create_sandbox(SANDBOX).await;
    for _ in 0..2 {
        let id = text(&world.buyer().buys_seats().await, "id");
        world.publisher("contoso").await.activate(&id).await.expect(200);
        world.publisher("contoso").await.reports(&id, 5).await.expect(200);
        let change = json!({ "quantity": 8 });
        world.operator().post(&format!("subscriptions/{id}/changes"), change).await.expect(202);
    }
    waits_for_its_turn(&world, &webhook, 2).await;
}
