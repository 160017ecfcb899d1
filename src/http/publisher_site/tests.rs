//! The site as a browser, a tool and a stranger see it.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use futures_util::StreamExt;
use serde_json::Value;
use tower::ServiceExt;
use url::form_urlencoded;

use crate::publisher::{
    host::Pace,
    tests::world::{CODE, World, typed},
};

struct Seen {
    status: StatusCode,
    location: String,
    body: String,
}

impl Seen {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    #[track_caller]
    fn shows(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.body.contains(part), "{part} is missing in {}", self.body);
        }
    }
}

async fn send(world: &World, request: Request<Body>) -> Seen {
    let response = super::router(Arc::clone(&world.publisher)).oneshot(request).await.unwrap();
    let status = response.status();
    let location = response.headers().get("location").map_or("", |value| value.to_str().unwrap()).to_owned();
    if response.headers().get("content-type").is_some_and(|kind| kind == "text/html; charset=utf-8") {
        assert!(response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    }
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    Seen { status, location, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn get(world: &World, path: &str) -> Seen {
    send(world, Request::get(path).header("accept", "text/html").body(Body::empty()).unwrap()).await
}

async fn get_json(world: &World, path: &str) -> Seen {
    send(world, Request::get(path).header("accept", "application/json").body(Body::empty()).unwrap()).await
}

async fn post(world: &World, path: &str, accept: &str, pairs: &[(String, String)]) -> Seen {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let request = Request::post(path)
        .header("accept", accept)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form));
    send(world, request.unwrap()).await
}

fn form(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = vec![("token".to_owned(), CODE.to_owned())];
    pairs.extend(typed().into_iter().map(|(name, text)| (format!("field.{name}"), text)));
    for &(name, text) in changes {
        pairs.retain(|(other, _)| other != name);
        pairs.push((name.to_owned(), text.to_owned()));
    }
    pairs
}

const LINK: &str = "/publisher/landing?site=contoso&token=aB%2Bc%2Fd12%3D%3D";

#[tokio::test]
async fn the_way_of_a_browser_from_the_link_to_the_customers_page() {
    let world = World::new().await;
    let landing = get(&world, LINK).await;
    assert_eq!(landing.status, 200);
    landing.shows(&[
        "data-testid=\"landing-form\"",
        "data-testid=\"field-company\"",
        "data-testid=\"field-users\"",
        "data-testid=\"submit\"",
        "kim@fabrikam.example",
        "pat@partner.example",
        "value=\"aB+c/d12==\"",
        "Contoso — stand-in publisher of Rehearsal",
    ]);

    let nasty = "</textarea><script>alert(1)</script>";
    let wrong = form(&[("field.company", ""), ("field.users", nasty), ("field.contactEmail", "\"><b>x")]);
    let refused = post(&world, "/publisher/landing", "text/html", &wrong).await;
    assert_eq!(refused.status, 422);
    refused.shows(&[
        "data-testid=\"error-company\"",
        "data-testid=\"error-users\"",
        "aria-invalid=\"true\"",
        "aria-describedby=\"h-contactEmail e-contactEmail\"",
        "href=\"#f-company\"",
        "&#60;/textarea&#62;&#60;script&#62;alert(1)",
        "value=\"&#34;&#62;&#60;b&#62;x\"",
        "<option selected>Europe</option>",
    ]);
    assert!(!refused.body.contains("<script>alert") && !refused.body.contains("<b>x"));

    let accepted = post(&world, "/publisher/landing", "text/html", &form(&[])).await;
    assert_eq!(accepted.status, 303);
    let account = accepted.location;
    assert!(account.starts_with("/publisher/accounts/"));
    let progress = get(&world, &account).await;
    progress.shows(&[
        "data-testid=\"step-activate\" data-state=\"todo\"",
        "<noscript><meta http-equiv=\"refresh\"",
        "data-testid=\"account-state\" data-state=\"provisioning\"",
    ]);
    assert!(!progress.body.contains("customer-url"));

    world.run_all().await;
    let done = get(&world, &account).await;
    done.shows(&[
        "data-testid=\"step-activate\" data-state=\"done\"",
        "data-testid=\"customer-url\"",
        "data-testid=\"licenses\"",
        "<strong data-testid=\"pool\">3</strong>",
        "data-testid=\"status\" data-status=\"Subscribed\"",
        "lee@fabrikam.example",
    ]);
    assert!(!done.body.contains("http-equiv") && !done.body.contains("try-again"));

    let url = done.body.split("href=\"http://rehearsal.example:7070").nth(1).unwrap().split('"').next().unwrap();
    let welcome = get(&world, url).await;
    assert_eq!(welcome.status, 200);
    welcome.shows(&["Welcome to Contoso CRM", "lee@fabrikam.example"]);
    assert!(!welcome.body.contains("/publisher/accounts/"), "the customer's page does not lead to the partner's");

    let again = get(&world, LINK).await;
    assert_eq!((again.status, again.location), (StatusCode::SEE_OTHER, account));
    assert_eq!(world.market().activations, 1);
}

#[tokio::test]
async fn every_other_landing_has_its_page_and_its_status() {
    let world = World::new().await;
    let table = [
        ("/publisher", 200, "publisher-contoso"),
        ("/publisher/landing", 200, "data-testid=\"ask-code\""),
        ("/publisher/landing?token=", 200, "data-testid=\"ask-code\""),
        ("/publisher/landing?token=a&token=b&token=%ff", 400, "data-testid=\"code-guidance\""),
        // Not percent-encoded: the plus arrives as a blank and is passed on as one.
        ("/publisher/landing?token=aB+c/d12==", 400, "Failed to decrypt token"),
        ("/publisher/landing?site=northwind&token=aB%2Bc%2Fd12%3D%3D", 403, "another publisher"),
        ("/publisher/landing?site=nobody&token=x", 404, "“nobody”"),
        ("/publisher/landing?site=%3Cb%3E", 200, "data-testid=\"ask-code\""),
        ("/publisher/landing?sandbox=elsewhere", 404, "no such sandbox"),
        ("/publisher/landing?sandbox=%3Cb%3E", 404, "no such sandbox"),
        ("/publisher/accounts/x", 404, "no account"),
        ("/publisher/accounts/00000000000000000000000000000000", 404, "no account"),
        ("/publisher/welcome/x", 404, "no account"),
    ];
    for (path, status, part) in table {
        let seen = get(&world, path).await;
        assert_eq!(seen.status, status, "{path}");
        seen.shows(&[part]);
        assert!(!seen.body.contains("<b>"), "{path}");
    }
    for (status, part) in [("Suspended", "is suspended"), ("Unsubscribed", "has ended"), ("Subscribed", "is active")] {
        world.market().status = status;
        let seen = get(&world, LINK).await;
        assert_eq!(seen.status, 200);
        seen.shows(&[part]);
        assert!(!seen.body.contains("landing-form"));
    }
}

#[tokio::test]
async fn a_pasted_code_becomes_the_link() {
    let world = World::new().await;
    let pasted = [("code".to_owned(), format!(" {CODE}\r\n")), ("site".to_owned(), String::new())];
    let seen = post(&world, "/publisher/landing", "text/html", &pasted).await;
    assert_eq!(
        (seen.status, seen.location.as_str()),
        (StatusCode::SEE_OTHER, "/publisher/landing?token=aB%2Bc%2Fd12%3D%3D")
    );
    get(&world, &seen.location).await.shows(&["data-testid=\"landing-form\"", "name=\"site\" value=\"contoso\""]);
}

#[tokio::test]
async fn tools_get_the_same_as_json() {
    let world = World::new().await;
    const JSON: &str = "application/json";
    let view = get_json(&world, LINK).await.json();
    assert_eq!((view["view"].as_str(), view["fields"][0]["name"].as_str()), (Some("setUp"), Some("company")));

    let refused = post(&world, "/publisher/landing", JSON, &form(&[("field.company", "")])).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["errors"][0]["field"], "company");

    let first = post(&world, "/publisher/landing", JSON, &form(&[])).await;
    assert_eq!((first.status.as_u16(), first.json()["opened"].as_bool()), (201, Some(true)));
    let second = post(&world, "/publisher/landing", JSON, &form(&[])).await;
    assert_eq!((second.status.as_u16(), second.json()["opened"].as_bool()), (200, Some(false)));
    assert_eq!(first.json()["account"], second.json()["account"]);
    assert!(first.json()["url"].as_str().unwrap().starts_with("http://rehearsal.example:7070/publisher/accounts/"));

    world.run_all().await;
    let path = format!("/publisher/accounts/{}", first.json()["account"].as_str().unwrap());
    let account = get_json(&world, &path).await;
    let body = account.json();
    assert_eq!((body["state"].as_str(), body["steps"][3]["state"].as_str()), (Some("active"), Some("done")));
    assert_eq!(
        body["licenses"],
        serde_json::json!({"named": ["kim@fabrikam.example", "lee@fabrikam.example"], "pool": 3})
    );
    assert!(!account.body.contains("secret") && !account.body.contains(CODE));

    let errors = [
        (form(&[("token", "nonsense")]), 400, "badCode"),
        (form(&[("token", "")]), 400, "askForCode"),
        (form(&[("site", "northwind")]), 403, "notOurs"),
        (form(&[("sandbox", "elsewhere")]), 404, "noSuchSandbox"),
    ];
    for (pairs, status, code) in errors {
        let seen = post(&world, "/publisher/landing", JSON, &pairs).await;
        assert_eq!((seen.status.as_u16(), seen.json()["error"]["code"].as_str()), (status, Some(code)));
    }
    world.market().status = "Unsubscribed";
    let seen = post(&world, "/publisher/landing", JSON, &form(&[])).await;
    assert_eq!((seen.status.as_u16(), seen.json()["error"]["code"].as_str()), (409, Some("cancelled")));
    assert_eq!(get_json(&world, "/publisher/accounts/x").await.json()["error"]["code"], "noSuchAccount");
}

