//! What can be asked without changing anything. Queries read the store and don't queue.

use std::{hash::Hash, sync::Arc};

use super::{
    desk::decode,
    error::AppError,
    journal::Entry,
    known_subscriptions::{KnownSubscription, LookedAt},
    list_pages::{Indexed, ListPlace},
    lists::Stretch,
    sandbox::Sandbox,
};
use crate::{
    domain::{
        billing::LedgerLine,
        event::Seq,
        ids::{PublisherId, SubscriptionId},
        refusal::Refusal,
        time::Timestamp,
    },
    store::{Direction, Key, KeyRange},
};

/// Journal documents read at once.
const CHUNK: usize = 64;

/// A page of subscriptions.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionList {
    /// The subscriptions.
    pub subscriptions: Vec<Arc<KnownSubscription>>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<ListPlace>,
}

/// Which journal entries are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalFilter {
    /// Only entries with a larger number.
    pub since: Seq,
    /// Only entries of this subscription.
    pub subscription: Option<SubscriptionId>,
    /// Only entries of these kinds; empty for all.
    pub kinds: Vec<String>,
    /// Only entries at this sandbox time or later.
    pub from: Option<Timestamp>,
    /// Only entries before this sandbox time.
    pub until: Option<Timestamp>,
}

/// Some of the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalSlice {
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// The last entry looked at, wanted or not: where to go on.
    pub last_seen: Seq,
    /// The same, if there is more already.
    pub next_since: Option<Seq>,
}

impl Sandbox {
    /// A subscription.
    ///
    /// # Errors
    /// [`Refusal::UnknownSubscription`].
    pub async fn subscription(&self, id: SubscriptionId) -> Result<Arc<KnownSubscription>, AppError> {
        let published = self.published();
        let now = LookedAt { head: published.version, rules: published.rules };
        // A store that others have too may be away, and then has to be heard saying so.
        if self.store.shared().is_none()
            && let Some(known) = self.known_subscriptions.unchanged(id, now)
        {
            return Ok(known);
        }
        let key = self.world.space.subscription(id);
        let document = self.store.get(&key).await?.ok_or(Refusal::UnknownSubscription(id))?;
        self.known_subscriptions.of(id, &key, &document, now)
    }

    /// A subscription of a publisher.
    ///
    /// # Errors
    /// [`Refusal::UnknownSubscription`], [`Refusal::OtherPublisher`].
    pub async fn subscription_of(
        &self,
        publisher: &PublisherId,
        id: SubscriptionId,
    ) -> Result<Arc<KnownSubscription>, AppError> {
        let subscription = self.subscription(id).await?;
        if subscription.publisher == *publisher {
            Ok(subscription)
        } else {
            Err(Refusal::OtherPublisher { subscription: id, publisher: publisher.clone() }.into())
        }
    }

