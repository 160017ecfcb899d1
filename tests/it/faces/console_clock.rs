//! A long way of the clock, looked at on the console: how far it is, how it ends, and how it is stopped.

use rehearsal::cli::wiring::ServerOptions;
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    own_webhook::SlowWebhook,
    world::{Reply, SANDBOX, World, send, text},
};

/// A subscription whose change the publisher's webhook is told of, in a sandbox with a clock that stands. How far an advance is
/// only the process knows that runs it: this is one server, with a folder of its own, whatever the others are.
async fn changing(slow: &SlowWebhook) -> (World, TempDir) {
    let webhook = Some(slow.url().parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let data = Some(folder.path().to_owned());
    let world = World::start_with(ServerOptions { webhook, data, ..ServerOptions::default() }).await;
    world.create_sandbox(SANDBOX).await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let publisher = world.publisher("contoso").await;
    publisher.activate(&id).await.expect(200);
    publisher.reports(&id, 5).await.expect(200);
    world.operator().post(&format!("subscriptions/{id}/changes"), json!({ "quantity": 8 })).await.expect(202);
    (world, folder)
}

async fn posts(world: &World, what: &str, by: &str) -> Reply {
    let request = world.request(Method::POST, &format!("/clock/{what}?sandbox={SANDBOX}"));
    send(request.header("origin", &world.base_url).form(&[("by", by)])).await
}

/// What the way shows, without the mark-up.
fn way(page: &Reply) -> String {
    let (_, rest) = page.text.split_once("data-testid=\"clock-way\"").unwrap_or_else(|| panic!("{}", page.text));
    let inner = rest.split_once('>').unwrap().1.split_once("</form>").unwrap().0;
    inner.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_way_of_the_clock_shows_how_far_it_is_and_where_it_ended() {
    let mut slow = SlowWebhook::listen().await;
    let (world, _folder) = changing(&slow).await;
    let set_out = posts(&world, "advance", "P10D").await;
    assert_eq!((set_out.status, set_out.header("location")), (303, Some("/?advance=1&sandbox=stage#clock")));
    slow.called.wait_for(|called| *called).await.unwrap();
    let page = async || world.get(&format!("/?advance=1&sandbox={SANDBOX}")).await;
    let on_its_way = page().await;
    let told = way(&on_its_way);
    for part in
        ["from 1 Jan 2026, 09:00:00 UTC to 11 Jan 2026, 09:00:00 UTC", "0 timers ran so far", "Load the page again"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(on_its_way.text.contains("<progress max=\"100\" value=\"0\""), "{told}");
    assert!(on_its_way.text.contains("data-look-again"));
    let clock = world.operator().get("clock").await.expect(200);
    let expected = json!({ "from": "2026-01-01T09:00:00Z", "to": "2026-01-11T09:00:00Z", "timers": 0, "entries": 0 });
    assert_eq!(clock["advance"], expected);
    // Nobody sets out twice.
    for what in ["advance", "run-next"] {
        let again = posts(&world, what, "P1D").await;
        again.expect_text(422, "<!doctype html>");
        assert!(again.text.contains("on its way already"), "{}", again.text);
    }
    slow.goes_on.send_replace(true);
    let mut changes = world.changes(SANDBOX);
    let arrived = loop {
        let page = page().await;
        if page.text.contains("data-testid=\"clock-ended\"") {
            break page;
        }
        let _changed = tokio::time::timeout(std::time::Duration::from_millis(50), changes.next()).await;
    };
    assert!(!arrived.text.contains("data-look-again"));
    assert!(arrived.text.contains("The clock was moved; 3 timers ran on the way."), "{}", arrived.text);
    assert!(arrived.text.contains("11 Jan 2026, 09:00:00 UTC"));
    // Who did not ask for it is not told of it.
    assert!(!world.get(&format!("/?sandbox={SANDBOX}")).await.text.contains("clock-ended"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_way_of_the_clock_is_stopped_where_it_is() {
    let slow = SlowWebhook::listen().await;
    let (world, _folder) = changing(&slow).await;
    assert_eq!(posts(&world, "stop", "").await.header("location"), Some("/?sandbox=stage#clock"), "there is none");
    assert_eq!(posts(&world, "advance", "P10D").await.header("location"), Some("/?advance=1&sandbox=stage#clock"));
    let stopped = posts(&world, "stop", "").await;
    assert_eq!((stopped.status, stopped.header("location")), (303, Some("/?advance=1&sandbox=stage#clock")));
    let page = world.get(&format!("/?advance=1&sandbox={SANDBOX}")).await;
    assert!(page.text.contains("The advance was stopped") && !page.text.contains("clock-way\" data"), "{}", page.text);
    assert!(page.text.contains("1 Jan 2026, 09:00:00 UTC"));
    // It can be asked for again, and goes on.
    slow.goes_on.send_replace(true);
    world.operator().advances("P10D").await;
    assert_eq!(world.operator().get("clock").await.expect(200)["now"], "2026-01-11T09:00:00Z");
    world.stop().await;
}
