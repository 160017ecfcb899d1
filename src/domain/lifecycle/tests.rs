//! Tables: how terms follow one another, what a failed payment brings, and what changes and cancellations cost.

use super::*;
use crate::domain::rules::Rules;
use crate::domain::{
    billing::{ChargeKind, LedgerLine},
    event::Seq,
    operation::{self, Action, OperationStatus, Verdict, Wish, cancel_in_marketplace, change_in_marketplace},
    subscription::{
        Buyer, Command, PurchaseOrder,
        tests::{at, buy, catalogue, order, run},
    },
    time::TermUnit,
};

fn id(number: u8) -> OperationId {
    OperationId::from_bytes([number; 16])
}

fn context(now: &str) -> Context {
    Context { now: at(now), first_entry: Seq(20), rules: Rules::default() }
}

/// A subscription that was bought, activated and set up at once.
fn billed(plan: &str, quantity: Option<u32>, unit: Option<&str>, at: &str) -> Subscription {
    let unit = unit.map(|unit| unit.to_owned().into());
    let order = PurchaseOrder { buyer: Buyer::Customer, term_unit: unit, ..order(plan, quantity) };
    let mut subscription = buy(&order).unwrap().0;
    subscription.created = at.parse().unwrap();
    for command in [Command::Activate { wait: 0 }, Command::ReportLicenses { assigned: 1 }] {
        run(&mut subscription, command, at, 5).unwrap();
    }
    subscription
}

/// Carries a request out on the subscription; tells the kinds of what happened.
fn carry_out(subscription: &mut Subscription, request: &Request, now: &str) -> Vec<&'static str> {
    apply(subscription, &request.decision, now);
    request.decision.events.iter().map(Event::kind).collect()
}

fn apply(subscription: &mut Subscription, decision: &Decision, now: &str) {
    for (entry, event) in decision.numbered() {
        *subscription = subscription.clone().apply(event, at(now), entry);
    }
}

fn lines(decision: &Decision) -> Vec<&LedgerLine> {
    let events = decision.events.iter();
    events.filter_map(|event| if let Event::Charged { line } = event { Some(line) } else { None }).collect()
}

/// The line of the only charge: kind, amount, first and last day.
fn only_line(decision: &Decision) -> (ChargeKind, String, String) {
    let lines = lines(decision);
    let [line] = lines[..] else { panic!("{} lines", lines.len()) };
    (line.kind, line.amount.to_string(), format!("{} {}", line.period.start, line.period.end))
}

const RENEWED: [&str; 4] = ["operationRequested", "termBegan", "charged", "operationSucceeded"];
const ENDED: [&str; 3] = ["operationRequested", "unsubscribed", "operationSucceeded"];

#[test]
fn terms_follow_without_a_gap_and_a_31st_does_not_drift() {
    let mut subscription = billed("team", Some(5), None, "2026-01-31T09:00:00Z");
    let mut found = Vec::new();
    for _ in 0..13 {
        let due = subscription.next_term_at().unwrap();
        let request = term_ends(&subscription, due, id(1), context(&due.to_string())).unwrap();
        assert_eq!(carry_out(&mut subscription, &request, &due.to_string()), RENEWED);
        assert_eq!((request.operation.action(), request.operation.source), (Action::Renew, RequestSource::Azure));
        assert_eq!(request.decision.timers, [TimerPlan::TermEnds { due: subscription.next_term_at().unwrap() }]);
        let (kind, amount, days) = only_line(&request.decision);
        assert_eq!((kind, amount.as_str()), (ChargeKind::TermFee, "100.00 USD"));
        found.push(days);
    }
    let expected = [
        "2026-02-28 2026-03-30",
        "2026-03-31 2026-04-29",
        "2026-04-30 2026-05-30",
        "2026-05-31 2026-06-29",
        "2026-06-30 2026-07-30",
        "2026-07-31 2026-08-30",
        "2026-08-31 2026-09-29",
        "2026-09-30 2026-10-30",
        "2026-10-31 2026-11-29",
        "2026-11-30 2026-12-30",
        "2026-12-31 2027-01-30",
        "2027-01-31 2027-02-27",
        "2027-02-28 2027-03-30",
    ];
    assert_eq!(found, expected);
    assert_eq!(subscription.ledger_lines, 14);
}

