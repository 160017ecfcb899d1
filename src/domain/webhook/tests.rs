//! Tables: what a publisher is told of, and what its answers bring.

use super::*;
use crate::domain::rules::Rules;
use crate::domain::{
    ids::OperationId,
    operation::{self, RequestSource, Wish, cancel_in_marketplace, change_in_marketplace, request_cancel, step},
    subscription::{
        Buyer, Command, Context, PurchaseOrder, TimerPlan,
        tests::{at, buy, catalogue, order, run, seats},
    },
};

const NOW: &str = "2026-02-02T00:00:00Z";

fn made(run: u64) -> Made {
    Made { run, began: at(NOW), handled: 0, repeated: false }
}

fn context() -> Context {
    Context { now: at(NOW), first_entry: Seq(20), rules: Rules::default() }
}

fn id() -> OperationId {
    OperationId::from_bytes([1; 16])
}

fn pending() -> Subscription {
    buy(&PurchaseOrder { buyer: Buyer::Customer, ..order("team", Some(5)) }).unwrap().0
}

fn active() -> Subscription {
    let mut subscription = pending();
    run(&mut subscription, Command::Activate { wait: 0 }, "2026-02-01T00:00:00Z", 5).unwrap();
    subscription
}

fn seats_wish(quantity: i64) -> Wish {
    Wish { plan: None, quantity: Some(quantity) }
}

/// A change that the buyer has asked for, in progress.
fn changing() -> Operation {
    let offer = catalogue().offers.swap_remove(0);
    let request = change_in_marketplace(&active(), &offer, &seats_wish(6), id(), context()).unwrap();
    request.decision.events.iter().fold(request.operation, |operation, event| operation.apply(event, at(NOW)))
}

fn waiting(operation: &Operation) -> Delivery {
    Delivery::new(ActivityId::from_bytes([2; 16]), operation.clone(), active(), (at(NOW), Seq(20)), 7)
}

fn answered(status: u16) -> Sent {
    Sent::Answered { url: "u".to_owned(), status, body: None, latency_micros: 1 }
}

fn unanswered() -> Sent {
    Sent::Unanswered { url: "u".to_owned(), why: "no connection".to_owned(), latency_micros: 1 }
}

/// The kinds of the events that the publisher is told of.
fn told(events: &[Event], before: &Subscription) -> Vec<&'static str> {
    events.iter().filter(|event| tells(event, before, Rules::default())).map(Event::kind).collect()
}

#[test]
fn a_change_is_told_while_it_is_in_progress_and_an_end_afterwards() {
    let offer = catalogue().offers.swap_remove(0);
    let change = change_in_marketplace(&active(), &offer, &seats_wish(6), id(), context()).unwrap();
    assert_eq!(told(&change.decision.events, &active()), ["operationStarted"]);
    assert_eq!(change.operation.source, RequestSource::Azure);
    assert_eq!(change.operation.quantity, Some(seats(6)));

    let end = cancel_in_marketplace(&active(), id(), context()).unwrap();
    assert_eq!(told(&end.decision.events, &active()), ["operationSucceeded"]);
    // Nobody was told that it began.
    let never = cancel_in_marketplace(&pending(), id(), context()).unwrap();
    assert_eq!(told(&never.decision.events, &pending()), [""; 0]);

    // A publisher's own: told at the same points.
    let delays = operation::Delays::Brief;
    let own = operation::request_change(&active(), &offer, &seats_wish(6), id(), delays, context()).unwrap();
    assert_eq!(told(&own.decision.events, &active()), [""; 0]);
    let started = step(&own.operation, &active(), delays, context());
    assert_eq!(told(&started.events, &active()), ["operationStarted"]);
    let Ok(operation::Cancellation::Requested(own)) = request_cancel(&active(), id(), delays, context()) else {
        panic!("not granted")
    };
    let started = step(&own.operation, &active(), delays, context());
    assert_eq!(told(&started.events, &active()), [""; 0]);
}

#[test]
fn what_is_over_or_not_yet_active_is_not_changed_in_the_marketplace() {
    let offer = catalogue().offers.swap_remove(0);
    let mut over = pending();
    run(&mut over, Command::ActivationOverdue, "2026-03-02T09:00:00Z", 5).unwrap();
    for subscription in [pending(), over.clone()] {
        let refusal = change_in_marketplace(&subscription, &offer, &seats_wish(6), id(), context()).unwrap_err();
        assert_eq!(refusal.code(), "notActive");
    }
    assert_eq!(cancel_in_marketplace(&over, id(), context()).unwrap_err().code(), "notInStatus");
}

