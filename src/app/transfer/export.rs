//! A store into a file.

use std::io::Write;

use super::{
    super::{
        keys::{self, Space},
        registry::registered,
    },
    Moved, TransferError,
    file::{Piece, Writer},
};
use crate::{
    domain::ids::SandboxId,
    store::{Direction, KeyRange, Store},
};

/// Documents read at once.
const CHUNK: usize = 500;

/// Writes the sandboxes of these names, or everything if none is named. `progress` hears how many documents there are so far.
///
/// # Errors
/// [`TransferError`]; the file is of no use then.
pub async fn export(
    store: &dyn Store,
    only: &[SandboxId],
    out: &mut (dyn Write + Send),
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Moved, TransferError> {
    let all = registered(store).await?;
    if let Some(asked) = only.iter().find(|name| all.iter().all(|(id, _)| id != *name)) {
        let known: Vec<&str> = all.iter().map(|(id, _)| id.as_str()).collect();
        return Err(TransferError::UnknownSandbox { asked: asked.clone(), known: known.join(", ") });
    }
    let mut writer = Writer::begin(out)?;
    if only.is_empty()
        && let Some(found) = store.get(&keys::signing_keys()).await?
    {
        writer.add(&Piece::SigningKeys(found.bytes.to_vec()))?;
    }
    let mut moved = Moved::default();
    for (id, space) in all.into_iter().filter(|(id, _)| only.is_empty() || only.contains(id)) {
        writer.add(&Piece::Sandbox(id.clone()))?;
        let space = Space::new(&space);
        let root = space.root();
        // Each commit of a sandbox writes its head: while that is the same, all of it is of one moment.
        let head = store.get(&space.head()).await?;
        let mut range = KeyRange::under(&root);
        let (mut documents, before) = (0, moved.documents());
        loop {
            let found = store.scan(&range, Direction::Ascending, CHUNK).await?;
            let Some((last, _)) = found.last() else { break };
            range = range.after(last);
            for (key, document) in &found {
                let key = root.rest_of(key).unwrap_or_default().to_vec();
                writer.add(&Piece::Document { key, body: document.bytes.to_vec() })?;
                documents += 1;
            }
            progress(before + documents);
        }
        if store.get(&space.head()).await? != head {
            return Err(TransferError::Changed(id));
        }
        moved.sandboxes.push((id, documents));
    }
    writer.end()?;
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::{
        app::{desk::encode, registry::sandbox_record},
        store::{Changeset, Key, MemoryStore},
    };

    /// A file; a server at work writes a document each time that the file is written to.
    struct Meanwhile(Arc<MemoryStore>, Key);

    impl Write for Meanwhile {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.commit(put(&self.1)).now_or_never().unwrap().unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn put(key: &Key) -> Changeset {
        let mut changeset = Changeset::default();
        changeset.put(key.clone(), b"1".to_vec());
        changeset
    }

    #[tokio::test]
    async fn what_changes_meanwhile_is_not_exported_half() {
        let store = Arc::new(MemoryStore::new());
        let (id, space) = (SandboxId::default_sandbox(), Space::new("default:1"));
        let registered = keys::sandbox(&id);
        let mut changeset = put(&space.head());
        changeset.put(registered.clone(), encode(&registered, &sandbox_record(&space)).unwrap());
        store.commit(changeset).await.unwrap();
        let elsewhere = Space::new("another:2").head();
        for (written, is_whole) in [(elsewhere, true), (space.head(), false)] {
            let mut file = Meanwhile(Arc::clone(&store), written);
            let exported = export(&*store, &[], &mut file, &|_| ()).await;
            assert_eq!(exported.is_ok(), is_whole);
            assert!(is_whole || matches!(exported, Err(TransferError::Changed(changed)) if changed == id));
        }
    }
}
