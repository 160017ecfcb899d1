//! A server that keeps everything in a PostgreSQL: what it says of databases that it can't use, and what becomes of it when
//! the database goes away.

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use rehearsal::{
    cli::wiring::{Server, ServerOptions, StartError},
    store::DatabaseUrl,
};
use reqwest::Method;
use serde_json::json;

use crate::{
    postgres::Database,
    world::{SANDBOX, World, send, text},
};

fn on(url: &str) -> ServerOptions {
    ServerOptions { database: Some(DatabaseUrl::new(url)), ..ServerOptions::default() }
}

async fn refused(url: &str) -> String {
    match Server::start(on(url)).await {
        Err(StartError::Database(error)) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_bought_is_there_after_a_restart() {
    let database = Database::new().await;
    let world = World::start_with(on(&database.url())).await;
    world.create_sandbox(SANDBOX).await;
    let bought = world.buyer().buys_seats().await;
    let id = text(&bought, "id");
    world.publisher("contoso").await.activate(&id).await.expect(200);
    world.stop().await;

    let world = World::start_with(on(&database.url())).await;
    let found = world.operator().subscription(&id).await;
    assert_eq!(found["status"], "Subscribed");
    world.publisher("contoso").await.reports(&id, 5).await.expect(200);
    assert_eq!(world.operator().subscription(&id).await["billing"]["started"], true);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_can_t_be_used_says_why() {
    let database = Database::new().await;
    let url = database.url();
    for (bad, why) in [
        ("not a url", "can't be read"),
        ("postgres://postgres@127.0.0.1:1/postgres", "can't be reached"),
        (&url.replace("/postgres?", "/nowhere?"), "\"nowhere\" does not exist"),
        (&format!("{url}%20-c%20default_transaction_read_only%3Don"), "read-only"),
    ] {
        let said = refused(bad).await;
        assert!(said.contains(why) && said.contains("fix: "), "{bad}: {said}");
    }
    database.run("CREATE TABLE rehearsal_document (id integer)").await;
    assert!(refused(&url).await.contains("rehearsal has not made"));
    database.run("DROP TABLE rehearsal_document").await;
    World::start_with(on(&url)).await.stop().await;
    database.run("INSERT INTO rehearsal_migration (number) VALUES (99)").await;
    let said = refused(&url).await;
    assert!(said.contains("newer version") && said.contains("step 99"), "{said}");
    assert!(!format!("{:?}", on("postgres://me:secret@db/x")).contains("secret"));
}

/// While the database is away callers are told so; when it is there again everything goes on, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_is_waited_for() {
    let database = Database::alone().await;
    let world = World::start_with(on(&database.url())).await;
    world.create_sandbox(SANDBOX).await;
    let bought = text(&world.buyer().buys_seats().await, "id");
    world.get("/readyz").await.expect_text(200, "ready");

    let publisher = world.publisher("contoso").await;
    database.server.stop();
    let read = publisher.get(&bought).await;
    assert_eq!((read.status, read.header("retry-after")), (503, Some("10")), "{}", read.text);
    let order = json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5 });
    let refused = world.buyer().tries(order).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text);
    world.get("/readyz").await.expect_text(503, "the store failed: ");

    let page = world.get("/").await;
    assert_eq!((page.status, page.header("retry-after")), (503, Some("10")));

    database.server.start_again();
    while world.get("/readyz").await.status != 200 {
        tokio::task::yield_now().await;
    }
    publisher.activate(&bought).await.expect(200);
    let all = world.operator().get("subscriptions").await.expect(200);
    assert_eq!(all["subscriptions"].as_array().unwrap().len(), 1);
    world.stop().await;
}

