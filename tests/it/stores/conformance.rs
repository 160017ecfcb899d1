//! What every store must do. A case gets an empty store; the list of cases is in `mod.rs`.

use std::sync::Arc;

use rehearsal::store::{
    Changeset, Claimed, CommitError, Direction, Document, Expectation, Key, KeyRange, Store, StoreError, Version, Write,
};

use super::{document, key, put};

type Subject = Arc<dyn Store>;

const NONE: [u64; 0] = [];

pub(crate) async fn what_was_never_written_is_not_there(store: &Subject) {
    assert_eq!(store.get(&key("a", 1)).await.unwrap(), None);
    assert_eq!(scan(store, &all("a"), Direction::Ascending, 10).await, []);
}

pub(crate) async fn a_document_reads_back_with_its_version(store: &Subject) {
    for (version, bytes) in [(1, "one"), (2, "two"), (3, "three")] {
        store.commit(put(key("a", 1), bytes)).await.unwrap();
        assert_eq!(store.get(&key("a", 1)).await.unwrap(), Some(document(version, bytes)));
    }
    store.commit(remove(key("a", 1))).await.unwrap();
    assert_eq!(store.get(&key("a", 1)).await.unwrap(), None);
    store.commit(put(key("a", 1), "again")).await.unwrap();
    assert_eq!(store.get(&key("a", 1)).await.unwrap(), Some(document(1, "again")));
}

/// Small and large, in one changeset and at the same time as others, and where something has been removed.
pub(crate) async fn what_is_created_is_a_document_like_any_other(store: &Subject) {
    let long = "long".repeat(10_000);
    let create =
        |key, bytes: &str| Changeset { writes: vec![(key, Write::Create(bytes.as_bytes().into()))], expects: vec![] };
    let mut both = create(key("a", 1), "one");
    both.writes.append(&mut create(key("a", 2), &long).writes);
    let others = (3..40).map(|number| store.commit(create(key("a", number), "more")));
    let (both, others) = futures_util::future::join(store.commit(both), futures_util::future::join_all(others)).await;
    assert!(both.is_ok() && others.iter().all(Result::is_ok));
    let found = scan(store, &all("a"), Direction::Ascending, 100).await;
    assert_eq!(found.len(), 39);
    assert_eq!(found[..2], [(key("a", 1), document(1, "one")), (key("a", 2), document(1, &long))]);
    for number in [1, 2] {
        store.commit(put(key("a", number), "changed")).await.unwrap();
        assert_eq!(store.get(&key("a", number)).await.unwrap(), Some(document(2, "changed")));
        store.commit(remove(key("a", number))).await.unwrap();
        store.commit(create(key("a", number), &long)).await.unwrap();
        assert_eq!(store.get(&key("a", number)).await.unwrap(), Some(document(1, &long)));
    }
}

/// Small over large and the other way round, after a changeset that is refused and at the same time as another one.
pub(crate) async fn what_is_replaced_counts_on(store: &Subject) {
    let (short, long) = ("short".to_owned(), "long".repeat(10_000));
    store.commit(put(key("a", 1), "first")).await.unwrap();
    let mut before = document(1, "first");
    for (version, bytes) in [(2, &long), (3, &short), (4, &short), (5, &long), (6, &long)] {
        let write = Write::Replace(before.clone(), bytes.as_bytes().into());
        let replacing = || Changeset { writes: vec![(key("a", 1), write.clone())], expects: Vec::new() };
        let late = expecting(replacing(), key("a", 1), Expectation::At(Version(version - 2)));
        assert_conflict(store.commit(late).await, &key("a", 1));
        let in_time = expecting(replacing(), key("a", 1), Expectation::At(before.version));
        let other = store.commit(put(key("b", 1), "other"));
        let (replaced, other) = futures_util::future::join(store.commit(in_time), other).await;
        assert!(replaced.is_ok() && other.is_ok());
        before = document(version, bytes);
        assert_eq!(scan(store, &all("a"), Direction::Ascending, 10).await, [(key("a", 1), before.clone())]);
    }
}

