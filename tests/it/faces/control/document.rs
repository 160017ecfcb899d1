//! The OpenAPI document: it is one, and it tells what is served.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::world::{World, send, text};

/// Every call of the control API.
const CALLS: [&str; 44] = [
    "DELETE /sim/v1/keys/{key}",
    "DELETE /sim/v1/sandboxes/{sandbox}",
    "DELETE /sim/v1/sandboxes/{sandbox}/keys/{key}",
    "GET /sim/v1/keys",
    "GET /sim/v1/sandboxes",
    "GET /sim/v1/sandboxes/{sandbox}",
    "GET /sim/v1/sandboxes/{sandbox}/catalogue",
    "GET /sim/v1/sandboxes/{sandbox}/clock",
    "GET /sim/v1/sandboxes/{sandbox}/environment",
    "GET /sim/v1/sandboxes/{sandbox}/faults/provisioning",
    "GET /sim/v1/sandboxes/{sandbox}/faults/webhook",
    "GET /sim/v1/sandboxes/{sandbox}/journal",
    "GET /sim/v1/sandboxes/{sandbox}/keys",
    "GET /sim/v1/sandboxes/{sandbox}/quotas",
    "GET /sim/v1/sandboxes/{sandbox}/rules",
    "GET /sim/v1/sandboxes/{sandbox}/subscriptions",
    "GET /sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}",
    "GET /sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/deliveries",
    "GET /sim/v1/sandboxes/{sandbox}/webhook-authority",
    "GET /sim/v1/signing-keys",
    "PATCH /sim/v1/sandboxes/{sandbox}",
    "POST /sim/v1/keys",
    "POST /sim/v1/sandboxes",
    "POST /sim/v1/sandboxes/{sandbox}/clock/advance",
    "POST /sim/v1/sandboxes/{sandbox}/clock/freeze",
    "POST /sim/v1/sandboxes/{sandbox}/clock/resume",
    "POST /sim/v1/sandboxes/{sandbox}/clock/run-next",
    "POST /sim/v1/sandboxes/{sandbox}/keys",
    "POST /sim/v1/sandboxes/{sandbox}/purchases",
    "POST /sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/cancellation",
    "POST /sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/changes",
    "POST /sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/deliveries/{operation}/hold",
    "POST /sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/deliveries/{operation}/resend",
    "POST /sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/links",
    "POST /sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/reinstatement",
    "POST /sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/suspension",
    "POST /sim/v1/signing-keys/rotation",
    "POST /sim/v1/subscriptions/{subscription}/licenses",
    "PUT /sim/v1/sandboxes/{sandbox}/faults/provisioning",
    "PUT /sim/v1/sandboxes/{sandbox}/faults/webhook",
    "PUT /sim/v1/sandboxes/{sandbox}/quotas",
    "PUT /sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/activation",
    "PUT /sim/v1/sandboxes/{sandbox}/subscriptions/{subscription}/renewal",
    "PUT /sim/v1/sandboxes/{sandbox}/webhook-authority",
];

#[tokio::test]
async fn the_document_lists_every_call_and_every_call_is_served() {
    let world = World::start().await;
    let reply = world.get("/sim/openapi.json").await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let document = reply.expect(200);
    assert!(text(&document, "openapi").starts_with("3.1"));
    let mut listed = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            listed.insert(format!("{} {path}", method.to_uppercase()));
            let answers = operation["responses"].as_object().unwrap();
            for status in ["400", "401", "403", "429", "503", "507"] {
                assert!(answers.contains_key(status), "{method} {path} may be answered with {status}");
            }
            for (status, answer) in answers.iter().filter(|(status, _)| status.as_str() >= "400") {
                let body = &answer["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(body, "#/components/schemas/Problem", "{method} {path} {status}");
                assert_eq!(answer["content"].as_object().unwrap().len(), 1, "{method} {path} {status}");
            }
            assert!(answers.keys().any(|status| status.as_str() < "300"), "{method} {path}");
            let declared: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let used: BTreeSet<&str> = path.split('{').skip(1).map(|part| part.split_once('}').unwrap().0).collect();
            assert_eq!(declared, used, "{method} {path}");
        }
    }
    // What is answered is not narrowed by what may be sent.
    assert!(document["components"]["schemas"]["QuotasView"].get("allOf").is_none());
    let expected: BTreeSet<String> = CALLS.iter().map(|call| (*call).to_owned()).collect();
    assert_eq!(listed, expected);
    for call in listed {
        let (method, path) = call.split_once(' ').unwrap();
        let path =
            path.replace("{sandbox}", "nobody").replace("{subscription}", "0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9");
        let reply = send(world.request(Method::from_bytes(method.as_bytes()).unwrap(), &path)).await;
        assert_ne!(reply.status, 405, "{call}");
        assert_ne!(reply.json()["code"], "noSuchPath", "{call}");
    }
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let world = World::start().await;
    let document = world.get("/sim/openapi.json").await.expect(200);
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
