//! The partner's journey in the portal, from sign-in to an invoice; roles, mistakes, a telephone, no script.

use serde_json::json;

use super::{Look, Page, World, looks::fits, page::id, set_up};

const PRIYA: &str = "person-priya.sharma@proseware.example";

async fn sign_in(page: &Page, person: &str) {
    page.open("/partner").await;
    page.click(person).await;
    // A click does not wait for the page that it leads to; the next address would be opened before this one.
    page.see("[data-testid='nav-customers'][aria-current='page']").await;
}

/// Opens a page that a row leads to, by the text of its link.
async fn follow(page: &Page, text: &str) {
    page.click_link(text).await;
}

/// Picks Contoso CRM Team for the customer whose page is open.
async fn pick(page: &Page, licenses: &str) {
    page.click("add-product").await;
    page.click("choose-contoso-crm-team").await;
    page.write("pick-quantity", licenses).await;
    page.write("pick-nickname", "CRM for sales").await;
    page.choose("pick-reseller", "4847383").await;
    page.click("add-to-cart").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_goes_from_the_sign_in_to_the_invoice() {
    let world = World::start().await;
    // Bought on the tenth: the invoice of the month is there before the next one's.
    world.post("clock/advance", json!({ "to": "2099-01-10T09:00:00Z" })).await;
    let later = world.post("clock/advance", json!({ "by": "P45D" }));
    world
        .tell("portal", Look::Desktop, async move |page| {
            sign_in(&page, PRIYA).await;
            page.shows("who", &["Priya Sharma", "Global admin"]).await;
            page.write("search", "north").await;
            page.click("search-submit").await;
            follow(&page, "Northwind Traders").await;
            page.shows("no-subscriptions", &["Nothing was bought"]).await;

            // A mistake stays at its field.
            pick(&page, "4").await;
            page.shows("error-quantity", &["starts at 5 seats"]).await;
            assert_eq!(page.value("pick-nickname").await, "CRM for sales");
            page.write("pick-quantity", "8").await;
            page.click("add-to-cart").await;
            page.shows("total", &["196.00 USD"]).await;
            page.click("buy").await;

            // The confirmation has the link and the code.
            page.shows("confirmed", &["is confirmed"]).await;
            let (link, code) = (page.text("link").await, page.text("code").await);
            assert!(link.contains("token=") && code.len() > 100, "{link}");
            page.click("to-subscription").await;
            page.shows("status", &["Action needed"]).await;
            page.shows("billing", &["Missing", "Nothing is billed yet"]).await;
            let subscription = page.url().await;
            let customer = subscription.split("/subscriptions/").next().unwrap().to_owned();
            page.shows("cancel-why", &["The subscription is not activated yet"]).await;
            assert!(page.text("link").await.contains("token="));

            // The row of the subscription leads to the publisher as well.
            page.open(&customer).await;
            page.shows("subscription-row", &["CRM for sales", "8 licenses", "Action needed"]).await;
            page.click_to_new_tab("to-publisher").await;
            // In the customer's name, as the help page says to.
            page.click("person-nora.lindqvist@northwind.example").await;
            page.shows("visitor", &["Signed in as Nora Lindqvist"]).await;
            set_up(&page).await;
            page.see("[data-testid='account-state'][data-state='active']").await;

            page.open(&subscription).await;
            edit(&page).await;
            page.picture("portal-subscription", 1000).await;

            page.open(&customer).await;
            page.shows("subscription-row", &["CRM for everybody", "10 licenses", "Active", "Renews on"]).await;
            page.click("tab-orders").await;
            page.shows("order-row", &["8 × CRM for sales", "completed"]).await;

            page.click("nav-invoices").await;
            page.shows("estimate-row", &["245.00 USD"]).await;
            page.see(&id("no-invoices")).await;
            later.await;
            see_the_invoice(&page).await;
            page.click("nav-activity").await;
            page.shows("activity-row", &["Invoice for", "Publisher or marketplace", "Done"]).await;
            page.click("sign-out").await;
            page.see(&id("portal-sign-in")).await;
            page.open("/partner/customers").await;
            page.see(&id("portal-sign-in")).await;
        })
        .await;
    world.stop().await;
}

/// Every edit of an active subscription, with a mistake.
async fn edit(page: &Page) {
    page.shows("status", &["Active"]).await;
    page.write("nickname", "CRM for everybody").await;
    page.click("nickname-submit").await;
    page.shows("name", &["CRM for everybody"]).await;
    page.write("quantity", "99").await;
    page.click("quantity-submit").await;
    page.shows("error-quantity", &["ends at 50 seats"]).await;
    page.shows("error-summary", &["Plan Team ends at 50 seats"]).await;
    page.write("quantity", "10").await;
    page.click("quantity-submit").await;
    // The publisher is asked, and agrees; nobody loads the page again.
    page.shows("seat-change", &["Done", "10 licenses"]).await;
    assert_eq!(page.value("quantity").await, "10");
    page.click("auto-renew-submit").await;
    page.shows("auto-renew", &["Off"]).await;
    page.click("auto-renew-submit").await;
    page.shows("auto-renew", &["On"]).await;
    page.choose("reseller", "5120984").await;
    page.click("reseller-submit").await;
    page.shows("history", &["indirect reseller 5120984"]).await;
}

async fn see_the_invoice(page: &Page) {
    page.open("/partner/invoices").await;
    page.shows("invoice-row", &["245.00 USD"]).await;
    page.click_first_link("invoice-row").await;
    page.shows("invoice-title", &["Invoice G"]).await;
    page.shows("invoice-total", &["245.00 USD"]).await;
    page.click("unfold").await;
    page.shows("formula", &["CRM", "Team, 8 seats × 24.50 USD for 1 month"][1..]).await;
    page.picture("portal-invoice", 1000).await;
    page.see(&id("statement")).await;
    let csv: String = page.run_async(FETCH_CSV).await;
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("PartnerId,CustomerId,CustomerName,"), "{csv}");
    assert!(lines[1].contains("Northwind Traders") && lines.len() == 4, "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_fits_a_telephone() {
    let world = World::start().await;
    let bought = world.buy().await;
    world
        .tell("portal-telephone", Look::Telephone, async move |page| {
            page.open("/partner").await;
            fits(&page).await;
            page.click(PRIYA).await;
            fits(&page).await;
            page.click("new-customer").await;
            page.click("make-customer").await;
            page.see(&id("error-companyName")).await;
            fits(&page).await;
            page.open("/partner/customers").await;
            follow(&page, "Northwind Traders").await;
            let customer = page.url().await;
            for path in ["", "/orders", "/account", "/products", &format!("/subscriptions/{}", bought.id)] {
                page.open(&format!("{customer}{path}")).await;
                fits(&page).await;
            }
            page.open(&customer).await;
            pick(&page, "4").await;
            page.see(&id("error-quantity")).await;
            fits(&page).await;
            page.write("pick-quantity", "5").await;
            page.click("add-to-cart").await;
            fits(&page).await;
            page.click("buy").await;
            page.see(&id("link")).await;
            fits(&page).await;
            // A name of one long word, and a refusal.
            page.click("to-subscription").await;
            page.write("nickname", "Donaudampfschifffahrtsgesellschaftslizenz").await;
            page.click("nickname-submit").await;
            page.shows("name", &["Donaudampfschifffahrtsgesellschaftslizenz"]).await;
            fits(&page).await;
            page.write("nickname", &"x".repeat(129)).await;
            page.click("nickname-submit").await;
            page.shows("error-summary", &["128 characters"]).await;
            fits(&page).await;
            for path in
                ["/partner/activity", "/partner/invoices", "/partner/invoices/none", "/partner/customers?search=zzz"]
            {
                page.open(path).await;
                fits(&page).await;
            }
        })
        .await;
    world.stop().await;
}

const FETCH_CSV: &str = "const done = arguments[arguments.length - 1]; \
    fetch(document.querySelector(\"[data-testid='reconciliation']\").href).then((answer) => answer.text()).then(done);";

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_comes_before_the_purchase_and_a_refusal_is_told_live() {
    let world = World::start().await;
    let refuse = world.steer("faults/webhook", json!({ "manner": "refuse" }));
    let decline = world.steer("faults/webhook", json!({ "manner": "decline" }));
    world
        .tell("portal-agreement", Look::Desktop, async move |page| {
            sign_in(&page, "person-adam.fischer@proseware.example").await;
            follow(&page, "Tailwind Toys").await;
            let customer = page.url().await;
            pick(&page, "5").await;
            page.shows("needs-agreement", &["has not accepted"]).await;
            let cart = page.url().await;
            page.click("buy").await;
            page.shows("problem", &["has not accepted the Microsoft Customer Agreement"]).await;
            page.click("to-agreement").await;
            page.click("agreement-submit").await;
            page.shows("error-firstName", &["Enter the first name"]).await;
            page.write("agreement-firstName", "Tara").await;
            page.write("agreement-lastName", "Quinn").await;
            page.write("agreement-email", "tara.quinn@tailwindtoys.example").await;
            page.write("agreement-dateAgreed", "2999-01-01").await;
            page.click("agreement-submit").await;
            page.shows("error-dateAgreed", &["in the future"]).await;
            page.write("agreement-dateAgreed", "2020-01-01").await;
            page.click("agreement-submit").await;
            page.shows("agreed", &["Tara Quinn"]).await;
            page.open(&cart).await;
            page.click("buy").await;
            page.open(&page.text("link").await).await;
            page.click("person-tara.quinn@tailwindtoys.example").await;
            set_up(&page).await;
            page.see("[data-testid='account-state'][data-state='active']").await;

            refuse.await;
            page.open(&customer).await;
            follow(&page, "CRM for sales").await;
            page.write("quantity", "9").await;
            page.click("quantity-submit").await;
            page.shows("seat-change", &["Refused by the publisher: its webhook answered 400", "9 licenses"]).await;
            decline.await;
            page.write("quantity", "10").await;
            page.click("quantity-submit").await;
            page.shows("seat-change", &["Refused by the publisher: it answered with Failure", "10 licenses"]).await;
            // It can't be brought back, so it is asked for twice.
            page.click("cancel").await;
            page.shows("cancel-brings", &["can't be brought back"]).await;
            page.click("cancel-yes").await;
            page.shows("status", &["Canceled"]).await;
            page.shows("nothing-to-edit", &["nothing of it can be changed"]).await;
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_sees_what_it_may() {
    let world = World::start().await;
    let bought = world.buy().await;
    world
        .tell("portal-roles", Look::Desktop, async move |page| {
            sign_in(&page, "person-hugo.perez@proseware.example").await;
            assert!(!page.has("nav-invoices").await);
            follow(&page, "Northwind Traders").await;
            assert!(!page.has("add-product").await);
            let customer = page.url().await;
            page.open(&format!("{customer}/subscriptions/{}", bought.id)).await;
            page.shows("nothing-to-edit", &["look at it only"]).await;
            for path in ["/partner/invoices", &format!("{customer}/products")] {
                page.open(path).await;
                page.shows("error-page", &["403", "helpdesk agent may not do that"]).await;
            }
            sign_in(&page, "person-jonas.weber@litware.example").await;
            page.open(&customer).await;
            page.shows("error-page", &["404", "no such customer"]).await;
            page.open("/partner?sandbox=nowhere").await;
            page.shows("problem", &["no such sandbox"]).await;
        })
        .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_needs_no_script() {
    let world = World::start().await;
    world
        .tell("portal-without-script", Look::WithoutScript, async |page| {
            sign_in(&page, PRIYA).await;
            follow(&page, "Northwind Traders").await;
            pick(&page, "6").await;
            page.click("buy").await;
            page.shows("confirmed", &["is confirmed"]).await;
            page.click("to-subscription").await;
            page.write("nickname", "Plain").await;
            page.click("nickname-submit").await;
            page.shows("name", &["Plain"]).await;
            let before = page.text("code").await;
            page.click("fresh-link").await;
            assert_ne!(page.text("code").await, before);
        })
        .await;
    world.stop().await;
}
