//! Opening the embedded store: what is kept, and which folders are refused.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rehearsal::store::{Changeset, Direction, Key, KeyRange, OpenError, SledOptions, SledStore, Store};
use tempfile::TempDir;

use super::{document, key, put};

const MARKER: &str = "rehearsal.store";

#[tokio::test]
async fn everything_is_there_again_after_closing_and_opening() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=4 {
        let store = open(folder.path()).unwrap();
        let mut changeset = Changeset::default();
        for number in 0..200 {
            changeset.put(
                key("a", number),
                format!("round {round}").repeat(1 + usize::try_from(number).unwrap() * 20).into(),
            );
        }
        store.commit(changeset).await.unwrap();
        // Half of the times without a farewell.
        if round % 2 == 0 {
            store.close().await.unwrap();
        }
        drop(store);

        let store = open(folder.path()).unwrap();
        for number in 0..200 {
            let text = format!("round {round}").repeat(1 + usize::try_from(number).unwrap() * 20);
            assert_eq!(store.get(&key("a", number)).await.unwrap(), Some(document(round, text)));
        }
    }
}

#[tokio::test]
async fn closing_frees_the_folder_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let store = open(folder.path()).unwrap();
        store.commit(put(key("a", 1), "one")).await.unwrap();
        store.close().await.unwrap();
    }
}

/// Opening reads sled's log from the last summary on, and sled writes one only when it opens.
#[tokio::test]
async fn closing_after_much_work_leaves_a_summary_for_a_quick_start() {
    let folder = tempfile::tempdir().unwrap();
    let summaries = || -> Vec<String> {
        let files = fs::read_dir(folder.path().join("sled")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("snap.")).collect()
    };
    for (commits, leaves_one) in [(600, true), (10, false), (600, true)] {
        let store =
            SledStore::open(folder.path(), SledOptions { log_bytes: 20_000, ..SledOptions::default() }).unwrap();
        for number in 0..commits {
            store.commit(put(key("a", number), "x")).await.unwrap();
        }
        let at_work = summaries();
        store.close().await.unwrap();
        assert_eq!(summaries() != at_work, leaves_one, "{commits} commits");
        let store = open(folder.path()).unwrap();
        assert_eq!(
            store.scan(&KeyRange::under(&Key::in_sandbox("a")), Direction::Ascending, 1_000).await.unwrap().len(),
            600
        );
        let before = summaries();
        store.close().await.unwrap();
        assert_eq!(summaries(), before, "nothing was written");
    }
}

/// The files of the log change places again and again, and what is in either of them comes up again.
#[tokio::test]
async fn what_is_in_the_log_alone_is_there_again_after_opening() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=40 {
        let store = open_with_short_log(folder.path()).unwrap();
        for number in 0..round {
            store.commit(put(key("a", number), format!("{round}").repeat(300))).await.unwrap();
        }
        if round % 7 == 0 {
            let mut changeset = Changeset::default();
            (0..round).for_each(|number| changeset.remove(key("a", number)));
            store.commit(changeset).await.unwrap();
        }
        drop(store);
        let store = open_with_short_log(folder.path()).unwrap();
        let found = store.scan(&KeyRange::under(&Key::in_sandbox("a")), Direction::Ascending, 100).await.unwrap();
        let texts: Vec<&[u8]> = found.iter().map(|(_, document)| &*document.bytes).collect();
        let wanted = format!("{round}").repeat(300);
        let wanted = vec![wanted.as_bytes(); if round % 7 == 0 { 0 } else { usize::try_from(round).unwrap() }];
        assert_eq!(texts, wanted, "round {round}");
        assert_eq!(store.get(&key("a", 0)).await.unwrap().is_some(), round % 7 != 0);
    }
}

