//! Tables for usage events: every refusal in the order of the checks, the edges of the window, what is charged.

use std::sync::Arc;

use super::*;
use crate::domain::rules::Rules;
use crate::domain::{
    billing::{ChargeKind, LedgerLine},
    catalogue::{BillingWaitsFor, Catalogue, Dimension, IncludedQuantity, Offer, Person, Plan, Pricing, TermPrice},
    event::{Event, Seq},
    ids::PublisherId,
    money::{Currency, Money},
    purchase_token::AuthorizationCode,
    setup_form::SetupForm,
    subscription::{BillingStart, Confirmations, Context, State},
    time::{Term, TermUnit},
};

const ID: &str = "0e1d2c3b-4a59-6877-8695-a4b3c2d1e0f9";
const NOW: &str = "2026-01-20T17:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn id<T: std::str::FromStr<Err = crate::domain::ids::BadId>>(text: &str) -> T {
    text.parse().unwrap()
}

fn usd(amount: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: Currency::USD }
}

fn term() -> Term {
    Term::starting(at("2026-01-05T10:00:00Z"), &TermUnit::P1M)
}

fn dimension(name: &str, price: &str, included: u64) -> Dimension {
    let included =
        if included == 0 { Vec::new() } else { vec![IncludedQuantity { unit: TermUnit::P1M, quantity: included }] };
    Dimension {
        id: id(name),
        name: name.to_owned(),
        unit_of_measure: "each".to_owned(),
        price_per_unit: usd(price),
        included,
    }
}

fn catalogue() -> Catalogue {
    let plan = Plan {
        id: id("growth"),
        name: "Growth".to_owned(),
        description: String::new(),
        pricing: Pricing::FlatRate,
        terms: vec![TermPrice { unit: TermUnit::P1M, price: usd("79"), payment: None }],
        free_trial: false,
        private_to: None,
        stop_sell: false,
        auto_activation: false,
        dimensions: vec![dimension("mails", "0.80", 10), dimension("checks", "0.0045", 0)],
        market: "US".to_owned(),
    };
    let offer = Offer {
        id: id("mail"),
        publisher: id("contoso"),
        name: "Mail".to_owned(),
        description: String::new(),
        landing_page_url: None,
        webhook_url: None,
        billing_waits_for: BillingWaitsFor::both(),
        plans: vec![plan],
        setup_form: SetupForm { fields: Vec::new() },
        provisioning_faults: Vec::new(),
    };
    Catalogue { offers: vec![offer], ..Catalogue::default() }
}

/// A purchase of Growth, billed since the fifth.
fn subscription(state: State) -> Subscription {
    let person = Arc::new(Person {
        email: "ann@northwind.example".to_owned(),
        name: "Ann".to_owned(),
        object_id: id(ID),
        tenant_id: id("11111111-2222-3333-4444-555555555555"),
        puid: "1003200000000001".to_owned(),
    });
    let created = at("2026-01-05T09:00:00Z");
    Subscription {
        id: id(ID),
        name: "Mail".to_owned(),
        publisher: id("contoso"),
        offer: id("mail"),
        plan: id("growth"),
        plan_name: "Growth".to_owned(),
        quantity: None,
        term_unit: TermUnit::P1M,
        unit_price: usd("79"),
        payment: None,
        paid_until: None,
        free_trial: false,
        partner: Some(id("proseware")),
        outstanding: Vec::new(),
        order: None,
        nickname: None,
        reseller: None,
        csp_sandbox: false,
        activating_since: None,
        activation_fails: false,
        customer: id("northwind"),
        purchaser: Arc::clone(&person),
        beneficiary: person,
        created,
        code: AuthorizationCode { text: "code".to_owned(), issued_at: created, expires_at: created },
        state,
        confirmations: Confirmations { waits_for: BillingWaitsFor::both(), licenses_assigned: None, activated: None },
        billing: Some(BillingStart { at: at("2026-01-05T10:00:00Z"), term: term() }),
        auto_renew: true,
        payment_fails: false,
        paid: None,
        reseller_removed: false,
        edition: 1,
        ledger_lines: 1,
        activation_deadline: created,
    }
}

fn subscribed() -> Subscription {
    subscription(State::Subscribed { term: term() })
}

