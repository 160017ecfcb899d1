//! Servers that share a PostgreSQL, as ratios within one run: `cargo bench --bench together`, with `-- quick` for less.
//!
//! A flow is a *resolve* and an *activate*, each durable when it is answered. Its rate stands beside that of `pgbench`'s simple
//! updates, of as many clients on the same server, whose every transaction is as durable; and one server beside two and three.
//! Servers and clients run in this process, so its processor time is that of both.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark measures real time, prints, and ends at the first surprise"
)]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a program, not a library")]

#[allow(dead_code, reason = "the load uses more of it")]
#[path = "../load/client.rs"]
mod client;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/postgres.rs"]
mod postgres;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use client::{Requests, request, run};
use futures_util::{StreamExt as _, future::join_all, stream};
use postgres::{Database, as_user};
use rehearsal::{
    cli::wiring::{Server, ServerOptions},
    store::DatabaseUrl,
};
use serde_json::{Value, json};

const CLIENTS: usize = 24;

#[tokio::main]
async fn main() {
    let quick = std::env::args().any(|arg| arg == "quick");
    let (flows, turns) = if quick { (600, 1) } else { (3_000, 3) };
    let database = Database::on("-c fsync=on -c shared_buffers=256MB").await;
    println!("{CLIENTS} clients, {flows} flows a turn, {turns} turn(s); fsync is on");
    let simple = pgbench(&database, if quick { 2 } else { 8 });
    println!("pgbench, simple updates: {simple:.0}/s\n");
    println!("servers sandboxes   flows/s  calls / simple updates  conflicts a commit   CPU ms a flow: here, database");
    let mut alone = [0.0; 2];
    for servers in 1..=3 {
        let running: Vec<Server> = join_all((0..servers).map(|_| start(&database))).await;
        for (place, sandboxes) in [1, CLIENTS].into_iter().enumerate() {
            let mut best = Figures::default();
            for turn in 0..turns {
                let figures = measure(&running, &format!("s{servers}-{sandboxes}-{turn}"), sandboxes, flows).await;
                if figures.rate > best.rate {
                    best = figures;
                }
            }
            if servers == 1 {
                alone[place] = best.rate;
            }
            println!(
                "{servers:7} {sandboxes:9} {:9.0}  {:22.2}  {:18.2}   {:13.2} {:9.2}   {:.2} of one server",
                best.rate,
                2.0 * best.rate / simple,
                best.conflicts,
                best.cpu_here * 1000.0,
                best.cpu_database * 1000.0,
                best.rate / alone[place]
            );
        }
        for server in running {
            server.stop().await.expect("the server stops");
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    /// Flows a second.
    rate: f64,
    conflicts: f64,
    /// Seconds of processor time for each flow.
    cpu_here: f64,
    cpu_database: f64,
}

async fn start(database: &Database) -> Server {
    let database = Some(DatabaseUrl::new(&database.url()));
    Server::start(ServerOptions { database, ..ServerOptions::default() }).await.expect("the server starts")
}

/// Transactions a second.
fn pgbench(database: &Database, seconds: u32) -> f64 {
    let url = database.server.url();
    let done = as_user("pgbench").args(["-i", "-q", "-s", "20", &url]).output().expect("pgbench runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let clients = CLIENTS.to_string();
    let said = as_user("pgbench")
        .args(["-N", "-M", "prepared", "-c", &clients, "-j", "2", "-T", &seconds.to_string(), &url])
        .output()
        .expect("pgbench runs");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("{text}"))
}

/// Buys in so many sandboxes, then resolves and activates all, from clients that are spread over the servers.
async fn measure(servers: &[Server], name: &str, sandboxes: usize, flows: usize) -> Figures {
    let http = reqwest::Client::new();
    let names: Vec<String> = (0..sandboxes).map(|number| format!("{name}-{number}")).collect();
    let mut tokens = Vec::new();
    for name in &names {
        let base = &servers[0].base_url;
        let new = json!({ "name": name, "frozenAt": "2026-01-01T09:00:00Z", "timers": "manual" });
        http.post(format!("{base}/sim/v1/sandboxes")).json(&new).send().await.expect("an answer");
        tokens.push(token(&http, base, name).await);
    }
    let bought: Vec<(usize, Value)> = stream::iter(0..flows)
        .map(|number| {
            let (http, of) = (&http, number % sandboxes);
            let url = format!("{}/sim/v1/sandboxes/{}/purchases", servers[0].base_url, names[of]);
            let order = json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5 });
            async move {
                let answer = http.post(url).json(&order).send().await.expect("an answer");
                (of, answer.json().await.expect("JSON"))
            }
        })
        .buffer_unordered(CLIENTS)
        .collect()
        .await;
    let bearer = |of: usize| format!("Bearer {}", tokens[of]);
    let resolve = |of: usize, bought: &Value| {
        let code = bought["link"]["authorizationCode"].as_str().expect("a code");
        let headers = [("Authorization", bearer(of)), ("x-ms-marketplace-token", code.to_owned())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        request("POST", "/api/saas/subscriptions/resolve?api-version=2018-08-31", &headers, "")
    };
    let activate = |of: usize, bought: &Value| {
        let id = bought["id"].as_str().expect("an id");
        let path = format!("/api/saas/subscriptions/{id}/activate?api-version=2018-08-31");
        request("POST", &path, &[("Authorization", &bearer(of))], "")
    };
    let figures = || servers.iter().map(|server| server.app.store().flush_figures());
    let sums =
        || figures().fold((0, 0), |(commits, conflicts), one| (commits + one.commits, conflicts + one.conflicts));
    let (before, cpu) = (sums(), cpu_times());
    let began = Instant::now();
    for call in [&resolve as &dyn Fn(usize, &Value) -> Vec<u8>, &activate] {
        let mut shares = vec![Vec::new(); servers.len()];
        for (number, (of, bought)) in bought.iter().enumerate() {
            shares[number % servers.len()].push(call(*of, bought));
        }
        let running = servers.iter().zip(shares).map(|(server, share)| {
            run(server.address, CLIENTS / servers.len(), Duration::from_secs(600), Requests::Each(Arc::new(share)))
        });
        let rates = join_all(running).await;
        assert!(rates.iter().all(|rate| rate.failures == 0), "every call succeeds");
    }
    let (seconds, after, cpu_after) = (began.elapsed().as_secs_f64(), sums(), cpu_times());
    let flows = flows as f64;
    Figures {
        rate: flows / seconds,
        conflicts: (after.1 - before.1) as f64 / (after.0 - before.0).max(1) as f64,
        cpu_here: (cpu_after.0 - cpu.0) / flows,
        cpu_database: (cpu_after.1 - cpu.1) / flows,
    }
}

async fn token(http: &reqwest::Client, base: &str, sandbox: &str) -> String {
    let environment = http.get(format!("{base}/sim/v1/sandboxes/{sandbox}/environment")).send();
    let environment: Value = environment.await.expect("an answer").json().await.expect("JSON");
    let app = &environment["publishers"][0];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", text(&app["clientId"])),
        ("client_secret", text(&app["clientSecret"])),
        ("scope", format!("{}/.default", text(&environment["resource"]))),
    ];
    let answer = http.post(text(&app["tokenEndpoint"])).form(&form).send().await.expect("an answer");
    text(&answer.json::<Value>().await.expect("JSON")["access_token"])
}

/// Seconds of processor time of this process, and of all that are called `postgres`.
fn cpu_times() -> (f64, f64) {
    let ticks = |stat: &str| -> f64 {
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let number = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        // utime and stime, in hundredths of a second.
        (number(11) + number(12)) / 100.0
    };
    let here = ticks(&std::fs::read_to_string("/proc/self/stat").unwrap_or_default());
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    let database = stats.filter(|stat| stat.contains("(postgres)")).map(|stat| ticks(&stat)).sum();
    (here, database)
}
