//! Tables: which changes a subscription allows, how an operation goes on, and what it does to the subscription.

use super::*;
use crate::domain::{
    catalogue::{Offer, Plan},
    event::Seq,
    money::Currency,
    refusal::Refusal,
    rules::Rules,
    subscription::{
        Buyer, Command, Context, Decision, PurchaseOrder, Status, Subscription, TimerPlan,
        tests::{at, buy, catalogue, id, order, run, seats},
    },
    time::TermUnit,
};

const NOW: &str = "2026-02-02T00:00:00Z";

fn offer() -> Offer {
    catalogue().offers.swap_remove(0)
}

fn context(entry: u64) -> Context {
    Context { now: at(NOW), first_entry: Seq(entry), rules: Rules::default() }
}

fn operation_id(number: u8) -> OperationId {
    OperationId::from_bytes([number; 16])
}

fn plan(plan: &str) -> Wish {
    Wish { plan: Some(plan.to_owned()), quantity: None }
}

fn quantity(quantity: i64) -> Wish {
    Wish { plan: None, quantity: Some(quantity) }
}

/// A pending purchase that the customer made for itself.
fn pending(plan: &str, quantity: Option<u32>) -> Subscription {
    buy(&PurchaseOrder { buyer: Buyer::Customer, ..order(plan, quantity) }).unwrap().0
}

/// The same, activated and billed.
fn active(plan: &str, quantity: Option<u32>) -> Subscription {
    let mut subscription = pending(plan, quantity);
    for command in [Command::Activate { wait: 0 }, Command::ReportLicenses { assigned: 1 }] {
        run(&mut subscription, command, "2026-02-01T00:00:00Z", 5).unwrap();
    }
    subscription
}

fn over() -> Subscription {
    let mut subscription = pending("team", Some(5));
    run(&mut subscription, Command::ActivationOverdue, "2026-03-02T09:00:00Z", 5).unwrap();
    subscription
}

fn asks(subscription: &Subscription, wish: &Wish, number: u8) -> Result<Request, Refusal> {
    request_change(subscription, &offer(), wish, operation_id(number), Delays::Brief, context(20))
}

fn cancels(subscription: &Subscription, number: u8) -> Result<Cancellation, Refusal> {
    request_cancel(subscription, operation_id(number), Delays::Brief, context(20))
}

/// Carries a decision out on both, and tells what happened as kinds of events.
fn carry_out(subscription: &mut Subscription, operation: &mut Operation, decision: &Decision) -> Vec<&'static str> {
    for (entry, event) in decision.numbered() {
        *subscription = subscription.clone().apply(event, at(NOW), entry);
        *operation = operation.clone().apply(event, at(NOW));
    }
    decision.events.iter().map(Event::kind).collect()
}

fn granted(subscription: &mut Subscription, wish: &Wish) -> Operation {
    let Request { mut operation, decision } = asks(subscription, wish, 1).unwrap();
    assert_eq!(carry_out(subscription, &mut operation, &decision), ["operationRequested"]);
    operation
}

fn cancellation(subscription: &mut Subscription, number: u8) -> Operation {
    let Ok(Cancellation::Requested(request)) = cancels(subscription, number) else { panic!("not granted") };
    let Request { mut operation, decision } = *request;
    carry_out(subscription, &mut operation, &decision);
    operation
}

fn steps(subscription: &mut Subscription, operation: &mut Operation) -> Vec<&'static str> {
    let decision = step(operation, subscription, Delays::Brief, context(30));
    carry_out(subscription, operation, &decision)
}

