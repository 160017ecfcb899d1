//! The disk is full: a commit that finds no room is refused, and so is every later one, but nothing acknowledged is
//! lost.
//!
//! A limit on the size of files stands for the full disk: sled's write fails half-way, as it does there, and neither a
//! file system of one's own nor any rights are needed. The limit holds for a process, so the test runs itself as a
//! child.

use std::{
    env,
    ffi::OsStr,
    path::Path,
    process::{Command, Output},
};

use rehearsal::store::{CommitError, SledOptions, SledStore, Store, StoreError};
use serde_json::json;

use super::{document, key, put};
use crate::kill::Process;

const FOLDER: &str = "REHEARSAL_TEST_FULL_DISK";
const LOG_BYTES: &str = "REHEARSAL_TEST_LOG_BYTES";

#[tokio::test]
async fn a_full_disk_refuses_commits_and_loses_none() {
    // Limits that fall into the middle of a page, at the end of one, and some way along; with a log that is full first, and with
    // one that is kept so short that sled's file is.
    for (limit_kib, log_bytes) in [256, 1_001, 3_072].into_iter().flat_map(|limit| [(limit, 4 << 20), (limit, 20_000)])
    {
        let folder = tempfile::tempdir().unwrap();
        let child = run_child(folder.path(), limit_kib, log_bytes);
        let output = [child.stdout.as_slice(), &child.stderr].map(String::from_utf8_lossy).concat();
        assert!(child.status.success(), "{output}");
        let acknowledged = output.lines().find_map(|line| line.split_once("acknowledged: ")).expect(&output).1;
        let acknowledged: u64 = acknowledged.trim().parse().unwrap();
        assert!(acknowledged > 0, "{output}");

        // There is room again.
        let store = SledStore::open(folder.path(), SledOptions::default()).unwrap();
        for number in 0..acknowledged {
            let found = store.get(&key("a", number)).await.unwrap();
            assert_eq!(found, Some(document(1, text(number))), "{number} of {acknowledged}");
        }
        store.commit(put(key("a", acknowledged + 10), "goes on")).await.unwrap();
        store.close().await.unwrap();
    }
}

/// Whoever watches a server is told that it needs a new start.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_disk_was_full_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start_with_files_up_to(512, folder.path());
    let http = reqwest::Client::new();
    let ready = async || http.get(format!("{}/readyz", server.base)).send().await.unwrap().status();
    let buy = async || {
        let wish = json!({ "customer": "northwind", "offer": "contoso-crm", "plan": "team", "quantity": 5 });
        let url = format!("{}/sim/v1/sandboxes/default/purchases", server.base);
        http.post(url).json(&wish).send().await.unwrap().status()
    };
    assert_eq!(ready().await, 200);
    let mut bought = 0;
    while buy().await == 201 {
        bought += 1;
        assert!(bought < 10_000, "the disk is never full");
    }
    assert_eq!((buy().await.as_u16(), ready().await.as_u16()), (503, 503));
    drop(server);
    let server = Process::start_with(folder.path(), &[]);
    assert_eq!(http.get(format!("{}/readyz", server.base)).send().await.unwrap().status(), 200);
}

/// The child's part. Run by itself it has no folder to fill, and nothing to say.
#[tokio::test(flavor = "multi_thread")]
async fn child_of_the_full_disk_test() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let log_bytes = env::var_os(LOG_BYTES).unwrap().to_str().unwrap().parse().unwrap();
    let options = SledOptions { log_bytes, ..SledOptions::default() };
    let store = SledStore::open(Path::new(&folder), options).unwrap();
    let mut acknowledged = 0;
    store.takes_commits().unwrap();
    let first_error = loop {
        match store.commit(put(key("a", acknowledged), text(acknowledged))).await {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(first_error, CommitError::Store(StoreError::Engine(_))), "{first_error:?}");
    assert!(first_error.to_string().contains("File too large"), "{first_error}");
    // What failed does not show and what was acknowledged does, as far as sled can still read at all.
    for number in 0..=acknowledged {
        match store.get(&key("a", number)).await {
            Ok(found) => assert_eq!(found, (number < acknowledged).then(|| document(1, text(number)))),
            Err(error) => assert_eq!(error.to_string(), first_error.to_string()),
        }
    }
    // Even what would need no room is refused, and for the same reason.
    for _ in 0..3 {
        let error = store.commit(put(key("a", 0), "tiny")).await.unwrap_err();
        assert_eq!(error.to_string(), first_error.to_string());
        assert_eq!(store.takes_commits().unwrap_err().to_string(), first_error.to_string());
    }
    assert_eq!(store.close().await.unwrap_err().to_string(), first_error.to_string());
    println!("\nacknowledged: {acknowledged}");
}

/// A program to be run with a limit on the size of files. The signal that comes with the limit is ignored, so that the write
/// fails instead.
pub(crate) fn with_files_up_to(limit_kib: u32, program: impl AsRef<OsStr>) -> Command {
    let blocks = limit_kib * 2;
    let mut command = Command::new("sh");
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"]).arg(program);
    command
}

/// Runs this very program.
fn run_child(folder: &Path, limit_kib: u32, log_bytes: u64) -> Output {
    with_files_up_to(limit_kib, env::current_exe().unwrap())
        .args(["--exact", "stores::disk_full::child_of_the_full_disk_test", "--nocapture"])
        .env(FOLDER, folder)
        .env(LOG_BYTES, log_bytes.to_string())
        .output()
        .unwrap()
}

fn text(number: u64) -> String {
    format!("document {number} ").repeat(100)
}
