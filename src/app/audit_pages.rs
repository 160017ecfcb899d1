//! The activity log as it is stored: records of one instant, committed together, share a page.

use std::collections::BTreeMap;

use super::{desk::encode, error::AppError, keys::Space};
use crate::{
    domain::{audit::AuditRecord, ids::PartnerId, time::Timestamp},
    store::{Key, Write},
};

/// A page that has reached this size takes no more records. Stores keep documents up to about this size in one piece.
const PAGE_BYTES: usize = 4 * 1024;

/// The pages of one batch that may still grow: the last one of each partner.
#[derive(Debug, Default)]
pub(super) struct AuditPages(BTreeMap<PartnerId, Page>);

#[derive(Debug)]
struct Page {
    /// Under the instant, and the number of its first record.
    key: Key,
    at: Timestamp,
    bytes: Vec<u8>,
}

impl AuditPages {
    /// Adds a record, which follows on those added before. Gives the page that it is on, as it is to be written.
    pub(super) fn add(&mut self, space: &Space, record: &AuditRecord) -> Result<(Key, Write), AppError> {
        let key = space.audit_record(&record.partner, record.at, record.number);
        let mut bytes = encode(&key, record)?;
        let open = self
            .0
            .remove(&record.partner)
            .filter(|page| page.at == record.at && page.bytes.len().saturating_add(bytes.len()) <= PAGE_BYTES);
        let page = match open {
            None => {
                bytes.insert(0, b'[');
                bytes.push(b']');
                Page { key, at: record.at, bytes }
            }
            Some(mut page) => {
                page.bytes.pop();
                page.bytes.push(b',');
                page.bytes.append(&mut bytes);
                page.bytes.push(b']');
                page
            }
        };
        let write = (page.key.clone(), Write::Put(page.bytes.as_slice().into()));
        self.0.insert(record.partner.clone(), page);
        Ok(write)
    }
}
