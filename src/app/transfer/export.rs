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
        let root = Space::new(&space).root();
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
        moved.sandboxes.push((id, documents));
    }
    writer.end()?;
    Ok(moved)
}