#[tokio::test]
async fn an_activation_that_takes_its_time_is_no_failure() {
    let world = World::new().await;
    world.market().activate = [202].into();
    let account = post(&world, "/publisher/landing", "text/html", &form(&[])).await.location;
    assert!(world.run_next().await);
    let page = get(&world, &account).await;
    page.shows(&["Accepted", "it takes effect later", "Look again now"]);
    assert!(!page.body.contains("failed"), "{}", page.body);
}

#[tokio::test]
async fn what_holds_an_account_up_is_told_with_the_way_to_the_clock() {
    let world = World::new().await;
    let account = post(&world, "/publisher/landing", "text/html", &form(&[])).await.location;
    assert!(!get(&world, &account).await.body.contains("held-up"));
    // A clock that stands holds up only what waits.
    world.host.memory().pace = Pace::Frozen;
    assert!(!get(&world, &account).await.body.contains("held-up"));
    world.host.memory().pace = Pace::Manual;
    get(&world, &account).await.shows(&["timers of this sandbox are manual", "href=\"/#clock\""]);
    world.market().activate = [202].into();
    assert!(world.run_next().await);
    world.host.memory().pace = Pace::Frozen;
    get(&world, &account).await.shows(&["clock of this sandbox is frozen"]);
    world.market().status = "Subscribed";
    world.run_all().await;
    assert!(!get(&world, &account).await.body.contains("held-up"));
}

