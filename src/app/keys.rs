//! Where each kind of document lies. The only file that spells a key.
//!
//! A sandbox's keys start with its *space*: its name and a number that no earlier sandbox of that name had, so that a
//! sandbox can be made anew while the documents of the deleted one are still being removed. Documents about sandboxes
//! lie in the space `~`, which no sandbox name can be.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::queries::ListPosition;
use crate::{
    domain::{
        event::Seq,
        ids::{DimensionId, OperationId, PlanId, PublisherId, SandboxId, SubscriptionId},
        time::{Term, Timestamp},
    },
    store::Key,
};

const REGISTRY: &str = "~";

/// The document that tells that a sandbox exists and where its space is.
pub(crate) fn sandbox(id: &SandboxId) -> Key {
    sandboxes().text(id.as_str())
}

/// All documents of [`sandbox`].
pub(crate) fn sandboxes() -> Key {
    Key::in_sandbox(REGISTRY).text("sandbox")
}

/// The number of the newest space.
pub(crate) fn newest_space() -> Key {
    Key::in_sandbox(REGISTRY).text("newest-space")
}

/// A space whose documents are to be removed.
pub(crate) fn garbage(space: &str) -> Key {
    garbages().text(space)
}

/// All documents of [`garbage`].
pub(crate) fn garbages() -> Key {
    Key::in_sandbox(REGISTRY).text("garbage")
}

/// The identity's signing keys.
pub(crate) fn signing_keys() -> Key {
    Key::in_sandbox(REGISTRY).text("signing-keys")
}

/// The keys of one sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Space(Box<str>);

impl Space {
    pub(crate) fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Everything of the sandbox.
    pub(crate) fn root(&self) -> Key {
        Key::in_sandbox(&self.0)
    }

    /// Seed, clock and counters.
    pub(crate) fn head(&self) -> Key {
        self.root().text("head")
    }

    pub(crate) fn catalogue(&self) -> Key {
        self.root().text("catalogue")
    }

    /// A subscription. All that belongs to it lies right behind it, so that a command on one finds most of what it reads
    /// and writes at one place of the store, however many there are.
    pub(crate) fn subscription(&self, id: SubscriptionId) -> Key {
        self.root().text("subscription").guid(id.as_bytes())
    }

    /// A publisher's subscriptions by the time of purchase.
    pub(crate) fn by_publisher(&self, publisher: &PublisherId) -> Key {
        self.root().text("by-publisher").text(publisher.as_str())
    }

    /// An operation on a subscription.
    pub(crate) fn operation(&self, subscription: SubscriptionId, id: OperationId) -> Key {
        self.subscription(subscription).text("operation").guid(id.as_bytes())
    }

    /// The calls to the publisher's webhook about a subscription.
    pub(crate) fn deliveries(&self, subscription: SubscriptionId) -> Key {
        self.subscription(subscription).text("delivery")
    }

    /// The call to the publisher's webhook about an operation.
    pub(crate) fn delivery(&self, subscription: SubscriptionId, operation: OperationId) -> Key {
        self.deliveries(subscription).guid(operation.as_bytes())
    }

    /// That a code of somebody's sign-in was exchanged.
    pub(crate) fn used_sign_in_code(&self, id: Uuid) -> Key {
        self.root().text("signInCode").guid(id.as_bytes())
    }

    /// That an authorization code was resolved, where it resolves only once.
    pub(crate) fn used_code(&self, id: SubscriptionId, code: &str) -> Key {
        let mut place = [0; 16];
        for (byte, digested) in place.iter_mut().zip(Sha256::digest(code.as_bytes())) {
            *byte = digested;
        }
        self.subscription(id).text("usedCode").guid(&place)
    }

    /// The ledger lines of a subscription.
    pub(crate) fn ledger(&self, id: SubscriptionId) -> Key {
        self.subscription(id).text("ledger")
    }

    /// A publisher's accepted usage events by their hour.
    pub(crate) fn usage_of(&self, publisher: &PublisherId) -> Key {
        self.root().text("usage").text(publisher.as_str())
    }

    /// The usage event that was accepted for an hour: there is one place for it, and so one event.
    pub(crate) fn usage(
        &self,
        publisher: &PublisherId,
        hour: Timestamp,
        id: SubscriptionId,
        dimension: Option<&DimensionId>,
    ) -> Key {
        let dimension = dimension.map_or("", DimensionId::as_str);
        self.usage_of(publisher).instant(hour.as_millis()).guid(id.as_bytes()).text(dimension)
    }

    /// How much of a dimension was used in a term.
    pub(crate) fn usage_tally(&self, id: SubscriptionId, plan: &PlanId, dimension: &DimensionId, term: Term) -> Key {
        let start = Timestamp::midnight(term.start).as_millis();
        let tallies = self.subscription(id).text("usage-tally");
        tallies.text(plan.as_str()).text(dimension.as_str()).instant(start)
    }

    /// The journal: pages of entries, each under its first entry's number.
    pub(crate) fn journal(&self) -> Key {
        self.root().text("journal")
    }

    /// The pages of the journal that concern a subscription.
    pub(crate) fn journal_of(&self, id: SubscriptionId) -> Key {
        self.subscription(id).text("journal")
    }

    /// Timers in the order in which they are due.
    pub(crate) fn timers(&self) -> Key {
        self.root().text("timer")
    }

    pub(crate) fn timer(&self, due: Timestamp, entry: Seq, index: u64) -> Key {
        self.timers().instant(due.as_millis()).number(entry.0).number(index)
    }

    /// The entry and the index in a key made by [`Self::timer`].
    pub(crate) fn timer_place(&self, key: &Key) -> Option<(Seq, u64)> {
        let (_due, rest) = self.timers().rest_of(key)?.split_first_chunk::<8>()?;
        let (entry, rest) = rest.split_first_chunk()?;
        let (index, _) = rest.split_first_chunk()?;
        Some((Seq(u64::from_be_bytes(*entry)), u64::from_be_bytes(*index)))
    }

    /// The timer of a named piece of the publisher's work.
    pub(crate) fn work(&self, name: &str) -> Key {
        self.root().text("work").text(name)
    }

    /// A record of the stand-in publisher.
    pub(crate) fn publisher_record(&self, key: &str) -> Key {
        self.root().text("publisher").text(key)
    }

    /// How the publisher's webhook shall take the next changes.
    pub(crate) fn webhook_manner(&self) -> Key {
        self.root().text("webhook-manner")
    }

    /// The certificate authority that webhooks are trusted by besides.
    pub(crate) fn webhook_authority(&self) -> Key {
        self.root().text("webhook-authority")
    }

    /// How often a provisioning step shall still fail.
    pub(crate) fn fault(&self, step: &str) -> Key {
        self.root().text("fault").text(step)
    }
}

/// The place of a subscription in an index by time of purchase.
pub(crate) fn indexed(index: Key, created: Timestamp, id: SubscriptionId) -> Key {
    index.instant(created.as_millis()).guid(id.as_bytes())
}

/// The place in the list that an index key made by [`indexed`] stands for.
pub(crate) fn indexed_position(index: &Key, key: &Key) -> Option<ListPosition> {
    let (millis, id) = index.rest_of(key)?.split_first_chunk()?;
    let created = Timestamp::from_millis(Key::millis_of(*millis));
    Some(ListPosition { created, id: SubscriptionId::from_bytes(id.try_into().ok()?) })
}