#[test]
fn a_timer_that_is_not_of_this_term_does_nothing() {
    let mut subscription = billed("team", Some(5), None, "2026-01-31T09:00:00Z");
    let due = at("2026-02-28T00:00:00Z");
    let request = term_ends(&subscription, due, id(1), context("2026-02-28T00:00:00Z")).unwrap();
    carry_out(&mut subscription, &request, "2026-02-28T00:00:00Z");
    assert_eq!(term_ends(&subscription, due, id(2), context("2026-02-28T00:00:00Z")), None);
    let pending = buy(&order("team", Some(5))).unwrap().0;
    assert_eq!(term_ends(&pending, due, id(2), context("2026-02-28T00:00:00Z")), None);
}

#[test]
fn a_trial_turns_into_a_paid_subscription_after_a_month_whatever_its_term() {
    for (unit, fee, days) in
        [("P1M", "100.00 USD", "2026-02-28 2026-03-27"), ("P1Y", "1000.00 USD", "2026-02-28 2027-02-27")]
    {
        let mut subscription = billed("trial", Some(5), Some(unit), "2026-01-31T09:00:00Z");
        assert_eq!(subscription.paid.unwrap().amount.to_string(), "0.00");
        let due = subscription.next_term_at().unwrap();
        assert_eq!(due, at("2026-02-28T00:00:00Z"));
        let request = term_ends(&subscription, due, id(1), context("2026-02-28T00:00:00Z")).unwrap();
        assert_eq!(carry_out(&mut subscription, &request, "2026-02-28T00:00:00Z"), RENEWED);
        assert!(!subscription.free_trial);
        // Terms are counted from the first paid one.
        assert_eq!(only_line(&request.decision), (ChargeKind::TermFee, fee.to_owned(), days.to_owned()));
        assert_eq!(subscription.billing.unwrap().term.start.to_string(), "2026-02-28");
        assert_eq!(subscription.next_term_at(), Some(subscription.billing.unwrap().term.next_start()));
    }
}

#[test]
fn without_renewal_it_ends_with_its_term_and_nothing_is_given_back() {
    let mut subscription = billed("team", Some(5), None, "2026-01-31T09:00:00Z");
    apply(&mut subscription, &events([Event::AutoRenewSet { auto_renew: false }]), "2026-02-01T00:00:00Z");
    let request = term_ends(&subscription, at("2026-02-28T00:00:00Z"), id(1), context("2026-02-28T00:00:00Z")).unwrap();
    assert_eq!(carry_out(&mut subscription, &request, "2026-02-28T00:00:00Z"), ENDED);
    assert_eq!(request.operation.action(), Action::Unsubscribe);
    assert_eq!(subscription.state.status(), Status::Unsubscribed);
}

#[test]
fn a_cancellation_that_was_granted_before_the_term_ended_is_billed_no_new_term() {
    let mut subscription = billed("team", Some(5), None, "2026-01-31T09:00:00Z");
    let (asked, due, later) = ("2026-02-27T23:59:57Z", "2026-02-28T00:00:00Z", "2026-02-28T00:00:04Z");
    let granted = operation::request_cancel(&subscription, id(1), Delays::Live, context(asked)).unwrap();
    let operation::Cancellation::Requested(request) = granted else { panic!("{granted:?}") };
    carry_out(&mut subscription, &request, asked);
    assert_eq!(term_ends(&subscription, at(due), id(2), context(due)), None);
    let operation = Operation { status: OperationStatus::InProgress, ..request.operation };
    let step = operation::step(&operation, &subscription, Delays::Live, context(later));
    apply(&mut subscription, &step, later);
    assert_eq!((lines(&step).len(), subscription.state.status()), (0, Status::Unsubscribed));
}

