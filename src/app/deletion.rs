//! Removing what deleted sandboxes have left: in the background, a piece at a time so that nobody else waits long, by one
//! server at a time. Another one takes over when that dies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    desk::{decode, encode},
    error::AppError,
    holds::{BrokenOff, Hold},
    keys::{self, Space},
    registry::{App, store_error},
};
use crate::{
    domain::ids::SandboxId,
    store::{Changeset, Claimed, Direction, Document, Key, KeyRange, Store},
};

/// Documents that are removed in one commit.
const AT_ONCE: usize = 1000;

/// A deleted sandbox whose documents are being removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// The name that it had.
    pub sandbox: SandboxId,
    /// How many of its documents are gone.
    pub removed: u64,
}

/// How far a deletion has come, as it is kept at its marker.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    removed: u64,
}

/// What stands at the marker of a sandbox that is deleted now.
pub(super) fn begun(space: &Space) -> Result<Vec<u8>, AppError> {
    encode(&keys::garbage(space.name()), &Progress::default())
}

impl App {
    /// Deleted sandboxes that are not gone yet.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn deletions(&self) -> Result<Vec<Deletion>, AppError> {
        deletions(&**self.store()).await
    }

    pub(super) fn sweep_in_background(&self) {
        let store = Arc::clone(self.store());
        tokio::spawn(async move {
            if let Err(error) = sweep(&store).await {
                tracing::error!(%error, "documents of deleted sandboxes are left; they are removed later");
            }
        });
    }
}

async fn deletions(store: &dyn Store) -> Result<Vec<Deletion>, AppError> {
    let mut deletions = Vec::new();
    for (marker, document) in store.scan(&KeyRange::under(&keys::garbages()), Direction::Ascending, usize::MAX).await? {
        let name = keys::space_of_garbage(&marker);
        let name = name.as_deref().and_then(|space| space.rsplit_once(':')).and_then(|(name, _)| name.parse().ok());
        if let (Some(sandbox), Some(Progress { removed })) = (name, progress(&marker, &document)?) {
            deletions.push(Deletion { sandbox, removed });
        }
    }
    Ok(deletions)
}

/// What stands at a marker; nothing, at that of a sandbox that is on its way in.
fn progress(marker: &Key, document: &Document) -> Result<Option<Progress>, AppError> {
    if document.bytes.is_empty() { Ok(None) } else { decode(marker, &document.bytes).map(Some) }
}

/// Removes everything that is marked and that nobody else is at.
async fn sweep(store: &Arc<dyn Store>) -> Result<(), AppError> {
    loop {
        let mut claimed = store.claim(&KeyRange::under(&keys::garbages()), 1).await?;
        let hold = Hold::on(store, &claimed, BrokenOff::GivenBack);
        let Some(Claimed { key: marker, document, .. }) = claimed.pop() else { return Ok(()) };
        let Some(space) = keys::space_of_garbage(&marker) else { continue };
        let range = KeyRange::under(&Space::new(&space).root());
        let mut removed = progress(&marker, &document)?.unwrap_or_default().removed;
        loop {
            let left = store.scan(&range, Direction::Ascending, AT_ONCE).await?;
            let mut changeset = Changeset::default();
            if left.is_empty() {
                changeset.remove(marker);
                store.commit(changeset).await.map_err(store_error)?;
                break;
            }
            removed = removed.saturating_add(u64::try_from(left.len()).unwrap_or(u64::MAX));
            for (key, _) in left {
                changeset.remove(key);
            }
            changeset.put(marker.clone(), encode(&marker, &Progress { removed })?);
            store.commit(changeset).await.map_err(store_error)?;
        }
        hold.give_back().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn what_is_left_of_a_sandbox_is_removed_by_whoever_has_its_mark() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (space, other) = (Space::new("team-a:3"), Space::new("team-b:4"));
        let marker = keys::garbage(space.name());
        let mut changeset = Changeset::default();
        // A server has died over it.
        changeset.put(marker.clone(), encode(&marker, &Progress { removed: 1000 }).unwrap());
        changeset.put(keys::garbage(other.name()), Vec::new());
        for number in 0..2500 {
            changeset.put(space.root().number(number), vec![1]);
        }
        changeset.put(other.root().number(1), vec![1]);
        store.commit(changeset).await.unwrap();
        let under_way = vec![Deletion { sandbox: "team-a".parse().unwrap(), removed: 1000 }];
        let left = async |space: &Space| {
            store.scan(&KeyRange::under(&space.root()), Direction::Ascending, 9999).await.unwrap().len()
        };

        let claimed = store.claim(&KeyRange::under(&keys::garbages()), 9).await.unwrap();
        sweep(&store).await.unwrap();
        assert_eq!((left(&space).await, deletions(&*store).await.unwrap()), (2500, under_way));
        assert_eq!(claimed.len(), 2);
        store.release(&marker).await;
        sweep(&store).await.unwrap();
        assert_eq!((left(&space).await, deletions(&*store).await.unwrap()), (0, Vec::new()));
        assert_eq!(left(&other).await, 1, "somebody is still writing it");
    }
}
