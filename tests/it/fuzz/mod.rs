//! Whatever comes over the wire: every parser of outside input is fed with requests that are almost right.
//!
//! `corpus.txt` has a request for each kind of call, with placeholders for what the server has given out. Each is sent as it is,
//! and then spoilt in the ways that bytes can be: cut, doubled, turned, swapped for what breaks parsers. No answer is a
//! failure of the server, none fails to come, and afterwards everything is as it was.
//!
//! `FUZZ_ROUNDS` makes it longer, `FUZZ_SEED` another one; a failure shows the request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use rand::{RngExt as _, SeedableRng, rngs::ChaCha8Rng};
use rehearsal::{cli::wiring::ServerOptions, http::connections::Patience};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::world::{SANDBOX, World, code, text};

const CORPUS: &str = include_str!("corpus.txt");
/// Between two requests of the corpus.
const BORDER: &str = "\n----\n";
/// No answer takes so long on a machine that does anything at all.
const HANG: Duration = Duration::from_secs(60);
/// How long the server waits for the rest of something that was cut.
const PATIENCE: Patience = Patience { head: Duration::from_secs(2), body: Duration::from_millis(400) };
const AT_ONCE: usize = 64;

/// What breaks parsers.
const POISON: &[&str] = &[
    "",
    "\0",
    "%",
    "%00",
    "%ff",
    "%252B",
    "+",
    "\u{fffd}",
    "🎭",
    "\r\n",
    "\r\n\r\n",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "{",
    "}",
    "[",
    "]",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "null",
    "true",
    "NaN",
    "1e999",
    "-1",
    "0",
    "99999999999999999999",
    "18446744073709551616",
    "0.1e-400",
    "..",
    "/",
    "//",
    "?",
    "&",
    "=",
    ";",
    "Bearer ",
    "a.b.c",
    "eyJhbGciOiJub25lIn0.e30.",
    "P1D",
    "P99999999Y",
    "PT-1S",
    "9999-12-31T23:59:59Z",
    "0000-00-00",
    "-262144-01-01T00:00:00Z",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "<script>",
    "${jndi:x}",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    LONG,
];

/// Longer than any name, and than any key of the store.
const LONG: &str = match std::str::from_utf8(&[b'a'; 5_000]) {
    Ok(long) => long,
    Err(_) => "",
};

struct Fuzz {
    world: World,
    address: String,
    rng: ChaCha8Rng,
    corpus: Vec<Vec<u8>>,
}

#[expect(clippy::disallowed_methods, reason = "chooses a longer run, and is no setting of the product")]
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_comes_over_the_wire_breaks_the_server() {
    let (seed, rounds) = (setting("FUZZ_SEED", 1), setting("FUZZ_ROUNDS", 40));
    let panics = count_panics();
    let mut fuzz = Fuzz::begin(seed).await;
    let corpus = fuzz.corpus.clone();
    for request in &corpus {
        let status = send(&fuzz.address, request).await;
        assert!((200..500).contains(&status), "{status} to\n{}", String::from_utf8_lossy(request));
    }
    let address: &str = &fuzz.address.clone();
    let spoilt: Vec<Vec<u8>> =
        (0..rounds).flat_map(|_| corpus.iter().map(|request| fuzz.spoil(request)).collect::<Vec<_>>()).collect();
    let sent = spoilt.into_iter().map(|request| async move {
        let status = send(address, &request).await;
        // 0: the server hung up, where there is no HTTP to answer, or the rest has not come. 501 and 505 are what HTTP itself
        // says to methods and versions that nobody knows.
        let is_fine = status == 0 || (100..500).contains(&status) || matches!(status, 501 | 505);
        assert!(is_fine, "FUZZ_SEED={seed}: {status} to\n{}", String::from_utf8_lossy(&request));
    });
    stream::iter(sent).buffer_unordered(AT_ONCE).for_each(|()| std::future::ready(())).await;
    assert_eq!(panics.load(Ordering::Relaxed), 0, "something in src/ has panicked; see above");
    let contoso = fuzz.world.publisher("contoso").await;
    contoso.lists().await.expect(200);
    assert_eq!(fuzz.world.get("/readyz").await.status, 200);
    fuzz.world.stop().await;
}

