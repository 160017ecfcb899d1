//! What whoever bought a subscription does in the marketplace later on: its CSP partner, or the customer itself.

use reqwest::Method;
use serde_json::json;

use super::{
    super::{
        codes::encoded,
        stage::{Call, Stage, Trouble, Turn},
        values,
    },
    Done,
    FieldKind::{Count, Flag, Text},
    Role, SUBSCRIPTION, StepKind, either, need,
};

pub(super) static STEPS: &[StepKind] = &[
    StepKind {
        name: "buyer.changes",
        about: "Changes plan or seats in the marketplace. The publisher's webhook is told, and may refuse; until then nothing has changed.",
        sentence: "The buyer changes {subscription} in the marketplace[ to plan {planId}][ to {quantity} seats].",
        fields: &[
            SUBSCRIPTION,
            either("planId", Text, "The plan that it shall have."),
            either("quantity", Count, "The seats that it shall have."),
        ],
        brings: Some(&values::OPERATION),
        role: Role::Action,
        act: |stage, turn| Box::pin(changes(stage, turn)),
    },
    StepKind {
        name: "buyer.cancels",
        about: "Cancels in the marketplace: at once. The publisher's webhook is told.",
        sentence: "The buyer cancels {subscription} in the marketplace.",
        fields: &[SUBSCRIPTION],
        brings: Some(&values::OPERATION),
        role: Role::Action,
        act: |stage, turn| Box::pin(cancels(stage, turn)),
    },
    StepKind {
        name: "buyer.sets-renewal",
        about: "Says whether the subscription renews itself when its term ends.",
        sentence: "The buyer sets the renewal of {subscription}: autoRenew {autoRenew}.",
        fields: &[SUBSCRIPTION, need("autoRenew", Flag, "Whether the next term follows by itself.")],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(sets_renewal(stage, turn)),
    },
];

async fn changes(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let mut body = serde_json::Map::new();
    body.extend(turn.text("planId").map(|plan| ("planId".to_owned(), plan.into())));
    body.extend(turn.count("quantity").map(|seats| ("quantity".to_owned(), seats.into())));
    let path = format!("/subscriptions/{}/changes", encoded(turn.needed("subscription")));
    stage.post(&path, body.into()).await.map(Done::brings)
}

async fn sets_renewal(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let body = json!({ "autoRenew": turn.needed("autoRenew") == "true" });
    let url = stage.sandbox_url(&format!("/subscriptions/{}/renewal", encoded(turn.needed("subscription"))))?;
    stage.call(Call::new(Method::PUT, url).json(body)).await?.accepted().map(Done::brings)
}

async fn cancels(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let path = format!("/subscriptions/{}/cancellation", encoded(turn.needed("subscription")));
    stage.post(&path, json!({})).await.map(Done::brings)
}
