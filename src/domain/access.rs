//! Who may use the control API, the console and the portal, where that is not left open: whoever shows a key.
//!
//! A key is either the operator's, and opens everything, or a sandbox's. Sandboxes are named in the manner of domains,
//! from the left: the key of `team-a` also opens `team-a.checkout` and may create it, so that a team can have a sandbox
//! for each of its runs.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    ids::{BadId, SandboxId},
    time::Timestamp,
};

/// What every key begins with, so that people and scanners for leaked secrets recognize one.
const PREFIX: &str = "rhk";
/// Where a sandbox's key has the sandbox's name; no sandbox can be called so.
const OPERATOR: &str = "~";
/// The shortest key that an operator may bring along. Twenty random letters and digits can't be tried out.
pub const SHORTEST_OWN_KEY: usize = 20;

/// The longest note that a key may have.
pub const LONGEST_NOTE: usize = 200;

/// Why keys can't be changed as somebody wished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// There is no key of that id.
    #[error("there is no key {0}")]
    Unknown(KeyId),
    /// More keys than anybody needs.
    #[error("there are {most} keys already, as many as there may be")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
    /// Without it nobody could get in any more.
    #[error("{0} is the last key that opens everything")]
    Last(KeyId),
}

/// What a key opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reach {
    /// Everything, and what concerns all sandboxes besides.
    Everything,
    /// A sandbox, and those that are named as parts of it.
    Sandbox(SandboxId),
}

impl Reach {
    /// Whether a sandbox lies in it.
    #[must_use]
    pub fn covers(&self, sandbox: &SandboxId) -> bool {
        match self {
            Self::Everything => true,
            Self::Sandbox(own) => {
                sandbox.as_str().strip_prefix(own.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
        }
    }

    /// The sandbox that the key is of; `None` for one of everything.
    #[must_use]
    pub const fn own(&self) -> Option<&SandboxId> {
        match self {
            Self::Everything => None,
            Self::Sandbox(own) => Some(own),
        }
    }

    /// The sandbox that somebody is shown who names none.
    #[must_use]
    pub fn home(&self) -> SandboxId {
        self.own().cloned().unwrap_or_else(SandboxId::default_sandbox)
    }
}

/// A key as it is shown: `rhk.<sandbox or ~>.<id>.<secret>`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// What it opens.
    pub reach: Reach,
    /// Which one it is.
    pub id: KeyId,
    secret: String,
}

impl AccessKey {
    /// A new key, of random bytes.
    #[must_use]
    pub fn new(reach: Reach, id: [u8; 6], secret: [u8; 32]) -> Self {
        let id = KeyId(id.iter().map(|byte| format!("{byte:02x}")).collect());
        Self { reach, id, secret: BASE64_URL_SAFE_NO_PAD.encode(secret) }
    }

    /// What is kept of it.
    #[must_use]
    pub fn kept(&self, note: String, created: Timestamp) -> KeptKey {
        KeptKey { id: self.id.clone(), note, created, digest: KeyDigest::of(&self.secret) }
    }

    /// Reads a key; `None` for what is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        // A sandbox's name may have dots in it.
        let mut parts = text.strip_prefix(PREFIX)?.strip_prefix('.')?.rsplitn(3, '.');
        let (secret, id, owner) = (parts.next()?, parts.next()?, parts.next()?);
        let reach = if owner == OPERATOR { Reach::Everything } else { Reach::Sandbox(owner.parse().ok()?) };
        Some(Self { reach, id: id.parse().ok()?, secret: secret.to_owned() })
    }
}

impl fmt::Display for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = match &self.reach {
            Reach::Everything => OPERATOR,
            Reach::Sandbox(sandbox) => sandbox.as_str(),
        };
        write!(f, "{PREFIX}.{owner}.{}.{}", self.id, self.secret)
    }
}

/// Never with the secret.
impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("reach", &self.reach).field("id", &self.id).finish_non_exhaustive()
    }
}

/// Which key it is, to tell it from others without showing it: twelve hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// The id as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        if text.len() == 12 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Ok(Self(text.to_owned()));
        }
        Err(BadId { kind: "key id", text: text.to_owned(), why: "is not twelve hexadecimal digits" })
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is kept of a key: enough to know it again, not enough to show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptKey {
    /// Which one it is.
    pub id: KeyId,
    /// Whose it is or what for, in its owner's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// When it was made, on the machine's clock.
    pub created: Timestamp,
    digest: KeyDigest,
}

impl KeptKey {
    /// Whether a shown key is this one.
    #[must_use]
    pub fn is(&self, shown: &AccessKey) -> bool {
        self.digest.is_of(&shown.secret)
    }
}

/// A secret, digested. A secret of 256 random bits needs no slower digest: nobody can try them out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of a secret.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Whether it is that of a secret. The time that this takes tells nothing.
    #[must_use]
    pub fn is_of(&self, secret: &str) -> bool {
        self.0.ct_eq(&Sha256::digest(secret.as_bytes())).into()
    }

    /// A name by which a digest is known again, from which the secret can't be tried out more easily than from the digest.
    #[must_use]
    pub fn name(&self) -> String {
        Sha256::digest(self.0).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Not a word about it.
impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sandbox: &str) -> Reach {
        Reach::Sandbox(sandbox.parse().unwrap())
    }

    #[test]
    fn a_key_opens_its_sandbox_and_those_named_as_its_parts() {
        let table = [
            (Reach::Everything, "default", true),
            (Reach::Everything, "team-a", true),
            (of("team-a"), "team-a", true),
            (of("team-a"), "team-a.checkout", true),
            (of("team-a"), "team-a.checkout.2", true),
            (of("team-a"), "team-ab", false),
            (of("team-a"), "team", false),
            (of("team-a.checkout"), "team-a", false),
            (of("team-a"), "default", false),
            (of("default"), "default", true),
        ];
        for (reach, sandbox, expected) in table {
            assert_eq!(reach.covers(&sandbox.parse().unwrap()), expected, "{reach:?} {sandbox}");
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_shown_and_is_known_again() {
        for reach in [Reach::Everything, of("team-a"), of("team-a.checkout")] {
            let key = AccessKey::new(reach, [1, 2, 3, 4, 5, 0xff], [7; 32]);
            let read = AccessKey::read(&key.to_string()).unwrap();
            assert_eq!(read, key);
            let kept = key.kept("CI".to_owned(), Timestamp::from_millis(0));
            assert!(kept.is(&read));
            let other = AccessKey::new(key.reach.clone(), [1, 2, 3, 4, 5, 0xff], [8; 32]);
            assert!(!kept.is(&other));
            let stored = serde_json::to_string(&kept).unwrap();
            for told in [stored, format!("{kept:?} {key:?}")] {
                assert!(!told.contains(&key.secret), "{told}");
            }
        }
        let key = AccessKey::new(of("team-a"), [1, 2, 3, 4, 5, 0xff], [7; 32]).to_string();
        assert_eq!(key, "rhk.team-a.0102030405ff.BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
    }

    #[test]
    fn what_is_no_key_is_not_read() {
        let table = [
            "",
            "rhk",
            "rhk.team-a",
            "rhk.team-a.0102030405ff",
            "rhk.Team.0102030405ff.x",
            "rhk.team-a.0102030405FF.x",
            "rhk.team-a.01.x",
            "rhk..0102030405ff.x",
            "key.team-a.0102030405ff.x",
            "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        ];
        for text in table {
            assert_eq!(AccessKey::read(text), None, "{text}");
        }
    }
}
