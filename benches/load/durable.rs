//! Durable commands, against a bare handler that commits as many bytes through the same store.
//!
//! A command writes several documents. One bare handler writes their bytes in a single document, which is the least that a
//! durable answer costs; another one in as many documents, to tell what is the store's from what is ours.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{Router, routing::post};
use rehearsal::{
    cli::wiring::Server,
    store::{Changeset, Direction, Key, KeyRange, SledOptions, SledStore, Store, Version},
};

use crate::{
    CLIENTS, Compared, LONG, PURCHASE,
    client::{Rate, Requests, request, run},
    compare, control, serve,
};

/// How much is measured of each command. Both sides do it in turns.
#[derive(Debug, Clone, Copy)]
pub struct Turns {
    pub number: usize,
    pub calls: usize,
}

/// What a command came to.
pub struct Measured {
    pub command: Command,
    pub rates: Compared,
}

/// What is measured, and what each call of it writes.
pub struct Commands(Vec<(Command, Written)>);

impl Commands {
    /// Looks at what each command writes in a server that has little stored.
    pub async fn of(server: &Server, token: &str) -> Self {
        let mut commands = Vec::new();
        for command in [Command::Purchase, Command::Resolve, Command::Activate] {
            commands.push((command, Written::by(server, command.calls(server, token, CLIENTS).await).await));
        }
        Self(commands)
    }

    /// Measures each: purchases, and then the first *resolve* and the *activate* of what was bought.
    pub async fn measure(&self, server: &Server, data: &Path, turns: Turns, token: &str) -> Vec<Measured> {
        let folder = data.join("bare");
        let store = Arc::new(SledStore::open(&folder, SledOptions::default()).expect("a store"));
        let mut measured = Vec::new();
        for (command, written) in &self.0 {
            let calls = command.calls(server, token, turns.number * turns.calls).await;
            let calls: Vec<_> = calls.chunks(turns.calls).map(|chunk| Arc::new(chunk.to_vec())).collect();
            let rates = in_turns(server, &store, command.name(), *written, &calls).await;
            measured.push(Measured { command: *command, rates });
        }
        store.close().await.expect("the store closes");
        std::fs::remove_dir_all(&folder).expect("the folder can be removed");
        measured
    }
}

/// A command whose answer waits for the disk.
#[derive(Debug, Clone, Copy)]
pub enum Command {
    Purchase,
    Resolve,
    Activate,
}

impl Command {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Purchase => "durable purchases",
            Self::Resolve => "first resolves of what was bought",
            Self::Activate => "activations of what was bought",
        }
    }

    /// So many calls. Each *resolve* and each *activate* is of another pending purchase.
    async fn calls(self, server: &Server, token: &str, number: usize) -> Vec<Vec<u8>> {
        let bearer = format!("Bearer {token}");
        let mut calls = Vec::with_capacity(number);
        match self {
            Self::Purchase => {
                let path = "/sim/v1/sandboxes/default/purchases";
                calls = vec![request("POST", path, &[("Content-Type", "application/json")], PURCHASE); number];
            }
            Self::Resolve => {
                for id in pending(server, number).await {
                    let one = control(server, &format!("/sim/v1/sandboxes/default/subscriptions/{id}")).await;
                    let code = one["link"]["authorizationCode"].as_str().expect("a code");
                    let path = "/api/saas/subscriptions/resolve?api-version=2018-08-31";
                    let headers = [("Authorization", bearer.as_str()), ("x-ms-marketplace-token", code)];
                    calls.push(request("POST", path, &headers, ""));
                }
            }
            Self::Activate => {
                for id in pending(server, number).await {
                    let path = format!("/api/saas/subscriptions/{id}/activate?api-version=2018-08-31");
                    calls.push(request("POST", &path, &[("Authorization", &bearer)], ""));
                }
            }
        }
        calls
    }
}

/// So many pending purchases, the oldest first.
async fn pending(server: &Server, number: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let mut page = control(server, "/sim/v1/sandboxes/default/subscriptions?limit=500").await;
    loop {
        let listed = page["subscriptions"].as_array().expect("a list");
        let pending = listed.iter().filter(|one| one["status"] == "PendingFulfillmentStart");
        ids.extend(pending.filter_map(|one| one["id"].as_str().map(str::to_owned)));
        if ids.len() >= number {
            break;
        }
        let next = page["next"].as_str().expect("enough was bought");
        page = control(server, &format!("/sim/v1/sandboxes/default/subscriptions?{next}")).await;
    }
    ids.truncate(number);
    ids
}

