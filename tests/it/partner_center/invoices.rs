//! Invoices, lines, estimates (E36 to E38).

use reqwest::Method;
use serde_json::{Value, json};

use super::{Partner, portal::Visitor, publisher_activates, refused};
use crate::world::{World, send, text};

const BILLING: &str = "provider=onetime&invoicelineitemtype=billinglineitems";

async fn charges(partner: &Partner, invoice: &str, query: &str) -> Vec<(String, String)> {
    let lines = partner.get(&format!("/invoices/{invoice}/lineitems?{query}")).await.expect(200);
    let items = lines["items"].as_array().unwrap();
    items.iter().map(|line| (text(line, "chargeType"), line["subtotal"].to_string())).collect()
}

fn rows(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(kind, amount)| ((*kind).to_owned(), (*amount).to_owned())).collect()
}

/// E36, E37, sections 8.4 and 9.4: a month's charges are unbilled until the eighth of the next, then an invoice.
#[tokio::test(flavor = "multi_thread")]
async fn a_month_s_charges_become_an_invoice_on_the_eighth() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    let current = format!("{BILLING}&currencycode=usd&period=current");
    let previous = format!("{BILLING}&currencycode=usd&period=previous");
    assert_eq!(charges(&partner, "unbilled", &current).await, []);
    publisher_activates(&world, &id).await;
    let reply = partner.changes(&customer, &id, &json!({ "quantity": 8 })).await;
    assert_eq!(reply.status, 202);
    world.operator().advances("PT1M").await;
    let january = rows(&[("new", "122.5"), ("addQuantity", "-122.5"), ("addQuantity", "196")]);
    assert_eq!(charges(&partner, "unbilled", &current).await, january);

    world.operator().advances("P31D").await;
    let partner = world.partner("proseware").await;
    assert_eq!(charges(&partner, "unbilled", &previous).await, january, "until the eighth");
    assert_eq!(charges(&partner, "unbilled", &current).await, rows(&[("renew", "196")]));
    assert_eq!(partner.get("/invoices").await.expect(200)["totalCount"], 0);
    world.operator().advances("P7D").await;
    let partner = world.partner("proseware").await;
    assert_eq!(charges(&partner, "unbilled", &previous).await, []);
    let invoices = partner.get("/invoices?size=200&offset=0").await.expect(200);
    let invoice = &invoices["items"][0];
    assert_eq!(invoices["totalCount"], 1);
    let shown = ["invoiceDate", "billingPeriodStartDate", "billingPeriodEndDate", "documentType", "currencyCode"];
    let found: Vec<&Value> = shown.iter().map(|name| &invoice[*name]).collect();
    let expected = ["2026-02-08T00:00:00.0000000Z", "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z", "invoice", "USD"];
    assert_eq!(found, expected);
    assert_eq!(invoice["totalCharges"], 196);
    let number = text(invoice, "id");
    assert_eq!(charges(&partner, &number, BILLING).await, january);
    assert_eq!(charges(&partner, &format!("OneTime-{number}"), BILLING).await, january);
    let old = partner.get(&format!("/invoices/{number}/lineitems/OneTime/BillingLineItems")).await.expect(200);
    assert_eq!(old["totalCount"], 3);

    // E36b, E38.
    let person = partner.signed_in_as("billingAdmin").await;
    assert_eq!(person.get(&format!("/invoices/{number}")).await.expect(200), *invoice);
    let summary = person.get("/invoices/summaries").await.expect(200);
    assert_eq!(
        (&summary["items"][0]["balanceAmount"], &summary["items"][0]["currencyCode"]),
        (&json!(196), &json!("USD"))
    );
    let statement = person.request(Method::GET, &format!("/invoices/{number}/documents/statement"));
    let statement = statement.send().await.unwrap();
    assert_eq!(statement.headers()["content-type"], "application/pdf");
    let name = format!("attachment; filename=Invoice_{number}.pdf");
    assert_eq!(statement.headers()["content-disposition"], name.as_str());
    let pdf = String::from_utf8_lossy(&statement.bytes().await.unwrap()).into_owned();
    assert!(pdf.starts_with("%PDF-") && pdf.contains("/Count 3") && pdf.trim_end().ends_with("%%EOF"), "{pdf}");
    let shown = ["Due date: 2026-04-09", "Proseware Cloud Partners", "(196.00 USD)", "(Publisher: Contoso Cloud)"];
    for text in [&format!("Invoice number: {number}"), "page 3 of 3"].into_iter().chain(shown) {
        assert!(pdf.contains(text), "{text}: {pdf}");
    }
    assert_eq!(refused(&partner.get(&format!("/invoices/{number}/documents/statement")).await, 403), 900_329);
    assert_eq!(refused(&person.get(&format!("/invoices/{number}/receipts/R1/documents/statement")).await, 404), 1000);
    assert_eq!(refused(&partner.get(&format!("/invoices/{number}")).await, 403), 900_329);
    assert_eq!(refused(&person.get("/invoices/G000000000").await, 404), 1000);
    world.stop().await;
}

