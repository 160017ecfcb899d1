//! Whole ways through the publisher, over HTTP, with what can go wrong on them.

use std::sync::Arc;

use serde_json::json;

use super::world::{CODE, SUBSCRIPTION, World, site, typed, visit};
use crate::{
    domain::catalogue::ProvisioningStep,
    publisher::{
        Submission,
        host::Outcome,
        landing::LandingView,
        page_key::PageKey,
        records::{Account, AccountState, StepState, account_key},
    },
};

async fn submit(world: &World) -> (Account, bool) {
    match world.publisher.submit(&visit(None, Some(CODE)), &typed()).await.unwrap() {
        Submission::Accepted { account, opened } => (*account, opened),
        other => panic!("{other:?}"),
    }
}

async fn reload(world: &World, account: &Account) -> Account {
    let key: PageKey = account.account.parse().unwrap();
    world.publisher.account(&key).await.unwrap().unwrap()
}

fn story(entries: &[(&str, Outcome, u32)]) -> Vec<(String, Outcome, u32)> {
    entries.iter().map(|&(step, outcome, attempt)| (step.to_owned(), outcome, attempt)).collect()
}

#[tokio::test]
async fn a_purchase_is_set_up_once_with_its_licences_and_activated() {
    let world = World::new().await;
    let LandingView::SetUp(set_up) = world.publisher.landing(&visit(None, Some(CODE))).await.unwrap() else { panic!() };
    assert_eq!((set_up.site.publisher.as_str(), set_up.purchase.offer_name.as_str()), ("contoso", "Contoso CRM"));
    assert_eq!(set_up.purchase.beneficiary, "kim@fabrikam.example");
    assert_eq!(set_up.purchase.partner(), Some("pat@partner.example"));
    assert!(world.host.memory().records.is_empty(), "looking opens no account");

    let (account, opened) = submit(&world).await;
    assert!(opened);
    assert_eq!(account.state(), AccountState::Provisioning);
    assert_eq!(world.market().activations, 0, "nothing is activated before the work runs");
    world.run_all().await;

    let account = reload(&world, &account).await;
    assert_eq!(account.state(), AccountState::Active);
    let licenses = account.licenses.unwrap();
    assert_eq!(licenses.named, ["kim@fabrikam.example", "lee@fabrikam.example"]);
    assert_eq!(licenses.pool, 3);
    assert_eq!(world.market().licenses, [2]);
    assert_eq!(world.market().activations, 1);
    use Outcome::Done;
    let expected = [
        ("formSubmitted", Done, 1),
        ("createAccount", Done, 1),
        ("assignLicenses", Done, 1),
        ("reportLicenses", Done, 1),
        ("activate", Done, 1),
    ];
    assert_eq!(world.story(), story(&expected));
    // The manage page from now on, without a second activation.
    let view = world.publisher.landing(&visit(Some("contoso"), Some(CODE))).await.unwrap();
    assert_eq!(view.name(), "account");
    let (_, opened) = submit(&world).await;
    assert!(!opened);
    world.run_all().await;
    assert_eq!(world.market().activations, 1);
}

#[tokio::test]
async fn a_failing_activation_is_tried_again_with_growing_pauses() {
    let world = World::new().await;
    world.market().activate = [500, 503].into();
    let (account, _) = submit(&world).await;
    let start = world.host.memory().now_millis;
    world.run_all().await;
    let account = reload(&world, &account).await;
    assert_eq!(account.state(), AccountState::Active);
    assert_eq!(world.host.memory().now_millis - start, 1000 + 2000);
    let activate = &account.steps[3];
    assert_eq!((activate.attempts, activate.failures), (3, 2));
    assert!(activate.last_error.as_ref().unwrap().contains("503"));
    use Outcome::{Done, Failed};
    assert_eq!(world.story()[4..], story(&[("activate", Failed, 1), ("activate", Failed, 2), ("activate", Done, 3)]));
}

