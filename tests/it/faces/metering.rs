//! Metering over HTTP: each row of statuses and errors with its exact body, and what is charged for usage.
//!
//! All act on the flat rate that the world's buyer buys: 10 units of `mails` included, then 0.80; `validations` 0.0045.

use futures_util::future::join_all;
use rehearsal::cli::wiring::ServerOptions;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::world::{Publisher, Reply, SANDBOX, VERSION, World, masked, send, text};

const UNKNOWN: &str = "0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9";
const URI: &str = "/subscriptions/<guid>/resourceGroups/rehearsal/providers/Microsoft.SaaS/resources/<guid>";
const NOT_FOUND: &str = r#"{"message":"The resourceId value provided cannot be found or this resource is not active.","target":"resourceId","code":"BadArgument"}"#;
const EXPIRED: &str = r#"{"message":"The effective time provided is has expired or is in future.","target":"effectiveStartTime","code":"BadArgument"}"#;
const BAD_DIMENSION: &str =
    r#"{"message":"The payload dimension is invalid.","target":"dimension","code":"BadArgument"}"#;
const BAD_QUANTITY: &str = r#"{"message":"The payload quantity is invalid.","target":"quantity","code":"BadArgument"}"#;
const BAD_PLAN: &str = r#"{"message":"The payload planId is invalid.","target":"planId","code":"BadArgument"}"#;
const NOT_AUTHORIZED: &str = r#"{"message":"Client is not authorized for this usage resource.","code":"Forbidden"}"#;

/// The error with these details.
fn envelope(details: &[&str]) -> String {
    let details = details.join(",");
    format!(
        r#"{{"message":"One or more errors have occurred.","target":"usageEventRequest","details":[{details}],"code":"BadArgument"}}"#
    )
}

fn post(publisher: &Publisher, call: &str, body: String) -> RequestBuilder {
    publisher.raw(Method::POST, &format!("/api/{call}?{VERSION}")).body(body)
}

async fn reports(publisher: &Publisher, event: &Value) -> Reply {
    send(post(publisher, "usageEvent", event.to_string())).await
}

async fn batch(publisher: &Publisher, events: &[Value]) -> Reply {
    send(post(publisher, "batchUsageEvent", json!({ "request": events }).to_string())).await
}

async fn days(publisher: &Publisher, query: &str) -> Reply {
    send(publisher.raw(Method::GET, &format!("/api/usageEvents?{VERSION}&{query}"))).await
}

fn event(id: &str, quantity: f64, at: &str) -> Value {
    json!({
        "resourceId": id, "quantity": quantity, "dimension": "mails", "effectiveStartTime": at, "planId": "growth",
    })
}

fn with(event: &Value, field: &str, value: Value) -> Value {
    let mut changed = event.clone();
    changed[field] = value;
    changed
}

/// A flat rate that is billed since the world's start, and its publisher.
async fn billed(world: &World) -> (Publisher, String) {
    let contoso = world.publisher("contoso").await;
    let id = text(&world.buyer().buys_flat_rate().await, "id");
    contoso.reports(&id, 0).await.expect(200);
    assert_eq!(contoso.activate(&id).await.status, 200);
    (contoso, id)
}

/// The charges for usage: quantity and amount of each.
async fn charges(world: &World, id: &str) -> Vec<(String, String)> {
    let view = world.operator().subscription(id).await;
    let lines = view["ledger"].as_array().unwrap().iter().filter(|line| line["kind"] == "usage");
    lines.map(|line| (text(line, "quantity"), text(&line["amount"], "amount"))).collect()
}

