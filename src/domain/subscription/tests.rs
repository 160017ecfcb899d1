//! Tables for the main flow's decisions: purchase limits, every pair of state and command, billing in either order.

use super::*;
use crate::domain::{
    billing::ChargeKind,
    catalogue::{AppRegistration, Catalogue, Customer, Offer, Partner, Plan, Pricing, Publisher, TermPrice},
    customer::{Address, Agreement},
    money::Currency,
    partner::Reseller,
    purchase_token::{self, SealingSecrets},
    refusal::Refusal,
    rules::Rules,
    setup_form::SetupForm,
};

pub(in crate::domain) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(in crate::domain) fn id<T: std::str::FromStr<Err = crate::domain::ids::BadId>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(in crate::domain) fn guid(number: u8) -> String {
    format!("{number:032x}").replace(' ', "0")
}

fn person(name: &str, tenant: u8) -> Person {
    Person {
        email: format!("{name}@{tenant}.example"),
        name: name.to_owned(),
        object_id: id(&guid(tenant.wrapping_add(100))),
        tenant_id: id(&guid(tenant)),
        puid: "1003200000000001".to_owned(),
    }
}

fn plan(name: &str, pricing: Pricing, prices: &[(TermUnit, &str)]) -> Plan {
    let price = |amount: &str| Money { amount: amount.parse().unwrap(), currency: Currency::USD };
    Plan {
        id: id(name),
        name: name.to_owned(),
        description: String::new(),
        pricing,
        terms: prices
            .iter()
            .map(|(unit, amount)| TermPrice { unit: unit.clone(), price: price(amount), payment: None })
            .collect(),
        free_trial: false,
        private_to: None,
        stop_sell: false,
        auto_activation: false,
        dimensions: Vec::new(),
        market: "US".to_owned(),
    }
}

pub(in crate::domain) fn seats(count: u32) -> Seats {
    count.try_into().unwrap()
}

/// One offer with a plan of every kind that a purchase looks at; two partners, a customer each.
pub(in crate::domain) fn catalogue() -> Catalogue {
    let limits = Pricing::PerUser { min: Some(seats(2)), max: Some(seats(10)) };
    let open = Pricing::PerUser { min: None, max: None };
    let monthly = [(TermUnit::P1M, "20.00"), (TermUnit::P1Y, "200.00")];
    let mut trial = plan("trial", open, &monthly);
    trial.free_trial = true;
    let mut private = plan("private", open, &monthly);
    private.private_to = Some(vec![id(&guid(9))]);
    let mut stopped = plan("stopped", open, &monthly);
    stopped.stop_sell = true;
    let customer = |name: &str, partner: &str, tenant| Customer {
        id: id(name),
        partner: id(partner),
        name: name.to_owned(),
        domain: format!("{name}.example"),
        users: vec![person("ann", tenant)],
        address: Address { country: "US".to_owned(), ..Address::default() },
        culture: "en-US".to_owned(),
        reseller: None,
        agreement: Some(Agreement::of_old(&person("ann", tenant))),
    };
    let app = |number| AppRegistration {
        tenant_id: id(&guid(number)),
        tenant_name: "Contoso".to_owned(),
        domain: None,
        client_id: id(&guid(2)),
        object_id: id(&guid(3)),
        client_secret: "secret".to_owned(),
        redirect_uris: Vec::new(),
        certificates: Vec::new(),
    };
    let partner = |name: &str, tenant| Partner {
        id: id(name),
        name: name.to_owned(),
        user: person("bob", tenant),
        mpn_id: id("4847383"),
        app: app(tenant),
        staff: Vec::new(),
        resellers: vec![Reseller { mpn_id: id("1234567"), name: "Fourth Coffee".to_owned() }],
    };
    Catalogue {
        publishers: vec![Publisher { id: id("contoso"), name: "Contoso".to_owned(), app: app(1) }],
        offers: vec![Offer {
            id: id("crm"),
            publisher: id("contoso"),
            name: "Contoso CRM".to_owned(),
            description: String::new(),
            landing_page_url: None,
            webhook_url: None,
            billing_waits_for: BillingWaitsFor::both(),
            plans: vec![
                plan("team", limits, &monthly),
                plan("flat", Pricing::FlatRate, &[(TermUnit::P1M, "99.50")]),
                plan("huge", open, &[(TermUnit::P1M, "79228162514264337593543950335")]),
                trial,
                private,
                stopped,
            ],
            setup_form: SetupForm::default(),
            provisioning_faults: Vec::new(),
        }],
        partners: vec![partner("northwind", 50), partner("adatum", 51)],
        customers: vec![customer("alpine", "northwind", 60), customer("bellows", "adatum", 61)],
    }
}

