//! The clock, and what time brings.

use reqwest::Method;
use serde_json::{Value, json};

use super::{kinds, problem};
use crate::world::{START, World, text};

#[tokio::test]
async fn the_clock_moves_when_it_is_told_to() {
    let world = World::start().await;
    let operator = world.operator();
    assert_eq!(operator.get("clock").await.expect(200), json!({ "now": START, "frozen": true }));
    let now = |ran: Value| text(&ran["clock"], "now");
    assert_eq!(now(operator.advances("PT90S").await), "2026-01-01T09:01:30Z");
    assert_eq!(now(operator.advances("2d").await), "2026-01-03T09:01:30Z");
    assert_eq!(now(operator.advances("P1M").await), "2026-02-03T09:01:30Z");
    let to = operator.post("clock/advance", json!({ "to": "2026-03-01T00:00:00Z" })).await;
    assert_eq!(now(to.expect(200)), "2026-03-01T00:00:00Z");
    assert_eq!(now(operator.advances("PT0S").await), "2026-03-01T00:00:00Z");
    let frozen = operator.post("clock/freeze", json!({ "at": "2026-03-02T00:00:00Z" })).await.expect(200);
    assert_eq!([&frozen["now"], &frozen["frozen"]], [&json!("2026-03-02T00:00:00Z"), &json!(true)]);
    let running = operator.post("clock/resume", json!({})).await.expect(200);
    assert_eq!(running["frozen"], false);
    assert!(text(&running, "now").as_str() >= "2026-03-02T00:00:00", "{running}");
    assert_eq!(operator.post("clock/freeze", json!({})).await.expect(200)["frozen"], true);
}

#[tokio::test]
async fn a_move_that_makes_no_sense_is_refused() {
    let world = World::start().await;
    let operator = world.operator();
    for (body, field) in [
        (json!({ "by": "soon" }), Some("by")),
        (json!({ "by": "" }), Some("by")),
        (json!({ "by": "-P1D" }), Some("by")),
        (json!({ "by": "P1000000Y" }), Some("by")),
        (json!({ "to": "tomorrow" }), Some("to")),
        (json!({}), Some("by")),
        (json!({ "by": "P1D", "to": "2026-03-01T00:00:00Z" }), Some("by")),
        (json!({ "for": "P1D" }), None),
        (json!({ "by": 5 }), None),
        (json!(["P1D", null]), None),
    ] {
        problem(&operator.post("clock/advance", body).await, 400, "badInput", field);
    }
    problem(&operator.post("clock/freeze", json!({ "at": "noon" })).await, 400, "badInput", Some("at"));
    assert_eq!(operator.get("clock").await.expect(200)["now"], START, "a clock never goes back");
    problem(&world.operator_of("nobody").get("clock").await, 404, "unknownSandbox", None);
    problem(&world.operator_of("nobody").post("clock/resume", json!({})).await, 404, "unknownSandbox", None);
}

/// At the end of the calendar the next term would begin where the last one does, for ever.
#[tokio::test]
async fn a_clock_ends_before_the_calendar_does() {
    let world = World::start().await;
    let operator = world.operator();
    let beyond = "9900-01-01T00:00:00.001Z";
    problem(&operator.post("clock/advance", json!({ "to": beyond })).await, 422, "beyondCalendar", None);
    problem(&operator.post("clock/advance", json!({ "by": "P7900Y" })).await, 422, "beyondCalendar", None);
    problem(&operator.post("clock/freeze", json!({ "at": beyond })).await, 422, "beyondCalendar", None);
    let new = json!({ "name": "late", "frozenAt": beyond });
    problem(&world.control(Method::POST, "/sandboxes", Some(new)).await, 422, "beyondCalendar", None);
    assert_eq!(operator.get("clock").await.expect(200)["now"], START);

    // At its very end things have their course.
    let new = json!({ "name": "last", "frozenAt": "9899-12-01T00:00:00Z", "timers": "manual", "delays": "none" });
    world.control(Method::POST, "/sandboxes", Some(new)).await.expect(201);
    let last = world.operator_of("last");
    let wish = json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5 });
    last.post("purchases", wish).await.expect(201);
    let ran = last.post("clock/advance", json!({ "to": "9900-01-01T00:00:00Z" })).await.expect(200);
    assert_eq!(ran["byKind"], json!({ "activationOverdue": 1, "codeLifeEnds": 1 }));
    // Times have milliseconds, whatever a period has.
    let ran = operator.advances("400us").await;
    assert_eq!(text(&ran["clock"], "now"), START);
}

