//! Every id of the commerce core, one type per kind.
//!
//! Text ids are the publisher's own words (`offer`, `plan`); GUIDs are Microsoft's. A constructor parses, so an id that
//! exists is well formed, and one kind can't be passed for another.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};
use uuid::Uuid;

/// Why a text is not an id of the kind asked for. `Display` is one sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?} {why}")]
pub struct BadId {
    /// The kind of id, in the field's words: `plan id`.
    pub kind: &'static str,
    /// What was given.
    pub text: String,
    /// What is wrong with it, as a predicate: `is empty`.
    pub why: &'static str,
}

/// Plan ids: up to 50 characters, lower-case alphanumerics, `-`, `_` (docs:plans-pricing). The other text ids follow
/// the same rule with a dot allowed, as publishers write `contoso.crm`.
fn check_name(kind: &'static str, text: &str) -> Result<(), BadId> {
    let bad = |why| Err(BadId { kind, text: text.to_owned(), why });
    if text.is_empty() {
        return bad("is empty");
    }
    if text.len() > 50 {
        return bad("is longer than 50 characters");
    }
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.')) {
        return bad("has a character other than a-z, 0-9, '-', '_' and '.'");
    }
    // Clients take such a segment out of a URL's path, so what it names could never be reached.
    if matches!(text, "." | "..") {
        return bad("is made of dots alone");
    }
    Ok(())
}

macro_rules! name_ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as the APIs spell it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                check_name($kind, text)?;
                Ok(Self(text.into()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($kind)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

macro_rules! guid_ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// An id from 128 bits, whichever version they happen to spell: Microsoft's ids are not version 4 (recorded).
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 128 bits.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| BadId { kind: $kind, text: text.to_owned(), why: "is not a GUID" })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    )*};
}

name_ids! {
    /// A customer of a CSP partner, as the fixtures name it.
    CustomerId = "customer id";
    /// A metering dimension of a plan.
    DimensionId = "dimension id";
    /// An offer in the marketplace.
    OfferId = "offer id";
    /// A CSP partner, as the fixtures name it.
    PartnerId = "partner id";
    /// A plan of an offer.
    PlanId = "plan id";
    /// A publisher (ISV).
    PublisherId = "publisher id";
    /// A sandbox: one isolated world with its own clock, seed and catalogue.
    SandboxId = "sandbox id";
}

guid_ids! {
    /// A call to a webhook, as its `activityId`.
    ActivityId = "activity id";
    /// A cart of Partner Center.
    CartId = "cart id";
    /// An Entra application (client) id.
    ClientId = "client id";
    /// An Entra object id: of a user, or of an app's service principal.
    ObjectId = "object id";
    /// An operation on a subscription: a change or a cancellation.
    OperationId = "operation id";
    /// A SaaS subscription; the `subscriptionId` of every API.
    SubscriptionId = "subscription id";
    /// An Entra tenant.
    TenantId = "tenant id";
    /// An accepted usage event; the `usageEventId` of metering.
    UsageEventId = "usage event id";
}

impl CustomerId {
    /// The id of a customer that a partner has made: its tenant.
    #[must_use]
    pub fn of_tenant(tenant: TenantId) -> Self {
        Self(tenant.to_string().into())
    }
}

impl SandboxId {
    /// The sandbox that always exists.
    #[must_use]
    pub fn default_sandbox() -> Self {
        Self("default".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ids_follow_the_plan_id_rule() {
        let table = [
            ("silver", None),
            ("silver-2_a.b", None),
            ("", Some("is empty")),
            ("Silver", Some("has a character other than a-z, 0-9, '-', '_' and '.'")),
            ("a b", Some("has a character other than a-z, 0-9, '-', '_' and '.'")),
            (&"x".repeat(51), Some("is longer than 50 characters")),
        ];
        for (text, why) in table {
            assert_eq!(text.parse::<PlanId>().err().map(|e| e.why), why, "{text:?}");
        }
    }

    #[test]
    fn guids_of_any_version_are_taken_and_printed_lower_case() {
        let id: SubscriptionId = "0E1D2C3B-4A59-0877-8695-A4B3C2D1E0F9".parse().unwrap();
        assert_eq!(id.to_string(), "0e1d2c3b-4a59-0877-8695-a4b3c2d1e0f9");
        assert_eq!("nope".parse::<SubscriptionId>().unwrap_err().to_string(), "subscription id \"nope\" is not a GUID");
    }
}