pub(in crate::domain) fn order(plan: &str, quantity: Option<u32>) -> PurchaseOrder {
    PurchaseOrder {
        buyer: Buyer::OwnPartner,
        customer: id("alpine"),
        offer: id("crm"),
        plan: id(plan),
        term_unit: None,
        quantity: quantity.map(seats),
        name: None,
        reseller: None,
    }
}

pub(in crate::domain) fn buy(order: &PurchaseOrder) -> Result<(Subscription, Decision), Refusal> {
    buy_after_trial(order, false)
}

fn buy_after_trial(order: &PurchaseOrder, trial_is_used: bool) -> Result<(Subscription, Decision), Refusal> {
    let now = at("2026-01-31T09:00:00Z");
    let subscription = SubscriptionId::from_bytes([7; 16]);
    let code = purchase_token::seal(&SealingSecrets::new([1; 64], [2; 64]), subscription, now, [[0; 104]]);
    let catalogue = catalogue();
    let customer =
        catalogue.customer(&order.customer).ok_or_else(|| Refusal::UnknownCustomer(order.customer.clone()))?;
    let new = New { id: subscription, order: None, code, trial_is_used };
    purchase(&catalogue, customer, order, new, Context { now, first_entry: Seq(1), rules: Rules::default() })
}

/// Decides, applies, and tells what happened as kinds of events.
pub(in crate::domain) fn run(
    subscription: &mut Subscription,
    command: Command<'_>,
    now: &str,
    first: u64,
) -> Result<Vec<&'static str>, Refusal> {
    let context = Context { now: at(now), first_entry: Seq(first), rules: Rules::default() };
    let decision = decide(subscription, command, context)?;
    for (entry, event) in decision.numbered() {
        *subscription = subscription.clone().apply(event, context.now, entry);
    }
    Ok(decision.events.iter().map(Event::kind).collect())
}

#[test]
fn a_purchase_waits_for_its_publisher_and_names_who_bought_for_whom() {
    let (bought, decision) = buy(&order("team", Some(5))).unwrap();
    assert_eq!(bought.state, State::Pending);
    assert_eq!(bought.billing, None);
    assert_eq!((bought.purchaser.tenant_id, bought.beneficiary.tenant_id), (id(&guid(50)), id(&guid(60))));
    assert_eq!(bought.confirmations.missing(), [ConfirmationKind::LicensesAssigned, ConfirmationKind::Activated]);
    assert_eq!(bought.activation_deadline, at("2026-03-02T09:00:00Z"));
    let kinds: Vec<_> = decision.events.iter().map(Event::kind).collect();
    assert_eq!(kinds, ["purchaseCreated", "codeIssued"]);
    let due = |timer: &TimerPlan| match *timer {
        TimerPlan::CodeLifeEnds { due, .. }
        | TimerPlan::ActivationOverdue { due }
        | TimerPlan::ActivationTakesEffect { due }
        | TimerPlan::OperationStep { due, .. }
        | TimerPlan::TermEnds { due }
        | TimerPlan::PaymentDue { due }
        | TimerPlan::GraceEnds { due, .. } => due.to_string(),
    };
    let dues: Vec<_> = decision.timers.iter().map(due).collect();
    assert_eq!(dues, ["2026-02-01T09:00:00Z", "2026-03-02T09:00:00Z"]);
}

#[test]
fn a_customer_that_buys_for_itself_is_purchaser_and_beneficiary_and_may_change() {
    let operations = |order: &PurchaseOrder| {
        let (bought, _) = buy(order).unwrap();
        (bought.purchaser == bought.beneficiary, bought.allowed_customer_operations().to_vec())
    };
    let direct = PurchaseOrder { buyer: Buyer::Customer, ..order("team", Some(5)) };
    use CustomerOperation::{Delete, Read, Update};
    assert_eq!(operations(&direct), (true, vec![Delete, Read, Update]));
    assert_eq!(operations(&order("team", Some(5))), (false, vec![Read]));
}

