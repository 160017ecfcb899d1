//! The desk at which commands are decided: reads documents on top of what earlier commands of the batch wrote, and
//! collects what this one writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    error::AppError,
    journal::{Entry, Player, What},
    journal_pages::JournalPages,
    journal_pointers,
    keys::Space,
    list_pages::{ListPages, ListPlace, Listed},
    sandbox::{Head, World},
};
use crate::{
    domain::{audit::Actor, event::Seq, ids::SubscriptionId, subscription::Context, time::Timestamp},
    store::{Changeset, Direction, Document, Expectation, Key, KeyRange, Store, Version, Write},
};

/// What a batch writes that is on its way to the disk, as it will be there, for the batch after it to build on.
#[derive(Debug, Default)]
pub(super) struct UnderWay(BTreeMap<Key, Option<Document>>);

/// One batch of commands at work.
pub(crate) struct Desk<'a> {
    store: &'a dyn Store,
    /// The sandbox's own constants.
    pub(crate) world: &'a World,
    /// Seed, clock and counters; a command may move the clock.
    pub(crate) head: Head,
    head_expectation: Expectation,
    /// The machine's time when the running command was taken up.
    pub(crate) wall: Timestamp,
    /// What the batch before this one writes, as long as the store does not show it.
    under_way: &'a UnderWay,
    /// What the store held when the batch first read it.
    read: BTreeMap<Key, Option<Document>>,
    /// What the batch has written so far; `None` for what it removes.
    written: BTreeMap<Key, Option<Arc<[u8]>>>,
    /// What the running command has written so far.
    staged: BTreeMap<Key, Option<Arc<[u8]>>>,
    /// The head as the commands before the running one left it.
    kept_head: Head,
    /// Who acts for a partner in the running command.
    pub(crate) actor: Option<Actor>,
    entries: Vec<Entry>,
    journal: JournalPages,
    listed: Vec<(Key, ListPlace, Vec<u8>)>,
    lists: ListPages,
    /// Whether there is anything to commit: a clock that merely ran on is no change.
    changed: bool,
}

impl<'a> Desk<'a> {
    pub(super) fn open(
        store: &'a dyn Store,
        world: &'a World,
        head: &Head,
        expectation: Expectation,
        under_way: &'a UnderWay,
    ) -> Self {
        Self {
            store,
            world,
            head: head.clone(),
            head_expectation: expectation,
            wall: head.last_moment,
            under_way,
            read: BTreeMap::new(),
            written: BTreeMap::new(),
            staged: BTreeMap::new(),
            kept_head: head.clone(),
            actor: None,
            entries: Vec::new(),
            journal: JournalPages::default(),
            listed: Vec::new(),
            lists: ListPages::default(),
            changed: false,
        }
    }

