//! Purchases: what is sold, and what is refused and why.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use super::problem;
use crate::world::{SANDBOX, START, World, code, send, text};

/// An order of five seats with some fields changed; `null` takes a field out.
fn order(changes: Value) -> Value {
    let mut order = json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5 });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            order.as_object_mut().unwrap().shift_remove(name);
        } else {
            order[name] = value.clone();
        }
    }
    order
}

#[tokio::test]
async fn a_purchase_is_told_whole_and_nothing_is_billed() {
    let world = World::start().await;
    let reply = world.buyer().tries(order(json!({ "name": "CRM for sales" }))).await;
    let bought = reply.expect(201);
    let id = text(&bought, "id");
    let place = format!("/sim/v1/sandboxes/{SANDBOX}/subscriptions/{id}");
    assert_eq!(reply.header("location"), Some(place.as_str()));
    assert_eq!(world.get(&place).await.expect(200), bought);
    for (field, value) in [
        ("name", json!("CRM for sales")),
        ("status", json!("PendingFulfillmentStart")),
        ("publisher", json!("contoso")),
        ("partner", json!("proseware")),
        ("purchaser", json!("priya.sharma@proseware.example")),
        ("beneficiary", json!("nora.lindqvist@northwind.example")),
        ("quantity", json!(5)),
        ("termUnit", json!("P1M")),
        ("unitPrice", json!({ "amount": "24.50", "currency": "USD" })),
        ("created", json!(START)),
        ("activationDeadline", json!("2026-01-31T09:00:00Z")),
        ("ledger", json!([])),
    ] {
        assert_eq!(bought[field], value, "{field}");
    }
    assert!(bought.get("term").is_none());
    let link = &bought["link"];
    assert_eq!([&link["issuedAt"], &link["expiresAt"]], [START, "2026-01-02T09:00:00Z"]);
    let url: url::Url = text(link, "personalizedLink").parse().unwrap();
    let token = url.query_pairs().find(|(name, _)| name == "token").unwrap().1.into_owned();
    assert_eq!(token, code(&bought), "decoded exactly once");
}

#[tokio::test]
async fn a_refusal_names_the_reason_and_the_field() {
    let world = World::start().await;
    let table = [
        (json!({ "customer": "nobody" }), "unknownCustomer", "customer"),
        (json!({ "partner": "nobody" }), "unknownPartner", "partner"),
        (json!({ "partner": "litware" }), "customerOfAnotherPartner", "customer"),
        (json!({ "offer": "nothing" }), "unknownOffer", "offer"),
        (json!({ "plan": "nothing" }), "unknownPlan", "plan"),
        (json!({ "plan": "enterprise-aw", "quantity": 25 }), "planPrivate", "plan"),
        (json!({ "plan": "classic" }), "planStopSell", "plan"),
        (json!({ "termUnit": "P3Y" }), "termNotSold", "termUnit"),
        (json!({ "termUnit": "P2M" }), "termNotSold", "termUnit"),
        (json!({ "quantity": null }), "quantityRequired", "quantity"),
        (json!({ "offer": "contoso-mail", "plan": "growth" }), "quantityNotAllowed", "quantity"),
        (json!({ "quantity": 4 }), "tooFewSeats", "quantity"),
        (json!({ "quantity": 51 }), "tooManySeats", "quantity"),
        (json!({ "name": "n".repeat(129) }), "nicknameTooLong", "name"),
    ];
    for (changes, code, field) in table {
        problem(&world.buyer().tries(order(changes)).await, 422, code, Some(field));
    }
    assert!(world.operator().journal("kind=purchaseCreated").await.is_empty());
}

#[tokio::test]
async fn input_that_can_not_be_read_is_refused() {
    let world = World::start().await;
    for (changes, field) in [
        (json!({ "quantity": 0 }), Some("quantity")),
        (json!({ "customer": "No Such Name" }), Some("customer")),
        (json!({ "partner": "" }), Some("partner")),
        (json!({ "plan": "a/b" }), Some("plan")),
        (json!({ "customer": null }), None),
        (json!({ "quantity": -5 }), None),
        (json!({ "quantity": "5" }), None),
        (json!({ "quantity": 5.5 }), None),
        (json!({ "quantity": 5_000_000_000_u64 }), None),
        (json!({ "seats": 5 }), None),
    ] {
        problem(&world.buyer().tries(order(changes)).await, 400, "badInput", field);
    }
    let reply = world.buyer().tries(order(json!({ "seats": 5 }))).await.expect(400);
    assert!(text(&reply, "detail").contains("seats"), "{reply}");
    for body in ["{", "nonsense", "null", "\u{0}"] {
        let request = world.request(Method::POST, "/sim/v1/sandboxes/stage/purchases").body(body);
        problem(&send(request).await, 400, "badInput", None);
    }
    problem(&world.buyer().tries_in("nowhere", order(json!({}))).await, 404, "unknownSandbox", None);
    problem(&world.buyer().tries_in("No%20Where", order(json!({}))).await, 400, "badInput", Some("sandbox"));
}

