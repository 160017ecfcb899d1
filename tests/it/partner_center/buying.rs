//! Carts, checkout, orders, activation links (E17 to E29).

use rehearsal::cli::wiring::ServerOptions;
use reqwest::Method;
use serde_json::{Value, json};

use super::{customers::new_customer, path_of, refused};
use crate::world::{SANDBOX, World, send, text};

/// E17 to E20: a cart with lines of different cycles becomes an order for each; it is checked out once.
#[tokio::test]
async fn a_cart_becomes_an_order_for_each_billing_cycle() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let customer = partner.customer("Northwind").await;
    let carts = format!("/customers/{customer}/carts");
    let (team, starter) = (partner.item("Contoso CRM", "Team").await, partner.item("Contoso CRM", "Starter").await);
    let mail = partner.item("Contoso Mail Relay", "Growth").await;
    let lines = json!({ "lineItems": [
        { "id": 0, "catalogItemId": team, "friendlyName": "Sales", "quantity": 10, "billingCycle": "Monthly", "termDuration": "P1M",
          "participants": [{ "key": "transaction_reseller", "value": "4847383" }] },
        { "id": 1, "catalogItemId": starter, "quantity": 2, "billingCycle": "none", "termDuration": "P1M", "renewsTo": { "termDuration": "P1M" } },
        { "Id": 2, "CatalogItemId": mail, "Quantity": "1" } ] });
    let cart = partner.post(&carts, &lines).await.expect(201);
    let one = format!("{carts}/{}", text(&cart, "id"));
    assert_eq!((&cart["status"], &cart["attributes"]), (&json!("Active"), &json!({ "objectType": "Cart" })));
    assert_eq!(cart["expirationTimestamp"], "2026-01-08T09:00:00.0000000Z");
    let groups: Vec<&str> =
        cart["lineItems"].as_array().unwrap().iter().map(|line| line["orderGroup"].as_str().unwrap()).collect();
    assert_eq!(groups, ["0", "1", "0"]);
    assert_eq!(cart["lineItems"][0]["participants"], json!([{ "key": "transaction_reseller", "value": "4847383" }]));
    assert_eq!(partner.get(&one).await.expect(200), cart);

    let placed = partner.post(&format!("{one}/checkout"), &Value::Null).await.expect(201);
    let cycles: Vec<&Value> = placed["orders"].as_array().unwrap().iter().map(|order| &order["billingCycle"]).collect();
    assert_eq!(cycles, ["monthly", "none"]);
    assert_eq!(placed["orderErrors"], json!([]));
    let order = &placed["orders"][0];
    assert_eq!((text(order, "id").len(), &order["alternateId"]), (12, &order["id"]));
    assert_eq!((&order["status"], &order["transactionType"]), (&json!("pending"), &json!("UserPurchase")));
    assert_eq!(order["client"]["name"], "Partner Center API");
    let line = &order["lineItems"][0];
    assert_eq!((&line["partnerIdOnRecord"], &line["friendlyName"]), (&json!("4847383"), &json!("Sales")));
    assert_eq!(partner.get(&one).await.expect(200)["status"], "Ordered");
    assert_eq!(refused(&partner.post(&format!("{one}/checkout"), &Value::Null).await, 400), 800_065);
    assert_eq!(refused(&partner.put(&one, &lines).await, 400), 800_065);

    // E22, E23: complete after a while.
    world.operator().advances("PT1M").await;
    let orders = partner.get(&format!("/customers/{customer}/orders")).await.expect(200);
    assert_eq!((&orders["totalCount"], &orders["items"][0]["status"]), (&json!(2), &json!("completed")));
    let monthly =
        partner.get(&format!("/customers/{customer}/orders?billingType=monthly&include_price=true")).await.expect(200);
    assert_eq!((&monthly["totalCount"], &monthly["items"][0]["totalPrice"]), (&json!(1), &json!(324)));
    let again = partner.get(&path_of(&order["links"]["self"])).await.expect(200);
    assert!(again["lineItems"][0]["links"]["subscription"].is_object());
    world.stop().await;
}

