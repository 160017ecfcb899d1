//! Changes and cancellations that a publisher asks for, and the operations that they become.

use rehearsal::cli::wiring::ServerOptions;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Publisher, Reply, SANDBOX, START, VERSION, World, masked, send, text};

const UNKNOWN: &str = "0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9";
const NOTHING: &str = r#"{"code":"BadRequest","message":"The request content is null","target":"update"}"#;
const NOT_SOLD: &str = r#"{"code":"BadRequest","message":"Request Plan is NOT in Catalog.","target":"update"}"#;
const LOCKED: &str = r#"{"code":"Failed","message":"Patch cannot be completed because the subscription is locked due to pending operations","target":"update"}"#;
const NOT_ALLOWED: &str = r#"{"code":"BadRequest","message":"Update is not among the subscription's allowedCustomerOperations","target":"update"}"#;
const NOT_ACTIVE: &str = r#"{"code":"BadRequest","message":"Subscription is not active","target":"update"}"#;

impl Publisher {
    async fn changes(&self, id: &str, body: Value) -> Reply {
        send(self.request(Method::PATCH, &format!("/subscriptions/{id}")).json(&body)).await
    }

    async fn cancels(&self, id: &str) -> Reply {
        send(self.request(Method::DELETE, &format!("/subscriptions/{id}"))).await
    }

    async fn operations(&self, id: &str) -> Reply {
        send(self.request(Method::GET, &format!("/subscriptions/{id}/operations"))).await
    }

    async fn operation(&self, id: &str, operation: &str) -> Reply {
        send(self.request(Method::GET, &format!("/subscriptions/{id}/operations/{operation}"))).await
    }

    async fn answers(&self, id: &str, operation: &str, body: &Value) -> Reply {
        send(self.request(Method::PATCH, &format!("/subscriptions/{id}/operations/{operation}")).json(body)).await
    }
}

/// Five seats of Contoso CRM that Northwind buys for itself.
async fn bought(world: &World) -> String {
    bought_in(world, SANDBOX, "contoso-crm", "team", Some(5)).await
}

async fn bought_in(world: &World, sandbox: &str, offer: &str, plan: &str, quantity: Option<u32>) -> String {
    let order = json!({ "customer": "northwind", "offer": offer, "plan": plan, "quantity": quantity, "direct": true });
    text(&world.buyer().tries_in(sandbox, order).await.expect(201), "id")
}

/// The same, activated.
async fn active(world: &World, contoso: &Publisher) -> String {
    let id = bought(world).await;
    assert_eq!(contoso.activate(&id).await.status, 200);
    id
}

/// The operation that was accepted.
#[track_caller]
fn accepted(reply: &Reply) -> String {
    assert_eq!((reply.status, reply.text.as_str()), (202, ""), "{}", reply.text);
    reply.header("operation-id").unwrap().to_owned()
}

async fn kinds(world: &World, id: &str) -> Vec<String> {
    let facts = world.operator().journal(&format!("subscription={id}&limit=1000")).await;
    let is_fact = |kind: &String| !matches!(kind.as_str(), "exchange" | "publisherStep");
    facts.iter().map(|entry| text(entry, "kind")).filter(is_fact).collect()
}

