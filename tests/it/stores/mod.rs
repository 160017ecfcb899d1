//! Every store passes the same suite; the embedded one also survives what happens to disks.

mod conformance;
#[cfg(unix)]
pub(crate) mod disk_full;
mod power_cut;
mod shared;
mod sled_folder;

use std::sync::Arc;

use rehearsal::store::{
    Changeset, DatabaseUrl, Document, Key, MemoryStore, PostgresStore, SledOptions, SledStore, Store, Version,
};
use tempfile::TempDir;

use crate::postgres::Database;

/// An engine, opened empty for one test.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    /// Go when the test does.
    _folder: Option<TempDir>,
    _database: Option<Database>,
}

async fn memory() -> Opened {
    Opened { store: Arc::new(MemoryStore::new()), _folder: None, _database: None }
}

async fn sled() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(&folder.path().join("data"), SledOptions::default()).unwrap();
    Opened { store: Arc::new(store), _folder: Some(folder), _database: None }
}

async fn postgres() -> Opened {
    let database = Database::new().await;
    let store = PostgresStore::connect(&DatabaseUrl::new(&database.url())).await.unwrap();
    Opened { store: Arc::new(store), _folder: None, _database: Some(database) }
}

/// Makes a test of each case for each engine. Another engine is one more line in `mod engines`.
macro_rules! conformance {
    ($($case:ident)*) => {
        conformance!(@engine memory [$($case)*]);
        conformance!(@engine sled [$($case)*]);
        conformance!(@engine postgres [$($case)*]);
    };
    (@engine $engine:ident [$($case:ident)*]) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let opened = super::$engine().await;
                    super::conformance::$case(&opened.store).await;
                }
            )*
        }
    };
}

conformance! {
    what_was_never_written_is_not_there
    a_document_reads_back_with_its_version
    what_is_created_is_a_document_like_any_other
    what_is_replaced_counts_on
    a_key_that_is_too_long_is_refused_alone
    removing_what_is_not_there_is_no_error
    an_empty_document_is_a_document
    a_commit_expecting_absence_is_refused_where_something_is
    a_commit_expecting_a_version_is_refused_at_another_one
    a_refused_commit_leaves_nothing_behind
    a_changeset_of_expectations_alone_is_checked
    commits_made_at_the_same_time_each_stand_alone
    a_scan_goes_in_key_order_both_ways
    a_scan_goes_on_where_it_stopped
    a_scan_of_an_empty_or_reversed_range_finds_nothing
    a_range_holds_one_sandbox_only
    concurrent_writers_lose_no_update
    a_scan_sees_a_commit_whole_or_not_at_all
    a_claim_leaves_out_what_is_claimed
    a_released_document_can_be_claimed_again
    a_removed_document_is_claimed_no_more
    concurrent_claims_share_out_the_documents
    large_documents_are_kept_rewritten_and_removed
    many_documents_are_kept_in_order
    a_closed_store_says_so
    commits_are_counted
}

/// The key of a numbered document of a sandbox.
fn key(sandbox: &str, number: u64) -> Key {
    Key::in_sandbox(sandbox).text("doc").number(number)
}

/// A changeset that writes one document.
fn put(key: Key, bytes: impl Into<Vec<u8>>) -> Changeset {
    let mut changeset = Changeset::default();
    changeset.put(key, bytes.into());
    changeset
}

fn document(version: u64, bytes: impl AsRef<[u8]>) -> Document {
    Document { version: Version(version), bytes: bytes.as_ref().into() }
}
