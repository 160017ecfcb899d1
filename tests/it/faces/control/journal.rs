//! The journal: filters, pages, and entries as they come.

use std::time::Duration;

use rehearsal::cli::wiring::ServerOptions;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{kinds, problem};
use crate::world::{SANDBOX, World, send, text};

/// A world in which something has happened, and the two subscriptions that it happened to.
async fn eventful() -> (World, String, String) {
    let world = World::start().await;
    let first = text(&world.buyer().buys_seats().await, "id");
    world.operator().advances("PT1H").await;
    let second = text(&world.buyer().buys_flat_rate().await, "id");
    let contoso = world.publisher("contoso").await;
    contoso.reports(&first, 5).await.expect(200);
    contoso.activate(&first).await;
    (world, first, second)
}

fn numbers(entries: &[Value]) -> Vec<u64> {
    entries.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn entries_are_numbered_from_one_without_gaps() {
    let (world, first, _) = eventful().await;
    let all = world.operator().journal("limit=1000").await;
    assert_eq!(numbers(&all), (1..=u64::try_from(all.len()).unwrap()).collect::<Vec<_>>());
    assert_eq!(kinds(&all)[..2], ["purchaseCreated", "codeIssued"]);
    let exchange = all.iter().rfind(|entry| entry["kind"] == "exchange").unwrap();
    assert_eq!([&exchange["from"], &exchange["to"]], ["publisher", "marketplace"]);
    assert_eq!([&exchange["data"]["method"], &exchange["subscription"]], ["POST", first.as_str()]);
    assert!(text(&exchange["data"], "path").contains("/activate"), "{exchange}");
    for entry in &all {
        assert!(!text(entry, "summary").is_empty() && entry["data"].is_object(), "{entry}");
    }
}

#[tokio::test]
async fn whoever_has_made_a_call_finds_it_in_the_journal_also_after_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let options = || ServerOptions { data: Some(folder.path().to_owned()), ..ServerOptions::default() };
    let world = World::start_with(options()).await;
    world.create_sandbox(SANDBOX).await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let contoso = world.publisher("contoso").await;
    let calls = async |world: &World| {
        let entries = world.operator().journal(&format!("kind=exchange&subscription={id}")).await;
        entries.iter().map(|entry| text(&entry["data"], "method")).collect::<Vec<_>>()
    };
    contoso.get(&id).await.expect(200);
    assert_eq!(calls(&world).await, ["GET"]);
    contoso.activate(&id).await.expect(200);
    world.stop().await;
    let world = World::start_with(options()).await;
    assert_eq!(calls(&world).await, ["GET", "POST"]);
}

#[tokio::test]
async fn filters_pick_what_was_asked_for() {
    let (world, first, second) = eventful().await;
    let operator = world.operator();
    let all = operator.journal("limit=1000").await;
    let matching = |wanted: &dyn Fn(&Value) -> bool| {
        numbers(&all.iter().filter(|entry| wanted(entry)).cloned().collect::<Vec<_>>())
    };
    let table: [(String, Vec<u64>); 9] = [
        (format!("subscription={first}"), matching(&|entry| entry["subscription"] == first.as_str())),
        (format!("subscription={second}"), matching(&|entry| entry["subscription"] == second.as_str())),
        ("kind=activated".to_owned(), matching(&|entry| entry["kind"] == "activated")),
        (
            "kind=activated,charged,".to_owned(),
            matching(&|entry| entry["kind"] == "activated" || entry["kind"] == "charged"),
        ),
        ("from=2026-01-01T10:00:00Z".to_owned(), matching(&|entry| entry["at"] == "2026-01-01T10:00:00Z")),
        ("until=2026-01-01T10:00:00Z".to_owned(), matching(&|entry| entry["at"] == "2026-01-01T09:00:00Z")),
        ("from=2026-01-02T00:00:00Z".to_owned(), Vec::new()),
        ("since=3&limit=2".to_owned(), vec![4, 5]),
        (
            format!("kind=purchaseCreated&subscription={second}&since=1"),
            matching(&|entry| entry["kind"] == "purchaseCreated" && entry["subscription"] == second.as_str()),
        ),
    ];
    for (query, expected) in table {
        assert_eq!(numbers(&operator.journal(&query).await), expected, "{query}");
    }
    assert!(!matching(&|entry| entry["at"] == "2026-01-01T10:00:00Z").is_empty());
}

#[tokio::test]
async fn pages_follow_each_other() {
    let (world, first, _) = eventful().await;
    for filter in [String::new(), format!("&subscription={first}"), "&kind=exchange,codeIssued".to_owned()] {
        let expected = numbers(&world.operator().journal(&format!("limit=1000{filter}")).await);
        let mut read = Vec::new();
        let mut since = Some(0);
        while let Some(number) = since {
            let page = world.operator().get(&format!("journal?limit=2&since={number}{filter}")).await.expect(200);
            let entries = page["entries"].as_array().unwrap();
            assert!(entries.len() <= 2);
            read.extend(numbers(entries));
            since = page["nextSince"].as_u64();
        }
        assert_eq!(read, expected, "{filter}");
    }
}