#[test]
fn each_limit_of_a_purchase_is_checked() {
    let with = |change: fn(&mut PurchaseOrder)| {
        let mut order = order("team", Some(5));
        change(&mut order);
        order
    };
    let table = [
        (order("team", Some(2)), Ok("P1M")),
        (order("team", Some(10)), Ok("P1M")),
        (order("team", Some(1)), Err("tooFewSeats")),
        (order("team", Some(11)), Err("tooManySeats")),
        (order("team", None), Err("quantityRequired")),
        (order("trial", Some(1_000_000)), Ok("P1M")),
        (order("trial", Some(1_000_001)), Err("tooManySeatsForAnyone")),
        (order("flat", None), Ok("P1M")),
        (order("flat", Some(1)), Err("quantityNotAllowed")),
        (order("huge", Some(1)), Ok("P1M")),
        (order("huge", Some(2)), Err("amountTooLarge")),
        (order("private", Some(1)), Err("planPrivate")),
        (order("stopped", Some(1)), Err("planStopSell")),
        (order("none", Some(1)), Err("unknownPlan")),
        (with(|order| order.term_unit = Some(TermUnit::P1Y)), Ok("P1Y")),
        (with(|order| order.term_unit = Some(TermUnit::P3Y)), Err("termNotSold")),
        (with(|order| order.customer = id("nobody")), Err("unknownCustomer")),
        (with(|order| order.buyer = Buyer::Partner(id("nobody"))), Err("unknownPartner")),
        (with(|order| order.buyer = Buyer::Partner(id("adatum"))), Err("customerOfAnotherPartner")),
        (with(|order| order.offer = id("nothing")), Err("unknownOffer")),
    ];
    for (order, expected) in table {
        let found = buy(&order).map(|(bought, _)| bought.term_unit.as_str().to_owned());
        assert_eq!(found.as_deref().map_err(Refusal::code), expected, "{order:?}");
    }
}

#[test]
fn a_trial_is_had_once() {
    for (plan, is_used, is_trial) in [("trial", false, true), ("trial", true, false), ("team", false, false)] {
        let (bought, _) = buy_after_trial(&order(plan, Some(5)), is_used).unwrap();
        assert_eq!(bought.free_trial, is_trial, "{plan} {is_used}");
    }
}

#[test]
fn billing_starts_at_the_later_confirmation_in_either_order() {
    let licenses = || Command::ReportLicenses { assigned: 3 };
    let table: [(Command<'_>, &str, Command<'_>, &str, [u64; 3]); 2] = [
        (licenses(), "activated", Command::Activate { wait: 0 }, "licensesAssigned", [10, 20, 21]),
        (Command::Activate { wait: 0 }, "licensesAssigned", licenses(), "activated", [20, 10, 21]),
    ];
    for (first, missing, second, already, causes) in table {
        let (mut bought, _) = buy(&order("team", Some(5))).unwrap();
        let kinds = run(&mut bought, first, "2026-02-01T10:00:00Z", 10).unwrap();
        assert_eq!(kinds.len(), 1, "one confirmation starts nothing: {kinds:?}");
        let still: Vec<_> = bought.confirmations.missing().into_iter().map(ConfirmationKind::as_str).collect();
        assert_eq!((still, bought.billing), (vec![missing], None), "after {already}");

        let kinds = run(&mut bought, second, "2026-02-05T10:00:00Z", 20).unwrap();
        assert_eq!(&kinds[1..], ["billingStarted", "charged"]);
        let billing = bought.billing.unwrap();
        assert_eq!(billing.at, at("2026-02-05T10:00:00Z"));
        assert_eq!(bought.state, State::Subscribed { term: billing.term });
        assert_eq!(
            (billing.term.start.to_string(), billing.term.end.to_string()),
            ("2026-02-05".into(), "2026-03-04".into())
        );

        let line = charged(&bought, second, causes);
        assert_eq!(line.amount.to_string(), "100.00 USD");
        assert_eq!(line.description, "team, 5 seats × 20.00 USD for 1 month");
    }
}

/// The charge that the second confirmation brings, decided again from the state before it.
fn charged(after: &Subscription, second: Command<'_>, causes: [u64; 3]) -> LedgerLine {
    let mut before = after.clone();
    before.billing = None;
    before.ledger_lines = 0;
    match second {
        Command::Activate { .. } => {
            before.state = State::Pending;
            before.confirmations.activated = None;
        }
        _ => before.confirmations.licenses_assigned = None,
    }
    let context = Context { now: after.billing.unwrap().at, first_entry: Seq(20), rules: Rules::default() };
    let decision = decide(&before, second, context).unwrap();
    let Some(Event::Charged { line }) = decision.events.last() else { panic!("{decision:?}") };
    assert_eq!(line.caused_by, causes.map(Seq));
    line.clone()
}