#[tokio::test]
async fn a_change_runs_its_course_and_is_told_key_for_key() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = active(&world, &contoso).await;
    let reply = contoso.changes(&id, json!({ "quantity": 8 })).await;
    let operation = accepted(&reply);
    let location = format!("{}/api/saas/subscriptions/{id}/operations/{operation}?{VERSION}", world.base_url);
    assert_eq!(reply.header("operation-location"), Some(location.as_str()));
    assert_eq!(reply.header("retry-after"), Some("10"));
    assert_eq!(reply.header("content-length"), Some("0"));
    assert_eq!(reply.header("x-ms-requestid"), Some(operation.as_str()));
    assert_eq!(reply.header("x-ms-correlationid"), Some(operation.as_str()));
    assert_eq!(reply.header("x-ms-activityid").map(masked).as_deref(), Some("<guid>"));

    let body = |status: &str| {
        format!(
            r#"{{"id":"{operation}","activityId":"{operation}","publisherId":"contoso","offerId":"contoso-crm","planId":"team","quantity":8,"operationRequestSource":"Partner","subscriptionId":"{id}","timeStamp":"{START}","action":"ChangeQuantity","status":"{status}"}}"#
        )
    };
    for (by, status, listed, quantity) in
        [("PT0S", "NotStarted", false, 5), ("PT0.5S", "InProgress", true, 5), ("PT0.5S", "Succeeded", false, 8)]
    {
        world.operator().advances(by).await;
        let found = send(contoso.raw(Method::GET, &location)).await;
        assert_eq!((found.status, found.text), (200, body(status)));
        let list =
            if listed { format!(r#"{{"operations":[{}]}}"#, body(status)) } else { r#"{"operations":[]}"#.into() };
        let found = contoso.operations(&id).await;
        assert_eq!((found.status, found.text), (200, list), "{status}");
        let found = contoso.get(&id).await.expect(200);
        assert_eq!((&found["quantity"], &found["saasSubscriptionStatus"]), (&json!(quantity), &json!("Subscribed")));
    }
    let facts = kinds(&world, &id).await;
    assert!(facts.ends_with(
        &["operationRequested", "operationStarted", "quantityChanged", "operationSucceeded"].map(str::to_owned)
    ));

    let operation = accepted(&contoso.changes(&id, json!({ "planId": "business" })).await);
    assert_eq!(contoso.operation(&id, &operation).await.expect(200)["planId"], "business", "the target");
    assert_eq!(contoso.get(&id).await.expect(200)["planId"], "team");
    world.operator().advances("PT1S").await;
    assert_eq!(contoso.operation(&id, &operation).await.expect(200)["action"], "ChangePlan");
    assert_eq!(contoso.get(&id).await.expect(200)["planId"], "business");
    assert_eq!(world.operator().subscription(&id).await["unitPrice"]["amount"], "49.99");
}

#[tokio::test]
async fn a_flat_rates_operation_has_no_quantity() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = bought_in(&world, SANDBOX, "contoso-mail", "growth", None).await;
    let operation = accepted(&contoso.cancels(&id).await);
    let found = contoso.operation(&id, &operation).await.expect(200);
    assert_eq!((found.get("quantity"), &found["action"]), (None, &json!("Unsubscribe")));
}

/// Asks for a change that is refused in these words.
async fn refused(contoso: &Publisher, id: &str, body: &'static str, expected: &str) {
    let reply = send(contoso.request(Method::PATCH, &format!("/subscriptions/{id}")).body(body)).await;
    assert_eq!((reply.status, reply.text.as_str()), (400, expected), "{body}");
    assert_eq!(reply.header("operation-id"), None);
}

