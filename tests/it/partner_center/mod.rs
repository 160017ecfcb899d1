//! Partner Center's API, row by row of the index of what is known (section 1.9: E1 to E40), over real HTTP with tokens of
//! the stand-in identity.

mod access;
mod activity;
mod buying;
mod catalogue;
mod customers;
mod invoices;
mod journey;
mod portal;
mod portal_customers;
mod portal_lists;
mod subscriptions;
mod webhooks;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::world::{Reply, SANDBOX, World, send, text};

/// A CSP partner's own program, with an access token.
#[derive(Debug, Clone)]
pub(crate) struct Partner {
    base_url: String,
    http: Client,
    pub(crate) token: String,
    environment: Value,
}

impl World {
    /// A partner's program that acts for itself, in the world's sandbox.
    pub(crate) async fn partner(&self, id: &str) -> Partner {
        self.partner_in(SANDBOX, id).await
    }

    /// Sets rules of the world's sandbox.
    pub(crate) async fn set_rules(&self, rules: Value) {
        let settings = json!({ "rules": rules });
        self.control(Method::PATCH, &format!("/sandboxes/{SANDBOX}"), Some(settings)).await.expect(200);
    }

    /// From now on the stand-in publisher says no to every change.
    pub(crate) async fn publisher_refuses(&self) {
        let path = format!("/sandboxes/{SANDBOX}/faults/webhook");
        self.control(Method::PUT, &path, Some(json!({ "manner": "refuse" }))).await.expect(200);
    }

    pub(crate) async fn partner_in(&self, sandbox: &str, id: &str) -> Partner {
        let environment = self.get(&format!("/sim/v1/sandboxes/{sandbox}/environment")).await.expect(200);
        let partners = environment["partners"].as_array().unwrap();
        let environment = partners.iter().find(|one| one["partner"] == id).unwrap().clone();
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", text(&environment, "clientId")),
            ("client_secret", text(&environment, "clientSecret")),
            ("resource", "https://api.partnercenter.microsoft.com".to_owned()),
        ];
        let reply = send(self.http.post(text(&environment, "tokenEndpoint")).form(&form)).await;
        let token = text(&reply.expect(200), "access_token");
        let (base_url, http) = (self.base_url.clone(), self.http.clone());
        Partner { base_url, http, token, environment }
    }
}

impl Partner {
    /// The same program, acting for somebody who has signed in: the one of that role.
    pub(crate) async fn signed_in_as(&self, role: &str) -> Self {
        let users = self.environment["users"].as_array().unwrap();
        let user = users.iter().find(|user| user["role"] == role).unwrap();
        let tenant = text(&self.environment, "tenantId");
        let back = "http://localhost:9/back";
        let form = [
            ("client_id", text(&self.environment, "clientId")),
            ("redirect_uri", back.to_owned()),
            ("response_type", "code".to_owned()),
            ("response_mode", "query".to_owned()),
            ("user", text(user, "objectId")),
        ];
        let url = format!("{}/{tenant}/oauth2/authorize", self.base_url);
        let answer = self.http.post(&url).header("origin", &self.base_url).form(&form).send().await.unwrap();
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let location = reqwest::Url::parse(&location).unwrap();
        let code = location.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let form = [
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", back.to_owned()),
            ("client_id", text(&self.environment, "clientId")),
            ("client_secret", text(&self.environment, "clientSecret")),
            ("resource", "https://api.partnercenter.microsoft.com".to_owned()),
        ];
        let reply = send(self.http.post(text(&self.environment, "tokenEndpoint")).form(&form)).await.expect(200);
        assert_eq!(reply["scope"], "user_impersonation");
        Self { token: text(&reply, "access_token"), ..self.clone() }
    }

    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v1{path}", self.base_url)).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Reply {
        send(self.request(Method::PATCH, path).json(body)).await
    }

    /// The tenant of a customer, by its name.
    pub(crate) async fn customer(&self, company: &str) -> String {
        let filter = json!({ "Field": "CompanyName", "Value": company, "Operator": "starts_with" }).to_string();
        let request = self.request(Method::GET, "/customers").query(&[("size", "40"), ("filter", &filter)]);
        let found = send(request).await.expect(200);
        text(&found["items"][0], "id")
    }

    /// The catalogue item of a plan, found as a program finds it: product, SKU, availability.
    pub(crate) async fn item(&self, offer: &str, plan: &str) -> String {
        let products = self.get("/products?country=US&targetView=MarketplaceSaaS").await.expect(200);
        let product = find(&products, |product| product["title"] == offer);
        let skus = self.get(&path_of(&product["links"]["skus"])).await.expect(200);
        let sku = find(&skus, |sku| text(sku, "title").ends_with(plan));
        let availabilities = self.get(&path_of(&sku["links"]["availabilities"])).await.expect(200);
        text(&availabilities["items"][0], "catalogItemId")
    }

    /// Buys a plan through a cart; tells the order.
    pub(crate) async fn buys(&self, customer: &str, item: &str, quantity: u32) -> Value {
        let line = json!({ "id": 0, "catalogItemId": item, "quantity": quantity, "friendlyName": "Ours" });
        let cart =
            self.post(&format!("/customers/{customer}/carts"), &json!({ "lineItems": [line] })).await.expect(201);
        let checkout = format!("/customers/{customer}/carts/{}/checkout", text(&cart, "id"));
        self.post(&checkout, &Value::Null).await.expect(201)["orders"][0].clone()
    }

    /// Five seats of Contoso CRM, Team, for Northwind: the customer and the subscription.
    pub(crate) async fn has_bought(&self) -> (String, String) {
        let customer = self.customer("Northwind").await;
        let item = self.item("Contoso CRM", "Team").await;
        let order = self.buys(&customer, &item, 5).await;
        (customer, text(&order["lineItems"][0], "subscriptionId"))
    }

    /// The subscription as it stands.
    pub(crate) async fn subscription(&self, customer: &str, id: &str) -> Value {
        self.get(&format!("/customers/{customer}/subscriptions/{id}")).await.expect(200)
    }

    /// Changes something of the resource as it was read, as the documentation says to.
    pub(crate) async fn changes(&self, customer: &str, id: &str, change: &Value) -> Reply {
        let mut body = self.subscription(customer, id).await;
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.patch(&format!("/customers/{customer}/subscriptions/{id}"), &body).await
    }
}

/// What the stand-in publisher does with what was bought: both confirmations.
pub(crate) async fn publisher_activates(world: &World, id: &str) {
    let publisher = world.publisher("contoso").await;
    publisher.activate(id).await.expect(200);
    publisher.reports(id, 1).await.expect(200);
}

/// A link's path, behind `/v1`.
pub(crate) fn path_of(link: &Value) -> String {
    text(link, "uri")
}

/// The item of a collection that fits.
pub(crate) fn find(collection: &Value, fits: impl Fn(&Value) -> bool) -> Value {
    collection["items"].as_array().unwrap().iter().find(|item| fits(item)).unwrap().clone()
}

/// The code of an error.
#[track_caller]
pub(crate) fn refused(reply: &Reply, status: u16) -> i64 {
    let body = reply.expect(status);
    assert_eq!(body["source"], "PartnerFD", "{body}");
    assert_eq!(body["data"], json!([]), "{body}");
    assert!(!text(&body, "description").is_empty());
    body["code"].as_i64().unwrap()
}
