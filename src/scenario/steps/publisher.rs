//! What the publisher does, with its own access token, over the APIs that it has in the real world.

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    super::{
        check::Check,
        codes::encoded,
        stage::{Call, Stage, Trouble, Turn},
        values,
    },
    CODE, Done, Field,
    FieldKind::{Count, Instant, Shape, Text},
    MANGLED, Role, SUBSCRIPTION, StepKind, either, may, need,
    partner::code,
};

/// Who calls.
const PUBLISHER: Field =
    may("publisher", Text, "Whose access token is shown; the subscription's publisher if left out.");
/// What the answer is compared with.
const SHOWS: Field = may("shows", Shape, "What the answer has to hold; of a map only the keys that are given count.");

pub(super) static STEPS: &[StepKind] = &[
    StepKind {
        name: "publisher.resolves",
        about: "Calls Resolve with the authorization code.",
        sentence: "The publisher[ {publisher}] resolves[ {code},] the code of {subscription}[, {mangled}].",
        fields: &[SUBSCRIPTION, PUBLISHER, CODE, MANGLED, SHOWS],
        brings: Some(&values::RESOLVED),
        role: Role::Action,
        act: |stage, turn| Box::pin(resolves(stage, turn)),
    },
    StepKind {
        name: "publisher.assigns-licenses",
        about: "Reports that licences are assigned: one of the two confirmations that billing waits for.",
        sentence: "The publisher[ {publisher}] assigns {assigned} licences of {subscription}.",
        fields: &[
            SUBSCRIPTION,
            need("assigned", Count, "Licences that went to named users; the rest waits in a pool."),
            PUBLISHER,
        ],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(assigns_licenses(stage, turn)),
    },
    StepKind {
        name: "publisher.activates",
        about: "Calls Activate: one of the two confirmations that billing waits for.",
        sentence: "The publisher[ {publisher}] activates {subscription}.",
        fields: &[
            SUBSCRIPTION,
            PUBLISHER,
            may("planId", Text, "The plan in the request's body, as the older contract wants it; no body if left out."),
            may("quantity", Count, "The seats in the request's body."),
        ],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(activates(stage, turn)),
    },
    StepKind {
        name: "publisher.reads-subscription",
        about: "Calls Get subscription.",
        sentence: "The publisher[ {publisher}] reads {subscription}.",
        fields: &[SUBSCRIPTION, PUBLISHER, SHOWS],
        brings: Some(&values::FULFILLMENT),
        role: Role::Action,
        act: |stage, turn| Box::pin(reads_subscription(stage, turn)),
    },
    StepKind {
        name: "publisher.lists-subscriptions",
        about: "Calls List subscriptions, for its first page.",
        sentence: "The publisher {publisher} lists its subscriptions.",
        fields: &[
            need("publisher", Text, "Whose access token is shown."),
            may("count", Count, "How many the page has to hold."),
            SHOWS,
        ],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(lists_subscriptions(stage, turn)),
    },
    StepKind {
        name: "publisher.lists-plans",
        about: "Calls List available plans.",
        sentence: "The publisher[ {publisher}] lists the plans that {subscription} could change to.",
        fields: &[SUBSCRIPTION, PUBLISHER, may("count", Count, "How many plans the answer has to hold."), SHOWS],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(lists_plans(stage, turn)),
    },
    StepKind {
        name: "publisher.changes",
        about: "Asks for another plan or another number of seats: Change plan, Change quantity. Brings the operation.",
        sentence: "The publisher[ {publisher}] asks to change {subscription}[ to plan {planId}][ to {quantity} seats].",
        fields: &[
            SUBSCRIPTION,
            PUBLISHER,
            either("planId", Text, "The plan that it shall have."),
            either("quantity", Count, "The seats that it shall have."),
        ],
        brings: Some(&values::OPERATION),
        role: Role::Action,
        act: |stage, turn| Box::pin(changes(stage, turn)),
    },
    StepKind {
        name: "publisher.cancels",
        about: "Asks for the end of the subscription. Brings the operation; nothing, if it has ended already.",
        sentence: "The publisher[ {publisher}] asks to cancel {subscription}.",
        fields: &[SUBSCRIPTION, PUBLISHER],
        brings: Some(&values::OPERATION),
        role: Role::Action,
        act: |stage, turn| Box::pin(cancels(stage, turn)),
    },
    StepKind {
        name: "publisher.reads-operation",
        about: "Calls Get operation.",
        sentence: "The publisher[ {publisher}] reads the operation {operation} of {subscription}.",
        fields: &[SUBSCRIPTION, need("operation", Text, "The operation: `$operation`."), PUBLISHER, SHOWS],
        brings: Some(&values::OPERATION),
        role: Role::Action,
        act: |stage, turn| Box::pin(reads_operation(stage, turn)),
    },
    StepKind {
        name: "publisher.lists-operations",
        about: "Calls List outstanding operations.",
        sentence: "The publisher[ {publisher}] lists the outstanding operations of {subscription}.",
        fields: &[SUBSCRIPTION, PUBLISHER, may("count", Count, "How many the answer has to hold."), SHOWS],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(lists_operations(stage, turn)),
    },
    StepKind {
        name: "publisher.answers-operation",
        about: "Calls Update operation with a status.",
        sentence: "The publisher[ {publisher}] answers the operation {operation} of {subscription} with {status}.",
        fields: &[
            SUBSCRIPTION,
            need("operation", Text, "The operation: `$operation`."),
            need("status", Text, "`Success`, `Failure`, or any other word."),
            PUBLISHER,
        ],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(answers_operation(stage, turn)),
    },
    StepKind {
        name: "publisher.reports-usage",
        about: "Reports a usage event: how much of a dimension was used in an hour.",
        sentence: "The publisher[ {publisher}] reports {quantity} of {dimension}, used by {subscription} at {at}.",
        fields: &[
            SUBSCRIPTION,
            need("dimension", Text, "The metering dimension."),
            need("quantity", Text, "How much of it: `12` or `2.5`."),
            need("at", Instant, "When it was used: `effectiveStartTime`."),
            may("planId", Text, "The plan; the subscription's if left out."),
            PUBLISHER,
            SHOWS,
        ],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(reports_usage(stage, turn)),
    },
    StepKind {
        name: "publisher.lists-usage",
        about: "Calls GET usageEvents: what was reported, by the day.",
        sentence: "The publisher {publisher} lists the usage since {since}.",
        fields: &[
            need("publisher", Text, "Whose access token is shown."),
            need("since", Instant, "The first day: `usageStartDate`."),
            SHOWS,
        ],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(lists_usage(stage, turn)),
    },
];