#[test]
fn what_is_open_at_the_end_has_come_to_nothing() {
    let mut subscription = billed("team", Some(5), None, "2026-01-31T09:00:00Z");
    let now = "2026-02-10T00:00:00Z";
    let offer = catalogue().offers.swap_remove(0);
    let wish = Wish { plan: None, quantity: Some(6) };
    let request = change_in_marketplace(&subscription, &offer, &wish, id(7), context(now)).unwrap();
    carry_out(&mut subscription, &request, now);
    let mut not_renewed = subscription.clone();
    apply(&mut not_renewed, &events([Event::AutoRenewSet { auto_renew: false }]), now);
    let due = "2026-02-28T00:00:00Z";
    let table = [
        cancel_in_marketplace(&subscription, id(8), context(now)).unwrap(),
        term_ends(&not_renewed, at(due), id(8), context(due)).unwrap(),
    ];
    for request in table {
        let mut over = subscription.clone();
        let kinds = carry_out(&mut over, &request, now);
        assert!(kinds.contains(&"operationConflicted"), "{kinds:?}");
        assert_eq!(over.outstanding, []);
        let change =
            |event: &Event| matches!(event, Event::OperationConflicted { operation, .. } if *operation == id(7));
        assert_eq!(request.decision.events.iter().filter(|event| change(event)).count(), 1);
    }
}

fn events(events: impl Into<Vec<Event>>) -> Decision {
    let mut decision = Decision::starting_at(Seq(9));
    decision.events = events.into();
    decision
}

#[test]
fn a_failed_payment_suspends_for_thirty_days_and_then_it_ends() {
    let mut subscription = billed("team", Some(5), None, "2026-01-31T09:00:00Z");
    apply(&mut subscription, &events([Event::PaymentsSet { fail: true }]), "2026-02-01T00:00:00Z");
    let now = "2026-02-28T00:00:00Z";
    let request = term_ends(&subscription, at(now), id(1), context(now)).unwrap();
    assert_eq!(carry_out(&mut subscription, &request, now), ["operationRequested", "suspended", "operationSucceeded"]);
    assert_eq!(subscription.state.status(), Status::Suspended);
    let grace = TimerPlan::GraceEnds { due: at("2026-03-30T00:00:00Z"), suspended_at: at(now) };
    assert_eq!(request.decision.timers, [grace]);
    // It is neither suspended twice nor renewed meanwhile.
    assert_eq!(suspend(&subscription, id(2), context(now)).unwrap_err().code(), "notInStatus");
    assert_eq!(term_ends(&subscription, at(now), id(2), context(now)), None);
    let request = grace_ends(&subscription, at(now), id(3), context("2026-03-30T00:00:00Z")).unwrap();
    assert_eq!(grace_ends(&subscription, at("2026-02-27T00:00:00Z"), id(3), context(now)), None, "another suspension");
    assert_eq!(carry_out(&mut subscription, &request, "2026-03-30T00:00:00Z"), ENDED);
    assert_eq!(grace_ends(&subscription, at(now), id(4), context("2026-03-30T00:00:00Z")), None);
}

