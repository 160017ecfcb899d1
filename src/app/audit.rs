//! The activity log: each record is written in the commit of what it tells of.

use std::collections::BTreeMap;

use super::{
    customers::StoredCustomer,
    desk::{Desk, decode},
    error::AppError,
    notices,
    sandbox::Sandbox,
};
use crate::{
    domain::{
        audit::{AuditRecord, AuditStatus, Audited, FoundRecord, ResourceType, SubscriptionFacts},
        customer::Customer,
        event::Event,
        ids::{CustomerId, PartnerId},
        operation::{Effect, Operation, RequestSource},
        subscription::Subscription,
        time::Timestamp,
    },
    store::{Direction, Key, KeyRange},
};

/// Records that one call looks at, at the most: where few of many fit, a page may end before it is full.
const LOOKED_AT: usize = 2_000;

/// Pages of the log that are read at once.
const READ_AT_ONCE: usize = 64;

/// Which records are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFilter {
    /// From when on.
    pub from: Timestamp,
    /// Until before when.
    pub until: Timestamp,
    /// Of one customer.
    pub customer: Option<CustomerId>,
    /// Of customers whose name contains this, in any case.
    pub company: Option<String>,
    /// About one kind of thing.
    pub resource: Option<ResourceType>,
}

/// Where a list of records goes on: after this place. Opaque, and only good for the list that gave it.
pub type AuditPosition = Vec<u8>;

/// Some records, the newest first.
#[derive(Debug, Default)]
pub struct AuditPage {
    /// The records.
    pub records: Vec<FoundRecord>,
    /// Where the next ones are; `None` at the end.
    pub next: Option<AuditPosition>,
}

/// Writes a record, by whoever acts at the desk.
pub(super) async fn note(
    desk: &mut Desk<'_>,
    (partner, customer): (&PartnerId, Option<&CustomerId>),
    status: AuditStatus,
    what: Audited,
) -> Result<(), AppError> {
    let record = AuditRecord {
        number: desk.new_audit_number(),
        at: desk.now(),
        partner: partner.clone(),
        customer: customer.cloned(),
        by: desk.actor.clone(),
        status,
        what,
    };
    desk.log(record.clone());
    notices::tell(desk, record).await
}

/// Notes that what a partner has bought has changed, if Partner Center sees a change.
pub(super) async fn note_change(
    desk: &mut Desk<'_>,
    before: &Subscription,
    after: &Subscription,
) -> Result<(), AppError> {
    let facts = (SubscriptionFacts::of(before), SubscriptionFacts::of(after));
    note_update(desk, after, AuditStatus::Succeeded, facts).await
}

async fn note_update(
    desk: &mut Desk<'_>,
    subscription: &Subscription,
    status: AuditStatus,
    (before, after): (SubscriptionFacts, SubscriptionFacts),
) -> Result<(), AppError> {
    let Some(partner) = subscription.partner.as_ref().filter(|_| before != after) else { return Ok(()) };
    let what = Audited::SubscriptionUpdated { subscription: subscription.id, before, after };
    note(desk, (partner, Some(&subscription.customer)), status, what).await
}

/// Before an operation ends that somebody of a partner has asked for: that one acts again.
pub(super) async fn resume_actor(
    desk: &mut Desk<'_>,
    subscription: &Subscription,
    operation: &Operation,
) -> Result<(), AppError> {
    if operation.status.is_final() && is_asked_for(subscription, operation) && desk.actor.is_none() {
        let key = desk.space().asked_by(operation.subscription, operation.id);
        desk.actor = desk.load(&key).await?;
        if desk.actor.is_some() {
            desk.remove(key);
        }
    }
    Ok(())
}

/// Notes a change that the publisher is asked for, and one that it has refused. One that it has allowed is a change.
pub(super) async fn note_request(
    desk: &mut Desk<'_>,
    subscription: &Subscription,
    operation: &Operation,
    events: &[Event],
) -> Result<(), AppError> {
    if !is_asked_for(subscription, operation) {
        return Ok(());
    }
    let is = |wanted: fn(&Event) -> bool| events.iter().any(wanted);
    let status = if is(|event| matches!(event, Event::OperationRequested { .. })) && !operation.status.is_final() {
        if let Some(actor) = desk.actor.clone() {
            desk.put(desk.space().asked_by(operation.subscription, operation.id), &actor)?;
        }
        AuditStatus::Progress
    } else if is(|event| matches!(event, Event::OperationFailed { .. } | Event::OperationConflicted { .. })) {
        AuditStatus::Failed
    } else {
        return Ok(());
    };
    let before = SubscriptionFacts::of(subscription);
    let quantity = operation.quantity.map_or(1, u32::from);
    let after = SubscriptionFacts { plan: operation.plan.clone(), quantity, ..before.clone() };
    note_update(desk, subscription, status, (before, after)).await
}

