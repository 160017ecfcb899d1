//! A file into a store. The file is read three times: whether it is whole, to write it, and to see that it was written.
//!
//! What is written is marked as garbage until the sandbox is taken in, which is one commit: a server that finds a half-written
//! one removes it, unless its mark is claimed by whoever is still writing.

use std::{io::BufRead, sync::Arc};

use super::{
    super::{
        desk::{decode, encode},
        holds::{BrokenOff, Hold},
        keys::{self, Space},
        registry::{registered, sandbox_record},
    },
    Moved, TransferError,
    file::{Piece, Reader},
};
use crate::{
    domain::ids::SandboxId,
    store::{Changeset, Direction, Expectation, Key, KeyRange, Store},
};

/// Documents written, or read back, at once.
const CHUNK: usize = 500;

/// Takes in the sandboxes of these names, or all if none is named. `open` opens the file anew; `progress` hears how many documents were
/// written.
///
/// # Errors
/// [`TransferError`]; no sandbox is taken in half.
pub async fn import<R: BufRead + Send>(
    store: &Arc<dyn Store>,
    only: &[SandboxId],
    open: &(dyn Fn() -> std::io::Result<R> + Send + Sync),
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Moved, TransferError> {
    let is_wanted = |id: &SandboxId| only.is_empty() || only.contains(id);
    let names = whole(open()?)?;
    if let Some(asked) = only.iter().find(|name| !names.contains(name)) {
        let known: Vec<&str> = names.iter().map(SandboxId::as_str).collect();
        return Err(TransferError::UnknownSandbox { asked: asked.clone(), known: known.join(", ") });
    }
    let present = registered(&**store).await?;
    if let Some((id, _)) = present.into_iter().find(|(id, _)| names.contains(id) && is_wanted(id)) {
        return Err(TransferError::SandboxExists(id));
    }
    let mut reader = Reader::begin(open()?)?;
    let mut signing_keys = None;
    let mut target: Option<Target> = None;
    let mut targets: Vec<Target> = Vec::new();
    let mut written = 0;
    while let Some(piece) = reader.next()? {
        match piece {
            Piece::SigningKeys(body) => signing_keys = Some(body).filter(|_| only.is_empty()),
            Piece::Sandbox(id) => {
                if let Some(done) = target.take() {
                    targets.push(done.finished(&**store).await?);
                }
                target = if is_wanted(&id) { Some(Target::begin(store, id).await?) } else { None };
            }
            Piece::Document { key, body } => {
                if let Some(target) = &mut target {
                    target.add(&**store, &key, body).await?;
                    written += 1;
                    if written % 1000 == 0 {
                        progress(written);
                    }
                }
            }
        }
    }
    if let Some(done) = target.take() {
        targets.push(done.finished(&**store).await?);
    }
    read_back(&**store, &targets, open()?).await?;
    take_in(&**store, &targets, signing_keys).await?;
    Ok(Moved { sandboxes: targets.into_iter().map(|target| (target.id, target.documents)).collect() })
}

/// Reads a file to its end; gives the names of the sandboxes in it.
fn whole(file: impl BufRead) -> Result<Vec<SandboxId>, TransferError> {
    let mut reader = Reader::begin(file)?;
    let mut names = Vec::new();
    while let Some(piece) = reader.next()? {
        if let Piece::Sandbox(id) = piece {
            names.push(id);
        }
    }
    Ok(names)
}

/// A sandbox on its way in.
struct Target {
    id: SandboxId,
    space: Space,
    documents: u64,
    /// What is not written yet.
    waiting: Changeset,
    /// The mark's, so that no server takes it for something that was left behind.
    _hold: Hold,
}

impl Target {
    /// Gets a space that no sandbox of the store has had, and marks it as garbage.
    async fn begin(store: &Arc<dyn Store>, id: SandboxId) -> Result<Self, TransferError> {
        loop {
            let space = Self::mark(&**store, &id).await?;
            let marker = KeyRange::under(&keys::garbage(space.name()));
            let claimed = store.claim(&marker, 1).await?;
            if !claimed.is_empty() {
                let hold = Hold::on(store, &claimed, BrokenOff::GivenBack);
                return Ok(Self { id, space, documents: 0, waiting: Changeset::default(), _hold: hold });
            }
            // A server was faster, and has found nothing to remove.
        }
    }

    async fn mark(store: &dyn Store, id: &SandboxId) -> Result<Space, TransferError> {
        let counter = keys::newest_space();
        let found = store.get(&counter).await?;
        let newest: u64 = match &found {
            Some(found) => decode(&counter, &found.bytes)?,
            None => 0,
        };
        let number = newest.saturating_add(1);
        let space = Space::new(&format!("{id}:{number}"));
        let mut changeset = Changeset::default();
        changeset.expect(counter.clone(), found.map_or(Expectation::Absent, |found| Expectation::At(found.version)));
        changeset.put(counter.clone(), encode(&counter, &number)?);
        changeset.put(keys::garbage(space.name()), Vec::new());
        store.commit(changeset).await?;
        Ok(space)
    }

    fn key(&self, rest: &[u8]) -> Key {
        Key::from_bytes([self.space.root().as_bytes(), rest].concat())
    }

    async fn add(&mut self, store: &dyn Store, rest: &[u8], body: Vec<u8>) -> Result<(), TransferError> {
        self.waiting.put(self.key(rest), body);
        self.documents += 1;
        if self.waiting.writes.len() >= CHUNK { self.write(store).await } else { Ok(()) }
    }

    async fn write(&mut self, store: &dyn Store) -> Result<(), TransferError> {
        Ok(store.commit(std::mem::take(&mut self.waiting)).await?)
    }

    async fn finished(mut self, store: &dyn Store) -> Result<Self, TransferError> {
        self.write(store).await?;
        Ok(self)
    }
}

/// Compares each document with the file, in the order of both.
async fn read_back(store: &dyn Store, targets: &[Target], file: impl BufRead) -> Result<(), TransferError> {
    let mut reader = Reader::begin(file)?;
    let mut at: Option<Comparison<'_>> = None;
    while let Some(piece) = reader.next()? {
        match piece {
            Piece::SigningKeys(_) => {}
            Piece::Sandbox(id) => {
                if let Some(done) = at.take() {
                    done.ends(store).await?;
                }
                at = targets.iter().find(|target| target.id == id).map(Comparison::of);
            }
            Piece::Document { key, body } => {
                if let Some(at) = &mut at {
                    at.compare(store, &key, &body).await?;
                }
            }
        }
    }
    match at {
        Some(last) => last.ends(store).await,
        None => Ok(()),
    }
}

struct Comparison<'a> {
    target: &'a Target,
    range: KeyRange,
    /// What was read ahead, the next one last.
    ahead: Vec<(Key, Arc<[u8]>)>,
}