/// Much happens to one subscription, in many commits, and to another one in between.
#[tokio::test]
async fn all_that_happened_to_a_subscription_is_found_however_much_it_is() {
    let world = World::start().await;
    let operator = world.operator();
    let first = text(&world.buyer().buys_seats().await, "id");
    let second = text(&world.buyer().buys_flat_rate().await, "id");
    for number in 0..210 {
        let id = if number % 7 == 6 { &second } else { &first };
        operator.post(&format!("subscriptions/{id}/links"), json!({})).await.expect(201);
    }
    let everything = operator.journal("limit=1000").await;
    for id in [&first, &second] {
        let expected: Vec<Value> = everything.iter().filter(|entry| entry["subscription"] == **id).cloned().collect();
        assert!(expected.len() > 30, "{}", expected.len());
        for (limit, since) in [(1000, 0), (1000, 200), (25, 0)] {
            let (mut read, mut next) = (Vec::new(), Some(since));
            while let Some(since) = next {
                let query = format!("journal?limit={limit}&since={since}&subscription={id}");
                let page = operator.get(&query).await.expect(200);
                read.extend(numbers(page["entries"].as_array().unwrap()));
                next = page["nextSince"].as_u64();
            }
            let expected: Vec<u64> = numbers(&expected).into_iter().filter(|seq| *seq > since).collect();
            assert_eq!(read, expected, "limit {limit}, since {since}");
        }
        // The page of the subscription has the newest ones.
        let page = world.get(&format!("/subscriptions/{id}?sandbox={SANDBOX}")).await.text;
        let codes = expected.iter().filter(|entry| entry["kind"] == "codeIssued").count();
        assert_eq!(page.matches("fresh authorization code was made").count(), codes);
    }
}

#[tokio::test]
async fn a_filter_that_can_not_be_read_is_refused() {
    let world = World::start().await;
    for (query, field) in [
        ("subscription=x", Some("subscription")),
        ("from=noon", Some("from")),
        ("until=noon", Some("until")),
        ("since=x", None),
        ("limit=-1", None),
        ("kinds=activated", None),
    ] {
        problem(&world.operator().get(&format!("journal?{query}")).await, 400, "badInput", field);
    }
    problem(&world.operator_of("nobody").get("journal").await, 404, "unknownSandbox", None);
}

/// Entries as they come.
struct Live {
    response: Response,
    read: String,
}

impl Live {
    async fn listen(world: &World, query: &str, last: Option<u64>) -> Self {
        let request = world.request(Method::GET, &format!("/sim/v1/sandboxes/stage/journal?{query}"));
        let mut request = request.header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, read: String::new() }
    }

    /// The next event: its id and its entry.
    async fn next(&mut self) -> (u64, Value) {
        let patience = Duration::from_secs(20);
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = event.lines().filter_map(|line| line.strip_prefix(name));
                    lines.map(|value| value.trim_start_matches([':', ' '])).next()
                };
                let found = field("id").zip(field("data"));
                let found = found.map(|(id, data)| (id.parse().unwrap(), serde_json::from_str(data).unwrap()));
                self.read = rest.to_owned();
                if let Some(found) = found {
                    return found;
                }
                continue;
            }
            let chunk = tokio::time::timeout(patience, self.response.chunk()).await.unwrap().unwrap().unwrap();
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

/// Whoever listens does not keep the server from stopping: the stream comes to its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_the_server_stops() {
    let world = World::start().await;
    let streams = followed(&world).await;
    world.stop().await;
    end(streams).await;
}

/// Streams of the journal and of an account's page, which have told something.
async fn followed(world: &World) -> [Response; 2] {
    let bought = world.buyer().buys_seats().await;
    let mut live = Live::listen(world, "", None).await;
    live.next().await;
    let account = world.sets_up(&bought).await;
    let events = world.request(Method::GET, &format!("/publisher/accounts/{account}/events"));
    let mut account = events.send().await.unwrap();
    assert!(account.chunk().await.unwrap().is_some());
    [live.response, account]
}

/// Streams come to their end. One that is broken off says so instead.
async fn end(streams: [Response; 2]) {
    for mut stream in streams {
        let ended = async { while stream.chunk().await.unwrap().is_some() {} };
        tokio::time::timeout(Duration::from_secs(20), ended).await.expect("the stream ends");
    }
}

/// A stream does not outlive its sandbox; who comes back to one of the same name is told all of that one.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_sandbox() {
    let world = World::start().await;
    let streams = followed(&world).await;
    assert_eq!(send(world.request(Method::DELETE, "/sim/v1/sandboxes/stage")).await.status, 204);
    end(streams).await;
    world.create_sandbox("stage").await;
    world.buyer().buys_seats().await;
    let mut live = Live::listen(&world, "", Some(999_999)).await;
    assert_eq!(live.next().await.0, 1);
    world.stop().await;
}

#[tokio::test]
async fn entries_come_live_and_go_on_after_the_last_one_seen() {
    let world = World::start().await;
    let mut live = Live::listen(&world, "", None).await;
    world.buyer().buys_seats().await;
    for (number, kind) in [(1, "purchaseCreated"), (2, "codeIssued")] {
        let (id, entry) = live.next().await;
        assert_eq!((id, &entry["seq"], &entry["kind"]), (number, &number.into(), &kind.into()));
    }
    drop(live);
    let second = text(&world.buyer().buys_flat_rate().await, "id");
    // `Last-Event-ID` goes before `since`: a browser that reconnects repeats the query that it began with.
    let mut live = Live::listen(&world, "since=0", Some(2)).await;
    let (id, entry) = live.next().await;
    assert_eq!((id, &entry["subscription"]), (3, &second.as_str().into()));
    assert_eq!(entry, world.operator().journal("since=2&limit=1").await[0]);
}

#[tokio::test]
async fn live_entries_are_filtered_too() {
    let (world, first, second) = eventful().await;
    let mut live = Live::listen(&world, &format!("subscription={second}&kind=resolved,activated"), None).await;
    let contoso = world.publisher("contoso").await;
    contoso.activate(&first).await;
    contoso.activate(&second).await;
    let (_, entry) = live.next().await;
    assert_eq!([&entry["kind"], &entry["subscription"]], ["activated", second.as_str()]);
}
