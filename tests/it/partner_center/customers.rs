//! Customers, agreements, resellers (E1 to E9).

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{path_of, publisher_activates, refused};
use crate::world::{SANDBOX, World, send, text};

pub(super) fn new_customer(domain: &str, company: &str) -> Value {
    json!({
        "CompanyProfile": { "Domain": domain },
        "BillingProfile": {
            "Culture": "en-US", "Email": "admin@fabrikamsim.example", "Language": "en", "CompanyName": company,
            "DefaultAddress": { "FirstName": "Ada", "LastName": "Rossi", "AddressLine1": "1 Test Way",
                "City": "Redmond", "State": "WA", "PostalCode": "98052", "Country": "US" } } })
}

/// E1: size, pages found by a token, a filter in any case.
#[tokio::test]
async fn customers_come_in_pages_and_by_name() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    for number in 0..7 {
        let new = new_customer(&format!("made{number}.onmicrosoft.com"), &format!("Made {number}"));
        partner.post("/customers", &new).await.expect(201);
    }
    let mut names = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let (path, header) = match &token {
            None => ("/customers?size=4", ""),
            Some(token) => ("/customers?size=4&seekOperation=Next", token.as_str()),
        };
        let page = send(partner.request(Method::GET, path).header("MS-ContinuationToken", header)).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert_eq!(page["totalCount"], items.len());
        names.extend(items.iter().map(|item| text(&item["companyProfile"], "companyName")));
        let next = &page["links"]["next"];
        if next.is_null() {
            break;
        }
        assert_eq!(next["uri"], "/customers?size=4&seekOperation=Next");
        token = Some(text(&next["headers"][0], "value"));
    }
    let mut expected: Vec<String> =
        ["Adventure Works Cycles", "Northwind Traders", "Tailwind Toys"].map(str::to_owned).into();
    expected.extend((0..7).map(|number| format!("Made {number}")));
    expected.sort_by_key(|name| name.to_lowercase());
    assert_eq!(names, expected);

    let filtered = |field: &str, value: &str, operator: &str| {
        let filter = json!({ "Field": field, "Value": value, "Operator": operator }).to_string();
        send(partner.request(Method::GET, "/customers").query(&[("size", "0"), ("filter", &filter)]))
    };
    assert_eq!(filtered("CompanyName", "mADE", "starts_with").await.expect(200)["totalCount"], 7);
    assert_eq!(filtered("Domain", "made3", "starts_with").await.expect(200)["totalCount"], 1);
    assert_eq!(filtered("CompanyName", "zzz", "starts_with").await.expect(200)["totalCount"], 0);
    assert_eq!(refused(&filtered("CompanyName", "a", "equals").await, 400), 800_002);
    assert_eq!(refused(&filtered("Colour", "a", "starts_with").await, 400), 800_002);
    assert_eq!(refused(&partner.get("/customers?size=many").await, 400), 800_002);
    world.stop().await;
}

/// E2, E5: a customer, looked at, and its company.
#[tokio::test]
async fn a_customer_is_told_in_full() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let id = partner.customer("Tailwind").await;
    let whole = partner.get(&format!("/customers/{id}")).await.expect(200);
    assert_eq!((&whole["id"], &whole["companyProfile"]["tenantId"]), (&json!(id), &json!(id)));
    assert_eq!(whole["relationshipToPartner"], "reseller");
    assert_eq!(whole["billingProfile"]["defaultAddress"]["city"], "Redmond");
    assert_eq!(whole["associatedPartnerId"], "4847383");
    assert_eq!(whole["attributes"], json!({ "objectType": "Customer" }));
    assert_eq!(whole["links"]["self"]["uri"], format!("/customers/{id}"));
    let person = partner.signed_in_as("salesAgent").await;
    let company = person.get(&format!("/customers/{id}/profiles/company")).await.expect(200);
    assert_eq!((&company["domain"], &company["address"]["region"]), (&json!("tailwindtoys.example"), &json!("WA")));
    // The link of the billing profile leads there.
    let billing = person.get(&path_of(&whole["billingProfile"]["links"]["self"])).await.expect(200);
    assert_eq!(billing, whole["billingProfile"]);
    assert_eq!(refused(&partner.get("/customers/7d9c0a52-1f3e-4c8b-9a60-2b5f4e8c1d01").await, 404), 60_003);
    assert_eq!(refused(&partner.get("/customers/seven").await, 400), 800_002);
    world.stop().await;
}

