//! A random workload: buyers, publisher, payments, the clock and a moody webhook do what they like, the server is stopped
//! and started in between, and after every step each subscription, operation, ledger and webhook is what an independent
//! model of the specification says.
//!
//! `WORKLOAD_SEED` and `WORKLOAD_STEPS` choose another one, or a longer one; a failure shows both.

mod calendar;
mod invoices;
mod model;

use std::{collections::BTreeMap, path::Path};

use rand::{RngExt as _, SeedableRng, rngs::ChaCha8Rng};
use rehearsal::cli::wiring::ServerOptions;
use reqwest::Method;
use serde_json::{Value, json};

use self::{
    calendar::Day,
    model::{Effect, Plan, State, Subscription},
};
use crate::{
    own_webhook::Webhook,
    world::{Publisher, Reply, World, send, text},
};

const SANDBOX: &str = "workload";
/// 2026-01-29T09:00:00Z: months end differently from here on.
const START: i64 = 1_769_677_200_000;
/// No more than so many at a time, so that things happen to each.
const SUBSCRIPTIONS: usize = 6;

struct Workload {
    world: Option<World>,
    webhook: Webhook,
    contoso: Publisher,
    rng: ChaCha8Rng,
    now: i64,
    /// What the webhook answers.
    mood: u16,
    subscriptions: Vec<Subscription>,
    /// Those that nothing is done to any more, but time.
    retired: Vec<Subscription>,
    /// What the webhook has heard of each subscription, each call once, however often it was made: operation and action.
    heard: BTreeMap<String, Vec<(String, String)>>,
    log: Vec<String>,
}

/// A number that the environment gives, or the usual one.
#[expect(clippy::disallowed_methods, reason = "chooses another workload, and is no setting of the product")]
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_the_server_and_the_model_agree() {
    let (seed, steps) = (setting("WORKLOAD_SEED", 1), setting("WORKLOAD_STEPS", 300));
    let folder = tempfile::tempdir().unwrap();
    let mut workload = Workload::begin(folder.path(), seed).await;
    for step in 0..steps {
        workload.act(folder.path()).await;
        let mut wrong = workload.differences().await;
        if step % 20 == 19 {
            wrong.extend(workload.wrong_invoices().await);
        }
        assert!(
            wrong.is_empty(),
            "WORKLOAD_SEED={seed} WORKLOAD_STEPS={steps}, step {step}:\n{}\n{}",
            workload.log.iter().rev().take(12).rev().cloned().collect::<Vec<_>>().join("\n"),
            wrong.join("\n")
        );
    }
    workload.world().counts_its_documents(SANDBOX).await;
    workload.world.take().unwrap().stop().await;
}

fn options(folder: &Path, webhook: &Webhook) -> ServerOptions {
    let webhook = Some(webhook.url().parse().unwrap());
    ServerOptions { data: Some(folder.to_owned()), webhook, ..ServerOptions::default() }
}

