//! What goes wrong on the way, and what the pages say then.

use serde_json::json;

use super::{Look, World, driver::complaints, page::id, set_up};

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_code_gets_guidance_and_another_try() {
    let world = World::start().await;
    let bought = world.buy().await;
    world
        .tell("damaged-code", Look::Desktop, async move |page| {
            // Copied without its end; something else altogether.
            let (cut, _) = bought.code.split_at(bought.code.len() - 5);
            for damaged in [cut, "not a code"] {
                page.open("/publisher/landing?site=contoso").await;
                page.write("code", damaged).await;
                page.click("submit").await;
                page.shows("code-guidance", &["Partner Center", "Configure account now"]).await;
            }
            page.write("code", &bought.code).await;
            page.click("submit").await;
            page.see(&id("landing-form")).await;
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_leads_over_the_mistake_that_was_corrected() {
    let world = World::start().await;
    let bought = world.buy().await;
    world
        .tell("way-back", Look::Desktop, async move |page| {
            page.open(&bought.link).await;
            page.click("submit").await;
            page.shows("error-summary", &["need another look"]).await;
            set_up(&page).await;
            page.see("[data-testid='account-state'][data-state='active']").await;
            page.web.back().await.unwrap();
            page.shows("error-summary", &["need another look"]).await;
        })
        .await;
    world.stop().await;
}

/// Submits that a form would send when it is submitted twice in a row.
const SUBMIT_TWICE: &str = "let sent = 0; \
    document.addEventListener('submit', (event) => { if (!event.defaultPrevented) sent += 1; event.preventDefault(); }); \
    const form = document.querySelector(\"[data-testid='buy-form']\"); \
    form.requestSubmit(); form.requestSubmit(); return sent;";

#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_on_buy_buys_nothing() {
    let world = World::start().await;
    world
        .tell("bought-once", Look::Desktop, async |page| {
            page.open("/").await;
            page.see(&id("buy-form")).await;
            let sent: u32 = page.run(SUBMIT_TWICE).await;
            assert_eq!(sent, 1);
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_failed_is_shown_and_tried_again_by_a_button() {
    let world = World::start().await;
    let bought = world.buy().await;
    // With a clock that stands, the next attempt comes when the story says so.
    world.control("clock/freeze", &json!({})).await;
    world.fail("activate", 100).await;
    let (told, mut tell_world) = tokio::sync::mpsc::channel::<u32>(1);
    let (go_on, mut gone_on) = tokio::sync::mpsc::channel::<()>(1);
    let story = world.tell("failed-step", Look::Desktop, async move |page| {
        page.open(&bought.link).await;
        set_up(&page).await;
        page.see("[data-testid='step-activate'][data-state='waiting']").await;
        for step in ["createAccount", "assignLicenses", "reportLicenses"] {
            page.see(&format!("[data-testid='step-{step}'][data-state='done']")).await;
        }
        page.shows("step-activate", &["planned fault", "Try again now"]).await;
        page.open(&format!("/subscriptions/{}", bought.id)).await;
        page.shows("missing", &["activat"]).await;
        page.open(&bought.link).await;

        // Trying by hand at once fails as well.
        page.click("try-again").await;
        page.see("[data-testid='step-activate'][data-attempts='2'][data-state='waiting']").await;

        // An hour is enough for every retry.
        told.send(1).await.unwrap();
        gone_on.recv().await.unwrap();
        page.see("[data-testid='account-state'][data-state='needsAttention']").await;
        page.see("[data-testid='step-activate'][data-state='stopped']").await;

        told.send(2).await.unwrap();
        gone_on.recv().await.unwrap();
        page.click("try-again").await;
        page.see("[data-testid='account-state'][data-state='active']").await;
        page.see("[data-testid='step-activate'][data-state='done']").await;
        page.open(&format!("/subscriptions/{}", bought.id)).await;
        page.shows("billing", &["Billed since"]).await;
    });
    let backstage = async {
        while let Some(cue) = tell_world.recv().await {
            if cue == 1 {
                world.control("clock/advance", &json!({"by": "PT1H"})).await;
            } else {
                world.fail("activate", 0).await;
            }
            go_on.send(()).await.unwrap();
        }
    };
    tokio::join!(story, backstage);
    world.stop().await;
}

/// The watch that every story is under sees what it is there for.
#[tokio::test(flavor = "multi_thread")]
async fn the_browsers_complaints_are_heard() {
    let world = World::start().await;
    world
        .tell("complaints", Look::Desktop, async |page| {
            page.open("/").await;
            let inline = "const code = document.createElement('script'); code.textContent = 'document.title = 1'; \
                          document.head.append(code); setTimeout(() => nowhere(), 0); return true";
            assert!(page.run::<bool>(inline).await);
            page.open("/journal").await;
            // Asking for them takes them away, so the story ends without any.
            let heard = complaints(&page.web).await.join("\n");
            assert!(heard.contains("Content Security Policy"), "{heard}");
            assert!(heard.contains("nowhere is not defined"), "{heard}");
        })
        .await;
    world.stop().await;
}