const GOOD: RawUsage<'static> = RawUsage {
    resource_id: Some(ID),
    resource_uri: None,
    quantity: Some("2.5"),
    dimension: Some("mails"),
    effective_start_time: Some("2026-01-20T16:30:00"),
    plan_id: Some("growth"),
};

/// What becomes of a report: the refusal, or nothing.
fn refused(raw: RawUsage<'_>, found: Option<&Subscription>, publisher: &str) -> Option<UsageRefusal> {
    let report = match UsageReport::parse(raw) {
        Ok(report) => report,
        Err(faults) => return Some(UsageRefusal::Malformed(faults)),
    };
    let publisher: PublisherId = id(publisher);
    admit(&report, found, &publisher, &catalogue(), Rules::default(), at(NOW)).err()
}

/// What it shows, what is reported, of which subscription and by whom, and the refusal.
type Row<'a> = (&'a str, RawUsage<'a>, Option<&'a Subscription>, &'a str, Option<UsageRefusal>);

#[test]
fn every_rule_refuses_in_the_order_of_the_checks() {
    use UsageRefusal::*;
    let (active, pending) = (subscribed(), subscription(State::Pending));
    let over = |since: &str, term| subscription(State::Unsubscribed { term, since: at(since) });
    let (ended_early, ended_late) =
        (over("2026-01-20T16:30:00Z", Some(term())), over("2026-01-20T16:31:00Z", Some(term())));
    let never_began = over("2026-01-20T16:31:00Z", None);
    let bad = RawUsage { plan_id: Some("silver"), dimension: Some("x"), quantity: Some("-1"), ..GOOD };
    let old = RawUsage { effective_start_time: Some("2020-01-01"), ..GOOD };
    let uri = resource_uri(&active);
    let upper = uri.to_uppercase();
    let other_uri = uri.replace("rehearsal", "elsewhere");
    let by = |uri| RawUsage { resource_id: None, resource_uri: Some(uri), ..GOOD };
    let table: Vec<Row<'_>> = vec![
        ("all in order", GOOD, Some(&active), "contoso", None),
        ("by URI", by(&uri), Some(&active), "contoso", None),
        ("by URI in another case", by(&upper), Some(&active), "contoso", None),
        ("a URI that is not the subscription's", by(&other_uri), Some(&active), "contoso", Some(ResourceNotFound)),
        ("unknown, before all else", bad, None, "contoso", Some(ResourceNotFound)),
        ("another publisher's, before state", bad, Some(&pending), "fabrikam", Some(ResourceNotAuthorized)),
        ("pending, before plan", bad, Some(&pending), "contoso", Some(ResourceNotActive)),
        ("over before the usage", GOOD, Some(&ended_early), "contoso", Some(ResourceNotActive)),
        ("final flush: over after the usage", GOOD, Some(&ended_late), "contoso", None),
        ("never began", GOOD, Some(&never_began), "contoso", Some(ResourceNotActive)),
        ("plan, before dimension", bad, Some(&active), "contoso", Some(InvalidPlan)),
        (
            "dimension, before quantity",
            RawUsage { plan_id: GOOD.plan_id, ..bad },
            Some(&active),
            "contoso",
            Some(InvalidDimension),
        ),
        (
            "below zero, before time",
            RawUsage { quantity: Some("-1"), ..old },
            Some(&active),
            "contoso",
            Some(InvalidQuantity),
        ),
        ("zero", RawUsage { quantity: Some("0.0"), ..GOOD }, Some(&active), "contoso", Some(InvalidQuantity)),
        ("too old", old, Some(&active), "contoso", Some(Expired)),
    ];
    for (row, raw, found, publisher, expected) in table {
        assert_eq!(refused(raw, found, publisher), expected, "{row}");
    }
}