/// E3: made once whatever is repeated; every field is looked at.
#[tokio::test]
async fn a_customer_is_made_once_and_only_of_good_data() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let request = |body: &Value| {
        let id = "5a4c1a8e-2f0b-4c67-9a0e-5b7c2b8f0001";
        send(partner.request(Method::POST, "/customers").header("MS-RequestId", id).json(body))
    };
    let new = new_customer("fabrikamsim.onmicrosoft.com", "Fabrikam Sim");
    let made = request(&new).await.expect(201);
    assert_eq!(request(&new).await.expect(201)["id"], made["id"], "the same request");
    assert_eq!(refused(&partner.post("/customers", &new).await, 400), 600_002, "the domain is taken");
    assert_eq!(
        partner.get(&format!("/customers/{}", text(&made, "id"))).await.expect(200)["commerceId"],
        made["commerceId"]
    );

    let spoil = |pointer: &str, value: Value| {
        let mut body = new_customer("other.onmicrosoft.com", "Other");
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let table = [
        spoil("/CompanyProfile", Value::Null),
        spoil("/CompanyProfile/Domain", json!("no domain")),
        spoil("/CompanyProfile/Domain", json!("")),
        spoil("/CompanyProfile/Domain", json!(format!("{}.com", "a".repeat(250)))),
        spoil("/BillingProfile/CompanyName", json!("a".repeat(129))),
        spoil("/BillingProfile/CompanyName", json!("é".repeat(5_000))),
        spoil("/BillingProfile", json!([])),
        spoil("/BillingProfile/Email", json!("nobody")),
        spoil("/BillingProfile/CompanyName", json!("  ")),
        spoil("/BillingProfile/Culture", Value::Null),
        spoil("/BillingProfile/DefaultAddress", Value::Null),
        spoil("/BillingProfile/DefaultAddress/FirstName", Value::Null),
        spoil("/BillingProfile/DefaultAddress/City", json!({})),
        spoil("/BillingProfile/DefaultAddress/Country", json!("USA")),
    ];
    for body in table {
        assert_eq!(refused(&partner.post("/customers", &body).await, 400), 3000, "{body}");
    }
    let no_json = send(partner.request(Method::POST, "/customers").body("{")).await;
    assert_eq!(refused(&no_json, 400), 800_002);
    let longest = new_customer(&format!("{}.com", "a".repeat(249)), &"é".repeat(128));
    let made = partner.post("/customers", &longest).await.expect(201);
    assert_eq!(made["billingProfile"]["companyName"], "é".repeat(128));
    world.stop().await;
}

/// E4, section 13: only an integration sandbox deletes customers, and it has 75 of them at the most.
#[tokio::test]
async fn an_integration_sandbox_has_limits_and_deletes() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let made = partner.post("/customers", &new_customer("gone.onmicrosoft.com", "Gone")).await.expect(201);
    let one = format!("/customers/{}", text(&made, "id"));
    let delete = || send(partner.request(Method::DELETE, &one));
    assert_eq!(refused(&delete().await, 400), 900_127);
    world.set_rules(json!({ "cspAccount": "integrationSandbox" })).await;
    assert_eq!(delete().await.status, 204);
    assert_eq!(refused(&partner.get(&one).await, 404), 60_003);
    assert_eq!(refused(&delete().await, 404), 60_003);
    partner.post("/customers", &new_customer("gone.onmicrosoft.com", "Back")).await.expect(201);
    // One of the catalogue's three goes as well, and makes room for one more.
    let northwind = format!("/customers/{}", partner.customer("Northwind").await);
    assert_eq!(send(partner.request(Method::DELETE, &northwind)).await.status, 204);
    world.counts_its_documents(SANDBOX).await;
    for number in 0..71 {
        let new = new_customer(&format!("made{number}.onmicrosoft.com"), "Made");
        partner.post("/customers", &new).await.expect(201);
    }
    // Of those that come at the same time one is the last; asked for again, it is there.
    let ask = |number: usize| {
        let new = new_customer(&format!("last{number}.onmicrosoft.com"), "Last");
        let id = format!("5a4c1a8e-2f0b-4c67-9a0e-5b7c2b8f000{number}");
        send(partner.request(Method::POST, "/customers").header("MS-RequestId", id).json(&new))
    };
    let last = join_all((0..4).map(ask)).await;
    let made: Vec<usize> = (0..4).filter(|number| last[*number].status == 201).collect();
    let [one] = made[..] else { panic!("{made:?} were made") };
    for (number, reply) in last.iter().enumerate().filter(|(number, _)| *number != one) {
        assert_eq!(refused(reply, 400), 800_018, "{number}");
    }
    assert_eq!(ask(one).await.expect(201)["id"], last[one].json()["id"]);
    world.stop().await;
}