/// Section 5.1: what is wrong with a line stands at the line; nothing of such a cart is bought.
#[tokio::test]
async fn a_line_that_can_t_be_bought_says_why() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let customer = partner.customer("Northwind").await;
    let carts = format!("/customers/{customer}/carts");
    let (team, starter) = (partner.item("Contoso CRM", "Team").await, partner.item("Contoso CRM", "Starter").await);
    let line = |change: Value| {
        let mut line = json!({ "id": 0, "catalogItemId": team, "quantity": 10 });
        for (name, value) in change.as_object().unwrap() {
            line[name] = value.clone();
        }
        line
    };
    let table = [
        (line(json!({ "catalogItemId": "DZH318Z00000:0001:DZH318Z00000" })), "catalog_item_id_is_not_valid"),
        (line(json!({ "catalogItemId": "nonsense" })), "catalog_item_id_is_not_valid"),
        (line(json!({ "quantity": 0 })), "invalid_input"),
        (line(json!({ "quantity": 51 })), "unable_to_process_cart_line_item"),
        (line(json!({ "friendlyName": "x".repeat(129) })), "invalid_input"),
        (line(json!({ "billingCycle": "annual", "termDuration": "P1M" })), "billing_plan_not_supported"),
        (line(json!({ "termDuration": "P3Y" })), "billing_plan_not_supported"),
        (
            line(
                json!({ "catalogItemId": starter, "quantity": 2, "termDuration": "P9Y", "renewsTo": { "termDuration": "P1M" } }),
            ),
            "billing_plan_not_supported",
        ),
        (
            line(
                json!({ "catalogItemId": starter, "quantity": 2, "termDuration": "P1M", "renewsTo": { "termDuration": "P9Y" } }),
            ),
            "billing_plan_not_supported",
        ),
        (
            line(json!({ "participants": [{ "key": "transaction_reseller", "value": "1111111" }] })),
            "participants_is_not_supported_for_partner",
        ),
    ];
    for (line, code) in &table {
        let cart = partner.post(&carts, &json!({ "lineItems": [line] })).await.expect(201);
        assert_eq!(cart["lineItems"][0]["error"]["errorCode"], *code, "{cart}");
        let reply = partner.post(&format!("{carts}/{}/checkout", text(&cart, "id")), &Value::Null).await;
        assert!((400..=404).contains(&reply.status), "{}", reply.text);
    }
    // Two lines, one bad: all or nothing.
    let cart = partner.post(&carts, &json!({ "lineItems": [line(json!({})), table[3].0] })).await.expect(201);
    let one = format!("{carts}/{}", text(&cart, "id"));
    assert_eq!(refused(&partner.post(&format!("{one}/checkout"), &Value::Null).await, 400), 2002);
    assert_eq!(partner.get(&format!("/customers/{customer}/orders")).await.expect(200)["totalCount"], 0);
    // E19: mended, and bought.
    let mended = partner.put(&one, &json!({ "lineItems": [line(json!({}))] })).await.expect(201);
    assert_eq!(mended["lineItems"][0].get("error"), None);
    partner.post(&format!("{one}/checkout"), &Value::Null).await.expect(201);

    for body in [json!({}), json!({ "lineItems": [] }), json!({ "lineItems": [{ "catalogItemId": team }] }), json!([])]
    {
        assert!(matches!(refused(&partner.post(&carts, &body).await, 400), 3000 | 800_002), "{body}");
    }
    let missing = "7d9c0a52-1f3e-4c8b-9a60-2b5f4e8c1d01";
    for cart in [missing, "seven"] {
        assert_eq!(refused(&partner.get(&format!("{carts}/{cart}")).await, 404), 800_008);
        assert_eq!(refused(&partner.post(&format!("{carts}/{cart}/checkout"), &Value::Null).await, 404), 800_008);
    }
    // A cart lives for a week.
    let cart = partner.post(&carts, &json!({ "lineItems": [line(json!({}))] })).await.expect(201);
    world.operator().advances("P7D").await;
    let partner = world.partner("proseware").await;
    assert_eq!(refused(&partner.get(&format!("{carts}/{}", text(&cart, "id"))).await, 404), 800_008);
    world.stop().await;
}

