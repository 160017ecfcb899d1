//! The fulfillment API where it says no: the exact bodies, and what the journal tells besides.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, header::HeaderValue};
use serde_json::Value;

use crate::world::{SANDBOX, VERSION, World, code, send, text};

const FORBIDDEN: &str = "\"The authorization token is invalid, expired, missing or this request is attempting to access a SaaS subscription for an offer that was published with a different Azure AD App ID from the one used to create the authorization token. Please make sure the authorization token is created using the same Azure AD App ID as the Azure AD App ID Id set for the offer in Technical Details tab in Partner Center.\"";
const NOT_DECRYPTED: &str = r#"{"code":"InvalidValue","message":"Failed to decrypt token with either primary or secondary secret","target":"token"}"#;
const UNKNOWN: &str = "0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9";

#[tokio::test]
async fn the_version_is_checked_before_anything_else() {
    let world = World::start().await;
    let missing = world.get("/api/saas/subscriptions").await;
    let expected =
        r#"{"Error":{"Code":"ApiVersionUnspecified","Message":"An API version is required, but was not specified."}}"#;
    assert_eq!((missing.status, missing.text.as_str()), (400, expected));
    let host = world.base_url.trim_start_matches("http://");
    for path in ["/api/saas/subscriptions?api-version=1", "/api/saas/Subscriptions/resolve/?api-version=2018-09-15"] {
        let (_, version) = path.rsplit_once('=').unwrap();
        let other = world.get(path).await;
        let expected = format!(
            r#"{{"Error":{{"Code":"UnsupportedApiVersion","Message":"The HTTP resource that matches the request URI 'https://{host}{path}' does not support the API version '{version}'."}}}}"#
        );
        assert_eq!((other.status, other.text), (400, expected));
    }
}

#[tokio::test]
async fn a_bad_token_is_refused_with_403_bytes() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let id = text(&world.buyer().buys_seats().await, "id");
    assert_eq!(FORBIDDEN.len(), 403);
    let bare = contoso.token.clone();
    for (method, path) in [
        (Method::GET, "/subscriptions".to_owned()),
        (Method::POST, "/subscriptions/resolve".to_owned()),
        (Method::GET, format!("/subscriptions/{id}")),
        (Method::POST, format!("/subscriptions/{id}/activate")),
        (Method::GET, format!("/subscriptions/{id}/listAvailablePlans")),
    ] {
        for authorization in [None, Some("Bearer nonsense"), Some("Bearer "), Some("Basic eDp5"), Some(bare.as_str())] {
            let request = world.request(method.clone(), &format!("/api/saas{path}?{VERSION}"));
            let request = match authorization {
                Some(value) => request.header("authorization", value),
                None => request,
            };
            let reply = send(request).await;
            assert_eq!((reply.status, reply.text.as_str()), (403, FORBIDDEN), "{method} {path} {authorization:?}");
            assert_eq!(reply.header("content-length"), Some("403"));
        }
    }
    world.operator().advances("PT1H").await;
    let expired = contoso.get(&id).await;
    assert_eq!((expired.status, expired.text.as_str()), (403, FORBIDDEN));
    assert_eq!(world.publisher("contoso").await.get(&id).await.status, 200);
}

#[tokio::test]
async fn another_publishers_subscription_is_forbidden_and_stays_as_it_is() {
    let world = World::start().await;
    let fabrikam = world.publisher("fabrikam").await;
    let bought = world.buyer().buys_seats().await;
    let id = text(&bought, "id");
    let plans = send(fabrikam.request(Method::GET, &format!("/subscriptions/{id}/listAvailablePlans"))).await;
    for reply in [fabrikam.get(&id).await, fabrikam.activate(&id).await, fabrikam.resolve(&code(&bought)).await, plans]
    {
        assert_eq!((reply.status, reply.text.as_str()), (403, FORBIDDEN));
    }
    assert_eq!(world.operator().subscription(&id).await["status"], "PendingFulfillmentStart");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let expected = format!(
        r#"{{"code":"EntityNotFound","message":"Subscription {UNKNOWN} not found","target":"subscriptionId"}}"#
    );
    for reply in [contoso.get(UNKNOWN).await, contoso.activate(UNKNOWN).await] {
        assert_eq!((reply.status, reply.text.as_str()), (404, expected.as_str()));
    }
    for (method, path) in [
        (Method::GET, "/nothing"),
        (Method::GET, "/subscriptions/not-a-guid"),
        (Method::POST, "/subscriptions/not-a-guid/activate"),
        (Method::GET, "/subscriptions/0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9/nothing"),
        (Method::POST, "/subscriptions"),
    ] {
        assert_eq!(send(contoso.request(method.clone(), path)).await.status, 404, "{method} {path}");
    }
}