#[test]
fn fields_are_read_as_they_come_and_every_fault_is_told() {
    use {Field::*, FieldFault::*};
    let table: Vec<(RawUsage<'_>, Result<&str, Vec<FieldFault>>)> = vec![
        (GOOD, Ok("2026-01-20T16:30:00Z 2.5")),
        (RawUsage { quantity: Some("1e-7"), ..GOOD }, Ok("2026-01-20T16:30:00Z 0.0000001")),
        (RawUsage { quantity: Some("9.1234567890123461"), ..GOOD }, Ok("2026-01-20T16:30:00Z 9.1234567890123461")),
        (
            RawUsage { effective_start_time: Some("2026-01-20T16:30:00.4810279Z"), ..GOOD },
            Ok("2026-01-20T16:30:00.481Z 2.5"),
        ),
        (RawUsage { effective_start_time: Some("2026-01-20T18:30:00+02:00"), ..GOOD }, Ok("2026-01-20T16:30:00Z 2.5")),
        (RawUsage::default(), Err([ResourceId, Quantity, Dimension, EffectiveStartTime, PlanId].map(Missing).to_vec())),
        (
            RawUsage { resource_id: Some("me"), dimension: Some(" "), ..GOOD },
            Err(vec![Malformed(ResourceId), Missing(Dimension)]),
        ),
        (
            RawUsage { quantity: Some("many"), effective_start_time: Some("now"), ..GOOD },
            Err(vec![Malformed(Quantity), Malformed(EffectiveStartTime)]),
        ),
        (RawUsage { quantity: Some("1e300"), ..GOOD }, Err(vec![Malformed(Quantity)])),
    ];
    for (raw, expected) in table {
        let found = UsageReport::parse(raw).map(|report| format!("{} {}", report.effective, report.quantity));
        assert_eq!(found, expected.map(str::to_owned), "{raw:?}");
    }
}

#[test]
fn the_window_reaches_back_24_hours_and_not_into_the_future() {
    let table = [
        ("2026-01-19T16:59:59.999Z", Some(UsageRefusal::Expired)),
        ("2026-01-19T17:00:00Z", None),
        (NOW, None),
        ("2026-01-20T17:00:00.001Z", Some(UsageRefusal::Expired)),
    ];
    for (effective, expected) in table {
        let raw = RawUsage { effective_start_time: Some(effective), ..GOOD };
        assert_eq!(refused(raw, Some(&subscribed()), "contoso"), expected, "{effective}");
    }
}

#[test]
fn an_hour_is_one_of_the_clock() {
    let table = [
        ("2026-01-20T16:00:00Z", "2026-01-20T16:00:00Z"),
        ("2026-01-20T16:59:59.999Z", "2026-01-20T16:00:00Z"),
        ("1969-12-31T23:30:00Z", "1969-12-31T23:00:00Z"),
    ];
    for (instant, hour) in table {
        assert_eq!(hour_of(at(instant)), at(hour), "{instant}");
    }
}

/// Accepts usage in a subscription that has used so much before.
fn accepted(found: &Subscription, raw: RawUsage<'_>, used: &str) -> Result<Acceptance, UsageRefusal> {
    let (report, catalogue) = (UsageReport::parse(raw).unwrap(), catalogue());
    let admitted = admit(&report, Some(found), &found.publisher, &catalogue, Rules::default(), at(NOW))?;
    let context = Context { now: at(NOW), first_entry: Seq(7), rules: Rules::default() };
    let tally = Tally { units: used.parse().unwrap() };
    accept(admitted, Accepting { id: id(ID), earlier: None, tally, context })
}

fn line(acceptance: &Acceptance) -> Option<&LedgerLine> {
    acceptance.decision.events.iter().find_map(|event| match event {
        Event::Charged { line } => Some(line),
        _ => None,
    })
}

#[test]
fn nothing_is_charged_until_what_is_included_is_used_up() {
    // Dimension, used before, quantity, used after, and the line's quantity and amount.
    let table = [
        ("mails", "0", "10", "10", None),
        ("mails", "7.5", "2.5", "10.0", None),
        ("mails", "9", "2.5", "11.5", Some(("1.5", "1.20 USD"))),
        ("mails", "10", "0.1", "10.1", Some(("0.1", "0.08 USD"))),
        // A term's usage is rounded as one: 0.0045 is nothing, but the second event brings it to 0.009.
        ("checks", "0", "1", "1", Some(("1", "0.00 USD"))),
        ("checks", "1", "1", "2", Some(("1", "0.01 USD"))),
        ("checks", "2", "1", "3", Some(("1", "0.00 USD"))),
    ];
    for (dimension, used, quantity, after, charged) in table {
        let raw = RawUsage { dimension: Some(dimension), quantity: Some(quantity), ..GOOD };
        let acceptance = accepted(&subscribed(), raw, used).unwrap();
        assert_eq!(acceptance.tally.map(|tally| tally.units.to_string()).as_deref(), Some(after), "{dimension} {used}");
        let found = line(&acceptance).map(|line| (line.quantity.to_string(), line.amount.to_string()));
        let found = found.as_ref().map(|(quantity, amount)| (quantity.as_str(), amount.as_str()));
        assert_eq!(found, charged, "{dimension} {used} {quantity}");
    }
    let acceptance = accepted(&subscribed(), GOOD, "9").unwrap();
    let line = line(&acceptance).unwrap();
    assert_eq!((line.kind, line.number, line.period), (ChargeKind::Usage, 2, term()));
    assert_eq!(line.caused_by, [Seq(7)]);
    assert_eq!(line.description, "Growth, mails: 1.5 beyond the 10 that a term of 1 month includes × 0.80 USD each");
}