/// Section 9.4: after a change of plan each of the two rows names the plan it is of.
#[tokio::test]
async fn what_another_plan_costs_and_gives_back_are_rows_of_their_own_plans() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let customer = partner.customer("Northwind").await;
    let (growth, scale) =
        (partner.item("Contoso Mail Relay", "Growth").await, partner.item("Contoso Mail Relay", "Scale").await);
    let order = partner.buys(&customer, &growth, 1).await;
    let id = text(&order["lineItems"][0], "subscriptionId");
    publisher_activates(&world, &id).await;
    let change = json!({ "planId": "scale" });
    world.operator().post(&format!("subscriptions/{id}/changes"), change).await.expect(202);
    world.operator().advances("PT1M").await;
    let lines = partner.get(&format!("/invoices/unbilled/lineitems?{BILLING}&currencycode=usd&period=current")).await;
    let lines = lines.expect(200);
    let named = |line: &Value| {
        let item = [text(line, "productId"), text(line, "skuId"), text(line, "availabilityId")].join(":");
        (text(line, "chargeType"), item, text(line, "skuName"))
    };
    let found: Vec<_> = lines["items"].as_array().unwrap().iter().map(named).collect();
    let row =
        |kind: &str, item: &str, plan: &str| (kind.to_owned(), item.to_owned(), format!("Contoso Mail Relay - {plan}"));
    let expected = [row("new", &growth, "Growth"), row("convert", &growth, "Growth"), row("convert", &scale, "Scale")];
    assert_eq!(found, expected);
    world.stop().await;
}

/// A.9: the day of use counts, not that of the report; so does its month.
#[tokio::test]
async fn usage_counts_for_the_day_on_which_it_was() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let customer = partner.customer("Northwind").await;
    let mail = partner.item("Contoso Mail Relay", "Growth").await;
    let order = partner.buys(&customer, &mail, 1).await;
    let id = text(&order["lineItems"][0], "subscriptionId");
    world.operator().advances("P29D").await;
    publisher_activates(&world, &id).await;
    world.operator().advances("P2D").await;
    let (partner, publisher) = (world.partner("proseware").await, world.publisher("contoso").await);
    let usage = json!({ "resourceId": id, "quantity": 15.0, "dimension": "mails",
        "effectiveStartTime": "2026-01-31T22:30:00Z", "planId": "growth" });
    send(publisher.raw(Method::POST, "/api/usageEvent?api-version=2018-08-31").json(&usage)).await.expect(200);
    let usage = "provider=onetime&invoicelineitemtype=usagelineitems&currencycode=usd&period";
    let lines = partner.get(&format!("/invoices/unbilled/lineitems?{usage}=current")).await.expect(200);
    assert_eq!(lines["totalCount"], 0);
    let lines = partner.get(&format!("/invoices/unbilled/lineitems?{usage}=previous")).await.expect(200);
    assert_eq!(lines["items"][0]["usageDate"], "2026-01-31T00:00:00Z");
    world.operator().advances("P7D").await;
    let partner = world.partner("proseware").await;
    assert_eq!(partner.get("/invoices").await.expect(200)["items"][0]["totalCharges"], 83);
    world.stop().await;
}