/// Section 5.1: lines keep their ids; those that don't tell them apart are replaced by their places.
#[tokio::test]
async fn the_lines_of_a_cart_keep_their_ids() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let carts = format!("/customers/{}/carts", partner.customer("Northwind").await);
    let team = partner.item("Contoso CRM", "Team").await;
    for (given, expected) in [([7, 9, 8], [7, 9, 8]), ([7, 7, 9], [0, 1, 2]), ([0, 0, 0], [0, 1, 2])] {
        let lines = given.map(|id| json!({ "id": id, "catalogItemId": team, "quantity": 10 }));
        let cart = partner.post(&carts, &json!({ "lineItems": lines })).await.expect(201);
        let ids: Vec<&Value> = cart["lineItems"].as_array().unwrap().iter().map(|line| &line["id"]).collect();
        assert_eq!(ids, expected.map(|id| json!(id)).iter().collect::<Vec<_>>());
    }
    world.stop().await;
}

/// Section 1.2: a request that is repeated with its id brings the same about once.
#[tokio::test]
async fn a_repeated_request_buys_once() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let customer = partner.customer("Northwind").await;
    let team = partner.item("Contoso CRM", "Team").await;
    let posts = |path: String, body: Value, id: &'static str| {
        send(partner.request(Method::POST, &path).header("MS-RequestId", id).json(&body))
    };
    let (first, second) = ("5a4c1a8e-2f0b-4c67-9a0e-5b7c2b8f0001", "5a4c1a8e-2f0b-4c67-9a0e-5b7c2b8f0002");
    let carts = format!("/customers/{customer}/carts");
    let lines = json!({ "lineItems": [{ "id": 0, "catalogItemId": team, "quantity": 5 }] });
    let cart = posts(carts.clone(), lines.clone(), first).await.expect(201);
    assert_eq!(posts(carts.clone(), lines.clone(), first).await.expect(201)["id"], cart["id"]);
    let checkout = format!("{carts}/{}/checkout", text(&cart, "id"));
    let (one, two) =
        tokio::join!(posts(checkout.clone(), Value::Null, second), posts(checkout.clone(), Value::Null, second));
    assert_eq!(one.expect(201)["orders"][0]["id"], two.expect(201)["orders"][0]["id"]);

    // E21: without a cart.
    let order = json!({ "ReferenceCustomerId": customer, "BillingCycle": "monthly", "LineItems": [
        { "LineItemNumber": 0, "OfferId": team, "FriendlyName": "Direct", "Quantity": 6, "TermDuration": "P1M" }] });
    let third = "5a4c1a8e-2f0b-4c67-9a0e-5b7c2b8f0003";
    let orders = format!("/customers/{customer}/orders");
    let placed = posts(orders.clone(), order.clone(), third).await.expect(201);
    assert_eq!(posts(orders.clone(), order.clone(), third).await.expect(201)["id"], placed["id"]);
    assert_eq!(placed["lineItems"][0]["quantity"], 6);
    // The id of one kind of call is none for another.
    for id in [first, second] {
        assert_eq!(refused(&posts(orders.clone(), order.clone(), id).await, 400), 800_002);
    }
    assert_eq!(refused(&posts(checkout.clone(), Value::Null, third).await, 400), 800_002);
    assert_eq!(refused(&posts(carts.clone(), lines, third).await, 400), 800_002);
    assert_eq!(refused(&posts("/customers".to_owned(), new_customer("a.example", "A"), first).await, 400), 800_002);
    assert_eq!(partner.get(&orders).await.expect(200)["totalCount"], 2);
    assert_eq!(refused(&partner.post(&orders, &json!({ "LineItems": [] })).await, 400), 3000);
    let bad = json!({ "LineItems": [{ "OfferId": "nonsense", "Quantity": 1 }] });
    assert_eq!(refused(&partner.post(&orders, &bad).await, 400), 800_009);
    // An order has one billing cycle.
    let line = |number: u32, term: &str| json!({ "LineItemNumber": number, "OfferId": team, "Quantity": 6, "TermDuration": term });
    let mixed = json!({ "LineItems": [line(0, "P1M"), line(1, "P1Y")] });
    assert_eq!(refused(&partner.post(&orders, &mixed).await, 400), 4018);
    assert_eq!(partner.get(&orders).await.expect(200)["totalCount"], 2);
    world.stop().await;
}

