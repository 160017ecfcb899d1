//! Where rows are proven: one server with a publisher's own webhook, and a sandbox for each row.

use reqwest::Method;
use serde_json::{Value, json};

use rehearsal::cli::wiring::ServerOptions;

use crate::{
    own_webhook::{Call, Webhook},
    world::{Operator, Publisher, Reply, START, World, send, text},
};

/// A subscription that there is not.
pub(super) const NOBODY: &str = "0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9";

pub(super) struct Stage {
    world: World,
    webhook: Webhook,
}

/// A row's own sandbox: its clock stands still, its timers run when it is advanced, its first publisher is Contoso.
pub(super) struct Act<'a> {
    pub(super) world: &'a World,
    pub(super) webhook: &'a Webhook,
    pub(super) sandbox: String,
    pub(super) contoso: Publisher,
}

impl Stage {
    pub(super) async fn build() -> Self {
        let webhook = Webhook::listen().await;
        let options = ServerOptions { webhook: Some(webhook.url().parse().unwrap()), ..ServerOptions::default() };
        Self { world: World::start_with(options).await, webhook }
    }

    pub(super) async fn act(&self, place: usize) -> Act<'_> {
        let sandbox = format!("row-{place}");
        // A seed of its own: sandboxes of one seed have the same ids, and one webhook hears of all of them.
        let new = json!({ "name": sandbox, "seed": place, "frozenAt": START, "timers": "manual" });
        self.world.control(Method::POST, "/sandboxes", Some(new)).await.expect(201);
        self.webhook.answers(200);
        let contoso = self.world.publisher_in(&sandbox, "contoso").await;
        Act { world: &self.world, webhook: &self.webhook, sandbox, contoso }
    }
}

