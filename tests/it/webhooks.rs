//! Webhooks: what a publisher's own webhook is told, with which token, what its answers bring; that the stand-in's
//! webhook believes nobody; and that what was to be told is told after a crash.

use jsonwebtoken::{Algorithm, Validation, decode, decode_header, jwk::JwkSet};
use rehearsal::cli::wiring::{Server, ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    kill::Process,
    own_webhook::{Call, Webhook},
    world::{SANDBOX, VERSION, World, client, masked, send, text},
};

/// A world whose marketplace tells a webhook of the publisher's own.
async fn told(webhook: &Webhook) -> World {
    let options = ServerOptions { webhook: Some(webhook.url().parse().unwrap()), ..ServerOptions::default() };
    let world = World::start_with(options).await;
    world.create_sandbox(SANDBOX).await;
    world
}

/// Five seats of Contoso CRM, active.
async fn active(world: &World) -> String {
    let bought = world.buyer().buys_seats().await;
    let id = text(&bought, "id");
    let publisher = world.publisher("contoso").await;
    publisher.activate(&id).await.expect(200);
    publisher.reports(&id, 5).await.expect(200);
    id
}

async fn changes_seats(world: &World, id: &str, quantity: u32) -> String {
    let change = world.operator().post(&format!("subscriptions/{id}/changes"), json!({ "quantity": quantity })).await;
    text(&change.expect(202), "id")
}

async fn deliveries(world: &World, id: &str) -> Vec<Value> {
    let list = world.operator().get(&format!("subscriptions/{id}/deliveries")).await.expect(200);
    list["deliveries"].as_array().unwrap().clone()
}

/// Status of an operation, as the publisher reads it.
async fn status(world: &World, id: &str, operation: &str) -> String {
    let publisher = world.publisher("contoso").await;
    let read = publisher.request(Method::GET, &format!("/subscriptions/{id}/operations/{operation}"));
    text(&send(read).await.expect(200), "status")
}

#[tokio::test]
async fn a_webhook_of_ones_own_hears_what_was_captured_from_the_real_one() {
    let webhook = Webhook::listen().await;
    let world = told(&webhook).await;
    let id = active(&world).await;
    assert!(webhook.heard().is_empty(), "an activation is not told");
    let operation = changes_seats(&world, &id, 8).await;
    world.operator().advances("PT0S").await;
    let call = webhook.last();
    assert_eq!(call.path, "/hook?key=1");
    // Keys in the captured order, and null where there is nothing.
    assert_eq!(
        masked(&call.body),
        concat!(
            r#"{"id":"<guid>","activityId":"<guid>","publisherId":"contoso","offerId":"contoso-crm","planId":"team","#,
            r#""quantity":8,"subscriptionId":"<guid>","timeStamp":"2026-01-01T09:00:00Z","action":"ChangeQuantity","#,
            r#""status":"InProgress","operationRequestSource":"Azure","subscription":{"id":"<guid>","name":"Contoso CRM","#,
            r#""publisherId":"contoso","offerId":"contoso-crm","planId":"team","quantity":5,"beneficiary":{"#,
            r#""emailId":"nora.lindqvist@northwind.example","objectId":"<guid>","tenantId":"<guid>","puid":"<puid>"},"#,
            r#""purchaser":{"emailId":"priya.sharma@proseware.example","objectId":"<guid>","tenantId":"<guid>","#,
            r#""puid":"<puid>"},"allowedCustomerOperations":["Read"],"sessionMode":"None","isFreeTrial":false,"#,
            r#""isTest":false,"sandboxType":"None","saasSubscriptionStatus":"Subscribed","term":{"#,
            r#""startDate":"2026-01-01T00:00:00Z","endDate":"2026-01-31T00:00:00Z","termUnit":"P1M","#,
            r#""chargeDuration":null},"autoRenew":true,"created":"2026-01-01T09:00:00Z","#,
            r#""lastModified":"2026-01-01T09:00:00Z"},"purchaseToken":null}"#
        )
    );
    let body: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!((text(&body, "id"), text(&body, "subscriptionId")), (operation.clone(), id.clone()));
    assert_ne!(body["activityId"], body["id"]);
    // Whoever looks the operation up finds it as it was told; nothing has changed yet.
    assert_eq!(status(&world, &id, &operation).await, "InProgress");
    assert_eq!(world.operator().subscription(&id).await["quantity"], 5);
    // Ten seconds of silence are consent.
    world.operator().advances("PT9S").await;
    assert_eq!(status(&world, &id, &operation).await, "InProgress");
    world.operator().advances("PT1S").await;
    assert_eq!(status(&world, &id, &operation).await, "Succeeded");
    assert_eq!(world.operator().subscription(&id).await["quantity"], 8);
    world.stop().await;
}

