//! The whole sale by the API alone, as a plain program follows the documented calls.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Partner, path_of};
use crate::world::{SANDBOX, World, send, text};

/// The seed's journey: customer, catalogue, cart, checkout, activation link, the publisher's set-up form, active, invoice
/// (S1, S15, S18, S20, S21, S25).
#[tokio::test(flavor = "multi_thread")]
async fn a_program_sells_from_the_customer_to_the_invoice() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let person = partner.signed_in_as("globalAdmin").await;

    let customer = makes_a_customer(&partner).await;
    let item = partner.item("Contoso CRM", "Team").await;
    let line = json!({ "id": 0, "catalogItemId": item, "friendlyName": "Backup for HQ", "quantity": 10,
        "billingCycle": "monthly", "termDuration": "P1M",
        "participants": [{ "key": "transaction_reseller", "value": "4847383" }] });
    let carts = format!("/customers/{customer}/carts");
    let cart = partner.post(&carts, &json!({ "lineItems": [line] })).await.expect(201);
    let checkout = format!("{carts}/{}/checkout", text(&cart, "id"));
    let refused = partner.post(&checkout, &Value::Null).await.expect(403);
    assert_eq!(refused["code"], 13605, "the agreement comes first");
    let why = text(&refused, "description");
    assert!(why.ends_with(" has not accepted the Microsoft Customer Agreement.") && !why.contains(&customer), "{why}");
    confirms_the_agreement(&person, &customer).await;
    let placed = partner.post(&checkout, &Value::Null).await.expect(201);
    let order = &placed["orders"][0];
    assert_eq!((&order["status"], &order["billingCycle"]), (&json!("pending"), &json!("monthly")));
    let id = text(&order["lineItems"][0], "subscriptionId");

    // The personalized link leads to the publisher's landing page, whose form is filled in.
    let links = partner.get(&path_of(&order["lineItems"][0]["links"]["activationLinks"])).await.expect(200);
    let link = text(&links["items"][0]["link"], "uri");
    assert!(link.contains("token="), "{link}");
    let before = partner.subscription(&customer, &id).await;
    assert_eq!((&before["status"], &before["attentionNeeded"]), (&json!("active"), &json!(true)));
    assert_eq!(
        partner.get(&unbilled()).await.expect(200)["totalCount"],
        0,
        "nothing is billed before both confirmations"
    );

    submits_the_form(&world, &link).await;
    world.operator().advances("PT1M").await;

    let after = partner.subscription(&customer, &id).await;
    assert_eq!((&after["status"], &after["attentionNeeded"]), (&json!("active"), &json!(false)), "{after}");
    assert_eq!(after["friendlyName"], "Backup for HQ");
    let lines = partner.get(&unbilled()).await.expect(200);
    assert_eq!(lines["totalCount"], 1);
    assert_eq!(lines["items"][0]["subtotal"], 245);

    // January's invoice is there on the 8th of February.
    assert_eq!(partner.get("/invoices").await.expect(200)["totalCount"], 0);
    world.operator().advances("P38D").await;
    let partner = world.partner("proseware").await;
    let invoices = partner.get("/invoices?size=200&offset=0").await.expect(200);
    let invoice = &invoices["items"][0];
    assert_eq!((&invoice["totalCharges"], &invoice["invoiceType"]), (&json!(245), &json!("OneTime")));
    let number = text(invoice, "id");
    let billed =
        format!("/invoices/{number}/lineitems?provider=onetime&invoicelineitemtype=billinglineitems&size=2000");
    let lines = partner.get(&billed).await.expect(200);
    let line = &lines["items"][0];
    let shown = ["customerName", "invoiceNumber", "chargeType", "quantity", "subtotal", "resellerMpnId", "orderId"];
    let found: Vec<&Value> = shown.iter().map(|name| &line[*name]).collect();
    let order = json!(text(order, "id"));
    let expected = [json!("Fabrikam Sim"), json!(number), json!("new"), json!(10), json!(245), json!(4_847_383), order];
    assert_eq!(found, expected.iter().collect::<Vec<_>>());
    world.counts_its_documents(SANDBOX).await;

    // The journal tells whom each has called.
    let journal = world.operator().journal("kind=exchange&limit=1000").await;
    let called = |path: &str| {
        let mut calls =
            journal.iter().filter(|entry| entry["data"]["path"].as_str().is_some_and(|at| at.starts_with(path)));
        calls.next().map(|call| (text(call, "from"), text(call, "to")))
    };
    let pair = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
    assert_eq!(called("/v1/customers"), pair("partner", "partnerCenter"));
    assert_eq!(called("/api/saas/"), pair("publisher", "marketplace"));
    world.stop().await;
}

fn unbilled() -> String {
    "/invoices/unbilled/lineitems?provider=onetime&invoicelineitemtype=billinglineitems&currencycode=usd&period=current"
        .to_owned()
}

async fn makes_a_customer(partner: &Partner) -> String {
    let new = json!({
        "CompanyProfile": { "Domain": "fabrikamsim.onmicrosoft.com" },
        "BillingProfile": {
            "Culture": "en-US", "Email": "admin@fabrikamsim.example", "Language": "en", "CompanyName": "Fabrikam Sim",
            "DefaultAddress": { "FirstName": "Ada", "LastName": "Rossi", "AddressLine1": "1 Test Way",
                "City": "Redmond", "State": "WA", "PostalCode": "98052", "Country": "US" } } });
    let made = partner.post("/customers", &new).await.expect(201);
    assert_eq!(made["relationshipToPartner"], "none");
    assert!(made["userCredentials"]["password"].is_string());
    text(&made, "id")
}

async fn confirms_the_agreement(person: &Partner, customer: &str) {
    let agreement = json!({ "primaryContact": { "firstName": "Ada", "lastName": "Rossi", "email": "a@fabrikamsim.example" },
        "templateId": "117a77b0-9360-443b-8795-c6dedc750cf9", "dateAgreed": "2026-01-01T00:00:00Z",
        "type": "MicrosoftCustomerAgreement" });
    person.post(&format!("/customers/{customer}/agreements"), &agreement).await.expect(201);
}

/// What the partner does on the stand-in publisher's landing page.
async fn submits_the_form(world: &World, link: &str) {
    let url = reqwest::Url::parse(link).unwrap();
    let page = send(world.request(Method::GET, &format!("{}?{}", url.path(), url.query().unwrap()))).await;
    assert!(page.status == 200 && page.text.contains("Contoso CRM"), "{}", page.text);
    let mut form: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let answers = [
        ("field.companyName", "Fabrikam Sim"),
        ("field.contactEmail", "ada@fabrikamsim.example"),
        ("field.region", "Europe"),
    ];
    form.extend(answers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let submit = world.request(Method::POST, url.path()).header("origin", &world.base_url).form(&form);
    let reply = send(submit).await;
    assert!(matches!(reply.status, 200..400), "{}", reply.text);
}