#[tokio::test]
async fn an_activation_that_arrived_despite_its_error_is_not_repeated() {
    let world = World::new().await;
    world.market().activate = [500].into();
    world.market().activates_despite_errors = true;
    submit(&world).await;
    world.run_all().await;
    assert_eq!(world.market().activations, 1);
    assert_eq!(world.story().last().unwrap(), &("activate".to_owned(), Outcome::AlreadyDone, 2));
}

#[tokio::test]
async fn planned_faults_fail_a_step_and_cost_no_call() {
    let world = World::new().await;
    world.host.memory().faults = [(ProvisioningStep::AssignLicenses, 1), (ProvisioningStep::ReportLicenses, 2)].into();
    submit(&world).await;
    world.run_all().await;
    use Outcome::{Done, Failed};
    let expected = [
        ("assignLicenses", Failed, 1),
        ("assignLicenses", Done, 2),
        ("reportLicenses", Failed, 1),
        ("reportLicenses", Failed, 2),
        ("reportLicenses", Done, 3),
        ("activate", Done, 1),
    ];
    assert_eq!(world.story()[2..], story(&expected));
    assert_eq!(world.market().licenses, [2]);
}

#[tokio::test]
async fn a_kill_after_any_commit_loses_nothing_and_repeats_nothing() {
    let mut kills = 0;
    for commits in 0..20 {
        let world = World::new().await;
        let (account, _) = submit(&world).await;
        world.host.memory().commits_left = Some(commits);
        assert!(world.run_next().await);
        let survived = world.host.memory().work.is_empty();
        world.host.memory().commits_left = None;
        world.run_all().await;
        assert_eq!(reload(&world, &account).await.state(), AccountState::Active, "killed after {commits}");
        assert_eq!(world.market().activations, 1, "killed after {commits}");
        let done = world.story().iter().filter(|(step, ..)| step == "activate").count();
        assert_eq!(done, 1, "killed after {commits}");
        let reports: std::collections::BTreeSet<_> =
            world.market().calls.iter().filter(|(what, ..)| what == "licenses").map(|(_, _, id)| id.clone()).collect();
        assert_eq!(reports.len(), 1, "a repeated report has the id of the first: killed after {commits}");
        if survived {
            break;
        }
        kills += 1;
    }
    assert_eq!(kills, 6, "two steps of our own, two that are begun and ended");
}

#[tokio::test]
async fn a_crash_between_activation_and_its_record_is_found_out() {
    let world = World::new().await;
    let (account, _) = submit(&world).await;
    world.host.memory().commits_left = Some(5);
    world.run_next().await;
    assert_eq!(world.market().activations, 1);
    assert_eq!(reload(&world, &account).await.steps[3].state, StepState::Running);
    world.host.memory().commits_left = None;
    world.run_all().await;
    assert_eq!(world.story().last().unwrap(), &("activate".to_owned(), Outcome::AlreadyDone, 1));
    assert_eq!(world.market().activations, 1);
    let record = reload(&world, &account).await.steps[3].clone();
    assert!(matches!(record.state, StepState::AlreadyDone { .. }));
    assert_eq!((record.attempts, record.resumed), (1, 1));
}

#[tokio::test]
async fn many_submissions_at_once_open_one_account() {
    let world = Arc::new(World::new().await);
    let submissions = (0..12).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { submit(&world).await })
    });
    let mut opened = 0;
    let mut pages = std::collections::BTreeSet::new();
    for submission in submissions.collect::<Vec<_>>() {
        let (account, was_opened) = submission.await.unwrap();
        opened += u32::from(was_opened);
        pages.insert(account.account);
    }
    assert_eq!((opened, pages.len()), (1, 1));
    // Several workers on the same work, as after a restart beside a process that is still dying.
    let runs = (0..4).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.run_all().await })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap();
    }
    assert_eq!(world.market().activations, 1);
    assert_eq!(world.story().iter().filter(|(step, ..)| step == "formSubmitted").count(), 1);
}

#[tokio::test]
async fn of_two_processes_on_one_store_one_records_each_step() {
    let world = World::new().await;
    let second = world.beside(&world.base);
    submit(&world).await;
    tokio::join!(world.run_next(), second.run_next());
    world.run_all().await;
    assert_eq!(world.market().status, "Subscribed");
    let steps: Vec<String> = world.story().into_iter().map(|(step, ..)| step).collect();
    assert_eq!(steps, ["formSubmitted", "createAccount", "assignLicenses", "reportLicenses", "activate"]);
    assert!(world.host.memory().work.is_empty());
}