/// Callers wait for a connection for a moment; then they are told to come again, instead of piling up.
#[tokio::test(flavor = "multi_thread")]
async fn callers_queue_briefly_for_a_database_that_is_stuck() {
    let database = Database::new().await;
    let world = World::start_with(on(&database.url())).await;
    world.create_sandbox(SANDBOX).await;
    let bought = text(&world.buyer().buys_seats().await, "id");
    let publisher = world.publisher("contoso").await;
    let stuck = database.is_stuck().await;
    let mut calls = FuturesUnordered::new();
    for _ in 0..40 {
        let (publisher, bought) = (publisher.clone(), bought.clone());
        calls.push(tokio::spawn(async move { publisher.get(&bought).await }));
    }
    // There are sixteen connections, and nobody comes back from one.
    for _ in 0..20 {
        let turned_away = calls.next().await.unwrap().unwrap();
        assert_eq!((turned_away.status, turned_away.header("retry-after")), (503, Some("10")), "{}", turned_away.text);
    }
    drop(stuck);
    while let Some(answered) = calls.next().await {
        let answered = answered.unwrap();
        assert!([200, 503].contains(&answered.status), "{}", answered.text);
    }
    publisher.get(&bought).await.expect(200);
    world.stop().await;
}

/// A certificate for localhost, and the authority that has signed it: all in PEM, the key in the middle.
fn for_localhost() -> (String, String, String) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let issuer = rcgen::Issuer::from_params(&authority, &authority_key);
    let signed = certificate.signed_by(&key, &issuer).unwrap();
    (signed.pem(), key.serialize_pem(), authority.self_signed(&authority_key).unwrap().pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_encrypted_if_that_is_asked_for_and_only_to_the_right_server() {
    let database = Database::alone().await;
    let (certificate, key, authority) = for_localhost();
    database.server.speaks_tls(&certificate, &key).await;
    let url = database.url().replace("127.0.0.1", "localhost");
    let on_tls = |authority: &str| ServerOptions {
        database: Some(DatabaseUrl::new(&url).trusting(authority.to_owned())),
        ..ServerOptions::default()
    };
    let said = |started: Result<Server, StartError>| started.err().map(|error| error.to_string()).unwrap_or_default();
    let world = World::start_with(on_tls(&authority)).await;
    world.create_sandbox(SANDBOX).await;
    world.buyer().buys_seats().await;
    let plain = "SELECT 1 / (count(*) FILTER (WHERE NOT ssl) = 0 AND count(*) > 1)::int \
        FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'rehearsal'";
    database.run(plain).await;
    world.stop().await;
    let (_, _, stranger) = for_localhost();
    let refusals = [
        (said(Server::start(on_tls(&stranger)).await), "can't be reached"),
        (said(Server::start(on_tls("no certificate")).await), "no certificate in it"),
        (refused(&format!("{url}&sslmode=require")).await, "can't be reached"),
    ];
    for (said, why) in refusals {
        assert!(said.contains(why), "{why}: {said}");
    }
}

/// Timers that were set before a restart run after it, once each.
#[tokio::test(flavor = "multi_thread")]
async fn timers_are_taken_over_by_the_next_server() {
    let database = Database::new().await;
    let world = World::start_with(on(&database.url())).await;
    world.create_sandbox(SANDBOX).await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let publisher = world.publisher("contoso").await;
    publisher.activate(&id).await.expect(200);
    publisher.reports(&id, 5).await.expect(200);
    world.stop().await;
    let world = World::start_with(on(&database.url())).await;
    let ran = world.operator().advances("P1M").await;
    assert_eq!(ran["byKind"]["termEnds"], 1, "{ran}");
    let invoices = world.partner("proseware").await.get("/invoices/unbilled/lineitems?provider=onetime&invoicelineitemtype=billinglineitems&currencycode=usd&period=current").await.expect(200);
    assert_eq!(invoices["totalCount"], 1);
    let gone = send(world.request(Method::DELETE, &format!("/sim/v1/sandboxes/{SANDBOX}"))).await;
    assert_eq!(gone.status, 204);
    world.stop().await;
}
