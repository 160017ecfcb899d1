//! Addresses that lead nowhere, and those that nearly lead somewhere.

use reqwest::Method;

use crate::world::{VERSION, World, send};

#[tokio::test]
async fn people_get_a_page_and_programs_a_status() {
    let world = World::start().await;
    let table = [
        ("/nothing", "text/html,*/*", 404, None),
        ("/docs/nothing?x=1", "text/html", 404, None),
        ("/journal/", "text/html", 308, Some("/journal")),
        ("/publisher/?sandbox=stage", "text/html", 308, Some("/publisher?sandbox=stage")),
        ("/partner/", "text/html", 308, Some("/partner")),
        ("//elsewhere.example/", "text/html", 404, None),
        ("/nothing", "*/*", 404, None),
        ("/journal/", "application/json", 404, None),
        ("/sim/v1/nothing", "*/*", 404, None),
    ];
    for (path, accept, status, location) in table {
        let reply = send(world.request(Method::GET, path).header("accept", accept)).await;
        assert_eq!((reply.status, reply.header("location")), (status, location), "{path} {accept}");
        let is_page = status == 404 && accept.starts_with("text/html");
        assert_eq!(reply.text.contains("data-testid=\"nowhere\""), is_page, "{path} {accept}: {}", reply.text);
        assert!(!is_page || reply.header("content-security-policy").is_some(), "{path}");
    }
    // Microsoft's paths answer as they do.
    let reply = send(world.request(Method::GET, "/api/saas/nothing?api-version=2018-08-31")).await;
    assert!(!reply.text.contains("data-testid"), "{}", reply.text);
    assert_eq!(send(world.request(Method::POST, "/nothing").header("accept", "text/html")).await.text, "");
    world.stop().await;
}

/// Bytes that are no text are nobody's name: each face says so in its own words, as of any other name that there is not.
#[tokio::test]
async fn a_path_that_is_no_text_is_answered_by_the_face_that_it_is_of() {
    let world = World::start().await;
    let problem = world.get("/sim/v1/sandboxes/%FF/clock").await;
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem.expect(400)["code"], "badInput");
    assert_eq!(world.get("/sim/v1/%FF").await.expect(404)["code"], "noSuchPath");

    let contoso = world.publisher("contoso").await;
    let ask = async |id: &str| {
        let reply = send(contoso.raw(Method::GET, &format!("/api/saas/subscriptions/{id}?{VERSION}"))).await;
        assert!(reply.header("x-ms-requestid").is_some(), "{}", reply.text);
        (reply.status, reply.text)
    };
    assert_eq!(ask("%FF").await, ask("nobody").await);

    let partner = world.partner("proseware").await;
    let ask = async |id: &str| {
        let reply = partner.get(&format!("/customers/{id}")).await;
        (reply.status, reply.json()["code"].clone())
    };
    let found = ask("%C3%28").await;
    assert_eq!(found, ask("nobody").await);
    assert!(found.1.is_number(), "{found:?}");

    for path in ["/subscriptions/%FF", "/partner/customers/%FF", "/publisher/accounts/%FF", "/%FF"] {
        let reply = send(world.request(Method::GET, path).header("accept", "text/html")).await;
        let is_page = reply.header("content-type") == Some("text/html; charset=utf-8");
        assert!(is_page || matches!(reply.status, 303 | 307), "{path}: {} {}", reply.status, reply.text);
    }
    world.stop().await;
}
