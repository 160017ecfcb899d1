//! The pure rules, as tables.

use super::world::site;
use crate::{
    domain::{catalogue::ProvisioningStep, time::Timestamp},
    publisher::{
        answers::Answers,
        landing::{LandingView, view_of_purchase},
        marketplace_client::SubscriptionAnswer,
        page_key::{Page, PageKey},
        provisioning::{self, End, Next, assign, begun, delay_after, ended, next, taken_up, tried_again},
        records::{Account, AccountState, Licenses, Purchase, StepState},
        webhook::told::reconciled,
    },
};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn account(quantity: Option<u32>, users: &[&str]) -> Account {
    let purchase = Purchase {
        subscription: "s".to_owned(),
        name: "CRM".to_owned(),
        offer: "contoso-crm".to_owned(),
        offer_name: "Contoso CRM".to_owned(),
        plan: "team".to_owned(),
        plan_name: "Team".to_owned(),
        quantity,
        term_unit: None,
        beneficiary: "kim@fabrikam.example".to_owned(),
        purchaser: "pat@partner.example".to_owned(),
    };
    let answers = Answers { values: Vec::new(), users: users.iter().map(|&user| user.to_owned()).collect() };
    let pages = ("a".to_owned(), "w".to_owned());
    provisioning::open(pages, "contoso".parse().unwrap(), purchase, answers, at(0))
}

#[test]
fn the_pause_doubles_up_to_five_minutes_and_ends_after_eight_failures() {
    let pauses: Vec<_> = (1..=9).map(delay_after).collect();
    let seconds = [1, 2, 4, 8, 16, 32, 64].map(|s| Some(s * 1000));
    assert_eq!(pauses[..7], seconds);
    assert_eq!(pauses[7..], [None, None]);
}

#[test]
fn licences_go_to_named_users_and_the_rest_to_a_pool() {
    let names = |count: usize| (0..count).map(|n| format!("u{n}@x.example")).collect::<Vec<_>>();
    let table = [
        (Some(5), 2, 2, 3),
        (Some(2), 2, 2, 0),
        (Some(5), 0, 0, 5),
        // Can't be submitted; still never more than bought.
        (Some(2), 3, 2, 0),
        (None, 3, 3, 0),
        (None, 0, 0, 0),
    ];
    for (bought, users, named, pool) in table {
        let expected = Licenses { named: names(named), pool };
        assert_eq!(assign(bought, &names(users)), expected, "{bought:?} {users}");
    }
}

#[test]
fn an_account_follows_the_marketplace_where_an_answer_came_too_late() {
    let table = [
        ("team", Some(8), ("team", Some(8), 2, 6)),
        ("team", Some(1), ("team", Some(1), 1, 0)),
        ("business", Some(5), ("business", Some(5), 2, 3)),
        // What the marketplace does not say stays.
        ("", None, ("team", Some(5), 2, 3)),
    ];
    for (plan, quantity, expected) in table {
        let mut before = account(Some(5), &["kim@x.example", "lee@x.example"]);
        before.licenses = Some(assign(Some(5), &before.users));
        let answer = SubscriptionAnswer { plan_id: plan.to_owned(), quantity, ..SubscriptionAnswer::default() };
        let after = reconciled(&before, &answer, None);
        let licenses = after.licenses.unwrap();
        let found = (after.purchase.plan.as_str(), after.purchase.quantity, licenses.named.len(), licenses.pool);
        assert_eq!(found, expected, "{plan} {quantity:?}");
    }
}

/// Steps that were attempted, and how each attempt ended.
type History = Vec<(ProvisioningStep, End)>;

#[test]
fn steps_run_in_order_and_each_outcome_leads_on() {
    use ProvisioningStep::{Activate, AssignLicenses, CreateAccount, ReportLicenses};
    let failed = || End::Failed("broken".to_owned());
    // Given what has happened so far, what is next at second 10?
    let table: Vec<(History, Next, AccountState)> = vec![
        (vec![], Next::Begin { step: CreateAccount, attempt: 1 }, AccountState::Provisioning),
        (
            vec![(CreateAccount, End::Done)],
            Next::Begin { step: AssignLicenses, attempt: 1 },
            AccountState::Provisioning,
        ),
        (vec![(CreateAccount, failed())], Next::Wait { until: at(11_000) }, AccountState::Provisioning),
        (vec![(CreateAccount, End::Refused("no".to_owned()))], Next::Stopped, AccountState::NeedsAttention),
        (
            vec![(CreateAccount, End::Done), (AssignLicenses, End::Done), (ReportLicenses, End::Skipped)],
            Next::Begin { step: Activate, attempt: 1 },
            AccountState::Provisioning,
        ),
        (
            vec![
                (CreateAccount, End::Done),
                (AssignLicenses, End::Done),
                (ReportLicenses, End::Done),
                (Activate, End::AlreadyDone),
            ],
            Next::Finished,
            AccountState::Active,
        ),
    ];
    for (history, expected, state) in table {
        let mut found = account(Some(5), &["kim@x.example"]);
        for (step, end) in &history {
            found = ended(&begun(&found, *step), *step, end, at(10_000));
        }
        assert_eq!((next(&found, at(10_000)), found.state()), (expected, state), "{history:?}");
    }
}

