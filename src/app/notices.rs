//! Notices to partners' own programs: registered for, put down in the commit of what they tell, attempted outside.

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::{
    deliveries::{Attempted, Courier},
    desk::{Desk, decode},
    error::AppError,
    journal::{Exchange, Player, What},
    mailbox::Command,
    sandbox::Sandbox,
    timers::{Due, StoredTimer, set_timers},
};
use crate::{
    domain::{
        audit::{AuditRecord, AuditStatus, Audited, FoundRecord},
        event::Seq,
        ids::PartnerId,
        notice::{EventName, Notice, NoticeState, Registration},
        refusal::Refusal,
    },
    store::Key,
};

/// What a program registers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationWish {
    /// `WebhookUrl`.
    pub url: String,
    /// `WebhookEvents`.
    pub events: Vec<EventName>,
    /// `SignatureTokenToMsSignatureHeader`.
    pub signature_in_own_header: bool,
}

impl Sandbox {
    /// A partner's registration, if it has one.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn registration(&self, partner: &PartnerId) -> Result<Option<Registration>, AppError> {
        let key = self.world.space.registration(partner);
        let found = self.store.get(&key).await?;
        found.map(|document| decode(&key, &document.bytes)).transpose()
    }

    /// Registers a partner's program, or changes what it has registered for.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn register(&self, partner: PartnerId, wish: RegistrationWish) -> Result<Registration, AppError> {
        self.ask(Register { partner, wish }).await
    }

    /// Tells a partner's program of a test; gives the test's id.
    ///
    /// # Errors
    /// [`Refusal::NotRegistered`] if it does not want to hear of tests.
    pub async fn test_registration(&self, partner: PartnerId) -> Result<Uuid, AppError> {
        self.ask(Test { partner }).await
    }

    /// A notice to a partner.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn notice(&self, partner: &PartnerId, id: Uuid) -> Result<Option<Notice>, AppError> {
        let key = self.world.space.notice(partner, id);
        let found = self.store.get(&key).await?;
        found.map(|document| decode(&key, &document.bytes)).transpose()
    }

    /// The record that a notice tells of, with what it is about.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn record_of(&self, notice: &Notice) -> Result<Option<FoundRecord>, AppError> {
        match &notice.record {
            Some(record) => self.found(record.clone()).await.map(Some),
            None => Ok(None),
        }
    }

    /// Attempts a notice whose timer is due, and waits for what comes of it.
    pub(super) async fn notify(
        &self,
        timer: Key,
        (partner, id): (&PartnerId, Uuid),
        courier: &dyn Courier,
    ) -> Result<(), AppError> {
        let notice = self.notice(partner, id).await?.filter(|notice| notice.state == NoticeState::Waiting);
        let attempted = match (notice, self.registration(partner).await?) {
            (Some(notice), Some(registration)) => Some(courier.notify(self, &notice, &registration).await),
            _ => None,
        };
        self.ask(RecordNotice { timer, partner: partner.clone(), id, attempted }).await
    }
}

/// Puts down that a partner's program is to be told of a record, if it wants to hear of such.
pub(super) async fn tell(desk: &mut Desk<'_>, record: AuditRecord) -> Result<(), AppError> {
    let event = match (&record.what, record.status) {
        (Audited::SubscriptionUpdated { .. }, AuditStatus::Succeeded) => EventName::SubscriptionUpdated,
        (Audited::InvoiceReady { .. }, _) => EventName::InvoiceReady,
        _ => return Ok(()),
    };
    let key = desk.space().registration(&record.partner);
    let registration: Option<Registration> = desk.load(&key).await?;
    if registration.is_none_or(|registration| !registration.events.contains(&event)) {
        return Ok(());
    }
    let partner = record.partner.clone();
    put_down(desk, partner, event, Some(record)).map(drop)
}