/// Sections 9.4 and 10: a subtotal is the effective price in whole cents times the quantity; a cancellation gives back the
/// seats at their price; a reseller that was taken away is -1.
#[tokio::test(flavor = "multi_thread")]
async fn rows_add_up_and_name_their_reseller() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    partner.changes(&customer, &id, &json!({ "partnerId": "4847383" })).await.expect(200);
    publisher_activates(&world, &id).await;
    partner.changes(&customer, &id, &json!({ "partnerId": "" })).await.expect(200);
    world.operator().advances("P1D").await;
    let partner = world.partner("proseware").await;
    assert_eq!(partner.changes(&customer, &id, &json!({ "quantity": 8 })).await.status, 202);
    world.operator().advances("PT1M").await;
    partner.changes(&customer, &id, &json!({ "status": "deleted" })).await.expect(200);
    let path = format!("/invoices/unbilled/lineitems?{BILLING}&currencycode=usd&period=current");
    let lines = partner.get(&path).await.expect(200);
    let row = |line: &Value| {
        ["chargeType", "quantity", "unitPrice", "effectiveUnitPrice", "subtotal", "resellerMpnId"]
            .map(|name| line[name].to_string().replace('"', ""))
            .join(" ")
    };
    let found: Vec<String> = lines["items"].as_array().unwrap().iter().map(row).collect();
    // 30 of 31 days of 24.50: 23.71 a seat.
    let expected = [
        "new 5 24.5 24.5 122.5 4847383",
        "addQuantity 5 24.5 23.71 -118.55 -1",
        "addQuantity 8 24.5 23.71 189.68 -1",
        "cancelImmediate 8 24.5 24.20375 -193.63 -1",
    ];
    assert_eq!(found, expected);
    world.stop().await;
}

/// Section 9.3, A.8: pages of lines, found by a token, each line once.
#[tokio::test]
async fn lines_come_in_pages() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    for _ in 0..5 {
        let (_, id) = partner.has_bought().await;
        publisher_activates(&world, &id).await;
    }
    let path = format!("/invoices/unbilled/lineitems?{BILLING}&currencycode=usd&period=current&size=2");
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let next = if token.is_empty() { path.clone() } else { format!("{path}&seekOperation=Next") };
        let request = partner.request(Method::GET, &next).header("MS-ContinuationToken", &token);
        let page = send(request).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert_eq!(page["totalCount"], items.len(), "of the page, as in the samples");
        seen.extend(items.iter().map(|line| text(line, "subscriptionId")));
        match page["continuationToken"].as_str() {
            None => break,
            Some(next) => {
                assert_eq!(page["links"]["next"]["headers"][0]["value"], next);
                token = next.to_owned();
            }
        }
    }
    assert_eq!(seen.len(), 5);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
    for (query, code) in [
        ("provider=onetime&currencycode=usd", 800_002),
        ("invoicelineitemtype=billinglineitems&currencycode=usd", 800_002),
        ("provider=onetime&invoicelineitemtype=billinglineitems", 800_002),
        ("provider=onetime&invoicelineitemtype=billinglineitems&currencycode=usd&period=never", 800_002),
        ("provider=onetime&invoicelineitemtype=billinglineitems&currencycode=usd&size=2001", 800_002),
    ] {
        assert_eq!(refused(&partner.get(&format!("/invoices/unbilled/lineitems?{query}")).await, 400), code, "{query}");
    }
    world.stop().await;
}