/// Whoever comes with a key that is too long stands alone: what others commit at the same time is committed.
pub(crate) async fn a_key_that_is_too_long_is_refused_alone(store: &Subject) {
    let of_length =
        |length| Key::from_bytes(b"a\0".iter().copied().chain([b'k'; Key::BYTES_MAX]).take(length).collect());
    let longest = of_length(Key::BYTES_MAX);
    let others = (0..20).map(|number| store.commit(put(key("b", number), "other")));
    let too_long = store.commit(put(of_length(Key::BYTES_MAX + 1), "too long"));
    let (refused, others) = futures_util::future::join(too_long, futures_util::future::join_all(others)).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Engine(_)))), "{refused:?}");
    assert!(others.iter().all(Result::is_ok), "{others:?}");
    store.commit(put(longest.clone(), "fits")).await.unwrap();
    assert_eq!(store.get(&longest).await.unwrap(), Some(document(1, "fits")));
}

pub(crate) async fn removing_what_is_not_there_is_no_error(store: &Subject) {
    store.commit(remove(key("a", 1))).await.unwrap();
    assert_eq!(store.get(&key("a", 1)).await.unwrap(), None);
}

pub(crate) async fn an_empty_document_is_a_document(store: &Subject) {
    store.commit(put(key("a", 1), "")).await.unwrap();
    assert_eq!(store.get(&key("a", 1)).await.unwrap(), Some(document(1, "")));
}

pub(crate) async fn a_commit_expecting_absence_is_refused_where_something_is(store: &Subject) {
    let create = || expecting(put(key("a", 1), "new"), key("a", 1), Expectation::Absent);
    store.commit(create()).await.unwrap();
    assert_conflict(store.commit(create()).await, &key("a", 1));
    store.commit(remove(key("a", 1))).await.unwrap();
    store.commit(create()).await.unwrap();
}

pub(crate) async fn a_commit_expecting_a_version_is_refused_at_another_one(store: &Subject) {
    let at = |version, bytes: &str| expecting(put(key("a", 1), bytes), key("a", 1), Expectation::At(Version(version)));
    assert_conflict(store.commit(at(1, "nothing is there yet")).await, &key("a", 1));
    store.commit(put(key("a", 1), "one")).await.unwrap();
    store.commit(at(1, "two")).await.unwrap();
    assert_conflict(store.commit(at(1, "late")).await, &key("a", 1));
    assert_conflict(store.commit(at(3, "early")).await, &key("a", 1));
    assert_eq!(store.get(&key("a", 1)).await.unwrap(), Some(document(2, "two")));
}

pub(crate) async fn a_refused_commit_leaves_nothing_behind(store: &Subject) {
    store.commit(put(key("a", 1), "kept")).await.unwrap();
    let mut changeset = put(key("a", 2), "never");
    changeset.put(key("a", 1), b"never".to_vec());
    changeset.put(key("a", 3), vec![7; 100_000]);
    changeset.remove(key("a", 1));
    changeset.expect(key("a", 1), Expectation::At(Version(1)));
    changeset.expect(key("a", 9), Expectation::At(Version(1)));
    assert_conflict(store.commit(changeset).await, &key("a", 9));
    assert_eq!(scan(store, &all("a"), Direction::Ascending, 10).await, [(key("a", 1), document(1, "kept"))]);
}

pub(crate) async fn a_changeset_of_expectations_alone_is_checked(store: &Subject) {
    store.commit(expecting(Changeset::default(), key("a", 1), Expectation::Absent)).await.unwrap();
    let wrong = expecting(Changeset::default(), key("a", 1), Expectation::At(Version(1)));
    assert_conflict(store.commit(wrong).await, &key("a", 1));
}

