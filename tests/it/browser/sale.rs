//! The sale itself: bought, set up, activated, billed.

use super::{Look, Page, World, page::id, set_up};

const STEPS: [&str; 4] = ["createAccount", "assignLicenses", "reportLicenses", "activate"];

const PEOPLE: [&str; 2] = ["nora.lindqvist@northwind.example", "oscar.mendes@northwind.example"];

/// What the confirmation of a purchase shows.
struct Confirmed {
    link: String,
    subscription: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_sale_is_rehearsed_by_clicking() {
    let world = World::start().await;
    world
        .tell("whole-sale", Look::Desktop, async |page| {
            let bought = buy_with_a_mistake(&page).await;
            page.click_to_new_tab("personalized-link").await;
            submit_with_mistakes(&page).await;
            page.write("field-domain", "northwind.example").await;
            set_up(&page).await;

            // Nobody loads the page again: it gets there by itself.
            page.see("[data-testid='account-state'][data-state='active']").await;
            for step in STEPS {
                page.see(&format!("[data-testid='step-{step}'][data-state='done']")).await;
            }
            page.shows("licenses", &PEOPLE).await;
            page.shows("pool", &["3"]).await;
            let customers_page = page.text("customer-url").await;
            let account = page.url().await;

            see_it_billed(&page, &bought.subscription).await;
            page.open("/").await;
            page.shows("subscription-row", &["CRM for the sales team", "Subscribed", "Billed since"]).await;

            page.open(&customers_page).await;
            page.shows("welcome", &["Contoso CRM"]).await;
            page.shows("licenses", &PEOPLE).await;
            assert!(!page.has("try-again").await && customers_page != account, "the customer's page manages nothing");

            // From now on the link leads to the account.
            page.open(&bought.link).await;
            page.see("[data-testid='account-state'][data-state='active']").await;
            assert_eq!(page.url().await, account);
        })
        .await;
    world.stop().await;
}

async fn buy_with_a_mistake(page: &Page) -> Confirmed {
    page.open("/").await;
    let typed = [
        ("buy-customer", "northwind"),
        ("buy-plan", "contoso-crm/team"),
        ("buy-term", "P1M"),
        ("buy-quantity", "400"),
        ("buy-name", "CRM for the sales team"),
    ];
    for (field, value) in typed.into_iter().take(3) {
        page.choose(field, value).await;
    }
    for (field, value) in typed.into_iter().skip(3) {
        page.write(field, value).await;
    }
    page.click("buy-submit").await;
    page.shows("error-quantity", &["50"]).await;
    page.shows("error-summary", &["50"]).await;
    for (field, value) in typed {
        assert_eq!(page.value(field).await, value, "what was typed is kept");
    }

    page.write("buy-quantity", "5").await;
    page.click("buy-submit").await;
    page.shows("bought", &["Contoso CRM", "Northwind Traders", "5 seats"]).await;
    page.shows("billing", &["Nothing is billed yet"]).await;
    page.picture("purchase-confirmed", 1050).await;
    let code = page.text("authorization-code").await;
    let link = page.text("personalized-link-url").await;
    assert!(code.len() > 100 && !code.contains('%'), "a code to be pasted: {code}");
    assert!(link.contains("token=") && !link.contains(&code), "the code in the link is encoded: {link}");
    assert_eq!(page.property("personalized-link", "href").await, link, "button and text lead to one page");
    Confirmed { link, subscription: page.property("to-subscription", "href").await }
}

async fn submit_with_mistakes(page: &Page) {
    let typed = [
        ("field-contactEmail", "nobody"),
        ("field-domain", "https://northwind.example/"),
        ("field-users", "nora.lindqvist@northwind.example\nno address"),
    ];
    for (field, value) in typed {
        page.write(field, value).await;
    }
    page.click("submit").await;
    for (field, message) in [
        ("companyName", "Fill this in"),
        ("contactEmail", "“nobody” is not an e-mail address"),
        ("region", "Choose one"),
        ("domain", "domain name"),
        ("users", "no address"),
    ] {
        page.shows(&format!("error-{field}"), &[message]).await;
    }
    page.shows("error-summary", &["5 answers"]).await;
    for (field, value) in typed {
        assert_eq!(page.value(field).await, value, "what was typed is kept");
    }
}

async fn see_it_billed(page: &Page, subscription: &str) {
    page.open(subscription).await;
    for confirmation in ["licensesAssigned", "activated"] {
        page.see(&format!("[data-testid='confirmation-{confirmation}'][data-state='done']")).await;
    }
    page.shows("status", &["Subscribed"]).await;
    page.shows("billing", &["Billed since"]).await;
    page.shows("ledger", &["122.50"]).await;
    assert_eq!(page.run::<u32>(&count(&id("ledger-line"))).await, 1, "one charge");
    page.shows("timeline", &["purchase", "resolved", "Billing started", "Charged"]).await;
    assert!(page.run::<u32>(&count(&id("entry"))).await > 10, "the timeline tells the story");
    page.picture("subscription-billed", 1900).await;
}

fn count(selector: &str) -> String {
    format!("return document.querySelectorAll(\"{selector}\").length")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_can_be_pasted_by_hand() {
    let world = World::start().await;
    let bought = world.buy().await;
    world
        .tell("pasted-code", Look::Desktop, async move |page| {
            page.open("/publisher/landing").await;
            // As people paste: with a blank before and a line break in the middle.
            let (start, rest) = bought.code.split_at(90);
            page.write("code", &format!(" {start}\n{rest}")).await;
            page.click("submit").await;
            page.see(&id("landing-form")).await;
            set_up(&page).await;
            page.see("[data-testid='account-state'][data-state='active']").await;
            page.open(&format!("/subscriptions/{}", bought.id)).await;
            page.shows("billing", &["Billed since"]).await;
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_bought_and_set_up_without_scripts() {
    let world = World::start().await;
    world
        .tell("without-scripts", Look::WithoutScript, async |page| {
            page.open("/").await;
            let runs = page.see("html").await.class_name().await.unwrap().unwrap_or_default().contains("js");
            assert!(!runs, "the page's script does not run here");
            page.choose("buy-customer", "northwind").await;
            page.choose("buy-plan", "contoso-crm/team").await;
            page.write("buy-quantity", "2").await;
            page.click("buy-submit").await;
            page.shows("error-quantity", &["5"]).await;
            page.write("buy-quantity", "5").await;
            page.click("buy-submit").await;
            let link = page.text("personalized-link-url").await;
            let subscription = page.property("to-subscription", "href").await;
            page.open(&link).await;
            set_up(&page).await;
            // The page asks again by itself until the account is there.
            page.see("[data-testid='account-state'][data-state='active']").await;
            page.open(&subscription).await;
            page.shows("billing", &["Billed since"]).await;
        })
        .await;
    world.stop().await;
}