#[tokio::test]
async fn a_change_that_is_open_at_the_end_is_told_and_answered_no_more() {
    let webhook = Webhook::listen().await;
    let world = told(&webhook).await;
    let id = active(&world).await;
    webhook.answers(500);
    let operation = changes_seats(&world, &id, 8).await;
    world.operator().advances("PT1M").await;
    let before = webhook.takes().len();
    assert!(before > 1, "it is tried again and again");
    world.operator().post(&format!("subscriptions/{id}/cancellation"), json!({})).await.expect(200);
    world.operator().advances("PT9H").await;
    let actions = webhook.takes().into_iter().map(|call| serde_json::from_str::<Value>(&call.body).unwrap());
    assert!(actions.into_iter().all(|body| body["action"] == "Unsubscribe"));
    let states: Vec<String> = deliveries(&world, &id).await.iter().map(|delivery| text(delivery, "state")).collect();
    assert_eq!(states, ["withdrawn", "givenUp"]);
    assert_eq!(status(&world, &id, &operation).await, "Conflict");
    let publisher = world.publisher("contoso").await;
    let path = format!("/subscriptions/{id}/operations/{operation}");
    let answer = publisher.request(Method::PATCH, &path).json(&json!({ "status": "Success" }));
    send(answer).await.expect(409);
    world.stop().await;
}

#[tokio::test]
async fn a_flat_rate_has_a_quantity_of_one_and_of_null() {
    let webhook = Webhook::listen().await;
    let world = told(&webhook).await;
    let id = text(&world.buyer().buys_flat_rate().await, "id");
    world.publisher("contoso").await.activate(&id).await.expect(200);
    let change = json!({ "planId": "scale" });
    world.operator().post(&format!("subscriptions/{id}/changes"), change).await.expect(202);
    world.operator().advances("PT0S").await;
    let body: Value = serde_json::from_str(&webhook.last().body).unwrap();
    assert_eq!((&body["quantity"], &body["subscription"]["quantity"]), (&json!(1), &Value::Null));
    assert_eq!((&body["planId"], &body["subscription"]["planId"]), (&json!("scale"), &json!("growth")));
    world.stop().await;
}