#[tokio::test]
async fn codes_are_sent_as_they_come_and_refusals_have_their_pages() {
    let world = World::new().await;
    let table = [
        (None, None, "askForCode"),
        (None, Some(""), "askForCode"),
        (Some("contoso"), None, "askForCode"),
        (Some("fabrikam"), Some(CODE), "noSuchSite"),
        (Some("contoso"), Some(CODE), "setUp"),
        (Some("contoso"), Some("aB c/d12=="), "badCode"),
        (Some("contoso"), Some("aB%2Bc%2Fd12%3D%3D"), "badCode"),
        (Some("contoso"), Some("a\r\nX-Evil: 1"), "badCode"),
        (Some("contoso"), Some("é"), "badCode"),
        (Some("northwind"), Some(CODE), "notOurs"),
        (None, Some(CODE), "setUp"),
    ];
    for (site, token, expected) in table {
        let view = world.publisher.landing(&visit(site, token)).await.unwrap();
        assert_eq!(view.name(), expected, "{site:?} {token:?}");
    }
    for (status, expected) in [("Suspended", "suspended"), ("Unsubscribed", "cancelled"), ("Odd", "otherStatus")] {
        world.market().status = status;
        let view = world.publisher.submit(&visit(None, Some(CODE)), &typed()).await.unwrap();
        let Submission::NotPossible(view) = view else { panic!("{view:?}") };
        assert_eq!(view.name(), expected);
    }
    assert!(world.host.memory().records.is_empty());
    assert_eq!(world.market().activations, 0);
}

#[tokio::test]
async fn mistakes_in_the_form_open_nothing() {
    let world = World::new().await;
    let mut typed = typed();
    typed.insert("users".to_owned(), (0..6).map(|n| format!("u{n}@x.example\n")).collect());
    typed.remove("company");
    let Submission::Refused { problems, .. } = world.publisher.submit(&visit(None, Some(CODE)), &typed).await.unwrap()
    else {
        panic!()
    };
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["company", "users"]);
    assert!(world.host.memory().records.is_empty());
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_its_end_and_replaced_after_a_403() {
    let world = World::new().await;
    let look = async |world: &World| world.publisher.landing(&visit(Some("contoso"), Some(CODE))).await.unwrap().name();
    for _ in 0..3 {
        assert_eq!(look(&world).await, "setUp");
    }
    assert_eq!(world.market().tokens_issued, 1);
    world.host.memory().now_millis += 3_538_000;
    look(&world).await;
    assert_eq!(world.market().tokens_issued, 1);
    world.host.memory().now_millis += 2_000;
    look(&world).await;
    assert_eq!(world.market().tokens_issued, 2, "a new one a minute before the end");
    world.market().tokens_expired = 2;
    assert_eq!(look(&world).await, "setUp");
    assert_eq!(world.market().tokens_issued, 3, "the marketplace said 403");
    world.market().tokens_expired = 99;
    assert_eq!(look(&world).await, "notOurs");
    assert_eq!(world.market().tokens_issued, 4, "tried once with a fresh one, not for ever");
    // A clock that stands earlier than when the token came: another world of the same name.
    world.market().tokens_expired = 0;
    world.host.memory().now_millis -= 90_000_000;
    world.market().token_life = json!("3599");
    look(&world).await;
    assert_eq!(world.market().tokens_issued, 5);
}

#[tokio::test]
async fn many_requests_at_once_share_one_token() {
    let world = World::new().await;
    let visit = visit(Some("contoso"), Some(CODE));
    let looks = (0..8).map(|_| world.publisher.landing(&visit));
    futures_util::future::join_all(looks).await;
    assert_eq!(world.market().tokens_issued, 1);
}

