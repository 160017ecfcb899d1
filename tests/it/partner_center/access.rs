//! Who may call: tokens, roles, what every answer carries, and how many calls there may be (sections 1, 2 and 12.3).

use reqwest::Method;
use serde_json::{Value, json};

use super::{Partner, refused};
use crate::world::{World, send, text};

/// Section 2.1, 1.7: a token of the marketplace, of another sandbox's partner, a forged one, none.
#[tokio::test]
async fn only_tokens_for_partner_center_are_taken() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let publisher = world.publisher("contoso").await;
    let asks = |partner: Partner| async move { partner.get("/customers").await };
    let reply = send(world.request(Method::GET, "/v1/customers")).await;
    assert_eq!(refused(&reply, 401), 800_001);
    assert!(reply.header("www-authenticate").unwrap().starts_with("OAuth realm=urn:cpsvc:cpid:"), "{reply:?}");
    assert_eq!(refused(&asks(partner.with_token(&publisher.token)).await, 401), 400, "the marketplace's");
    assert_eq!(refused(&asks(partner.with_token("a.b.c")).await, 401), 400);
    asks(partner.clone()).await.expect(200);
    // The other way round: a partner's token is nothing to the marketplace.
    let foreign = publisher.with_token(partner.token.clone());
    assert_eq!(foreign.lists().await.status, 403);
    world.operator().advances("PT2H").await;
    assert_eq!(refused(&asks(partner).await, 401), 400, "expired on the sandbox's clock");
    world.stop().await;
}

/// Section 2.2: the audience of graph.windows.net was retired.
#[tokio::test]
async fn a_token_for_the_old_graph_is_taken_only_where_the_rule_says_so() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", text(&partner.environment, "clientId")),
        ("client_secret", text(&partner.environment, "clientSecret")),
        ("resource", "https://graph.windows.net".to_owned()),
    ];
    let reply = send(world.http.post(text(&partner.environment, "tokenEndpoint")).form(&form)).await.expect(200);
    let old = partner.with_token(&text(&reply, "access_token"));
    assert_eq!(refused(&old.get("/customers").await, 401), 900_420);
    world.set_rules(json!({ "partnerCenterAudience": "graph" })).await;
    old.get("/customers").await.expect(200);
    world.stop().await;
}

/// Section 12.3: each role may what its page says; section 2.1: some calls are for people only.
#[tokio::test]
async fn each_role_may_what_its_page_says() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let (customer, id) = partner.has_bought().await;
    let one = format!("/customers/{customer}/subscriptions/{id}");
    let company = format!("/customers/{customer}/profiles/company");
    let table = [
        ("globalAdmin", "....."),
        ("adminAgent", "....."),
        ("salesAgent", "..!.!"),
        ("helpdeskAgent", "..!!!"),
        ("billingAdmin", "..!!."),
    ];
    for (role, expected) in table {
        let person = partner.signed_in_as(role).await;
        let replies = [
            person.get(&one).await,
            person.get(&company).await,
            person.changes(&customer, &id, &json!({ "friendlyName": role })).await,
            person.post(&format!("/customers/{customer}/carts"), &cart()).await,
            person.get("/invoices").await,
        ];
        let found: String = replies.iter().map(|reply| if reply.status == 403 { '!' } else { '.' }).collect();
        assert_eq!(found, expected, "{role}");
        let no = replies.iter().filter(|reply| reply.status == 403);
        assert!(no.map(|reply| refused(reply, 403)).all(|code| code == 900_150), "{role}");
    }
    assert_eq!(refused(&partner.get(&company).await, 403), 900_329, "an app that acts for itself");
    world.stop().await;
}

fn cart() -> Value {
    json!({ "lineItems": [{ "id": 0, "catalogItemId": "none", "quantity": 1 }] })
}