    /// A publisher's subscriptions, oldest first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn subscriptions_of(
        &self,
        publisher: &PublisherId,
        after: Option<ListPlace>,
        limit: usize,
    ) -> Result<SubscriptionList, AppError> {
        self.list(&[self.world.space.by_publisher(publisher)], Direction::Ascending, after, limit).await
    }

    /// All subscriptions, newest first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn newest_subscriptions(
        &self,
        after: Option<ListPlace>,
        limit: usize,
    ) -> Result<SubscriptionList, AppError> {
        let publishers = self.world.catalogue.publishers.iter();
        let indexes: Vec<Key> = publishers.map(|publisher| self.world.space.by_publisher(&publisher.id)).collect();
        self.list(&indexes, Direction::Descending, after, limit).await
    }

    /// A page of the subscriptions of some indexes, in one order.
    async fn list(
        &self,
        indexes: &[Key],
        direction: Direction,
        after: Option<ListPlace>,
        limit: usize,
    ) -> Result<SubscriptionList, AppError> {
        let mut found = Vec::new();
        for index in indexes {
            let all = Stretch::of(index.clone());
            let listed: Vec<(_, Indexed<SubscriptionId>)> =
                self.listed(&all, direction, after, limit.saturating_add(1)).await?;
            found.extend(listed);
        }
        found.sort_unstable_by_key(|(place, _)| *place);
        if direction == Direction::Descending {
            found.reverse();
        }
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().map(|(place, _)| *place).filter(|_| has_more);
        let mut subscriptions = Vec::with_capacity(found.len());
        for (_, Indexed(_, id)) in found {
            subscriptions.push(self.subscription(id).await?);
        }
        Ok(SubscriptionList { subscriptions, next })
    }

    /// The ledger of a subscription.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn ledger(&self, id: SubscriptionId) -> Result<Vec<LedgerLine>, AppError> {
        let range = KeyRange::under(&self.world.space.ledger(id));
        let found = self.store.scan(&range, Direction::Ascending, usize::MAX).await?;
        found.iter().map(|(key, document)| decode(key, &document.bytes)).collect()
    }

    /// Journal entries, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn journal(&self, filter: &JournalFilter, limit: usize) -> Result<JournalSlice, AppError> {
        let start = match filter.from {
            Some(from) => filter.since.max(self.last_entry_before(from).await?),
            None => filter.since,
        };
        let mut slice = JournalSlice { last_seen: start, ..JournalSlice::default() };
        loop {
            let documents = match filter.subscription {
                Some(id) => self.journal_documents_of(id, slice.last_seen).await?,
                None => self.journal_documents(slice.last_seen).await?,
            };
            if documents.is_empty() {
                return Ok(slice);
            }
            for entries in documents {
                for entry in entries {
                    if filter.until.is_some_and(|until| entry.at >= until) {
                        return Ok(slice);
                    }
                    if entry.seq <= slice.last_seen {
                        continue;
                    }
                    slice.last_seen = entry.seq;
                    if filter.wants(&entry) {
                        slice.entries.push(entry);
                    }
                    if slice.entries.len() >= limit {
                        slice.next_since = (slice.last_seen < self.newest_entry()).then_some(slice.last_seen);
                        return Ok(slice);
                    }
                }
            }
            // Entries of a rare kind may lie far apart, and an embedded store never waits: others are served meanwhile.
            tokio::task::yield_now().await;
        }
    }

    /// The newest entries of a subscription's journal, oldest first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn newest_entries_of(&self, id: SubscriptionId, limit: usize) -> Result<Vec<Entry>, AppError> {
        let mut entries = Vec::new();
        for page in self.last_pages_of(id, limit).await? {
            entries.extend(self.entries_in(id, page).await?);
        }
        let surplus = entries.len().saturating_sub(limit);
        entries.drain(..surplus);
        Ok(entries)
    }

    /// The next journal documents that hold entries with numbers above `since`.
    async fn journal_documents(&self, since: Seq) -> Result<Vec<Vec<Entry>>, AppError> {
        let journal = self.world.space.journal();
        let next = journal.clone().number(since.0.saturating_add(1));
        // The document that holds the next entry may start before it.
        let before = KeyRange::under(&journal).before(&next);
        let holder = self.store.scan(&before, Direction::Descending, 1).await?;
        let rest = KeyRange::under(&journal).from(next);
        let rest = self.store.scan(&rest, Direction::Ascending, CHUNK).await?;
        let mut documents = Vec::new();
        for (key, document) in holder.iter().chain(&rest) {
            let entries: Vec<Entry> = decode(key, &document.bytes)?;
            if entries.last().is_some_and(|last| last.seq > since) {
                documents.push(entries);
            }
        }
        Ok(documents)
    }

    /// The next entries of a subscription with numbers above `since`, by journal document.
    async fn journal_documents_of(&self, id: SubscriptionId, since: Seq) -> Result<Vec<Vec<Entry>>, AppError> {
        let mut documents = Vec::new();
        for page in self.pages_of(id, since).await?.into_iter().take(CHUNK) {
            let entries = self.entries_in(id, page).await?;
            if entries.last().is_some_and(|last| last.seq > since) {
                documents.push(entries);
            }
        }
        Ok(documents)
    }

    /// The entries of a subscription in the page of the journal that begins with an entry.
    async fn entries_in(&self, id: SubscriptionId, page: Seq) -> Result<Vec<Entry>, AppError> {
        let key = self.world.space.journal().number(page.0);
        let Some(document) = self.store.get(&key).await? else { return Ok(Vec::new()) };
        let entries: Vec<Entry> = decode(&key, &document.bytes)?;
        Ok(entries.into_iter().filter(|entry| entry.subscription == Some(id)).collect())
    }

    /// The number of the last entry before an instant. Entries lie in order of time, so it is found by halving.
    async fn last_entry_before(&self, instant: Timestamp) -> Result<Seq, AppError> {
        let (mut low, mut high) = (0, self.newest_entry().0);
        while low < high {
            let middle = low.midpoint(high).saturating_add(1).min(high);
            let documents = self.journal_documents(Seq(middle.saturating_sub(1))).await?;
            let found = documents.iter().flatten().find(|entry| entry.seq.0 >= middle);
            match found {
                Some(entry) if entry.at < instant => low = middle,
                Some(_) | None => high = middle.saturating_sub(1),
            }
        }
        Ok(Seq(low))
    }

    /// Whether a successful read gave the same answer as the last one of the same caller at the same place. `answer` is
    /// what tells one answer there from another.
    #[must_use]
    pub fn is_repeated_read(&self, caller: &str, path: &str, answer: impl Hash) -> bool {
        self.repeated_reads.is_repeated((caller, path), answer)
    }
}

impl JournalFilter {
    fn wants(&self, entry: &Entry) -> bool {
        self.subscription.is_none_or(|id| entry.subscription == Some(id))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == entry.kind()))
            && self.from.is_none_or(|from| entry.at >= from)
    }
}
