//! What whoever steers the simulation does: time, rules and faults.

use reqwest::Method;
use serde_json::json;

use super::{
    super::{
        codes::encoded,
        stage::{Call, Stage, Trouble, Turn},
        values,
    },
    Done,
    FieldKind::{Count, Flag, Instant, OneOf, Period, Rules, Text},
    Role, SUBSCRIPTION, StepKind, either, may, need,
};

/// How the stand-in publisher's webhook may take a change.
const MANNERS: &[&str] = &["accept", "staySilent", "refuse", "fail", "decline", "answerLate"];
/// How long operations take.
const DELAYS: &[&str] = &["none", "brief", "live"];
/// The steps of the stand-in publisher's provisioning.
const PROVISIONING: &[&str] = &["createAccount", "assignLicenses", "reportLicenses", "activate"];

pub(super) static STEPS: &[StepKind] = &[
    StepKind {
        name: "operator.advances-clock",
        about: "Moves the sandbox's clock forward and runs every timer that falls due, in order. Give `by` or `to`.",
        sentence: "The operator advances the clock[ by {by}][ to {to}].",
        fields: &[either("by", Period, "By how much."), either("to", Instant, "Until when.")],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(advances_clock(stage, turn)),
    },
    StepKind {
        name: "operator.runs-next-timer",
        about: "Moves the clock to the next timer and runs it.",
        sentence: "The operator runs the clock to the next timer.",
        fields: &[],
        brings: None,
        role: Role::Action,
        act: |stage, _| Box::pin(runs_next_timer(stage)),
    },
    StepKind {
        name: "operator.changes-sandbox",
        about: "Changes how the sandbox works from now on: how long operations take, and what it does where documentation \
                and reality differ. `GET /sim/v1/sandboxes/{sandbox}/rules` and docs/rules.md have all rules.",
        sentence: "The operator changes how the sandbox works[: delays {delays}].",
        fields: &[
            either("delays", OneOf(DELAYS), "How long operations take; `brief` at first."),
            either("rules", Rules, "Names of rules, each with the name of a choice."),
        ],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(changes_sandbox(stage, turn)),
    },
    StepKind {
        name: "operator.fails-activation",
        about: "Makes the activation of a purchase fail on Microsoft's side: *Activate* is answered with success, and then \
                the subscription ends.",
        sentence: "The operator makes the activation of {subscription} fail.",
        fields: &[SUBSCRIPTION],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(fails_activation(stage, turn)),
    },
    StepKind {
        name: "operator.fails-step",
        about: "Makes the next attempts at a step of the stand-in publisher's provisioning fail.",
        sentence: "The operator makes the provisioning step {step} fail {times} times.",
        fields: &[
            need("step", OneOf(PROVISIONING), "The step."),
            need("times", Count, "How many of the next attempts fail; 0 lifts the fault."),
        ],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(fails_step(stage, turn)),
    },
    StepKind {
        name: "operator.fails-payment",
        about: "Makes a payment fail: now, or when the term ends. The subscription is suspended.",
        sentence: "The operator makes a payment for {subscription} fail[{?atRenewal} when its term ends].",
        fields: &[SUBSCRIPTION, may("atRenewal", Flag, "`true`: not now, but when the term ends.")],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(fails_payment(stage, turn)),
    },
    StepKind {
        name: "operator.pays",
        about: "Pays for a suspended subscription, which comes back.",
        sentence: "The operator pays for {subscription}.",
        fields: &[SUBSCRIPTION],
        brings: Some(&values::OPERATION),
        role: Role::Action,
        act: |stage, turn| Box::pin(pays(stage, turn)),
    },
    StepKind {
        name: "operator.sets-webhook",
        about: "Tells the stand-in publisher's webhook how to take the changes that the buyer asks for.",
        sentence: "The operator tells the publisher's webhook to take changes so: {manner}[, {times} times].",
        fields: &[
            need("manner", OneOf(MANNERS), "How to take them."),
            may("times", Count, "How many of the next changes; all from now on if left out."),
        ],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(sets_webhook(stage, turn)),
    },
    StepKind {
        name: "operator.resends",
        about: "Calls the publisher's webhook once more about an operation, whether or not the publisher has had it.",
        sentence: "The operator has the publisher told once more of the operation {operation} of {subscription}.",
        fields: &[SUBSCRIPTION, need("operation", Text, "The operation: `$operation`.")],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(resends(stage, turn)),
    },
];

async fn advances_clock(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let mut body = serde_json::Map::new();
    for name in ["by", "to"] {
        body.extend(turn.text(name).map(|text| (name.to_owned(), text.into())));
    }
    stage.clock_moved();
    stage.post("/clock/advance", body.into()).await.map(Done::brings)
}

async fn runs_next_timer(stage: &mut Stage<'_>) -> Result<Done, Trouble> {
    stage.clock_moved();
    stage.post("/clock/run-next", json!({})).await.map(Done::brings)
}

async fn changes_sandbox(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let mut body = serde_json::Map::new();
    body.extend(turn.text("delays").map(|delays| ("delays".to_owned(), delays.into())));
    if let Some(rules) = turn.get("rules") {
        let chosen = rules.entries().iter().map(|rule| (rule.key.value.clone(), rule.value.text().into()));
        body.insert("rules".to_owned(), serde_json::Map::from_iter(chosen).into());
    }
    let call = Call::new(Method::PATCH, stage.sandbox_url("")?).json(body.into());
    stage.call(call).await?.accepted().map(Done::brings)
}

async fn fails_activation(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let url = stage.sandbox_url(&format!("/subscriptions/{}/activation", encoded(turn.needed("subscription"))))?;
    let call = Call::new(Method::PUT, url).json(json!({ "fails": true }));
    stage.call(call).await?.accepted().map(Done::brings)
}

async fn fails_payment(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let subscription = encoded(turn.needed("subscription"));
    if turn.text("atRenewal") != Some("true") {
        return stage.post(&format!("/subscriptions/{subscription}/suspension"), json!({})).await.map(Done::brings);
    }
    let url = stage.sandbox_url(&format!("/subscriptions/{subscription}/renewal"))?;
    let call = Call::new(Method::PUT, url).json(json!({ "paymentFails": true }));
    stage.call(call).await?.accepted().map(Done::brings)
}

async fn pays(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let path = format!("/subscriptions/{}/reinstatement", encoded(turn.needed("subscription")));
    stage.post(&path, json!({})).await.map(Done::brings)
}

async fn sets_webhook(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let mut body = serde_json::Map::from_iter([("manner".to_owned(), turn.needed("manner").into())]);
    body.extend(turn.count("times").map(|times| ("times".to_owned(), times.into())));
    let call = Call::new(Method::PUT, stage.sandbox_url("/faults/webhook")?).json(body.into());
    stage.call(call).await?.accepted().map(Done::brings)
}

async fn resends(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let (subscription, operation) = (encoded(turn.needed("subscription")), encoded(turn.needed("operation")));
    let path = format!("/subscriptions/{subscription}/deliveries/{operation}/resend");
    stage.post(&path, json!({})).await.map(Done::brings)
}

async fn fails_step(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let body = json!({"step": turn.needed("step"), "times": turn.count("times")});
    let call = Call::new(Method::PUT, stage.sandbox_url("/faults/provisioning")?).json(body);
    stage.call(call).await?.accepted().map(Done::brings)
}