#[tokio::test]
async fn the_limits_themselves_are_sold() {
    let world = World::start().await;
    for changes in [
        json!({ "quantity": 50 }),
        json!({ "termUnit": "P1Y" }),
        json!({ "partner": "proseware" }),
        json!({ "customer": "adventure-works", "plan": "enterprise-aw", "quantity": 25 }),
        json!({ "offer": "contoso-mail", "plan": "growth", "quantity": null }),
        json!({ "name": "  " }),
    ] {
        world.buyer().tries(order(changes)).await.expect(201);
    }
}

#[tokio::test]
async fn a_fresh_link_resolves_and_so_does_the_one_before() {
    let world = World::start().await;
    let bought = world.buyer().buys_seats().await;
    let id = text(&bought, "id");
    world.operator().advances("PT23H").await;
    let fresh = world.operator().post(&format!("subscriptions/{id}/links"), json!({})).await.expect(201);
    assert_eq!(fresh["expiresAt"], "2026-01-03T08:00:00Z");
    let contoso = world.publisher("contoso").await;
    for code in [code(&bought), text(&fresh, "authorizationCode")] {
        assert_eq!(contoso.resolve(&code).await.expect(200)["id"], id.as_str());
    }
    world.operator().advances("PT1H").await;
    let contoso = world.publisher("contoso").await;
    assert_eq!(contoso.resolve(&code(&bought)).await.status, 400);
    assert_eq!(contoso.resolve(&text(&fresh, "authorizationCode")).await.status, 200);
}

#[tokio::test]
async fn what_there_is_not_is_a_problem_of_404() {
    let world = World::start().await;
    let unknown = "subscriptions/0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9";
    problem(&world.operator().get(unknown).await, 404, "unknownSubscription", None);
    problem(&world.operator().post(&format!("{unknown}/links"), json!({})).await, 404, "unknownSubscription", None);
    problem(&world.operator().get("subscriptions/not-a-guid").await, 400, "badInput", Some("subscription"));
    problem(&world.get("/sim/v1/nothing").await, 404, "noSuchPath", None);
    let reply = send(world.request(Method::DELETE, "/sim/v1/sandboxes/stage/clock")).await;
    problem(&reply, 405, "noSuchMethod", None);
    assert_eq!(reply.header("allow"), Some("GET,HEAD"));
    problem(&world.get("/sim/v2/sandboxes").await, 404, "noSuchPath", None);
}

/// Bought one by one, and many at the same instant, of two publishers: which are stored together is nothing to who lists them.
#[tokio::test]
async fn the_list_goes_on_newest_first() {
    let world = World::start().await;
    let (mut bought, mut minutes) = (Vec::new(), Vec::new());
    for number in [1, 30, 1, 7] {
        let buyer = world.buyer();
        let crm = (0..number).map(|_| buyer.buys_seats());
        let vault = (0..number).map(|_| buyer.buys("woodgrove", "fabrikam-vault", "teams", Some(2)));
        let (crm, vault) = join(join_all(crm), join_all(vault)).await;
        bought.extend(crm.iter().chain(&vault).map(|one| text(one, "id")));
        minutes.push(bought.len());
        world.operator().advances("PT1M").await;
    }
    let all = list(&world, 500).await;
    assert_eq!(all.len(), bought.len());
    let mut before = 0;
    for after in minutes {
        let of_minute = |ids: &[String]| BTreeSet::from_iter(ids.iter().cloned());
        let listed = &all[bought.len() - after..bought.len() - before];
        assert_eq!(of_minute(listed), of_minute(&bought[before..after]));
        before = after;
    }
    for limit in [1, 2, 7, 64] {
        assert_eq!(list(&world, limit).await, all, "{limit} at a time");
    }
    problem(&world.operator().get("subscriptions?after=x").await, 400, "badInput", Some("after"));
    problem(&world.operator().get("subscriptions?page=2").await, 400, "badInput", None);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_the_server_goes_on() {
    let world = World::start().await;
    let large = " ".repeat(2 * 1024 * 1024 + 1);
    let request = world.request(Method::POST, "/sim/v1/sandboxes/stage/purchases").body(large);
    problem(&send(request).await, 413, "bodyTooLarge", None);
    let contoso = world.publisher("contoso").await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let request = contoso.request(Method::POST, &format!("/subscriptions/{id}/activate"));
    assert_eq!(send(request.body(" ".repeat(256 * 1024 + 1))).await.status, 413);
    assert_eq!(contoso.get(&id).await.expect(200)["saasSubscriptionStatus"], "PendingFulfillmentStart");
}

/// All subscriptions, so many at a time.
async fn list(world: &World, limit: usize) -> Vec<String> {
    let mut listed = Vec::new();
    let mut query = Some(format!("limit={limit}"));
    while let Some(next) = query {
        let page = world.operator().get(&format!("subscriptions?{next}")).await.expect(200);
        let subscriptions = page["subscriptions"].as_array().unwrap();
        assert!(subscriptions.len() <= limit);
        listed.extend(subscriptions.iter().map(|one| text(one, "id")));
        query = page["next"].as_str().map(str::to_owned);
    }
    listed
}
