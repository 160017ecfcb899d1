//! Decimals as Microsoft's APIs write them.

use serde::Serialize;

use crate::domain::money::Decimal;

/// A decimal as a JSON number that has a decimal point only if it needs one (`20`, `16.5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount(pub(super) Decimal);

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let normal = self.0.normalize();
        match i64::try_from(normal) {
            Ok(whole) if normal.scale() == 0 => serializer.serialize_i64(whole),
            Ok(_) | Err(_) => Double(normal).serialize(serializer),
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A decimal as a JSON number that always has a decimal point (`6.0`, recorded). The only place where a decimal becomes a
/// float, because the wire format says so; nothing is computed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Double(pub(super) Decimal);

impl Serialize for Double {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: f64 = self.0.normalize().to_string().parse().map_err(serde::ser::Error::custom)?;
        serializer.serialize_f64(number)
    }
}
