//! `serve`: the ready line, health, stopping, and data that is kept.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Served, run_in};
use crate::world::{Reply, client, send, text};

async fn call(url: &str, method: Method, path: &str, body: Option<Value>) -> Reply {
    let request = client().request(method, format!("{url}{path}"));
    send(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

async fn get(url: &str, path: &str) -> Reply {
    call(url, Method::GET, path, None).await
}

async fn buy(url: &str) -> Value {
    let order = json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5 });
    call(url, Method::POST, "/sim/v1/sandboxes/default/purchases", Some(order)).await.expect(201)
}

#[tokio::test]
async fn one_line_on_standard_output_says_that_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), ["--ephemeral", "--ready-file", "ready.json"]);
    let (ready, url) = (served.ready(), served.url());
    assert_eq!([&ready["ready"], &ready["pid"]], [&json!(true), &json!(served.child.id())]);
    assert_eq!(text(&ready, "control"), format!("{url}/sim/v1"));
    assert_eq!(std::fs::read_to_string(folder.path().join("ready.json")).unwrap(), served.line);
    for (path, said) in [("/livez", "ok\n"), ("/readyz", "ready\n")] {
        let reply = get(&url, path).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, said));
    }
    let version = json!({ "name": "rehearsal", "version": env!("CARGO_PKG_VERSION") });
    assert_eq!(get(&url, "/version").await.expect(200), version);
    assert_eq!(get(&url, "/").await.status, 200);
    buy(&url).await;
    let ended = served.stop("-TERM");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{}", ended.err);
    assert!(ended.err.contains("stopping"), "logs go to standard error: {}", ended.err);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["ready.json"], "an ephemeral server leaves nothing");
}

#[tokio::test]
async fn what_was_bought_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), ["--data", "kept"]);
    let before = buy(&served.url()).await;
    let journal = get(&served.url(), "/sim/v1/sandboxes/default/journal").await.expect(200);
    assert_eq!(served.stop("-INT").code, Some(0));

    let served = Served::start(folder.path(), ["--data", "kept"]);
    let url = served.url();
    let id = text(&before, "id");
    let after = get(&url, &format!("/sim/v1/sandboxes/default/subscriptions/{id}")).await.expect(200);
    for field in ["id", "created", "status", "confirmations", "billing", "activationDeadline"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["link"]["authorizationCode"], before["link"]["authorizationCode"]);
    assert_eq!(get(&url, "/sim/v1/sandboxes/default/journal").await.expect(200), journal);
    let second = text(&buy(&url).await, "id");
    assert_ne!(second, id);
    let last = journal["entries"].as_array().unwrap().len();
    let more = get(&url, &format!("/sim/v1/sandboxes/default/journal?since={last}")).await.expect(200);
    assert_eq!([&more["entries"][0]["seq"], &more["entries"][0]["subscription"]], [&json!(last + 1), &json!(second)]);
    assert_eq!(served.stop("-TERM").code, Some(0));
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), ["--data", "kept"]);
    let id = text(&buy(&served.url()).await, "id");
    assert_eq!(served.stop("-KILL").code, None);
    let served = Served::start(folder.path(), ["--data", "kept"]);
    get(&served.url(), &format!("/sim/v1/sandboxes/default/subscriptions/{id}")).await.expect(200);
}

#[test]
fn a_server_that_can_not_listen_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let ended = run_in(folder.path(), ["serve", "--ephemeral", "--listen", &address]);
    ended.failed(4, &[&address, "fix: another program listens there", "--listen"]);
    let ended = run_in(folder.path(), ["serve", "--ephemeral", "--listen", "nonsense"]);
    ended.failed(2, &["nonsense", "--listen 127.0.0.1:7070"]);
    let ended = run_in(folder.path(), ["serve", "--ephemeral", "--listen", "no-such-host.invalid:0"]);
    ended.failed(4, &["no-such-host.invalid:0", "an address of this machine"]);
}

#[test]
fn a_data_folder_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let _served = Served::start(folder.path(), ["--data", "kept"]);
    let second = run_in(folder.path(), ["serve", "--listen", "127.0.0.1:0", "--data", "kept"]);
    second.failed(4, &["kept", "in use by another process", "name another folder"]);
}

#[test]
fn a_mistake_in_a_fixture_is_shown_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = folder.path().join("my-offers");
    std::fs::create_dir(&fixtures).unwrap();
    std::fs::write(fixtures.join("people.yaml"), "partners:\n  - id: proseware\n    nmae: Proseware\n").unwrap();
    for verb in [vec!["serve", "--ephemeral", "--listen", "127.0.0.1:0"], vec!["play", "none.yaml"]] {
        let ended = run_in(folder.path(), verb.into_iter().chain(["--fixtures", "my-offers"]));
        ended.failed(3, &["people.yaml:3:5", "nmae: Proseware", "name"]);
    }
}

#[tokio::test]
async fn relaxed_authentication_is_announced() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), ["--ephemeral", "--auth", "relaxed", "--act-as", "fabrikam"]);
    let list = get(&served.url(), "/api/saas/subscriptions?api-version=2018-08-31").await;
    assert_eq!(list.expect(200), json!({ "subscriptions": [] }));
    assert!(served.stop("-TERM").err.contains("RELAXED AUTHENTICATION"));
}

#[tokio::test]
async fn fixtures_that_a_store_does_not_take_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = folder.path().join("mine");
    std::fs::create_dir(&fixtures).unwrap();
    let copied = std::process::Command::new("cp").args(["-r", "fixtures/.", fixtures.to_str().unwrap()]).status();
    assert!(copied.unwrap().success());
    let served = Served::start(folder.path(), ["--data", "kept"]);
    assert!(!served.stop("-TERM").err.contains("notice:"), "they are the built-in ones");
    let people = std::fs::read_to_string(fixtures.join("customers.yaml")).unwrap();
    std::fs::write(fixtures.join("customers.yaml"), people.replace("Northwind Traders", "Northwind Limited")).unwrap();
    let served = Served::start(folder.path(), ["--data", "kept", "--fixtures", "mine"]);
    call(&served.url(), Method::POST, "/sim/v1/sandboxes", Some(json!({ "name": "new" }))).await.expect(201);
    for (sandbox, name) in [("default", "Northwind Traders"), ("new", "Northwind Limited")] {
        let catalogue = get(&served.url(), &format!("/sim/v1/sandboxes/{sandbox}/catalogue")).await;
        assert!(catalogue.text.contains(name), "{sandbox}");
    }
    let said = served.stop("-TERM").err;
    for words in ["notice:", "customers: northwind differs", "create a sandbox", "--data"] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
}
