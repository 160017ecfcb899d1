//! Webhooks of a partner's own program (E40): registered for, tested, signed, tried again.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use x509_parser::parse_x509_certificate;

use super::{Partner, publisher_activates, refused};
use crate::{
    faces::quotas::waits_for_its_turn,
    own_webhook::{Call, Webhook},
    world::{Reply, SANDBOX, World, send, text},
};

impl Partner {
    /// A call under `/webhooks/v1`.
    async fn hooks(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let request = self.http.request(method, format!("{}/webhooks/v1/registration{path}", self.base_url));
        let request = request.bearer_auth(&self.token);
        send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    async fn registers(&self, webhook: &Webhook, events: &[&str]) -> Value {
        let body = json!({ "WebhookUrl": webhook.url(), "WebhookEvents": events });
        self.hooks(Method::POST, "", Some(body)).await.expect(200)
    }
}

/// Whether a signature over the body is that of the certificate that the call names.
async fn is_genuine(world: &World, call: &Call, signature: &str) -> bool {
    let url = call.headers["x-ms-certificate-url"].to_str().unwrap();
    let certificate = world.http.get(url).send().await.unwrap().bytes().await.unwrap();
    let (_, certificate) = parse_x509_certificate(&certificate).unwrap();
    let key = &certificate.public_key().subject_public_key.data;
    let signature = STANDARD.decode(signature).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(call.body.as_bytes(), &signature).is_ok()
}

/// Section 11.2, A.10: what has changed is told, signed, with the record of it; what was not asked for is not told.
#[tokio::test(flavor = "multi_thread")]
async fn a_partner_s_program_hears_of_changes() {
    let world = World::start().await;
    let webhook = Webhook::listen().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    let names = partner.hooks(Method::GET, "/events", None).await.expect(200);
    let expected = ["subscription-updated", "test-created", "usagerecords-thresholdExceeded", "invoice-ready"];
    assert_eq!(names, json!(expected));
    assert_eq!(refused(&partner.hooks(Method::GET, "", None).await, 404), 1000);
    let change = json!({ "WebhookUrl": webhook.url(), "WebhookEvents": ["invoice-ready"] });
    assert_eq!(refused(&partner.hooks(Method::PUT, "", Some(change.clone())).await, 404), 1000);

    let registered = partner.registers(&webhook, &["subscription-updated", "INVOICE-READY"]).await;
    assert_eq!(registered["WebhookEvents"], json!(["subscription-updated", "invoice-ready"]));
    assert_eq!(partner.hooks(Method::GET, "", None).await.expect(200), registered);
    publisher_activates(&world, &id).await;
    world.operator().advances("PT1M").await;
    let [call]: [Call; 1] = webhook.takes().try_into().unwrap();
    let told: Value = serde_json::from_str(&call.body).unwrap();
    assert!(call.body.starts_with(r#"{"EventName":"subscription-updated","ResourceUri":"#), "{}", call.body);
    assert_eq!(
        (&told["ResourceName"], &told["ResourceChangeUtcDate"]),
        (&json!("subscription"), &json!("2026-01-01T09:00:00.0000000+00:00"))
    );
    let signature = call.headers["authorization"].to_str().unwrap().strip_prefix("Signature ").unwrap().to_owned();
    assert_eq!(call.headers["x-ms-signature-algorithm"], "rsa-sha256");
    assert!(is_genuine(&world, &call, &signature).await);
    assert!(
        !is_genuine(&world, &Call { body: call.body.replace("updated", "deleted"), ..call.clone() }, &signature).await
    );
    let missing = world.http.get(format!("{}/webhooks/v1/certificates/none.cer", world.base_url)).send().await.unwrap();
    assert_eq!(missing.status(), 404);
    // Both links lead somewhere.
    let follow = |name: &str| send(world.http.get(text(&told, name)).bearer_auth(&partner.token));
    assert_eq!(follow("ResourceUri").await.expect(200), partner.subscription(&customer, &id).await);
    let record = follow("AuditUri").await.expect(200);
    assert_eq!(
        (&record["operationType"], &record["operationStatus"]),
        (&json!("update_subscription"), &json!("succeeded"))
    );

    // Asked for is not done: only what the publisher allows is told.
    world.publisher_refuses().await;
    partner.changes(&customer, &id, &json!({ "quantity": 9 })).await;
    world.operator().advances("PT1M").await;
    assert_eq!(webhook.takes().len(), 0);

    // Another event, with the signature in its own header.
    let mut change = change;
    change["SignatureTokenToMsSignatureHeader"] = json!(true);
    let changed = partner.hooks(Method::PUT, "", Some(change)).await.expect(200);
    assert_eq!(changed["SubscriberId"], registered["SubscriberId"]);
    assert_eq!(changed["SignatureTokenToMsSignatureHeader"], true);
    partner.changes(&customer, &id, &json!({ "friendlyName": "HQ" })).await.expect(200);
    world.operator().advances("P39D").await;
    let [call]: [Call; 1] = webhook.takes().try_into().unwrap();
    let told: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!((&told["EventName"], &told["ResourceName"]), (&json!("invoice-ready"), &json!("invoice")));
    assert_eq!(call.headers.get("authorization"), None);
    let signature = call.headers["x-ms-signature"].to_str().unwrap().to_owned();
    assert!(is_genuine(&world, &call, &signature).await);
    let person = world.partner("proseware").await.signed_in_as("billingAdmin").await;
    let invoice = send(world.http.get(text(&told, "ResourceUri")).bearer_auth(&person.token)).await.expect(200);
    assert_eq!(invoice["totalCharges"], 122.5);

    // Another partner has nothing to do with it.
    let other = world.partner("litware").await;
    assert_eq!(refused(&other.hooks(Method::GET, "", None).await, 404), 1000);
    world.stop().await;
}

/// A partner's program is called at the sandbox's pace, as publishers are.
#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_the_quota_wait_for_their_turn() {
    let world = World::start().await;
    let webhook = Webhook::listen().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    partner.registers(&webhook, &["subscription-updated"]).await;
    for name in ["one", "two", "three"] {
        partner.changes(&customer, &id, &json!({ "friendlyName": name })).await.expect(200);
    }
    waits_for_its_turn(&world, &webhook, 3).await;
    world.stop().await;
}

/// One purchase that is active at once has two records, and what is told of it leads to the second.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_call_has_done_is_on_record_twice() {
    let world = World::start().await;
    let webhook = Webhook::listen().await;
    let partner = world.partner("proseware").await;
    partner.registers(&webhook, &["subscription-updated"]).await;
    let customer = partner.customer("Northwind").await;
    let item = partner.item("Tailspin Tracker", "Van").await;
    partner.buys(&customer, &item, 1).await;
    world.operator().advances("PT1M").await;
    let records = partner.get("/auditrecords?startDate=2026-01-01").await.expect(200);
    let done: Vec<_> = records["items"].as_array().unwrap().iter().map(|one| text(one, "operationType")).collect();
    assert_eq!(done, ["create_order", "update_subscription"]);
    let [call]: [Call; 1] = webhook.takes().try_into().unwrap();
    let told: Value = serde_json::from_str(&call.body).unwrap();
    let record = send(world.http.get(text(&told, "AuditUri")).bearer_auth(&partner.token)).await.expect(200);
    assert_eq!(record["operationType"], "update_subscription");
    world.stop().await;
}

/// Section 11.2: a test is told and its result kept; what fails is tried ten times; where delays are live, a change is told
/// two days late.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_tested_and_tried_again() {
    let world = World::start().await;
    let webhook = Webhook::listen().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    assert_eq!(refused(&partner.hooks(Method::POST, "/validationEvents", None).await, 404), 1000);
    partner.registers(&webhook, &["subscription-updated"]).await;
    assert_eq!(refused(&partner.hooks(Method::POST, "/validationEvents", None).await, 400), 800_002);
    partner.registers(&webhook, &["subscription-updated", "test-created"]).await;
    // The one that was refused counts too.
    let started = partner.hooks(Method::POST, "/validationEvents", None).await.expect(200);
    let result = format!("/validationEvents/{}", text(&started, "correlationId"));
    assert_eq!(partner.hooks(Method::GET, &result, None).await.expect(200)["status"], "pending");
    let limited = partner.hooks(Method::POST, "/validationEvents", None).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("60")));
    world.operator().advances("PT1M").await;
    let told: Value = serde_json::from_str(&webhook.takes()[0].body).unwrap();
    assert_eq!(
        (&told["EventName"], &told["ResourceName"], &told["AuditUri"]),
        (&json!("test-created"), &json!("test"), &Value::Null)
    );
    let tested = partner.hooks(Method::GET, &result, None).await.expect(200);
    assert_eq!((&tested["status"], &tested["callbackUrl"]), (&json!("completed"), &json!(webhook.url())));
    let heard = json!({ "responseCode": "OK", "responseMessage": "thank you", "systemError": false, "dateTimeUtc": "2026-01-01T09:00:00.0000000+00:00" });
    assert_eq!(tested["results"], json!([heard]));
    for unknown in ["nonsense", "7d9c0a52-1f3e-4c8b-9a60-2b5f4e8c1d01"] {
        let reply = partner.hooks(Method::GET, &format!("/validationEvents/{unknown}"), None).await;
        assert_eq!(refused(&reply, 404), 1000);
    }

    webhook.answers(503);
    partner.changes(&customer, &id, &json!({ "friendlyName": "HQ" })).await.expect(200);
    world.operator().advances("P1D").await;
    assert_eq!(webhook.takes().len(), 10, "then it is parked");
    let journal = world.operator().journal(&format!("subscription={id}&kind=exchange&limit=200")).await;
    let calls = journal.iter().filter(|entry| entry["from"] == "partnerCenter" && entry["data"]["to"] == "partner");
    assert_eq!(calls.filter(|entry| entry["data"]["status"] == 503).count(), 10);

    webhook.answers(200);
    world.control(Method::PATCH, &format!("/sandboxes/{SANDBOX}"), Some(json!({ "delays": "live" }))).await.expect(200);
    let partner = world.partner("proseware").await;
    partner.changes(&customer, &id, &json!({ "friendlyName": "Head office" })).await.expect(200);
    world.operator().advances("PT47H").await;
    assert_eq!(webhook.takes().len(), 0);
    world.operator().advances("PT1H").await;
    assert_eq!(webhook.takes().len(), 1);
    world.stop().await;
}

