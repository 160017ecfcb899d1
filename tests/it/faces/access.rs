//! Keys: what asks for one, what each opens, and how they are made and removed.

use std::{fs, path::Path, time::Duration};

use futures_util::future::join_all;
use rehearsal::{cli::wiring::ServerOptions, domain::access::KeyDigest};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::quotas::answered;
use crate::world::{Reply, World, send, text, token_form};

/// The key that the operator starts the servers with.
const OWN: &str = "an operator's own, long key";

fn options() -> ServerOptions {
    ServerOptions { asks_for_keys: Some(true), admin_key: Some(KeyDigest::of(OWN)), ..ServerOptions::default() }
}

async fn world() -> World {
    World::start_with(options()).await
}

/// Somebody who shows a key with each call.
#[derive(Clone, Copy)]
struct With<'a>(&'a World, &'a str);

impl With<'_> {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.0.request(method, path).bearer_auth(self.1)
    }

    async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, &format!("/sim/v1{path}"))).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        send(self.request(Method::POST, &format!("/sim/v1{path}")).json(&body)).await
    }

    async fn delete(&self, path: &str) -> Reply {
        send(self.request(Method::DELETE, &format!("/sim/v1{path}"))).await
    }

    async fn makes_sandbox(&self, name: &str) -> Reply {
        self.post("/sandboxes", json!({ "name": name })).await
    }

    /// A new key, and its id.
    async fn makes_key(&self, path: &str) -> (String, String) {
        let made = self.post(path, json!({ "note": "for a test" })).await.expect(201);
        (text(&made, "key"), text(&made, "id"))
    }

    async fn sees(&self) -> Vec<String> {
        let list = self.get("/sandboxes").await.expect(200);
        list["sandboxes"].as_array().unwrap().iter().map(|sandbox| text(sandbox, "name")).collect()
    }
}

#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.expect(status)["code"], code, "{}", reply.text);
}

#[tokio::test]
async fn every_call_asks_for_a_key_that_opens_it() {
    let world = world().await;
    let operator = With(&world, OWN);
    operator.makes_sandbox("team-a").await.expect(201);
    let (key, id) = operator.makes_key("/sandboxes/team-a/keys").await;
    assert!(key.starts_with(&format!("rhk.team-a.{id}.")), "{key}");
    let team = With(&world, &key);

    let document = world.get("/sim/openapi.json").await.expect(200);
    let mut calls = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path.replace("{sandbox}", "default").replace("{subscription}", "x").replace("{operation}", "x");
            let path = path.replace("{key}", "x");
            if path.ends_with("/licenses") {
                let report = world.request(method, &path).json(&json!({ "assigned": 1 }));
                refused(&send(report).await, 403, "tokenRefused");
                continue;
            }
            let without = send(world.request(method.clone(), &path)).await;
            refused(&without, 401, "keyNeeded");
            assert_eq!(without.header("www-authenticate"), Some("Bearer realm=\"rehearsal\""));
            if path != "/sim/v1/sandboxes" {
                refused(&send(team.request(method, &path)).await, 403, "outOfReach");
            }
            calls += 1;
        }
    }
    assert!(calls > 35, "only {calls} calls are described");

    let (head, secret) = key.rsplit_once('.').unwrap();
    let others = [
        format!("{head}.{}", secret.chars().rev().collect::<String>()),
        format!("rhk.default.{id}.{secret}"),
        format!("rhk.nobody.{id}.{secret}"),
        format!("rhk.~.{id}.{secret}"),
        format!("rhk.team-a.000000000000.{secret}"),
        head.to_owned(),
        format!("{OWN}."),
        "x".to_owned(),
    ];
    for other in others {
        refused(&With(&world, &other).get("/sandboxes/team-a").await, 401, "keyNeeded");
    }
    let basic = world.request(Method::GET, "/sim/v1/sandboxes").basic_auth("team-a", Some(&key));
    refused(&send(basic).await, 401, "keyNeeded");
    team.get("/sandboxes/team-a").await.expect(200);

    // Nobody needs a key to learn whether the server is well, or for what has keys of Microsoft's.
    for path in ["/livez", "/readyz", "/version", "/sim/openapi.json", "/assets/rehearsal.css", "/sign-in"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    let environment = &team.get("/sandboxes/team-a/environment").await.expect(200)["publishers"][0];
    let token = send(world.http.post(text(environment, "tokenEndpoint")).form(&token_form(environment))).await;
    let token = text(&token.expect(200), "access_token");
    let list = world.request(Method::GET, "/api/saas/subscriptions?api-version=2018-08-31").bearer_auth(token);
    send(list).await.expect(200);
}