#[tokio::test]
async fn row_200_an_event_is_accepted_key_for_key_and_its_time_is_echoed_literally() {
    let world = World::start().await;
    let (contoso, id) = billed(&world).await;
    for (at, dimension) in [("2026-01-01T08:01:04.4810279Z", "mails"), ("2026-01-01T08:01:04", "validations")] {
        let reply = reports(&contoso, &with(&event(&id, 20.5, at), "dimension", dimension.into())).await;
        let expected = format!(
            r#"{{"usageEventId":"<guid>","status":"Accepted","messageTime":"2026-01-01T09:00:00Z","resourceId":"<guid>","resourceUri":"{URI}","quantity":20.5,"dimension":"{dimension}","effectiveStartTime":"{at}","planId":"growth"}}"#
        );
        assert_eq!((reply.status, masked(&reply.text)), (200, expected));
        assert_eq!(text(&reply.json(), "resourceId"), id);
    }
    // By its URI, with keys in another case and the quantity as a text; whole numbers are doubles too.
    let uri = text(&reports(&contoso, &event(&id, 1.0, "2026-01-01T07:00:00Z")).await.expect(200), "resourceUri");
    let other = json!({
        "ResourceUri": uri, "Quantity": "6", "DIMENSION": "mails", "effectivestarttime": "2026-01-01T06:00:00Z",
        "planID": "growth", "unknown": [1],
    });
    let reply = reports(&contoso, &other).await;
    assert_eq!(text(&reply.expect(200), "resourceId"), id);
    assert!(reply.text.contains(r#""quantity":6.0,"#), "{}", reply.text);
}

#[tokio::test]
async fn answers_have_the_headers_of_metering() {
    let world = World::start().await;
    let (contoso, id) = billed(&world).await;
    let good = event(&id, 1.0, "2026-01-01T08:00:00Z");
    let replies = [
        reports(&contoso, &good).await,
        reports(&contoso, &good).await,
        batch(&contoso, &[good]).await,
        days(&contoso, "usageStartDate=2026-01-01").await,
    ];
    for reply in replies {
        assert_eq!((reply.header("x-ms-activityid"), reply.header("etag")), (None, None), "{}", reply.text);
        assert!(reply.header("x-ms-requestid").is_some());
        assert_eq!(reply.header("x-ms-requestid"), reply.header("x-ms-correlationid"));
        assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
    }
}

#[tokio::test]
async fn rows_400_and_403_of_a_single_event_have_their_exact_bodies() {
    let world = World::start().await;
    let (contoso, id) = billed(&world).await;
    let pending = text(&world.buyer().buys_flat_rate().await, "id");
    let others = text(&world.buyer().buys("margies-travel", "fabrikam-insights", "standard", None).await, "id");
    let good = event(&id, 1.0, "2026-01-01T08:00:00Z");
    let required = |field: &str, target: &str| {
        format!(r#"{{"message":"The {field} is required.","target":"{target}","code":"BadArgument"}}"#)
    };
    let without = |field: &str| {
        let mut event = good.clone();
        event.as_object_mut().unwrap().remove(field);
        event
    };
    let missing = |field: &str, target: &str| envelope(&[&required(field, target)]);
    let mut table = vec![
        ("another publisher's", 403, with(&good, "resourceId", others.into()), NOT_AUTHORIZED.to_owned()),
        (
            "older than 24 h",
            400,
            with(&good, "effectiveStartTime", "2025-12-31T08:59:59Z".into()),
            envelope(&[EXPIRED]),
        ),
        ("in the future", 400, with(&good, "effectiveStartTime", "2026-01-01T09:00:01Z".into()), envelope(&[EXPIRED])),
        ("dimension not in plan", 400, with(&good, "dimension", "dedicated-ip".into()), envelope(&[BAD_DIMENSION])),
        ("unknown resource", 400, with(&good, "resourceId", UNKNOWN.into()), envelope(&[NOT_FOUND])),
        ("not Subscribed", 400, with(&good, "resourceId", pending.into()), envelope(&[NOT_FOUND])),
        ("quantity zero", 400, with(&good, "quantity", 0.into()), envelope(&[BAD_QUANTITY])),
        ("quantity below zero", 400, with(&good, "quantity", (-0.5).into()), envelope(&[BAD_QUANTITY])),
        ("another plan", 400, with(&good, "planId", "scale".into()), envelope(&[BAD_PLAN])),
        (
            "all missing",
            400,
            json!({}),
            envelope(&[
                &required("resourceId", "ResourceId"),
                &required("quantity", "Quantity"),
                &required("dimension", "Dimension"),
                &required("effectiveStartTime", "EffectiveStartTime"),
                &required("planId", "PlanId"),
            ]),
        ),
    ];
    for (field, target) in [
        ("resourceId", "ResourceId"),
        ("quantity", "Quantity"),
        ("dimension", "Dimension"),
        ("effectiveStartTime", "EffectiveStartTime"),
        ("planId", "PlanId"),
    ] {
        table.push(("field missing", 400, without(field), missing(field, target)));
        table.push(("field null", 400, with(&good, field, Value::Null), missing(field, target)));
    }
    for (row, status, event, expected) in table {
        let reply = reports(&contoso, &event).await;
        assert_eq!((reply.status, reply.text), (status, expected), "{row}: {event}");
    }
    for body in ["", "nonsense", "{\"resourceId\":"] {
        let reply = send(post(&contoso, "usageEvent", body.to_owned())).await;
        let expected =
            r#"{"message":"The request body is not valid JSON.","target":"usageEventRequest","code":"BadArgument"}"#;
        assert_eq!((reply.status, reply.text.as_str()), (400, expected), "{body:?}");
    }
    // What was refused does not occupy the hour.
    reports(&contoso, &good).await.expect(200);
}

#[tokio::test]
async fn row_409_a_second_event_of_the_hour_is_told_of_the_first() {
    let world = World::start().await;
    let (contoso, id) = billed(&world).await;
    let first = reports(&contoso, &event(&id, 1.0, "2026-01-01T08:00:00Z")).await.expect(200);
    world.operator().advances("PT10M").await;
    let reply = reports(&contoso, &event(&id, 7.0, "2026-01-01T08:59:59.999Z")).await;
    let accepted = first.to_string().replace("Accepted", "Duplicate");
    let expected = format!(
        r#"{{"additionalInfo":{{"acceptedMessage":{accepted}}},"message":"This usage event already exist.","code":"Conflict"}}"#
    );
    assert_eq!((reply.status, reply.text), (409, expected));
    // The hour, the dimension and the resource each make another event of it.
    reports(&contoso, &event(&id, 1.0, "2026-01-01T07:59:59.999Z")).await.expect(200);
    reports(&contoso, &event(&id, 1.0, "2026-01-01T09:00:00Z")).await.expect(200);
    let other = with(&event(&id, 1.0, "2026-01-01T08:00:00Z"), "dimension", "validations".into());
    reports(&contoso, &other).await.expect(200);
    let (_, second) = billed(&world).await;
    reports(&contoso, &event(&second, 1.0, "2026-01-01T08:30:00Z")).await.expect(200);
}

#[tokio::test]
async fn of_events_that_come_at_once_one_is_accepted_and_charged() {
    let world = World::start().await;
    let (contoso, id) = billed(&world).await;
    let good = event(&id, 12.0, "2026-01-01T09:00:00Z");
    let singles = join_all((0..20).map(|_| reports(&contoso, &good))).await;
    let batches = join_all((0..5).map(|_| batch(&contoso, std::slice::from_ref(&good)))).await;
    let accepted = singles.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(accepted, 1);
    assert!(singles.iter().all(|reply| [200, 409].contains(&reply.status)));
    assert!(batches.iter().all(|reply| reply.expect(200)["result"][0]["status"] == "Duplicate"));
    assert_eq!(charges(&world, &id).await, [("2".to_owned(), "1.60".to_owned())]);
}

#[tokio::test]
async fn an_hour_stays_taken_when_the_server_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = || ServerOptions { data: Some(folder.path().to_owned()), ..ServerOptions::default() };
    let world = World::start_with(options()).await;
    world.create_sandbox(SANDBOX).await;
    let (contoso, id) = billed(&world).await;
    let first = reports(&contoso, &event(&id, 12.0, "2026-01-01T09:00:00Z")).await.expect(200);
    world.stop().await;

    let world = World::start_with(options()).await;
    let contoso = world.publisher("contoso").await;
    let again = reports(&contoso, &event(&id, 1.0, "2026-01-01T09:00:00Z")).await.expect(409);
    assert_eq!(again["additionalInfo"]["acceptedMessage"]["usageEventId"], first["usageEventId"]);
    world.operator().advances("PT1H").await;
    let contoso = world.publisher("contoso").await;
    reports(&contoso, &event(&id, 1.0, "2026-01-01T10:00:00Z")).await.expect(200);
    // The included quantity stays used up, too.
    assert_eq!(charges(&world, &id).await, [("2", "1.60"), ("1", "0.80")].map(owned));
    world.stop().await;
}

#[tokio::test]
async fn a_batch_answers_200_with_every_item_status_in_order() {
    let world = World::start().await;
    let (contoso, id) = billed(&world).await;
    let pending = text(&world.buyer().buys_flat_rate().await, "id");
    let others = text(&world.buyer().buys("margies-travel", "fabrikam-insights", "standard", None).await, "id");
    let good = event(&id, 20.5, "2026-01-01T08:01:04.4810279Z");
    let events = [
        good.clone(),
        good.clone(),
        with(&good, "effectiveStartTime", "2025-12-30T08:00:00Z".into()),
        with(&good, "dimension", "x".into()),
        with(&good, "resourceId", UNKNOWN.into()),
        with(&good, "resourceId", others.into()),
        with(&good, "resourceId", pending.into()),
        with(&good, "quantity", 0.into()),
        json!({ "quantity": 1 }),
        json!("nonsense"),
    ];
    let reply = batch(&contoso, &events).await;
    let body = reply.expect(200);
    let statuses: Vec<&str> =
        body["result"].as_array().unwrap().iter().map(|r| r["status"].as_str().unwrap()).collect();
    let expected = [
        "Accepted",
        "Duplicate",
        "Expired",
        "InvalidDimension",
        "ResourceNotFound",
        "ResourceNotAuthorized",
        "ResourceNotActive",
        "InvalidQuantity",
        "BadArgument",
        "BadArgument",
    ];
    assert_eq!(statuses, expected);
    assert!(reply.text.starts_with(r#"{"result":["#) && reply.text.ends_with(r#"],"count":10}"#), "{}", reply.text);
    for (index, expected) in recorded_items().iter().enumerate() {
        assert_eq!(masked(&body["result"][index].to_string()), *expected, "item {index}");
    }
}

/// The first items of the batch, as they were recorded.
fn recorded_items() -> Vec<String> {
    let time = r#""messageTime":"2026-01-01T09:00:00Z""#;
    let tail =
        r#""quantity":20.5,"dimension":"mails","effectiveStartTime":"2026-01-01T08:01:04.4810279Z","planId":"growth""#;
    let both = format!(r#""resourceId":"<guid>","resourceUri":"{URI}""#);
    vec![
        format!(r#"{{"usageEventId":"<guid>","status":"Accepted",{time},{both},{tail}}}"#),
        format!(
            r#"{{"status":"Duplicate",{time},"error":{{"additionalInfo":{{"acceptedMessage":{{"usageEventId":"<guid>","status":"Duplicate",{time},{both},{tail}}}}},"message":"This usage event already exist.","code":"Conflict"}},"resourceId":"<guid>",{tail}}}"#
        ),
        format!(
            r#"{{"status":"Expired",{time},"error":{},{both},{}}}"#,
            envelope(&[EXPIRED]),
            tail.replace("2026-01-01T08:01:04.4810279Z", "2025-12-30T08:00:00Z")
        ),
        format!(
            r#"{{"status":"InvalidDimension",{time},"error":{},{both},{}}}"#,
            envelope(&[BAD_DIMENSION]),
            tail.replace("mails", "x")
        ),
        format!(
            r#"{{"status":"ResourceNotFound",{time},"error":{},"resourceId":"<guid>",{tail}}}"#,
            envelope(&[NOT_FOUND])
        ),
        format!(r#"{{"status":"ResourceNotAuthorized",{time},"error":{NOT_AUTHORIZED},"resourceId":"<guid>",{tail}}}"#),
    ]
}

#[tokio::test]
async fn a_batch_holds_from_one_to_25_events_in_its_wrapper() {
    let world = World::start().await;
    let (_, id) = billed(&world).await;
    world.operator().advances("P1D").await;
    let contoso = world.publisher("contoso").await;
    let events: Vec<Value> = (0..26)
        .map(|hour| event(&id, 1.0, &format!("2026-01-{:02}T{:02}:00:00Z", 1 + (9 + hour) / 24, (9 + hour) % 24)))
        .collect();
    let reply = batch(&contoso, &events).await;
    let expected = r#"{"message":"Batch events request payload count is more than 25. Please check you request body and retry with count less than 25.","target":"batchUsageEventRequest","code":"BadArgument"}"#;
    assert_eq!((reply.status, reply.text.as_str()), (400, expected));
    let body = batch(&contoso, &events[..25]).await.expect(200);
    assert!(body["result"].as_array().unwrap().iter().all(|result| result["status"] == "Accepted"), "{body}");
    assert_eq!(body["count"], 25);
    let empty = r#"{"message":"The request is required.","target":"batchUsageEventRequest","code":"BadArgument"}"#;
    for body in [r#"{"request":[]}"#.to_owned(), "{}".to_owned(), json!([events[0]]).to_string()] {
        let reply = send(post(&contoso, "batchUsageEvent", body)).await;
        assert_eq!((reply.status, reply.text.as_str()), (400, empty));
    }
}

#[tokio::test]
async fn usage_expires_when_the_clock_is_advanced_by_a_day() {
    let world = World::start().await;
    let (_, id) = billed(&world).await;
    world.operator().advances("PT24H").await;
    let contoso = world.publisher("contoso").await;
    reports(&contoso, &event(&id, 1.0, "2026-01-01T09:00:00Z")).await.expect(200);
    world.operator().advances("PT1S").await;
    let reply =
        reports(&contoso, &with(&event(&id, 1.0, "2026-01-01T09:00:00Z"), "dimension", "validations".into())).await;
    assert_eq!((reply.status, reply.text), (400, envelope(&[EXPIRED])));
}

#[tokio::test]
async fn version_token_and_path_are_checked_as_everywhere() {
    let world = World::start().await;
    let (contoso, id) = billed(&world).await;
    let good = event(&id, 1.0, "2026-01-01T08:00:00Z").to_string();
    for (method, path) in
        [(Method::POST, "usageEvent"), (Method::POST, "batchUsageEvent"), (Method::GET, "usageEvents")]
    {
        let reply = send(contoso.raw(method.clone(), &format!("/api/{path}")).body(good.clone())).await;
        assert_eq!(reply.expect(400)["Error"]["Code"], "ApiVersionUnspecified", "{path}");
        let reply = send(world.request(method, &format!("/api/{path}?{VERSION}")).body(good.clone())).await;
        assert_eq!((reply.status, reply.text.len()), (403, 403), "{path}");
        let reply = send(contoso.raw(Method::PUT, &format!("/api/{path}?{VERSION}"))).await;
        assert_eq!(reply.status, 404, "{path}");
    }
    let path = format!("/API/UsageEvent/?API-Version={}", VERSION.trim_start_matches("api-version="));
    assert_eq!(send(contoso.raw(Method::POST, &path).body(good)).await.status, 200);
}

#[tokio::test]
async fn usage_beyond_what_is_included_reaches_the_ledger_once_billing_has_started() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = text(&world.buyer().buys_flat_rate().await, "id");
    assert_eq!(contoso.activate(&id).await.status, 200);
    // Licences are not assigned, so nothing is billed, and what was used is never charged.
    reports(&contoso, &event(&id, 50.0, "2026-01-01T09:00:00Z")).await.expect(200);
    world.operator().advances("PT30M").await;
    contoso.reports(&id, 0).await.expect(200);
    assert_eq!(charges(&world, &id).await, []);
    world.operator().advances("PT5H").await;
    let contoso = world.publisher("contoso").await;
    let none: [(String, String); 0] = [];
    for (hour, quantity, charged) in [
        (10, 7.5, none.as_slice()),
        (11, 2.5, &[]),
        (12, 0.25, &[("0.25", "0.20")].map(owned)),
        (13, 3.0, &[("0.25", "0.20"), ("3", "2.40")].map(owned)),
    ] {
        reports(&contoso, &event(&id, quantity, &format!("2026-01-01T{hour}:00:00Z"))).await.expect(200);
        assert_eq!(charges(&world, &id).await, charged, "hour {hour}");
    }
    let facts = world.operator().journal(&format!("subscription={id}&kind=usageAccepted,charged")).await;
    let kinds: Vec<String> = facts.iter().map(|entry| text(entry, "kind")).collect();
    let used = "usageAccepted";
    assert_eq!(kinds, [used, "charged", used, used, used, "charged", used, "charged"]);
}

fn owned((quantity, amount): (&str, &str)) -> (String, String) {
    (quantity.to_owned(), amount.to_owned())
}

#[tokio::test]
async fn usage_events_are_summed_up_by_the_day() {
    let world = World::start().await;
    let (contoso, id) = billed(&world).await;
    for (quantity, at) in [(1.5, "2025-12-31T22:00:00Z"), (2.0, "2025-12-31T23:59:59Z"), (1.0, "2026-01-01T00:00:00Z")]
    {
        reports(&contoso, &event(&id, quantity, at)).await.expect(200);
    }
    let validated = with(&event(&id, 4.0, "2026-01-01T01:00:00Z"), "dimension", "validations".into());
    reports(&contoso, &validated).await.expect(200);
    let row = |day: &str, dimension: &str, rest: &str| {
        format!(
            r#"{{"usageDate":"{day}T00:00:00Z","usageResourceId":"<guid>","dimension":"{dimension}","planId":"growth","planName":"","offerId":"contoso-mail","offerName":"","offerType":"SaaS","azureSubscriptionId":"<guid>","reconStatus":"Submitted",{rest}}}"#
        )
    };
    let mails = row("2026-01-01", "mails", r#""submittedQuantity":1.0,"processedQuantity":0.0,"submittedCount":1"#);
    let validations =
        row("2026-01-01", "validations", r#""submittedQuantity":4.0,"processedQuantity":0.0,"submittedCount":1"#);
    let earlier = row("2025-12-31", "mails", r#""submittedQuantity":3.5,"processedQuantity":0.0,"submittedCount":2"#);
    let table = [
        ("usageStartDate=2025-12-31", vec![&mails, &validations, &earlier]),
        ("usageStartDate=2025-12-31T23:30", vec![&mails, &validations, &earlier]),
        ("usagestartdate=2026-01-01T06:12:40.123Z", vec![&mails, &validations]),
        ("usageStartDate=2025-12-31&UsageEndDate=2025-12-31", vec![&earlier]),
        ("usageStartDate=2025-12-31&dimension=validations", vec![&validations]),
        (
            "usageStartDate=2025-12-31&offerId=contoso-mail&planId=growth&reconStatus=submitted",
            vec![&mails, &validations, &earlier],
        ),
        ("usageStartDate=2025-12-31&offerId=contoso-crm", vec![]),
        ("usageStartDate=2025-12-31&planId=scale", vec![]),
        ("usageStartDate=2025-12-31&reconStatus=Accepted", vec![]),
        ("usageStartDate=2025-12-31&azureSubscriptionId=0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9", vec![]),
        ("usageStartDate=2026-01-02", vec![]),
        ("usageStartDate=2026-01-01&usageEndDate=2025-12-31", vec![]),
    ];
    for (query, rows) in table {
        let reply = days(&contoso, query).await;
        let rows: Vec<&str> = rows.into_iter().map(String::as_str).collect();
        assert_eq!((reply.status, masked(&reply.text)), (200, format!("[{}]", rows.join(","))), "{query}");
    }
    let azure = text(&days(&contoso, "usageStartDate=2025-12-31").await.json()[0], "azureSubscriptionId");
    let filtered = days(&contoso, &format!("usageStartDate=2025-12-31&azureSubscriptionId={azure}")).await;
    assert_eq!(filtered.json().as_array().map(Vec::len), Some(3));
    assert_eq!(days(&world.publisher("fabrikam").await, "usageStartDate=2025-12-31").await.text, "[]");

    // A day to which nothing can be added any more is processed.
    world.operator().advances("PT16H").await;
    let reply = days(&world.publisher("contoso").await, "usageStartDate=2025-12-31&reconStatus=Accepted").await;
    let processed = earlier
        .replace(r#""planName":"""#, r#""planName":"Growth""#)
        .replace(r#""offerName":"""#, r#""offerName":"Contoso Mail Relay""#)
        .replace("Submitted", "Accepted")
        .replace(r#""processedQuantity":0.0"#, r#""processedQuantity":3.5"#);
    assert_eq!(masked(&reply.text), format!("[{processed}]"));
}

#[tokio::test]
async fn rows_400_of_usage_events_name_the_parameter() {
    let world = World::start().await;
    let (contoso, _) = billed(&world).await;
    let table = [
        ("", "The usageStartDate is required.", "usageStartDate"),
        ("usageStartDate=yesterday", "The date is invalid.", "usageStartDate"),
        ("usageStartDate=2026-01-01&usageEndDate=", "The date is invalid.", "usageEndDate"),
    ];
    for (query, message, target) in table {
        let reply = days(&contoso, query).await;
        let expected = format!(r#"{{"message":"{message}","target":"{target}","code":"BadArgument"}}"#);
        assert_eq!((reply.status, reply.text), (400, expected), "{query}");
    }
}