#[test]
fn each_limit_of_a_change_is_checked() {
    let team = || active("team", Some(5));
    let by_csp = {
        let (mut bought, _) = buy(&order("team", Some(5))).unwrap();
        run(&mut bought, Command::Activate { wait: 0 }, NOW, 5).unwrap();
        bought
    };
    let yearly = {
        let order = PurchaseOrder { buyer: Buyer::Customer, term_unit: Some(TermUnit::P1Y), ..order("team", Some(5)) };
        let mut bought = buy(&order).unwrap().0;
        run(&mut bought, Command::Activate { wait: 0 }, NOW, 5).unwrap();
        bought
    };
    let mut changing = team();
    granted(&mut changing, &quantity(6));
    let mut ending = team();
    cancellation(&mut ending, 9);
    let both = Wish { plan: Some("trial".to_owned()), quantity: Some(6) };
    let table = [
        (team(), plan("trial"), Ok(Action::ChangePlan)),
        (team(), quantity(2), Ok(Action::ChangeQuantity)),
        (team(), quantity(10), Ok(Action::ChangeQuantity)),
        (team(), Wish::default(), Err("changeMissing")),
        (team(), plan(" "), Err("changeMissing")),
        (team(), quantity(0), Err("changeMissing")),
        (team(), quantity(-1), Err("changeMissing")),
        (team(), both.clone(), Err("changesTogether")),
        (team(), plan("team"), Err("samePlan")),
        (team(), plan("nothing"), Err("planNotInOffer")),
        (team(), plan("No Id At All"), Err("planNotInOffer")),
        (team(), plan("private"), Err("planPrivate")),
        (team(), plan("stopped"), Err("planStopSell")),
        (team(), plan("flat"), Err("quantityNotAllowed")),
        (team(), plan("huge"), Err("amountTooLarge")),
        (yearly, plan("huge"), Err("termNotSold")),
        (active("trial", Some(11)), plan("team"), Err("tooManySeats")),
        (active("trial", Some(1)), plan("team"), Err("tooFewSeats")),
        (team(), quantity(5), Err("sameQuantity")),
        (team(), quantity(1), Err("tooFewSeats")),
        (team(), quantity(11), Err("tooManySeats")),
        (active("trial", Some(1)), quantity(1_000_000), Ok(Action::ChangeQuantity)),
        (active("trial", Some(1)), quantity(1_000_001), Err("tooManySeatsForAnyone")),
        (active("trial", Some(1)), quantity(i64::MAX), Err("tooManySeatsForAnyone")),
        (active("huge", Some(1)), quantity(2), Err("amountTooLarge")),
        (active("flat", None), quantity(2), Err("quantityNotAllowed")),
        (pending("team", Some(5)), quantity(6), Err("notActive")),
        (over(), quantity(6), Err("notActive")),
        (changing.clone(), quantity(7), Err("operationPending")),
        (changing, plan("trial"), Err("operationPending")),
        (ending, quantity(7), Err("operationPending")),
        (by_csp.clone(), quantity(6), Err("operationNotAllowed")),
        (by_csp.clone(), plan("trial"), Err("operationNotAllowed")),
        (by_csp, both, Err("changesTogether")),
    ];
    for (subscription, wish, expected) in table {
        let found = asks(&subscription, &wish, 2).map(|request| request.operation.action());
        assert_eq!(found.map_err(|refusal| refusal.code()), expected, "{wish:?}");
    }
}

#[test]
fn a_plan_that_is_paid_for_in_another_way_is_refused_with_the_way() {
    let mut offer = offer();
    for plan in offer.plans.iter_mut().filter(|plan| plan.id == id("trial")) {
        plan.terms[0].payment = Some(TermUnit::P1M);
    }
    let mut in_parts = active("team", Some(5));
    in_parts.payment = Some(TermUnit::P1M);
    let table = [
        (active("team", Some(5)), "trial", "plan trial is not sold for P1M; it is sold for P1M (paid every P1M), P1Y"),
        (in_parts, "flat", "plan flat is not sold for P1M (paid every P1M); it is sold for P1M"),
    ];
    for (subscription, to, text) in table {
        let refusal =
            request_change(&subscription, &offer, &plan(to), operation_id(1), Delays::Brief, context(20)).unwrap_err();
        assert_eq!(refusal.to_string(), text);
    }
}

#[test]
fn a_plan_of_another_market_or_currency_is_out_of_reach() {
    let mut offer = offer();
    for plan in &mut offer.plans {
        match plan.id.as_str() {
            "trial" => plan.market = "DE".to_owned(),
            "huge" => plan.terms.iter_mut().for_each(|term| term.price.currency = Currency::EUR),
            _ => {}
        }
    }
    let table = [
        ("trial", "notInMarket", "plan trial is not sold in US"),
        ("huge", "planInOtherCurrency", "plan huge is sold in EUR, and the subscription is paid for in USD"),
        ("stopped", "planStopSell", "plan stopped is not sold any more"),
    ];
    for (to, code, text) in table {
        let subscription = active("team", Some(5));
        let asked = request_change(&subscription, &offer, &plan(to), operation_id(1), Delays::Brief, context(20));
        let bought = change_in_marketplace(&subscription, &offer, &plan(to), operation_id(1), context(20));
        for refusal in [asked.unwrap_err(), bought.unwrap_err()] {
            assert_eq!((refusal.code(), refusal.to_string().as_str()), (code, text));
        }
    }
}