#[tokio::test]
async fn a_team_has_its_sandbox_and_those_named_as_its_parts() {
    let world = world().await;
    let operator = With(&world, OWN);
    for name in ["team-a", "team-ab"] {
        operator.makes_sandbox(name).await.expect(201);
    }
    let (key, id) = operator.makes_key("/sandboxes/team-a/keys").await;
    let team = With(&world, &key);
    assert_eq!(team.sees().await, ["team-a"]);
    team.makes_sandbox("team-a.checkout").await.expect(201);
    for name in ["team-b", "team", "team-ab.x"] {
        refused(&team.makes_sandbox(name).await, 403, "outOfReach");
    }
    assert_eq!(team.sees().await, ["team-a", "team-a.checkout"]);
    assert_eq!(operator.sees().await, ["default", "team-a", "team-a.checkout", "team-ab"]);
    assert_eq!(team.delete("/sandboxes/team-a.checkout").await.status, 204);

    // The key is changed for another one, while the server runs.
    let (new, new_id) = team.makes_key("/sandboxes/team-a/keys").await;
    let team = With(&world, &new);
    assert_eq!(team.delete(&format!("/sandboxes/team-a/keys/{id}")).await.status, 204);
    refused(&With(&world, &key).get("/sandboxes/team-a").await, 401, "keyNeeded");
    refused(&team.delete(&format!("/sandboxes/team-a/keys/{id}")).await, 404, "unknownKey");
    refused(&team.delete("/sandboxes/team-a/keys/x").await, 400, "badInput");
    let keys = team.get("/sandboxes/team-a/keys").await;
    assert!(!keys.text.contains(new.rsplit('.').next().unwrap()), "{}", keys.text);
    let listed = &keys.expect(200)["keys"];
    assert_eq!((listed[0]["id"].as_str(), listed[0]["note"].as_str()), (Some(new_id.as_str()), Some("for a test")));
    let journal = team.get("/sandboxes/team-a/journal").await.text;
    assert!(journal.contains(&format!("The access key {id} was removed.")), "{journal}");
    assert!(!journal.contains("rhk."), "{journal}");

    // Keys go with their sandbox; one of the same name has none of them.
    assert_eq!(team.delete("/sandboxes/team-a").await.status, 204);
    refused(&team.get("/sandboxes/team-a").await, 401, "keyNeeded");
    operator.makes_sandbox("team-a").await.expect(201);
    refused(&team.get("/sandboxes/team-a").await, 401, "keyNeeded");
}

/// Parts give a team no more than it has: they begin with its quotas, their number ends, and making them counts as calls.
#[tokio::test]
async fn parts_do_not_get_a_team_around_its_quotas() {
    let world = world().await;
    let operator = With(&world, OWN);
    operator.makes_sandbox("team-a").await.expect(201);
    let set = |quotas: Value| send(operator.request(Method::PUT, "/sim/v1/sandboxes/team-a/quotas").json(&quotas));
    set(json!({ "documents": 5000 })).await.expect(200);
    let (key, _) = operator.makes_key("/sandboxes/team-a/keys").await;
    let team = With(&world, &key);
    for number in 0..100 {
        team.makes_sandbox(&format!("team-a.{number}")).await.expect(201);
    }
    refused(&team.makes_sandbox("team-a.more").await, 409, "tooManyParts");
    assert_eq!(team.get("/sandboxes/team-a.7/quotas").await.expect(200)["documents"], 5000);
    assert_eq!(team.delete("/sandboxes/team-a.7").await.status, 204);
    team.makes_sandbox("team-a.more").await.expect(201);

    set(json!({ "requestsPerSecond": 1 })).await.expect(200);
    let lists = join_all((0..40).map(|_| team.get("/sandboxes"))).await;
    let [few, many] = [200, 429].map(|status| lists.iter().filter(|reply| reply.status == status).count());
    assert!(few + many == 40 && many > 0, "{few} were answered and {many} refused");
    // What raises it again is not held up by it.
    set(json!({})).await.expect(200);
    answered(async || team.get("/sandboxes").await).await;
}