#[test]
fn what_is_paid_again_comes_back_and_is_renewed_for_the_term_that_has_begun() {
    let mut subscription = billed("team", Some(5), None, "2026-01-31T09:00:00Z");
    let now = "2026-02-10T00:00:00Z";
    let request = suspend(&subscription, id(1), context(now)).unwrap();
    carry_out(&mut subscription, &request, now);

    let later = "2026-03-05T00:00:00Z";
    let mut request = reinstate(&subscription, id(2), Delays::Brief, context(later)).unwrap();
    assert_eq!(carry_out(&mut subscription, &request, later), ["operationRequested", "operationStarted"]);
    assert_eq!(subscription.state.status(), Status::Suspended, "until it has succeeded");
    let again = reinstate(&subscription, id(3), Delays::Brief, context(later)).unwrap_err();
    assert_eq!(again.code(), "operationPending");
    for event in &request.decision.events {
        request.operation = request.operation.apply(event, at(later));
    }
    // The publisher has no say in it.
    for verdict in [Verdict::Success, Verdict::Failure] {
        let answered = operation::answer(&request.operation, &subscription, verdict, context(later)).unwrap();
        assert_eq!(answered.events, []);
    }
    assert_eq!(request.operation.status, OperationStatus::InProgress);
    let step = operation::step(&request.operation, &subscription, Delays::Brief, context(later));
    let kinds: Vec<&str> = step.events.iter().map(Event::kind).collect();
    assert_eq!(kinds, ["reinstated", "operationSucceeded"]);
    // Its term ended while it was suspended.
    assert_eq!(step.timers, [TimerPlan::TermEnds { due: at("2026-02-28T00:00:00Z") }]);
    apply(&mut subscription, &step, later);
    assert_eq!(subscription.state.status(), Status::Subscribed);
    let request = term_ends(&subscription, at("2026-02-28T00:00:00Z"), id(4), context(later)).unwrap();
    assert_eq!(carry_out(&mut subscription, &request, later), RENEWED);
    assert_eq!(only_line(&request.decision).2, "2026-02-28 2026-03-30");
}

#[test]
fn only_what_is_active_is_suspended_and_only_what_is_suspended_comes_back() {
    let pending = buy(&order("team", Some(5))).unwrap().0;
    let active = billed("team", Some(5), None, "2026-01-31T09:00:00Z");
    let mut over = active.clone();
    apply(&mut over, &events([Event::Unsubscribed {}]), "2026-02-01T00:00:00Z");
    let now = context("2026-02-01T00:00:00Z");
    for subscription in [&pending, &over] {
        assert_eq!(suspend(subscription, id(1), now).unwrap_err().code(), "notInStatus");
    }
    for subscription in [&pending, &active, &over] {
        let refusal = reinstate(subscription, id(1), Delays::Brief, now).unwrap_err();
        assert_eq!(refusal.code(), "notInStatus");
    }
}

/// Makes a change in the marketplace, which the publisher accepts, and tells the lines that it brings.
fn changed(subscription: &Subscription, wish: &Wish, now: &str) -> (Subscription, Vec<String>) {
    let offer = catalogue().offers.swap_remove(0);
    let request = change_in_marketplace(subscription, &offer, wish, id(7), context(now)).unwrap();
    let operation =
        request.decision.events.iter().fold(request.operation, |operation, event| operation.apply(event, at(now)));
    let answered = operation::answer(&operation, subscription, Verdict::Success, context(now)).unwrap();
    let told = |line: &LedgerLine| {
        format!("{} | {} | {}..{}", line.description, line.amount, line.period.start, line.period.end)
    };
    let lines = lines(&answered).into_iter().map(told).collect();
    let mut after = subscription.clone();
    apply(&mut after, &answered, now);
    (after, lines)
}

