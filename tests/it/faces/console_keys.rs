//! The console's pages for access keys and for faults of provisioning, as people with different keys get them.

use rehearsal::{cli::wiring::ServerOptions, domain::access::KeyDigest};
use reqwest::Method;
use serde_json::json;

use crate::world::{Reply, SANDBOX, World, send};

const OWN: &str = "an operator's own, long key";

/// Somebody who has signed in with a key.
struct Person<'a> {
    world: &'a World,
    cookie: String,
}

impl<'a> Person<'a> {
    async fn with(world: &'a World, key: &str) -> Self {
        let request = world.request(Method::POST, "/sign-in").header("origin", &world.base_url);
        let reply = send(request.form(&[("key", key), ("next", "/")])).await;
        let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        Self { world, cookie }
    }

    async fn get(&self, path: &str) -> Reply {
        send(self.world.request(Method::GET, path).header("cookie", &self.cookie)).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        let request = self.world.request(Method::POST, path).header("cookie", &self.cookie);
        send(request.header("origin", &self.world.base_url).form(form)).await
    }
}

async fn world(asks: bool) -> World {
    let own = asks.then(|| KeyDigest::of(OWN));
    let world =
        World::start_with(ServerOptions { asks_for_keys: Some(asks), admin_key: own, ..ServerOptions::default() })
            .await;
    let create = world.request(Method::POST, "/sim/v1/sandboxes").bearer_auth(OWN);
    send(create.json(&json!({ "name": SANDBOX, "frozenAt": "2026-01-01T09:00:00Z", "timers": "manual" })))
        .await
        .expect(201);
    world
}

/// What an element with a test id has in it, up to the next tag.
fn shown<'a>(page: &'a Reply, test_id: &str) -> &'a str {
    let marker = format!("data-testid=\"{test_id}\"");
    let (_, rest) = page.text.split_once(&marker).unwrap_or_else(|| panic!("no {test_id} in {}", page.text));
    rest.split_once('>').unwrap().1.split_once('<').unwrap().0
}

