//! A long way of the clock: whoever has asked for it sees how far it is, without doing anything.

use rehearsal::cli::wiring::{Server, ServerOptions};
use reqwest::Client;
use serde_json::json;

use super::{
    Look, World,
    looks::{can_be_read, fits},
    page::id,
    set_up,
};
use crate::own_webhook::SlowWebhook;

#[tokio::test(flavor = "multi_thread")]
async fn a_long_way_of_the_clock_is_followed_live() {
    let slow = SlowWebhook::listen().await;
    let options = ServerOptions { webhook: Some(slow.url().parse().unwrap()), ..ServerOptions::default() };
    let world = World { server: Server::start(options).await.expect("the server starts"), http: Client::new() };
    let bought = world.buy().await;
    let by_hand = world.http.patch(world.url("/sim/v1/sandboxes/default")).json(&json!({ "timers": "manual" }));
    let change = world.post(&format!("subscriptions/{}/changes", bought.id), json!({ "quantity": 8 }));
    let goes_on = slow.goes_on.clone();
    world
        .tell("long-way", Look::Telephone, async move |page| {
            page.open(&bought.link).await;
            set_up(&page).await;
            page.see("[data-testid='account-state'][data-state='active']").await;
            // From now on the call that is due is made on the clock's way.
            assert!(by_hand.send().await.unwrap().status().is_success());
            change.await;
            page.open("/").await;
            page.write("advance-by", "P10D").await;
            page.click("advance-submit").await;
            page.shows("clock-way", &["on its way", "timers ran so far"]).await;
            page.see(&id("clock-stop")).await;
            fits(&page).await;
            can_be_read(&page).await;
            goes_on.send_replace(true);
            page.shows("clock-ended", &["The clock was moved", "ran on the way"]).await;
            assert!(!page.has("clock-way").await);
        })
        .await;
    world.stop().await;
}