/// Committed at once, so that an engine which groups commits has them in one group: each is decided on top of the
/// others, and a conflict concerns its own changeset only.
pub(crate) async fn commits_made_at_the_same_time_each_stand_alone(store: &Subject) {
    let create = |writer: u64| {
        let mut changeset = expecting(put(key("a", 0), format!("{writer}")), key("a", 0), Expectation::Absent);
        changeset.put(key("winner", writer), b"won".to_vec());
        changeset
    };
    let contended = (0..50).map(|writer| store.commit(create(writer)));
    let free = (0..50).map(|writer| store.commit(put(key("free", writer), "mine")));
    let (contended, free) =
        futures_util::future::join(futures_util::future::join_all(contended), futures_util::future::join_all(free))
            .await;
    assert!(free.iter().all(Result::is_ok));
    let winners: Vec<usize> = (0..50).filter(|&writer| contended[writer].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{contended:?}");
    let winner = u64::try_from(winners[0]).unwrap();
    assert_eq!(store.get(&key("a", 0)).await.unwrap(), Some(document(1, format!("{winner}"))));
    assert_eq!(
        scan(store, &all("winner"), Direction::Ascending, 100).await,
        [(key("winner", winner), document(1, "won"))]
    );
    assert_eq!(scan(store, &all("free"), Direction::Ascending, 100).await.len(), 50);
}

pub(crate) async fn a_scan_goes_in_key_order_both_ways(store: &Subject) {
    for number in [300, 1, 256, 255, 2] {
        store.commit(put(key("a", number), format!("{number}"))).await.unwrap();
    }
    let numbers = |found: Vec<(Key, Document)>| -> Vec<String> {
        found.into_iter().map(|(_, document)| String::from_utf8(document.bytes.to_vec()).unwrap()).collect()
    };
    let ascending = numbers(scan(store, &all("a"), Direction::Ascending, 10).await);
    assert_eq!(ascending, ["1", "2", "255", "256", "300"]);
    let descending = numbers(scan(store, &all("a"), Direction::Descending, 10).await);
    assert_eq!(descending, ["300", "256", "255", "2", "1"]);
    assert_eq!(numbers(scan(store, &all("a"), Direction::Ascending, 2).await), ["1", "2"]);
    assert_eq!(numbers(scan(store, &all("a"), Direction::Descending, 2).await), ["300", "256"]);
    assert_eq!(scan(store, &all("a"), Direction::Ascending, 0).await, []);
    let middle = all("a").from(key("a", 2)).before(&key("a", 256));
    assert_eq!(numbers(scan(store, &middle, Direction::Ascending, 10).await), ["2", "255"]);
}

pub(crate) async fn a_scan_goes_on_where_it_stopped(store: &Subject) {
    let mut changeset = Changeset::default();
    (0..25).for_each(|number| changeset.put(key("a", number), vec![1]));
    store.commit(changeset).await.unwrap();
    let whole: Vec<Key> = (0..25).map(|number| key("a", number)).collect();

    let (mut range, mut found) = (all("a"), Vec::new());
    while let page = scan(store, &range, Direction::Ascending, 10).await
        && let Some((last, _)) = page.last()
    {
        range = range.after(last);
        found.extend(page.into_iter().map(|(key, _)| key));
    }
    assert_eq!(found, whole);

    let (mut range, mut found) = (all("a"), Vec::new());
    while let page = scan(store, &range, Direction::Descending, 10).await
        && let Some((last, _)) = page.last()
    {
        range = range.before(last);
        found.extend(page.into_iter().map(|(key, _)| key));
    }
    found.reverse();
    assert_eq!(found, whole);
}

pub(crate) async fn a_scan_of_an_empty_or_reversed_range_finds_nothing(store: &Subject) {
    store.commit(put(key("a", 5), "here")).await.unwrap();
    for range in [all("a").from(key("a", 6)).before(&key("a", 5)), all("a").from(key("a", 5)).before(&key("a", 5))] {
        for direction in [Direction::Ascending, Direction::Descending] {
            assert_eq!(scan(store, &range, direction, 10).await, []);
        }
        assert_eq!(store.claim(&range, 10).await.unwrap(), []);
    }
}

pub(crate) async fn a_range_holds_one_sandbox_only(store: &Subject) {
    for sandbox in ["a", "a-b", "ab", "b", "~"] {
        store.commit(put(key(sandbox, 1), sandbox)).await.unwrap();
    }
    for sandbox in ["a", "a-b", "ab", "b", "~"] {
        let expected = [(key(sandbox, 1), document(1, sandbox))];
        assert_eq!(scan(store, &all(sandbox), Direction::Ascending, 10).await, expected);
        assert_eq!(scan(store, &all(sandbox), Direction::Descending, 10).await, expected);
    }
    let everything = KeyRange { start: Key::from_bytes(Vec::new()), end: None };
    assert_eq!(scan(store, &everything, Direction::Ascending, 10).await.len(), 5);
    assert_eq!(scan(store, &everything, Direction::Descending, 10).await.len(), 5);
}

pub(crate) async fn concurrent_writers_lose_no_update(store: &Subject) {
    const WRITERS: u64 = 8;
    const UPDATES: u64 = 25;
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for _ in 0..UPDATES {
                while !add_one(&store, &key("a", 0), &key("log", writer)).await {}
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let total = WRITERS * UPDATES;
    assert_eq!(store.get(&key("a", 0)).await.unwrap(), Some(document(total, total.to_be_bytes())));
    for (_, log) in scan(store, &all("log"), Direction::Ascending, 100).await {
        assert_eq!(log.version, Version(UPDATES));
    }
}

/// Adds one to a counter if nobody else does at the same time; says whether it has.
async fn add_one(store: &Subject, counter: &Key, log: &Key) -> bool {
    let found = store.get(counter).await.unwrap();
    let (expectation, count) = match &found {
        Some(found) => (Expectation::At(found.version), u64::from_be_bytes(found.bytes.as_ref().try_into().unwrap())),
        None => (Expectation::Absent, 0),
    };
    let mut changeset = put(counter.clone(), (count + 1).to_be_bytes());
    changeset.expect(counter.clone(), expectation);
    changeset.put(log.clone(), b"added".to_vec());
    match store.commit(changeset).await {
        Ok(()) => true,
        Err(CommitError::Conflict(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Two documents are always written with the same bytes; the second is large and changes its size.
pub(crate) async fn a_scan_sees_a_commit_whole_or_not_at_all(store: &Subject) {
    let writer = {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for round in 0..60_u8 {
                let mut changeset = put(key("a", 1), [round]);
                changeset.put(key("a", 2), vec![round; 4_000 * (1 + usize::from(round % 5))]);
                if round % 7 == 6 {
                    changeset = remove(key("a", 1));
                    changeset.remove(key("a", 2));
                }
                store.commit(changeset).await.unwrap();
            }
        })
    };
    while !writer.is_finished() {
        for direction in [Direction::Ascending, Direction::Descending] {
            let found = scan(store, &all("a"), direction, 10).await;
            assert!(found.is_empty() || found.len() == 2, "{} documents", found.len());
            let mut rounds: Vec<u8> = found.iter().flat_map(|(_, document)| document.bytes.to_vec()).collect();
            rounds.dedup();
            assert!(rounds.len() <= 1, "{rounds:?}");
            assert!(found.windows(2).all(|pair| pair[0].1.version == pair[1].1.version));
        }
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}

pub(crate) async fn a_claim_leaves_out_what_is_claimed(store: &Subject) {
    fill(store, 5).await;
    assert_eq!(claim(store, 2).await, [0, 1]);
    assert_eq!(claim(store, 2).await, [2, 3]);
    assert_eq!(claim(store, 2).await, [4]);
    assert_eq!(claim(store, 2).await, NONE);
    // A claim keeps nobody from reading or writing.
    store.commit(put(key("a", 1), "changed")).await.unwrap();
    assert_eq!(store.get(&key("a", 1)).await.unwrap(), Some(document(2, "changed")));
    assert_eq!(claim(store, 2).await, NONE);
}

pub(crate) async fn a_released_document_can_be_claimed_again(store: &Subject) {
    fill(store, 3).await;
    assert_eq!(claim(store, 3).await, [0, 1, 2]);
    store.release(&key("a", 1)).await;
    store.release(&key("a", 99)).await;
    assert_eq!(claim(store, 3).await, [1]);
}

pub(crate) async fn a_removed_document_is_claimed_no_more(store: &Subject) {
    fill(store, 2).await;
    assert_eq!(claim(store, 2).await, [0, 1]);
    store.commit(remove(key("a", 0))).await.unwrap();
    assert_eq!(claim(store, 2).await, NONE);
    store.commit(put(key("a", 0), "a new one")).await.unwrap();
    assert_eq!(claim(store, 2).await, [0]);
    // A removal that did not happen ends no claim.
    let refused = expecting(remove(key("a", 1)), key("a", 1), Expectation::At(Version(9)));
    assert_conflict(store.commit(refused).await, &key("a", 1));
    assert_eq!(claim(store, 2).await, NONE);
}

pub(crate) async fn concurrent_claims_share_out_the_documents(store: &Subject) {
    fill(store, 60).await;
    let workers = (0..6).map(|_| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let found = store.claim(&all("a"), 4).await.unwrap();
                if found.is_empty() {
                    return mine;
                }
                for claimed in found {
                    store.commit(remove(claimed.key.clone())).await.unwrap();
                    mine.push(claimed.key);
                }
            }
        })
    });
    let mut done = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        done.extend(worker.await.unwrap());
    }
    done.sort();
    assert_eq!(done, (0..60).map(|number| key("a", number)).collect::<Vec<_>>(), "each once");
}