/// Section 5.4: a live order is pending for a while, and missing in the list for longer.
#[tokio::test]
async fn a_live_order_takes_its_time() {
    let world = World::start().await;
    world.control(Method::PATCH, &format!("/sandboxes/{SANDBOX}"), Some(json!({ "delays": "live" }))).await.expect(200);
    let partner = world.partner("proseware").await;
    let customer = partner.customer("Northwind").await;
    let team = partner.item("Contoso CRM", "Team").await;
    let order = partner.buys(&customer, &team, 5).await;
    let (one, list) = (path_of(&order["links"]["self"]), format!("/customers/{customer}/orders"));
    let person = partner.signed_in_as("adminAgent").await;
    let provisioning = path_of(&order["links"]["provisioningStatus"]);
    assert_eq!(partner.get(&one).await.expect(200)["status"], "pending");
    assert_eq!(person.get(&provisioning).await.expect(200)["items"][0]["status"], "prefulfillment_pending");
    assert_eq!(partner.get(&list).await.expect(200)["totalCount"], 0);
    world.operator().advances("PT1M").await;
    assert_eq!(partner.get(&one).await.expect(200)["status"], "completed");
    // E24.
    let found = person.get(&provisioning).await.expect(200);
    let information = json!([{ "quantity": 5, "status": "fulfilled" }]);
    assert_eq!(found["items"][0]["quantityProvisioningInformation"], information);
    assert_eq!(partner.get(&list).await.expect(200)["totalCount"], 0);
    world.operator().advances("PT14M").await;
    assert_eq!(partner.get(&list).await.expect(200)["totalCount"], 1);
    world.stop().await;
}

/// E26 to E28: the link by order line item, by order and by subscription; it resolves, and goes when it is not needed.
#[tokio::test]
async fn the_personalized_link_is_found_in_three_ways() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let publisher = world.publisher("contoso").await;
    let customer = partner.customer("Northwind").await;
    let team = partner.item("Contoso CRM", "Team").await;
    let order = partner.buys(&customer, &team, 5).await;
    let id = text(&order["lineItems"][0], "subscriptionId");
    let root = path_of(&order["links"]["self"]);
    let subscription = format!("/customers/{customer}/subscriptions/{id}/activationlinks");
    let paths =
        [format!("{root}/lineitems/0/activationlinks"), format!("{root}/activationlinks"), subscription.clone()];
    for path in &paths {
        let links = partner.get(path).await.expect(200);
        let item = &links["items"][0];
        let names: Vec<&String> = item.as_object().unwrap().keys().collect();
        assert_eq!(names, ["lineItemNumber", "link"], "exactly two fields");
        let link = reqwest::Url::parse(&text(&item["link"], "uri")).unwrap();
        let code = link.query_pairs().find(|(name, _)| name == "token").unwrap().1.into_owned();
        assert_eq!(publisher.resolve(&code).await.expect(200)["id"], id, "{path}");
    }
    assert_eq!(path_of(&partner.subscription(&customer, &id).await["links"]["activationLinks"]), subscription);
    // A code that has expired is replaced by a fresh one.
    world.operator().advances("PT25H").await;
    let (partner, publisher) = (world.partner("proseware").await, world.publisher("contoso").await);
    let links = partner.get(&paths[0]).await.expect(200);
    let link = reqwest::Url::parse(&text(&links["items"][0]["link"], "uri")).unwrap();
    let code = link.query_pairs().find(|(name, _)| name == "token").unwrap().1.into_owned();
    publisher.resolve(&code).await.expect(200);
    publisher.activate(&id).await.expect(200);
    for path in &paths {
        assert_eq!(partner.get(path).await.expect(200)["totalCount"], 0, "{path}");
    }
    assert!(partner.subscription(&customer, &id).await["links"].get("activationLinks").is_none());
    world.set_rules(json!({ "activationLink": "always" })).await;
    assert_eq!(partner.get(&subscription).await.expect(200)["totalCount"], 1);

    for line in ["1", "x", "-1"] {
        assert_eq!(refused(&partner.get(&format!("{root}/lineitems/{line}/activationlinks")).await, 400), 800_071);
    }
    let orders = format!("/customers/{customer}/orders");
    assert_eq!(refused(&partner.get(&format!("{orders}/000000000000/activationlinks")).await, 404), 20_000);
    assert_eq!(refused(&partner.get(&format!("{orders}/nonsense")).await, 404), 20_000);
    world.stop().await;
}

