//! Load, as ratios within one run: `cargo bench --bench load`, with `-- quick` for less of it, and with
//! `-- partner-center` for that part alone.
//!
//! Each figure stands beside that of a bare axum handler that does the same work with nothing around it, measured in
//! turns on the same machine, so that the ratio means something where the figure does not.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark measures real time, prints, and ends at the first surprise"
)]
#![allow(missing_docs, unreachable_pub, clippy::or_fun_call, reason = "a program, not a library")]

mod client;
mod durable;
mod partner_center;

/// As in the binary; the bare handlers have it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// For calls that are not measured. Making one takes longer than most calls.
static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(reqwest::Client::new);

use std::{
    path::Path,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use axum::{Json, Router, routing::get};
use client::{Rate, Requests, request, run};
use rehearsal::cli::wiring::{Server, ServerOptions};
use serde_json::Value;

const CLIENTS: usize = 64;
/// Longer than anything takes that ends by itself.
const LONG: Duration = Duration::from_secs(600);
const PURCHASE: &str = r#"{"customer":"northwind","offer":"contoso-crm","plan":"team","quantity":5}"#;

#[tokio::main]
async fn main() {
    let said = |word: &str| std::env::args().any(|arg| arg == word);
    let quick = said("quick");
    let time = Duration::from_secs(if quick { 1 } else { 4 });
    if !said("partner-center") {
        fulfillment(quick, time).await;
    }
    partner_center::lists(if quick { 1_000 } else { 10_000 }, time).await;
}

/// The publisher's calls, and purchases.
async fn fulfillment(quick: bool, time: Duration) {
    let many = if quick { 5_000 } else { 100_000 };
    let turns = if quick { 1 } else { 3 };
    println!("{CLIENTS} clients, {} s a turn, {turns} turn(s), {many} subscriptions for 'many'\n", time.as_secs());

    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path()).await;
    let one = purchase(&server).await;
    let token = token(&server).await;
    reads(&server, &one, &token, time, turns).await;
    // So many at a turn that what is stored when it begins and when it ends is much the same.
    let turns =
        if quick { durable::Turns { number: 3, calls: 1_000 } } else { durable::Turns { number: 5, calls: 4_000 } };
    let commands = durable::Commands::of(&server, &token).await;
    let empty = commands.measure(&server, folder.path(), turns, &token).await;
    let few = list(&server, &token, time).await;

    println!("\nfilling up to {many} subscriptions ...");
    fill(&server, many).await;
    let full = commands.measure(&server, folder.path(), turns, &token).await;
    for (many, few) in full.iter().zip(&empty) {
        println!(
            "{}, many stored / few stored: {:.2}; the bare handler at the same times: {:.2}",
            many.command.name(),
            many.rates.ours / few.rates.ours,
            many.rates.bare / few.rates.bare
        );
    }
    let page = list(&server, &token, time).await;
    println!("cost of a page of 100, many stored / few stored: {:.2}", few / page);
    server.stop().await.expect("the server stops");
    restart(folder.path()).await;
}

async fn start(data: &Path) -> Server {
    let options = ServerOptions { data: Some(data.to_owned()), ..ServerOptions::default() };
    Server::start(options).await.expect("the server starts")
}

async fn restart(data: &Path) {
    let before = Instant::now();
    let server = start(data).await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS unknown");
    println!("start to ready with what is stored: {:.0} ms; {memory}", before.elapsed().as_secs_f64() * 1000.0);
    server.stop().await.expect("the server stops");
}