pub(crate) async fn large_documents_are_kept_rewritten_and_removed(store: &Subject) {
    let large = |seed: u8, length: usize| -> Vec<u8> { (seed..=250).cycle().take(length).collect() };
    for (version, length) in [(1, 1_000_000), (2, 3), (3, 300_000), (4, 6_000), (5, 5_120)] {
        let mut changeset = put(key("a", 1), large(1, length));
        changeset.put(key("a", 2), large(2, length));
        store.commit(changeset).await.unwrap();
        let expected =
            [(key("a", 1), document(version, large(1, length))), (key("a", 2), document(version, large(2, length)))];
        assert_eq!(store.get(&key("a", 1)).await.unwrap().as_ref(), Some(&expected[0].1));
        assert!(scan(store, &all("a"), Direction::Ascending, 10).await == expected);
    }
    store.commit(put(key("a", 1), large(9, 500_000))).await.unwrap();
    store.commit(remove(key("a", 1))).await.unwrap();
    assert_eq!(store.get(&key("a", 1)).await.unwrap(), None);
}

pub(crate) async fn many_documents_are_kept_in_order(store: &Subject) {
    const DOCUMENTS: u64 = 20_000;
    for batch in 0..20 {
        let mut changeset = Changeset::default();
        // Not in order: 7919 is prime to the number of documents.
        for number in (batch * 1_000..(batch + 1) * 1_000).map(|index| index * 7919 % DOCUMENTS) {
            changeset.put(key("a", number), format!("document {number}").into_bytes());
        }
        store.commit(changeset).await.unwrap();
    }
    let found = scan(store, &all("a"), Direction::Ascending, usize::MAX).await;
    let expected = (0..DOCUMENTS).map(|number| (key("a", number), document(1, format!("document {number}"))));
    assert!(found.into_iter().eq(expected));
}