/// Section 3.4: what was bought for a customer that is deleted is purged with it. However much that is, nothing of it is billed
/// afterwards, and each publisher is told.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_deleted_customer_had_ends() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, first) = partner.has_bought().await;
    publisher_activates(&world, &first).await;
    let item = partner.item("Contoso CRM", "Team").await;
    let mut bought = vec![first.clone()];
    for _ in 0..24 {
        let order = partner.buys(&customer, &item, 5).await;
        bought.push(text(&order["lineItems"][0], "subscriptionId"));
    }
    publisher_activates(&world, &bought[24]).await;
    // What it has bought for itself, without a partner, is a resource of its tenant's too.
    let mut own = Vec::new();
    for _ in 0..24 {
        let order = json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5,
            "direct": true });
        own.push(text(&world.buyer().tries(order).await.expect(201), "id"));
    }
    publisher_activates(&world, &own[23]).await;
    world.operator().advances("P10D").await;
    let partner = world.partner("proseware").await;
    world.set_rules(json!({ "cspAccount": "integrationSandbox" })).await;
    assert_eq!(send(partner.request(Method::DELETE, &format!("/customers/{customer}"))).await.status, 204);

    world.operator().advances("P3M").await;
    for id in bought.iter().chain(&own) {
        let found = world.operator().subscription(id).await;
        assert_eq!(found["status"], "Unsubscribed", "{found}");
    }
    let ledger = &world.operator().subscription(&own[23]).await["ledger"];
    assert_eq!(ledger.as_array().unwrap().len(), 1, "no term follows the first: {ledger}");
    let partner = world.partner("proseware").await;
    let invoices = partner.get("/invoices").await.expect(200);
    assert_eq!(invoices["totalCount"], 1, "only the month in which it was there: {invoices}");
    let lines = partner
        .get(&format!(
            "/invoices/{}/lineitems?provider=onetime&invoicelineitemtype=billinglineitems",
            text(&invoices["items"][0], "id")
        ))
        .await
        .expect(200);
    for line in lines["items"].as_array().unwrap() {
        assert_eq!((&line["chargeType"], &line["customerId"]), (&json!("new"), &json!(customer)), "{line}");
        assert_eq!(line["customerName"], "Northwind Traders");
    }
    let told = world.operator().journal(&format!("subscription={first}")).await;
    let calls: Vec<String> = told.iter().map(Value::to_string).collect();
    assert!(calls.iter().any(|entry| entry.contains("Unsubscribe") && entry.contains("webhook")), "{calls:?}");
    let log = partner.get("/auditrecords?startDate=2026-01-11&size=500").await.expect(200);
    let updated = log["items"].as_array().unwrap().iter();
    let updated = updated.filter(|record| record["operationType"] == "update_subscription").count();
    assert_eq!(updated, bought.len(), "{log}");
    world.counts_its_documents(SANDBOX).await;
    world.stop().await;
}