fn id_of(key: &str) -> &str {
    key.rsplit('.').nth(1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_shown_once_used_and_removed() {
    let world = world(true).await;
    let operator = Person::with(&world, OWN).await;
    let keys = format!("/keys?sandbox={SANDBOX}");
    let made = operator.post(&keys, &[("note", "CI of team A")]).await;
    made.expect_text(201, "<!doctype html>");
    let key = shown(&made, "new-key").to_owned();
    assert!(
        key.starts_with(&format!("rhk.{SANDBOX}.")) && made.text.contains("data-copy=\"new-key\""),
        "{}",
        made.text
    );
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let list = operator.get(&keys).await;
    assert!(list.text.contains("CI of team A") && list.text.contains(id_of(&key)) && !list.text.contains(&key));
    let everything = operator.post(&keys, &[("note", ""), ("opens", "everything")]).await;
    let everything = shown(&everything, "new-key").to_owned();
    assert!(everything.starts_with("rhk.~."), "{everything}");

    // Whoever has the sandbox's key sees its keys, and makes none that opens more.
    let team = Person::with(&world, &key).await;
    let page = team.get(&keys).await;
    page.expect_text(200, "<!doctype html>");
    assert!(!page.text.contains(id_of(&everything)) && !page.text.contains("opens-everything"), "{}", page.text);
    team.post(&keys, &[("opens", "everything")]).await.expect_text(403, "<!doctype html>");
    let removal = |key: &str| format!("/keys/{}/removal?sandbox={SANDBOX}", id_of(key));
    team.post(&removal(&everything), &[("opens", "everything")]).await.expect_text(403, "<!doctype html>");
    team.get("/keys?sandbox=default").await.expect_text(403, "<!doctype html>");

    let long = "x".repeat(201);
    let refused = team.post(&keys, &[("note", &long)]).await;
    refused.expect_text(422, "<!doctype html>");
    assert!(shown(&refused, "error-note").contains("200 characters") && refused.text.contains(&long));
    while team.post(&keys, &[]).await.status == 201 {}
    let full = team.post(&keys, &[("note", "one more")]).await;
    full.expect_text(409, "<!doctype html>");
    assert!(full.text.contains("16 keys already") && full.text.contains("value=\"one more\""), "{}", full.text);

    // Its own key gone, it is signed out; the others' pages tell that it is gone already.
    let gone = team.post(&removal(&key), &[("opens", "sandbox")]).await;
    assert_eq!((gone.status, gone.header("location")), (303, Some("/keys?removed=1&sandbox=stage")));
    assert_eq!(team.get(&keys).await.status, 303);
    assert!(operator.get("/keys?removed=1&sandbox=stage").await.text.contains("The key is removed."));
    operator.post(&removal(&key), &[]).await.expect_text(404, "<!doctype html>");
    let journal = send(world.request(Method::GET, &format!("/sim/v1/sandboxes/{SANDBOX}/journal")).bearer_auth(OWN));
    let journal = journal.await.text;
    for sentence in ["was made", "was removed"] {
        assert!(journal.contains(&format!("The access key {} {sentence}.", id_of(&key))), "{sentence}: {journal}");
    }
    assert!(!journal.contains(&key));
    world.stop().await;
}

/// Where everybody is let in, the page says so; the last key that opens everything may go there.
#[tokio::test]
async fn keys_of_an_open_server_wait_for_their_time() {
    let world = world(false).await;
    let anybody = Person { world: &world, cookie: String::new() };
    let made = anybody.post("/keys", &[("opens", "everything")]).await;
    assert!(made.text.contains("keys-open"), "{}", made.text);
    let key = shown(&made, "new-key").to_owned();
    let gone = anybody.post(&format!("/keys/{}/removal", id_of(&key)), &[("opens", "everything")]).await;
    assert_eq!((gone.status, gone.header("location")), (303, Some("/keys?removed=1")));
    assert!(!anybody.get("/keys").await.text.contains(id_of(&key)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_set_used_up_and_lifted_on_a_page() {
    let world = World::start().await;
    let anybody = Person { world: &world, cookie: String::new() };
    let faults = format!("/faults?sandbox={SANDBOX}");
    assert!(anybody.get(&faults).await.text.contains("Nothing: each step works."));
    for (step, times, wrong) in
        [("", "2", "error-step"), ("fly", "2", "error-step"), ("activate", "two", "error-times")]
    {
        let refused = anybody.post(&faults, &[("step", step), ("times", times)]).await;
        refused.expect_text(422, "<!doctype html>");
        assert!(
            !shown(&refused, wrong).is_empty() && refused.text.contains(&format!("value=\"{times}\"")),
            "{step} {times}"
        );
    }
    for (step, times) in [("activate", "2"), ("createAccount", "1")] {
        let set = anybody.post(&faults, &[("step", step), ("times", times)]).await;
        assert_eq!((set.status, set.header("location")), (303, Some("/faults?set=1&sandbox=stage")));
    }
    let page = anybody.get(&faults).await;
    assert!(page.text.contains("the next 2 attempts") && page.text.contains("the next 1 attempt<"), "{}", page.text);
    let path = format!("/sandboxes/{SANDBOX}/faults/provisioning");
    let api = world.control(Method::GET, &path, None).await.expect(200);
    let expected = json!([{ "step": "createAccount", "times": 1 }, { "step": "activate", "times": 2 }]);
    assert_eq!(api["faults"], expected);

    // The first attempt of a purchase uses one up.
    let bought = world.buyer().buys_seats().await;
    let account = world.sets_up(&bought).await;
    world.operator().advances("PT0S").await;
    // The publisher's page writes its times as all others do.
    let page = world.get(&format!("/publisher/accounts/{account}?sandbox={SANDBOX}")).await;
    assert!(page.text.contains("Attempt 1 failed. The next one is due at 1 Jan 2026, 09:00:"), "{}", page.text);
    world.operator().advances("PT1S").await;
    assert!(!anybody.get(&faults).await.text.contains("fault-createAccount"));
    anybody.post(&faults, &[("step", "activate"), ("times", "0")]).await;
    assert!(anybody.get(&faults).await.text.contains("Nothing: each step works."));
    let kinds = world.control(Method::GET, &format!("/sandboxes/{SANDBOX}/journal?kind=fault"), None).await.expect(200);
    assert_eq!(kinds["entries"].as_array().unwrap().len(), 3);
    world.stop().await;
}
