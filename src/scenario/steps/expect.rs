//! What a scenario expects to find. Looking changes nothing.

use serde_json::{Value as Json, json};

use crate::wire::control::{JournalEntryView, JournalPage, SubscriptionView};

use super::{
    super::{
        ast::{Entry, Node},
        check::{Check, compare},
        codes::encoded,
        stage::{Call, Stage, Trouble, Turn, read},
    },
    Done,
    FieldKind::{Count, Counts, Flag, Instant, Lines, OneOf, Shape, SomeOf, Subscription, Text},
    Role, SUBSCRIPTION, StepKind, may, need,
};

/// The statuses of a subscription.
const STATUSES: &[&str] = &["PendingFulfillmentStart", "Subscribed", "Suspended", "Unsubscribed"];
/// What billing may wait for.
const CONFIRMATIONS: &[&str] = &["licensesAssigned", "activated"];
/// The kinds of journal entries.
const KINDS: &[&str] = &[
    "purchaseCreated",
    "codeIssued",
    "codeExpired",
    "codeRefused",
    "resolved",
    "licensesAssigned",
    "activated",
    "trialUsed",
    "billingStarted",
    "charged",
    "usageAccepted",
    "notActivatedInTime",
    "operationRequested",
    "operationStarted",
    "operationSucceeded",
    "operationFailed",
    "operationConflicted",
    "planChanged",
    "quantityChanged",
    "unsubscribed",
    "termBegan",
    "paymentDue",
    "suspended",
    "reinstated",
    "autoRenewSet",
    "nicknameSet",
    "resellerSet",
    "paymentsSet",
    "activationRequested",
    "activationFailed",
    "activationSet",
    "exchange",
    "publisherStep",
    "clock",
    "steering",
    "fault",
];
/// What can be said of a call to the webhook.
const DELIVERY: &[&str] = &["operation", "action", "state", "attempts", "created", "latest", "body"];
/// What can be said of a ledger line.
const LEDGER: &[&str] =
    &["number", "kind", "description", "unitPrice", "quantity", "amount", "currency", "period", "at"];

pub(super) static STEPS: &[StepKind] = &[
    StepKind {
        name: "expect.subscription",
        about: "Compares the subscription as the simulator shows it. A field that is `null` has to be absent.",
        sentence: "Expected of {subscription}: {*}.",
        fields: &[
            SUBSCRIPTION,
            may("status", OneOf(STATUSES), "Its status."),
            may("publisher", Text, "The publisher."),
            may("offer", Text, "The offer."),
            may("plan", Text, "The plan."),
            may("planName", Text, "The plan's display name."),
            may("quantity", Shape, "Seats; `null` for a flat rate."),
            may("termUnit", Text, "The term unit."),
            may("term", Shape, "The term, `{ start, end }`; `null` before activation."),
            may("freeTrial", Flag, "Whether its first month is free."),
            may("autoRenew", Flag, "Whether its next term follows by itself."),
            may("unitPrice", Shape, "Flat fee or price of a seat, `{ amount, currency }`."),
            may("partner", Shape, "The partner; `null` if the customer bought for itself."),
            may("purchaser", Text, "E-mail of whoever bought it."),
            may("customer", Text, "The customer."),
            may("beneficiary", Text, "E-mail of the customer's person."),
            may("name", Text, "Its name."),
            may("created", Instant, "When it was bought."),
            may("activationDeadline", Instant, "By when it has to be activated."),
            may("link", Shape, "The newest link: `{ issuedAt, expiresAt, expired }`."),
            may("confirmations", Shape, "Both confirmations, in order: `kind`, `required`, `at`, `assigned`, `pool`."),
        ],
        brings: None,
        role: Role::Expectation,
        act: |stage, turn| Box::pin(subscription(stage, turn)),
    },
    StepKind {
        name: "expect.billing",
        about: "Compares whether the subscription is billed, what that still needs, and its ledger.",
        sentence: "Expected of the billing of {subscription}: {*}.",
        fields: &[
            SUBSCRIPTION,
            may("started", Flag, "Whether billing has started."),
            may("since", Shape, "Since when; `null` while it has not."),
            may("missing", SomeOf(CONFIRMATIONS), "The confirmations that are missing; `[]` for none."),
            may("ledger", Lines(LEDGER), "The ledger's lines, all of them; amounts as text, `period: { start, end }`."),
        ],
        brings: None,
        role: Role::Expectation,
        act: |stage, turn| Box::pin(billing(stage, turn)),
    },
    StepKind {
        name: "expect.journal",
        about: "Compares the sandbox's journal, or what it says of one subscription.",
        sentence: "Expected of the journal[ of {subscription}]: {*}.",
        fields: &[
            may("subscription", Subscription, "Only entries that concern it."),
            may("inOrder", SomeOf(KINDS), "Kinds that have to occur in this order; others may stand between."),
            may("only", SomeOf(KINDS), "The facts, all of them and in this order (calls and publisher steps aside)."),
            may("contains", SomeOf(KINDS), "Kinds that have to occur."),
            may("without", SomeOf(KINDS), "Kinds that must not occur."),
            may("count", Counts(KINDS), "How often a kind has to occur."),
            may("entry", Shape, "A part of an entry that has to occur: `{ kind, from, data: { ... } }`."),
        ],
        brings: None,
        role: Role::Expectation,
        act: |stage, turn| Box::pin(journal(stage, turn)),
    },
    StepKind {
        name: "expect.deliveries",
        about: "Compares what the publisher's webhook was told of a subscription.",
        sentence: "Expected of what the publisher was told of {subscription}: {*}.",
        fields: &[
            SUBSCRIPTION,
            need(
                "calls",
                Lines(DELIVERY),
                "The calls, all of them, oldest first: `state`, `attempts`, `body: { ... }`.",
            ),
        ],
        brings: None,
        role: Role::Expectation,
        act: |stage, turn| Box::pin(deliveries(stage, turn)),
    },
    StepKind {
        name: "expect.account",
        about: "Compares an account at the stand-in publisher: `state`, `steps`, `licenses`, `answers`, `customerUrl`.",
        sentence: "Expected of the account {account}: {*}.",
        fields: &[
            need("account", Text, "The address of the account: `$account.url`."),
            need("shows", Shape, "What it has to hold."),
        ],
        brings: None,
        role: Role::Expectation,
        act: |stage, turn| Box::pin(account(stage, turn)),
    },
    StepKind {
        name: "expect.clock",
        about: "Compares the sandbox's clock.",
        sentence: "Expected of the clock: {*}.",
        fields: &[
            may("now", Instant, "Sandbox time."),
            may("frozen", Flag, "Whether it stands still."),
            may("nextTimer", Shape, "The earliest timer, `{ due, kind }`; `null` for none."),
        ],
        brings: None,
        role: Role::Expectation,
        act: |stage, turn| Box::pin(clock(stage, turn)),
    },
    StepKind {
        name: "expect.subscriptions",
        about: "Counts the sandbox's subscriptions.",
        sentence: "Expected of the sandbox: {count} subscriptions.",
        fields: &[need("count", Count, "How many there are.")],
        brings: None,
        role: Role::Expectation,
        act: |stage, turn| Box::pin(subscriptions(stage, turn)),
    },
    StepKind {
        name: "expect.value",
        about: "Compares a saved value with another, or with something fixed.",
        sentence: "Expected: {value} is {is}.",
        fields: &[need("value", Shape, "The value: `$second.id`."), need("is", Shape, "What it has to be.")],
        brings: None,
        role: Role::Expectation,
        act: |_, turn| Box::pin(std::future::ready(Ok(value(turn)))),
    },
];

