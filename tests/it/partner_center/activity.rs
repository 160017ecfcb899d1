//! The activity log (E39): what was done, by whom, for which customer, and how it ended.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Partner, publisher_activates, refused};
use crate::world::{Reply, World, send, text};

async fn asks(partner: &Partner, query: &[(&str, &str)]) -> Reply {
    send(partner.request(Method::GET, "/auditrecords").query(query)).await
}

async fn records(partner: &Partner, query: &[(&str, &str)]) -> Vec<Value> {
    asks(partner, query).await.expect(200)["items"].as_array().unwrap().clone()
}

/// All records, a page after the other.
async fn page_by_page(partner: &Partner, size: usize) -> Vec<Value> {
    let mut seen = Vec::new();
    let (mut uri, mut token) = (format!("/auditrecords?size={size}"), String::new());
    loop {
        let page = send(partner.request(Method::GET, &uri).header("MS-ContinuationToken", &token)).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= size, "{page}");
        seen.extend_from_slice(items);
        let next = &page["links"]["next"];
        if next.is_null() {
            return seen;
        }
        (uri, token) = (text(next, "uri"), text(&next["headers"][0], "value"));
    }
}

/// What was done, how it ended, and who did it; the oldest first.
fn told(records: &[Value]) -> Vec<(String, String, String)> {
    let who = |record: &Value| match (record["userPrincipalName"].as_str(), record["applicationId"].as_str()) {
        (Some(user), _) => user.split('@').next().unwrap().to_owned(),
        (None, Some(_)) => "the app".to_owned(),
        (None, None) => "nobody".to_owned(),
    };
    let row = |record: &Value| (text(record, "operationType"), text(record, "operationStatus"), who(record));
    records.iter().rev().map(row).collect()
}

fn rows(expected: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    expected.iter().map(|(what, how, who)| ((*what).to_owned(), (*how).to_owned(), (*who).to_owned())).collect()
}

