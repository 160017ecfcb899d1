//! Both confirmations: the report that licences are assigned, what billing still waits for, and the first charge.

use reqwest::Method;
use serde_json::{Value, json};

use super::{kinds, problem};
use crate::world::{SANDBOX, World, send, text};

fn missing(view: &Value) -> Vec<String> {
    view["billing"]["missing"].as_array().unwrap().iter().map(|one| text(one, "kind")).collect()
}

#[tokio::test]
async fn billing_tells_what_it_waits_for_since_when_and_what_would_bring_it() {
    let world = World::start().await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let contoso = world.publisher("contoso").await;
    let view = world.operator().subscription(&id).await;
    assert_eq!(view["billing"]["started"], false);
    assert_eq!(missing(&view), ["licensesAssigned", "activated"]);
    for (one, call) in [(0, "/licenses as the publisher"), (1, "/activate as the publisher")] {
        let one = &view["billing"]["missing"][one];
        assert_eq!(one["since"], "2026-01-01T09:00:00Z");
        assert!(text(one, "remedy").contains(call), "{one}");
    }
    let after = contoso.reports(&id, 3).await.expect(200);
    assert_eq!(missing(&after), ["activated"]);
    let licenses = &after["confirmations"][0];
    assert_eq!([&licenses["assigned"], &licenses["pool"], &licenses["required"]], [&json!(3), &json!(2), &json!(true)]);
    assert_eq!(after["status"], "PendingFulfillmentStart");
    world.operator().advances("PT30M").await;
    contoso.activate(&id).await;
    let view = world.operator().subscription(&id).await;
    assert_eq!(view["billing"], json!({ "started": true, "since": "2026-01-01T09:30:00Z", "missing": [] }));
}

#[tokio::test]
async fn whichever_confirmation_comes_last_opens_billing() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    for activates_first in [true, false] {
        let id = text(&world.buyer().buys_seats().await, "id");
        if activates_first {
            contoso.activate(&id).await;
        } else {
            contoso.reports(&id, 5).await;
        }
        world.operator().advances("PT10M").await;
        let between = world.operator().subscription(&id).await;
        assert_eq!([&between["billing"]["started"], &between["ledger"]], [&json!(false), &json!([])]);
        if activates_first {
            contoso.reports(&id, 5).await;
        } else {
            contoso.activate(&id).await;
        }
        let view = world.operator().subscription(&id).await;
        let line = &view["ledger"][0];
        let clock = world.operator().get("clock").await.expect(200);
        assert_eq!([&view["billing"]["since"], &line["at"]], [&clock["now"], &clock["now"]]);
        assert_eq!(line["amount"], json!({ "amount": "122.50", "currency": "USD" }));
        assert_eq!(line["unitPrice"], json!({ "amount": "24.50", "currency": "USD" }));
        assert_eq!([&line["number"], &line["kind"], &line["quantity"]], [&json!(1), &json!("termFee"), &json!("5")]);
        assert_eq!(line["period"], json!({ "start": "2026-01-01", "end": "2026-01-31" }));
        assert_eq!(view["ledger"].as_array().map(Vec::len), Some(1));
        let mut caused = causes(&world, line).await;
        caused.sort();
        assert_eq!(caused, ["activated", "billingStarted", "licensesAssigned"]);
    }
}

/// The kinds of the entries that a ledger line says it was caused by.
async fn causes(world: &World, line: &Value) -> Vec<String> {
    let journal = world.operator().journal("limit=1000").await;
    let numbers = line["causedBy"].as_array().unwrap();
    let entry = |number: &Value| journal.iter().find(|entry| entry["seq"] == *number).unwrap();
    numbers.iter().map(|number| text(entry(number), "kind")).collect()
}

#[tokio::test]
async fn an_offer_that_waits_for_activation_alone_is_billed_on_activation() {
    let world = World::start().await;
    let id = text(&world.buyer().buys("margies-travel", "fabrikam-insights", "standard", None).await, "id");
    assert_eq!(missing(&world.operator().subscription(&id).await), ["activated"]);
    world.publisher("fabrikam").await.activate(&id).await;
    let view = world.operator().subscription(&id).await;
    assert_eq!(view["ledger"][0]["amount"], json!({ "amount": "149.00", "currency": "EUR" }));
    assert_eq!(causes(&world, &view["ledger"][0]).await, ["activated", "billingStarted"]);
}

