//! Narrow windows, dark rooms, and keyboards.

use serde::Deserialize;
use serde_json::json;
use thirtyfour::prelude::*;

use super::{Look, Page, World, page::id, set_up};

/// The width of a small telephone.
const NARROW: i64 = 360;

#[derive(Deserialize)]
struct Widths {
    content: i64,
    window: i64,
    /// The elements that stick out, for the message.
    wide: Vec<String>,
}

/// Nothing is wider than the window, so nobody has to scroll sideways.
pub(super) async fn fits(page: &Page) {
    let widths: Widths = page
        .run(
            "const limit = document.documentElement.clientWidth; \
             const wide = Array.from(document.querySelectorAll('body *')) \
                .filter((one) => one.getBoundingClientRect().right > limit + 1).slice(0, 8) \
                .map((one) => `${one.tagName} ${one.className} ${one.id}`); \
             return { content: document.documentElement.scrollWidth, window: window.innerWidth, wide };",
        )
        .await;
    let url = page.url().await;
    assert!(widths.content <= NARROW, "{url} is {} px wide: {:?}", widths.content, widths.wide);
    assert_eq!(widths.window, NARROW, "{url} made the window wider: {:?}", widths.wide);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_telephone() {
    let world = World::start().await;
    let bought = world.buy().await;
    let change = world.post(&format!("subscriptions/{}/changes", bought.id), json!({ "quantity": 6 }));
    let long =
        json!({"customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5, "name": "x".repeat(90)});
    let long = world.control("purchases", &long).await["id"].as_str().unwrap().to_owned();
    world
        .tell("telephone", Look::Telephone, async move |page| {
            let subscription = format!("/subscriptions/{}", bought.id);
            let confirmation = format!("{subscription}/bought");
            for path in [
                "/",
                "/journal",
                "/rules",
                "/faults",
                "/keys",
                &confirmation,
                &subscription,
                "/publisher",
                "/publisher/landing",
                "/nowhere",
            ] {
                page.open(path).await;
                fits(&page).await;
            }
            page.open("/publisher/landing?token=broken&site=contoso").await;
            page.see(&id("code-guidance")).await;
            fits(&page).await;
            page.open(&bought.link).await;
            fits(&page).await;
            // With every message that a form can have.
            page.click("submit").await;
            page.see(&id("error-summary")).await;
            fits(&page).await;
            set_up(&page).await;
            page.see("[data-testid='account-state'][data-state='active']").await;
            fits(&page).await;
            let customers_page = page.text("customer-url").await;
            change.await;
            page.open(&subscription).await;
            page.see(&id("told-row")).await;
            let long = format!("/subscriptions/{long}");
            for path in ["/", &subscription, &confirmation, &long, "/journal", "/rules", &customers_page] {
                page.open(path).await;
                fits(&page).await;
            }
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_move_of_the_clock_did_is_told_where_it_was_asked_for() {
    let world = World::start().await;
    world
        .tell("clock-moved", Look::Desktop, async |page| {
            page.open("/").await;
            page.write("advance-by", "P1M").await;
            page.click("advance-submit").await;
            // It has the focus, and is in sight.
            page.see("#clock [data-testid='clock-notice']:focus").await;
            let seen: (String, bool) = page
                .run(
                    "const notice = document.activeElement.getBoundingClientRect(); \
                     return [location.search, notice.top >= 0 && notice.bottom <= innerHeight];",
                )
                .await;
            assert_eq!(seen, (String::new(), true), "loading the page again does not tell it again");
        })
        .await;
    world.stop().await;
}

const CONTRAST: &str = include_str!("contrast.js");
/// A text that hardly anybody can read.
const ADD_FAINT: &str = "const text = document.createElement('p'); text.textContent = 'faint'; \
    text.style.color = '#808080'; text.style.background = '#707070'; document.body.append(text);";

/// Every text can be read against what is behind it.
pub(super) async fn can_be_read(page: &Page) {
    let faint: Vec<String> = page.run(CONTRAST).await;
    assert!(faint.is_empty(), "{}: {faint:#?}", page.url().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_read_by_day() {
    every_page_can_be_read(Look::Desktop, "contrast-by-day").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_read_by_night() {
    every_page_can_be_read(Look::Night, "contrast-by-night").await;
}

async fn every_page_can_be_read(look: Look, name: &str) {
    let world = World::start().await;
    let bought = world.buy().await;
    world
        .tell(name, look, async move |page| {
            let subscription = format!("/subscriptions/{}", bought.id);
            let guidance = "/publisher/landing?token=broken&site=contoso";
            for path in ["/", "/journal", "/rules", "/faults", "/keys", &subscription, guidance, "/nowhere"] {
                page.open(path).await;
                can_be_read(&page).await;
            }
            let is_dark: bool = page.run("return matchMedia('(prefers-color-scheme: dark)').matches;").await;
            assert_eq!(is_dark, look == Look::Night);
            let seen: Vec<String> = page.run(&format!("{ADD_FAINT} {CONTRAST}")).await;
            assert!(seen.len() == 1 && seen[0].ends_with("P : faint"), "{seen:?}");
            page.open("/partner").await;
            can_be_read(&page).await;
            page.click("person-priya.sharma@proseware.example").await;
            page.click_link("Northwind Traders").await;
            let customer = page.url().await;
            page.click("add-product").await;
            page.click("choose-contoso-crm-team").await;
            page.write("pick-quantity", "4").await;
            page.click("add-to-cart").await;
            page.see(&id("error-quantity")).await;
            can_be_read(&page).await;
            for path in ["", "/products", "/orders", "/account", &format!("/subscriptions/{}", bought.id)] {
                page.open(&format!("{customer}{path}")).await;
                can_be_read(&page).await;
            }
            for path in ["/partner/customers/new", "/partner/activity", "/partner/invoices", "/partner/invoices/none"] {
                page.open(path).await;
                can_be_read(&page).await;
            }
        })
        .await;
    world.stop().await;
}

#[derive(Deserialize)]
struct Focus {
    test_id: String,
    outline: String,
    width: f64,
}

async fn focus(page: &Page) -> Focus {
    page.run(
        "const focused = document.activeElement; const style = getComputedStyle(focused); \
         return { test_id: focused.dataset.testid ?? '', outline: style.outlineStyle, \
                  width: parseFloat(style.outlineWidth) };",
    )
    .await
}

/// Goes on with the Tab key until a field or button has the focus, which can be seen all the way.
async fn tab_to(page: &Page, test_id: &str) {
    for _ in 0..60 {
        page.press(Key::Tab).await;
        let at = focus(page).await;
        assert!(at.outline != "none" && at.width >= 2.0, "no one sees the focus on {:?}", at.test_id);
        if at.test_id == test_id {
            return;
        }
    }
    panic!("{test_id} is not reached on {}", page.url().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_needs_nothing_but_the_keyboard() {
    let world = World::start().await;
    world
        .tell("portal-keyboard", Look::Desktop, async |page| {
            page.open("/partner").await;
            tab_to(&page, "person-priya.sharma@proseware.example").await;
            page.press(Key::Enter).await;
            page.see(&id("search")).await;
            tab_to(&page, "search").await;
            page.press("north").await;
            page.press(Key::Enter).await;
            page.click_link("Northwind Traders").await;
            tab_to(&page, "add-product").await;
            page.press(Key::Enter).await;
            page.see(&id("choose-contoso-crm-team")).await;
            tab_to(&page, "choose-contoso-crm-team").await;
            page.press(Key::Enter).await;
            page.see(&id("pick-quantity")).await;
            tab_to(&page, "pick-quantity").await;
            page.press("8").await;
            tab_to(&page, "add-to-cart").await;
            page.press(Key::Enter).await;
            page.see(&id("buy")).await;
            tab_to(&page, "buy").await;
            page.press(Key::Enter).await;
            page.shows("confirmed", &["is confirmed"]).await;
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_needs_nothing_but_the_keyboard() {
    let world = World::start().await;
    world
        .tell("keyboard", Look::Desktop, async |page| {
            page.open("/").await;
            let keys = [
                ("buy-customer", "Northwind"),
                ("buy-plan", "Team: 24"),
                ("buy-term", "1 month"),
                ("buy-quantity", "5"),
                ("buy-name", "By keyboard"),
            ];
            let mut filled = 0;
            for _ in 0..40 {
                page.press(Key::Tab).await;
                let at = focus(&page).await;
                assert!(at.outline != "none" && at.width >= 2.0, "no one sees the focus on {:?}", at.test_id);
                if let Some((_, text)) = keys.iter().find(|(field, _)| *field == at.test_id) {
                    page.press(*text).await;
                    filled += 1;
                }
                if at.test_id == "buy-submit" {
                    break;
                }
            }
            assert_eq!(filled, keys.len(), "every field is reached");
            page.press(Key::Enter).await;
            page.shows("bought", &["Contoso CRM / Team", "5 seats", "Northwind Traders"]).await;
        })
        .await;
    world.stop().await;
}
