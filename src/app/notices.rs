//! Notices to partners' own programs: registered for, put down in the commit of what they tell, attempted outside.

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::{
    desk::{Desk, decode},
    error::AppError,
    journal::{Player, What},
    mailbox::Command,
    outbound::{Attempted, ClaimedTimer, Courier, exchange},
    sandbox::Sandbox,
    timers::{Due, StoredTimer, set_timers},
};
use crate::{
    domain::{
        audit::{AuditRecord, AuditStatus, Audited, FoundRecord},
        event::Seq,
        ids::PartnerId,
        notice::{EventName, MadeBy, Notice, NoticeState, Registration},
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

    /// A notice that waits, and whoever wants it.
    pub(super) async fn due_notice(&self, partner: &PartnerId, id: Uuid) -> Result<Option<DueNotice>, AppError> {
        let notice = self.notice(partner, id).await?.filter(|notice| notice.state == NoticeState::Waiting);
        let registration = self.registration(partner).await?;
        Ok(notice.zip(registration).map(|(notice, registration)| DueNotice { notice, registration }))
    }

    /// Calls the partner's program. What came of it is still to be recorded.
    pub(super) async fn notify(&self, claimed: ClaimedTimer, due: DueNotice, courier: &dyn Courier) -> RecordNotice {
        let ClaimedTimer { timer, left_behind } = claimed;
        let DueNotice { notice, registration } = due;
        let repeated = self.may_be_repeated(left_behind, notice.in_hand_of);
        let attempted = courier.notify(self, &notice, &registration).await;
        let made_by = MadeBy { run: self.world.run, repeated };
        RecordNotice { timer, partner: notice.partner, id: notice.id, made_by, attempted }
    }
}

/// A notice whose time has come.
pub(super) struct DueNotice {
    pub(super) notice: Notice,
    registration: Registration,
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
    let notice = Notice::new(id, partner.clone(), event, record, (desk.now(), desk.world.run));
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

/// An attempt that was made, and that nobody knows of yet.
pub(super) struct RecordNotice {
    timer: Key,
    partner: PartnerId,
    id: Uuid,
    made_by: MadeBy,
    attempted: Attempted,
}

impl Command for RecordNotice {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            desk.remove(self.timer.clone());
            let key = desk.space().notice(&self.partner, self.id);
            // A sandbox that was made anew meanwhile has other notices.
            let Some(notice) = desk.load::<Notice>(&key).await? else { return Ok(()) };
            let entry = desk.next_entry();
            let call = exchange(Player::Partner, &self.attempted, notice.id.to_string(), self.made_by.repeated);
            desk.note(Player::PartnerCenter, notice.subscription(), What::Exchange(call));
            let (notice, again) = notice.attempted(self.attempted.sent.clone(), desk.now(), self.made_by);
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