/// What can't be registered.
#[tokio::test]
async fn a_registration_says_what_is_wrong_with_it() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let good = json!(["subscription-updated"]);
    for body in [
        json!({ "WebhookEvents": good }),
        json!({ "WebhookUrl": "partner.example/hook", "WebhookEvents": good }),
        json!({ "WebhookUrl": "ftp://partner.example/hook", "WebhookEvents": good }),
        json!({ "WebhookUrl": "https://partner.example/hook" }),
        json!({ "WebhookUrl": "https://partner.example/hook", "WebhookEvents": [] }),
        json!({ "WebhookUrl": "https://partner.example/hook", "WebhookEvents": ["subscription-deleted"] }),
        json!({ "WebhookUrl": "https://partner.example/hook", "WebhookEvents": [1] }),
        json!({ "WebhookUrl": "https://partner.example/hook", "WebhookEvents": "subscription-updated" }),
        json!({ "WebhookUrl": "https://partner.example/hook", "WebhookEvents": good, "SignatureTokenToMsSignatureHeader": "perhaps" }),
    ] {
        assert_eq!(refused(&partner.hooks(Method::POST, "", Some(body.clone())).await, 400), 3000, "{body}");
    }
    let person = partner.signed_in_as("salesAgent").await;
    let body = json!({ "WebhookUrl": "https://partner.example/hook", "WebhookEvents": good });
    assert_eq!(refused(&person.hooks(Method::POST, "", Some(body)).await, 403), 900_150);
    assert_eq!(refused(&partner.hooks(Method::GET, "/elsewhere", None).await, 404), 1000);
    let stranger = partner.with_token("nonsense").hooks(Method::GET, "", None).await;
    assert_eq!(stranger.status, 401);
    world.stop().await;
}