#[test]
fn many_small_events_cost_what_one_large_one_costs() {
    let mut total = usd("0.00");
    for used in 0..1000 {
        let raw = RawUsage { dimension: Some("checks"), quantity: Some("1"), ..GOOD };
        let acceptance = accepted(&subscribed(), raw, &used.to_string()).unwrap();
        total.amount += line(&acceptance).unwrap().amount.amount;
    }
    assert_eq!(total.to_string(), "4.50 USD");
}

#[test]
fn usage_from_before_billing_is_accepted_and_never_charged() {
    let unbilled = Subscription { billing: None, ..subscribed() };
    let later = BillingStart { at: at("2026-01-20T16:30:01Z"), term: term() };
    let billed_later = Subscription { billing: Some(later), ..subscribed() };
    for found in [unbilled, billed_later] {
        let acceptance = accepted(&found, RawUsage { quantity: Some("99"), ..GOOD }, "0").unwrap();
        assert_eq!((acceptance.tally, acceptance.decision.events.len()), (None, 1));
    }
}

#[test]
fn a_second_event_of_the_hour_is_told_of_the_first() {
    let (report, catalogue, found) = (UsageReport::parse(GOOD).unwrap(), catalogue(), subscribed());
    let first = accepted(&found, GOOD, "0").unwrap().usage;
    let admitted = admit(&report, Some(&found), &found.publisher, &catalogue, Rules::default(), at(NOW)).unwrap();
    let context = Context { now: at(NOW), first_entry: Seq(8), rules: Rules::default() };
    let accepting = Accepting { id: id(ID), earlier: Some(first.clone()), tally: Tally::default(), context };
    assert_eq!(accept(admitted, accepting), Err(UsageRefusal::Duplicate(Box::new(first))));
}

#[test]
fn more_than_a_decimal_holds_is_refused_not_wrapped() {
    let most = "79228162514264337593543950335";
    let raw = RawUsage { quantity: Some(most), ..GOOD };
    for used in ["0", "1", most] {
        let found = accepted(&subscribed(), raw, used).map(|acceptance| acceptance.tally);
        let fits = used == "0" && found.is_ok();
        assert!(fits || found == Err(UsageRefusal::InvalidQuantity), "{used}: {found:?}");
    }
}

#[test]
fn a_day_is_one_row_and_the_newest_comes_first() {
    let event = |effective: &str, quantity: &str| {
        let raw = RawUsage { effective_start_time: Some(effective), quantity: Some(quantity), ..GOOD };
        accepted(&subscribed(), raw, "0").unwrap().usage
    };
    let events =
        [event("2026-01-19T18:00:00", "1.5"), event("2026-01-20T00:00:00", "1"), event("2026-01-19T23:59:59", "0.5")];
    let told = |now: &str| -> Vec<String> {
        let rows = daily(&events, at(now)).into_iter();
        rows.map(|row| format!("{} {} {} {}", row.day, row.quantity, row.count, row.is_processed)).collect()
    };
    assert_eq!(told(NOW), ["2026-01-20 1 1 false", "2026-01-19 2.0 2 false"]);
    assert_eq!(told("2026-01-21T00:00:00Z"), ["2026-01-20 1 1 false", "2026-01-19 2.0 2 false"]);
    assert_eq!(told("2026-01-21T00:00:00.001Z"), ["2026-01-20 1 1 false", "2026-01-19 2.0 2 true"]);
}
