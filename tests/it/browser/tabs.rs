//! Many tabs of one browser: all that can be seen follow what happens, and none keeps another from loading.

use serde_json::json;

use super::{Look, Page, World, page::id};

/// More than a browser has connections to one server.
const TABS: usize = 8;

/// Sets whether somebody can see the page. A headless browser shows all of its windows.
async fn set_hidden(page: &Page, hidden: bool) {
    let script = format!(
        "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }}); \
         document.dispatchEvent(new Event('visibilitychange')); return true"
    );
    assert!(page.run::<bool>(&script).await);
}

/// Pages of the browser that have a stream, and pages that wait to take it over.
async fn streams(page: &Page) -> (usize, usize) {
    page.run_async(
        "const done = arguments[0]; navigator.locks.query().then(({ held, pending }) => done([held.length, pending.length]))",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn more_tabs_than_connections_follow_what_happens() {
    let world = World::start().await;
    let order = json!({"customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5});
    let (first, second) = (world.post("purchases", order.clone()), world.post("purchases", order));
    world
        .tell("tabs", Look::Desktop, async move |page| {
            let mut tabs = vec![page.web.window().await.unwrap()];
            page.open("/").await;
            while tabs.len() < TABS {
                let tab = page.web.new_window().await.unwrap();
                page.web.switch_to_window(tab.clone()).await.unwrap();
                tabs.push(tab);
                page.open("/").await;
                page.shows("subscriptions", &["Nothing has been bought"]).await;
            }
            while streams(&page).await != (1, TABS - 1) {}
            first.await;
            for tab in &tabs {
                page.web.switch_to_window(tab.clone()).await.unwrap();
                page.see(&id("subscription-row")).await;
            }

            // The one that holds the stream goes, another takes over; one that nobody sees catches up when it is seen.
            page.web.switch_to_window(tabs[0].clone()).await.unwrap();
            page.web.close_window().await.unwrap();
            page.web.switch_to_window(tabs[1].clone()).await.unwrap();
            set_hidden(&page, true).await;
            while streams(&page).await != (1, TABS - 3) {}
            second.await;
            let rows = "[data-testid='subscription-row'] + [data-testid='subscription-row']";
            for tab in &tabs[2..] {
                page.web.switch_to_window(tab.clone()).await.unwrap();
                page.see(rows).await;
            }
            page.web.switch_to_window(tabs[1].clone()).await.unwrap();
            let shown: usize =
                page.run("return document.querySelectorAll(\"[data-testid='subscription-row']\").length").await;
            assert_eq!(shown, 1, "a page that nobody sees does not follow");
            set_hidden(&page, false).await;
            page.see(rows).await;
            while streams(&page).await != (1, TABS - 2) {}
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_update_leaves_the_keyboard_where_it_is() {
    let world = World::start().await;
    let bought = world.buy().await;
    let fresh_link = world.post(&format!("subscriptions/{}/links", bought.id), json!({}));
    let first_code = bought.code.clone();
    world
        .tell("focus-stays", Look::Desktop, async move |page| {
            page.open(&format!("/subscriptions/{}", bought.id)).await;
            page.shows("authorization-code", &[&first_code]).await;
            // One field has the focus, something else was opened; neither has an id of its own.
            let prepared = "document.querySelector('#details-1 > summary').click(); \
                            document.querySelector('[data-copy=link-code]').focus(); return true";
            assert!(page.run::<bool>(prepared).await);
            fresh_link.await;
            page.see("#details-3").await;
            while page.text("authorization-code").await == first_code {}
            let seen: (String, bool) = page
                .run("return [document.activeElement.dataset.copy ?? '', document.querySelector('#details-1').open]")
                .await;
            assert_eq!(seen, ("link-code".to_owned(), true));
        })
        .await;
    world.stop().await;
}
