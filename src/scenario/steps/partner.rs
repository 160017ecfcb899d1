//! What the buyer does: the CSP partner, or the customer itself.

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    super::{
        ast::Value,
        check::Check,
        codes::{encoded, mangled},
        page,
        stage::{Answer, Call, Stage, Trouble, Turn},
        values,
    },
    CODE, Done,
    FieldKind::{Answers, Count, Flag, Text, Texts},
    MANGLED, Role, SUBSCRIPTION, StepKind, may, need,
};

pub(super) static STEPS: &[StepKind] = &[
    StepKind {
        name: "partner.buys",
        about: "Buys a plan for a customer. Nothing is billed yet.",
        sentence: "The partner buys {offer} / {plan}[, {quantity} seats][, {termUnit}], for {customer}.",
        fields: &[
            need("customer", Text, "The customer."),
            need("offer", Text, "The offer."),
            need("plan", Text, "The plan."),
            may("quantity", Count, "Seats; only on per-user plans, and needed there."),
            may("termUnit", Text, "The term, such as `P1M`; the plan's first if left out."),
            may("partner", Text, "The partner; the customer's own if left out."),
            may("name", Text, "A name for the subscription; the offer's if left out."),
        ],
        brings: Some(&values::SUBSCRIPTION),
        role: Role::Action,
        act: |stage, turn| Box::pin(buys(stage, turn)),
    },
    StepKind {
        name: "customer.buys",
        about: "Buys a plan directly, without a partner: the publisher may change and cancel it. Nothing is billed yet.",
        sentence: "The customer {customer} buys {offer} / {plan}[, {quantity} seats][, {termUnit}], for itself.",
        fields: &[
            need("customer", Text, "The customer."),
            need("offer", Text, "The offer."),
            need("plan", Text, "The plan."),
            may("quantity", Count, "Seats; only on per-user plans, and needed there."),
            may("termUnit", Text, "The term, such as `P1M`; the plan's first if left out."),
            may("name", Text, "A name for the subscription; the offer's if left out."),
        ],
        brings: Some(&values::SUBSCRIPTION),
        role: Role::Action,
        act: |stage, turn| Box::pin(buys_directly(stage, turn)),
    },
    StepKind {
        name: "partner.gets-new-link",
        about: "Opens the subscription again, which brings a link with a fresh authorization code.",
        sentence: "The partner gets a new link for {subscription}.",
        fields: &[SUBSCRIPTION],
        brings: Some(&values::LINK),
        role: Role::Action,
        act: |stage, turn| Box::pin(gets_new_link(stage, turn)),
    },
    StepKind {
        name: "partner.opens-link",
        about: "Opens the personalized link in a browser. A page with a status of 400 or more counts as a refusal.",
        sentence: "The partner opens the personalized link of {subscription}[, with the code {code}][, its code {mangled}][{?withoutCode}, without its code].",
        fields: &[
            SUBSCRIPTION,
            CODE,
            MANGLED,
            may("withoutCode", Flag, "`true` opens the landing page without a code."),
            may("shows", Texts, "Texts that the page has to show."),
        ],
        brings: None,
        role: Role::Action,
        act: |stage, turn| Box::pin(opens_link(stage, turn)),
    },
    StepKind {
        name: "partner.submits-setup",
        about: "Submits the set-up form of the stand-in publisher's landing page, which starts to provision.",
        sentence: "The partner submits the set-up information of {subscription}[, with the code {code}][, its code {mangled}].",
        fields: &[
            SUBSCRIPTION,
            need(
                "answers",
                Answers,
                "The answers, by the names of the form's fields; a list is one line for each item.",
            ),
            CODE,
            MANGLED,
        ],
        brings: Some(&values::ACCOUNT),
        role: Role::Action,
        act: |stage, turn| Box::pin(submits_setup(stage, turn)),
    },
];

async fn buys(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    order(stage, turn, serde_json::Map::new()).await
}

async fn buys_directly(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    order(stage, turn, serde_json::Map::from_iter([("direct".to_owned(), true.into())])).await
}