/// Sends the same calls to both bare handlers and to us, one after the other, turn by turn.
async fn in_turns(
    server: &Server,
    store: &Arc<SledStore>,
    name: &str,
    written: Written,
    turns: &[Arc<Vec<Vec<u8>>>],
) -> Compared {
    let in_one = committing(store, Written { documents: 1, ..written }).await;
    let in_pieces = committing(store, written).await;
    let (mut ours, mut ones, mut pieces) = (Side::default(), Side::default(), Side::default());
    for calls in turns {
        ones.run(in_one, &**store, calls).await;
        pieces.run(in_pieces, &**store, calls).await;
        ours.run(server.address, server.app.store().as_ref(), calls).await;
    }
    let Written { documents, size } = written;
    println!("\n{name}: {documents} documents of {size} bytes in all");
    let rates = compare("  beside as many bytes in one document", &ours.rates, &ones.rates);
    compare("  beside as many bytes in as many documents", &ours.rates, &pieces.rates);
    println!(
        "  {} commits in {} flushes, {:.1} calls a flush (bare {:.1})",
        ours.commits,
        ours.flushes,
        ours.answers_a_flush(),
        ones.answers_a_flush()
    );
    rates
}

/// What one side has done so far.
#[derive(Default)]
struct Side {
    rates: Vec<Rate>,
    commits: u64,
    flushes: u64,
}

impl Side {
    async fn run(&mut self, address: SocketAddr, store: &dyn Store, calls: &Arc<Vec<Vec<u8>>>) {
        let before = store.flush_figures();
        self.rates.push(run(address, CLIENTS, LONG, Requests::Each(Arc::clone(calls))).await);
        let after = store.flush_figures();
        self.commits += after.commits - before.commits;
        self.flushes += after.flushes - before.flushes;
    }

    fn answers_a_flush(&self) -> f64 {
        let answers: usize = self.rates.iter().map(|rate| rate.answers).sum();
        answers as f64 / self.flushes.max(1) as f64
    }
}

/// What one call writes, on the average.
#[derive(Debug, Clone, Copy)]
struct Written {
    documents: usize,
    size: usize,
}

impl Written {
    /// What these calls write, made at the same time as under load: new documents, changed ones, and without bytes those
    /// that are gone. A command's own entry in the journal is among them.
    async fn by(server: &Server, calls: Vec<Vec<u8>>) -> Self {
        let number = calls.len();
        let before = stored(server).await;
        let rate = run(server.address, CLIENTS, LONG, Requests::Each(Arc::new(calls))).await;
        assert_eq!(rate.failures, 0, "every sample succeeds");
        let after = stored(server).await;
        let gone = before.keys().filter(|key| !after.contains_key(*key)).count();
        let written = after.iter().filter(|(key, now)| before.get(*key).is_none_or(|then| then.0 != now.0));
        let (documents, bytes) = written.fold((gone, 0), |(documents, bytes), (_, now)| (documents + 1, bytes + now.1));
        Self { documents: documents.div_ceil(number), size: bytes.div_ceil(number) }
    }
}

/// Every document's version and length.
async fn stored(server: &Server) -> BTreeMap<Key, (Version, usize)> {
    let sandbox = server.app.sandbox(&"default".parse().expect("a name")).expect("it always exists");
    // The record of a call may be committed some milliseconds after its answer.
    sandbox.finish_told().await.expect("the store works");
    let range = KeyRange::under(&Key::in_sandbox(sandbox.space()));
    let found = server.app.store().scan(&range, Direction::Ascending, usize::MAX).await.expect("a scan");
    found.into_iter().map(|(key, document)| (key, (document.version, document.bytes.len()))).collect()
}

/// A bare handler, at any path, whose answer waits for a commit of so many documents that have so many bytes in all. They
/// lie apart, as those of a command do.
async fn committing(store: &Arc<SledStore>, Written { documents, size }: Written) -> SocketAddr {
    let (store, numbers) = (Arc::clone(store), Arc::new(AtomicU64::new(0)));
    let commit = move |_body: String| {
        let (store, numbers) = (Arc::clone(&store), Arc::clone(&numbers));
        async move {
            let mut changeset = Changeset::default();
            let number = numbers.fetch_add(1, Ordering::Relaxed);
            for place in 0..documents {
                let key = Key::in_sandbox("bench").text(&format!("{place} of {documents}")).number(number);
                changeset.put(key, vec![b'x'; size / documents]);
            }
            store.commit(changeset).await.expect("a commit");
        }
    };
    serve(Router::new().fallback(post(commit))).await
}
