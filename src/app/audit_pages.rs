//! The activity log as it is stored: records of one instant that are committed together share a page.

use std::collections::BTreeMap;

use super::{desk::encode, error::AppError, json_page::JsonPage, keys::Space};
use crate::{
    domain::{audit::AuditRecord, ids::PartnerId, time::Timestamp},
    store::{Key, Write},
};

/// The pages of one batch that may still grow: the last one of each partner.
#[derive(Debug, Default)]
pub(super) struct AuditPages(BTreeMap<PartnerId, Open>);

#[derive(Debug)]
struct Open {
    key: Key,
    at: Timestamp,
    page: JsonPage,
}

impl AuditPages {
    /// Adds a record, which follows on those added before. Gives the page that it is on, as it is to be written.
    pub(super) fn add(&mut self, space: &Space, record: &AuditRecord) -> Result<(Key, Write), AppError> {
        let key = space.audit_page(&record.partner, record.at, record.number);
        let bytes = encode(&key, record)?;
        let open = match self.0.remove(&record.partner) {
            Some(mut open) if open.at == record.at && open.page.has_room_for(&bytes) => {
                open.page.add(&bytes);
                open
            }
            Some(_) | None => Open { key, at: record.at, page: JsonPage::of(&bytes) },
        };
        let write = (open.key.clone(), Write::Put(open.page.clone().finish().into()));
        self.0.insert(record.partner.clone(), open);
        Ok(write)
    }
}
