//! Servers that share a database: what one does, the others know. The suites of the faces and of the contract run on such
//! servers too (`TEST_ENGINE=together`); here is what they don't look at.

mod chaos;
mod met;
mod round_robin;

use std::collections::BTreeMap;

use rehearsal::cli::wiring::{Server, ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    own_webhook::Webhook,
    postgres::Database,
    world::{SANDBOX, World, client, send, text},
};
pub(crate) use round_robin::RoundRobin;

/// Servers that start at the same moment on an empty database set it up once.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_get_one_database() {
    let database = Database::new().await;
    let options = || ServerOptions {
        database: Some(rehearsal::store::DatabaseUrl::new(&database.url())),
        ..ServerOptions::default()
    };
    let started = tokio::join!(Server::start(options()), Server::start(options()), Server::start(options()));
    let servers = [started.0.unwrap(), started.1.unwrap(), started.2.unwrap()];
    let mut keys = Vec::new();
    for server in &servers {
        let listed = send(client().get(format!("{}/sim/v1/signing-keys", server.base_url))).await.expect(200);
        let sandboxes = send(client().get(format!("{}/sim/v1/sandboxes", server.base_url))).await.expect(200);
        assert_eq!(sandboxes["sandboxes"].as_array().unwrap().len(), 1, "{sandboxes}");
        keys.push(listed);
    }
    assert!(keys.iter().all(|listed| *listed == keys[0]), "{keys:?}");
    for server in servers {
        server.stop().await.unwrap();
    }
}

/// Commands on one sandbox, from all servers at once: each happens once, in one order.
#[tokio::test(flavor = "multi_thread")]
async fn commands_on_one_sandbox_are_not_lost_and_not_doubled() {
    let world = World::together(ServerOptions::default()).await;
    world.create_sandbox(SANDBOX).await;
    let publisher = world.publisher("contoso").await;
    let lives = (0..24).map(|_| async {
        let id = text(&world.buyer().buys_seats().await, "id");
        let (reported, activated) = tokio::join!(publisher.reports(&id, 5), publisher.activate(&id));
        assert_eq!((reported.status, activated.status), (200, 200), "{} {}", reported.text, activated.text);
        id
    });
    let ids = futures_util::future::join_all(lives).await;
    let entries = world.operator().journal("limit=1000").await;
    let mut facts: BTreeMap<(String, String), u32> = BTreeMap::new();
    for (number, entry) in (1..).zip(&entries) {
        assert_eq!(entry["seq"], number, "no gaps");
        if let Some(id) = entry["subscription"].as_str().filter(|_| entry["kind"] != "exchange") {
            *facts.entry((id.to_owned(), text(entry, "kind"))).or_default() += 1;
        }
    }
    for id in &ids {
        for fact in ["purchaseCreated", "licensesAssigned", "activated", "billingStarted", "charged"] {
            assert_eq!(facts.get(&(id.clone(), fact.to_owned())), Some(&1), "{fact} of {id}");
        }
        assert_eq!(world.operator().subscription(id).await["ledger"].as_array().unwrap().len(), 1);
    }
    world.stop().await;
}

/// Whichever server sees to a timer: each webhook call is made, and made once.
#[tokio::test(flavor = "multi_thread")]
async fn each_webhook_call_is_made_by_one_of_them() {
    let webhook = Webhook::listen().await;
    let options = ServerOptions { webhook: Some(webhook.url().parse().unwrap()), ..ServerOptions::default() };
    let world = World::together(options).await;
    let new = json!({ "name": SANDBOX, "delays": "none" });
    world.control(Method::POST, "/sandboxes", Some(new)).await.expect(201);
    let publisher = world.publisher("contoso").await;
    let mut asked = Vec::new();
    for _ in 0..6 {
        let id = text(&world.buyer().buys_seats().await, "id");
        publisher.activate(&id).await.expect(200);
        publisher.reports(&id, 5).await.expect(200);
        let change = world.operator().post(&format!("subscriptions/{id}/changes"), json!({ "quantity": 7 })).await;
        asked.push((id, text(&change.expect(202), "id")));
    }
    let mut made = BTreeMap::new();
    for (id, operation) in asked {
        let delivery = loop {
            let listed = world.operator().get(&format!("subscriptions/{id}/deliveries")).await.expect(200);
            let found =
                listed["deliveries"].as_array().unwrap().iter().find(|one| one["operation"] == operation.as_str());
            if let Some(delivered) = found.filter(|one| one["state"] == "delivered") {
                break delivered.clone();
            }
        };
        assert_eq!(
            (&delivery["attempts"], &delivery["latest"][0]["repeated"]),
            (&json!(1), &json!(false)),
            "{delivery}"
        );
        made.insert(operation, 0);
    }
    for call in webhook.heard() {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        *made.get_mut(&text(&body, "id")).expect("one that was asked for") += 1;
    }
    assert!(made.values().all(|times| *times == 1), "{made:?}");
    world.stop().await;
}

/// A page that one server shows is told of what another does.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_one_server_is_told_what_another_does() {
    let world = World::together(ServerOptions::default()).await;
    world.create_sandbox(SANDBOX).await;
    let bought = world.buyer().buys_seats().await;
    let page = world.sets_up(&bought).await;
    // One stream at each server, and the work done by whichever gets the advance.
    let mut streams = Vec::new();
    for _ in 0..3 {
        let request = world.request(Method::GET, &format!("/publisher/accounts/{page}/events"));
        streams.push(request.send().await.unwrap());
    }
    world.operator().advances("PT1H").await;
    for mut stream in streams {
        let mut told = String::new();
        while !told.contains("data: active") {
            let chunk = tokio::time::timeout(std::time::Duration::from_secs(20), stream.chunk()).await;
            let chunk = chunk.expect("it is told").unwrap().unwrap_or_else(|| panic!("it ended after {told}"));
            told.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
    world.stop().await;
}
