//! A year of monthly renewals with a webhook to tell: `cargo bench --bench year`, or `cargo bench --bench year -- quick`;
//! with `cache=512`, the store may keep so many MiB of pages in memory.
//!
//! What an advance costs is shown for a few subscriptions and for ten times as many, beside what the webhook and the disk
//! can do alone, so that it shows whether the cost of an event grows and what limits it.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark measures real time, prints, and ends at the first surprise"
)]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a program, not a library")]

#[path = "../load/client.rs"]
mod client;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, routing::post};
use client::{Requests, request, run};
use rehearsal::cli::wiring::{Server, ServerOptions};
use serde_json::{Value, json};

const CLIENTS: usize = 64;
/// Years with few subscriptions, which are over in a moment: the one in the middle counts.
const TURNS: usize = 5;
/// Activated as soon as it is bought, monthly.
const PURCHASE: &str = r#"{"customer":"northwind","offer":"tailspin-tracker","plan":"van"}"#;

#[tokio::main]
async fn main() {
    let quick = std::env::args().any(|arg| arg == "quick");
    let (few, many) = if quick { (100, 1_000) } else { (1_000, 10_000) };
    let cache = std::env::args().find_map(|arg| arg.strip_prefix("cache=")?.parse::<u64>().ok());
    let cache_bytes = cache.map_or_else(|| ServerOptions::default().cache_bytes, |mib| mib << 20);
    let mut with_few = Vec::new();
    for _ in 0..TURNS {
        with_few.push(year(few, cache_bytes).await);
    }
    with_few.sort_by(f64::total_cmp);
    let with_many = year(many, cache_bytes).await;
    println!("cost of an event, {many} / {few} subscriptions: {:.2}", with_many / with_few[TURNS / 2]);
}

/// Advances a sandbox with so many subscriptions by a year; gives the seconds that an event took.
async fn year(subscriptions: usize, cache_bytes: u64) -> f64 {
    let told = Arc::new(AtomicU64::new(0));
    let sink = sink(Arc::clone(&told)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let options = ServerOptions {
        data: Some(folder.path().to_owned()),
        cache_bytes,
        webhook: Some(format!("http://{sink}/hook").parse().expect("a URL")),
        ..ServerOptions::default()
    };
    let server = Server::start(options).await.expect("the server starts");
    let new = json!({ "name": "year", "frozenAt": "2026-01-15T09:00:00Z", "timers": "manual" });
    control(&server, "/sim/v1/sandboxes", &new).await;
    let path = "/sim/v1/sandboxes/year/purchases";
    let buy = request("POST", path, &[("Content-Type", "application/json")], PURCHASE);
    let bought = Requests::Each(Arc::new(vec![buy; subscriptions]));
    let filled = run(server.address, CLIENTS, Duration::from_secs(600), bought).await;
    assert_eq!((filled.failures, filled.answers), (0, subscriptions), "every purchase succeeds");
    advance(&server, "PT0S").await;
    assert_eq!(told.swap(0, Ordering::Relaxed), subscriptions as u64, "every activation is told");

    let before = server.app.store().flush_figures();
    let started = Instant::now();
    let ran = advance(&server, "P1Y").await;
    let seconds = started.elapsed().as_secs_f64();
    let after = server.app.store().flush_figures();
    let events = ran["count"].as_u64().expect("a number");
    let renewals = ran["byKind"]["termEnds"].as_u64().expect("a number");
    assert_eq!(renewals, subscriptions as u64 * 12, "{ran}");
    assert_eq!(told.load(Ordering::Relaxed), renewals, "every renewal is told once");
    let alone = alone(sink).await;
    println!(
        "{subscriptions} subscriptions: {events} events ({renewals} renewals, each told) in {seconds:.1} s: {:.0}/s; \
         {} commits in {} flushes; the webhook alone takes {alone:.0} calls/s, the advance made {:.0} of them",
        events as f64 / seconds,
        after.commits - before.commits,
        after.flushes - before.flushes,
        renewals as f64 / seconds,
    );
    server.stop().await.expect("the server stops");
    seconds / events as f64
}

/// A webhook that takes everything.
async fn sink(told: Arc<AtomicU64>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let hear = move |_body: Bytes| {
        told.fetch_add(1, Ordering::Relaxed);
        std::future::ready(())
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(hear))).await });
    address
}

/// How many calls a second the webhook takes when nobody does anything else.
async fn alone(sink: SocketAddr) -> f64 {
    let body = "x".repeat(1_200);
    let call = request("POST", "/hook", &[("Content-Type", "application/json")], &body);
    run(sink, CLIENTS, Duration::from_secs(1), Requests::Same(call.into())).await.per_second
}

async fn advance(server: &Server, by: &str) -> Value {
    control(server, "/sim/v1/sandboxes/year/clock/advance", &json!({ "by": by })).await
}

async fn control(server: &Server, path: &str, body: &Value) -> Value {
    let call = reqwest::Client::new().post(format!("{}{path}", server.base_url)).json(body);
    let answer = call.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.expect("JSON")
}
