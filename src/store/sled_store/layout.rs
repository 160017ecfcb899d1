//! How documents lie in sled's one tree.
//!
//! | key | value |
//! |---|---|
//! | `d`, then the document's key | 8 bytes: the version; then the document's bytes |
//! | the same, if it is large | the version, top bit set; 12 bytes: the name of its parts; 8 bytes: its length |
//! | `p`, the name of the parts, 4 bytes: the part's number | a part of a large document |
//! | `z` | 8 bytes: how many commits are in the tree |
//!
//! All numbers are big-endian. The name of a document's parts is the number of the commit that wrote them (8 bytes) and
//! the place of the write in its changeset (4 bytes), so that no two documents ever share one.
//!
//! Large documents are cut up because sled writes a whole page again for every tenth change to it, and a leaf has up to
//! 17 entries, 20 for a moment while two are merged. Besides, a page of more than a quarter of a segment goes into a
//! file of its own, which sled neither syncs nor misses on recovery: a power cut would lose it, and every acknowledged
//! document in it, without a word.

use std::sync::Arc;

use sled::IVec;

use crate::store::{Key, KeyRange, Version};

/// A document up to this size lies beside its version; a larger one is cut into parts of this size.
pub(super) const PART_BYTES: usize = 5 * 1024;

/// Where the number of commits is kept: behind everything else, where few writes share its page.
pub(super) const COMMITS: &[u8] = b"z";

const DOCUMENTS: u8 = b'd';
const BEHIND_DOCUMENTS: u8 = b'e';
const PARTS: u8 = b'p';
const IN_PARTS: u64 = 1 << 63;

/// The name of a large document's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartsName {
    /// The commit that wrote it.
    pub(super) commit: u64,
    /// The place of the write in the changeset.
    pub(super) place: u32,
}

/// What lies under a document's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) version: Version,
    pub(super) body: Body<'a>,
}

/// Where a document's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body<'a> {
    /// Here.
    Whole(&'a [u8]),
    /// Under keys of their own.
    InParts { name: PartsName, length: usize },
}

/// A key in sled's tree with its value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// The tree's key for a document.
pub(super) fn document_key(key: &Key) -> Vec<u8> {
    [&[DOCUMENTS], key.as_bytes()].concat()
}

/// The document's key, from the tree's.
pub(super) fn key_of(tree_key: &[u8]) -> Key {
    Key::from_bytes(tree_key.get(1..).unwrap_or_default().to_vec())
}

/// First key of a range of documents, and first key behind it.
pub(super) fn bounds(range: &KeyRange) -> (Vec<u8>, Vec<u8>) {
    (document_key(&range.start), range.end.as_ref().map_or_else(|| vec![BEHIND_DOCUMENTS], document_key))
}

/// Whether a document is so large that it is cut up.
pub(super) const fn is_in_parts(bytes: &[u8]) -> bool {
    bytes.len() > PART_BYTES
}

/// A document's head and its parts, if it is large.
pub(super) fn encode(version: Version, bytes: &[u8], name: PartsName) -> (Vec<u8>, Vec<Entry>) {
    if !is_in_parts(bytes) {
        return ([&version.0.to_be_bytes(), bytes].concat(), Vec::new());
    }
    let mut head = (version.0 | IN_PARTS).to_be_bytes().to_vec();
    head.extend_from_slice(&name.commit.to_be_bytes());
    head.extend_from_slice(&name.place.to_be_bytes());
    head.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    (head, name.keys(bytes.len()).zip(bytes.chunks(PART_BYTES).map(<[u8]>::to_vec)).collect())
}

/// Reads a head; `None` when it is not one.
pub(super) fn decode(value: &[u8]) -> Option<Head<'_>> {
    let (first, rest) = value.split_first_chunk()?;
    let first = u64::from_be_bytes(*first);
    let version = Version(first & !IN_PARTS);
    if first & IN_PARTS == 0 {
        return Some(Head { version, body: Body::Whole(rest) });
    }
    let (commit, rest) = rest.split_first_chunk()?;
    let (place, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?;
    let name = PartsName { commit: u64::from_be_bytes(*commit), place: u32::from_be_bytes(*place) };
    Some(Head { version, body: Body::InParts { name, length } })
}

/// Puts a large document together again; `None` when its parts are not what its head says.
pub(super) fn join(parts: &[IVec], length: usize) -> Option<Arc<[u8]>> {
    let bytes = parts.concat();
    (bytes.len() == length).then(|| bytes.into())
}

impl PartsName {
    /// The keys of all parts of a document of this length.
    pub(super) fn keys(self, length: usize) -> impl Iterator<Item = Vec<u8>> {
        (0..).take(length.div_ceil(PART_BYTES)).map(move |number| self.key(number))
    }

    fn key(self, number: u32) -> Vec<u8> {
        let mut key = vec![PARTS];
        key.extend_from_slice(&self.commit.to_be_bytes());
        key.extend_from_slice(&self.place.to_be_bytes());
        key.extend_from_slice(&number.to_be_bytes());
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_back_as_it_was_laid_out() {
        let name = PartsName { commit: 7, place: 3 };
        for length in [0, 1, PART_BYTES, PART_BYTES + 1, 4 * PART_BYTES, 1_000_000] {
            let bytes: Vec<u8> = (0_u8..=250).cycle().take(length).collect();
            let (head, parts) = encode(Version(9), &bytes, name);
            assert!(head.len() <= PART_BYTES + 8 && parts.iter().all(|(_, part)| part.len() <= PART_BYTES));
            let decoded = decode(&head).unwrap();
            assert_eq!(decoded.version, Version(9));
            match decoded.body {
                Body::Whole(whole) => assert_eq!(whole, bytes),
                Body::InParts { name: found, length } => {
                    assert_eq!(found, name);
                    assert!(name.keys(length).eq(parts.iter().map(|(key, _)| key.clone())));
                    assert!(parts.is_sorted());
                    let parts: Vec<IVec> = parts.into_iter().map(|(_, part)| part.into()).collect();
                    assert_eq!(join(&parts, length).as_deref(), Some(bytes.as_slice()));
                    assert_eq!(join(&parts[1..], length), None);
                }
            }
        }
    }

    #[test]
    fn a_head_that_is_too_short_is_none() {
        let (head, _) = encode(Version(1), &vec![0; PART_BYTES + 1], PartsName { commit: 1, place: 0 });
        assert!((0..head.len()).all(|length| decode(&head[..length]).is_none()));
    }
}