#[tokio::test]
async fn the_clock_never_goes_back() {
    let world = World::start().await;
    let operator = world.operator();
    for (path, body) in
        [("advance", json!({ "to": "2025-01-01T00:00:00Z" })), ("freeze", json!({ "at": "2025-01-01T00:00:00Z" }))]
    {
        problem(&operator.post(&format!("clock/{path}"), body).await, 422, "clockBackwards", None);
    }
    assert_eq!(operator.get("clock").await.expect(200)["now"], START);
}

#[tokio::test]
async fn timers_run_one_after_the_other() {
    let world = World::start().await;
    let operator = world.operator();
    let idle = operator.post("clock/run-next", json!({})).await.expect(200);
    assert_eq!([&idle["count"], &idle["clock"]["now"]], [&json!(0), &json!(START)]);
    let id = text(&world.buyer().buys_seats().await, "id");
    for (kind, due, causes) in [
        ("codeLifeEnds", "2026-01-02T09:00:00Z", "codeExpired"),
        ("activationOverdue", "2026-01-31T09:00:00Z", "notActivatedInTime"),
    ] {
        let next = &operator.get("clock").await.expect(200)["nextTimer"];
        assert_eq!(next, &json!({ "due": due, "kind": kind, "subscription": id }));
        let ran = operator.post("clock/run-next", json!({})).await.expect(200);
        assert_eq!(
            [&ran["count"], &ran["clock"]["now"], &ran["ran"][0]["kind"]],
            [&json!(1), &json!(due), &json!(kind)]
        );
        let caused = ran["ran"][0]["entries"].as_array().unwrap();
        let facts = operator.journal(&format!("kind={causes}")).await;
        assert!(caused.contains(&facts[0]["seq"]), "{ran}");
        assert_eq!(facts[0]["at"], due);
    }
    assert!(operator.get("clock").await.expect(200).get("nextTimer").is_none());
}

#[tokio::test]
async fn who_is_not_activated_in_thirty_days_is_cancelled_and_never_billed() {
    let world = World::start().await;
    let operator = world.operator();
    let never = text(&world.buyer().buys_seats().await, "id");
    let half = text(&world.buyer().buys_seats().await, "id");
    let done = text(&world.buyer().buys_seats().await, "id");
    let contoso = world.publisher("contoso").await;
    for id in [&half, &done] {
        contoso.reports(id, 3).await.expect(200);
    }
    contoso.activate(&done).await;
    operator.post("clock/advance", json!({ "to": "2026-01-31T08:59:59Z" })).await.expect(200);
    assert_eq!(operator.subscription(&never).await["status"], "PendingFulfillmentStart");
    operator.advances("PT1S").await;
    for id in [&never, &half] {
        let view = operator.subscription(id).await;
        assert_eq!([&view["status"], &view["ledger"]], [&json!("Unsubscribed"), &json!([])]);
        assert_eq!(view["billing"], json!({ "started": false, "missing": [] }));
        let facts =
            operator.journal(&format!("subscription={id}&kind=notActivatedInTime,billingStarted,charged")).await;
        assert_eq!(kinds(&facts), ["notActivatedInTime"]);
    }
    assert_eq!(operator.subscription(&done).await["status"], "Subscribed");
    assert_eq!(
        world.publisher("contoso").await.get(&never).await.expect(200)["saasSubscriptionStatus"],
        "Unsubscribed"
    );
    problem(&world.publisher("contoso").await.reports(&never, 3).await, 409, "notInStatus", None);
    let fresh = operator.post(&format!("subscriptions/{never}/links"), json!({})).await;
    assert!([201, 409].contains(&fresh.status), "{}", fresh.text);
}