/// Section 11.1: each change has a record, by whoever made it; one that the publisher is asked for has two.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_on_record() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let person = partner.signed_in_as("adminAgent").await;
    let (customer, id) = person.has_bought().await;
    publisher_activates(&world, &id).await;
    let correlation = "0e2e8b0f-6a5f-4e53-8a5e-3a7b2f9d7c11";
    let mut wish = partner.subscription(&customer, &id).await;
    wish["quantity"] = json!(8);
    let change = partner.request(Method::PATCH, &format!("/customers/{customer}/subscriptions/{id}")).json(&wish);
    assert_eq!(send(change.header("MS-CorrelationId", correlation)).await.status, 202);
    world.operator().advances("PT1M").await;
    world.publisher_refuses().await;
    person.changes(&customer, &id, &json!({ "quantity": 9 })).await;
    world.operator().advances("PT1M").await;
    person.changes(&customer, &id, &json!({ "friendlyName": "HQ" })).await.expect(200);
    // What is refused, and what changes nothing, leaves none.
    person.changes(&customer, &id, &json!({ "quantity": 900 })).await.expect(400);
    person.changes(&customer, &id, &json!({})).await.expect(200);
    world.operator().advances("P39D").await;

    let partner = world.partner("proseware").await;
    let all = records(&partner, &[("startDate", "2026-01-01")]).await;
    let expected = rows(&[
        ("create_order", "succeeded", "adam.fischer"),
        ("update_subscription", "succeeded", "nobody"),
        ("update_subscription", "progress", "the app"),
        ("update_subscription", "succeeded", "the app"),
        ("update_subscription", "progress", "adam.fischer"),
        ("update_subscription", "failed", "adam.fischer"),
        ("update_subscription", "succeeded", "adam.fischer"),
        ("ready_invoice", "succeeded", "nobody"),
    ]);
    assert_eq!(told(&all), expected);

    let order = all.last().unwrap();
    let partner_id = text(&partner.environment, "tenantId");
    let start = format!("{partner_id}_{customer}_");
    assert!(text(order, "id").starts_with(&start) && text(order, "id").contains("_createorder_"), "{order}");
    assert_eq!((&order["partnerId"], &order["customerId"]), (&json!(partner_id), &json!(customer)));
    assert_eq!((&order["customerName"], &order["resourceType"]), (&json!("Northwind Traders"), &json!("order")));
    assert_eq!(order["operationDate"], "2026-01-01T09:00:00.0000000Z");
    assert_eq!(order["attributes"], json!({ "objectType": "AuditRecord" }));
    let placed: Value = serde_json::from_str(order["resourceNewValue"].as_str().unwrap()).unwrap();
    assert_eq!((&placed["LineItems"][0]["SubscriptionId"], &placed["Status"]), (&json!(id), &json!("pending")));
    assert_eq!(placed["LineItems"][0]["Links"]["Product"].get("Body"), Some(&Value::Null));
    let data = order["customizedData"].as_array().unwrap();
    let worth = |key: &str| data.iter().find(|pair| pair["key"] == key).unwrap()["value"].clone();
    assert_eq!((worth("OrderId"), worth("BillingCycle")), (placed["Id"].clone(), json!("monthly")));
    assert_eq!((worth("SubscriptionId-0"), worth("Quantity-0")), (json!(id), json!("5")));
    assert_eq!((worth("SubscriptionName-0"), worth("PartnerOnRecord-0")), (json!("Ours"), Value::Null));

    // The change and what became of it are found by the id that the caller gave it.
    let by_id: Vec<&Value> = all.iter().filter(|record| record["originalCorrelationId"] == correlation).collect();
    assert_eq!(by_id.len(), 2);
    for record in by_id {
        let value = |name: &str| serde_json::from_str::<Value>(record[name].as_str().unwrap()).unwrap();
        let (old, new) = (value("resourceOldValue"), value("resourceNewValue"));
        assert_eq!((&old["Quantity"], &new["Quantity"], &new["Status"]), (&json!(5), &json!(8), &json!("active")));
        let path = format!("/auditrecords/{}", text(record, "id"));
        assert_eq!(partner.get(&path).await.expect(200), *record);
    }
    let invoice = &all[0];
    assert_eq!((&invoice["resourceType"], invoice.get("customerId")), (&json!("invoice"), None));
    let ready: Value = serde_json::from_str(invoice["resourceNewValue"].as_str().unwrap()).unwrap();
    assert_eq!(ready["TotalCharges"], 196);

    for bad in ["nonsense", "a_b_c_createorder_1", &text(order, "id").replace("createorder", "addcustomer")] {
        assert_eq!(refused(&partner.get(&format!("/auditrecords/{bad}")).await, 404), 1000, "{bad}");
    }
    let other = world.partner("litware").await;
    assert_eq!(records(&other, &[]).await, [] as [Value; 0]);
    assert_eq!(refused(&other.get(&format!("/auditrecords/{}", text(order, "id"))).await, 404), 1000);
    world.stop().await;
}