    /// The sandbox's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.head.now(self.wall)
    }

    /// What a decision needs to know besides the state.
    pub(crate) fn context(&self) -> Context {
        Context { now: self.now(), first_entry: self.next_entry(), rules: self.head.rules }
    }

    /// The keys of the sandbox.
    pub(crate) fn space(&self) -> &'a Space {
        &self.world.space
    }

    /// The entry that will be written next.
    pub(crate) const fn next_entry(&self) -> Seq {
        self.head.next_entry
    }

    /// A number for a record of an activity log that no other record of the sandbox has.
    pub(crate) const fn new_audit_number(&mut self) -> u64 {
        self.head.audit_records = self.head.audit_records.saturating_add(1);
        self.head.audit_records
    }

    /// A document, as the commands before this one left it, and this one so far.
    pub(crate) async fn get(&mut self, key: &Key) -> Result<Option<Arc<[u8]>>, AppError> {
        if let Some(known) = self.known(key) {
            return Ok(known);
        }
        let document = self.store.get(key).await?;
        let bytes = document.as_ref().map(|document| Arc::clone(&document.bytes));
        self.read.insert(key.clone(), document);
        Ok(bytes)
    }

    /// A document that the store need not be asked for; `None` if it has to be.
    fn known(&self, key: &Key) -> Option<Option<Arc<[u8]>>> {
        if let Some(written) = self.staged.get(key).or_else(|| self.written.get(key)) {
            return Some(written.clone());
        }
        self.found(key).map(|found| found.map(|document| Arc::clone(&document.bytes)))
    }

    /// A document as the batch found it; `None` if it has not looked.
    fn found(&self, key: &Key) -> Option<Option<&Document>> {
        self.under_way.0.get(key).or_else(|| self.read.get(key)).map(Option::as_ref)
    }

    /// The version of a document that the batch has not written; its version after the batch, if it has.
    pub(crate) async fn version(&mut self, key: &Key) -> Result<Option<Version>, AppError> {
        let present = self.get(key).await?.is_some();
        let stored = self.found(key).flatten().map(|document| document.version);
        let rewritten = self.staged.contains_key(key) || self.written.contains_key(key);
        Ok(present.then(|| match (stored, rewritten) {
            (Some(version), false) => version,
            (Some(version), true) => version.next(),
            (None, _) => Version(1),
        }))
    }

    /// The first documents of a range, as the commands before this one left them, and this one so far. What is found is still
    /// so at the commit, because every commit of a sandbox names its head.
    pub(crate) async fn scan(&self, range: &KeyRange, limit: usize) -> Result<BTreeMap<Key, Arc<[u8]>>, AppError> {
        let from = || range.start.clone()..;
        let under_way = self.under_way.0.range(from()).map(|(key, now)| (key, now.as_ref().map(|now| &now.bytes)));
        let since = self.written.range(from()).chain(self.staged.range(from())).map(|(key, now)| (key, now.as_ref()));
        let later = under_way.chain(since).filter(|(key, _)| range.end.as_ref().is_none_or(|end| *key < end));
        let pending: BTreeMap<&Key, Option<&Arc<[u8]>>> = later.collect();
        // Each document that is on its way out could hide one that is not.
        let wanted = limit.saturating_add(pending.len());
        let stored = self.store.scan(range, Direction::Ascending, wanted).await?;
        let mut found: BTreeMap<_, _> = stored.into_iter().map(|(key, document)| (key, document.bytes)).collect();
        for (key, now) in pending {
            match now {
                Some(bytes) => found.insert(key.clone(), Arc::clone(bytes)),
                None => found.remove(key),
            };
        }
        Ok(found.into_iter().take(limit).collect())
    }

    /// Finds out whether there is a document that is going to be written or removed whatever is there.
    pub(crate) async fn look_at(&mut self, key: &Key) -> Result<(), AppError> {
        self.get(key).await.map(drop)
    }

    /// A document, decoded.
    pub(crate) async fn load<T: DeserializeOwned>(&mut self, key: &Key) -> Result<Option<T>, AppError> {
        self.get(key).await?.map(|bytes| decode(key, &bytes)).transpose()
    }

    /// Writes a document. One that was not read before is taken for a new one, whose key has a number of its own.
    pub(crate) fn put<T: Serialize>(&mut self, key: Key, value: &T) -> Result<(), AppError> {
        let bytes = encode(&key, value)?;
        self.put_bytes(key, bytes);
        Ok(())
    }

    /// Writes a document's bytes.
    pub(crate) fn put_bytes(&mut self, key: Key, bytes: impl Into<Arc<[u8]>>) {
        self.staged.insert(key, Some(bytes.into()));
    }

    /// Removes a document. One that was not read before is taken to be there.
    pub(crate) fn remove(&mut self, key: Key) {
        self.staged.insert(key, None);
    }

    /// Writes a journal entry.
    pub(crate) fn note(&mut self, from: Player, subscription: Option<SubscriptionId>, what: What) -> Seq {
        let seq = self.head.next_entry;
        self.head.next_entry = Seq(seq.0.saturating_add(1));
        self.entries.push(Entry { seq, at: self.now(), wall_at: self.wall, subscription, from, what });
        seq
    }

    /// Puts something on a list.
    pub(super) fn list<T: Listed>(&mut self, list: Key, at: Timestamp, item: &T) -> Result<(), AppError> {
        let place = ListPlace { at, number: item.number() };
        let page = place.page(&list);
        if page.is_too_long() {
            return Err(AppError::NameTooLong);
        }
        let bytes = encode(&page, item)?;
        self.listed.push((list, place, bytes));
        Ok(())
    }

    /// Ends a command that failed: what it wrote is forgotten.
    pub(super) fn forget(&mut self) {
        self.actor = None;
        self.entries.clear();
        self.listed.clear();
        self.staged.clear();
        self.head = self.kept_head.clone();
    }

    /// Ends a command: what it wrote counts for the commands after it, and for what is still to be done of this one.
    ///
    /// # Errors
    /// [`AppError::Full`] if it adds documents to a sandbox that may have no more, and may not. [`AppError::NameTooLong`] if a
    /// key is too long for a store, so that nobody else's command fails with this one. [`AppError::Store`] when the store fails.
    pub(super) async fn keep(&mut self, may_overfill: bool) -> Result<(), AppError> {
        if self.staged.keys().any(Key::is_too_long) {
            self.forget();
            return Err(AppError::NameTooLong);
        }
        let added = self.staged.iter().map(|(key, now)| self.adds(key, now.is_some())).sum::<i64>();
        if let Some(documents) = self.is_filled_by()
            && !may_overfill
            && (added > 0 || !self.entries.is_empty())
        {
            self.forget();
            return Err(AppError::Full { documents });
        }
        if let Err(error) = self.look_at_pointers().await {
            self.forget();
            return Err(error);
        }
        self.actor = None;
        let entries = std::mem::take(&mut self.entries);
        let listed = std::mem::take(&mut self.listed);
        let staged = std::mem::take(&mut self.staged);
        self.head.documents = self.head.documents.saturating_add_signed(added);
        self.changed |=
            !entries.is_empty() || !listed.is_empty() || !staged.is_empty() || self.head.clock != self.kept_head.clock;
        self.written.extend(staged);
        for (id, page) in self.journal.add(&self.world.space, &entries)? {
            let open = self.space().journal_of(id);
            let known = self.known(&open).flatten();
            for (key, bytes) in journal_pointers::pointing(&open, page, known.as_deref()) {
                self.add(key, bytes);
            }
        }
        for (list, place, item) in listed {
            self.lists.add(list, place, &item);
        }
        self.head.last_moment = self.now();
        self.kept_head = self.head.clone();
        Ok(())
    }

    /// How many documents the sandbox has, if it may have no more.
    pub(super) fn is_filled_by(&self) -> Option<u64> {
        self.head.quotas.or(self.world.usual_quotas).filled_by(self.head.documents)
    }

    /// Whether the running command has written anything so far.
    pub(super) fn has_changes(&self) -> bool {
        !self.entries.is_empty() || !self.listed.is_empty() || !self.staged.is_empty()
    }

    /// Writes what comes with what a command has written.
    fn add(&mut self, key: Key, bytes: Arc<[u8]>) {
        self.head.documents = self.head.documents.saturating_add_signed(self.adds(&key, true));
        self.written.insert(key, Some(bytes));
    }

    /// Finds out, before anything is kept, what there is of the pointers to the pages that the entries will be in.
    async fn look_at_pointers(&mut self) -> Result<(), AppError> {
        let concerned: BTreeSet<_> = self.entries.iter().filter_map(|entry| entry.subscription).collect();
        for id in concerned {
            // What was written without having been read is new, and so are the pointers to its entries.
            let subscription = self.space().subscription(id);
            let is_new = self.staged.contains_key(&subscription) && self.adds_new(&subscription);
            if !is_new {
                self.look_at(&self.space().journal_of(id)).await?;
            }
        }
        Ok(())
    }

    /// Whether a document that is written was neither read nor written before.
    fn adds_new(&self, key: &Key) -> bool {
        self.found(key).is_none() && !self.written.contains_key(key)
    }

    /// How many documents there are more by a write. What is written without having been read is new, and what is removed so
    /// was there: that is how documents with a number of their own are handled, such as timers.
    fn adds(&self, key: &Key, is_there: bool) -> i64 {
        let was_there = match (self.written.get(key), self.found(key)) {
            (Some(before), _) => before.is_some(),
            (None, Some(found)) => found.is_some(),
            (None, None) => !is_there,
        };
        i64::from(is_there) - i64::from(was_there)
    }

    /// How many documents the batch writes so far.
    pub(super) fn writes(&self) -> usize {
        self.written.len().saturating_add(self.journal.documents()).saturating_add(self.lists.documents())
    }

    /// Everything that the batch writes, on the condition that what it read is still so; `None` if it writes nothing. Every commit
    /// of a sandbox changes its head, so that the head's version alone tells.
    pub(super) fn into_changeset(mut self) -> Result<(Head, Option<(Changeset, UnderWay)>), AppError> {
        if !self.changed {
            return Ok((self.head, None));
        }
        let mut changeset = Changeset::default();
        let head_key = self.space().head();
        changeset.expect(head_key.clone(), self.head_expectation);
        let mut under_way = Vec::with_capacity(self.written.len());
        for (key, written) in std::mem::take(&mut self.written) {
            let before = self.found(&key).flatten().cloned();
            let version = before.as_ref().map_or(Version(1), |before| before.version.next());
            let now = written.map(|bytes| Document { version, bytes });
            let write = match (&now, before) {
                (Some(now), Some(before)) => Write::Replace(before, Arc::clone(&now.bytes)),
                (Some(now), None) => Write::Create(Arc::clone(&now.bytes)),
                (None, _) => Write::Remove,
            };
            under_way.push((key.clone(), now));
            changeset.writes.push((key, write));
        }
        // Nothing decides on the pages of the journal and of lists, so the batch after this one needs none of them.
        let mut pages = self.journal.into_writes(&self.world.space);
        pages.append(&mut self.lists.into_writes());
        let mut head = self.head;
        head.documents = head.documents.saturating_add(u64::try_from(pages.len()).unwrap_or(u64::MAX));
        changeset.writes.append(&mut pages);
        changeset.put(head_key.clone(), encode(&head_key, &head)?);
        Ok((head, Some((changeset, UnderWay(under_way.into_iter().collect())))))
    }
}

/// Bytes of a stored document.
pub(crate) fn encode<T: Serialize>(key: &Key, value: &T) -> Result<Vec<u8>, AppError> {
    serde_json::to_vec(value).map_err(|error| unreadable(key, &error))
}

/// A stored document's value.
pub(crate) fn decode<T: DeserializeOwned>(key: &Key, bytes: &[u8]) -> Result<T, AppError> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(key, &error))
}

fn unreadable(key: &Key, error: &serde_json::Error) -> AppError {
    AppError::Unreadable { key: key.to_string(), reason: error.to_string() }
}