#[test]
fn flat_rates_and_trials_are_charged_by_their_own_formula() {
    let table = [
        ("flat", None, None, ChargeKind::TermFee, "99.50 USD", "2026-02-28"),
        ("trial", Some(3), None, ChargeKind::FreeTrial, "0.00 USD", "2026-02-28"),
        ("trial", Some(3), Some(TermUnit::P1Y), ChargeKind::FreeTrial, "0.00 USD", "2026-02-28"),
        ("team", Some(3), Some(TermUnit::P1Y), ChargeKind::TermFee, "600.00 USD", "2027-01-31"),
    ];
    for (plan, quantity, term_unit, kind, amount, until) in table {
        let (mut bought, _) = buy(&PurchaseOrder { term_unit, ..order(plan, quantity) }).unwrap();
        run(&mut bought, Command::ReportLicenses { assigned: 0 }, "2026-02-01T00:00:00Z", 5).unwrap();
        let context = Context { now: at("2026-02-01T00:00:00Z"), first_entry: Seq(9), rules: Rules::default() };
        let decision = decide(&bought, Command::Activate { wait: 0 }, context).unwrap();
        let Some(Event::Charged { line }) = decision.events.last() else { panic!("{plan}") };
        let found = (line.kind, line.amount.to_string(), line.period.end.to_string());
        assert_eq!(found, (kind, amount.to_owned(), until.to_owned()), "{plan}");
    }
}

#[test]
fn the_free_month_is_the_first_purchases_to_begin() {
    // Plan, whether the customer has begun a trial of it elsewhere, whether it is billed already, and what happens.
    let table: [(&str, bool, bool, &[&str]); 5] = [
        ("trial", true, false, &["trialUsed"]),
        ("trial", false, false, &[]),
        ("trial", true, true, &[]),
        ("team", true, false, &[]),
        ("team", true, true, &[]),
    ];
    for (plan, trial_is_used, is_billed, expected) in table {
        let (mut bought, _) = buy(&order(plan, Some(3))).unwrap();
        run(&mut bought, Command::ReportLicenses { assigned: 0 }, "2026-02-01T00:00:00Z", 5).unwrap();
        if is_billed {
            run(&mut bought, Command::Activate { wait: 0 }, "2026-02-01T00:00:00Z", 6).unwrap();
        }
        let context = Context { now: at("2026-02-01T00:00:00Z"), first_entry: Seq(9), rules: Rules::default() };
        let decision = keep_trial(&bought, trial_is_used, context);
        let kinds: Vec<_> = decision.events.iter().map(Event::kind).collect();
        assert_eq!(kinds, expected, "{plan} {trial_is_used} {is_billed}");
        let after = decision.numbered().fold(bought, |state, (entry, event)| state.apply(event, context.now, entry));
        assert_eq!(after.free_trial, plan == "trial" && expected.is_empty(), "{plan} {trial_is_used} {is_billed}");
    }
}

#[test]
fn an_offer_may_wait_for_activation_alone_but_never_for_less() {
    use ConfirmationKind::{Activated, LicensesAssigned};
    let licenses = (Command::ReportLicenses { assigned: 1 }, "2026-02-01T00:00:00Z");
    let activate = (Command::Activate { wait: 0 }, "2026-03-02T00:00:00Z");
    let table = [
        // What comes later is billed no second time.
        (Activated, activate, (licenses.0, "2026-03-09T00:00:00Z"), [3, 1]),
        // Nothing is billed before the activation (docs:life-cycle), nor is a term that has passed.
        (LicensesAssigned, licenses, activate, [1, 3]),
    ];
    for (waited, first, second, facts) in table {
        let (mut bought, _) = buy(&order("team", Some(5))).unwrap();
        bought.confirmations.waits_for =
            [waited].into_iter().collect::<std::collections::BTreeSet<_>>().try_into().unwrap();
        for ((command, now), facts) in [first, second].into_iter().zip(facts) {
            let kinds = run(&mut bought, command, now, 5).unwrap();
            assert_eq!((kinds.len(), kinds.contains(&"charged")), (facts, facts == 3), "{waited:?}: {kinds:?}");
        }
        assert_eq!(bought.state.term().unwrap().start.to_string(), "2026-03-02", "{waited:?}");
        assert_eq!(bought.billing.unwrap().term.start.to_string(), "2026-03-02", "{waited:?}");
    }
}

