//! A shared server: people show their key once, see what it opens, and leave.

use rehearsal::{
    cli::wiring::{Server, ServerOptions},
    domain::access::KeyDigest,
};
use reqwest::Client;
use serde_json::{Value, json};

use super::{
    Look, World,
    looks::{can_be_read, fits},
    page::id,
};

const OWN: &str = "an operator's own, long key";

async fn world() -> World {
    let options =
        ServerOptions { asks_for_keys: Some(true), admin_key: Some(KeyDigest::of(OWN)), ..ServerOptions::default() };
    World { server: Server::start(options).await.expect("the server starts"), http: Client::new() }
}

async fn posts(world: &World, path: &str, body: &Value) -> Value {
    let request = world.http.post(world.url(&format!("/sim/v1/{path}"))).bearer_auth(OWN).json(body);
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_their_key_and_see_their_sandbox_live() {
    let world = world().await;
    posts(&world, "sandboxes", &json!({ "name": "team-a" })).await;
    posts(&world, "sandboxes", &json!({ "name": "team-b" })).await;
    let key = posts(&world, "sandboxes/team-a/keys", &json!({})).await["key"].as_str().unwrap().to_owned();
    let order = json!({"customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5});
    let url = world.url("/sim/v1/sandboxes/team-a/purchases");
    let purchase = world.http.post(url).bearer_auth(OWN).json(&order);
    world
        .tell("shared-server", Look::Desktop, async move |page| {
            page.open("/journal?sandbox=team-a").await;
            page.see(&id("access-sign-in")).await;
            can_be_read(&page).await;
            page.write("key", "rhk.team-a.000000000000.nonsense").await;
            page.click("submit").await;
            page.shows("problem", &["opens nothing here"]).await;
            page.write("key", &key).await;
            page.click("submit").await;
            // Back at what was wanted, which follows what happens.
            page.see("a[href='/journal?sandbox=team-a'][aria-current='page']").await;
            let before = page.text("timeline").await;
            assert!(!before.contains("contoso-crm"), "{before}");
            assert!(purchase.send().await.unwrap().status().is_success());
            page.shows("timeline", &["contoso-crm"]).await;

            page.open("/?sandbox=team-b").await;
            page.shows("error-page", &["does not open the sandbox team-b"]).await;
            page.open("/").await;
            page.shows("sandbox", &["team-a"]).await;
            page.click("sign-out").await;
            page.see(&id("access-sign-in")).await;
            page.open("/?sandbox=team-a").await;
            page.see(&id("access-sign-in")).await;
        })
        .await;
    world
        .tell("shared-server-keys", Look::Desktop, async move |page| {
            page.open("/keys?sandbox=team-a").await;
            page.write("key", OWN).await;
            page.click("submit").await;
            page.write("note", "CI of team A").await;
            page.click("make-key-submit").await;
            let key = page.text("new-key").await;
            assert!(key.starts_with("rhk.team-a."), "{key}");
            can_be_read(&page).await;
            // Nothing sticks out, the way out included.
            let sticks_out: i32 =
                page.run("const it = document.documentElement; return it.scrollWidth - it.clientWidth;").await;
            assert_eq!(sticks_out, 0);
            // Shown once: who opens the page again sees which keys there are.
            page.open("/keys?sandbox=team-a").await;
            page.shows("keys-sandbox", &["CI of team A"]).await;
            assert!(!page.has("new-key").await);
            let remove = format!("remove-{}", key.rsplit('.').nth(1).unwrap());
            page.click(&remove).await;
            page.click(&format!("{remove}-submit")).await;
            page.shows("key-removed", &["opens nothing any more"]).await;
            assert!(!page.text("keys-sandbox").await.contains("CI of team A"));
        })
        .await;
    world
        .tell("shared-server-telephone", Look::Telephone, async move |page| {
            page.open("/").await;
            page.see(&id("access-sign-in")).await;
            fits(&page).await;
        })
        .await;
    world.stop().await;
}