/// E25, E29, sections 6.4 and 13: an integration sandbox gives a dummy link, and activates by itself.
#[tokio::test]
async fn an_integration_sandbox_gives_a_dummy_link_and_activates_by_a_call() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    let one = format!("/customers/{customer}/subscriptions/{id}");
    let order =
        format!("/customers/{customer}/orders/{}", text(&partner.subscription(&customer, &id).await, "orderId"));
    let activate = async || partner.post(&format!("{one}/activate"), &Value::Null).await;
    let cancel = async || partner.patch(&order, &json!({ "status": "cancelled" })).await;
    assert_eq!(refused(&activate().await, 400), 900_127, "in production");
    assert_eq!(refused(&cancel().await, 403), 800_019);
    world.set_rules(json!({ "cspAccount": "integrationSandbox" })).await;
    assert_eq!(refused(&cancel().await, 403), 800_077);
    assert_eq!(refused(&partner.patch(&order, &json!({ "status": "completed" })).await, 400), 3000);
    let link = |links: Value| text(&links["items"][0]["link"], "uri");
    let dummy = link(partner.get(&format!("{one}/activationlinks")).await.expect(200));
    assert!(!dummy.contains("token="), "{dummy}");
    world.set_rules(json!({ "sandboxLink": "working" })).await;
    assert!(link(partner.get(&format!("{one}/activationlinks")).await.expect(200)).contains("token="));

    assert_eq!(activate().await.expect(200), json!({ "subscriptionId": id, "status": "Success" }));
    assert_eq!(refused(&activate().await, 400), 800_041);
    let billing = &world.operator().subscription(&id).await["billing"];
    assert_eq!(billing["since"], "2026-01-01T09:00:00Z", "billing starts after successful activation: {billing}");

    // Section 13: 25 licences, five subscriptions.
    let team = partner.item("Contoso CRM", "Team").await;
    let carts = format!("/customers/{customer}/carts");
    let lines = |quantity: u32| json!({ "lineItems": [{ "id": 0, "catalogItemId": team, "quantity": quantity }] });
    let cart = partner.post(&carts, &lines(26)).await.expect(201);
    assert_eq!(cart["lineItems"][0]["error"]["errorCode"], "sandbox_limit_exceeded");
    let order = json!({ "LineItems": [{ "OfferId": team, "Quantity": 26 }] });
    assert_eq!(refused(&partner.post(&format!("/customers/{customer}/orders"), &order).await, 400), 800_018);
    // More can't be had by changing it either.
    assert_eq!(refused(&partner.changes(&customer, &id, &json!({ "quantity": 26 })).await, 400), 800_018);
    assert_eq!(partner.changes(&customer, &id, &json!({ "quantity": 25 })).await.status, 202);
    let mut bought = Vec::new();
    for _ in 0..5 {
        bought.push(text(&partner.buys(&customer, &team, 5).await["lineItems"][0], "subscriptionId"));
    }
    let cart = partner.post(&carts, &lines(5)).await.expect(201);
    let reply = partner.post(&format!("{carts}/{}/checkout", text(&cart, "id")), &Value::Null).await;
    assert_eq!(refused(&reply, 400), 800_018);
    // One that is cancelled makes room for another.
    let activate = format!("/customers/{customer}/subscriptions/{}/activate", bought[0]);
    partner.post(&activate, &Value::Null).await.expect(200);
    partner.changes(&customer, &bought[0], &json!({ "status": "deleted" })).await.expect(200);
    partner.buys(&customer, &team, 5).await;
    let cart = partner.post(&carts, &lines(5)).await.expect(201);
    let reply = partner.post(&format!("{carts}/{}/checkout", text(&cart, "id")), &Value::Null).await;
    assert_eq!(refused(&reply, 400), 800_018);
    world.stop().await;
}