#[test]
fn a_change_is_locked_in_and_takes_effect_at_its_end() {
    let mut subscription = active("team", Some(5));
    let before = subscription.clone();
    let mut operation = granted(&mut subscription, &quantity(8));
    assert_eq!((operation.quantity, subscription.quantity), (Some(seats(8)), Some(seats(5))));
    assert_eq!(subscription.outstanding.len(), 1);
    assert_eq!(steps(&mut subscription, &mut operation), ["operationStarted"]);
    assert_eq!((operation.status, subscription.quantity), (OperationStatus::InProgress, Some(seats(5))));
    assert_eq!(
        steps(&mut subscription, &mut operation),
        ["quantityChanged", "charged", "charged", "operationSucceeded"]
    );
    let paid_for = Subscription {
        quantity: Some(seats(8)),
        ledger_lines: before.ledger_lines + 2,
        paid: subscription.paid,
        ..before.clone()
    };
    assert_eq!(subscription, paid_for, "and nothing else");
    let history: Vec<_> = operation.transitions.iter().map(|transition| transition.status.as_str()).collect();
    assert_eq!(history, ["NotStarted", "InProgress", "Succeeded"]);
    assert_eq!(steps(&mut subscription, &mut operation), [""; 0], "it has ended");

    let mut operation = granted(&mut subscription, &plan("trial"));
    assert_eq!((operation.plan.as_str(), subscription.plan.as_str()), ("trial", "team"));
    steps(&mut subscription, &mut operation);
    assert_eq!(steps(&mut subscription, &mut operation), ["planChanged", "charged", "charged", "operationSucceeded"]);
    assert_eq!((subscription.plan.as_str(), subscription.plan_name.as_str()), ("trial", "trial"));
    assert!(!subscription.free_trial, "no second trial once paying");
    assert_eq!(subscription.state, before.state, "the term stays");
    granted(&mut subscription, &plan("team"));
}

#[test]
fn a_trial_goes_on_with_another_trial_plan_and_ends_with_any_other() {
    let mut other_trial: Plan = offer().plan(&id("trial")).unwrap().clone();
    other_trial.id = id("other-trial");
    let mut offer = offer();
    offer.plans.push(other_trial);
    for (name, goes_on) in [("other-trial", true), ("team", false)] {
        let subscription = active("trial", Some(5));
        let request =
            request_change(&subscription, &offer, &plan(name), operation_id(1), Delays::Brief, context(20)).unwrap();
        assert!(matches!(request.operation.effect, Effect::ChangePlan { free_trial, .. } if free_trial == goes_on));
    }
}

#[test]
fn a_cancellation_ends_every_state() {
    // What was paid goes back: 72 hours are not over.
    let (unpaid, paid) = (
        ["unsubscribed", "operationSucceeded"].as_slice(),
        ["unsubscribed", "charged", "operationSucceeded"].as_slice(),
    );
    for (mut subscription, facts) in [(pending("team", Some(5)), unpaid), (active("team", Some(5)), paid)] {
        let before = subscription.clone();
        let mut operation = cancellation(&mut subscription, 1);
        assert_eq!(cancels(&subscription, 2), Ok(Cancellation::UnderWay(operation_id(1))), "asked for twice");
        steps(&mut subscription, &mut operation);
        assert_eq!(subscription.state, before.state, "not yet");
        assert_eq!(steps(&mut subscription, &mut operation), facts);
        assert_eq!(subscription.state.status(), Status::Unsubscribed);
        assert_eq!(subscription.state.term(), before.state.term());
        assert_eq!((&subscription.plan, subscription.quantity), (&before.plan, before.quantity));
        assert_eq!(cancels(&subscription, 3), Ok(Cancellation::Over));
    }
    assert_eq!(cancels(&over(), 1), Ok(Cancellation::Over));
    let (by_csp, _) = buy(&order("team", Some(5))).unwrap();
    assert_eq!(cancels(&by_csp, 1).map_err(|refusal| refusal.code()), Err("operationNotAllowed"));
}

#[test]
fn nothing_is_billed_after_a_cancellation() {
    let mut subscription = pending("team", Some(5));
    run(&mut subscription, Command::Activate { wait: 0 }, NOW, 5).unwrap();
    let mut operation = cancellation(&mut subscription, 1);
    steps(&mut subscription, &mut operation);
    steps(&mut subscription, &mut operation);
    let late = run(&mut subscription, Command::ReportLicenses { assigned: 5 }, NOW, 40);
    assert_eq!(late.map_err(|refusal| refusal.code()), Err("notInStatus"));
    assert_eq!((subscription.billing, subscription.ledger_lines), (None, 0));
}