#[test]
fn a_change_is_paid_for_by_the_day() {
    let team = billed("team", Some(5), None, "2026-01-31T09:00:00Z");
    let seats = |quantity| Wish { plan: None, quantity: Some(quantity) };
    let plan = |plan: &str| Wish { plan: Some(plan.to_owned()), quantity: None };
    // 28 days, of which these are left: 28, 14, 1.
    let table = [
        (
            seats(8),
            "2026-01-31T10:00:00Z",
            [
                "team, 5 seats × 20.00 USD: 28 of 28 days given back | -100.00 USD | 2026-01-31..2026-02-27",
                "team, 8 seats × 20.00 USD: 28 of 28 days | 160.00 USD | 2026-01-31..2026-02-27",
            ],
        ),
        (
            seats(8),
            "2026-02-14T10:00:00Z",
            [
                "team, 5 seats × 20.00 USD: 14 of 28 days given back | -50.00 USD | 2026-02-14..2026-02-27",
                "team, 8 seats × 20.00 USD: 14 of 28 days | 80.00 USD | 2026-02-14..2026-02-27",
            ],
        ),
        (
            seats(4),
            "2026-02-14T10:00:00Z",
            [
                "team, 5 seats × 20.00 USD: 14 of 28 days given back | -50.00 USD | 2026-02-14..2026-02-27",
                "team, 4 seats × 20.00 USD: 14 of 28 days | 40.00 USD | 2026-02-14..2026-02-27",
            ],
        ),
        (
            seats(8),
            "2026-02-27T23:59:59Z",
            [
                "team, 5 seats × 20.00 USD: 1 of 28 days given back | -3.55 USD | 2026-02-27..2026-02-27",
                "team, 8 seats × 20.00 USD: 1 of 28 days | 5.68 USD | 2026-02-27..2026-02-27",
            ],
        ),
    ];
    for (wish, now, expected) in table {
        let (after, lines) = changed(&team, &wish, now);
        assert_eq!(lines, expected);
        assert_eq!(after.ledger_lines, 3);
    }
    let (after, lines) = changed(&team, &plan("trial"), "2026-02-14T10:00:00Z");
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("team, 5 seats × 20.00 USD: 14 of 28 days given back | -50.00 USD"), "{lines:?}");
    assert_eq!(after.ledger_lines, 3);
}

#[test]
fn a_plan_without_a_trial_ends_the_trial_at_once() {
    let trial = billed("trial", Some(5), None, "2026-01-31T09:00:00Z");
    let seats = Wish { plan: None, quantity: Some(6) };
    assert_eq!(changed(&trial, &seats, "2026-02-10T10:00:00Z").1, [""; 0], "nothing is paid for during a trial");
    let team = Wish { plan: Some("team".to_owned()), quantity: None };
    let (after, lines) = changed(&trial, &team, "2026-02-10T10:00:00Z");
    assert_eq!(lines, ["team, 5 seats × 20.00 USD for 1 month | 100.00 USD | 2026-02-10..2026-03-09"]);
    assert!(!after.free_trial);
    assert_eq!(after.next_term_at().unwrap(), at("2026-03-10T00:00:00Z"));
}

#[test]
fn a_cancellation_in_time_gives_everything_back_and_a_later_one_nothing() {
    let team = billed("team", Some(5), None, "2026-01-31T09:00:00Z");
    let more = Wish { plan: None, quantity: Some(8) };
    let (changed, _) = changed(&team, &more, "2026-01-31T10:00:00Z");
    let trial = billed("trial", Some(5), None, "2026-01-31T09:00:00Z");
    let table = [
        (&team, "2026-02-03T09:00:00Z", Some("-100.00 USD")),
        (&changed, "2026-02-03T09:00:00Z", Some("-160.00 USD")),
        (&team, "2026-02-03T09:00:00.001Z", None),
        (&trial, "2026-02-01T09:00:00Z", None),
    ];
    for (subscription, now, back) in table {
        let request = cancel_in_marketplace(subscription, id(1), context(now)).unwrap();
        let lines = lines(&request.decision);
        let found = lines.first().map(|line| (line.kind, line.amount.to_string()));
        assert_eq!(found, back.map(|back| (ChargeKind::Refund, back.to_owned())), "{now}");
        let mut after = subscription.clone();
        carry_out(&mut after, &request, now);
        if back.is_some() {
            assert_eq!(after.paid.unwrap().amount.to_string(), "0.00");
        }
    }
}

