//! What processes that share a store tell each other, and how they come by what one of them has left behind.

use futures_util::future::join_all;
use rehearsal::store::{
    Changeset, Claimed, CommitError, DatabaseUrl, Direction, Expectation, Key, KeyRange, News, PostgresStore,
    Store as _, Version,
};

use super::{key, put};
use crate::postgres::Database;

async fn two(database: &Database) -> (PostgresStore, PostgresStore) {
    let url = DatabaseUrl::new(&database.url());
    let (one, other) = tokio::join!(PostgresStore::connect(&url), PostgresStore::connect(&url));
    (one.unwrap(), other.unwrap())
}

async fn claimed(store: &PostgresStore) -> Vec<(Key, bool)> {
    let all = KeyRange::under(&Key::in_sandbox("a"));
    let claimed = store.claim(&all, 10).await.unwrap();
    claimed.into_iter().map(|Claimed { key, left_behind, .. }| (key, left_behind)).collect()
}

async fn close(one: PostgresStore, other: PostgresStore) {
    one.close().await.unwrap();
    other.close().await.unwrap();
    assert_eq!(one.shared().unwrap().news().await, None, "there is nothing new any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_tells_the_other_hears() {
    let database = Database::alone().await;
    let (one, other) = two(&database).await;
    let (told, heard) = (one.shared().unwrap(), other.shared().unwrap());
    // Until they can hear each other, anything may be new.
    loop {
        told.tell(&key("a", 1));
        match heard.news().await.unwrap() {
            News::Anything => {}
            News::Changed(keys) => {
                assert_eq!(keys, [key("a", 1)]);
                break;
            }
        }
    }
    one.commit(put(key("a", 1), "first")).await.unwrap();
    one.commit(put(key("a", 1), "second")).await.unwrap();
    let versions = heard.versions(&[key("a", 2), key("a", 1)]).await.unwrap();
    assert_eq!(versions, [None, Some(Version(2))]);
    // Nobody can be heard without a connection; then anything may be new again.
    database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_notify%' AND pid <> pg_backend_pid()").await;
    while heard.news().await.unwrap() != News::Anything {}
    close(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_had_is_known_as_left_behind_until_somebody_is_done_with_it() {
    let database = Database::new().await;
    let (one, other) = two(&database).await;
    one.commit(put(key("a", 1), "work")).await.unwrap();
    assert_eq!(claimed(&one).await, [(key("a", 1), false)]);
    assert_eq!(claimed(&other).await, []);
    let elsewhere =
        async |store: &PostgresStore| store.shared().unwrap().is_claimed_elsewhere(&key("a", 1)).await.unwrap();
    assert_eq!((elsewhere(&one).await, elsewhere(&other).await), (false, true));
    // It dies: nobody renews its lease, and the time of that runs out.
    one.shared().unwrap().leave_behind(&key("a", 1));
    database.run("UPDATE rehearsal_document SET claimed_until = now() - interval '1 second'").await;
    assert!(!elsewhere(&other).await);
    for taken_over_by in [&other, &one, &other] {
        assert_eq!(claimed(taken_over_by).await, [(key("a", 1), true)]);
        taken_over_by.shared().unwrap().put_back(&key("a", 1)).await;
    }
    assert_eq!(claimed(&one).await, [(key("a", 1), true)]);
    one.release(&key("a", 1)).await;
    assert_eq!(claimed(&other).await, [(key("a", 1), false)]);
    // A process that stops gives back what it has.
    other.close().await.unwrap();
    assert_eq!(claimed(&one).await, [(key("a", 1), false)]);
    assert_eq!(one.scan(&KeyRange::under(&Key::in_sandbox("a")), Direction::Ascending, 9).await.unwrap().len(), 1);
    one.close().await.unwrap();
}

/// Commits of different sandboxes share transactions: what one of them runs into is not the others' affair.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_make_the_same_documents_at_once_one_wins_and_bystanders_are_not_hurt() {
    let database = Database::new().await;
    let (one, other) = two(&database).await;
    let create = |sandbox: &str, bytes: &str| {
        let mut changeset = put(key(sandbox, 1), bytes);
        changeset.expect(key(sandbox, 1), Expectation::Absent);
        changeset
    };
    for round in 0..20 {
        let attempts = (0..12).flat_map(|number| {
            let contested = format!("contested-{round}-{number}");
            let own = |whose: &str| format!("own-{whose}-{round}-{number}");
            [
                (&one, create(&contested, "one"), true),
                (&one, create(&own("one"), "one"), false),
                (&other, create(&contested, "other"), true),
                (&other, create(&own("other"), "other"), false),
            ]
        });
        let attempts = attempts.map(async |(store, changeset, is_contested)| {
            let committed = match store.commit(changeset).await {
                Ok(()) => true,
                Err(CommitError::Conflict(_)) => false,
                Err(CommitError::Store(error)) => panic!("{error}"),
            };
            (is_contested, committed)
        });
        let results = join_all(attempts).await;
        assert!(results.iter().all(|(is_contested, committed)| *is_contested || *committed), "a bystander was hurt");
        let won = results.iter().filter(|(is_contested, committed)| *is_contested && *committed).count();
        assert_eq!(won, 12, "each is made once");
    }
    close(one, other).await;
}

/// The database plans before it has counted anything, and keeps its plans: what is asked for must be found by its key all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_commit_costs_does_not_grow_with_its_sandbox_even_where_nothing_was_counted() {
    let database = Database::alone().await;
    let store = PostgresStore::connect(&DatabaseUrl::new(&database.url())).await.unwrap();
    let mut all = Changeset::default();
    (0..400).for_each(|number| all.put(key("a", number), b"it".to_vec()));
    store.commit(all).await.unwrap();
    for commit in 0..100 {
        let mut some = Changeset::default();
        for number in 1..=10 {
            some.expect(key("a", number), Expectation::At(Version(1)));
        }
        some.remove(key("a", 100 + commit));
        store.commit(some).await.unwrap();
    }
    store.close().await.unwrap();
    // A connection tells what it has read when it ends.
    database
        .run(
            "DO $$ DECLARE found bigint; BEGIN \
             WHILE EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = 'rehearsal') LOOP \
                 PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; \
             SELECT seq_tup_read + idx_tup_fetch INTO found FROM pg_stat_user_tables WHERE relname = 'rehearsal_document'; \
             IF found NOT BETWEEN 1000 AND 3000 THEN RAISE EXCEPTION '% rows were read', found; END IF; END $$",
        )
        .await;
}
