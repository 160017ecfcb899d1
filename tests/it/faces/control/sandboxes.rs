//! Sandboxes: made, listed, deleted.

use reqwest::Method;
use serde_json::{Value, json};

use super::problem;
use crate::world::{Reply, START, World, send, text};

async fn create(world: &World, body: Value) -> Reply {
    world.control(Method::POST, "/sandboxes", Some(body)).await
}

async fn names(world: &World) -> Vec<String> {
    let list = world.control(Method::GET, "/sandboxes", None).await.expect(200);
    list["sandboxes"].as_array().unwrap().iter().map(|sandbox| text(sandbox, "name")).collect()
}

#[tokio::test]
async fn a_sandbox_is_as_it_was_asked_for() {
    let world = World::start().await;
    let body = json!({ "name": "team-a", "seed": 42, "frozenAt": "2026-03-01T12:00:00Z", "timers": "manual" });
    let made = create(&world, body).await.expect(201);
    let clock = json!({ "now": "2026-03-01T12:00:00Z", "frozen": true });
    let expected = json!({ "name": "team-a", "seed": 42, "clock": clock, "timers": "manual", "delays": "brief", "journalEntries": 0 });
    assert_eq!(made, expected);
    assert_eq!(world.control(Method::GET, "/sandboxes/team-a", None).await.expect(200), made);
    let plain = create(&world, json!({ "name": "team-b" })).await.expect(201);
    assert_eq!([&plain["timers"], &plain["clock"]["frozen"]], [&json!("automatic"), &json!(false)]);
    assert_eq!(names(&world).await, ["default", "stage", "team-a", "team-b"]);
}

#[tokio::test]
async fn a_sandbox_that_can_not_be_made_is_refused() {
    let world = World::start().await;
    problem(&create(&world, json!({ "name": "stage" })).await, 409, "sandboxExists", None);
    problem(&create(&world, json!({ "name": "default" })).await, 409, "sandboxExists", None);
    let long = "x".repeat(51);
    for name in ["", "Team A", "a/b", "ä", ".", "..", long.as_str()] {
        problem(&create(&world, json!({ "name": name })).await, 400, "badInput", Some("name"));
    }
    for (body, field) in [
        (json!({}), None),
        (json!({ "name": "a", "sead": 1 }), None),
        (json!({ "name": "a", "seed": "one" }), None),
        (json!({ "name": "a", "frozenAt": "yesterday" }), Some("frozenAt")),
        (json!({ "name": "a", "timers": "sometimes" }), Some("timers")),
        (json!({ "name": "a", "delays": "long" }), Some("delays")),
        (json!([]), None),
    ] {
        problem(&create(&world, body).await, 400, "badInput", field);
    }
    assert_eq!(names(&world).await, ["default", "stage"]);
}

#[tokio::test]
async fn a_deleted_sandbox_leaves_nothing_behind() {
    let world = World::start().await;
    let bought = world.buyer().buys_seats().await;
    assert!(!world.operator().journal("").await.is_empty());
    let delete = async || world.control(Method::DELETE, "/sandboxes/stage", None).await;
    assert_eq!(delete().await.status, 204);
    problem(&delete().await, 404, "unknownSandbox", None);
    problem(&world.operator().get("journal").await, 404, "unknownSandbox", None);
    assert_eq!(names(&world).await, ["default"]);
    // Its documents go in the background, and that comes to an end.
    while world.control(Method::GET, "/sandboxes", None).await.expect(200)["deletions"].is_array() {}

    world.create_sandbox("stage").await;
    let id = text(&bought, "id");
    problem(&world.operator().get(&format!("subscriptions/{id}")).await, 404, "unknownSubscription", None);
    assert_eq!(world.operator().get("subscriptions").await.expect(200), json!({ "subscriptions": [] }));
    assert_eq!(world.operator().get("journal").await.expect(200), json!({ "entries": [] }));
    assert_eq!(world.operator().get("clock").await.expect(200), json!({ "now": START, "frozen": true }));
    world.buyer().buys_seats().await;
    assert_eq!(world.operator().journal("").await[0]["seq"], 1);
}

#[tokio::test]
async fn the_default_sandbox_stays() {
    let world = World::start().await;
    problem(&world.control(Method::DELETE, "/sandboxes/default", None).await, 409, "defaultSandbox", None);
    problem(&world.control(Method::DELETE, "/sandboxes/nobody", None).await, 404, "unknownSandbox", None);
}

#[tokio::test]
async fn sandboxes_do_not_see_each_other() {
    let world = World::start().await;
    world.create_sandbox("elsewhere").await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let elsewhere = world.operator_of("elsewhere");
    problem(&elsewhere.get(&format!("subscriptions/{id}")).await, 404, "unknownSubscription", None);
    assert!(elsewhere.journal("").await.is_empty());
    world.operator().advances("P1D").await;
    assert_eq!(elsewhere.get("clock").await.expect(200)["now"], START);
}

#[tokio::test]
async fn faults_are_set_listed_and_lifted() {
    let world = World::start().await;
    let set = async |body: Value| world.control(Method::PUT, "/sandboxes/stage/faults/provisioning", Some(body)).await;
    let activate = json!({ "faults": [{ "step": "activate", "times": 2 }] });
    assert_eq!(set(json!({ "step": "activate", "times": 2 })).await.expect(200), activate);
    assert_eq!(world.operator().get("faults/provisioning").await.expect(200), activate);
    problem(&set(json!({ "step": "activat", "times": 2 })).await, 400, "badInput", Some("step"));
    problem(&set(json!({ "step": "activate", "times": -1 })).await, 400, "badInput", None);
    assert_eq!(set(json!({ "step": "activate", "times": 0 })).await.expect(200), json!({ "faults": [] }));
}

#[tokio::test]
async fn a_page_of_another_site_can_not_change_anything() {
    let world = World::start().await;
    let body = json!({ "name": "evil" });
    for (header, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let request = world.request(Method::POST, "/sim/v1/sandboxes").header(header, value).json(&body);
        assert_eq!(send(request).await.status, 403, "{header}");
        let request = world.request(Method::DELETE, "/sim/v1/sandboxes/stage").header(header, value);
        assert_eq!(send(request).await.status, 403, "{header}");
    }
    assert_eq!(names(&world).await, ["default", "stage"]);
    let own = world.request(Method::POST, "/sim/v1/sandboxes").header("origin", &world.base_url).json(&body);
    assert_eq!(send(own).await.status, 201);
}