async fn subscription(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let (_, body) = stage.subscription(turn.needed("subscription")).await?;
    let mut checks = Vec::new();
    compare_fields(turn, &["subscription"], &body, &mut checks);
    Ok(Done::checked(Json::Null, checks))
}

fn compare_fields(turn: &Turn, except: &[&str], found: &Json, checks: &mut Vec<Check>) {
    for Entry { key, value } in turn.except(except) {
        compare(&key.value, value, found.get(&key.value), checks);
    }
}

async fn billing(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let (view, _) = stage.subscription(turn.needed("subscription")).await?;
    let mut checks = Vec::new();
    compare_fields(turn, &["subscription"], &billing_of(&view), &mut checks);
    let remedies: Vec<&str> = view.billing.missing.iter().map(|missing| missing.remedy.as_str()).collect();
    let checks =
        checks.into_iter().map(|check| if remedies.is_empty() { check } else { check.or_fix(remedies.join(" ")) });
    Ok(Done::checked(Json::Null, checks.collect()))
}

/// Billing and ledger in the words of scenarios: kinds instead of objects, amount and currency side by side.
fn billing_of(view: &SubscriptionView) -> Json {
    let missing: Vec<&str> = view.billing.missing.iter().map(|missing| missing.kind.as_str()).collect();
    let ledger: Vec<Json> = view
        .ledger
        .iter()
        .map(|line| {
            json!({
                "number": line.number, "kind": line.kind, "description": line.description,
                "unitPrice": line.unit_price.amount, "quantity": line.quantity, "amount": line.amount.amount,
                "currency": line.amount.currency, "period": line.period, "at": line.at,
            })
        })
        .collect();
    let mut billing = json!({"started": view.billing.started, "missing": missing, "ledger": ledger});
    if let (Some(since), Json::Object(fields)) = (&view.billing.since, &mut billing) {
        fields.insert("since".to_owned(), since.as_str().into());
    }
    billing
}