pub(crate) async fn a_closed_store_says_so(store: &Subject) {
    store.commit(put(key("a", 1), "one")).await.unwrap();
    store.close().await.unwrap();
    let closed = |error: StoreError| matches!(error, StoreError::Closed);
    assert!(closed(store.get(&key("a", 1)).await.unwrap_err()));
    assert!(closed(store.scan(&all("a"), Direction::Ascending, 1).await.unwrap_err()));
    assert!(closed(store.claim(&all("a"), 1).await.unwrap_err()));
    assert!(closed(store.close().await.unwrap_err()));
    match store.commit(put(key("a", 2), "two")).await.unwrap_err() {
        CommitError::Store(error) => assert!(closed(error)),
        CommitError::Conflict(key) => panic!("conflict at {key}"),
    }
}

pub(crate) async fn commits_are_counted(store: &Subject) {
    for number in 0..5 {
        store.commit(put(key("a", number), "one")).await.unwrap();
    }
    let refused = expecting(put(key("a", 1), "two"), key("a", 1), Expectation::Absent);
    assert_conflict(store.commit(refused).await, &key("a", 1));
    assert_eq!(store.flush_figures().commits, 5);
}

fn all(sandbox: &str) -> KeyRange {
    KeyRange::under(&Key::in_sandbox(sandbox))
}

fn remove(key: Key) -> Changeset {
    let mut changeset = Changeset::default();
    changeset.remove(key);
    changeset
}

fn expecting(mut changeset: Changeset, key: Key, expectation: Expectation) -> Changeset {
    changeset.expect(key, expectation);
    changeset
}

#[track_caller]
fn assert_conflict(result: Result<(), CommitError>, at: &Key) {
    match result {
        Err(CommitError::Conflict(key)) => assert_eq!(key, *at),
        other => panic!("expected a conflict at {at}, got {other:?}"),
    }
}

async fn scan(store: &Subject, range: &KeyRange, direction: Direction, limit: usize) -> Vec<(Key, Document)> {
    store.scan(range, direction, limit).await.unwrap()
}

async fn fill(store: &Subject, documents: u64) {
    let mut changeset = Changeset::default();
    (0..documents).for_each(|number| changeset.put(key("a", number), vec![1]));
    store.commit(changeset).await.unwrap();
}

/// The numbers of the documents that could be claimed.
async fn claim(store: &Subject, limit: usize) -> Vec<u64> {
    let prefix = Key::in_sandbox("a").text("doc");
    let claimed = store.claim(&all("a"), limit).await.unwrap();
    claimed
        .iter()
        .map(|Claimed { key, .. }| u64::from_be_bytes(prefix.rest_of(key).unwrap().try_into().unwrap()))
        .collect()
}
