//! What becomes of a subscription later: changed, refused, suspended, paid for, cancelled, all by clicking.

use serde_json::json;

use super::{Look, World, page::id, set_up};

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_changed_suspended_and_cancelled_by_clicking() {
    let world = World::start().await;
    let bought = world.buy().await;
    let refuse = world.steer("faults/webhook", json!({ "manner": "refuse", "times": 1 }));
    world
        .tell("life", Look::Desktop, async move |page| {
            page.open(&bought.link).await;
            set_up(&page).await;
            page.see("[data-testid='account-state'][data-state='active']").await;
            let account = page.url().await;
            page.open(&format!("/subscriptions/{}", bought.id)).await;
            page.shows("renewal", &["It renews itself at"]).await;
            page.shows("told", &["Nothing yet"]).await;

            // A mistake stays at its field.
            page.write("seats", "many").await;
            page.click("change-seats-submit").await;
            page.shows("error-seats", &["whole number"]).await;
            assert_eq!(page.value("seats").await, "many");
            // Who asked for it is told at once, wherever on the page the field is.
            page.shows("error-summary", &["Nothing was changed", "whole number"]).await;
            let told: (String, String) =
                page.run("return [document.activeElement.dataset.testid, document.title]").await;
            assert_eq!(told, ("error-summary".to_owned(), "Error: Contoso CRM · Rehearsal".to_owned()));
            page.write("seats", "400").await;
            page.click("change-seats-submit").await;
            page.shows("error-seats", &["ends at 50 seats"]).await;

            // The publisher agrees; nobody loads the page again.
            page.write("seats", "8").await;
            page.click("change-seats-submit").await;
            page.shows("told-row", &["ChangeQuantity", "Succeeded", "delivered", "answered 200"]).await;
            page.shows("ledger", &["8 seats × 24.50 USD"]).await;

            // The publisher refuses.
            refuse.await;
            page.choose("plan", "business").await;
            page.click("change-plan-submit").await;
            page.shows("told-row", &["ChangePlan", "Failed", "refused", "answered 400"]).await;
            page.shows("in-vain", &["was turned down by the publisher", "answered 400"]).await;

            page.click("auto-renew").await;
            page.shows("renewal", &["It ends at"]).await;
            page.click("auto-renew").await;
            page.shows("renewal", &["It renews itself at"]).await;

            page.click("fail-payment").await;
            page.shows("status", &["Suspended"]).await;
            page.shows("billing", &["Suspended: a payment failed. It ends at", "UTC unless it is paid"]).await;
            page.open(&account).await;
            page.see("[data-testid='account-state'][data-state='suspended']").await;
            page.open(&format!("/subscriptions/{}", bought.id)).await;
            page.click("pay").await;
            page.shows("status", &["Subscribed"]).await;

            // It is asked once, without any script.
            page.click("cancel").await;
            page.click("cancel-submit").await;
            page.shows("status", &["Unsubscribed"]).await;
            page.shows("ledger", &["given back in full"]).await;
            assert!(!page.has("cancel").await, "nothing is left to be done");
            page.shows("link-over", &["is over"]).await;
            page.shows("told-row", &["Unsubscribe"]).await;
            page.open(&account).await;
            page.see("[data-testid='account-state'][data-state='closed']").await;
            page.see(&id("account-state")).await;
        })
        .await;
    world.stop().await;
}