#[tokio::test]
async fn no_page_leaves_the_log_for_a_file_that_is_not_synced() {
    let folder = tempfile::tempdir().unwrap();
    let strays = Arc::new(AtomicUsize::new(0));
    let after_sync = {
        let (blobs, strays) = (folder.path().join("sled/blobs"), Arc::clone(&strays));
        Arc::new(move |_synced| {
            strays.fetch_add(fs::read_dir(&blobs).unwrap().count(), Ordering::Relaxed);
        })
    };
    let options = SledOptions { after_sync: Some(after_sync), log_bytes: 1, ..SledOptions::default() };
    let store = SledStore::open(folder.path(), options).unwrap();
    // The worst case: the longest keys, with nothing in common, and the largest documents that are not cut up.
    let long_key = |number: u32| {
        let spread = number.wrapping_mul(0x9E37_79B9).to_be_bytes();
        Key::from_bytes(spread.iter().copied().cycle().take(1024).collect())
    };
    for round in 0..12_u32 {
        let mut changeset = Changeset::default();
        (0..600).for_each(|number| changeset.put(long_key(number), vec![1; 5 * 1024]));
        store.commit(changeset).await.unwrap();
        // Removing some makes pages merge.
        let mut changeset = Changeset::default();
        (0..600).filter(|number| number % 12 != round).for_each(|number| changeset.remove(long_key(number)));
        store.commit(changeset).await.unwrap();
    }
    assert_eq!(strays.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_key_that_is_too_long_is_refused_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let error = store.commit(put(Key::from_bytes(vec![b'k'; 1025]), "x")).await.unwrap_err();
    assert!(error.to_string().contains("1025 bytes; 1024 is the most"), "{error}");
    store.commit(put(key("a", 1), "x")).await.unwrap();
}

#[tokio::test]
async fn a_folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    store.commit(put(key("a", 1), "one")).await.unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    // The one that has it is none the worse.
    store.commit(put(key("a", 1), "two")).await.unwrap();
    assert_eq!(store.get(&key("a", 1)).await.unwrap(), Some(document(2, "two")));
}

#[tokio::test]
async fn a_folder_with_files_of_something_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "chapter one").unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let error = open(&folder.path().join("thesis.tex")).unwrap_err();
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    let error = open(&folder.path().join("thesis.tex/data")).unwrap_err();
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_an_empty_and_a_freshly_formatted_folder_are_fine() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("formatted/lost+found")).unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for name in ["formatted", "empty", "missing/by/far"] {
        open(&folder.path().join(name)).unwrap().commit(put(key("a", 1), "one")).await.unwrap();
        assert_eq!(open(&folder.path().join(name)).unwrap().get(&key("a", 1)).await.unwrap(), Some(document(1, "one")));
    }
}

#[tokio::test]
async fn a_store_that_has_been_emptied_is_refused() {
    type Damage = fn(&Path);
    let ways: [(&str, Damage); 3] = [
        ("all of sled's files are gone", |sled| fs::remove_dir_all(sled).unwrap()),
        ("the data file is empty", |sled| fs::write(sled.join("db"), "").unwrap()),
        ("a new data file is in its place", |sled| {
            fs::remove_dir_all(sled).unwrap();
            let new = tempfile::tempdir().unwrap();
            drop(open(new.path()).unwrap());
            fs::create_dir_all(sled.join("blobs")).unwrap();
            for name in ["db", "conf"] {
                fs::copy(new.path().join("sled").join(name), sled.join(name)).unwrap();
            }
        }),
    ];
    for (way, damage) in ways {
        for close in [true, false] {
            let folder = with_commits_in_tree(3, close).await;
            damage(&folder.path().join("sled"));
            let error = open(folder.path()).unwrap_err();
            assert!(matches!(error, OpenError::Lost { known: 3, found: 0, .. }), "{way}: {error:?}");
            assert!(error.to_string().contains("lost commits: 0 are there of at least 3"), "{way}: {error}");
        }
    }
}