async fn order(
    stage: &mut Stage<'_>,
    turn: &Turn,
    mut request: serde_json::Map<String, Json>,
) -> Result<Done, Trouble> {
    for name in ["customer", "offer", "plan", "termUnit", "partner", "name"] {
        request.extend(turn.text(name).map(|text| (name.to_owned(), text.into())));
    }
    request.extend(turn.count("quantity").map(|seats| ("quantity".to_owned(), seats.into())));
    let bought = stage.post("/purchases", request.into()).await?;
    if let Some(code) = bought.pointer("/link/authorizationCode").and_then(Json::as_str) {
        stage.saw_code(code);
    }
    Ok(Done::brings(bought))
}

async fn gets_new_link(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let link = stage.post(&format!("/subscriptions/{}/links", encoded(turn.needed("subscription"))), json!({})).await?;
    if let Some(code) = link.get("authorizationCode").and_then(Json::as_str) {
        stage.saw_code(code);
    }
    Ok(Done::brings(link))
}

/// The code that a step shows: the given one or the newest, spoilt if asked for.
pub(super) fn code(turn: &Turn, newest: &str) -> String {
    let code = turn.text("code").unwrap_or(newest);
    turn.text("mangled").map_or_else(|| code.to_owned(), |how| mangled(code, how))
}

/// The personalized link in parts: the landing page, and the other values of its query.
async fn landing(stage: &mut Stage<'_>, turn: &Turn) -> Result<(reqwest::Url, Vec<(String, String)>, String), Trouble> {
    let (view, _) = stage.subscription(turn.needed("subscription")).await?;
    let link = stage.url(&view.link.personalized_link)?;
    let query = link.query_pairs().filter(|(name, _)| name != "token");
    let query = query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let mut address = link;
    address.set_query(None);
    Ok((address, query, code(turn, &view.link.authorization_code)))
}

async fn opens_link(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let (mut address, query, code) = landing(stage, turn).await?;
    let mut parts: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    if turn.text("withoutCode") != Some("true") {
        parts.push(format!("token={}", encoded(&code)));
    }
    address.set_query((!parts.is_empty()).then(|| parts.join("&")).as_deref());
    let answer = follow(stage, Call::new(Method::GET, address.clone()).page(), address).await?;
    let body = Answer { body: page::text(&answer.body).into(), ..answer }.accepted()?;
    let found = body.as_str().unwrap_or_default();
    let mut checks = Vec::new();
    for wanted in turn.get("shows").map(super::super::ast::Node::items).unwrap_or_default() {
        let mut check = Check::texts(wanted.spot, "the page", &format!("…{}…", wanted.text()), &page::excerpt(found));
        check.passed = found.contains(wanted.text());
        checks.push(check);
    }
    Ok(Done::checked(Json::Null, checks))
}

/// A browser follows redirects of the page itself; the runner's client does not, and nothing leads it elsewhere.
async fn follow(stage: &Stage<'_>, call: Call, mut at: reqwest::Url) -> Result<Answer, Trouble> {
    const REDIRECTS_MAX: u32 = 5;
    let mut answer = stage.call(call).await?;
    for _ in 0..REDIRECTS_MAX {
        let Some(location) = answer.location.as_deref().filter(|_| (300..400).contains(&answer.status)) else { break };
        let Some(next) = at.join(location).ok().filter(|next| next.origin() == at.origin()) else { break };
        at = next;
        answer = stage.call(Call::new(Method::GET, at.clone()).page()).await?;
    }
    Ok(answer)
}

async fn submits_setup(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let (address, mut form, code) = landing(stage, turn).await?;
    form.push(("token".to_owned(), code));
    for answer in turn.get("answers").map(super::super::ast::Node::entries).unwrap_or_default() {
        let text = match &answer.value.value {
            Value::List(items) => items.iter().map(super::super::ast::Node::text).collect::<Vec<_>>().join("\n"),
            Value::Scalar(scalar) => scalar.raw.clone(),
            Value::Map(_) => String::new(),
        };
        form.push((format!("field.{}", answer.key.value), text));
    }
    let body = stage.call(Call::new(Method::POST, address).form(form)).await?.accepted()?;
    Ok(Done::brings(body))
}