/// Design, rule 5: two partners, two sandboxes, one server: neither sees what the others have.
#[tokio::test]
async fn neither_partner_nor_sandbox_sees_the_customers_of_another() {
    let world = World::start().await;
    world.create_sandbox("other").await;
    let proseware = world.partner("proseware").await;
    let litware = world.partner("litware").await;
    let elsewhere = world.partner_in("other", "proseware").await;
    let (customer, id) = proseware.has_bought().await;
    let names = |list: Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap();
        items.iter().map(|item| text(&item["companyProfile"], "companyName")).collect()
    };
    let of = |partner: Partner| async move { partner.get("/customers?size=40").await.expect(200) };
    assert_eq!(names(of(proseware.clone()).await), ["Adventure Works Cycles", "Northwind Traders", "Tailwind Toys"]);
    assert_eq!(
        names(of(litware.clone()).await),
        ["Coho Winery", "Margie's Travel", "Wide World Importers", "Woodgrove Bank"]
    );
    for path in ["", "/subscriptions", "/orders", &format!("/subscriptions/{id}")] {
        let path = format!("/customers/{customer}{path}");
        assert_eq!(refused(&litware.get(&path).await, 403), 20_002, "{path}");
        assert_eq!(refused(&elsewhere.get(&path).await, 404), 60_003, "{path}");
    }
    // Its own customer, another's subscription.
    let own = litware.customer("Coho").await;
    assert_eq!(refused(&litware.get(&format!("/customers/{own}/subscriptions/{id}")).await, 404), 20_003);
    world.stop().await;
}

/// Sections 1.2 and 1.3: ids are echoed, in any case of their names; the catalogue echoes them twice.
#[tokio::test]
async fn answers_carry_the_documented_headers() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    let ids = ("5a4c1a8e-2f0b-4c67-9a0e-5b7c2b8f0001", "5a4c1a8e-2f0b-4c67-9a0e-5b7c2b8f0002");
    let asks = |path: &str| {
        let request = partner.request(Method::GET, path);
        send(request.header("MS-RequestId", ids.0).header("ms-correlationid", ids.1))
    };
    let reply = asks("/customers").await;
    assert_eq!((reply.header("ms-requestid"), reply.header("ms-correlationid")), (Some(ids.0), Some(ids.1)));
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(reply.header("x-locale"), Some("en-US"));
    let vector = reply.header("ms-cv").unwrap();
    assert!(vector.len() == 18 && vector.ends_with(".0"), "{vector}");
    assert!(reply.header("ms-serverid").is_some());
    let reply = asks("/products?country=US&targetView=MarketplaceSaaS").await;
    assert_eq!(reply.header("ms-requestid"), Some(format!("{0},{0}", ids.0).as_str()));
    assert_eq!(reply.header("server"), Some("Microsoft-IIS/10.0"));
    // Paths in any case, and what there is not.
    partner.get("/Customers?size=1").await.expect(200);
    assert_eq!(refused(&partner.get("/nothing/of/the/kind").await, 404), 1000);
    world.stop().await;
}

/// Section 1.8: the documented limit, where it is asked for.
#[tokio::test]
async fn too_many_calls_in_a_minute_are_refused_in_a_shape_of_their_own() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    world.set_rules(json!({ "throttling": "documented" })).await;
    for _ in 0..500 {
        assert_eq!(partner.get("/agreements").await.status, 403);
    }
    let reply = partner.get("/customers").await;
    let expected = json!({ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 60 seconds." });
    assert_eq!((reply.expect(429), reply.header("retry-after")), (expected, Some("60")));
    world.partner("litware").await.get("/customers").await.expect(200);
    world.operator().advances("PT1M").await;
    partner.get("/customers").await.expect(200);
    world.stop().await;
}

/// Section 1.7: every 4xx has a body, also one that never gets as far as a call.
#[tokio::test]
async fn whatever_is_refused_is_refused_in_json() {
    let world = World::start().await;
    let partner = world.partner("proseware").await;
    assert_eq!(refused(&partner.get("/customers/%ff").await, 400), 800_002);
    let large = partner.request(Method::POST, "/customers").body("x".repeat(257 * 1024));
    assert_eq!(refused(&send(large).await, 413), 800_002);
    assert_eq!(refused(&send(partner.request(Method::PUT, "/customers")).await, 405), 900_141);
    assert_eq!(refused(&partner.get("/nothing").await, 404), 1000);
    world.stop().await;
}
