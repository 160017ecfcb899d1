//! A group of commits as the log has it: what it changes, and which commits they are.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `FF`, which no text has in it, then `log` |
//! | 4 | CRC-32 of all that follows |
//! | 8 | how many commits the store had seen before |
//! | 8 | how many it has seen with these |
//! | 8 | the length of the changes |
//! | | the changes; for each: the key's length (4 bytes), the key; the value's length (4 bytes), the value; or `FFFF_FFFF` where it is removed |
//!
//! All numbers are big-endian. A file of the log is written over again and again, so that behind its last record lies what is
//! left of older ones. The numbers of commits tell: a record goes on exactly where the one before it ended.

use sled::IVec;

use super::view::Changes;

const MAGIC: [u8; 4] = *b"\xfflog";
const REMOVED: u32 = u32::MAX;

/// Where in a record begins what the sum is of.
const SUMMED: usize = MAGIC.len() + 4;
/// Where its changes begin, behind three numbers.
const FIELDS: usize = SUMMED + 3 * 8;

/// Which commits a record, or a run of them, holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// How many commits there were before.
    pub(super) before: u64,
    /// How many there are with these.
    pub(super) after: u64,
}

/// A record, ready to be written.
#[derive(Debug)]
pub(super) struct Record(Vec<u8>);

impl Record {
    pub(super) fn of(span: Span, changes: &Changes) -> Self {
        let room = changes.iter().map(|(key, value)| 8 + key.len() + value.as_ref().map_or(0, |value| value.len()));
        let mut record = Vec::with_capacity(FIELDS + room.sum::<usize>());
        record.resize(FIELDS, 0);
        for (key, value) in changes {
            add(&mut record, Some(key));
            add(&mut record, value.as_deref());
        }
        let length = (record.len() - FIELDS) as u64;
        let numbers = [span.before, span.after, length].map(u64::to_be_bytes).concat();
        record[SUMMED..FIELDS].copy_from_slice(&numbers);
        let sum = crc32fast::hash(&record[SUMMED..]).to_be_bytes();
        record[..SUMMED].copy_from_slice(&[MAGIC, sum].concat());
        Self(record)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Adds a field to a record: `None` where something is removed.
fn add(record: &mut Vec<u8>, field: Option<&[u8]>) {
    let length = field.map_or(REMOVED, |field| u32::try_from(field.len()).unwrap_or(REMOVED));
    record.extend_from_slice(&length.to_be_bytes());
    record.extend_from_slice(field.unwrap_or_default());
}

/// A record that was read, and how many bytes it has.
#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    span: Span,
    changes: Vec<(IVec, Option<IVec>)>,
    length: usize,
}

/// The record at the beginning of these bytes; `None` if there is none, or not all of it.
fn decode(bytes: &[u8]) -> Option<Decoded> {
    let (sum, summed) = bytes.strip_prefix(&MAGIC)?.split_first_chunk()?;
    let [before, after, length] = summed.get(..FIELDS - SUMMED)?.as_chunks::<8>().0 else { return None };
    let end = usize::try_from(u64::from_be_bytes(*length)).ok()?.checked_add(FIELDS - SUMMED)?;
    let (summed, _) = summed.split_at_checked(end)?;
    if crc32fast::hash(summed) != u32::from_be_bytes(*sum) {
        return None;
    }
    let mut fields = summed.get(FIELDS - SUMMED..)?;
    let mut changes = Vec::new();
    while !fields.is_empty() {
        let key = field(&mut fields)??;
        changes.push((key.into(), field(&mut fields)?.map(IVec::from)));
    }
    let span = Span { before: u64::from_be_bytes(*before), after: u64::from_be_bytes(*after) };
    Some(Decoded { span, changes, length: SUMMED + end })
}

/// The next field of a record; `Some(None)` where something is removed.
fn field<'r>(rest: &mut &'r [u8]) -> Option<Option<&'r [u8]>> {
    let (length, after) = rest.split_first_chunk()?;
    let length = u32::from_be_bytes(*length);
    let (field, after) = if length == REMOVED {
        (None, after)
    } else {
        let (field, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
        (Some(field), after)
    };
    *rest = after;
    Some(field)
}

/// What a file of the log holds: records that go on from each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// All of their commits.
    pub(super) span: Span,
    /// What they have come to.
    pub(super) changes: Changes,
    /// Where the next record goes.
    pub(super) end: u64,
}

/// Reads records for as long as each goes on where the last one ended; `None` if there is not even one.
pub(super) fn read(bytes: &[u8]) -> Option<Run> {
    let Decoded { mut span, changes, mut length } = decode(bytes)?;
    let mut changes: Changes = changes.into_iter().collect();
    while let Some(next) = bytes.get(length..).and_then(decode)
        && next.span.before == span.after
    {
        span.after = next.span.after;
        length += next.length;
        changes.extend(next.changes);
    }
    Some(Run { span, changes, end: length as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(pairs: &[(&str, Option<&str>)]) -> Changes {
        pairs.iter().map(|(key, value)| (key.as_bytes().into(), value.map(|value| value.as_bytes().into()))).collect()
    }

    fn record(before: u64, after: u64, pairs: &[(&str, Option<&str>)]) -> Vec<u8> {
        Record::of(Span { before, after }, &changes(pairs)).bytes().to_vec()
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let pairs = [("put", Some("value")), ("emptied", Some("")), ("removed", None)];
        for pairs in [&pairs[..], &[]] {
            let bytes = record(7, 9, pairs);
            let read = decode(&[&bytes[..], b"and more"].concat()).unwrap();
            assert_eq!(read.span, Span { before: 7, after: 9 });
            assert_eq!(read.changes, changes(pairs).into_iter().collect::<Vec<_>>());
            assert_eq!(read.length, bytes.len());
        }
    }

    #[test]
    fn a_record_that_is_not_whole_is_none() {
        let bytes = record(7, 9, &[("key", Some("value"))]);
        assert!((0..bytes.len()).all(|length| decode(&bytes[..length]).is_none()));
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_eq!(decode(&damaged), None, "byte {place}");
        }
    }

    #[test]
    fn a_run_ends_where_records_do_not_go_on() {
        let first = record(4, 6, &[("a", Some("1")), ("b", Some("1"))]);
        let second = record(6, 7, &[("a", Some("2")), ("b", None)]);
        let both = changes(&[("a", Some("2")), ("b", None)]);
        let torn = &record(7, 8, &[("a", Some("3"))])[..20];
        let older = record(2, 3, &[("a", Some("0"))]);
        let again = record(6, 7, &[("a", Some("other"))]);
        for behind in [&[][..], &[0; 100], torn, &older, &again] {
            let run = read(&[&first, &second, behind].concat()).unwrap();
            assert_eq!(run.span, Span { before: 4, after: 7 }, "{behind:?}");
            assert_eq!(run.changes, both, "{behind:?}");
            assert_eq!(run.end, (first.len() + second.len()) as u64, "{behind:?}");
        }
        assert_eq!(read(&[0; 100]), None);
    }
}