impl<'a> Comparison<'a> {
    fn of(target: &'a Target) -> Self {
        Self { target, range: KeyRange::under(&target.space.root()), ahead: Vec::new() }
    }

    async fn next(&mut self, store: &dyn Store) -> Result<Option<(Key, Arc<[u8]>)>, TransferError> {
        if self.ahead.is_empty() {
            let found = store.scan(&self.range, Direction::Ascending, CHUNK).await?;
            if let Some((last, _)) = found.last() {
                self.range = self.range.clone().after(last);
            }
            self.ahead = found.into_iter().rev().map(|(key, document)| (key, document.bytes)).collect();
        }
        Ok(self.ahead.pop())
    }

    async fn compare(&mut self, store: &dyn Store, rest: &[u8], body: &[u8]) -> Result<(), TransferError> {
        let wanted = self.target.key(rest);
        match self.next(store).await? {
            Some((key, found)) if key == wanted && *found == *body => Ok(()),
            _ => Err(TransferError::Different(self.target.id.clone())),
        }
    }

    async fn ends(mut self, store: &dyn Store) -> Result<(), TransferError> {
        match self.next(store).await? {
            None => Ok(()),
            Some(_) => Err(TransferError::Different(self.target.id.clone())),
        }
    }
}

/// Takes all sandboxes in at once: from now on a server opens them. So are the signing keys, unless the store has its own:
/// tokens of the old server stay good then.
async fn take_in(store: &dyn Store, targets: &[Target], signing_keys: Option<Vec<u8>>) -> Result<(), TransferError> {
    let mut changeset = Changeset::default();
    let key = keys::signing_keys();
    if let Some(body) = signing_keys
        && store.get(&key).await?.is_none()
    {
        changeset.expect(key.clone(), Expectation::Absent);
        changeset.put(key, body);
    }
    for target in targets {
        let key = keys::sandbox(&target.id);
        changeset.expect(key.clone(), Expectation::Absent);
        changeset.put(key.clone(), encode(&key, &sandbox_record(&target.space))?);
        changeset.remove(keys::garbage(target.space.name()));
    }
    Ok(store.commit(changeset).await?)
}