/// A subscription for three years that is paid for by the year: 5 seats at 20.00.
fn paid_by_the_year(at: &str) -> Subscription {
    paid_in_parts(TermUnit::P3Y, TermUnit::P1Y, at)
}

fn paid_in_parts(term: TermUnit, payment: TermUnit, at: &str) -> Subscription {
    let order = PurchaseOrder { buyer: Buyer::Customer, ..order("team", Some(5)) };
    let mut subscription = buy(&order).unwrap().0;
    (subscription.term_unit, subscription.payment) = (term, Some(payment));
    subscription.created = at.parse().unwrap();
    for command in [Command::Activate { wait: 0 }, Command::ReportLicenses { assigned: 1 }] {
        run(&mut subscription, command, at, 5).unwrap();
    }
    subscription
}

/// Makes the payment that is due; tells its line, and what timers it leaves.
fn pay(subscription: &mut Subscription) -> ((ChargeKind, String, String), Vec<TimerPlan>) {
    let due = subscription.next_payment_at().unwrap();
    let paid = payment_due(subscription, due, id(1), context(&due.to_string())).unwrap();
    let Payment::Made(decision) = paid else { panic!("{paid:?}") };
    apply(subscription, &decision, &due.to_string());
    assert_eq!(payment_due(subscription, due, id(1), context(&due.to_string())), None, "a payment is made once");
    (only_line(&decision), decision.timers)
}

#[test]
fn a_long_term_is_paid_for_in_parts() {
    let mut subscription = paid_by_the_year("2024-02-29T09:00:00Z");
    assert_eq!(subscription.state.term().unwrap().end.to_string(), "2027-02-27");
    let expected = ["2025-02-28 2026-02-27", "2026-02-28 2027-02-27"];
    for (days, goes_on) in expected.into_iter().zip([true, false]) {
        let (line, timers) = pay(&mut subscription);
        assert_eq!(line, (ChargeKind::CycleCharge, "100.00 USD".to_owned(), days.to_owned()));
        assert_eq!(timers.is_empty(), !goes_on, "{timers:?}");
    }
    assert_eq!(subscription.next_payment_at(), None);
    let due = subscription.next_term_at().unwrap();
    let renewal = term_ends(&subscription, due, id(1), context(&due.to_string())).unwrap();
    carry_out(&mut subscription, &renewal, &due.to_string());
    let timers = [
        TimerPlan::PaymentDue { due: at("2028-02-29T00:00:00Z") },
        TimerPlan::TermEnds { due: at("2030-02-28T00:00:00Z") },
    ];
    assert_eq!(renewal.decision.timers, timers);
    assert_eq!(only_line(&renewal.decision).2, "2027-02-28 2028-02-28");
}

#[test]
fn a_change_within_a_part_is_paid_for_until_the_part_ends() {
    let mut subscription = paid_by_the_year("2026-01-01T09:00:00Z");
    pay(&mut subscription);
    let seats = Wish { plan: None, quantity: Some(10) };
    let (after, lines) = changed(&subscription, &seats, "2027-07-02T09:00:00Z");
    let expected = [
        "team, 5 seats × 20.00 USD: 183 of 365 days given back | -50.15 USD | 2027-07-02..2027-12-31",
        "team, 10 seats × 20.00 USD: 183 of 365 days | 100.30 USD | 2027-07-02..2027-12-31",
    ];
    assert_eq!(lines, expected);
    assert_eq!(pay(&mut after.clone()).0.1, "200.00 USD", "the next part is for all seats");
}

