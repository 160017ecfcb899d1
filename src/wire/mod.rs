//! Shapes on the wire: what each API reads and writes, and nothing else. Serde only; no rule lives here.

pub mod control;
mod double;
pub mod fulfillment;
pub mod identity;
pub mod lenient;
pub mod metering;
pub mod partner_center;