#[tokio::test]
async fn each_limit_of_a_change_is_told_in_the_apis_words() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = active(&world, &contoso).await;
    let flat = bought_in(&world, SANDBOX, "contoso-mail", "growth", None).await;
    contoso.activate(&flat).await;
    let table = [
        (&id, "", NOTHING),
        (&id, "{}", NOTHING),
        (&id, "{\"quantity\":", NOTHING),
        (&id, "quantity=6", NOTHING),
        (&id, r#"{"planId":" "}"#, NOTHING),
        (&id, r#"{"quantity":0}"#, NOTHING),
        (&id, r#"{"quantity":"six"}"#, NOTHING),
        (
            &id,
            r#"{"planId":"business","quantity":6}"#,
            r#"{"message":"Cannot patch more than one field in the same request"}"#,
        ),
        (&id, r#"{"planId":"gold"}"#, NOT_SOLD),
        (&id, r#"{"planId":"enterprise-aw"}"#, NOT_SOLD),
        (&id, r#"{"planId":"classic"}"#, NOT_SOLD),
        (
            &id,
            r#"{"planId":"team"}"#,
            r#"{"message":"SaaS subscription Contoso CRM is already subscribed to plan team. Changing plans only supported between two different plans"}"#,
        ),
        (&id, r#"{"quantity":5}"#, r#"{"message":"New quantity is the same as on the subscription"}"#),
        (
            &id,
            r#"{"quantity":1000001}"#,
            r#"{"message":"This purchase has failed because the number of purchased seats exceeded the maximal limit of 1000000"}"#,
        ),
        (
            &id,
            r#"{"quantity":51}"#,
            r#"{"code":"BadRequest","message":"plan team ends at 50 seats; 51 are too many","target":"update"}"#,
        ),
        (
            &id,
            r#"{"quantity":4}"#,
            r#"{"code":"BadRequest","message":"plan team starts at 5 seats; 4 are too few","target":"update"}"#,
        ),
        (
            &flat,
            r#"{"quantity":4}"#,
            r#"{"code":"BadRequest","message":"plan growth is a flat rate: it takes no number of seats","target":"update"}"#,
        ),
    ];
    for (id, body, expected) in table {
        refused(&contoso, id, body, expected).await;
    }
    for id in [&id, &flat] {
        assert!(!kinds(&world, id).await.contains(&"operationRequested".to_owned()));
    }
}

#[tokio::test]
async fn what_is_not_active_locked_or_a_csps_is_not_changed() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let pending = bought(&world).await;
    let by_csp = text(&world.buyer().buys_seats().await, "id");
    contoso.activate(&by_csp).await;
    let locked = active(&world, &contoso).await;
    accepted(&contoso.changes(&locked, json!({ "quantity": 6 })).await);
    let ending = active(&world, &contoso).await;
    accepted(&contoso.cancels(&ending).await);
    let table = [
        (&pending, r#"{"quantity":6}"#, NOT_ACTIVE),
        (&locked, r#"{"quantity":7}"#, LOCKED),
        (&locked, r#"{"planId":"business"}"#, LOCKED),
        (&ending, r#"{"quantity":7}"#, LOCKED),
        (&by_csp, r#"{"quantity":6}"#, NOT_ALLOWED),
        (&by_csp, r#"{"planId":"business"}"#, NOT_ALLOWED),
    ];
    for (id, body, expected) in table {
        refused(&contoso, id, body, expected).await;
    }
    for (id, requested) in [(&pending, 0), (&by_csp, 0), (&locked, 1), (&ending, 1)] {
        let facts = kinds(&world, id).await;
        assert_eq!(facts.iter().filter(|kind| *kind == "operationRequested").count(), requested);
    }
    world.operator().advances("PT1S").await;
    accepted(&contoso.changes(&locked, json!({ "quantity": 7 })).await);
    refused(&contoso, &ending, r#"{"quantity":7}"#, NOT_ACTIVE).await;
}

#[tokio::test]
async fn what_a_csp_bought_the_publisher_only_reads() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let by_csp = text(&world.buyer().buys_seats().await, "id");
    let direct = bought(&world).await;
    let read = contoso.get(&by_csp).await.expect(200);
    assert_eq!(read["allowedCustomerOperations"], json!(["Read"]));
    assert_ne!(read["purchaser"], read["beneficiary"]);
    let read = contoso.get(&direct).await.expect(200);
    assert_eq!(read["allowedCustomerOperations"], json!(["Delete", "Read", "Update"]));
    assert_eq!(read["purchaser"], read["beneficiary"]);
    let view = world.operator().subscription(&direct).await;
    assert_eq!((view.get("partner"), &view["purchaser"]), (None, &json!("nora.lindqvist@northwind.example")));

    let refused = contoso.cancels(&by_csp).await;
    let expected = r#"{"code":"BadRequest","message":"Delete is not among the subscription's allowedCustomerOperations","target":"update"}"#;
    assert_eq!((refused.status, refused.text.as_str()), (400, expected));
    world.operator().advances("P1D").await;
    assert_eq!(world.operator().subscription(&by_csp).await["status"], "PendingFulfillmentStart");

    let both = json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5, "partner": "proseware", "direct": true });
    assert_eq!(world.buyer().tries(both).await.expect(400)["field"], "direct");
}

#[tokio::test]
async fn a_cancellation_ends_pending_and_active_ones_and_succeeds_again() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let pending = bought(&world).await;
    let billed = active(&world, &contoso).await;
    assert_eq!(contoso.reports(&billed, 5).await.status, 200);
    let half = active(&world, &contoso).await;
    let ledger = world.operator().subscription(&billed).await["ledger"].clone();
    assert_eq!(ledger.as_array().map(Vec::len), Some(1));
    let before = contoso.get(&billed).await.expect(200);
    for id in [&pending, &billed, &half] {
        let operation = accepted(&contoso.cancels(id).await);
        assert_eq!(accepted(&contoso.cancels(id).await), operation, "asked for twice");
        assert_ne!(contoso.get(id).await.expect(200)["saasSubscriptionStatus"], "Unsubscribed", "not yet");
        world.operator().advances("PT1S").await;
        assert_eq!(contoso.operation(id, &operation).await.expect(200)["status"], "Succeeded");
        let again = contoso.cancels(id).await;
        assert_eq!((again.status, again.text.as_str(), again.header("operation-id")), (200, "", None));
        assert_eq!(kinds(&world, id).await.iter().filter(|kind| *kind == "unsubscribed").count(), 1);
        assert_eq!(contoso.reports(id, 5).await.expect(409)["code"], "notInStatus");
        assert_eq!(contoso.activate(id).await.status, 404);
    }
    let mut after = before;
    after["saasSubscriptionStatus"] = "Unsubscribed".into();
    assert_eq!(contoso.get(&billed).await.expect(200), after, "plan, quantity and term stay");
    assert_eq!(contoso.get(&pending).await.expect(200)["term"], json!({ "termUnit": "P1M" }));

    world.operator().advances("P400D").await;
    let lines = world.operator().subscription(&billed).await["ledger"].clone();
    let kinds: Vec<_> = lines.as_array().unwrap().iter().map(|line| text(line, "kind")).collect();
    assert_eq!(kinds, ["termFee", "refund"], "nothing more is billed");
    assert_eq!(lines[0], ledger[0]);
    for id in [&pending, &half] {
        let view = world.operator().subscription(id).await;
        assert_eq!((&view["ledger"], &view["billing"]["started"]), (&json!([]), &json!(false)));
    }
}

#[tokio::test]
async fn a_cancellation_finds_no_lock_and_ends_after_the_change_before_it() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = active(&world, &contoso).await;
    let change = accepted(&contoso.changes(&id, json!({ "quantity": 8 })).await);
    let cancellation = accepted(&contoso.cancels(&id).await);
    world.operator().advances("PT0.5S").await;
    let listed = contoso.operations(&id).await.expect(200);
    let listed: Vec<_> = listed["operations"].as_array().unwrap().iter().map(|one| text(one, "id")).collect();
    assert_eq!(listed, [change.clone(), cancellation.clone()]);
    world.operator().advances("PT0.5S").await;
    let status = async |operation: &str| contoso.operation(&id, operation).await.expect(200)["status"].clone();
    assert_eq!([status(&change).await, status(&cancellation).await], ["Succeeded", "Succeeded"], "in their order");
    let read = contoso.get(&id).await.expect(200);
    assert_eq!((&read["quantity"], &read["saasSubscriptionStatus"]), (&json!(8), &json!("Unsubscribed")));
}

#[tokio::test]
async fn what_does_not_exist_is_told_as_the_real_service_tells_it() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = active(&world, &contoso).await;
    let operation = accepted(&contoso.changes(&id, json!({ "quantity": 8 })).await);
    let other = active(&world, &contoso).await;
    let success = json!({ "status": "Success" });

    let no_subscription = format!(
        r#"{{"code":"EntityNotFound","message":"Subscription {UNKNOWN} not found","target":"subscriptionId"}}"#
    );
    for reply in [contoso.changes(UNKNOWN, json!({ "quantity": 8 })).await, contoso.cancels(UNKNOWN).await] {
        assert_eq!((reply.status, &reply.text), (404, &no_subscription));
    }
    let listed = contoso.operations(UNKNOWN).await;
    assert_eq!((listed.status, listed.text.as_str()), (200, r#"{"operations":[]}"#));
    let got = contoso.operation(UNKNOWN, &operation).await;
    assert_eq!((got.status, &got.text), (400, &no_subscription));
    for (id, operation) in
        [(id.as_str(), UNKNOWN), (&other, operation.as_str()), (&id, "not-a-guid"), ("not-a-guid", operation.as_str())]
    {
        let expected =
            format!(r#"{{"code":"EntityNotFound","message":"Failed to get operation","target":"{operation}"}}"#);
        let got = contoso.operation(id, operation).await;
        assert_eq!((got.status, got.text), (400, expected));
    }
    let expected = r#"{"code":"NotFound","message":"Failed to find operation","target":"operation"}"#;
    for (id, operation) in [
        (UNKNOWN, operation.as_str()),
        (&id, UNKNOWN),
        (&other, operation.as_str()),
        (&id, "not-a-guid"),
        ("not-a-guid", operation.as_str()),
    ] {
        let answered = contoso.answers(id, operation, &success).await;
        assert_eq!((answered.status, answered.text.as_str()), (400, expected));
    }
}

#[tokio::test]
async fn operations_are_for_their_own_publisher() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = active(&world, &contoso).await;
    let operation = accepted(&contoso.changes(&id, json!({ "quantity": 8 })).await);
    let fabrikam = world.publisher("fabrikam").await;
    let nobody = contoso.with_token("nonsense".to_owned());
    for stranger in [&fabrikam, &nobody] {
        for reply in [
            stranger.changes(&id, json!({ "quantity": 9 })).await,
            stranger.cancels(&id).await,
            stranger.operations(&id).await,
            stranger.operation(&id, &operation).await,
            stranger.answers(&id, &operation, &json!({ "status": "Failure" })).await,
        ] {
            assert_eq!((reply.status, reply.text.len()), (403, 403), "{}", reply.text);
        }
    }
    world.operator().advances("PT1S").await;
    assert_eq!(contoso.get(&id).await.expect(200)["quantity"], 8, "nobody else changed anything");
}

#[tokio::test]
async fn an_answer_to_the_publishers_own_operation_is_an_error_and_to_an_ended_one_a_conflict() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = active(&world, &contoso).await;
    let operation = accepted(&contoso.changes(&id, json!({ "quantity": 8 })).await);
    let bodies =
        [json!({ "status": "Success" }), json!({ "status": "Failure" }), json!({ "status": "Succeeded" }), json!([])];
    for by in ["PT0S", "PT0.5S"] {
        world.operator().advances(by).await;
        for body in &bodies {
            let reply = contoso.answers(&id, &operation, body).await;
            assert_eq!((reply.status, reply.text.as_str()), (500, r#"{"message":"An error has occurred."}"#), "{body}");
        }
    }
    world.operator().advances("PT0.5S").await;
    assert_eq!(contoso.operation(&id, &operation).await.expect(200)["status"], "Succeeded", "no answer disturbed it");
    for body in &bodies {
        let path = format!("/subscriptions/{id}/operations/{operation}");
        let reply = send(contoso.request(Method::PATCH, &path).header("x-ms-requestid", "mine").json(body)).await;
        assert_eq!((reply.status, reply.text.as_str()), (409, r#"{"message":"mine"}"#), "{body}");
        let reply = contoso.answers(&id, &operation, body).await;
        let expected = json!({ "message": reply.header("x-ms-requestid").unwrap() });
        assert_eq!(reply.expect(409), expected, "{body}");
    }
}

#[tokio::test]
async fn a_body_is_read_leniently_and_the_journal_tells_how() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = active(&world, &contoso).await;
    let table = [
        (r#"{"quantity":6}"#, None),
        (r#"{"quantity":"7"}"#, Some("quantity is a text")),
        (r#"{"QUANTITY":8,"planId":null}"#, Some("quantity is spelled QUANTITY")),
        (r#"{"PlanId":"business","note":"x"}"#, Some("planId is spelled PlanId; note is not known, and ignored")),
    ];
    for (body, remark) in table {
        accepted(&send(contoso.request(Method::PATCH, &format!("/subscriptions/{id}")).body(body)).await);
        let entry =
            world.operator().journal(&format!("subscription={id}&kind=exchange&limit=1000")).await.pop().unwrap();
        assert_eq!(entry["data"]["remark"].as_str(), remark, "{body}: {entry}");
        world.operator().advances("PT1S").await;
    }
    let read = contoso.get(&id).await.expect(200);
    assert_eq!((&read["quantity"], &read["planId"]), (&json!(8), &json!("business")));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_at_once_one_wins_and_the_others_find_the_lock() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = active(&world, &contoso).await;
    let tasks: Vec<_> = (6..22)
        .map(|quantity| {
            let (contoso, id) = (contoso.clone(), id.clone());
            tokio::spawn(async move { (quantity, contoso.changes(&id, json!({ "quantity": quantity })).await) })
        })
        .collect();
    let mut won = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (quantity, reply) if reply.status == 202 => won.push((quantity, accepted(&reply))),
            (_, reply) => assert_eq!(reply.expect(400)["code"], "Failed"),
        }
    }
    let [(quantity, operation)] = won.as_slice() else { panic!("{won:?}") };
    world.operator().advances("PT1S").await;
    assert_eq!(contoso.get(&id).await.expect(200)["quantity"], *quantity);
    assert_eq!(contoso.operation(&id, operation).await.expect(200)["status"], "Succeeded");

    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (contoso, id) = (contoso.clone(), id.clone());
            tokio::spawn(async move { accepted(&contoso.cancels(&id).await) })
        })
        .collect();
    let mut operations = std::collections::BTreeSet::new();
    for task in tasks {
        operations.insert(task.await.unwrap());
    }
    assert_eq!(operations.len(), 1, "{operations:?}");
    world.operator().advances("PT1S").await;
    assert_eq!(kinds(&world, &id).await.iter().filter(|kind| *kind == "unsubscribed").count(), 1);
}

#[tokio::test]
async fn operations_take_as_long_as_the_sandbox_says() {
    let world = World::start().await;
    for (delays, advances) in [
        ("none", &[("PT0S", "Succeeded", 0)][..]),
        ("brief", &[("PT0.499S", "NotStarted", 0), ("PT0.001S", "InProgress", 1), ("PT0.5S", "Succeeded", 0)]),
        (
            "live",
            &[
                ("PT1.999S", "NotStarted", 0),
                ("PT0.001S", "InProgress", 0),
                ("PT1.999S", "InProgress", 0),
                ("PT0.001S", "InProgress", 1),
                ("PT3S", "Succeeded", 0),
            ],
        ),
    ] {
        let new = json!({ "name": delays, "frozenAt": START, "timers": "manual", "delays": delays });
        assert_eq!(world.control(Method::POST, "/sandboxes", Some(new)).await.expect(201)["delays"], delays);
        let contoso = world.publisher_in(delays, "contoso").await;
        let id = bought_in(&world, delays, "contoso-crm", "team", Some(5)).await;
        contoso.activate(&id).await;
        if delays == "live" {
            assert_eq!(contoso.get(&id).await.expect(200)["saasSubscriptionStatus"], "PendingFulfillmentStart");
            world.operator_of(delays).advances("PT30S").await;
        }
        let operation = accepted(&contoso.changes(&id, json!({ "quantity": 8 })).await);
        for (by, status, listed) in advances {
            if *by != "PT0S" {
                world.operator_of(delays).advances(by).await;
            }
            assert_eq!(contoso.operation(&id, &operation).await.expect(200)["status"], *status, "{delays} {by}");
            let list = contoso.operations(&id).await.expect(200);
            assert_eq!(list["operations"].as_array().map(Vec::len), Some(*listed), "{delays} {by}");
        }
        assert_eq!(contoso.get(&id).await.expect(200)["quantity"], 8);
        let facts = world.operator_of(delays).journal(&format!("subscription={id}&limit=1000")).await;
        let actors = facts.iter().filter(|entry| text(entry, "kind").starts_with("operation"));
        let actors: Vec<_> = actors.map(|entry| text(entry, "from")).collect();
        assert_eq!(actors, ["publisher", "marketplace", "marketplace"], "{delays}");
    }
}

#[tokio::test]
async fn where_the_server_runs_the_timers_an_operation_ends_by_itself() {
    let world = World::start().await;
    let contoso = world.publisher_in("default", "contoso").await;
    let id = bought_in(&world, "default", "contoso-crm", "team", Some(5)).await;
    contoso.activate(&id).await;
    let mut changes = world.changes("default");
    let operation = accepted(&contoso.changes(&id, json!({ "quantity": 8 })).await);
    while contoso.operation(&id, &operation).await.expect(200)["status"] != "Succeeded" {
        changes.next().await.unwrap();
    }
    let facts = world.operator_of("default").journal(&format!("subscription={id}&limit=1000")).await;
    let at = |kind: &str| {
        let fact = facts.iter().find(|entry| entry["kind"] == kind).unwrap();
        text(fact, "at").parse::<jiff::Timestamp>().unwrap().as_millisecond()
    };
    let [requested, started, ended] = ["operationRequested", "operationStarted", "operationSucceeded"].map(at);
    assert!(started - requested >= 500 && ended - started >= 500, "{requested} {started} {ended}");
    assert_eq!(contoso.get(&id).await.expect(200)["quantity"], 8);
}

#[tokio::test]
async fn an_operation_goes_on_where_it_was_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let on_disk = || ServerOptions { data: Some(folder.path().to_owned()), ..ServerOptions::default() };
    let world = World::start_with(on_disk()).await;
    world.create_sandbox(SANDBOX).await;
    let contoso = world.publisher("contoso").await;
    let id = active(&world, &contoso).await;
    let operation = accepted(&contoso.changes(&id, json!({ "quantity": 8 })).await);
    world.operator().advances("PT0.5S").await;
    world.stop().await;

    let world = World::start_with(on_disk()).await;
    let contoso = world.publisher("contoso").await;
    assert_eq!(contoso.operation(&id, &operation).await.expect(200)["status"], "InProgress");
    assert_eq!(contoso.changes(&id, json!({ "quantity": 9 })).await.expect(400)["code"], "Failed", "the lock holds");
    world.operator().advances("PT0.5S").await;
    assert_eq!(contoso.operation(&id, &operation).await.expect(200)["status"], "Succeeded");
    assert_eq!(contoso.get(&id).await.expect(200)["quantity"], 8);
}