impl Workload {
    async fn begin(folder: &Path, seed: u64) -> Self {
        let webhook = Webhook::listen().await;
        let world = World::start_with(options(folder, &webhook)).await;
        let new = json!({ "name": SANDBOX, "seed": seed, "frozenAt": "2026-01-29T09:00:00Z", "timers": "manual" });
        world.control(Method::POST, "/sandboxes", Some(new)).await.expect(201);
        let contoso = world.publisher_in(SANDBOX, "contoso").await;
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self {
            world: Some(world),
            webhook,
            contoso,
            rng,
            now: START,
            mood: 200,
            subscriptions: Vec::new(),
            retired: Vec::new(),
            heard: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    fn world(&self) -> &World {
        self.world.as_ref().unwrap()
    }

    async fn control(&self, method: Method, path: &str, body: Value) -> Reply {
        self.world().control(method, &format!("/sandboxes/{SANDBOX}{path}"), Some(body)).await
    }

    /// A call of the publisher about a subscription.
    async fn calls(&self, method: Method, id: &str, path: &str, body: Value) -> Reply {
        let request = self.contoso.request(method, &format!("/subscriptions/{id}{path}"));
        send(if body.is_null() { request } else { request.json(&body) }).await
    }

    /// Somebody does something.
    async fn act(&mut self, folder: &Path) {
        let dice = self.rng.random_range(0..100);
        if dice < 12 || self.subscriptions.is_empty() {
            return self.buy().await;
        }
        let which = self.rng.random_range(0..self.subscriptions.len());
        match dice {
            12..18 => return self.mood(),
            18..37 => return self.advance().await,
            37..40 => return self.leap().await,
            40..42 => return self.restart(folder).await,
            78..84 if self.subscriptions[which].operations.is_empty() => return,
            _ => self.subscriptions[which].catch_up(self.now),
        }
        match dice {
            42..52 => self.activate(which).await,
            52..60 => self.license(which).await,
            60..68 => self.publisher_changes(which).await,
            68..78 => self.buyer_changes(which).await,
            78..84 => self.answer(which).await,
            84..87 => self.cancel(which).await,
            87..90 => self.publisher_cancels(which).await,
            90..94 => self.payment(which).await,
            _ => self.renewal(which).await,
        }
    }

    fn log(&mut self, what: impl Into<String>) {
        self.log.push(format!("{} {}", self.now, what.into()));
    }

    async fn buy(&mut self) {
        let (direct, plan) =
            (self.rng.random_bool(0.5), if self.rng.random_bool(0.5) { Plan::Team } else { Plan::Business });
        let seats = self.rng.random_range(5..=12);
        let order = json!({ "customer": "northwind", "offer": "contoso-crm", "plan": plan.id(), "quantity": seats, "direct": direct });
        let bought = self.control(Method::POST, "/purchases", order).await.expect(201);
        let id = text(&bought, "id");
        self.log(format!("buys {id} {plan:?} {seats} direct {direct}"));
        if self.subscriptions.len() == SUBSCRIPTIONS {
            let forgotten = self.subscriptions.iter().position(|one| one.state == State::Ended).unwrap_or(0);
            let retired = self.subscriptions.remove(forgotten);
            self.retired.push(retired);
        }
        self.subscriptions.push(Subscription::bought(id, direct, plan, seats, self.now));
    }

    fn mood(&mut self) {
        self.mood = [200, 200, 400, 500][self.rng.random_range(0..4)];
        self.webhook.answers(self.mood);
        self.log(format!("the webhook answers {}", self.mood));
    }

    async fn advance(&mut self) {
        // Never a whole second, so that nothing falls on the same instant as the end of a day.
        let millis = match self.rng.random_range(0..6) {
            0 => 0,
            1 => 637,
            2 => 4_137,
            3 => 3_600_137,
            4 => self.rng.random_range(1..40) * 24 * 3_600_000 + 137,
            _ => 20_137,
        };
        self.log(format!("advances by {millis} ms"));
        let by = format!("PT{}.{:03}S", millis / 1000, millis % 1000);
        self.control(Method::POST, "/clock/advance", json!({ "by": by })).await.expect(200);
        let to = self.now + millis;
        for one in self.subscriptions.iter_mut().chain(&mut self.retired) {
            one.advance(self.now, to, self.mood);
        }
        self.now = to;
        self.contoso = self.world().publisher_in(SANDBOX, "contoso").await;
    }

    /// The clock is set to a later instant, and nothing runs.
    async fn leap(&mut self) {
        self.now += self.rng.random_range(1..40) * 24 * 3_600_000 + 137;
        let at = jiff::Timestamp::from_millisecond(self.now).unwrap().to_string();
        self.log(format!("leaps to {at}"));
        self.control(Method::POST, "/clock/freeze", json!({ "at": at })).await.expect(200);
        self.contoso = self.world().publisher_in(SANDBOX, "contoso").await;
    }

    async fn restart(&mut self, folder: &Path) {
        self.log("the server is stopped and started");
        self.world.take().unwrap().stop().await;
        self.world = Some(World::start_with(options(folder, &self.webhook)).await);
        self.contoso = self.world().publisher_in(SANDBOX, "contoso").await;
    }

    async fn activate(&mut self, which: usize) {
        let id = self.subscriptions[which].id.clone();
        self.log(format!("activates {id}"));
        let reply = self.calls(Method::POST, &id, "/activate", Value::Null).await;
        let one = &mut self.subscriptions[which];
        let status = match one.state {
            State::Pending | State::Active => 200,
            State::Suspended { .. } => 400,
            State::Ended => 404,
        };
        assert_eq!(reply.status, status, "{:?}", self.log);
        one.activate(self.now);
    }

    async fn license(&mut self, which: usize) {
        let id = self.subscriptions[which].id.clone();
        self.log(format!("assigns licences of {id}"));
        let reply = self.contoso.reports(&id, 1).await;
        let one = &mut self.subscriptions[which];
        assert_eq!(reply.status, if one.state == State::Ended { 409 } else { 200 }, "{}", reply.text);
        one.license(self.now);
    }

    /// A change that may or may not be possible, and whether it is.
    fn wish(&mut self, which: usize) -> (Effect, Value, bool) {
        let one = &self.subscriptions[which];
        let (plan, seats) = (one.plan, one.seats);
        if self.rng.random_bool(0.3) {
            let to = if self.rng.random_bool(0.8) == (plan == Plan::Team) { Plan::Business } else { Plan::Team };
            return (Effect::Plan(to), json!({ "planId": to.id() }), to != plan && to.sells(seats));
        }
        let to = self.rng.random_range(3..=14);
        (Effect::Seats(to), json!({ "quantity": to }), to != seats && plan.sells(to))
    }

    async fn publisher_changes(&mut self, which: usize) {
        let (effect, body, is_sold) = self.wish(which);
        let one = self.subscriptions[which].clone();
        self.log(format!("the publisher asks for {effect:?} of {}", one.id));
        let reply = self.calls(Method::PATCH, &one.id, "", body).await;
        let is_possible = one.direct && one.state == State::Active && !one.is_locked() && is_sold;
        assert_eq!(reply.status, if is_possible { 202 } else { 400 }, "{} {one:?} {effect:?}", reply.text);
        if is_possible {
            let operation = reply.header("operation-id").unwrap().to_owned();
            self.subscriptions[which].ask(operation, effect, true, self.now);
        }
    }

    async fn buyer_changes(&mut self, which: usize) {
        let (effect, body, is_sold) = self.wish(which);
        let one = self.subscriptions[which].clone();
        self.log(format!("the buyer asks for {effect:?} of {}", one.id));
        let reply = self.control(Method::POST, &format!("/subscriptions/{}/changes", one.id), body).await;
        let is_possible = one.state == State::Active && !one.is_locked() && is_sold;
        assert_eq!(reply.status == 202, is_possible, "{} {one:?} {effect:?}", reply.text);
        if is_possible {
            self.subscriptions[which].ask(text(&reply.json(), "id"), effect, false, self.now);
        }
    }

    async fn answer(&mut self, which: usize) {
        let one = self.subscriptions[which].clone();
        let Some(last) = one.operations.len().checked_sub(1) else { return };
        let place = self.rng.random_range(0..=last);
        let (operation, success) = (&one.operations[place], self.rng.random_bool(0.6));
        let word = if success { "Success" } else { "Failure" };
        self.log(format!("the publisher answers {word} to {} {:?} of {}", operation.id, operation.effect, one.id));
        let path = format!("/operations/{}", operation.id);
        let reply = self.calls(Method::PATCH, &one.id, &path, json!({ "status": word })).await;
        let status = match (operation.is_over(), operation.own) {
            (true, _) => 409,
            (false, true) => 500,
            (false, false) => 200,
        };
        assert_eq!(reply.status, status, "{} {operation:?}", reply.text);
        if status == 200 {
            self.subscriptions[which].answer(place, success, self.now);
        }
    }

    async fn cancel(&mut self, which: usize) {
        let one = self.subscriptions[which].clone();
        self.log(format!("the buyer cancels {}", one.id));
        let reply = self.control(Method::POST, &format!("/subscriptions/{}/cancellation", one.id), json!({})).await;
        assert_eq!(reply.status, if one.state == State::Ended { 409 } else { 200 }, "{}", reply.text);
        if one.state != State::Ended {
            self.subscriptions[which].end(true, self.now);
        }
    }

    async fn publisher_cancels(&mut self, which: usize) {
        let one = self.subscriptions[which].clone();
        self.log(format!("the publisher cancels {}", one.id));
        let reply = self.calls(Method::DELETE, &one.id, "", Value::Null).await;
        let status = match (one.direct, one.state) {
            (false, _) => 400,
            (true, State::Ended) => 200,
            (true, _) => 202,
        };
        assert_eq!(reply.status, status, "{}", reply.text);
        let is_under_way =
            one.operations.iter().any(|operation| operation.effect == Effect::End && !operation.is_over());
        if status == 202 && !is_under_way {
            let operation = reply.header("operation-id").unwrap().to_owned();
            self.subscriptions[which].ask(operation, Effect::End, true, self.now);
        }
    }

    async fn payment(&mut self, which: usize) {
        let one = self.subscriptions[which].clone();
        let pays = matches!(one.state, State::Suspended { .. });
        let what = if pays { "reinstatement" } else { "suspension" };
        self.log(format!("{what} of {}", one.id));
        let reply = self.control(Method::POST, &format!("/subscriptions/{}/{what}", one.id), json!({})).await;
        match one.state {
            State::Suspended { .. } if !one.is_locked() => {
                let operation = text(&reply.expect(200), "id");
                self.subscriptions[which].ask(operation, Effect::Reinstate, false, self.now);
            }
            State::Active => {
                reply.expect(200);
                self.subscriptions[which].suspend(self.now);
            }
            State::Suspended { .. } | State::Pending | State::Ended => assert_eq!(reply.status, 409, "{}", reply.text),
        }
    }

    async fn renewal(&mut self, which: usize) {
        let (auto_renew, payment_fails) = (self.rng.random_bool(0.7), self.rng.random_bool(0.3));
        let id = self.subscriptions[which].id.clone();
        self.log(format!("{id} renews itself {auto_renew}, payment fails {payment_fails}"));
        let body = json!({ "autoRenew": auto_renew, "paymentFails": payment_fails });
        let reply = self.control(Method::PUT, &format!("/subscriptions/{id}/renewal"), body).await;
        let one = &mut self.subscriptions[which];
        assert_eq!(reply.status, if one.state == State::Ended { 409 } else { 200 }, "{}", reply.text);
        if one.state != State::Ended {
            (one.auto_renew, one.payment_fails) = (auto_renew, payment_fails);
        }
    }

    fn hear(&mut self) {
        for call in self.webhook.takes() {
            let body: Value = serde_json::from_str(&call.body).unwrap();
            let told = self.heard.entry(text(&body, "subscriptionId")).or_default();
            let call = (text(&body, "id"), text(&body, "action"));
            if !told.contains(&call) {
                told.push(call);
            }
        }
    }

    /// What is not as the model says.
    async fn differences(&mut self) -> Vec<String> {
        let mut wrong = Vec::new();
        self.hear();
        for one in &self.subscriptions {
            let read = self.contoso.get(&one.id).await.expect(200);
            let term = one.term.map_or_else(
                || json!({ "termUnit": "P1M" }),
                |(start, end): (Day, Day)| json!({ "startDate": start.text(), "endDate": end.text(), "termUnit": "P1M" }),
            );
            let mut compare = |what: &str, found: &Value, expected: Value| {
                if *found != expected {
                    wrong.push(format!("{} of {}: found {found}, expected {expected}", what, one.id));
                }
            };
            compare("status", &read["saasSubscriptionStatus"], one.state.word().into());
            compare("plan", &read["planId"], one.plan.id().into());
            compare("seats", &read["quantity"], one.seats.into());
            compare("autoRenew", &read["autoRenew"], one.auto_renew.into());
            compare("term", &read["term"], term);
            let whole = self.control(Method::GET, &format!("/subscriptions/{}", one.id), json!({})).await.expect(200);
            let cents = |line: &Value| text(&line["amount"], "amount").replace('.', "").parse::<i64>().unwrap();
            let ledger: Vec<i64> = whole["ledger"].as_array().unwrap().iter().map(cents).collect();
            compare("ledger", &json!(ledger), json!(one.ledger));
            for operation in &one.operations {
                let path = format!("/operations/{}", operation.id);
                let read = self.calls(Method::GET, &one.id, &path, Value::Null).await.expect(200);
                compare(&format!("operation {}", operation.id), &read["status"], operation.status.into());
            }
            let told = self.heard.get(&one.id).cloned().unwrap_or_default();
            // What was put down since the last advance is called with the next one.
            let actions: Vec<String> = told.into_iter().map(|(_, action)| action).collect();
            let all: Vec<&str> = one.told.iter().map(|(action, _)| *action).collect();
            let known: Vec<&str> = all.iter().take(actions.len()).copied().collect();
            compare("told", &json!(actions), json!(known));
            if self.log.last().is_some_and(|last| last.contains("advances")) {
                compare("told in all", &json!(actions), json!(all));
            }
        }
        wrong
    }
}