/// Whether an operation is a change that the publisher is asked for.
const fn is_asked_for(subscription: &Subscription, operation: &Operation) -> bool {
    subscription.partner.is_some()
        && matches!(operation.source, RequestSource::Azure)
        && matches!(operation.effect, Effect::ChangePlan { .. } | Effect::ChangeQuantity { .. })
}

impl Sandbox {
    /// A partner's activity log, the newest record first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn audit_records(
        &self,
        partner: &PartnerId,
        filter: &AuditFilter,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<AuditPage, AppError> {
        let log = self.world.space.audit_records(partner);
        let mut range = KeyRange::under(&log)
            .from(log.clone().instant(filter.from.as_millis()))
            .before(&log.clone().instant(filter.until.as_millis()));
        let after = after.and_then(|place| Some((place.first_chunk()?, place.last_chunk()?)));
        let after = after.map(|(at, number)| (Key::millis_of(*at), u64::from_be_bytes(*number)));
        if let Some((at, number)) = after {
            range = range.before(&log.clone().instant(at).number(number));
        }
        let looked_at = if filter.is_narrow() { LOOKED_AT } else { limit };
        let mut customers = BTreeMap::new();
        let (mut page, mut looked, mut last) = (AuditPage::default(), 0_usize, None);
        loop {
            let found = self.store.scan(&range, Direction::Descending, READ_AT_ONCE).await?;
            for (key, document) in &found {
                let records: Vec<AuditRecord> = decode(key, &document.bytes)?;
                for record in records.into_iter().rev() {
                    let place = (record.at.as_millis(), record.number);
                    // The page that the last list ended in.
                    if after.is_some_and(|after| place >= after) {
                        continue;
                    }
                    if page.records.len() >= limit || looked >= looked_at {
                        page.next = last;
                        return Ok(page);
                    }
                    looked = looked.saturating_add(1);
                    let (at, number) = place;
                    last = log.rest_of(&log.clone().instant(at).number(number)).map(<[u8]>::to_vec);
                    let customer = self.customer_among(&mut customers, &record).await?;
                    if filter.admits(&record, customer.as_ref()) {
                        page.records.push(self.with_subject(record, customer).await?);
                    }
                }
            }
            match found.last() {
                Some((key, _)) if found.len() == READ_AT_ONCE => range = range.before(key),
                Some(_) | None => return Ok(page),
            }
        }
    }

    /// The customer that a record is about; looked up once for all records.
    async fn customer_among(
        &self,
        customers: &mut BTreeMap<CustomerId, Option<Customer>>,
        record: &AuditRecord,
    ) -> Result<Option<Customer>, AppError> {
        let Some(id) = &record.customer else { return Ok(None) };
        if !customers.contains_key(id) {
            customers.insert(id.clone(), self.customer_of_then(id).await?);
        }
        Ok(customers.get(id).cloned().flatten())
    }

    /// A record, with what it is about.
    pub(super) async fn found(&self, record: AuditRecord) -> Result<FoundRecord, AppError> {
        let customer = match &record.customer {
            None => None,
            Some(id) => self.customer_of_then(id).await?,
        };
        self.with_subject(record, customer).await
    }

    async fn with_subject(&self, record: AuditRecord, customer: Option<Customer>) -> Result<FoundRecord, AppError> {
        let space = &self.world.space;
        let order = match (&record.what, &record.customer) {
            (Audited::OrderCreated { order }, Some(customer)) => Some(self.order(customer, *order).await?),
            _ => None,
        };
        let invoice = match record.what {
            Audited::InvoiceReady { month, currency } => {
                let key = space.invoice(&record.partner, month, currency);
                self.store.get(&key).await?.map(|document| decode(&key, &document.bytes)).transpose()?
            }
            _ => None,
        };
        Ok(FoundRecord { record, customer, order, invoice })
    }

    /// A customer, also one that was removed: what is told of the past still names it.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn customer_of_then(&self, id: &CustomerId) -> Result<Option<Customer>, AppError> {
        let Some(tenant) = super::customers::tenant_of(&self.world.catalogue, id) else { return Ok(None) };
        let key = self.world.space.customer(tenant);
        let stored: Option<StoredCustomer> =
            self.store.get(&key).await?.map(|document| decode(&key, &document.bytes)).transpose()?;
        let of_catalogue = || self.world.catalogue.customer_of_tenant(tenant).cloned();
        Ok(stored.map(|stored| stored.customer).or_else(of_catalogue))
    }
}

impl AuditFilter {
    /// Whether it leaves out some records of its days.
    const fn is_narrow(&self) -> bool {
        self.customer.is_some() || self.company.is_some() || self.resource.is_some()
    }

    fn admits(&self, record: &AuditRecord, customer: Option<&Customer>) -> bool {
        let named = |part: &String| customer.is_some_and(|one| one.name.to_lowercase().contains(&part.to_lowercase()));
        self.customer.as_ref().is_none_or(|wanted| record.customer.as_ref() == Some(wanted))
            && self.company.as_ref().is_none_or(named)
            && self.resource.is_none_or(|wanted| record.what.resource_type() == wanted)
    }
}