/// Section 9.2: the estimate links lead to the lines.
#[tokio::test]
async fn estimate_links_can_be_followed() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (_, id) = partner.has_bought().await;
    publisher_activates(&world, &id).await;
    let links = partner.get("/invoices/estimates/links?currencycode=usd").await.expect(200);
    let mut found = Vec::new();
    for link in links["items"].as_array().unwrap() {
        let lines = partner.get(&text(&link["link"], "uri")).await.expect(200);
        found.push((text(link, "type"), text(link, "period"), lines["totalCount"].clone()));
    }
    let expected = [
        ("daily_rated_usage", "Current", 0),
        ("daily_rated_usage", "Previous", 0),
        ("non_consumption", "Current", 1),
        ("non_consumption", "Previous", 0),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(kind, period, count)| ((*kind).to_owned(), (*period).to_owned(), json!(count))).collect();
    assert_eq!(found, expected);
    assert_eq!(refused(&partner.get("/invoices/estimates/links").await, 400), 800_002);
    world.stop().await;
}

/// Section 9.3: metered overage is daily usage, not a licence line; a trial is a row at zero, and renews.
#[tokio::test]
async fn usage_and_trials_have_rows_of_their_own() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let customer = partner.customer("Northwind").await;
    let trial = partner.item("Contoso CRM", "Starter").await;
    let order = partner.buys(&customer, &trial, 2).await;
    publisher_activates(&world, &text(&order["lineItems"][0], "subscriptionId")).await;
    let current = format!("{BILLING}&currencycode=usd&period=current");
    assert_eq!(charges(&partner, "unbilled", &current).await, rows(&[("new", "0")]));
    let mail = partner.item("Contoso Mail Relay", "Growth").await;
    let order = partner.buys(&customer, &mail, 1).await;
    let id = text(&order["lineItems"][0], "subscriptionId");
    publisher_activates(&world, &id).await;
    world.operator().advances("PT1H").await;
    let (partner, publisher) = (world.partner("proseware").await, world.publisher("contoso").await);
    // Ten are included.
    let usage = json!({ "resourceId": id, "quantity": 15.0, "dimension": "mails",
        "effectiveStartTime": "2026-01-01T09:30:00Z", "planId": "growth" });
    send(publisher.raw(Method::POST, "/api/usageEvent?api-version=2018-08-31").json(&usage)).await.expect(200);
    let usage = "provider=onetime&invoicelineitemtype=usagelineitems&currencycode=usd&period=current";
    let lines = partner.get(&format!("/invoices/unbilled/lineitems?{usage}")).await.expect(200);
    assert_eq!(lines["totalCount"], 1);
    let line = &lines["items"][0];
    assert_eq!((&line["quantity"], &line["billingPreTaxTotal"]), (&json!(5), &json!(4)));
    assert_eq!((&line["meterName"], &line["unitOfMeasure"]), (&json!("Mails sent"), &json!("per 1,000 mails")));
    assert_eq!(line["attributes"]["objectType"], "DailyRatedUsageLineItem");
    let expected = rows(&[("new", "0"), ("new", "79")]);
    assert_eq!(charges(&partner, "unbilled", &current).await, expected, "usage is no licence line");
    world.operator().advances("P1M").await;
    let partner = world.partner("proseware").await;
    let renewed = charges(&partner, "unbilled", &current).await;
    assert!(renewed.contains(&("renew".to_owned(), "24".to_owned())), "{renewed:?}");

    // Section 10: the reconciliation file has all of it.
    world.operator().advances("P7D").await;
    let partner = world.partner("proseware").await;
    let invoice = partner.get("/invoices").await.expect(200)["items"][0].clone();
    let portal = Visitor::of(&world, &partner, "globalAdmin").await;
    let file = portal.get(&format!("/partner/invoices/{}/reconciliation.csv", text(&invoice, "id"))).await;
    file.expect_text(200, "PartnerId,CustomerId");
    let file = file.text;
    let rows: Vec<Vec<&str>> = file.lines().map(|row| row.split(',').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|one| *one == name).unwrap();
    let cells = |name: &str| rows[1..].iter().map(|row| row[column(name)]).collect::<Vec<_>>();
    assert_eq!(cells("ChargeType"), ["new", "new", "usage"]);
    assert_eq!((cells("Total"), &invoice["totalCharges"]), (vec!["0.00", "79.00", "4.00"], &json!(83)));
    assert!(file.lines().last().unwrap().contains(",Mails sent,"), "{file}");
    world.stop().await;
}
