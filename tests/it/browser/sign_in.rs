//! A landing page that wants people signed in: picked on the identity's page, sent back, and known from then on.

use serde_json::json;

use super::{Look, World, set_up};

const NORA: &str = "person-nora.lindqvist@northwind.example";
const OSCAR: &str = "person-oscar.mendes@northwind.example";

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_wants_people_signed_in_lets_them_take_another_account() {
    let world = World::start().await;
    let link = world.buy().await.link.replacen("/landing?", "/landing?signIn=on&", 1);
    world
        .tell("another-account", Look::Desktop, async move |page| {
            page.open(&link).await;
            page.click(OSCAR).await;
            page.shows("visitor", &["Signed in as Oscar Mendes"]).await;
            page.click("other-account").await;
            page.click(NORA).await;
            page.shows("visitor", &["Signed in as Nora Lindqvist"]).await;
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_before_the_landing_page_shows_them_anything() {
    let world = World::start().await;
    let rules =
        world.http.patch(world.url("/sim/v1/sandboxes/default")).json(&json!({ "rules": { "landingSignIn": "on" } }));
    assert!(rules.send().await.unwrap().status().is_success());
    let (bought, second) = (world.buy().await, world.buy().await);
    world
        .tell("sign-in", Look::Desktop, async move |page| {
            page.open(&bought.link).await;
            page.shows("sign-in", &["Contoso Cloud", "Nora Lindqvist", "Northwind"]).await;
            page.click(OSCAR).await;
            page.shows("visitor", &["Signed in as Oscar Mendes", "while this was bought for"]).await;

            // Somebody else sits down.
            page.click("other-account").await;
            page.see(&super::page::id(NORA)).await;
            page.click(NORA).await;
            page.shows("visitor", &["Signed in as Nora Lindqvist"]).await;
            set_up(&page).await;
            page.see("[data-testid='account-state'][data-state='active']").await;
        })
        .await;
    world
        .tell("sign-in-telephone", Look::Telephone, async move |page| {
            page.open(&second.link).await;
            page.click("cancel").await;
            page.shows("notice-signInFailed", &["You are not signed in", "canceled the authentication"]).await;
        })
        .await;
    world.stop().await;
}