/// The access token of whoever calls.
async fn token(stage: &mut Stage<'_>, turn: &Turn) -> Result<String, Trouble> {
    let publisher = match turn.text("publisher") {
        Some(publisher) => publisher.to_owned(),
        None => stage.subscription(turn.needed("subscription")).await?.0.publisher,
    };
    stage.token(&publisher).await
}

async fn resolves(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let (view, _) = stage.subscription(turn.needed("subscription")).await?;
    let code = code(turn, &view.link.authorization_code);
    let token = token(stage, turn).await?;
    let url = stage.fulfillment_url("/resolve").await?;
    let call = Call::new(Method::POST, url).bearer(token).header("x-ms-marketplace-token", code);
    let body = stage.call(call).await?.accepted()?;
    Ok(Done::shows(turn, body))
}

async fn assigns_licenses(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let token = token(stage, turn).await?;
    let url = stage.control_url(&format!("/subscriptions/{}/licenses", encoded(turn.needed("subscription"))))?;
    let body = json!({"assigned": turn.count("assigned")});
    stage.call(Call::new(Method::POST, url).bearer(token).json(body)).await?.accepted().map(Done::brings)
}

async fn activates(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let token = token(stage, turn).await?;
    let url = stage.fulfillment_url(&format!("/{}/activate", encoded(turn.needed("subscription")))).await?;
    let mut body = serde_json::Map::new();
    body.extend(turn.text("planId").map(|plan| ("planId".to_owned(), plan.into())));
    body.extend(turn.count("quantity").map(|seats| ("quantity".to_owned(), seats.into())));
    let call = Call::new(Method::POST, url).bearer(token);
    let call = if body.is_empty() { call } else { call.json(body.into()) };
    stage.call(call).await?.accepted().map(Done::brings)
}

async fn reads_subscription(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let token = token(stage, turn).await?;
    let url = stage.fulfillment_url(&format!("/{}", encoded(turn.needed("subscription")))).await?;
    let body = stage.call(Call::new(Method::GET, url).bearer(token)).await?.accepted()?;
    Ok(Done::shows(turn, body))
}

