//! The authorization code of a personalized link, which the fulfillment API calls the purchase identification token.
//!
//! Its form follows the recorded ones: 160 bytes, so 216 characters of standard base64 that end in `==` (recorded).
//! Inside: subscription id, time of issue and a nonce, sealed with HMAC-SHA256. Only the marketplace can tell what a
//! code stands for; to everybody else it is opaque.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{
    ids::SubscriptionId,
    time::{Period, Timestamp},
};

/// Bytes of the nonce: what is left of 160 after the id (16), the time (8) and the seal (32).
pub const NONCE_BYTES: usize = 104;
const CLAIM_BYTES: usize = 16 + 8;
const SEALED_BYTES: usize = CLAIM_BYTES + NONCE_BYTES;
const CODE_BYTES: usize = SEALED_BYTES + 32;

/// Characters that stay as they are in a query value (RFC 3986 unreserved).
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The secrets that seal codes. A new code is sealed with the primary one; the secondary is accepted too, so that
/// secrets can be rotated while codes are out.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingSecrets {
    primary: Secret,
    secondary: Secret,
}

/// One secret: as many bytes as HMAC-SHA256 takes without hashing them first.
pub type Secret = [u8; 64];

impl SealingSecrets {
    /// Secrets from random bytes.
    #[must_use]
    pub const fn new(primary: Secret, secondary: Secret) -> Self {
        Self { primary, secondary }
    }
}

/// Shows nothing of the secrets.
impl std::fmt::Debug for SealingSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingSecrets")
    }
}

/// A code as it was handed out, with its life.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationCode {
    /// The text that the partner copies: standard base64.
    pub text: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it stops resolving.
    pub expires_at: Timestamp,
}

/// A code is a bearer secret: no debug line shows it.
impl std::fmt::Debug for AuthorizationCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorizationCode").field("issued_at", &self.issued_at).finish_non_exhaustive()
    }
}

/// How long a code resolves: 24 hours (docs:subscription-api).
#[must_use]
pub fn lifetime() -> Period {
    Period::hours(24)
}

/// Seals a code. Of the nonces offered the first is taken whose code holds both `+` and `/`, as the recorded ones do, so
/// that a landing page that decodes badly is found out on its first try; if none does, the last one.
#[must_use]
pub fn seal(
    secrets: &SealingSecrets,
    subscription: SubscriptionId,
    now: Timestamp,
    nonces: impl IntoIterator<Item = [u8; NONCE_BYTES]>,
) -> AuthorizationCode {
    let mut text = String::new();
    for nonce in nonces {
        let mut bytes = Vec::with_capacity(CODE_BYTES);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(subscription.as_bytes());
        bytes.extend_from_slice(&now.as_millis().to_be_bytes());
        let tag = sealing(&secrets.primary, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag);
        text = STANDARD.encode(&bytes);
        if text.contains('+') && text.contains('/') {
            break;
        }
    }
    AuthorizationCode { text, issued_at: now, expires_at: now.plus(lifetime()) }
}

/// What an intact code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsealed {
    /// The purchase that it stands for.
    pub subscription: SubscriptionId,
    /// When it was issued.
    pub issued_at: Timestamp,
}

/// Opens a code.
///
/// # Errors
/// The [`CodeFault`] that best explains why it does not open.
pub fn unseal(secrets: &SealingSecrets, text: &str, now: Timestamp) -> Result<Unsealed, CodeFault> {
    let Some(unsealed) = open(secrets, text) else { return Err(diagnose(secrets, text)) };
    let expires_at = unsealed.issued_at.plus(lifetime());
    if now >= expires_at { Err(CodeFault::Expired { at: expires_at }) } else { Ok(unsealed) }
}

/// What is wrong with a code. The API gives one answer for all of them (issue:MicrosoftDocs/azure-docs#50086); whoever
/// debugs a landing page needs to know which it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CodeFault {
    /// Its 24 hours are over.
    Expired {
        /// Since when.
        at: Timestamp,
    },
    /// It was resolved before, and resolves only once.
    Used,
    /// It was percent-encoded twice: `%252B`.
    DoubleEncoded,
    /// It was passed on as it stands in the URL: `%2B`.
    StillEncoded,
    /// It was decoded once too often, as a form: each `+` became a blank.
    PlusTurnedBlank,
    /// Its end is missing.
    Truncated,
    /// It is not base64 at all.
    NotBase64,
    /// It has the form of a code, but this marketplace did not seal it: another sandbox's, or altered.
    Foreign,
}

impl CodeFault {
    /// The name in the journal and in scenarios.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "expired",
            Self::Used => "used",
            Self::DoubleEncoded => "doubleEncoded",
            Self::StillEncoded => "stillEncoded",
            Self::PlusTurnedBlank => "plusTurnedBlank",
            Self::Truncated => "truncated",
            Self::NotBase64 => "notBase64",
            Self::Foreign => "foreign",
        }
    }

    /// The reason as the rest of a sentence, with what to do about it.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Expired { at } => format!("it expired at {at}; open the subscription again for a fresh link"),
            Self::Used => "it was resolved before; open the subscription again for a fresh link".to_owned(),
            Self::DoubleEncoded => "it was percent-encoded twice; decode the query value exactly once".to_owned(),
            Self::StillEncoded => {
                "it is still percent-encoded; decode the query value exactly once before you pass it on".to_owned()
            }
            Self::PlusTurnedBlank => {
                "its '+' characters were turned into blanks; don't decode it as a form a second time".to_owned()
            }
            Self::Truncated => "its end is missing; copy the whole code".to_owned(),
            Self::NotBase64 => "it is not an authorization code at all".to_owned(),
            Self::Foreign => "this marketplace did not issue it: it is another sandbox's, or was altered".to_owned(),
        }
    }
}

