//! The catalogue (E10 to E16).

use serde_json::{Value, json};

use super::{find, path_of, refused};
use crate::world::{World, text};

/// E10 to E15: product, SKU, availability, each found by the link of the one before.
#[tokio::test]
async fn a_plan_is_found_from_product_to_availability() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    for view in ["MarketplaceSaaS", "OnlineServices", "azure"] {
        let products = partner.get(&format!("/products?country=US&targetView={view}")).await.expect(200);
        assert_eq!(products["totalCount"], 5, "{view}: {products}");
    }
    let path = "/products?country=US&targetView=MarketplaceSaaS&targetSegment=commercial";
    let products = partner.get(path).await.expect(200);
    assert_eq!(products["links"]["self"]["uri"], path);
    let product = find(&products, |product| product["title"] == "Contoso CRM");
    assert_eq!(product["productType"]["subType"], json!({ "id": "SaaS", "displayName": "SaaS" }));
    assert_eq!((&product["isMicrosoftProduct"], &product["publisherName"]), (&json!(false), &json!("Contoso Cloud")));
    assert_eq!(product.get("attributes"), None);
    assert_eq!(partner.get(&path_of(&product["links"]["self"])).await.expect(200), product);

    let skus = partner.get(&path_of(&product["links"]["skus"])).await.expect(200);
    // A private plan and one that is not sold any more are not among them.
    assert_eq!(skus["totalCount"], 3, "{skus}");
    let sku = find(&skus, |sku| sku["title"] == "Contoso CRM - Team");
    assert_eq!((&sku["minimumQuantity"], &sku["maximumQuantity"]), (&json!(5), &json!(50)));
    assert_eq!(sku["supportedBillingCycles"], json!(["monthly", "annual"]));
    assert_eq!(partner.get(&path_of(&sku["links"]["self"])).await.expect(200), sku);
    let trial = find(&skus, |sku| sku["title"] == "Contoso CRM - Starter");
    assert_eq!((&trial["isTrial"], &trial["supportedBillingCycles"]), (&json!(true), &json!(["none"])));

    let availabilities = partner.get(&path_of(&sku["links"]["availabilities"])).await.expect(200);
    let availability = &availabilities["items"][0];
    let item = text(availability, "catalogItemId");
    assert_eq!(item, format!("{}:{}:{}", text(&product, "id"), text(&sku, "id"), text(availability, "id")));
    assert_eq!(availability["defaultCurrency"], json!({ "code": "USD", "symbol": "$" }));
    let term = &availability["terms"][1];
    assert_eq!((&term["duration"], &term["billingCycle"]), (&json!("P1Y"), &json!("Annual")));
    assert_eq!(term["cancellationPolicies"][0]["refundOptions"][0]["expiresAfter"], "P3D");
    assert_eq!(partner.get(&path_of(&availability["links"]["self"])).await.expect(200), *availability);
    world.stop().await;
}

/// Sections 4.2 to 4.4: what is not there, and what can't be asked.
#[tokio::test]
async fn what_the_catalogue_has_not_is_told_apart() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let products = partner.get("/products?country=US&targetView=Azure").await.expect(200);
    let product = path_of(&find(&products, |product| product["title"] == "Contoso CRM")["links"]["self"]);
    let (product, market) = product.split_once('?').unwrap();
    let table = [
        ("/products?targetView=Azure".to_owned(), 400, 800_002),
        ("/products?country=US".to_owned(), 400, 800_002),
        ("/products?country=US&targetView=Toys".to_owned(), 403, 400_036),
        ("/products?country=US&targetView=Azure&targetSegment=toys".to_owned(), 403, 400_030),
        ("/products/DZH318Z00000?country=US".to_owned(), 404, 400_013),
        (format!("{product}?country=IT"), 404, 400_013),
        (format!("{product}/skus/0099?{market}"), 404, 400_018),
        (format!("{product}/skus/0002/availabilities/DZH318Z00000?{market}"), 404, 400_019),
    ];
    for (path, status, code) in table {
        assert_eq!(refused(&partner.get(&path).await, status), code, "{path}");
    }
    assert_eq!(partner.get("/products?country=IT&targetView=Azure").await.expect(200)["totalCount"], 0);
    assert_eq!(partner.get("/products?country=US&targetView=Software").await.expect(200)["totalCount"], 0);
    world.stop().await;
}

/// E16: a customer's products are those of its market, and the private ones that are meant for it.
#[tokio::test]
async fn a_customer_sees_its_private_plans() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let titles = |company: &'static str| {
        let partner = partner.clone();
        async move {
            let customer = partner.customer(company).await;
            let path = format!("/customers/{customer}/products?targetView=MarketplaceSaaS");
            let products = partner.get(&path).await.expect(200);
            assert_eq!(products, partner.post(&path, &Value::Null).await.expect(200), "GET and POST");
            let product = find(&products, |product| product["title"] == "Contoso CRM");
            assert!(path_of(&product["links"]["skus"]).starts_with(&format!("/customers/{customer}/products/")));
            let skus = partner.get(&path_of(&product["links"]["skus"])).await.expect(200);
            let skus = skus["items"].as_array().unwrap();
            for sku in skus {
                let found = partner.get(&path_of(&sku["links"]["availabilities"])).await.expect(200);
                partner.get(&path_of(&found["items"][0]["links"]["self"])).await.expect(200);
            }
            skus.iter().map(|sku| text(sku, "title")).collect::<Vec<_>>()
        }
    };
    assert_eq!(titles("Northwind").await.len(), 3);
    let seen = titles("Adventure").await;
    assert!(seen.contains(&"Contoso CRM - Enterprise for Adventure Works".to_owned()), "{seen:?}");
    world.stop().await;
}
