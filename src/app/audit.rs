//! The activity log: each record is written in the commit of what it tells of.

use std::collections::BTreeMap;

use super::{
    customers::StoredCustomer,
    desk::{Desk, decode},
    error::AppError,
    list_pages::{ListPlace, Listed},
    lists::Stretch,
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
    store::Direction,
};

/// Records that one call looks at, at the most: where few of many fit, a page may end before it is full.
const LOOKED_AT: usize = 2_000;

/// Records that are read at once, at the most.
const READ_AT_ONCE: usize = 200;

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

/// Some records, the newest first.
#[derive(Debug, Default)]
pub struct AuditPage {
    /// The records.
    pub records: Vec<FoundRecord>,
    /// Where the next ones are; `None` at the end.
    pub next: Option<ListPlace>,
}

impl Listed for AuditRecord {
    fn number(&self) -> u64 {
        self.number
    }
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
    desk.list(desk.space().audit_records(partner), record.at, &record)?;
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
        mut after: Option<ListPlace>,
        limit: usize,
    ) -> Result<AuditPage, AppError> {
        let log = Stretch::of(self.world.space.audit_records(partner)).from(filter.from).before(filter.until);
        let mut left = if filter.is_narrow() { LOOKED_AT } else { limit };
        let (mut customers, mut page) = (BTreeMap::new(), AuditPage::default());
        loop {
            let at_once = left.min(READ_AT_ONCE);
            let found =
                self.listed::<AuditRecord>(&log, Direction::Descending, after, at_once.saturating_add(1)).await?;
            let has_more = found.len() > at_once;
            for (place, record) in found.into_iter().take(at_once) {
                if page.records.len() >= limit {
                    page.next = after;
                    return Ok(page);
                }
                after = Some(place);
                let customer = self.customer_among(&mut customers, &record).await?;
                if filter.admits(&record, customer.as_ref()) {
                    page.records.push(self.with_subject(record, customer).await?);
                }
            }
            left = left.saturating_sub(at_once);
            if !has_more {
                return Ok(page);
            }
            if left == 0 {
                page.next = after;
                return Ok(page);
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
