//! The portal's lists of a customer, which are turned over page by page.

use reqwest::Method;
use serde_json::json;

use super::portal::Visitor;
use crate::world::{SANDBOX, World, text};

/// What the rows of a page link to, and the pager's links.
fn rows_of(page: &str, row: &str) -> Vec<String> {
    let row = format!("data-testid=\"{row}\"");
    let links = page.split(&row).skip(1).filter_map(|row| row.split("href=\"").nth(1));
    links.map(|link| link.split('"').next().unwrap().to_owned()).collect()
}

fn link<'a>(page: &'a str, id: &str) -> Option<&'a str> {
    let (before, _) = page.split_once(&format!("\" data-testid=\"{id}\""))?;
    before.rsplit("href=\"").next()
}

/// Sixty orders, of which one page shows 25: on to the oldest and back again, none twice and none left out.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_s_lists_are_turned_over_both_ways() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let customer = partner.customer("Northwind").await;
    let team = partner.item("Contoso CRM", "Team").await;
    let (mut orders, mut subscriptions) = (Vec::new(), Vec::new());
    let root = format!("/partner/customers/{customer}");
    for number in 0..60 {
        if number % 7 == 0 {
            world.operator().advances("PT1M").await;
        }
        let order = partner.buys(&customer, &team, 5).await;
        orders.push(format!("{root}/orders/{}", text(&order, "id")));
        let bought = text(&order["lineItems"][0], "subscriptionId");
        subscriptions.push(format!("{root}/subscriptions/{bought}"));
    }
    let portal = Visitor::of(&world, &partner, "adminAgent").await;
    for (path, row, mut expected) in
        [(format!("{root}/orders"), "order-row", orders), (root.clone(), "subscription-row", subscriptions)]
    {
        let (mut found, mut pages) = (Vec::new(), Vec::new());
        let mut next = Some(path.clone());
        while let Some(path) = next {
            let page = portal.get(&path).await;
            page.expect_text(200, "<!doctype html>");
            next = link(&page.text, "older").map(str::to_owned);
            found.extend(rows_of(&page.text, row));
            pages.push(page.text);
        }
        assert_eq!(pages.iter().map(|page| rows_of(page, row).len()).collect::<Vec<_>>(), [25, 25, 10], "{row}");
        assert_eq!(link(&pages[0], "newer"), None);
        expected.reverse();
        assert_eq!(found, expected, "{row}");

        let second = portal.get(link(&pages[2], "newer").unwrap()).await;
        assert_eq!(rows_of(&second.text, row), found[25..50], "{row}");
        for back in [
            link(&second.text, "newer").unwrap(),
            link(&pages[2], "newest").unwrap(),
            "?olderThan=AAAA",
            "?olderThan=0.0",
        ] {
            let back = if back.starts_with('?') { format!("{path}{back}") } else { back.to_owned() };
            let first = portal.get(&back).await;
            assert_eq!(
                (rows_of(&first.text, row), link(&first.text, "newest")),
                (found[..25].to_vec(), None),
                "{back}"
            );
        }
    }
    world.stop().await;
}

/// The list of orders has an order when Partner Center lists it; what was bought is there at once.
#[tokio::test]
async fn a_live_order_is_listed_later_in_the_portal_too() {
    let world = World::start().await;
    world.control(Method::PATCH, &format!("/sandboxes/{SANDBOX}"), Some(json!({ "delays": "live" }))).await.expect(200);
    let partner = world.partner("proseware").await;
    let (customer, _) = partner.has_bought().await;
    let portal = Visitor::of(&world, &partner, "adminAgent").await;
    let root = format!("/partner/customers/{customer}");
    let listed = async || {
        let (orders, bought) = (portal.get(&format!("{root}/orders")).await, portal.get(&root).await);
        (rows_of(&orders.text, "order-row").len(), rows_of(&bought.text, "subscription-row").len())
    };
    assert_eq!(listed().await, (0, 1));
    world.operator().advances("PT14M").await;
    assert_eq!(listed().await, (0, 1));
    world.operator().advances("PT1M").await;
    assert_eq!(listed().await, (1, 1));
    world.stop().await;
}