#[tokio::test]
async fn a_free_trial_is_charged_at_zero() {
    let world = World::start().await;
    let id = text(&world.buyer().buys("northwind", "contoso-crm", "starter", Some(2)).await, "id");
    let contoso = world.publisher("contoso").await;
    contoso.reports(&id, 2).await.expect(200);
    contoso.activate(&id).await;
    let line = &world.operator().subscription(&id).await["ledger"][0];
    assert_eq!(line["kind"], "freeTrial");
    assert_eq!(line["amount"]["amount"].as_str().map(|amount| amount.trim_matches(['0', '.'])), Some(""));
    assert_eq!(contoso.get(&id).await.expect(200)["isFreeTrial"], true);

    // It is had once: whoever cancels and buys again pays.
    world.operator().post(&format!("subscriptions/{id}/cancellation"), json!({})).await.expect(200);
    for (customer, is_trial) in [("northwind", false), ("adventure-works", true)] {
        let again = text(&world.buyer().buys(customer, "contoso-crm", "starter", Some(2)).await, "id");
        assert_eq!(contoso.get(&again).await.expect(200)["isFreeTrial"], is_trial, "{customer}");
    }
    world.counts_its_documents(SANDBOX).await;
}

/// Whichever of several purchases begins first has the trial, in whichever order they were bought; the others are paid for.
#[tokio::test]
async fn one_trial_begins_of_several_that_were_bought() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let mut bought = Vec::new();
    for _ in 0..3 {
        let id = text(&world.buyer().buys("northwind", "contoso-crm", "starter", Some(2)).await, "id");
        assert_eq!(contoso.get(&id).await.expect(200)["isFreeTrial"], true);
        bought.push(id);
    }
    contoso.reports(&bought[0], 2).await.expect(200);
    contoso.activate(&bought[1]).await;
    contoso.reports(&bought[1], 2).await.expect(200);
    // What waits takes effect a while after it was asked for, and finds the trial begun as well.
    let delays = async |delays: &str| {
        let settings = Some(json!({ "delays": delays }));
        world.control(Method::PATCH, &format!("/sandboxes/{SANDBOX}"), settings).await.expect(200);
    };
    delays("live").await;
    contoso.activate(&bought[0]).await;
    world.operator().advances("PT1M").await;
    delays("none").await;
    contoso.activate(&bought[2]).await;
    contoso.reports(&bought[2], 2).await.expect(200);
    for (id, kind, amount, used) in
        [(&bought[0], "termFee", "24.00", 1), (&bought[1], "freeTrial", "0.00", 0), (&bought[2], "termFee", "24.00", 1)]
    {
        let view = world.operator().subscription(id).await;
        let ledger = view["ledger"].as_array().unwrap();
        assert_eq!(
            (ledger.len(), &ledger[0]["kind"], &ledger[0]["amount"]["amount"]),
            (1, &json!(kind), &json!(amount))
        );
        assert_eq!(contoso.get(id).await.expect(200)["isFreeTrial"], kind == "freeTrial");
        assert_eq!(world.operator().journal(&format!("subscription={id}&kind=trialUsed")).await.len(), used);
    }
    world.counts_its_documents(SANDBOX).await;
}

#[tokio::test]
async fn a_report_that_is_not_the_publishers_to_make_is_refused() {
    let world = World::start().await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let contoso = world.publisher("contoso").await;
    let path = format!("/sim/v1/subscriptions/{id}/licenses");
    let nobody = send(world.request(Method::POST, &path).json(&json!({ "assigned": 1 }))).await;
    problem(&nobody, 403, "tokenRefused", None);
    let bad = contoso.with_token("nonsense".to_owned()).reports(&id, 1).await;
    problem(&bad, 403, "tokenRefused", None);
    problem(&world.publisher("fabrikam").await.reports(&id, 1).await, 403, "otherPublisher", None);
    problem(&contoso.reports(&id, 6).await, 422, "tooManyLicenses", Some("assigned"));
    let unknown = "0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9";
    problem(&contoso.reports(unknown, 1).await, 404, "unknownSubscription", None);
    problem(&contoso.reports("not-a-guid", 1).await, 400, "badInput", Some("subscription"));
    for body in [json!({}), json!({ "assigned": -1 }), json!({ "assigned": 1, "seats": 1 })] {
        problem(&send(contoso.raw(Method::POST, &path).json(&body)).await, 400, "badInput", None);
    }
    assert_eq!(missing(&world.operator().subscription(&id).await), ["licensesAssigned", "activated"]);
}

#[tokio::test]
async fn a_repeated_report_changes_nothing() {
    let world = World::start().await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let contoso = world.publisher("contoso").await;
    let first = contoso.reports(&id, 3).await.expect(200);
    world.operator().advances("PT5M").await;
    assert_eq!(contoso.reports(&id, 3).await.expect(200)["confirmations"], first["confirmations"]);
    let facts = world.operator().journal(&format!("subscription={id}&kind=licensesAssigned")).await;
    assert_eq!(kinds(&facts), ["licensesAssigned"]);
}