#[tokio::test]
async fn resolve_needs_its_header() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    let reply = send(contoso.request(Method::POST, "/subscriptions/resolve")).await;
    let expected =
        r#"{"code":"HeaderNotPresent","message":"Mandatory header missing","target":"x-ms-marketplace-token"}"#;
    assert_eq!((reply.status, reply.text.as_str()), (400, expected));
}

#[tokio::test]
async fn a_bad_code_gets_one_answer_and_the_journal_tells_which_fault_it_was() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    world.create_sandbox("elsewhere").await;
    let elsewhere = world.buyer().buys_in("elsewhere", "northwind", "contoso-crm", "team", Some(5)).await;
    let good = code(&world.buyer().buys_seats().await);
    assert!(good.contains('+') && good.contains('/') && good.ends_with("=="), "{good}");
    let encoded = utf8_percent_encode(&good, NON_ALPHANUMERIC).to_string();
    let altered = good.strip_prefix('A').map_or_else(|| format!("A{}", &good[1..]), |rest| format!("B{rest}"));
    let table = [
        (encoded.replace('%', "%25"), "doubleEncoded"),
        (encoded, "stillEncoded"),
        (good.replace('+', " "), "plusTurnedBlank"),
        (good[..good.len() - 20].to_owned(), "truncated"),
        ("not a code at all!".to_owned(), "notBase64"),
        (altered, "foreign"),
        (code(&elsewhere), "foreign"),
    ];
    for (bad, fault) in table {
        assert_eq!(refused(&world, &bad, "contoso").await, fault, "{bad}");
    }
    let header = HeaderValue::from_bytes(b"caf\xe9").unwrap();
    let reply =
        send(contoso.request(Method::POST, "/subscriptions/resolve").header("x-ms-marketplace-token", header)).await;
    assert_eq!((reply.status, reply.text.as_str()), (400, NOT_DECRYPTED));

    assert_eq!(contoso.resolve(&good).await.status, 200);
    world.operator().advances("PT24H").await;
    assert_eq!(refused(&world, &good, "contoso").await, "expired");
}

/// Resolves what is refused; tells the fault that the journal names.
async fn refused(world: &World, code: &str, publisher: &str) -> String {
    let reply = world.publisher_in(SANDBOX, publisher).await.resolve(code).await;
    assert_eq!((reply.status, reply.text.as_str()), (400, NOT_DECRYPTED), "{code}");
    let entry: Value = world.operator().journal("kind=codeRefused&limit=1000").await.pop().unwrap();
    text(&entry["data"]["fault"], "fault")
}

#[tokio::test]
async fn a_continuation_token_of_somebody_else_is_refused() {
    let world = World::start().await;
    let contoso = world.publisher("contoso").await;
    for token in ["", "nonsense", "%5b%5d", "%5b%7b%22token%22%3anull%7d%5d", "%ff"] {
        let path = format!("/api/saas/subscriptions?{VERSION}&continuationToken={token}");
        let reply = send(contoso.raw(Method::GET, &path)).await;
        let expected =
            r#"{"code":"BadArgument","message":"The continuation token is invalid","target":"continuationToken"}"#;
        assert_eq!((reply.status, reply.text.as_str()), (400, expected), "{token}");
    }
}

#[tokio::test]
async fn a_purchase_that_is_over_can_not_be_activated() {
    let world = World::start().await;
    let id = text(&world.buyer().buys_seats().await, "id");
    world.operator().advances("P31D").await;
    let contoso = world.publisher("contoso").await;
    let reply = contoso.activate(&id).await;
    assert_eq!((reply.status, reply.text.as_str()), (404, ""));
    let read = contoso.get(&id).await.expect(200);
    assert_eq!(read["saasSubscriptionStatus"], "Unsubscribed");
    assert_eq!(read["term"], serde_json::json!({ "termUnit": "P1M" }));
}