#[test]
fn what_the_subscription_does_meanwhile_decides_how_an_operation_ends() {
    let mut subscription = active("team", Some(5));
    let mut change = granted(&mut subscription, &quantity(8));
    let mut cancel = cancellation(&mut subscription, 2);
    steps(&mut subscription, &mut cancel);
    steps(&mut subscription, &mut cancel);
    assert_eq!(steps(&mut subscription, &mut change), ["operationConflicted"]);
    assert_eq!((change.status, subscription.quantity), (OperationStatus::Conflict, Some(seats(5))));
    assert_eq!(subscription.outstanding, []);

    let mut subscription = pending("team", Some(5));
    let mut cancel = cancellation(&mut subscription, 2);
    run(&mut subscription, Command::ActivationOverdue, "2026-03-02T09:00:00Z", 30).unwrap();
    steps(&mut subscription, &mut cancel);
    assert_eq!(steps(&mut subscription, &mut cancel), ["operationSucceeded"], "it is over, and was before");
}

#[test]
fn a_publisher_answers_what_the_customer_asked_for_and_nothing_else() {
    use OperationStatus::{Conflict, Failed, InProgress, NotStarted, Succeeded};
    type Outcome = Result<&'static [&'static str], &'static str>;
    let table: [(RequestSource, OperationStatus, &str, Outcome); 10] = [
        (
            RequestSource::Azure,
            InProgress,
            "Success",
            Ok(&["quantityChanged", "charged", "charged", "operationSucceeded"]),
        ),
        (
            RequestSource::Azure,
            InProgress,
            "success",
            Ok(&["quantityChanged", "charged", "charged", "operationSucceeded"]),
        ),
        (RequestSource::Azure, InProgress, "Failure", Ok(&["operationFailed"])),
        (RequestSource::Azure, InProgress, "Succeeded", Ok(&[])),
        (RequestSource::Azure, Succeeded, "Success", Err("operationEnded")),
        (RequestSource::Azure, Failed, "Success", Err("operationEnded")),
        (RequestSource::Partner, NotStarted, "Success", Err("ownOperation")),
        (RequestSource::Partner, InProgress, "Success", Err("ownOperation")),
        (RequestSource::Partner, Succeeded, "Success", Err("operationEnded")),
        (RequestSource::Partner, Conflict, "Failure", Err("operationEnded")),
    ];
    for (source, status, word, expected) in table {
        let mut subscription = active("team", Some(5));
        let mut operation = granted(&mut subscription, &quantity(8));
        operation.source = source;
        operation.status = status;
        let decision = answer(&operation, &subscription, Verdict::read(word), context(30));
        let found = decision.map(|decision| carry_out(&mut subscription, &mut operation, &decision));
        assert_eq!(found.as_deref().map_err(Refusal::code), expected, "{source:?} {status:?} {word}");
    }
}

#[test]
fn delays_are_kept_between_the_steps() {
    for (delays, expected) in
        [(Delays::None, [0, 0, 0]), (Delays::Brief, [500, 500, 0]), (Delays::Live, [2000, 5000, 2000])]
    {
        let mut subscription = active("team", Some(5));
        let request =
            request_change(&subscription, &offer(), &quantity(8), operation_id(1), delays, context(20)).unwrap();
        let due = |decision: &Decision| match decision.timers.as_slice() {
            [TimerPlan::OperationStep { due, .. }] => due.as_millis() - at(NOW).as_millis(),
            other => panic!("{other:?}"),
        };
        let Request { mut operation, decision } = request;
        let first = due(&decision);
        carry_out(&mut subscription, &mut operation, &decision);
        assert!(!operation.is_listed(at("2027-01-01T00:00:00Z"), delays), "not before it is in progress");
        let decision = step(&operation, &subscription, delays, context(30));
        let second = due(&decision);
        carry_out(&mut subscription, &mut operation, &decision);
        let listed_from = (0..5000).find(|&millis| operation.is_listed(at(NOW).plus_millis(millis), delays)).unwrap();
        assert_eq!([first, second, listed_from], expected, "{delays:?}");
    }
}

#[test]
fn with_its_customer_whatever_is_not_over_ends() {
    let bound = Subscription { term_unit: TermUnit::P3Y, payment: Some(TermUnit::P1Y), ..active("team", Some(5)) };
    for (subscription, expected) in [
        (pending("team", Some(5)), "operationRequested unsubscribed operationSucceeded"),
        (active("team", Some(5)), "operationRequested unsubscribed charged operationSucceeded"),
        (bound, "operationRequested unsubscribed charged operationSucceeded"),
        (over(), ""),
    ] {
        let ended = end_with_customer(&subscription, operation_id(1), context(20));
        let kinds = ended.map_or_else(Vec::new, |ended| ended.decision.events.iter().map(Event::kind).collect());
        assert_eq!(kinds.join(" "), expected);
    }
}