async fn lists_subscriptions(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let token = token(stage, turn).await?;
    let url = stage.fulfillment_url("").await?;
    let body = stage.call(Call::new(Method::GET, url).bearer(token)).await?.accepted()?;
    Ok(counted(turn, body, "subscriptions"))
}

async fn lists_plans(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let token = token(stage, turn).await?;
    let url = stage.fulfillment_url(&format!("/{}/listAvailablePlans", encoded(turn.needed("subscription")))).await?;
    let body = stage.call(Call::new(Method::GET, url).bearer(token)).await?.accepted()?;
    Ok(counted(turn, body, "plans"))
}

async fn changes(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let mut body = serde_json::Map::new();
    body.extend(turn.text("planId").map(|plan| ("planId".to_owned(), plan.into())));
    body.extend(turn.count("quantity").map(|seats| ("quantity".to_owned(), seats.into())));
    let token = token(stage, turn).await?;
    let url = stage.fulfillment_url(&format!("/{}", encoded(turn.needed("subscription")))).await?;
    started(stage, Call::new(Method::PATCH, url).bearer(token.clone()).json(body.into()), token).await
}

async fn cancels(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let token = token(stage, turn).await?;
    let url = stage.fulfillment_url(&format!("/{}", encoded(turn.needed("subscription")))).await?;
    started(stage, Call::new(Method::DELETE, url).bearer(token.clone()), token).await
}

/// Makes a call that starts an operation, and follows `Operation-Location` to it as a publisher does.
async fn started(stage: &mut Stage<'_>, call: Call, token: String) -> Result<Done, Trouble> {
    let answer = stage.call(call).await?;
    let Some(location) = answer.operation_location.clone() else { return answer.accepted().map(Done::brings) };
    let url = stage.url(&location)?;
    stage.call(Call::new(Method::GET, url).bearer(token)).await?.accepted().map(Done::brings)
}

/// The address of the operation that a step is about.
async fn operation_url(stage: &mut Stage<'_>, turn: &Turn) -> Result<reqwest::Url, Trouble> {
    let (subscription, operation) = (encoded(turn.needed("subscription")), encoded(turn.needed("operation")));
    stage.fulfillment_url(&format!("/{subscription}/operations/{operation}")).await
}

async fn reads_operation(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let token = token(stage, turn).await?;
    let url = operation_url(stage, turn).await?;
    let body = stage.call(Call::new(Method::GET, url).bearer(token)).await?.accepted()?;
    Ok(Done::shows(turn, body))
}

async fn reports_usage(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let (view, _) = stage.subscription(turn.needed("subscription")).await?;
    let token = token(stage, turn).await?;
    let url = stage.marketplace_url("/usageEvent").await?;
    let body = json!({
        "resourceId": view.id, "quantity": turn.needed("quantity"), "dimension": turn.needed("dimension"),
        "effectiveStartTime": turn.needed("at"), "planId": turn.text("planId").unwrap_or(&view.plan),
    });
    let body = stage.call(Call::new(Method::POST, url).bearer(token).json(body)).await?.accepted()?;
    Ok(Done::shows(turn, body))
}

async fn lists_usage(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let token = token(stage, turn).await?;
    let mut url = stage.marketplace_url("/usageEvents").await?;
    url.query_pairs_mut().append_pair("usageStartDate", turn.needed("since"));
    let body = stage.call(Call::new(Method::GET, url).bearer(token)).await?.accepted()?;
    Ok(Done::shows(turn, body))
}

async fn lists_operations(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let token = token(stage, turn).await?;
    let url = stage.fulfillment_url(&format!("/{}/operations", encoded(turn.needed("subscription")))).await?;
    let body = stage.call(Call::new(Method::GET, url).bearer(token)).await?.accepted()?;
    Ok(counted(turn, body, "operations"))
}

async fn answers_operation(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let token = token(stage, turn).await?;
    let url = operation_url(stage, turn).await?;
    let call = Call::new(Method::PATCH, url).bearer(token).json(json!({"status": turn.needed("status")}));
    stage.call(call).await?.accepted().map(Done::brings)
}

fn counted(turn: &Turn, body: Json, list: &str) -> Done {
    let length = body.get(list).and_then(Json::as_array).map_or(0, Vec::len);
    let mut done = Done::shows(turn, body);
    if let Some(expected) = turn.get("count") {
        let path = format!("number of {list}");
        done.checks.push(Check::texts(expected.spot, &path, expected.text(), &length.to_string()));
    }
    done
}