#[test]
fn a_step_gives_up_after_eight_failures_and_starts_afresh_when_asked_to() {
    let step = ProvisioningStep::CreateAccount;
    let mut found = account(None, &[]);
    for _ in 0..8 {
        found = ended(&begun(&found, step), step, &End::Failed("broken".to_owned()), at(0));
    }
    assert_eq!((found.steps[0].attempts, found.steps[0].state), (8, StepState::Stopped));
    let (tried, again) = tried_again(&found).unwrap();
    assert_eq!((tried, next(&again, at(0))), (step, Next::Begin { step, attempt: 9 }));
    let failed = ended(&begun(&again, step), step, &End::Failed("broken".to_owned()), at(0));
    assert_eq!(next(&failed, at(0)), Next::Wait { until: at(1000) });
    assert_eq!(failed.steps[0].last_error.as_deref(), Some("broken"));
    // Waiting may be cut short; what runs, is new or is over has nothing to try.
    assert!(tried_again(&failed).is_some());
    assert!(tried_again(&begun(&again, step)).is_none());
    assert!(tried_again(&account(None, &[])).is_none());
}

#[test]
fn an_attempt_without_an_outcome_is_found_out_about_under_its_own_number() {
    let step = ProvisioningStep::CreateAccount;
    let cut_off = begun(&account(None, &[]), step);
    assert_eq!(next(&cut_off, at(0)), Next::FindOut { step, attempt: 1 });
    let resumed = taken_up(&cut_off, step);
    assert_ne!(resumed, cut_off);
    assert_eq!(next(&resumed, at(0)), Next::FindOut { step, attempt: 1 });
}

#[test]
fn a_stored_account_reads_back_and_an_unknown_form_is_refused() {
    let found = ended(&account(Some(3), &["kim@x.example"]), ProvisioningStep::CreateAccount, &End::Done, at(5));
    let bytes = found.encode().unwrap();
    assert_eq!(Account::decode(&bytes).unwrap(), found);
    let newer = String::from_utf8(bytes).unwrap().replacen("\"form\":\"1\"", "\"form\":\"2\"", 1);
    assert!(Account::decode(newer.as_bytes()).unwrap_err().to_string().contains("form \"2\""));
}

#[test]
fn only_a_pending_purchase_without_an_account_is_set_up() {
    let table = [
        ("PendingFulfillmentStart", false, "setUp"),
        (" PendingFulfillmentStart ", false, "setUp"),
        ("PendingFulfillmentStart", true, "account"),
        ("Subscribed", true, "account"),
        ("Subscribed", false, "activeElsewhere"),
        ("Suspended", false, "suspended"),
        ("Suspended", true, "suspended"),
        ("Unsubscribed", false, "cancelled"),
        ("Unsubscribed", true, "cancelled"),
        ("NotStarted", false, "otherStatus"),
        ("", true, "otherStatus"),
    ];
    for (status, has_account, expected) in table {
        let answer =
            SubscriptionAnswer { saas_subscription_status: status.to_owned(), ..SubscriptionAnswer::default() };
        let view = view_of_purchase(&site("contoso"), &answer, has_account.then(|| account(None, &[])));
        assert_eq!(view.name(), expected, "{status:?} {has_account}");
    }
}

#[test]
fn an_offer_from_preview_or_unknown_to_us_still_gets_a_page() {
    let table = [
        ("contoso-crm", "Contoso CRM", "Team", 5),
        ("contoso-crm-preview", "Contoso CRM", "Team", 5),
        ("mystery", "mystery", "team", 0),
    ];
    for (offer, name, plan, fields) in table {
        let answer = SubscriptionAnswer {
            offer_id: offer.to_owned(),
            plan_id: "team".to_owned(),
            saas_subscription_status: "PendingFulfillmentStart".to_owned(),
            ..SubscriptionAnswer::default()
        };
        let LandingView::SetUp(set_up) = view_of_purchase(&site("contoso"), &answer, None) else { panic!("{offer}") };
        let found = (set_up.purchase.offer_name.as_str(), set_up.purchase.plan_name.as_str(), set_up.form.fields.len());
        assert_eq!(found, (name, plan, fields));
    }
}

#[test]
fn page_keys_differ_by_page_secret_sandbox_and_subscription_and_read_back() {
    let contoso = site("contoso");
    let key = PageKey::derive(Page::Account, &contoso, "s");
    assert_eq!(key, PageKey::derive(Page::Account, &contoso, "s"));
    let mut other_secret = site("contoso");
    other_secret.client_secret = "x".to_owned();
    let mut other_sandbox = site("contoso");
    other_sandbox.sandbox = "team-a".parse().unwrap();
    let others = [
        PageKey::derive(Page::Welcome, &contoso, "s"),
        PageKey::derive(Page::Account, &contoso, "t"),
        PageKey::derive(Page::Account, &other_secret, "s"),
        PageKey::derive(Page::Account, &other_sandbox, "s"),
    ];
    for other in &others {
        assert_ne!(&key, other);
        assert_eq!(&other.to_string().parse::<PageKey>().unwrap(), other);
    }
    assert!(others[3].to_string().starts_with("team-a~"));
    for text in ["", "x", "default", "../x", "~", &"g".repeat(32), &format!("A~{}", "0".repeat(32))] {
        assert!(text.parse::<PageKey>().is_err(), "{text:?}");
    }
}
