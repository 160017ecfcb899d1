//! Invoices: each charge for what a partner bought goes onto the invoice of its month as it is written, so that none has
//! to be added up later.

use super::{
    audit,
    desk::{Desk, decode},
    error::AppError,
    journal::{Player, What},
    sandbox::Sandbox,
    timers::{Due, StoredTimer, set_timers},
};
use crate::{
    domain::{
        audit::{AuditStatus, Audited},
        billing::LedgerLine,
        event::Seq,
        ids::PartnerId,
        invoice::{ChargeType, Invoice, InvoiceLine, Month},
        money::Currency,
        subscription::Subscription,
        time::Timestamp,
    },
    store::{Direction, Key, KeyRange},
};

/// Which lines of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// What was charged for licences and flat rates.
    Billing,
    /// What was charged for usage.
    Usage,
}

/// Where a list of invoice lines goes on: after this place. Opaque, and only good for the list that gave it.
pub type LinePosition = Vec<u8>;

/// Some lines of an invoice.
#[derive(Debug, Clone, Default)]
pub struct InvoiceLines {
    /// The lines, oldest first.
    pub lines: Vec<InvoiceLine>,
    /// Where the next ones are; `None` at the end.
    pub next: Option<LinePosition>,
}

/// Puts a charge onto its partner's invoice; does nothing if no partner pays for it. The subscription is told as it was
/// before the decision, and as it is with the charge; and when the usage was, if it is charged.
pub(super) async fn put_on_invoice(
    desk: &mut Desk<'_>,
    (before, subscription): (&Subscription, &Subscription),
    entry: Seq,
    (line, used): (&LedgerLine, Option<Timestamp>),
) -> Result<(), AppError> {
    let Some((partner, billed)) = InvoiceLine::of(before, subscription, used, line) else { return Ok(()) };
    let (month, currency) = (Invoice::month_of(&billed), line.amount.currency);
    let key = desk.space().invoice(&partner, month, currency);
    let before: Option<Invoice> = desk.load(&key).await?;
    if before.is_none() {
        let what = Due::InvoiceReady { partner: partner.clone(), month, currency };
        set_timers(desk, entry, TIMER_INDEX, vec![StoredTimer::new(month.invoiced_at(), what)])?;
    }
    let before = before.unwrap_or_else(|| Invoice::empty(&partner, month, currency));
    desk.put(key, &before.with(line))?;
    let lines = lines_of(desk.space().invoice_lines(&partner, month, currency), kind_of(&billed));
    desk.put(lines.number(entry.0), &billed)
}

/// Tells the timers of invoices from those that the same command sets for other ends.
const TIMER_INDEX: u64 = 2 << 32;

/// Notes that an invoice is there.
pub(super) async fn is_ready(
    desk: &mut Desk<'_>,
    partner: &PartnerId,
    month: Month,
    currency: Currency,
) -> Result<(), AppError> {
    let key = desk.space().invoice(partner, month, currency);
    let Some(invoice) = desk.load::<Invoice>(&key).await? else { return Ok(()) };
    let summary = format!("The invoice {} to {partner} for {month} is there: {}.", invoice.id, invoice.total);
    desk.note(Player::PartnerCenter, None, What::Steering { summary });
    audit::note(desk, (partner, None), AuditStatus::Succeeded, Audited::InvoiceReady { month, currency }).await
}

const fn kind_of(line: &InvoiceLine) -> LineKind {
    match line.charge_type {
        ChargeType::Usage => LineKind::Usage,
        _ => LineKind::Billing,
    }
}

fn lines_of(invoice: Key, kind: LineKind) -> Key {
    invoice.text(match kind {
        LineKind::Billing => "billing",
        LineKind::Usage => "usage",
    })
}

impl Sandbox {
    /// A partner's invoices, and what is to become one: the oldest first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn invoices(&self, partner: &PartnerId) -> Result<Vec<Invoice>, AppError> {
        let range = KeyRange::under(&self.world.space.invoices(partner));
        let found = self.store.scan(&range, Direction::Ascending, usize::MAX).await?;
        found.iter().map(|(key, document)| decode(key, &document.bytes)).collect()
    }

    /// Lines of a month, in a currency.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn invoice_lines(
        &self,
        partner: &PartnerId,
        (month, currency): (Month, Currency),
        kind: LineKind,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<InvoiceLines, AppError> {
        let lines = lines_of(self.world.space.invoice_lines(partner, month, currency), kind);
        let mut range = KeyRange::under(&lines);
        if let Some(entry) = after.and_then(|after| after.try_into().ok()).map(u64::from_be_bytes) {
            range = range.after(&lines.clone().number(entry));
        }
        let found = self.store.scan(&range, Direction::Ascending, limit.saturating_add(1)).await?;
        let mut page = InvoiceLines::default();
        for (key, document) in found.iter().take(limit) {
            page.lines.push(decode(key, &document.bytes)?);
        }
        if found.len() > limit {
            let last = found.iter().take(limit).next_back();
            page.next = last.and_then(|(key, _)| lines.rest_of(key)).map(<[u8]>::to_vec);
        }
        Ok(page)
    }
}