#[test]
fn a_part_that_is_not_paid_suspends_and_is_made_up_for() {
    let mut subscription = paid_by_the_year("2026-01-01T09:00:00Z");
    subscription.payment_fails = true;
    let due = subscription.next_payment_at().unwrap();
    let Some(Payment::Failed(request)) = payment_due(&subscription, due, id(1), context("2027-01-01T00:00:00Z")) else {
        panic!("the payment did not fail")
    };
    carry_out(&mut subscription, &request, "2027-01-01T00:00:00Z");
    assert_eq!(subscription.state.status(), Status::Suspended);
    assert_eq!(payment_due(&subscription, due, id(1), context("2027-01-02T00:00:00Z")), None);
    let now = "2027-01-10T00:00:00Z";
    let request = reinstate(&subscription, id(2), Delays::None, context(now)).unwrap();
    carry_out(&mut subscription, &request, now);
    let operation =
        request.decision.events.iter().fold(request.operation, |operation, event| operation.apply(event, at(now)));
    let ended = operation::step(&operation, &subscription, Delays::None, context(now));
    assert!(ended.timers.contains(&TimerPlan::PaymentDue { due }), "{ended:?}");
    apply(&mut subscription, &ended, now);
    assert_eq!(pay(&mut subscription).0.2, "2027-01-01 2027-12-31");
}

#[test]
fn a_term_of_years_is_kept_while_payments_are_outstanding() {
    let mut subscription = paid_by_the_year("2026-01-01T09:00:00Z");
    let cancel = |subscription: &Subscription, now: &str| {
        cancel_in_marketplace(subscription, id(1), context(now)).map(drop).map_err(|refusal| refusal.code())
    };
    assert_eq!(cancel(&subscription, "2026-01-04T09:00:00Z"), Ok(()), "72 hours");
    assert_eq!(cancel(&subscription, "2026-01-04T09:00:00.001Z"), Err("paymentsOutstanding"));
    pay(&mut subscription);
    assert_eq!(cancel(&subscription, "2027-06-01T09:00:00Z"), Err("paymentsOutstanding"));
    pay(&mut subscription);
    assert_eq!(cancel(&subscription, "2028-06-01T09:00:00Z"), Ok(()), "everything is paid");
}

#[test]
fn who_cancels_late_is_billed_to_the_end_of_the_term() {
    let mut yearly = paid_in_parts(TermUnit::P1Y, TermUnit::P1M, "2026-01-01T09:00:00Z");
    let cancelled = |subscription: &Subscription, now: &str| {
        let request = cancel_in_marketplace(subscription, id(1), context(now)).unwrap();
        let mut after = subscription.clone();
        carry_out(&mut after, &request, now);
        let told =
            |line: &&LedgerLine| format!("{} {} {}..{}", line.number, line.amount, line.period.start, line.period.end);
        (lines(&request.decision).iter().map(told).collect::<Vec<_>>(), after)
    };
    let (in_time, _) = cancelled(&yearly, "2026-01-04T09:00:00Z");
    assert_eq!(in_time, ["2 -100.00 USD 2026-01-01..2026-12-31"]);
    for _ in 0..2 {
        pay(&mut yearly);
    }
    let (late, after) = cancelled(&yearly, "2026-03-15T09:00:00Z");
    assert_eq!(late.len(), 9);
    assert_eq!(late[0], "4 100.00 USD 2026-04-01..2026-04-30");
    assert_eq!(late[8], "12 100.00 USD 2026-12-01..2026-12-31");
    assert_eq!((after.next_payment_at(), after.ledger_lines), (None, 12));

    // A buyer is bound for years; the publisher is not, and what is outstanding falls due.
    let years = paid_by_the_year("2026-01-01T09:00:00Z");
    let now = "2026-03-15T09:00:00Z";
    let granted = operation::request_cancel(&years, id(1), Delays::Brief, context(now)).unwrap();
    let operation::Cancellation::Requested(request) = granted else { panic!("{granted:?}") };
    let operation = Operation { status: OperationStatus::InProgress, ..request.operation };
    let step = operation::step(&operation, &years, Delays::Brief, context(now));
    let periods: Vec<_> = lines(&step).iter().map(|line| line.period.start.to_string()).collect();
    assert_eq!(periods, ["2027-01-01", "2028-01-01"]);
}