#[tokio::test]
async fn the_token_is_the_marketplaces_for_the_publishers_app() {
    let webhook = Webhook::listen().await;
    let world = told(&webhook).await;
    let id = active(&world).await;
    changes_seats(&world, &id, 8).await;
    world.operator().advances("PT0S").await;
    let token = webhook.last().token;
    let environment = world.environment(SANDBOX, "contoso").await;
    let tenant = text(&environment, "tenantId");
    let discovery = world.get(&format!("/{tenant}/.well-known/openid-configuration")).await.expect(200);
    let keys: JwkSet = client().get(text(&discovery, "jwks_uri")).send().await.unwrap().json().await.unwrap();
    let key = keys.find(&decode_header(&token).unwrap().kid.unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.set_audience(&[text(&environment, "clientId")]);
    validation.set_issuer(&[format!("https://sts.windows.net/{tenant}/")]);
    let claims = decode::<Value>(&token, &key.try_into().unwrap(), &validation).unwrap().claims;
    assert_eq!(claims["appid"], "20e940b3-4c77-4b0b-9a53-9e16a1b010a7");
    assert_eq!((&claims["tid"], &claims["ver"]), (&json!(tenant), &json!("1.0")));
    // 2026-01-01T09:00:00Z: some validators allow no skew at all.
    let (now, at) = (1_767_258_000, |claim: &str| claims[claim].as_i64().unwrap());
    assert!(at("nbf") < now - 60 && at("iat") < now - 60 && now + 3000 < at("exp"), "{claims}");
    // The journal tells of the call, and neither of the token nor of what may be a secret in the URL.
    let journal = world.operator().journal(&format!("subscription={id}&limit=500")).await;
    let shown = webhook.url().replace("key=1", "key=(hidden)");
    let call = journal.iter().find(|entry| entry["data"]["path"] == json!(shown)).expect("it is recorded");
    assert_eq!(
        (&call["from"], &call["to"], &call["data"]["status"]),
        (&json!("marketplace"), &json!("publisher"), &json!(200))
    );
    assert_eq!(call["data"]["responseBody"], "thank you");
    assert!([token.as_str(), "key=1"].iter().all(|secret| !json!(journal).to_string().contains(secret)));
    world.stop().await;
}

#[tokio::test]
async fn an_answer_of_4xx_refuses_and_anything_else_is_tried_again() {
    let mut webhook = Webhook::listen().await;
    let world = told(&webhook).await;
    let id = active(&world).await;
    webhook.answers(400);
    let refused = changes_seats(&world, &id, 8).await;
    world.operator().advances("PT0S").await;
    assert_eq!(status(&world, &id, &refused).await, "Failed");
    assert_eq!(world.operator().subscription(&id).await["quantity"], 5);

    // A redirect is not followed.
    webhook.answers(302);
    let again = changes_seats(&world, &id, 8).await;
    world.operator().advances("PT0S").await;
    assert_eq!(webhook.last().path, "/hook?key=1");
    webhook.answers(500);
    world.operator().advances("PT1M").await;
    webhook.answers(200);
    world.operator().advances("PT1M").await;
    let told = deliveries(&world, &id).await;
    let statuses: Vec<&Value> = told[1]["latest"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [302, 500, 200]);
    let bodies: Vec<String> = webhook.heard().into_iter().skip(1).map(|call| call.body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "each attempt says the same");
    world.operator().advances("PT10S").await;
    assert_eq!(status(&world, &id, &again).await, "Succeeded");
    while webhook.arrivals.try_recv().is_ok() {}
    world.stop().await;
}

#[tokio::test]
async fn a_cancellation_is_told_once_it_has_happened_and_again_on_request() {
    let webhook = Webhook::listen().await;
    let world = told(&webhook).await;
    let id = active(&world).await;
    webhook.answers(404);
    let ended = world.operator().post(&format!("subscriptions/{id}/cancellation"), json!({})).await.expect(200);
    assert_eq!((&ended["action"], &ended["status"]), (&json!("Unsubscribe"), &json!("Succeeded")));
    world.operator().advances("PT0S").await;
    let body: Value = serde_json::from_str(&webhook.last().body).unwrap();
    assert_eq!((&body["action"], &body["status"]), (&json!("Unsubscribe"), &json!("Succeeded")));
    assert_eq!(body["subscription"]["saasSubscriptionStatus"], "Unsubscribed");
    // Nobody can refuse an end.
    assert_eq!(world.operator().subscription(&id).await["status"], "Unsubscribed");
    assert_eq!(deliveries(&world, &id).await[0]["state"], "refused");
    webhook.answers(200);
    let path = format!("subscriptions/{id}/deliveries/{}/resend", text(&ended, "id"));
    world.operator().post(&path, json!({})).await.expect(202);
    world.operator().advances("PT0S").await;
    assert_eq!(webhook.heard().len(), 2);
    assert_eq!(deliveries(&world, &id).await[0]["state"], "delivered");
    for (operation, status) in [("0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9", 404), ("x", 400)] {
        let path = format!("subscriptions/{id}/deliveries/{operation}/resend");
        world.operator().post(&path, json!({})).await.expect(status);
    }
    // What was never activated ends in silence.
    let pending = text(&world.buyer().buys_seats().await, "id");
    world.operator().post(&format!("subscriptions/{pending}/cancellation"), json!({})).await.expect(200);
    world.operator().advances("PT0S").await;
    assert!(deliveries(&world, &pending).await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn nobody_at_home_and_forbidden_addresses_are_told_in_words() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    for (url, why) in [
        (nobody.as_str(), "onnection refused"),
        ("http://169.254.169.254/latest", "webhooks must not reach"),
        ("http://no-such-host.invalid/", ""),
    ] {
        let options = ServerOptions { webhook: Some(url.parse().unwrap()), ..ServerOptions::default() };
        let world = World::start_with(options).await;
        world.create_sandbox(SANDBOX).await;
        let id = active(&world).await;
        changes_seats(&world, &id, 8).await;
        world.operator().advances("PT0S").await;
        let told = deliveries(&world, &id).await;
        assert_eq!(told[0]["state"], "waiting");
        let attempt = &told[0]["latest"][0];
        assert!(text(attempt, "failure").contains(why) && attempt["status"].is_null(), "{attempt}");
        world.stop().await;
    }
}

#[tokio::test]
async fn bad_input_of_each_field_is_named() {
    let world = World::start().await;
    let id = active(&world).await;
    let table = [
        (json!({}), 422, "changeMissing"),
        (json!({ "planId": "business", "quantity": 6 }), 422, "changesTogether"),
        (json!({ "planId": "nothing" }), 422, "planNotInOffer"),
        (json!({ "planId": "team" }), 422, "samePlan"),
        (json!({ "quantity": 0 }), 422, "changeMissing"),
        (json!({ "quantity": 51 }), 422, "tooManySeats"),
        (json!({ "quantity": "8" }), 400, "badInput"),
        (json!({ "seats": 8 }), 400, "badInput"),
    ];
    for (body, status, code) in table {
        let reply = world.operator().post(&format!("subscriptions/{id}/changes"), body.clone()).await;
        assert_eq!((reply.status, &reply.json()["code"]), (status, &json!(code)), "{body}: {}", reply.text);
    }
    let pending = text(&world.buyer().buys_seats().await, "id");
    let reply = world.operator().post(&format!("subscriptions/{pending}/changes"), json!({ "quantity": 6 })).await;
    assert_eq!((reply.status, &reply.json()["code"]), (409, &json!("notActive")));
    let put = |body: Value| world.control(Method::PUT, "/sandboxes/stage/faults/webhook", Some(body));
    put(json!({ "manner": "sulk" })).await.expect(400);
    let set = put(json!({ "manner": "refuse", "times": 2 })).await.expect(200);
    assert_eq!(set, json!({ "manner": "refuse", "times": 2 }));
    assert_eq!(put(json!({ "manner": "accept" })).await.expect(200), json!({ "manner": "accept" }));
    world.stop().await;
}

#[tokio::test]
async fn what_the_stand_in_took_in_and_came_to_nothing_is_taken_back() {
    let world = World::start().await;
    let bought = world.buyer().buys_seats().await;
    let id = text(&bought, "id");
    let account = world.sets_up(&bought).await;
    world.operator().advances("PT1S").await;
    let seats = async || {
        let page =
            world.request(Method::GET, &format!("/publisher/accounts/{account}")).header("accept", "application/json");
        send(page).await.expect(200)["licenses"].clone()
    };
    assert_eq!(seats().await, json!({ "named": ["nora@northwind.example"], "pool": 4 }));
    let late = json!({ "manner": "answerLate", "times": 1 });
    world.control(Method::PUT, "/sandboxes/stage/faults/webhook", Some(late)).await.expect(200);
    changes_seats(&world, &id, 8).await;
    world.operator().advances("PT0S").await;
    assert_eq!(seats().await["pool"], 7, "it is taken in");
    // Before it answers, the change has become impossible.
    world.operator().post(&format!("subscriptions/{id}/suspension"), json!({})).await.expect(200);
    world.operator().advances("PT30S").await;
    assert_eq!(world.operator().subscription(&id).await["quantity"], 5);
    assert_eq!(seats().await["pool"], 4);
    world.stop().await;
}

/// A call to the stand-in's own webhook.
async fn calls_stand_in(world: &World, token: Option<&str>, body: &Value) -> u16 {
    let request = world.request(Method::POST, &format!("/publisher/webhook?site=contoso&sandbox={SANDBOX}"));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    send(request.json(body)).await.status
}

#[tokio::test]
async fn the_stand_ins_webhook_believes_only_the_marketplace_and_asks_it() {
    // Its own webhook is not called here: a listener gets what it would get, token and all.
    let webhook = Webhook::listen().await;
    let world = told(&webhook).await;
    let id = active(&world).await;
    changes_seats(&world, &id, 8).await;
    world.operator().advances("PT0S").await;
    let Call { token, body, .. } = webhook.last();
    let body: Value = serde_json::from_str(&body).unwrap();
    let publisher = world.publisher("contoso").await;
    let other = world.publisher("fabrikam").await;

    let (head, rest) = token.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
    let tampered = format!("{head}.{}.{signature}", claims.replace('A', "B"));
    for forged in
        [None, Some(""), Some("x.y.z"), Some(&publisher.token), Some(&other.token), Some(&unsigned), Some(&tampered)]
    {
        assert_eq!(calls_stand_in(&world, forged, &body).await, 401, "{forged:?}");
    }
    let with = |field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        body
    };
    let wrong = [
        with("id", json!("0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9")),
        with("subscriptionId", json!("0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9")),
        with("planId", json!("business")),
        with("quantity", json!(50)),
        with("action", json!("Unsubscribe")),
        with("id", Value::Null),
        json!([]),
    ];
    for body in &wrong {
        assert_eq!(calls_stand_in(&world, Some(&token), body).await, 400, "{body}");
    }
    assert_eq!(calls_stand_in(&world, Some(&token), &body).await, 200);
    // The right token, too late.
    world.operator().advances("PT2H").await;
    assert_eq!(calls_stand_in(&world, Some(&token), &body).await, 401);
    let elsewhere = world.request(Method::POST, "/publisher/webhook?site=nobody").bearer_auth(&token).json(&body);
    assert_eq!(send(elsewhere).await.status, 404);
    world.stop().await;
}

#[tokio::test]
async fn what_was_to_be_told_is_told_after_a_kill_and_known_as_a_repetition() {
    let mut webhook = Webhook::listen().await;
    let url = webhook.url();
    let folder = tempfile::tempdir().unwrap();
    let http = client();
    // It answers so that the call would be made again much later; what is made at once is what the crash left.
    webhook.answers(503);
    let server = Process::start_with(folder.path(), &["--webhook", &url]);
    let control = format!("{}/sim/v1/sandboxes/default", server.base);
    let order = json!({"customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5});
    let bought: Value =
        http.post(format!("{control}/purchases")).json(&order).send().await.unwrap().json().await.unwrap();
    let id = text(&bought, "id");
    let environment: Value = http.get(format!("{control}/environment")).send().await.unwrap().json().await.unwrap();
    let form = crate::world::token_form(&environment["publishers"][0]);
    let token = http.post(text(&environment["publishers"][0], "tokenEndpoint")).form(&form).send().await.unwrap();
    let token = text(&token.json().await.unwrap(), "access_token");
    let activate = format!("{}/api/saas/subscriptions/{id}/activate?{VERSION}", server.base);
    assert_eq!(http.post(activate).bearer_auth(token).send().await.unwrap().status(), 200);
    let change =
        http.post(format!("{control}/subscriptions/{id}/changes")).json(&json!({ "quantity": 8 })).send().await;
    assert_eq!(change.unwrap().status(), 202);
    webhook.arrivals.recv().await.unwrap();
    // It has arrived, and perhaps been recorded; a kill right away mostly is faster.
    drop(server);
    webhook.answers(200);
    let server = Process::start_with(folder.path(), &["--webhook", &url]);
    let control = format!("{}/sim/v1/sandboxes/default", server.base);
    let list = format!("{control}/subscriptions/{id}/deliveries");
    let mut told: Value = http.get(&list).send().await.unwrap().json().await.unwrap();
    if told["deliveries"][0]["attempts"] == 1 && told["deliveries"][0]["state"] == "waiting" {
        // The attempt was recorded before the kill: the next one is due in a minute of the sandbox's time.
        http.post(format!("{control}/clock/advance")).json(&json!({ "by": "PT1M" })).send().await.unwrap();
    }
    webhook.arrivals.recv().await.unwrap();
    while told["deliveries"][0]["state"] != "delivered" {
        told = http.get(&list).send().await.unwrap().json().await.unwrap();
    }
    let attempts = told["deliveries"][0]["latest"].as_array().unwrap();
    assert_eq!(attempts.last().unwrap()["repeated"], true, "{told}");
    let journal: Value = http
        .get(format!("{control}/journal?subscription={id}&kind=exchange"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(journal.to_string().contains("sent again after a stop"), "{journal}");
}

#[tokio::test]
async fn the_console_holds_releases_and_forges_what_the_publisher_is_told() {
    let webhook = Webhook::listen().await;
    let world = told(&webhook).await;
    let id = active(&world).await;
    let operation = changes_seats(&world, &id, 8).await;
    let page = async || world.get(&format!("/subscriptions/{id}?sandbox={SANDBOX}")).await.text;
    let posts = async |what: &str, form: &[(&str, &str)]| {
        let path = format!("/subscriptions/{id}/deliveries/{operation}/{what}?sandbox={SANDBOX}");
        send(world.request(Method::POST, &path).form(form)).await.status
    };
    let waiting = page().await;
    assert!(waiting.contains(r#"data-testid="hold""#) && waiting.contains(">Tell again<"), "{waiting}");
    assert!(waiting.contains("&#34;action&#34;: &#34;ChangeQuantity&#34;"), "what is sent can be read: {waiting}");

    assert_eq!(posts("hold", &[]).await, 303);
    world.operator().advances("P1D").await;
    assert!(webhook.heard().is_empty());
    let held = page().await;
    assert!(held.contains(">Release<") && !held.contains(r#"data-testid="hold""#), "{held}");
    assert_eq!(posts("hold", &[]).await, 409, "it is held already");

    // As a browser sends it: lines end in their own way, and JSON goes out without them, but as it was typed.
    let edited = "{\r\n  \"action\": \"Transfer\",\r\n  \"quantity\": 8.50\r\n}";
    for (body, sent) in
        [(edited, r#"{"action":"Transfer","quantity":8.50}"#), ("no JSON at all", "no JSON at all"), ("", "")]
    {
        assert_eq!(posts("resend", &[("body", body)]).await, 303);
        world.operator().advances("PT0S").await;
        assert_eq!(webhook.last().body, sent);
        let shown = page().await;
        assert!(body != edited || shown.matches("&#34;quantity&#34;: 8.50").count() == 2, "{shown}");
    }
    assert_eq!(posts("resend", &[]).await, 303);
    world.operator().advances("PT0S").await;
    let usual: Value = serde_json::from_str(&webhook.last().body).unwrap();
    assert_eq!(
        (&usual["action"], &usual["id"]),
        (&json!("ChangeQuantity"), &json!(operation)),
        "as it would have been"
    );
}

#[tokio::test]
async fn a_webhook_on_https_is_trusted_by_the_sandboxs_own_authority_and_no_other() {
    // Somebody else's server, with a certificate of its own authority.
    let elsewhere = Server::start(ServerOptions { tls: true, ..ServerOptions::default() }).await.unwrap();
    let url = format!("{}/publisher/webhook?site=contoso", elsewhere.base_url);
    let world =
        World::start_with(ServerOptions { webhook: Some(url.parse().unwrap()), ..ServerOptions::default() }).await;
    world.create_sandbox(SANDBOX).await;
    let id = active(&world).await;
    let operation = changes_seats(&world, &id, 8).await;
    world.operator().advances("PT0S").await;
    let latest = async || deliveries(&world, &id).await[0]["latest"].as_array().unwrap().last().unwrap().clone();
    assert!(text(&latest().await, "failure").to_lowercase().contains("certificate"), "{}", latest().await);

    let path = format!("/sandboxes/{SANDBOX}/webhook-authority");
    for wrong in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let refused = world.control(Method::PUT, &path, Some(json!({ "certificate": wrong }))).await;
        assert_eq!((refused.status, &refused.json()["field"]), (400, &json!("certificate")), "{wrong}");
    }
    let trusted = json!({ "certificate": elsewhere.certificate });
    assert_eq!(world.control(Method::PUT, &path, Some(trusted.clone())).await.expect(200), trusted);
    assert_eq!(world.control(Method::GET, &path, None).await.expect(200), trusted);
    world.operator().post(&format!("subscriptions/{id}/deliveries/{operation}/resend"), json!({})).await.expect(202);
    world.operator().advances("PT0S").await;
    assert_eq!(latest().await["status"], 401, "it is reached, and believes nobody of another marketplace");
    world.control(Method::PUT, &path, Some(json!({ "certificate": null }))).await.expect(200);
    world.operator().post(&format!("subscriptions/{id}/deliveries/{operation}/resend"), json!({})).await.expect(202);
    world.operator().advances("PT0S").await;
    assert!(text(&latest().await, "failure").to_lowercase().contains("certificate"), "{}", latest().await);
    elsewhere.stop().await.unwrap();
}