/// A call that is out when somebody takes the delivery in hand: what was asked for stands, and what the publisher heard counts.
#[test]
fn what_is_done_by_hand_while_a_call_is_out_stands() {
    use DeliveryState::{Delivered, Held, Refused, Waiting};
    let operation = changing();
    let hold = |delivery: Delivery| delivery.held();
    let again = |delivery: Delivery| delivery.again(at(NOW), 7);
    let both = |delivery: Delivery| delivery.held().again(at(NOW), 7);
    type Row<'a> = (&'a dyn Fn(Delivery) -> Delivery, Sent, DeliveryState, Option<&'a str>, usize, usize);
    let table: [Row<'_>; 9] = [
        (&hold, unanswered(), Held, None, 0, 0),
        (&hold, answered(500), Held, None, 0, 0),
        (&hold, answered(200), Delivered, None, 1, 0),
        (&hold, answered(400), Refused, None, 0, 1),
        (&again, unanswered(), Waiting, Some(NOW), 0, 0),
        (&again, answered(200), Waiting, Some(NOW), 1, 0),
        (&again, answered(400), Waiting, Some(NOW), 0, 1),
        (&both, answered(500), Waiting, Some(NOW), 0, 0),
        (&both, answered(200), Waiting, Some(NOW), 1, 0),
    ];
    for (by_hand, sent, state, next, timers, events) in table {
        let delivery = by_hand(waiting(&operation));
        let after = follow_up(delivery, &operation, sent.clone(), made(7), context());
        assert_eq!((after.delivery.state, after.delivery.next_attempt), (state, next.map(at)), "{sent:?}");
        assert_eq!((after.delivery.attempts, after.delivery.failures, after.again), (1, 0, None), "{sent:?}");
        assert_eq!((after.decision.timers.len(), after.decision.events.len()), (timers, events), "{sent:?}");
    }
}

#[test]
fn an_answer_opens_the_window_refuses_or_is_waited_for() {
    let operation = changing();
    let window = TimerPlan::OperationStep { due: at(NOW).plus_millis(10_000), operation: id() };
    let table = [
        (answered(200), DeliveryState::Delivered, vec![], vec![window], false),
        (answered(202), DeliveryState::Delivered, vec![], vec![window], false),
        (Sent::NoWebhook, DeliveryState::NoWebhook, vec![], vec![window], false),
        (answered(400), DeliveryState::Refused, vec!["operationFailed"], vec![], false),
        (answered(404), DeliveryState::Refused, vec!["operationFailed"], vec![], false),
        (answered(302), DeliveryState::Waiting, vec![], vec![], true),
        (answered(500), DeliveryState::Waiting, vec![], vec![], true),
        (unanswered(), DeliveryState::Waiting, vec![], vec![], true),
    ];
    for (sent, state, events, timers, again) in table {
        let after = follow_up(waiting(&operation), &operation, sent.clone(), made(7), context());
        let kinds: Vec<&str> = after.decision.events.iter().map(Event::kind).collect();
        assert_eq!((after.delivery.state, kinds, after.decision.timers), (state, events, timers), "{sent:?}");
        assert_eq!(after.again.is_some(), again, "{sent:?}");
        assert_eq!(after.delivery.attempts, 1);
    }
}

#[test]
fn what_has_come_to_nothing_while_its_call_was_out_is_not_tried_again() {
    let operation = Operation { status: operation::OperationStatus::Conflict, ..changing() };
    for (sent, state) in [(answered(200), DeliveryState::Delivered), (answered(500), DeliveryState::Withdrawn)] {
        let after = follow_up(waiting(&operation).withdrawn(), &operation, sent, made(7), context());
        assert_eq!((after.delivery.state, after.again), (state, None));
        assert!(after.decision.events.is_empty() && after.decision.timers.is_empty());
    }
}

#[test]
fn what_only_informs_follows_from_no_answer() {
    let request = cancel_in_marketplace(&active(), id(), context()).unwrap();
    let ended = request.decision.events.iter().fold(request.operation, |ended, event| ended.apply(event, at(NOW)));
    for sent in [answered(200), answered(400), answered(500), Sent::NoWebhook] {
        let after = follow_up(waiting(&ended), &ended, sent, made(7), context());
        assert!(after.decision.events.is_empty() && after.decision.timers.is_empty());
    }
}

#[test]
fn five_hundred_retries_fill_eight_hours_and_then_the_change_has_failed() {
    let operation = changing();
    let mut delivery = waiting(&operation);
    let mut now = at(NOW);
    let mut retries = 0;
    loop {
        let after = follow_up(
            delivery,
            &operation,
            unanswered(),
            made(7),
            Context { now, first_entry: Seq(20), rules: Rules::default() },
        );
        delivery = after.delivery;
        let Some(again) = after.again else {
            assert_eq!(after.decision.events.iter().map(Event::kind).collect::<Vec<_>>(), ["operationFailed"]);
            break;
        };
        retries += 1;
        now = again;
    }
    assert_eq!((retries, delivery.attempts, delivery.state), (500, 501, DeliveryState::GivenUp));
    assert_eq!(now, at("2026-02-02T08:00:00Z"));
    assert_eq!(delivery.latest.len(), KEPT, "the last ones are kept");
    assert_eq!(delivery.again(at(NOW), 7).failures, 0);
}

#[test]
fn another_run_does_not_know_whether_it_was_made_before() {
    let operation = changing();
    let fresh = waiting(&operation);
    let once = follow_up(fresh.clone(), &operation, answered(500), made(8), context()).delivery;
    let table = [
        (&fresh, 7, None, false),
        (&fresh, 8, None, true),
        (&once, 8, None, false),
        (&once, 7, None, true),
        // Where claims tell, the run that put it down says nothing.
        (&fresh, 8, Some(false), false),
        (&fresh, 7, Some(true), true),
    ];
    for (number, (delivery, run, left_behind, expected)) in table.into_iter().enumerate() {
        assert_eq!(may_be_repeated(delivery.in_hand_of, run, left_behind), expected, "row {number}");
    }
    let repeated = Made { repeated: true, ..made(8) };
    let after = follow_up(once, &operation, answered(200), repeated, context()).delivery;
    assert_eq!(after.latest.iter().map(|attempt| attempt.repeated).collect::<Vec<_>>(), [false, true]);
}