/// A folder of fixtures: the built-in ones, with some texts replaced.
fn fixtures_with(replaced: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let built_in = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    std::fs::create_dir(folder.path().join("offers")).unwrap();
    let mut found = vec![0; replaced.len()];
    for place in ["", "offers"] {
        for file in std::fs::read_dir(built_in.join(place)).unwrap() {
            let file = file.unwrap();
            if !file.file_type().unwrap().is_file() {
                continue;
            }
            let mut text = std::fs::read_to_string(file.path()).unwrap();
            for (number, (before, after)) in replaced.iter().enumerate() {
                found[number] += text.matches(before).count();
                text = text.replacen(before, after, 1);
            }
            std::fs::write(folder.path().join(place).join(file.file_name()), text).unwrap();
        }
    }
    assert!(found.iter().all(|times| *times > 0), "{found:?}");
    folder
}

/// Sections 5.1 and 8.3: a trial lasts a month, whatever it renews to; it ends in a row of its own. Lines in several
/// currencies become as many orders.
#[tokio::test(flavor = "multi_thread")]
async fn a_trial_renews_to_a_longer_term_and_an_order_has_one_currency() {
    let (month, year) = ("          - { unit: P1M, price: 12.00 }\n", "          - { unit: P1Y, price: 120.00 }\n");
    let (dollars, euros) = ("currency: USD\n        terms:\n          - { unit: P1M, price: 690.00 }", "EUR");
    let fixtures = fixtures_with(&[(month, &format!("{month}{year}")), (dollars, &dollars.replacen("USD", euros, 1))]);
    let options = ServerOptions { fixtures: Some(fixtures.path().to_owned()), ..ServerOptions::default() };
    let world = World::start_with(options).await;
    world.create_sandbox(SANDBOX).await;
    let partner = world.partner("proseware").await;
    let customer = partner.customer("Northwind").await;
    let carts = format!("/customers/{customer}/carts");
    let starter = partner.item("Contoso CRM", "Starter").await;
    let scale = partner.item("Contoso Mail Relay", "Scale").await;
    let team = partner.item("Contoso CRM", "Team").await;
    let trial = json!({ "id": 0, "catalogItemId": starter, "quantity": 2, "billingCycle": "none", "termDuration": "P1M",
        "renewsTo": { "termDuration": "P1Y" } });
    let lines = json!({ "lineItems": [trial, { "id": 1, "catalogItemId": team, "quantity": 5 },
        { "id": 2, "catalogItemId": scale, "quantity": 1 }] });
    let cart = partner.post(&carts, &lines).await.expect(201);
    let groups: Vec<&Value> = cart["lineItems"].as_array().unwrap().iter().map(|line| &line["orderGroup"]).collect();
    assert_eq!(groups, ["0", "1", "2"]);
    let placed = partner.post(&format!("{carts}/{}/checkout", text(&cart, "id")), &Value::Null).await.expect(201);
    let orders = placed["orders"].as_array().unwrap();
    let currencies: Vec<(&Value, &Value)> =
        orders.iter().map(|order| (&order["billingCycle"], &order["currencyCode"])).collect();
    let expected =
        [("none", "USD"), ("monthly", "USD"), ("monthly", "EUR")].map(|(cycle, code)| (json!(cycle), json!(code)));
    assert_eq!(currencies, expected.iter().map(|(cycle, code)| (cycle, code)).collect::<Vec<_>>());
    let mixed = json!({ "LineItems": [{ "OfferId": team, "Quantity": 5 }, { "OfferId": scale, "Quantity": 1 }] });
    assert_eq!(refused(&partner.post(&format!("/customers/{customer}/orders"), &mixed).await, 400), 4018);

    let line = &orders[0]["lineItems"][0];
    assert_eq!((&line["termDuration"], &line["renewsTo"]), (&json!("P1M"), &json!({ "termDuration": "P1Y" })));
    let id = text(line, "subscriptionId");
    super::publisher_activates(&world, &id).await;
    let found = partner.subscription(&customer, &id).await;
    let shown = ["isTrial", "billingCycle", "termDuration", "renewalTermDuration", "commitmentEndDate"];
    let values: Vec<&Value> = shown.iter().map(|name| &found[*name]).collect();
    let expected = [json!(true), json!("none"), json!("P1M"), json!("P1Y"), json!("2026-02-01T00:00:00.0000000+00:00")];
    assert_eq!(values, expected.iter().collect::<Vec<_>>());

    // Another customer's is cancelled in its trial: New 0, Cancel 0, for the same days (section 9.4).
    let elsewhere = partner.customer("Adventure").await;
    let order = partner.buys(&elsewhere, &starter, 2).await;
    let other = text(&order["lineItems"][0], "subscriptionId");
    super::publisher_activates(&world, &other).await;
    partner.changes(&elsewhere, &other, &json!({ "status": "deleted" })).await.expect(200);
    let unbilled = "/invoices/unbilled/lineitems?provider=onetime&invoicelineitemtype=billinglineitems&period=current";
    let lines = partner.get(&format!("{unbilled}&currencycode=usd")).await.expect(200);
    let rows: Vec<&Value> =
        lines["items"].as_array().unwrap().iter().filter(|line| line["subscriptionId"] == json!(other)).collect();
    let kinds: Vec<(&Value, &Value)> = rows.iter().map(|row| (&row["chargeType"], &row["subtotal"])).collect();
    assert_eq!(kinds, [(&json!("new"), &json!(0)), (&json!("cancel"), &json!(0))]);
    for field in ["chargeStartDate", "chargeEndDate", "subscriptionEndDate", "productQualifiers", "quantity"] {
        assert_eq!(rows[0][field], rows[1][field], "{field}");
    }

    // The first becomes what it renews to: a year, to be paid for.
    world.operator().advances("P32D").await;
    let partner = world.partner("proseware").await;
    let found = partner.subscription(&customer, &id).await;
    let values: Vec<&Value> = shown.iter().map(|name| &found[*name]).collect();
    let expected = [json!(false), json!("annual"), json!("P1Y"), json!(""), json!("2027-02-01T00:00:00.0000000+00:00")];
    assert_eq!(values, expected.iter().collect::<Vec<_>>());
    world.stop().await;
}