#[test]
fn billing_that_starts_while_it_is_suspended_moves_the_term_too() {
    let (mut bought, _) = buy(&order("team", Some(5))).unwrap();
    run(&mut bought, Command::Activate { wait: 0 }, "2026-02-01T00:00:00Z", 5).unwrap();
    let (Some(term), since) = (bought.state.term(), at("2026-02-11T00:00:00Z")) else { panic!("{bought:?}") };
    bought = bought.apply(&Event::Suspended { term }, since, Seq(9));
    run(&mut bought, Command::ReportLicenses { assigned: 5 }, "2026-02-11T00:00:00Z", 20).unwrap();
    let billed = bought.billing.unwrap().term;
    assert_eq!(bought.state, State::Suspended { term: billed, since });
    assert_eq!(bought.next_term_at(), Some(at("2026-03-11T00:00:00Z")));
}

#[test]
fn every_state_answers_every_command() {
    let (pending, _) = buy(&order("team", Some(5))).unwrap();
    let mut subscribed = pending.clone();
    run(&mut subscribed, Command::Activate { wait: 0 }, "2026-02-01T00:00:00Z", 5).unwrap();
    let mut over = pending.clone();
    run(&mut over, Command::ActivationOverdue, "2026-03-02T09:00:00Z", 5).unwrap();
    let code = pending.code.clone();
    let issued_at = code.issued_at;
    type Outcome = Result<&'static [&'static str], &'static str>;
    let table: [(Command<'_>, [Outcome; 3]); 7] = [
        (Command::IssueCode(&code), [Ok(&["codeIssued"]), Ok(&["codeIssued"]), Err("notInStatus")]),
        (Command::Resolve, [Ok(&["resolved"]), Ok(&["resolved"]), Ok(&["resolved"])]),
        (
            Command::ReportLicenses { assigned: 5 },
            [Ok(&["licensesAssigned"]), Ok(&["licensesAssigned", "billingStarted", "charged"]), Err("notInStatus")],
        ),
        (Command::ReportLicenses { assigned: 6 }, [Err("tooManyLicenses"), Err("tooManyLicenses"), Err("notInStatus")]),
        (Command::Activate { wait: 0 }, [Ok(&["activated"]), Ok(&[]), Err("notInStatus")]),
        (Command::CodeLifeEnds { issued_at }, [Ok(&["codeExpired"]), Ok(&[]), Ok(&[])]),
        (Command::ActivationOverdue, [Ok(&["notActivatedInTime"]), Ok(&[]), Ok(&[])]),
    ];
    for (command, expected) in table {
        for (state, expected) in [&pending, &subscribed, &over].into_iter().zip(expected) {
            let mut state = state.clone();
            let status = state.state.status();
            let found = run(&mut state, command, "2026-02-02T00:00:00Z", 30);
            let found = found.as_deref().map_err(Refusal::code);
            assert_eq!(found, expected, "{command:?} in {status:?}");
        }
    }
}

#[test]
fn an_activation_under_way_outlives_the_time_to_activate() {
    let (mut bought, _) = buy(&order("team", Some(5))).unwrap();
    run(&mut bought, Command::Activate { wait: 30_000 }, "2026-03-02T08:59:50Z", 5).unwrap();
    assert_eq!(run(&mut bought, Command::ActivationOverdue, "2026-03-02T09:00:00Z", 9), Ok(Vec::new()));
    let kinds = run(&mut bought, Command::ActivationTakesEffect, "2026-03-02T09:00:20Z", 9).unwrap();
    assert_eq!((kinds, bought.state.status()), (vec!["activated"], Status::Subscribed));
}

#[test]
fn a_confirmation_that_is_repeated_changes_nothing() {
    let (mut bought, _) = buy(&order("team", Some(5))).unwrap();
    run(&mut bought, Command::ReportLicenses { assigned: 3 }, "2026-02-01T00:00:00Z", 5).unwrap();
    run(&mut bought, Command::Activate { wait: 0 }, "2026-02-01T00:00:00Z", 6).unwrap();
    let settled = bought.clone();
    for command in [Command::ReportLicenses { assigned: 4 }, Command::Activate { wait: 0 }] {
        assert_eq!(run(&mut bought, command, "2026-02-03T00:00:00Z", 20), Ok(Vec::new()));
    }
    assert_eq!(bought, settled);
}