/// The landing page's URL with the code as its `token`, percent-encoded; appended with `&` to a URL that already has a
/// query (inferred).
#[must_use]
pub fn personalized_link(landing_page_url: &str, code: &str) -> String {
    let joint = if landing_page_url.contains('?') { '&' } else { '?' };
    format!("{landing_page_url}{joint}token={}", utf8_percent_encode(code, QUERY_VALUE))
}

fn sealing(secret: &Secret, sealed: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new(&(*secret).into());
    mac.update(sealed);
    mac
}

/// The claims of a code whose seal holds, however old.
fn open(secrets: &SealingSecrets, text: &str) -> Option<Unsealed> {
    let bytes = STANDARD.decode(text).ok()?;
    let (sealed, tag) = bytes.split_at_checked(SEALED_BYTES)?;
    // Both are always computed and compared in constant time, so that the answer's time tells nothing.
    let primary = sealing(&secrets.primary, sealed).verify_slice(tag).is_ok();
    let secondary = sealing(&secrets.secondary, sealed).verify_slice(tag).is_ok();
    if !(primary | secondary) {
        return None;
    }
    let (id, issued) = sealed.get(NONCE_BYTES..)?.split_first_chunk::<16>()?;
    let issued = issued.first_chunk::<8>()?;
    Some(Unsealed {
        subscription: SubscriptionId::from_bytes(*id),
        issued_at: Timestamp::from_millis(i64::from_be_bytes(*issued)),
    })
}

fn diagnose(secrets: &SealingSecrets, text: &str) -> CodeFault {
    let once = percent_decode_str(text).decode_utf8_lossy();
    if once != text {
        return if percent_decode_str(&once).decode_utf8_lossy() == once {
            CodeFault::StillEncoded
        } else {
            CodeFault::DoubleEncoded
        };
    }
    if text.contains(' ') && open(secrets, &text.replace(' ', "+")).is_some() {
        return CodeFault::PlusTurnedBlank;
    }
    let looks_like_base64 = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    if text.is_empty() || !looks_like_base64 {
        return CodeFault::NotBase64;
    }
    if text.len() < CODE_BYTES.div_ceil(3) * 4 { CodeFault::Truncated } else { CodeFault::Foreign }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(seed: u8) -> SealingSecrets {
        SealingSecrets::new([seed; 64], [seed ^ 0xff; 64])
    }

    fn sample() -> (AuthorizationCode, SubscriptionId, Timestamp) {
        let id = SubscriptionId::from_bytes([7; 16]);
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        (seal(&secrets(1), id, now, (0..9).map(|n| [n; NONCE_BYTES])), id, now)
    }

    #[test]
    fn a_code_has_the_form_of_the_recorded_ones() {
        let (code, ..) = sample();
        assert_eq!(code.text.len(), 216);
        assert!(code.text.ends_with("==") && code.text.contains('+') && code.text.contains('/'), "{}", code.text);
    }

    #[test]
    fn a_code_opens_for_24_hours_as_often_as_wanted() {
        let (code, subscription, now) = sample();
        for at in [now, now.plus_millis(1), now.plus_millis(24 * 3_600_000 - 1)] {
            assert_eq!(unseal(&secrets(1), &code.text, at), Ok(Unsealed { subscription, issued_at: now }));
        }
        let end = now.plus_millis(24 * 3_600_000);
        assert_eq!(unseal(&secrets(1), &code.text, end), Err(CodeFault::Expired { at: end }));
    }

    #[test]
    fn the_secondary_secret_is_accepted_so_that_secrets_can_be_rotated() {
        let (code, subscription, now) = sample();
        let rotated = SealingSecrets::new([42; 64], [1; 64]);
        assert_eq!(unseal(&rotated, &code.text, now).map(|open| open.subscription), Ok(subscription));
    }

    #[test]
    fn each_way_to_mangle_a_code_is_told_apart() {
        let (code, _, now) = sample();
        let encoded = utf8_percent_encode(&code.text, QUERY_VALUE).to_string();
        let altered = code.text.replacen(|c: char| c.is_ascii_digit(), "A", 1);
        let table = [
            (encoded.clone(), CodeFault::StillEncoded),
            (utf8_percent_encode(&encoded, QUERY_VALUE).to_string(), CodeFault::DoubleEncoded),
            (code.text.replace('+', " "), CodeFault::PlusTurnedBlank),
            (code.text[..200].to_owned(), CodeFault::Truncated),
            (code.text[..215].to_owned(), CodeFault::Truncated),
            ("hello, world".to_owned(), CodeFault::NotBase64),
            (String::new(), CodeFault::NotBase64),
            (altered, CodeFault::Foreign),
        ];
        for (text, fault) in table {
            assert_eq!(unseal(&secrets(1), &text, now), Err(fault), "{text}");
        }
        assert_eq!(unseal(&secrets(2), &code.text, now), Err(CodeFault::Foreign));
    }

    #[test]
    fn the_link_carries_the_code_encoded_once() {
        assert_eq!(
            personalized_link("https://isv.example/land", "a+b/c=="),
            "https://isv.example/land?token=a%2Bb%2Fc%3D%3D"
        );
        assert_eq!(personalized_link("https://isv.example/?x=1", "ab"), "https://isv.example/?x=1&token=ab");
    }
}