#[tokio::test]
async fn a_wrong_secret_is_told_in_the_identitys_words() {
    let world = World::new().await;
    let mut broken = site("contoso");
    broken.client_secret = "old".to_owned();
    world.host.memory().sites = vec![broken];
    let LandingView::MarketplaceFailed { error } = world.publisher.landing(&visit(None, Some(CODE))).await.unwrap()
    else {
        panic!()
    };
    assert!(error.to_string().contains("AADSTS7000222"), "{error}");
    assert!(!error.to_string().contains("old"));
}

#[tokio::test]
async fn a_marketplace_that_is_down_is_waited_for_then_left_to_a_person() {
    let world = World::new().await;
    let (account, _) = submit(&world).await;
    // Nobody listens on a port that was just given back.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let down = world.beside(&base);
    assert_eq!(down.publisher.landing(&visit(None, Some(CODE))).await.unwrap().name(), "marketplaceFailed");
    down.run_all().await;
    let stopped = reload(&world, &account).await;
    assert_eq!(stopped.state(), AccountState::NeedsAttention);
    assert_eq!((stopped.steps[2].attempts, stopped.steps[2].state), (8, StepState::Stopped));
    assert!(stopped.steps[2].last_error.as_ref().unwrap().contains("can't be reached (no connection)"));
    assert_eq!(world.story().last().unwrap(), &("reportLicenses".to_owned(), Outcome::GaveUp, 8));

    let key: PageKey = account.account.parse().unwrap();
    world.publisher.retry(&key).await.unwrap().unwrap();
    world.run_all().await;
    assert_eq!(reload(&world, &account).await.state(), AccountState::Active);
    // Nothing to try any more.
    world.publisher.retry(&key).await.unwrap().unwrap();
    assert!(world.host.memory().work.is_empty());
}

#[tokio::test]
async fn a_refused_activation_stops_at_once_and_a_cancelled_purchase_says_so() {
    for (status, expected) in
        [("PendingFulfillmentStart", "refused with status 400"), ("Unsubscribed", "was cancelled")]
    {
        let world = World::new().await;
        let (account, _) = submit(&world).await;
        world.market().activate = [400].into();
        world.market().status = status;
        world.run_all().await;
        let record = reload(&world, &account).await.steps[3].clone();
        assert_eq!((record.attempts, record.state), (1, StepState::Stopped));
        assert!(record.last_error.unwrap().contains(expected));
    }
}

#[tokio::test]
async fn another_marketplace_has_no_licence_api_and_that_is_no_error() {
    let world = World::new().await;
    world.market().has_license_api = false;
    world.market().quantity = json!("");
    let (account, _) = submit(&world).await;
    world.run_all().await;
    let account = reload(&world, &account).await;
    assert_eq!(account.state(), AccountState::Active);
    assert!(matches!(account.steps[2].state, StepState::Skipped { .. }));
    assert_eq!(account.licenses.unwrap().pool, 0, "a flat rate has no pool");
    assert_eq!(world.market().activations, 1);
}

#[tokio::test]
async fn work_without_an_account_goes_away() {
    let world = World::new().await;
    let now = crate::domain::time::Timestamp::from_millis(0);
    for name in ["provision/unknown", "something else"] {
        world.host.memory().work.insert(name.to_owned(), now);
    }
    world.run_all().await;
    assert!(world.called().is_empty());
}

#[tokio::test]
async fn pages_open_with_their_own_keys_only() {
    let world = World::new().await;
    let (account, _) = submit(&world).await;
    let (page, welcome): (PageKey, PageKey) = (account.account.parse().unwrap(), account.welcome.parse().unwrap());
    assert!(world.publisher.account(&page).await.unwrap().is_some());
    assert!(world.publisher.welcome(&welcome).await.unwrap().is_some());
    assert!(world.publisher.account(&welcome).await.unwrap().is_none());
    assert!(world.publisher.welcome(&page).await.unwrap().is_none());
    let url = world.publisher.customer_url(&account);
    assert_eq!(url, format!("http://rehearsal.example:7070/publisher/welcome/{}", account.welcome));
    assert!(!url.contains(SUBSCRIPTION));
    assert!(world.host.memory().records.contains_key(&account_key(SUBSCRIPTION)));
}