/// GET of one subscription with a verified token, against a bare handler that serialises the same document.
async fn reads(server: &Server, one: &Value, token: &str, time: Duration, turns: usize) {
    let id = one["id"].as_str().expect("an id");
    let path = format!("/api/saas/subscriptions/{id}?api-version=2018-08-31");
    let bearer = format!("Bearer {token}");
    let get_it = request("GET", &path, &[("Authorization", &bearer)], "");
    let document: Value = fetch(server, &path, token).await;
    let document = Arc::new(document);
    let handler = get(move || async move { Json(Arc::clone(&document)) });
    let bare = serve(Router::new().route("/api/saas/subscriptions/{id}", handler)).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        theirs.push(run(bare, CLIENTS, time, Requests::Same(get_it.clone().into())).await);
        ours.push(run(server.address, CLIENTS, time, Requests::Same(get_it.clone().into())).await);
    }
    compare("GET of one subscription, token verified", &ours, &theirs);
}

/// Pages of the publisher's list.
async fn list(server: &Server, token: &str, time: Duration) -> f64 {
    let bearer = format!("Bearer {token}");
    // A page from the middle of the list, so that finding it is part of the cost.
    let first = fetch(server, "/api/saas/subscriptions?api-version=2018-08-31", token).await;
    let next =
        first["@nextLink"].as_str().and_then(|link| link.split_once("/api/")).map(|(_, path)| format!("/api/{path}"));
    let path = next.unwrap_or_else(|| "/api/saas/subscriptions?api-version=2018-08-31".to_owned());
    let get_it = request("GET", &path, &[("Authorization", &bearer)], "");
    let rate = run(server.address, 8, time, Requests::Same(get_it.into())).await;
    println!("pages of 100 of the list: {:.0}/s", rate.per_second);
    rate.per_second
}

async fn fill(server: &Server, many: usize) {
    let buy = request("POST", "/sim/v1/sandboxes/default/purchases", &[("Content-Type", "application/json")], PURCHASE);
    let rate = run(server.address, CLIENTS, LONG, Requests::Each(Arc::new(vec![buy; many]))).await;
    assert_eq!(rate.failures, 0, "every purchase succeeds");
}

async fn serve(router: Router) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn control(server: &Server, path: &str) -> Value {
    let call = CLIENT.get(format!("{}{path}", server.base_url));
    call.send().await.expect("an answer").json().await.expect("JSON")
}

async fn fetch(server: &Server, path: &str, token: &str) -> Value {
    let call = CLIENT.get(format!("{}{path}", server.base_url)).bearer_auth(token);
    call.send().await.expect("an answer").json().await.expect("JSON")
}

async fn purchase(server: &Server) -> Value {
    let url = format!("{}/sim/v1/sandboxes/default/purchases", server.base_url);
    let call = CLIENT.post(url).body(PURCHASE);
    call.send().await.expect("an answer").json().await.expect("JSON")
}

async fn token(server: &Server) -> String {
    let environment = control(server, "/sim/v1/sandboxes/default/environment").await;
    let resource = environment["resource"].as_str().expect("a text");
    app_token(&environment["publishers"][0], ("scope", format!("{resource}/.default"))).await
}

/// An app's own token: of the app as the environment shows it, for an audience as its token endpoint wants it.
async fn app_token(app: &Value, audience: (&str, String)) -> String {
    let text = |name: &str| app[name].as_str().expect("a text").to_owned();
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", text("clientId")),
        ("client_secret", text("clientSecret")),
        audience,
    ];
    let call = CLIENT.post(text("tokenEndpoint")).form(&form);
    let answer: Value = call.send().await.expect("an answer").json().await.expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// Answers a second, of both sides.
struct Compared {
    ours: f64,
    bare: f64,
}

/// Prints both sides and their ratio.
fn compare(what: &str, ours: &[Rate], theirs: &[Rate]) -> Compared {
    assert!(ours.iter().chain(theirs).all(|rate| rate.failures == 0), "every request succeeds: {ours:?} {theirs:?}");
    let median = |rates: &[Rate]| {
        let mut figures: Vec<f64> = rates.iter().map(|rate| rate.per_second).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let (ours, bare) = (median(ours), median(theirs));
    println!("{what}: {ours:.0}/s, bare {bare:.0}/s, ratio {:.2}", ours / bare);
    Compared { ours, bare }
}