/// Puts a notice down. A record has a number of its own, since one command may have several to tell of.
fn put_down(
    desk: &mut Desk<'_>,
    partner: PartnerId,
    event: EventName,
    record: Option<AuditRecord>,
) -> Result<Uuid, AppError> {
    let entry = desk.next_entry();
    let (number, id) = match &record {
        Some(record) => (record.number, desk.head.seed.draws("notice", Seq(record.number)).bytes()),
        None => (0, desk.head.seed.draws("test notice", entry).bytes()),
    };
    let id = Uuid::from_bytes(id);
    let notice = Notice::new(id, partner.clone(), event, record, desk.now());
    let key = desk.space().notice(&partner, id);
    desk.put(key, &notice)?;
    let due = notice.due(desk.head.delays);
    let index = TIMER_INDEX.saturating_add(number);
    set_timers(desk, entry, index, vec![StoredTimer::new(due, Due::Notice { partner, notice: id })])?;
    Ok(id)
}

/// Tells the timers of notices from those that the same command sets for other ends.
const TIMER_INDEX: u64 = 3 << 32;

struct Register {
    partner: PartnerId,
    wish: RegistrationWish,
}

impl Command for Register {
    type Answer = Registration;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Registration, AppError>> {
        Box::pin(async move {
            let key = desk.space().registration(&self.partner);
            let before: Option<Registration> = desk.load(&key).await?;
            let new = || Uuid::from_bytes(desk.head.seed.draws("subscriber", desk.next_entry()).bytes());
            let RegistrationWish { url, events, signature_in_own_header } = self.wish.clone();
            let subscriber = before.map_or_else(new, |before| before.subscriber);
            let names: Vec<&str> = events.iter().map(|event| event.as_str()).collect();
            let summary = format!("{} wants to hear of {}.", self.partner, names.join(", "));
            let registration = Registration { subscriber, url, events, signature_in_own_header };
            desk.put(key, &registration)?;
            desk.note(Player::Partner, None, What::Steering { summary });
            Ok(registration)
        })
    }
}

struct Test {
    partner: PartnerId,
}

impl Command for Test {
    type Answer = Uuid;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Uuid, AppError>> {
        Box::pin(async move {
            let key = desk.space().registration(&self.partner);
            let registration: Option<Registration> = desk.load(&key).await?;
            if registration.is_none_or(|registration| !registration.events.contains(&EventName::TestCreated)) {
                return Err(Refusal::NotRegistered(EventName::TestCreated).into());
            }
            let summary = format!("{} has its webhook tested.", self.partner);
            desk.note(Player::Partner, None, What::Steering { summary });
            put_down(desk, self.partner.clone(), EventName::TestCreated, None)
        })
    }
}

struct RecordNotice {
    timer: Key,
    partner: PartnerId,
    id: Uuid,
    attempted: Option<Attempted>,
}

impl Command for RecordNotice {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            desk.remove(self.timer.clone());
            let key = desk.space().notice(&self.partner, self.id);
            // A sandbox that was made anew meanwhile has other notices.
            let (Some(notice), Some(attempted)) = (desk.load::<Notice>(&key).await?, &self.attempted) else {
                return Ok(());
            };
            let entry = desk.next_entry();
            let subscription = notice.record.as_ref().and_then(|record| match record.what {
                Audited::SubscriptionUpdated { subscription, .. } => Some(subscription),
                _ => None,
            });
            let call = Exchange::sent(Player::Partner, &attempted.sent, &attempted.body);
            let call = Exchange { correlation_id: Some(notice.id.to_string()), ..call };
            desk.note(Player::PartnerCenter, subscription, What::Exchange(call));
            let (notice, again) = notice.attempted(attempted.sent.clone(), desk.now());
            desk.put(key, &notice)?;
            match again {
                None => Ok(()),
                Some(due) => {
                    let what = Due::Notice { partner: self.partner.clone(), notice: self.id };
                    set_timers(desk, entry, TIMER_INDEX, vec![StoredTimer::new(due, what)])
                }
            }
        })
    }

    fn may_overfill(&self) -> bool {
        true
    }
}