/// Customers and agreements, and what finds them: days, filters, pages.
#[tokio::test]
async fn the_log_is_asked_by_day_customer_and_kind() {
    let world = World::start().await;
    world.set_rules(json!({ "cspAccount": "integrationSandbox" })).await;
    let partner = world.partner("proseware").await.signed_in_as("globalAdmin").await;
    let new = super::customers::new_customer("made.onmicrosoft.com", "Fourth Coffee");
    let made = text(&partner.post("/customers", &new).await.expect(201), "id");
    let agreement = json!({
        "primaryContact": { "firstName": "Ada", "lastName": "Rossi", "email": "ada@made.example" },
        "templateId": "117a77b0-9360-443b-8795-c6dedc750cf9", "dateAgreed": "2026-01-01", "type": "MicrosoftCustomerAgreement" });
    partner.post(&format!("/customers/{made}/agreements"), &agreement).await.expect(201);
    let item = partner.item("Contoso CRM", "Team").await;
    partner.buys(&made, &item, 5).await;
    let northwind = partner.customer("Northwind").await;
    partner.buys(&northwind, &item, 5).await;
    world.operator().advances("P2D").await;
    let partner = world.partner("proseware").await;
    let removed = send(partner.request(Method::DELETE, &format!("/customers/{made}"))).await;
    assert_eq!(removed.status, 204);

    let kinds = |found: Vec<Value>| -> Vec<String> { found.iter().map(|one| text(one, "operationType")).collect() };
    let by = |field: &str, value: &str, operator: &str| {
        json!({ "Field": field, "Value": value, "Operator": operator }).to_string()
    };
    let all = kinds(records(&partner, &[]).await);
    // What was bought for it has ended with it.
    let gone = ["update_subscription", "delete_customer"];
    assert_eq!(all, [&gone[..], &["create_order", "create_order", "create_agreement", "add_customer"]].concat());
    for filter in [by("CustomerId", &made, "equals"), by("companyname", "TH COFF", "substring")] {
        let found = kinds(records(&partner, &[("filter", &filter)]).await);
        let expected = [&gone[..], &["create_order", "create_agreement", "add_customer"]].concat();
        assert_eq!(found, expected, "{filter}");
    }
    let filter = by("ResourceType", "Customer", "equals");
    assert_eq!(kinds(records(&partner, &[("filter", &filter)]).await), ["delete_customer", "add_customer"]);
    let days = [("startDate", "2026-01-03"), ("endDate", "2026-01-03")];
    assert_eq!(kinds(records(&partner, &days).await), gone);

    let seen = kinds(page_by_page(&partner, 2).await);
    assert_eq!(seen, all);

    for (name, value) in [
        ("startDate", "2025-10-04"),
        ("startDate", "soon"),
        ("endDate", "2025-11-01"),
        ("size", "-1"),
        ("filter", "{"),
        ("filter", r#"{"Field":"Colour","Value":"red","Operator":"equals"}"#),
        ("filter", r#"{"Field":"CustomerId","Value":"x","Operator":"equals"}"#),
        ("filter", r#"{"Field":"CompanyName","Value":"x","Operator":"equals"}"#),
        ("filter", r#"{"Field":"ResourceType","Value":"tree","Operator":"equals"}"#),
    ] {
        assert_eq!(refused(&asks(&partner, &[(name, value)]).await, 400), 800_002, "{name}={value}");
    }
    for (name, value, says) in [("startDate", "2025-10-02", "last 90 days"), ("endDate", "2025-11-01", "the first day")]
    {
        let refused = asks(&partner, &[(name, value)]).await.expect(400);
        assert!(text(&refused, "description").contains(says), "{refused}");
    }
    let forged =
        partner.request(Method::GET, "/auditrecords?seekOperation=Next").header("MS-ContinuationToken", "AAAA");
    assert_eq!(refused(&send(forged).await, 400), 800_002);
    world.stop().await;
}

/// What is done at one instant is told one after the other, each once, wherever a page ends.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_one_instant_are_each_told_once() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, item) = (partner.customer("Northwind").await, partner.item("Contoso CRM", "Team").await);
    futures_util::future::join_all((0..40).map(|_| partner.buys(&customer, &item, 5))).await;
    world.operator().advances("P1D").await;
    let partner = world.partner("proseware").await;
    futures_util::future::join_all((0..5).map(|_| partner.buys(&customer, &item, 5))).await;
    let orders = |found: &[Value]| -> Vec<String> { found.iter().map(|one| text(one, "resourceNewValue")).collect() };
    let all = orders(&records(&partner, &[]).await);
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 45, "{all:?}");
    for size in [1, 7, 44, 45] {
        assert_eq!(orders(&page_by_page(&partner, size).await), all, "pages of {size}");
    }
}