/// E6 to E8: the agreement, whose confirmation opens the way to a purchase.
#[tokio::test]
async fn an_agreement_is_confirmed_once() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let person = partner.signed_in_as("adminAgent").await;
    let templates = |kind: &str| {
        let path = format!("/agreements{kind}");
        let person = person.clone();
        async move { person.get(&path).await.expect(200) }
    };
    let found = templates("?agreementType=MicrosoftCustomerAgreement").await;
    assert_eq!(found["items"][0]["templateId"], "117a77b0-9360-443b-8795-c6dedc750cf9");
    assert_eq!(templates("").await["items"][0]["agreementType"], "MicrosoftCloudAgreement");
    assert_eq!(templates("?agreementType=*").await["totalCount"], 2);
    assert_eq!(refused(&partner.get("/agreements").await, 403), 900_329);

    let customer = person.customer("Tailwind").await;
    let path = format!("/customers/{customer}/agreements");
    assert_eq!(person.get(&path).await.expect(200)["totalCount"], 0);
    let agreement = json!({ "primaryContact": { "firstName": "Tara", "lastName": "Quinn", "email": "t@tailwind.example" },
        "templateId": "117a77b0-9360-443b-8795-c6dedc750cf9", "dateAgreed": "2025-12-14T00:00:00.000Z",
        "type": "MicrosoftCustomerAgreement" });
    let with = |name: &str, value: Value| {
        let mut body = agreement.clone();
        body[name] = value;
        body
    };
    let bad = [
        with("primaryContact", Value::Null),
        with("primaryContact", json!({ "firstName": "Tara" })),
        with("templateId", json!("998b88de-aa99-4388-a42c-1b3517d49490")),
        with("dateAgreed", json!("soon")),
        with("dateAgreed", json!("2027-01-01T00:00:00Z")),
    ];
    for body in bad {
        assert_eq!(refused(&person.post(&path, &body).await, 400), 3000, "{body}");
    }
    let confirmed = person.post(&path, &agreement).await.expect(201);
    assert_eq!(confirmed["dateAgreed"], "2025-12-14T00:00:00.0000000Z");
    assert!(confirmed["userId"].is_string());
    let again = person.post(&path, &agreement).await.expect(409);
    assert_eq!(
        (&again["code"], &again["errorName"]),
        (&json!(600_061), &json!("PartnerConfirmedAgreementAlreadyExists"))
    );
    let list = person.get(&format!("{path}?agreementType=MicrosoftCustomerAgreement")).await.expect(200);
    assert_eq!(list["items"][0]["agreementLink"], "https://aka.ms/customeragreement");
    let direct = format!("/customers/{customer}/directSignedMicrosoftCustomerAgreementStatus");
    assert_eq!(person.get(&direct).await.expect(200), json!({ "isSigned": false }));
    world.stop().await;
}

/// E9: the indirect resellers of a customer, and a look at an MPN id.
#[tokio::test]
async fn resellers_are_known_by_their_number() {
    let world = World::start().await;
    let person = world.partner("proseware").await.signed_in_as("adminAgent").await;
    let customer = person.customer("Tailwind").await;
    let found = person.get(&format!("/customers/{customer}/relationships")).await.expect(200);
    let reseller = &found["items"][0];
    assert_eq!((&reseller["mpnId"], &reseller["name"]), (&json!("4847383"), &json!("Fourth Coffee IT")));
    assert_eq!(reseller["relationshipType"], "is_indirect_cloud_solution_provider_of");
    let other = person.customer("Northwind").await;
    assert_eq!(person.get(&format!("/customers/{other}/relationships")).await.expect(200)["totalCount"], 0);
    assert_eq!(person.get("/profiles/mpn?mpnId=4847383").await.expect(200)["partnerName"], "Fourth Coffee IT");
    assert_eq!(person.get("/profiles/mpn").await.expect(200)["mpnId"], "1234567");
    let unknown = person.get("/profiles/mpn?mpnId=9999999").await;
    assert_eq!(refused(&unknown, 404), 3000);
    assert_eq!(unknown.json()["description"], "Partner Organization with partner_id 9999999 could not be found");
    assert_eq!(refused(&person.get("/profiles/mpn?mpnId=x").await, 400), 800_002);
    world.stop().await;
}