#[tokio::test]
async fn a_stopped_account_is_explained_and_can_be_tried_again() {
    let world = World::new().await;
    world.market().activate = [400].into();
    let account = post(&world, "/publisher/landing", "text/html", &form(&[])).await.location;
    world.run_all().await;
    get(&world, &account).await.shows(&[
        "data-state=\"needsAttention\"",
        "data-testid=\"try-again\"",
        "refused with status 400",
        "data-testid=\"step-activate\" data-state=\"stopped\"",
    ]);
    let retried = post(&world, &format!("{account}/retry"), "text/html", &[]).await;
    assert_eq!((retried.status, &retried.location), (StatusCode::SEE_OTHER, &account));
    world.run_all().await;
    get(&world, &account).await.shows(&["data-testid=\"account-state\" data-state=\"active\""]);
}

#[tokio::test]
async fn changes_are_told_as_they_happen_until_the_account_is_active() {
    let world = World::new().await;
    let account = post(&world, "/publisher/landing", "text/html", &form(&[])).await.location;
    let request = Request::get(format!("{account}/events")).body(Body::empty()).unwrap();
    let response = super::router(Arc::clone(&world.publisher)).oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut messages = response.into_body().into_data_stream();
    assert_eq!(messages.next().await.unwrap().unwrap(), "data: provisioning\n\n");
    world.run_all().await;
    let mut last = None;
    while let Some(message) = messages.next().await {
        last = Some(message.unwrap());
    }
    assert_eq!(last.unwrap(), "data: active\n\n");
    assert_eq!(get(&world, &format!("{account}/events")).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_form_on_another_page_is_refused() {
    let world = World::new().await;
    let account = post(&world, "/publisher/landing", "text/html", &form(&[])).await.location;
    for path in ["/publisher/landing".to_owned(), format!("{account}/retry")] {
        let request = Request::post(path).header("host", "127.0.0.1:7070").header("origin", "https://evil.example");
        assert_eq!(send(&world, request.body(Body::empty()).unwrap()).await.status, 403);
    }
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused() {
    let world = World::new().await;
    let long = "x".repeat(70_000);
    let seen = post(&world, "/publisher/landing", "text/html", &form(&[("field.company", &long)])).await;
    assert_eq!(seen.status, StatusCode::PAYLOAD_TOO_LARGE);
}
