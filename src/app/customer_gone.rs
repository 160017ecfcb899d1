//! What was bought for a customer that is gone: it ends, a piece at a time, so that however much it is nobody waits long.
//!
//! The first piece is part of the command that removes the customer. If there is more, the same commit sets a timer that is
//! due at once, and so does each piece after it: nothing of it can be renewed or charged before.

use serde::{Deserialize, Serialize};

use super::{
    desk::Desk,
    error::AppError,
    fulfillment::load_subscription,
    journal::Player,
    keys,
    operations::{carry_out, new_id},
    orders::load_order,
    timers::{Due, StoredTimer, set_timers},
};
use crate::{
    domain::{
        ids::{CustomerId, SubscriptionId},
        operation::{self, Request},
        order::OrderId,
    },
    store::{Key, KeyRange},
};

/// Orders, and purchases of the customer's own, that are seen to in one command.
const SEEN_TO_AT_ONCE: usize = 20;

/// Tells these timers from those that the same command sets for other ends.
const TIMER_INDEX: u64 = 4 << 32;

/// What was seen to last. The customer's own purchases come after the orders for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SeenTo {
    /// An order of a partner's.
    Order(OrderId),
    /// Something that the customer had bought for itself.
    Own(SubscriptionId),
}

/// Ends what was bought for a customer, by partners and by itself, after this.
pub(super) async fn end_what_was_bought(
    desk: &mut Desk<'_>,
    customer: &CustomerId,
    after: Option<SeenTo>,
) -> Result<(), AppError> {
    let after = match after {
        Some(SeenTo::Own(id)) => return end_own(desk, customer, Some(id)).await,
        Some(SeenTo::Order(id)) => Some(id),
        None => None,
    };
    let orders = desk.space().orders(customer);
    let start = after.map(|id| desk.space().order(customer, id));
    let (found, has_more) = next_keys(desk, &orders, start).await?;
    let found: Vec<OrderId> = found.iter().filter_map(|key| orders.rest_of(key).and_then(keys::order_of)).collect();
    for id in &found {
        for line in load_order(desk, customer, *id).await?.lines {
            end(desk, line.subscription).await?;
        }
    }
    match found.last().filter(|_| has_more) {
        Some(last) => go_on(desk, customer, SeenTo::Order(*last)),
        None => end_own(desk, customer, None).await,
    }
}

/// Ends what a customer had bought for itself.
async fn end_own(desk: &mut Desk<'_>, customer: &CustomerId, after: Option<SubscriptionId>) -> Result<(), AppError> {
    let own = desk.space().bought_by(customer);
    let start = after.map(|id| own.clone().guid(id.as_bytes()));
    let (found, has_more) = next_keys(desk, &own, start).await?;
    let found: Vec<SubscriptionId> =
        found.iter().filter_map(|key| own.rest_of(key)?.try_into().ok().map(SubscriptionId::from_bytes)).collect();
    for id in &found {
        end(desk, *id).await?;
    }
    match found.last().filter(|_| has_more) {
        Some(last) => go_on(desk, customer, SeenTo::Own(*last)),
        None => Ok(()),
    }
}

/// As many keys under an index as one command sees to, after this one, and whether there are more.
async fn next_keys(desk: &mut Desk<'_>, index: &Key, after: Option<Key>) -> Result<(Vec<Key>, bool), AppError> {
    let mut range = KeyRange::under(index);
    if let Some(after) = after {
        range = range.after(&after);
    }
    let found = desk.scan(&range, SEEN_TO_AT_ONCE.saturating_add(1)).await?;
    let has_more = found.len() > SEEN_TO_AT_ONCE;
    Ok((found.into_keys().take(SEEN_TO_AT_ONCE).collect(), has_more))
}

async fn end(desk: &mut Desk<'_>, id: SubscriptionId) -> Result<(), AppError> {
    let subscription = load_subscription(desk, id).await?;
    let ended = operation::end_with_customer(&subscription, new_id(desk), desk.context());
    if let Some(Request { operation, decision }) = ended {
        carry_out(desk, Player::Partner, subscription, operation, &decision).await?;
    }
    Ok(())
}

/// Goes on in another command, which is due at once.
fn go_on(desk: &mut Desk<'_>, customer: &CustomerId, after: SeenTo) -> Result<(), AppError> {
    let more = Due::CustomerGone { customer: customer.clone(), after };
    let (now, entry) = (desk.now(), desk.next_entry());
    set_timers(desk, entry, TIMER_INDEX, vec![StoredTimer::new(now, more)])
}
