//! Whether the calls of Partner Center cost the same with many customers and subscriptions as with few.

use std::{sync::Arc, time::Duration};

use rehearsal::cli::wiring::{Server, ServerOptions};
use serde_json::{Value, json};

use crate::{
    app_token,
    client::{Requests, request, run},
    control, fetch,
};

/// A page of customers holds as many: with fewer stored, a page would be cheaper for being shorter.
const FEW: usize = 100;
const SUBSCRIPTIONS_EACH: usize = 10;
const CLIENTS: usize = 64;
const READERS: usize = 8;

/// A server with customers of one partner, each with subscriptions that are billed.
struct Shop {
    server: Server,
    partner: String,
    person: String,
    publisher: String,
}

/// Prints what each list costs with `many` customers, beside what it costs with few.
pub async fn lists(many: usize, time: Duration) {
    println!("\nPartner Center: {FEW}, then {many} customers, each with {SUBSCRIPTIONS_EACH} billed subscriptions");
    let folder = tempfile::tempdir().expect("a folder");
    let options = ServerOptions { data: Some(folder.path().to_owned()), ..ServerOptions::default() };
    let shop = Shop::open(Server::start(options).await.expect("the server starts")).await;
    shop.fill(0..FEW).await;
    let few = shop.rates(time).await;
    shop.fill(FEW..many).await;
    for ((what, few), (_, many)) in few.into_iter().zip(shop.rates(time).await) {
        println!("  {what}: {few:.0}/s, then {many:.0}/s; cost many / few {:.2}", few / many);
    }
    shop.server.stop().await.expect("the server stops");
}

impl Shop {
    async fn open(server: Server) -> Self {
        let environment = control(&server, "/sim/v1/sandboxes/default/environment").await;
        let named = |list: &str, what: &str, name: &str| {
            let all = environment[list].as_array().expect("a list");
            all.iter().find(|one| one[what] == name).expect("somebody of that name").clone()
        };
        let center = environment["partnerCenterResource"].as_str().expect("a text");
        let partner = named("partners", "partner", "proseware");
        let publisher = named("publishers", "publisher", "fabrikam");
        let marketplace = environment["resource"].as_str().expect("a text");
        Self {
            partner: app_token(&partner, ("resource", center.to_owned())).await,
            person: person_token(&server, &partner, center).await,
            publisher: app_token(&publisher, ("scope", format!("{marketplace}/.default"))).await,
            server,
        }
    }

    /// Makes customers, has each accept the agreement, buys for each and activates what was bought.
    async fn fill(&self, numbers: std::ops::Range<usize>) {
        let known = self.customers().await;
        let made = numbers.map(|number| {
            let address = json!({ "firstName": "Ada", "lastName": "Rossi", "addressLine1": "Testweg 1",
                "city": "Berlin", "postalCode": "10115", "country": "DE" });
            let body = json!({ "companyProfile": { "domain": format!("bench{number}.onmicrosoft.com") },
                "billingProfile": { "culture": "de-DE", "language": "de", "email": "ada@bench.example",
                    "companyName": format!("Bench {number:05}"), "defaultAddress": address } });
            self.post("/v1/customers", &self.partner, &body)
        });
        self.send(made.collect()).await;
        let mut new = self.customers().await;
        new.retain(|id| !known.contains(id));
        let agreement = json!({ "primaryContact": { "firstName": "Ada", "lastName": "Rossi", "email": "ada@bench.example" },
            "templateId": "117a77b0-9360-443b-8795-c6dedc750cf9", "dateAgreed": "2020-01-01T00:00:00Z",
            "type": "MicrosoftCustomerAgreement" });
        let agreed =
            new.iter().map(|id| self.post(&format!("/v1/customers/{id}/agreements"), &self.person, &agreement));
        self.send(agreed.collect()).await;
        let purchases = new.iter().flat_map(|id| {
            let body = json!({ "customer": id, "offer": "fabrikam-insights", "plan": "standard" });
            (0..SUBSCRIPTIONS_EACH).map(move |_| self.post("/sim/v1/sandboxes/default/purchases", "", &body))
        });
        self.send(purchases.collect()).await;
        let ids = self.pending().await;
        let activations = ids.iter().map(|id| {
            let path = format!("/api/saas/subscriptions/{id}/activate?api-version=2018-08-31");
            request("POST", &path, &[("Authorization", &format!("Bearer {}", self.publisher))], "")
        });
        self.send(activations.collect()).await;
    }