/// Whoever listens with a key that is removed hears nothing more.
#[tokio::test]
async fn a_stream_ends_with_its_key() {
    let world = world().await;
    let operator = With(&world, OWN);
    operator.makes_sandbox("team-a").await.expect(201);
    let (key, id) = operator.makes_key("/sandboxes/team-a/keys").await;
    let journal = "/sim/v1/sandboxes/team-a/journal";
    let listen =
        |key: &str| With(&world, key).request(Method::GET, journal).header("accept", "text/event-stream").send();
    let (mut removed, mut kept) = (listen(&key).await.unwrap(), listen(OWN).await.unwrap());
    let first = removed.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains(&id), "{first:?}");
    assert_eq!(operator.delete(&format!("/sandboxes/team-a/keys/{id}")).await.status, 204);
    let rest = tokio::time::timeout(Duration::from_secs(20), async {
        let mut rest = Vec::new();
        while let Some(more) = removed.chunk().await.unwrap() {
            rest.extend_from_slice(&more);
        }
        String::from_utf8(rest).unwrap()
    });
    assert_eq!(rest.await.expect("the stream ends"), "");
    let mut heard = String::new();
    while !heard.contains("was removed") {
        heard.push_str(std::str::from_utf8(&kept.chunk().await.unwrap().unwrap()).unwrap());
    }
}

#[tokio::test]
async fn keys_are_few_and_their_notes_short() {
    let world = world().await;
    let operator = With(&world, OWN);
    let long = json!({ "note": "x".repeat(201) });
    for path in ["/keys", "/sandboxes/default/keys"] {
        let reply = operator.post(path, long.clone()).await;
        refused(&reply, 400, "badInput");
        assert_eq!(reply.json()["field"], "note");
        refused(&operator.post(path, json!({ "nete": "x" })).await, 400, "badInput");
        for _ in 0..16 {
            operator.makes_key(path).await;
        }
        refused(&operator.post(path, json!({})).await, 409, "tooManyKeys");
    }
}

#[tokio::test]
async fn operators_make_keys_too_and_keep_a_way_in() {
    let folder = tempfile::tempdir().unwrap();
    let with_data = || ServerOptions { data: Some(folder.path().to_owned()), ..options() };
    let world = World::start_with(with_data()).await;
    let operator = With(&world, OWN);
    let (first, first_id) = operator.makes_key("/keys").await;
    let (second, second_id) = With(&world, &first).makes_key("/keys").await;
    assert_eq!(With(&world, &second).delete(&format!("/keys/{first_id}")).await.status, 204);
    refused(&With(&world, &first).get("/sandboxes").await, 401, "keyNeeded");
    let cookie = signs_in(&world, OWN, "/").await.cookie();
    assert_eq!(visits(&world, &cookie, "/").await.status, 200);
    world.stop().await;

    // Without the key that it was started with, the server has those that were made.
    let world = World::start_with(ServerOptions { admin_key: None, ..with_data() }).await;
    refused(&With(&world, OWN).get("/sandboxes").await, 401, "keyNeeded");
    assert_eq!(visits(&world, &cookie, "/").await.status, 303, "a session ends with its key");
    let operator = With(&world, &second);
    refused(&operator.delete(&format!("/keys/{second_id}")).await, 409, "lastKey");
    let keys = operator.get("/keys").await.expect(200);
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1));
    world.stop().await;

    // What is kept can't be used.
    let secret = second.rsplit('.').next().unwrap();
    assert!(!holds(folder.path(), secret.as_bytes()), "the store holds a key");
    assert!(holds(folder.path(), second_id.as_bytes()), "the store is not where this looks");
}

/// Whether any file of a folder holds some bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes)
    })
}

async fn signs_in(world: &World, key: &str, to: &str) -> Reply {
    send(world.request(Method::POST, "/sign-in").form(&[("key", key), ("to", to)])).await
}

async fn visits(world: &World, cookie: &str, path: &str) -> Reply {
    send(world.request(Method::GET, path).header("cookie", cookie)).await
}

