//! The names that a server is called by: where nobody shows a key, a page of somebody else's must not become one of ours by
//! having its own name lead here.

use rehearsal::{
    cli::wiring::{Server, ServerOptions},
    domain::access::KeyDigest,
};
use reqwest::Method;

use crate::world::{Reply, World, client, send};

/// Calls a server where it listens, by another name.
async fn called(server: &Server, host: &str, path: &str, accept: &str) -> Reply {
    let url = format!("http://{}{path}", server.address);
    send(client().get(url).header("host", host).header("accept", accept)).await
}

#[tokio::test]
async fn an_open_server_answers_to_addresses_and_to_names_that_it_knows() {
    let options = ServerOptions {
        listen: "localhost:0".to_owned(),
        public_url: Some("http://rehearsal.team.example:8080".parse().unwrap()),
        allow_hosts: ["rehearsal.test", "*.tunnel.example"].map(|name| name.parse().unwrap()).to_vec(),
        ..ServerOptions::default()
    };
    let server = Server::start(options).await.unwrap();
    for host in [
        "127.0.0.1:7070",
        "[::1]",
        "LocalHost:7070",
        "a.localhost",
        "host.docker.internal:7070",
        "login.microsoftonline.com",
        "rehearsal.team.example:8080",
        "rehearsal.test:7070",
        "x.tunnel.example",
    ] {
        called(&server, host, "/sim/v1/sandboxes", "*/*").await.expect(200);
    }
    for host in ["evil.example:7070", "localhost.evil.example", "tunnel.example", "rehearsal.test.evil.example"] {
        for path in [
            "/sim/v1/sandboxes",
            "/",
            "/partner",
            "/publisher/landing",
            "/version",
            "/api/saas/subscriptions?api-version=2018-08-31",
        ] {
            let problem = called(&server, host, path, "*/*").await;
            assert_eq!(problem.header("content-type"), Some("application/problem+json"), "{path}");
            let problem = problem.expect(421);
            assert_eq!(problem["code"], "misdirected", "{host} {path}");
            // The name as it can be given to the setting.
            let name = host.split(':').next().unwrap();
            assert_eq!(problem["detail"], format!("this server does not go by the name {name}"));
            assert!(problem["hint"].as_str().unwrap().contains("--allow-host"), "{problem}");
            let page = called(&server, host, path, "text/html").await;
            assert_eq!(page.status, 421, "{path}");
            for says in [name, "--allow-host", "data-testid=\"misdirected\""] {
                assert!(page.text.contains(says), "{says} is not in {}", page.text);
            }
        }
    }
    let made = client().post(format!("http://{}/sim/v1/sandboxes", server.address)).header("host", "evil.example");
    assert_eq!(send(made.body("{\"name\": \"x\"}")).await.status, 421);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_asks_for_keys_is_called_by_any_name() {
    let key = "an operator's own, long key";
    let options =
        ServerOptions { asks_for_keys: Some(true), admin_key: Some(KeyDigest::of(key)), ..ServerOptions::default() };
    let world = World::start_with(options).await;
    let list = || world.request(Method::GET, "/sim/v1/sandboxes").header("host", "rehearsal:7070");
    send(list().bearer_auth(key)).await.expect(200);
    assert_eq!(send(list()).await.expect(401)["code"], "keyNeeded");
    world.stop().await;
}
