//! What was bought for a customer that is gone: it ends, a piece at a time, so that however much it is nobody waits long.
//!
//! The first piece is part of the command that removes the customer. If there is more, the same commit sets a timer that is
//! due at once, and so does each piece after it: nothing of it can be renewed or charged before.

use super::{
    desk::Desk,
    error::AppError,
    fulfillment::load_subscription,
    journal::Player,
    operations::{carry_out, new_id},
    orders::load_order,
    timers::{Due, StoredTimer, set_timers},
};
use crate::{
    domain::{
        ids::CustomerId,
        operation::{self, Request},
        order::OrderId,
    },
    store::KeyRange,
};

/// Orders that are seen to in one command.
const ORDERS_AT_ONCE: usize = 20;

/// Tells these timers from those that the same command sets for other ends.
const TIMER_INDEX: u64 = 4 << 32;

/// Ends what partners have bought for a customer, by the orders after this one.
pub(super) async fn end_what_was_bought(
    desk: &mut Desk<'_>,
    customer: &CustomerId,
    after: Option<OrderId>,
) -> Result<(), AppError> {
    let orders = desk.space().orders(customer);
    let mut range = KeyRange::under(&orders);
    if let Some(after) = after {
        range = range.after(&desk.space().order(customer, after));
    }
    let found = desk.scan(&range, ORDERS_AT_ONCE.saturating_add(1)).await?;
    let mut last = None;
    for key in found.keys().take(ORDERS_AT_ONCE) {
        let Some(id) = orders.rest_of(key).and_then(order_id) else { continue };
        for line in load_order(desk, customer, id).await?.lines {
            let subscription = load_subscription(desk, line.subscription).await?;
            let ended = operation::end_with_customer(&subscription, new_id(desk), desk.context());
            if let Some(Request { operation, decision }) = ended {
                carry_out(desk, Player::Partner, subscription, operation, &decision).await?;
            }
        }
        last = Some(id);
    }
    if let Some(after) = last.filter(|_| found.len() > ORDERS_AT_ONCE) {
        let more = Due::CustomerGone { customer: customer.clone(), after };
        let (now, entry) = (desk.now(), desk.next_entry());
        set_timers(desk, entry, TIMER_INDEX, vec![StoredTimer::new(now, more)])?;
    }
    Ok(())
}

/// The number of an order, from the end of its key.
fn order_id(rest: &[u8]) -> Option<OrderId> {
    std::str::from_utf8(rest.strip_suffix(&[0]).unwrap_or(rest)).ok()?.parse().ok()
}
