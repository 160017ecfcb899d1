//! What whoever bought a subscription does in the marketplace later on: its CSP partner, or the customer itself.

use serde_json::json;

use super::{
    super::{
        codes::encoded,
        stage::{Stage, Trouble, Turn},
        values,
    },
    Done,
    FieldKind::{Count, Text},
    Role, SUBSCRIPTION, StepKind, either,
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
];

async fn changes(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let mut body = serde_json::Map::new();
    body.extend(turn.text("planId").map(|plan| ("planId".to_owned(), plan.into())));
    body.extend(turn.count("quantity").map(|seats| ("quantity".to_owned(), seats.into())));
    let path = format!("/subscriptions/{}/changes", encoded(turn.needed("subscription")));
    stage.post(&path, body.into()).await.map(Done::brings)
}

async fn cancels(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let path = format!("/subscriptions/{}/cancellation", encoded(turn.needed("subscription")));
    stage.post(&path, json!({})).await.map(Done::brings)
}