#[tokio::test]
async fn a_store_whose_tree_or_log_is_older_than_the_rest_is_refused() {
    for (part, known, found) in [("sled", 13, 2), ("log", 13, 12)] {
        let folder = with_commits_in_tree(3, true).await;
        let files = || fs::read_dir(folder.path().join(part)).unwrap().map(|entry| entry.unwrap().path());
        let old: Vec<_> =
            files().filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        let store = open_with_short_log(folder.path()).unwrap();
        for number in 0..10 {
            store.commit(put(key("a", 99 + number), "later")).await.unwrap();
        }
        store.close().await.unwrap();
        files().filter(|path| path.is_file()).for_each(|path| fs::remove_file(path).unwrap());
        old.into_iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
        match open(folder.path()).unwrap_err() {
            OpenError::Lost { known: k, found: f, .. } => assert_eq!((k, f), (known, found), "{part}"),
            other => panic!("{part}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_store_without_its_log_is_refused() {
    let folder = with_commits(3, true).await;
    fs::remove_file(folder.path().join("log/2")).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("a file of the log is missing"), "{error}");
}

#[tokio::test]
async fn garbage_in_place_of_the_data_is_refused() {
    for (way, damage) in [("noise", 0xA7_u8), ("zeros", 0)] {
        let folder = with_commits_in_tree(50, true).await;
        let length = fs::metadata(folder.path().join("sled/db")).unwrap().len();
        fs::write(folder.path().join("sled/db"), vec![damage; usize::try_from(length).unwrap()]).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Lost { .. } | OpenError::Damaged { .. }), "{way}: {error:?}");
    }
}

#[tokio::test]
async fn a_marker_of_another_format_is_refused() {
    for other in [2, 4] {
        let folder = with_commits(1, true).await;
        fs::write(folder.path().join(MARKER), format!(r#"{{"format":{other},"shards":[]}}"#)).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::OtherFormat { found, known: 3, .. } if found == other), "{error:?}");
        assert!(error.to_string().contains("use the version that wrote it"), "{error}");
    }
}

#[tokio::test]
async fn a_marker_that_makes_no_sense_is_refused() {
    for text in ["", "format 1", r#"{"format":3}"#] {
        let folder = with_commits(1, true).await;
        fs::write(folder.path().join(MARKER), text).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{text:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_folder_whose_making_was_cut_short_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(MARKER), "").unwrap();
    open(folder.path()).unwrap().commit(put(key("a", 1), "one")).await.unwrap();
    assert_eq!(open(folder.path()).unwrap().get(&key("a", 1)).await.unwrap(), Some(document(1, "one")));
}

#[tokio::test]
async fn the_marker_follows_the_commits_and_reads_well() {
    let folder = with_commits(2_500, false).await;
    let marker = fs::read_to_string(folder.path().join(MARKER)).unwrap();
    assert_eq!(marker.len(), 512);
    let marker: serde_json::Value = serde_json::from_str(&marker).unwrap();
    assert_eq!(marker["last_commit"], 2_500);
    assert_eq!(marker["format"], 3);
    assert!(marker["created"].as_str().unwrap().starts_with("20"), "{marker}");
    assert!(marker["created_by"].as_str().unwrap().starts_with("rehearsal "), "{marker}");
}

#[tokio::test]
async fn documents_stay_in_order_over_reopening() {
    let folder = with_commits(2_500, true).await;
    let store = open(folder.path()).unwrap();
    let range = KeyRange::under(&Key::in_sandbox("a"));
    let found = store.scan(&range, Direction::Descending, usize::MAX).await.unwrap();
    assert!(found.into_iter().map(|(key, _)| key).eq((0..2_500).rev().map(|number| key("a", number))));
}

fn open(path: &Path) -> Result<SledStore, OpenError> {
    SledStore::open(path, SledOptions::default())
}

/// As [`open`], and with each commit what was before it is brought into sled's tree.
fn open_with_short_log(path: &Path) -> Result<SledStore, OpenError> {
    SledStore::open(path, SledOptions { log_bytes: 1, ..SledOptions::default() })
}

/// A folder with a store that has seen so many commits.
async fn with_commits(commits: u64, close: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let pending = (0..commits).map(|number| store.commit(put(key("a", number), format!("{number}"))));
    for result in futures_util::future::join_all(pending).await {
        result.unwrap();
    }
    if close {
        store.close().await.unwrap();
    }
    folder
}

/// A folder with a store that has seen so many commits, and has all but the last in sled's tree.
async fn with_commits_in_tree(commits: u64, close: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open_with_short_log(folder.path()).unwrap();
    for number in 0..commits {
        store.commit(put(key("a", number), format!("{number}"))).await.unwrap();
    }
    if close {
        store.close().await.unwrap();
    }
    folder
}