    /// Answers in a second, of each call.
    async fn rates(&self, time: Duration) -> Vec<(&'static str, f64)> {
        let customer = self.customers().await.pop().expect("a customer");
        let of_customer = format!("/v1/customers/{customer}");
        let listed = fetch(&self.server, &format!("{of_customer}/subscriptions"), &self.partner).await;
        let one = listed["items"][0]["id"].as_str().expect("a subscription").to_owned();
        let filter = "%7B%22Field%22%3A%22CompanyName%22%2C%22Value%22%3A%22Bench%2000001%22%2C%22Operator%22%3A%22starts_with%22%7D";
        let unbilled = "/v1/invoices/unbilled/lineitems?provider=onetime&invoicelineitemtype=billinglineitems\
                        &currencycode=eur&period=current&size=100";
        let calls = [
            ("page of 40 customers", "/v1/customers?size=40".to_owned()),
            ("customers whose name begins so", format!("/v1/customers?size=40&filter={filter}")),
            ("a customer's 10 subscriptions", format!("{of_customer}/subscriptions")),
            ("one subscription", format!("{of_customer}/subscriptions/{one}")),
            ("a customer's orders", format!("{of_customer}/orders")),
            ("products", "/v1/products?country=DE&targetView=MarketplaceSaaS".to_owned()),
            ("invoices", "/v1/invoices".to_owned()),
            ("100 unbilled lines", unbilled.to_owned()),
        ];
        let bearer = format!("Bearer {}", self.partner);
        let mut rates = Vec::new();
        for (what, path) in calls {
            let call = request("GET", &path, &[("Authorization", &bearer)], "");
            let rate = run(self.server.address, READERS, time, Requests::Same(call.into())).await;
            assert_eq!(rate.failures, 0, "{what}: every call succeeds");
            rates.push((what, rate.per_second));
        }
        rates
    }

    /// The ids of the customers that were made here.
    async fn customers(&self) -> Vec<String> {
        let mut ids = Vec::new();
        let mut next = Some("/customers?size=500".to_owned());
        let client = reqwest::Client::new();
        let mut place: Option<String> = None;
        while let Some(path) = next {
            let call = client.get(format!("{}/v1{path}", self.server.base_url)).bearer_auth(&self.partner);
            let call = place.iter().fold(call, |call, place| call.header("MS-ContinuationToken", place));
            let page: Value = call.send().await.expect("an answer").json().await.expect("JSON");
            let items = page["items"].as_array().expect("a list");
            let ours = items.iter().filter(|one| {
                one["companyProfile"]["companyName"].as_str().is_some_and(|name| name.starts_with("Bench"))
            });
            ids.extend(ours.filter_map(|one| one["id"].as_str().map(str::to_owned)));
            next = page["links"]["next"]["uri"].as_str().map(str::to_owned);
            place = page["links"]["next"]["headers"][0]["value"].as_str().map(str::to_owned);
        }
        ids
    }

    /// What has been bought and not yet activated.
    async fn pending(&self) -> Vec<String> {
        let mut ids = Vec::new();
        let mut query = Some("?limit=500".to_owned());
        while let Some(page) = query {
            let page = control(&self.server, &format!("/sim/v1/sandboxes/default/subscriptions{page}")).await;
            let listed = page["subscriptions"].as_array().expect("a list");
            let pending = listed.iter().filter(|one| one["status"] == "PendingFulfillmentStart");
            ids.extend(pending.filter_map(|one| one["id"].as_str().map(str::to_owned)));
            query = page["next"].as_str().map(|next| format!("?{}", next.trim_start_matches('?')));
        }
        ids
    }

    fn post(&self, path: &str, token: &str, body: &Value) -> Vec<u8> {
        let bearer = format!("Bearer {token}");
        let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
        let headers = if token.is_empty() { &headers[..1] } else { &headers[..] };
        request("POST", path, headers, &body.to_string())
    }

    async fn send(&self, requests: Vec<Vec<u8>>) {
        let rate =
            run(self.server.address, CLIENTS, Duration::from_secs(600), Requests::Each(Arc::new(requests))).await;
        assert_eq!(rate.failures, 0, "every call succeeds");
    }
}

/// A token for whoever is global admin of a partner: agreements are confirmed by people only.
async fn person_token(server: &Server, partner: &Value, resource: &str) -> String {
    const BACK: &str = "http://localhost/back";
    let text = |from: &Value, name: &str| from[name].as_str().expect("a text").to_owned();
    let users = partner["users"].as_array().expect("a list");
    let user = users.iter().find(|user| user["role"] == "globalAdmin").expect("a global admin");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let form = [
        ("client_id", text(partner, "clientId")),
        ("redirect_uri", BACK.to_owned()),
        ("response_type", "code".to_owned()),
        ("response_mode", "query".to_owned()),
        ("user", text(user, "objectId")),
    ];
    let url = format!("{}/{}/oauth2/authorize", server.base_url, text(partner, "tenantId"));
    let answer = client.post(url).header("origin", &server.base_url).form(&form).send().await.expect("an answer");
    let location = answer.headers()["location"].to_str().expect("an address").parse::<reqwest::Url>();
    let location = location.expect("an address");
    let (_, code) = location.query_pairs().find(|(name, _)| name == "code").expect("a code");
    let form = [
        ("grant_type", "authorization_code".to_owned()),
        ("code", code.into_owned()),
        ("redirect_uri", BACK.to_owned()),
        ("client_id", text(partner, "clientId")),
        ("client_secret", text(partner, "clientSecret")),
        ("resource", resource.to_owned()),
    ];
    let answer = client.post(text(partner, "tokenEndpoint")).form(&form).send().await.expect("an answer");
    text(&answer.json().await.expect("JSON"), "access_token")
}