/// What was bought stays in its market and currency: other plans are not listed, not offered in the marketplace, and refused to
/// whoever asks for one all the same, the publisher or the buyer.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_keeps_its_market_and_currency() {
    let dollars = "no limit on seats.\n        pricing: perUser\n        currency: USD\n";
    let pipelines = "Shared pipelines and reports for 5 to 50 people.\n";
    let elsewhere = "Shared pipelines and reports for 5 to 50 people.\n        market: DE\n";
    let fixtures = fixtures_with(&[(dollars, &dollars.replace("USD", "EUR")), (pipelines, elsewhere)]);
    let options = ServerOptions { fixtures: Some(fixtures.path().to_owned()), ..ServerOptions::default() };
    let world = World::start_with(options).await;
    world.create_sandbox(SANDBOX).await;
    let order =
        json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "starter", "quantity": 5, "direct": true });
    let id = text(&world.buyer().tries_in(SANDBOX, order).await.expect(201), "id");
    super::publisher_activates(&world, &id).await;
    let publisher = world.publisher("contoso").await;
    let path = format!("/subscriptions/{id}");
    let plans = send(publisher.request(Method::GET, &format!("{path}/listAvailablePlans"))).await.expect(200);
    let listed: Vec<&Value> = plans["plans"].as_array().unwrap().iter().map(|plan| &plan["planId"]).collect();
    assert_eq!(listed, ["starter", "classic"]);
    for (plan, problem) in [("business", "planInOtherCurrency"), ("team", "notInMarket")] {
        let wish = json!({ "planId": plan });
        let answer = send(publisher.request(Method::PATCH, &path).json(&wish)).await;
        let expected =
            json!({ "code": "BadRequest", "message": "Request Plan is NOT in Catalog.", "target": "update" });
        assert_eq!((answer.status, answer.json()), (400, expected), "{plan}");
        let changes = format!("/sandboxes/{SANDBOX}{path}/changes");
        let answer = world.control(Method::POST, &changes, Some(wish)).await.expect(422);
        assert!(text(&answer, "type").ends_with(problem), "{answer}");
    }
    let page = world.get(&format!("{path}?sandbox={SANDBOX}")).await;
    let select = page.text.split_once("name=\"plan\"").map(|(_, rest)| rest.split_once("</select>").unwrap().0);
    assert!(!select.is_some_and(|select| select.contains("business") || select.contains("team")), "{select:?}");
    world.stop().await;
}
