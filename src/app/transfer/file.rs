//! The file: a head, each sandbox with its documents in the order of their keys, and an end that says how many there were and
//! what all of them sum up to.

use std::io::{BufRead, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::TransferError;
use crate::domain::ids::SandboxId;

/// The format of the file, and of the documents in it.
const FORMAT: u32 = 2;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Line {
    /// What file this is.
    RehearsalExport { format: u32 },
    /// The keys that tokens are signed by: only if everything was exported.
    SigningKeys { body: String },
    /// The documents of this one follow.
    Sandbox { name: SandboxId },
    /// A document, by the part of its key that follows the sandbox.
    Document { key: String, body: String },
    /// The end.
    End { documents: u64, sha256: String },
}

/// What a file holds, piece by piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    SigningKeys(Vec<u8>),
    Sandbox(SandboxId),
    Document { key: Vec<u8>, body: Vec<u8> },
}

/// Writes a file.
pub(super) struct Writer<'a> {
    out: &'a mut dyn Write,
    sum: Sha256,
    documents: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn begin(out: &'a mut dyn Write) -> Result<Self, TransferError> {
        let mut writer = Self { out, sum: Sha256::new(), documents: 0 };
        writer.line(&Line::RehearsalExport { format: FORMAT })?;
        Ok(writer)
    }

    pub(super) fn add(&mut self, piece: &Piece) -> Result<(), TransferError> {
        match piece {
            Piece::SigningKeys(body) => self.line(&Line::SigningKeys { body: STANDARD.encode(body) }),
            Piece::Sandbox(name) => self.line(&Line::Sandbox { name: name.clone() }),
            Piece::Document { key, body } => {
                self.documents += 1;
                self.line(&Line::Document { key: STANDARD.encode(key), body: STANDARD.encode(body) })
            }
        }
    }

    pub(super) fn end(mut self) -> Result<(), TransferError> {
        let end = Line::End { documents: self.documents, sha256: hex(&self.sum.clone().finalize()) };
        self.line(&end)?;
        Ok(self.out.flush()?)
    }

    fn line(&mut self, line: &Line) -> Result<(), TransferError> {
        let mut bytes = serde_json::to_vec(line).map_err(std::io::Error::from)?;
        bytes.push(b'\n');
        self.sum.update(&bytes);
        Ok(self.out.write_all(&bytes)?)
    }
}

/// Reads a file to its end, and hands each piece on; the last word is whether all of it was there.
pub(super) struct Reader<R> {
    from: R,
    line: u64,
    sum: Sha256,
    documents: u64,
    text: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    pub(super) fn begin(from: R) -> Result<Self, TransferError> {
        let mut reader = Self { from, line: 0, sum: Sha256::new(), documents: 0, text: Vec::new() };
        match reader.line()? {
            Line::RehearsalExport { format: FORMAT } => {
                reader.sum.update(&reader.text);
                Ok(reader)
            }
            Line::RehearsalExport { format } => Err(TransferError::OtherFormat { found: format, known: FORMAT }),
            _ => Err(reader.wrong("it is no head")),
        }
    }

    /// The next piece; `None` at the end, once the sum is right.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, TransferError> {
        let line = self.line()?;
        if let Line::End { documents, sha256 } = &line {
            if *documents != self.documents || *sha256 != hex(&self.sum.clone().finalize()) {
                return Err(TransferError::Damaged("it does not sum up to what it says"));
            }
            return Ok(None);
        }
        self.sum.update(&self.text);
        let bytes = |text: &str| STANDARD.decode(text).map_err(|error| self.wrong(&error.to_string()));
        Ok(Some(match line {
            Line::SigningKeys { body } => Piece::SigningKeys(bytes(&body)?),
            Line::Sandbox { name } => Piece::Sandbox(name),
            Line::Document { key, body } => {
                let piece = Piece::Document { key: bytes(&key)?, body: bytes(&body)? };
                self.documents += 1;
                piece
            }
            Line::RehearsalExport { .. } | Line::End { .. } => return Err(self.wrong("it is a second head")),
        }))
    }

    fn line(&mut self) -> Result<Line, TransferError> {
        self.text.clear();
        self.line += 1;
        if self.from.read_until(b'\n', &mut self.text)? == 0 {
            return Err(TransferError::Damaged("it ends too early"));
        }
        serde_json::from_slice(&self.text).map_err(|error| self.wrong(&error.to_string()))
    }

    fn wrong(&self, why: &str) -> TransferError {
        TransferError::NotAnExport { line: self.line, why: why.to_owned() }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Vec<u8> {
        let mut file = Vec::new();
        let mut writer = Writer::begin(&mut file).unwrap();
        writer.add(&Piece::Sandbox("team-a".parse().unwrap())).unwrap();
        writer.add(&Piece::Document { key: vec![0, 255], body: b"one".to_vec() }).unwrap();
        writer.end().unwrap();
        file
    }

    fn read(file: &[u8]) -> Result<Vec<Piece>, TransferError> {
        let mut reader = Reader::begin(file)?;
        let mut pieces = Vec::new();
        while let Some(piece) = reader.next()? {
            pieces.push(piece);
        }
        Ok(pieces)
    }

    #[test]
    fn a_file_reads_back() {
        let expected =
            [Piece::Sandbox("team-a".parse().unwrap()), Piece::Document { key: vec![0, 255], body: b"one".to_vec() }];
        assert_eq!(read(&written()).unwrap(), expected);
    }

    #[test]
    fn a_file_that_was_cut_changed_or_is_none_is_told() {
        let file = written();
        let text = String::from_utf8(file.clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let table = [
            (lines[..3].join("\n"), "ends too early"),
            (text[..text.len() - 10].to_owned(), "line 4"),
            (text.replace(&STANDARD.encode("one"), &STANDARD.encode("two")), "does not sum up"),
            ([lines[0], lines[1], lines[3]].join("\n"), "does not sum up"),
            (text.replace("\"format\":2", "\"format\":1"), "another version"),
            (text.replace("\"format\":2", "\"format\":3"), "another version"),
            (lines[1..].join("\n"), "line 1 is not one of an export: it is no head"),
            (text.replace("\"key\":\"", "\"key\":\"!"), "line 3"),
            (String::new(), "ends too early"),
            ("hello".to_owned(), "line 1"),
        ];
        for (damaged, why) in table {
            let said = read(damaged.as_bytes()).unwrap_err().to_string();
            assert!(said.contains(why), "{why}: {said}");
        }
    }
}