impl Fuzz {
    async fn begin(seed: u64) -> Self {
        let world = World::start_with(ServerOptions { patience: PATIENCE, ..ServerOptions::default() }).await;
        world.create_sandbox(SANDBOX).await;
        let order =
            json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5, "direct": true });
        let bought = world.buyer().tries(order).await.expect(201);
        let id = text(&bought, "id");
        let contoso = world.publisher("contoso").await;
        contoso.activate(&id).await.expect(200);
        let flat = text(&world.buyer().buys_flat_rate().await, "id");
        contoso.activate(&flat).await.expect(200);
        let change =
            world.operator().post(&format!("subscriptions/{id}/changes"), json!({ "quantity": 8 })).await.expect(202);
        let environment = world.environment(SANDBOX, "contoso").await;
        let partner = world.partner("proseware").await;
        let (customer, theirs) = partner.has_bought().await;
        let item = partner.item("Contoso CRM", "Team").await;
        let values: [(&str, String); 13] = [
            ("{partner}", partner.token.clone()),
            ("{customer}", customer),
            ("{theirs}", theirs),
            ("{item}", item),
            ("{token}", contoso.token.clone()),
            ("{id}", id),
            ("{flat}", flat),
            ("{operation}", text(&change, "id")),
            ("{code}", code(&bought)),
            ("{tenant}", text(&environment, "tenantId")),
            ("{client}", text(&environment, "clientId")),
            ("{secret}", text(&environment, "clientSecret")),
            ("{host}", world.base_url.trim_start_matches("http://").to_owned()),
        ];
        let fill =
            |request: &str| values.iter().fold(request.to_owned(), |text, (name, value)| text.replace(name, value));
        let corpus = CORPUS.split(BORDER).map(|request| wire(&fill(request))).collect();
        let address = world.base_url.trim_start_matches("http://").to_owned();
        Self { world, address, rng: ChaCha8Rng::seed_from_u64(seed), corpus }
    }

    /// Some of the bytes become others.
    fn spoil(&mut self, request: &[u8]) -> Vec<u8> {
        let mut spoilt = request.to_vec();
        for _ in 0..self.rng.random_range(1..4) {
            if spoilt.is_empty() {
                break;
            }
            let at = self.rng.random_range(0..spoilt.len());
            let end = (at + self.rng.random_range(0..12)).min(spoilt.len());
            match self.rng.random_range(0..6) {
                0 => spoilt.truncate(at),
                1 => spoilt[at] ^= 1 << self.rng.random_range(0..8),
                2 => drop(spoilt.drain(at..end)),
                3 => {
                    let doubled = spoilt[at..end].to_vec();
                    spoilt.splice(at..at, doubled);
                }
                _ => {
                    let poison = POISON[self.rng.random_range(0..POISON.len())];
                    spoilt.splice(at..end, poison.bytes());
                }
            }
        }
        spoilt
    }
}

/// Sends bytes on a connection of their own; the status of the answer, 0 if the server has hung up without one.
async fn send(address: &str, request: &[u8]) -> u16 {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The server may hang up in the middle of what it does not understand.
        let _cut_off = stream.write_all(request).await;
        let mut answer = [0; 16];
        let mut read = 0;
        while read < answer.len() {
            match stream.read(&mut answer[read..]).await {
                Ok(0) | Err(_) => break,
                Ok(more) => read += more,
            }
        }
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    let line = timeout(HANG, exchange).await.expect("an answer, or the end of the connection");
    line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// Counts panics in the product's own code, wherever they are caught.
fn count_panics() -> Arc<AtomicUsize> {
    let panics = Arc::<AtomicUsize>::default();
    let (counted, before) = (Arc::clone(&panics), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        if panic.location().is_some_and(|place| place.file().starts_with("src/")) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        before(panic);
    }));
    panics
}

/// A request of the corpus as it goes over the wire, with the length of its body.
fn wire(request: &str) -> Vec<u8> {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let (head, body) = (head.trim().replace('\n', "\r\n"), body.trim_end_matches('\n'));
    let kind = if body.starts_with('{') || body.starts_with('[') {
        "Content-Type: application/json\r\n"
    } else if body.is_empty() {
        ""
    } else {
        "Content-Type: application/x-www-form-urlencoded\r\n"
    };
    format!("{head}\r\nConnection: close\r\n{kind}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn every_call_of_the_imitated_apis_is_in_the_corpus() {
    for call in [
        "POST /api/saas/subscriptions/resolve",
        "POST /api/saas/subscriptions/{id}/activate",
        "GET /api/saas/subscriptions/{id}?",
        "PATCH /api/saas/subscriptions/{id}?",
        "DELETE /api/saas/subscriptions/{id}?",
        "GET /api/saas/subscriptions?",
        "/listAvailablePlans",
        "GET /api/saas/subscriptions/{id}/operations?",
        "GET /api/saas/subscriptions/{id}/operations/{operation}",
        "PATCH /api/saas/subscriptions/{id}/operations/{operation}",
        "POST /api/usageEvent",
        "POST /api/batchUsageEvent",
        "GET /api/usageEvents",
        "/oauth2/token",
        "/oauth2/v2.0/token",
        "/oauth2/v2.0/authorize",
        "/oidc/userinfo",
        "/publisher/webhook",
        "/publisher/landing",
        "/sim/v1/",
        "POST /v1/customers HTTP",
        "/carts",
        "/orders",
        "PATCH /v1/customers/{customer}/subscriptions/{theirs}",
        "/activationlinks",
        "/lineitems?",
        "/v1/auditrecords",
        "/webhooks/v1/registration",
    ] {
        assert!(CORPUS.contains(call), "{call}");
    }
}