async fn journal(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let entries = entries(stage, turn.text("subscription")).await?;
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    let mut checks = Vec::new();
    for Entry { key, value } in turn.except(&["subscription"]) {
        match key.value.as_str() {
            "inOrder" => in_order(value, &kinds, &mut checks),
            "only" => {
                let facts: Vec<&str> =
                    kinds.iter().copied().filter(|kind| !["exchange", "publisherStep"].contains(kind)).collect();
                compare("facts", value, Some(&json!(facts)), &mut checks);
            }
            "contains" => checks.extend(value.items().iter().map(|kind| occurs(kind, &kinds, true))),
            "without" => checks.extend(value.items().iter().map(|kind| occurs(kind, &kinds, false))),
            "count" => {
                for Entry { key, value } in value.entries() {
                    let times = kinds.iter().filter(|kind| **kind == key.value).count();
                    let path = format!("number of {}", key.value);
                    checks
                        .push(Check::texts(value.spot, &path, value.text(), &times.to_string()).or_fix(story(&kinds)));
                }
            }
            _ => checks.extend(entry_like(value, &entries)),
        }
    }
    Ok(Done::checked(Json::Null, checks))
}

fn story(kinds: &[&str]) -> String {
    format!("the journal has: {}", if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") })
}

fn in_order(expected: &Node, kinds: &[&str], checks: &mut Vec<Check>) {
    let mut left = kinds.iter();
    for kind in expected.items() {
        let found = left.any(|found| *found == kind.text());
        let path = "the journal, in order";
        let what = if found { kind.text() } else { "nothing after the kinds before it" };
        checks.push(Check::texts(kind.spot, path, kind.text(), what).or_fix(story(kinds)));
        if !found {
            return;
        }
    }
}

fn occurs(kind: &Node, kinds: &[&str], wanted: bool) -> Check {
    let times = kinds.iter().filter(|found| **found == kind.text()).count();
    let expected = if wanted { "at least once" } else { "never" };
    let found = if times == 0 { "never".to_owned() } else { format!("{times} times") };
    let check = Check::texts(kind.spot, kind.text(), expected, &found).or_fix(story(kinds));
    Check { passed: (times > 0) == wanted, ..check }
}

/// The comparison with the entry that comes nearest.
fn entry_like(expected: &Node, entries: &[JournalEntryView]) -> Vec<Check> {
    let against = |entry: &JournalEntryView| {
        let mut checks = Vec::new();
        compare("entry", expected, Some(&json!(entry)), &mut checks);
        checks
    };
    let failures = |checks: &Vec<Check>| checks.iter().filter(|check| !check.passed).count();
    // Of entries that are equally near, the latest is the one that the step before has caused.
    let nearest = entries.iter().rev().map(against).min_by_key(failures);
    nearest.unwrap_or_else(|| vec![Check::texts(expected.spot, "entry", "an entry", "an empty journal")])
}

/// The whole journal of the sandbox, or of a subscription.
pub(in super::super) async fn entries(
    stage: &Stage<'_>,
    subscription: Option<&str>,
) -> Result<Vec<JournalEntryView>, Trouble> {
    let mut entries = Vec::new();
    let mut since = 0;
    loop {
        let of = subscription.map_or_else(String::new, |id| format!("&subscription={}", encoded(id)));
        let page: JournalPage = read(&stage.look(&format!("/journal?since={since}&limit=500{of}")).await?)?;
        entries.extend(page.entries);
        match page.next_since {
            Some(next) if next > since => since = next,
            Some(_) | None => return Ok(entries),
        }
    }
}

async fn deliveries(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let found = stage.look(&format!("/subscriptions/{}/deliveries", encoded(turn.needed("subscription")))).await?;
    let mut checks = Vec::new();
    if let Some(expected) = turn.get("calls") {
        compare("calls", expected, found.get("deliveries"), &mut checks);
    }
    Ok(Done::checked(Json::Null, checks))
}

async fn account(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let url = stage.url(turn.needed("account"))?;
    let body = stage.call(Call::new(reqwest::Method::GET, url)).await?.accepted()?;
    Ok(Done::shows(turn, body))
}

async fn clock(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let body = stage.look("/clock").await?;
    let mut checks = Vec::new();
    compare_fields(turn, &[], &body, &mut checks);
    Ok(Done::checked(Json::Null, checks))
}

async fn subscriptions(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let mut found = 0;
    let mut next = Some("/subscriptions".to_owned());
    while let Some(path) = next {
        let page: crate::wire::control::SubscriptionPage = read(&stage.look(&path).await?)?;
        found += page.subscriptions.len();
        next = page.next.map(|query| format!("/subscriptions?{}", query.trim_start_matches('?')));
    }
    let spot = turn.get("count").map(|node| node.spot);
    let checks = spot.map(|spot| Check::texts(spot, "subscriptions", turn.needed("count"), &found.to_string()));
    Ok(Done::checked(Json::Null, checks.into_iter().collect()))
}

fn value(turn: &Turn) -> Done {
    let mut checks = Vec::new();
    let found = turn.args.iter().find(|arg| arg.key.value == "value").map(|arg| arg.value.json());
    if let Some(expected) = turn.args.iter().find(|arg| arg.key.value == "is") {
        compare("value", &expected.value, found.as_ref(), &mut checks);
    }
    Done::checked(Json::Null, checks)
}
