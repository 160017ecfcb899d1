//! Where each kind of document lies. The only file that spells a key.
//!
//! A sandbox's keys start with its *space*: its name and a number that no earlier sandbox of that name had, so that a
//! sandbox can be made anew while the documents of the deleted one are still being removed. Documents about sandboxes
//! lie in the space `~`, which no sandbox name can be.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    domain::{
        event::Seq,
        ids::{
            CartId, CustomerId, DimensionId, OfferId, OperationId, PartnerId, PlanId, PublisherId, SandboxId,
            SubscriptionId, TenantId,
        },
        invoice::Month,
        money::Currency,
        order::OrderId,
        time::{Term, Timestamp},
    },
    store::Key,
};

const REGISTRY: &str = "~";

/// The document that tells that a sandbox exists and where its space is.
pub(crate) fn sandbox(id: &SandboxId) -> Key {
    sandboxes().text(id.as_str())
}

/// The sandbox that a key made by [`sandbox`] is about.
pub(crate) fn sandbox_of(key: &Key) -> Option<SandboxId> {
    let name = sandboxes().rest_of(key)?.strip_suffix(&[0])?.to_vec();
    String::from_utf8(name).ok()?.parse().ok()
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

/// The space in a key made by [`garbage`].
pub(crate) fn space_of_garbage(key: &Key) -> Option<String> {
    String::from_utf8(garbages().rest_of(key)?.strip_suffix(&[0])?.to_vec()).ok()
}

/// All documents of [`garbage`].
pub(crate) fn garbages() -> Key {
    Key::in_sandbox(REGISTRY).text("garbage")
}

/// The identity's signing keys.
pub(crate) fn signing_keys() -> Key {
    Key::in_sandbox(REGISTRY).text("signing-keys")
}

/// The access keys that open everything.
pub(crate) fn operator_access() -> Key {
    Key::in_sandbox(REGISTRY).text("access")
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

    /// Seed, clock and counters. Claimed by whoever advances the clock.
    pub(crate) fn head(&self) -> Key {
        self.root().text("head")
    }

    /// The access keys that open the sandbox.
    pub(crate) fn access(&self) -> Key {
        self.root().text("access")
    }

    pub(crate) fn catalogue(&self) -> Key {
        self.root().text("catalogue")
    }

    /// A subscription. All that belongs to it lies right behind it, so that a command on one finds most of what it reads
    /// and writes at one place of the store, however many there are.
    pub(crate) fn subscription(&self, id: SubscriptionId) -> Key {
        self.root().text("subscription").guid(id.as_bytes())
    }

    /// A publisher's subscriptions: a list by the time of purchase.
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

    /// That a code of somebody's sign-in was exchanged: the timer of the code's end, which takes the mark away when the code
    /// could not be exchanged any more.
    pub(crate) fn used_sign_in_code(&self, id: Uuid, ends: Timestamp) -> Key {
        self.timer(ends, Seq(0), 0).guid(id.as_bytes())
    }

    /// That an authorization code was resolved, where it resolves only once.
    pub(crate) fn used_code(&self, id: SubscriptionId, code: &str) -> Key {
        let mut place = [0; 16];
        for (byte, digested) in place.iter_mut().zip(Sha256::digest(code.as_bytes())) {
            *byte = digested;
        }
        self.subscription(id).text("usedCode").guid(&place)
    }

    /// That a customer has begun the free trial of a plan.
    pub(crate) fn trial(&self, customer: &CustomerId, offer: &OfferId, plan: &PlanId) -> Key {
        self.root().text("trial").text(customer.as_str()).text(offer.as_str()).text(plan.as_str())
    }

    /// What a customer has bought for itself: in no order, and so found here.
    pub(crate) fn bought_by(&self, customer: &CustomerId) -> Key {
        self.root().text("bought-by").text(customer.as_str())
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

    /// What has become of a customer since the catalogue, or one that a partner has made.
    pub(crate) fn customer(&self, tenant: TenantId) -> Key {
        self.root().text("customer").guid(tenant.as_bytes())
    }

    /// The customers that a partner has made, in the order of their names or domains.
    pub(crate) fn customers_of(&self, partner: &PartnerId, order: &str) -> Key {
        self.root().text("customers-of").text(partner.as_str()).text(order)
    }

    /// How many more customers a partner has than in the catalogue.
    pub(crate) fn customers_made(&self, partner: &PartnerId) -> Key {
        self.root().text("customers-made").text(partner.as_str())
    }

    /// Whose domain a name is, of the customers that partners have made.
    pub(crate) fn customer_domain(&self, domain: &str) -> Key {
        self.root().text("customer-domain").text(&domain.to_lowercase())
    }

    /// The orders for a customer.
    pub(crate) fn orders(&self, customer: &CustomerId) -> Key {
        self.root().text("order").text(customer.as_str())
    }

    /// The orders for a customer: a list by the time from which on they are shown.
    pub(crate) fn orders_by_time(&self, customer: &CustomerId) -> Key {
        self.root().text("order-by-time").text(customer.as_str())
    }

    /// An order.
    pub(crate) fn order(&self, customer: &CustomerId, id: OrderId) -> Key {
        self.orders(customer).text(&id.to_string())
    }

    /// A partner's activity log: a list.
    pub(crate) fn audit_records(&self, partner: &PartnerId) -> Key {
        self.root().text("audit").text(partner.as_str())
    }

    /// Where a partner's program wants to hear of what.
    pub(crate) fn registration(&self, partner: &PartnerId) -> Key {
        self.root().text("registration").text(partner.as_str())
    }

    /// How often a partner has done something in a minute.
    pub(crate) fn calls(&self, partner: &PartnerId, what: &str) -> Key {
        self.root().text("calls").text(partner.as_str()).text(what)
    }

    /// A notice to a partner's program.
    pub(crate) fn notice(&self, partner: &PartnerId, id: Uuid) -> Key {
        self.root().text("notice").text(partner.as_str()).guid(id.as_bytes())
    }

    /// Who has asked for an operation.
    pub(crate) fn asked_by(&self, subscription: SubscriptionId, operation: OperationId) -> Key {
        self.subscription(subscription).text("asked-by").guid(operation.as_bytes())
    }

    /// A cart.
    pub(crate) fn cart(&self, customer: &CustomerId, id: CartId) -> Key {
        self.root().text("cart").text(customer.as_str()).guid(id.as_bytes())
    }

    /// How much was bought for a customer in an integration sandbox.
    pub(crate) fn bought_in_sandbox(&self, customer: &CustomerId) -> Key {
        self.root().text("bought-in-sandbox").text(customer.as_str())
    }

    /// How many carts there have been.
    pub(crate) fn newest_cart(&self) -> Key {
        self.root().text("newest-cart")
    }

    /// What a request of a partner's program has brought about, by the id that the program gave it.
    pub(crate) fn request(&self, partner: &PartnerId, id: Uuid) -> Key {
        self.root().text("request").text(partner.as_str()).guid(id.as_bytes())
    }

    /// A partner's invoices.
    pub(crate) fn invoices(&self, partner: &PartnerId) -> Key {
        self.root().text("invoice").text(partner.as_str())
    }

    /// An invoice: of a month, in a currency.
    pub(crate) fn invoice(&self, partner: &PartnerId, month: Month, currency: Currency) -> Key {
        self.invoices(partner).text(&month.to_string()).text(currency.code())
    }

    /// The lines of an invoice, in the order in which they were written.
    pub(crate) fn invoice_lines(&self, partner: &PartnerId, month: Month, currency: Currency) -> Key {
        self.root().text("invoice-line").text(partner.as_str()).text(&month.to_string()).text(currency.code())
    }

    /// The journal: pages of entries, each under its first entry's number.
    pub(crate) fn journal(&self) -> Key {
        self.root().text("journal")
    }

    /// Which pages of the journal hold entries of a subscription.
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

/// The number of an order, of what follows in its key on [`Space::orders`].
pub(crate) fn order_of(rest: &[u8]) -> Option<OrderId> {
    std::str::from_utf8(rest.strip_suffix(&[0])?).ok()?.parse().ok()
}
