//! Addresses that lead nowhere, and those that nearly lead somewhere.

use reqwest::Method;

use crate::world::{World, send};

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