impl Reply {
    /// What a browser sends from now on.
    fn cookie(&self) -> String {
        self.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn people_show_their_key_once() {
    let world = world().await;
    let operator = With(&world, OWN);
    for name in ["team-a", "team-b"] {
        operator.makes_sandbox(name).await.expect(201);
    }
    let (key, id) = operator.makes_key("/sandboxes/team-a/keys").await;

    // Each page leads to the one that asks, and back.
    let table = [
        ("/", "/sign-in"),
        ("/journal?sandbox=team-a", "/sign-in?to=%2Fjournal%3Fsandbox%3Dteam-a"),
        ("/partner", "/sign-in?to=%2Fpartner"),
        ("/partner/customers", "/sign-in?to=%2Fpartner%2Fcustomers"),
    ];
    for (path, to) in table {
        let reply = world.get(path).await;
        assert_eq!((reply.status, reply.header("location")), (303, Some(to)), "{path}");
    }
    let form = world.request(Method::POST, "/purchases?sandbox=team-a").form(&[("offer", "contoso-crm")]);
    let reply = send(form).await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/sign-in")));

    for (shown, says) in [("", "Paste your key"), ("rhk.team-a.000000000000.x", "opens nothing here")] {
        let reply = signs_in(&world, shown, "/journal").await;
        assert!(reply.status == 422 && reply.text.contains(says), "{}", reply.text);
        assert!(reply.text.contains("value=\"/journal\"") && reply.header("set-cookie").is_none());
    }
    let foreign =
        world.request(Method::POST, "/sign-in").form(&[("key", &key)]).header("origin", "https://evil.example");
    assert_eq!(send(foreign).await.status, 403);

    let signed_in = signs_in(&world, &format!(" {key}\n"), "//evil.example").await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/?sandbox=team-a")));
    let set = signed_in.header("set-cookie").unwrap();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax") && !set.contains(&key), "{set}");
    let cookie = signed_in.cookie();
    let home = visits(&world, &cookie, "/").await;
    assert!(home.status == 200 && home.text.contains("team-a") && !home.text.contains("team-b"), "{}", home.text);
    for other in ["/?sandbox=default", "/journal?sandbox=team-b", "/?sandbox=nobody"] {
        let reply = visits(&world, &cookie, other).await;
        assert!(reply.status == 403 && reply.text.contains("does not open the sandbox"), "{other}: {}", reply.text);
    }
    let live = world.request(Method::GET, "/sim/v1/sandboxes/team-a/journal").header("cookie", &cookie);
    send(live).await.expect(200);
    let spy = world.request(Method::GET, "/sim/v1/sandboxes/team-b/journal").header("cookie", &cookie);
    refused(&send(spy).await, 403, "outOfReach");
    let again = visits(&world, &cookie, "/sign-in").await;
    assert_eq!((again.status, again.header("location")), (303, Some("/?sandbox=team-a")));

    // At the portal, too.
    let portal = visits(&world, &cookie, "/partner").await;
    assert!(portal.status == 200 && portal.text.contains("value=\"team-a\"") && !portal.text.contains("team-b"));
    assert_eq!(visits(&world, &cookie, "/partner?sandbox=team-b").await.status, 404);
    let (_, person) = portal.text.split_once("name=\"user\" value=\"").unwrap();
    let person = person.split('"').next().unwrap();
    let pick = async |cookie: &str, sandbox: &str| {
        let form = [("sandbox", sandbox), ("user", person)];
        send(world.request(Method::POST, "/partner").header("cookie", cookie).form(&form)).await
    };
    assert_eq!(pick(&cookie, "team-b").await.status, 404);
    let seat = pick(&cookie, "team-a").await.cookie();
    let both = format!("{cookie}; {seat}");
    assert_eq!(visits(&world, &both, "/partner/customers").await.status, 200);
    // With somebody else's key, the seat of before is none.
    let (other, _) = operator.makes_key("/sandboxes/team-b/keys").await;
    let other = signs_in(&world, &other, "").await.cookie();
    let reply = visits(&world, &format!("{other}; {seat}"), "/partner/customers").await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/partner?next=%2Fpartner%2Fcustomers")));

    // Out by oneself, or when the key is removed.
    let out = send(world.request(Method::POST, "/sign-out").header("cookie", &cookie)).await;
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(visits(&world, &cookie, "/").await.status, 200);
    assert_eq!(operator.delete(&format!("/sandboxes/team-a/keys/{id}")).await.status, 204);
    assert_eq!(visits(&world, &cookie, "/").await.status, 303);
    assert_eq!(visits(&world, &format!("{cookie}x"), "/").await.status, 303);
}

#[tokio::test]
async fn where_everything_is_open_nobody_is_asked() {
    let world = World::start().await;
    assert_eq!(world.get("/").await.status, 200);
    assert!(!world.get("/").await.text.contains("Sign out"));
    let reply = world.get("/sign-in?to=/journal").await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/journal")));
    // Keys can be made before they are asked for.
    let made = world.control(Method::POST, "/keys", None).await.expect(201);
    assert!(text(&made, "key").starts_with("rhk.~."), "{made}");
}