impl Act<'_> {
    pub(super) fn operator(&self) -> Operator<'_> {
        self.world.operator_of(&self.sandbox)
    }

    /// A call of the control API, below the sandbox.
    pub(super) async fn control(&self, method: Method, path: &str, body: Value) -> Reply {
        self.world.control(method, &format!("/sandboxes/{}{path}", self.sandbox), Some(body)).await
    }

    /// Chooses for a rule.
    pub(super) async fn choose(&self, rule: &str, choice: &str) {
        let changed = self.control(Method::PATCH, "", json!({ "rules": { rule: choice } })).await.expect(200);
        let usual =
            rehearsal::domain::rules::Rules::CARDS.iter().find(|card| card.name == rule).unwrap().choices[0].name;
        let told = if choice == usual { Value::Null } else { choice.into() };
        assert_eq!(changed["rules"][rule], told);
    }

    pub(super) async fn delays(&self, delays: &str) {
        self.control(Method::PATCH, "", json!({ "delays": delays })).await.expect(200);
    }

    pub(super) async fn advances(&self, by: &str) {
        self.operator().advances(by).await;
    }

    async fn buys(&self, plan: (&str, &str), quantity: Option<u32>, direct: bool) -> Value {
        let mut order = json!({ "customer": "northwind", "offer": plan.0, "plan": plan.1, "direct": direct });
        if let Some(quantity) = quantity {
            order["quantity"] = quantity.into();
        }
        self.world.buyer().tries_in(&self.sandbox, order).await.expect(201)
    }

    /// Five seats that the customer bought for itself, pending.
    pub(super) async fn seats(&self) -> Value {
        self.buys(("contoso-crm", "team"), Some(5), true).await
    }

    /// A flat rate with usage on top, pending.
    pub(super) async fn flat_rate(&self) -> Value {
        self.buys(("contoso-mail", "growth"), None, true).await
    }

    /// Five seats that a CSP partner bought, pending.
    pub(super) async fn csp_seats(&self) -> Value {
        self.buys(("contoso-crm", "team"), Some(5), false).await
    }

    /// The publisher with a token of now: the one that it began with lives for an hour.
    async fn fresh(&self) -> Publisher {
        self.world.publisher_in(&self.sandbox, "contoso").await
    }

    /// Activates what was bought, licences assigned, and tells its id.
    pub(super) async fn activated(&self, bought: &Value) -> String {
        let id = text(bought, "id");
        let contoso = self.fresh().await;
        contoso.activate(&id).await.expect(200);
        contoso.reports(&id, 1).await.expect(200);
        id
    }

    /// Five seats of the customer's own, active.
    pub(super) async fn active(&self) -> String {
        self.activated(&self.seats().await).await
    }

    /// A call of the publisher about a subscription, below `/api/saas/subscriptions/{id}`.
    pub(super) async fn calls(&self, method: Method, id: &str, path: &str, body: &str) -> Reply {
        let request = self.fresh().await.request(method, &format!("/subscriptions/{id}{path}"));
        send(request.header("content-type", "application/json").body(body.to_owned())).await
    }

    /// Status and body of a call.
    pub(super) async fn told(&self, method: Method, id: &str, path: &str, body: &str) -> (u16, String) {
        let reply = self.calls(method, id, path, body).await;
        (reply.status, reply.text)
    }

    /// A field of the subscription, as the publisher reads it.
    pub(super) async fn reads(&self, id: &str, field: &str) -> Value {
        self.fresh().await.get(id).await.expect(200)[field].clone()
    }

    /// The buyer asks for seats in the marketplace, and the webhook hears of it; tells the operation's id.
    pub(super) async fn buyer_changes(&self, id: &str, quantity: u32) -> String {
        let body = json!({ "quantity": quantity });
        let change = self.control(Method::POST, &format!("/subscriptions/{id}/changes"), body).await.expect(202);
        self.advances("PT0S").await;
        text(&change, "id")
    }

    /// The publisher asks for seats; tells the operation's id.
    pub(super) async fn publisher_changes(&self, id: &str, quantity: u32) -> String {
        let reply = self.calls(Method::PATCH, id, "", &json!({ "quantity": quantity }).to_string()).await;
        assert_eq!((reply.status, reply.text.as_str()), (202, ""));
        reply.header("operation-id").unwrap().to_owned()
    }

    /// The status of an operation.
    pub(super) async fn status(&self, id: &str, operation: &str) -> String {
        let reply = self.calls(Method::GET, id, &format!("/operations/{operation}"), "").await;
        text(&reply.expect(200), "status")
    }

    /// The publisher answers an operation.
    pub(super) async fn answers(&self, id: &str, operation: &str, word: &str) -> (u16, String) {
        self.told(Method::PATCH, id, &format!("/operations/{operation}"), &json!({ "status": word }).to_string()).await
    }

    /// A call of the control API about a subscription, then everything that is due.
    pub(super) async fn does(&self, method: Method, id: &str, what: &str, body: Value) -> Value {
        let reply = self.control(method, &format!("/subscriptions/{id}/{what}"), body).await;
        assert!(reply.status < 300, "{}", reply.text);
        self.advances("PT0S").await;
        reply.json()
    }

    /// What the webhook has heard about a subscription.
    pub(super) fn heard(&self, id: &str) -> Vec<Call> {
        self.webhook.heard().into_iter().filter(|call| call.body.contains(id)).collect()
    }

    /// The last of it, as JSON.
    pub(super) fn last_heard(&self, id: &str) -> Value {
        let last = self.heard(id).pop().expect("the webhook was called");
        serde_json::from_str(&last.body).unwrap()
    }

    /// The ledger of a subscription: kinds and amounts.
    pub(super) async fn ledger(&self, id: &str) -> Vec<(String, String)> {
        let subscription = self.operator().subscription(id).await;
        let lines = subscription["ledger"].as_array().unwrap().iter();
        lines.map(|line| (text(line, "kind"), text(&line["amount"], "amount"))).collect()
    }

    /// A usage event of the flat rate, at an instant.
    pub(super) fn usage(id: &str, dimension: &str, at: &str) -> Value {
        json!({ "resourceId": id, "quantity": 4.5, "dimension": dimension, "effectiveStartTime": at, "planId": "growth" })
    }

    pub(super) async fn posts(&self, path: &str, body: &Value) -> Reply {
        send(self.contoso.raw(Method::POST, &format!("/api/{path}?api-version=2018-08-31")).json(body)).await
    }

    /// The time at which every row begins.
    pub(super) const fn start() -> &'static str {
        START
    }
}
