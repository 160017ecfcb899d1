//! Orders: looked up, and the subscriptions that came of them.

use std::sync::Arc;

use super::{
    desk::{Desk, decode},
    error::AppError,
    known_subscriptions::KnownSubscription,
    sandbox::Sandbox,
};
use crate::{
    domain::{
        ids::{CustomerId, SubscriptionId},
        order::{Order, OrderId},
        purchase_token::AuthorizationCode,
        refusal::Refusal,
    },
    store::{Direction, KeyRange},
};

impl Sandbox {
    /// An order for a customer.
    ///
    /// # Errors
    /// [`Refusal::UnknownOrder`].
    pub async fn order(&self, customer: &CustomerId, id: OrderId) -> Result<Order, AppError> {
        let key = self.world.space.order(customer, id);
        let found = self.store.get(&key).await?.ok_or_else(|| Refusal::UnknownOrder(id.to_string()))?;
        decode(&key, &found.bytes)
    }

    /// All orders for a customer, the oldest first; those included that its list does not show yet.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn orders_of(&self, customer: &CustomerId) -> Result<Vec<Order>, AppError> {
        let range = KeyRange::under(&self.world.space.orders(customer));
        let found = self.store.scan(&range, Direction::Ascending, usize::MAX).await?;
        let mut orders: Vec<Order> =
            found.iter().map(|(key, document)| decode(key, &document.bytes)).collect::<Result<_, _>>()?;
        orders.sort_by_key(|order| (order.created, order.id));
        Ok(orders)
    }

    /// All subscriptions that a partner has bought for a customer, the oldest first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn subscriptions_for(&self, customer: &CustomerId) -> Result<Vec<Arc<KnownSubscription>>, AppError> {
        let mut subscriptions = Vec::new();
        for order in self.orders_of(customer).await? {
            for line in order.lines {
                subscriptions.push(self.subscription(line.subscription).await?);
            }
        }
        Ok(subscriptions)
    }

    /// A subscription that a partner has bought for a customer.
    ///
    /// # Errors
    /// [`Refusal::UnknownSubscription`] if it is not one of theirs.
    pub async fn subscription_for(
        &self,
        customer: &CustomerId,
        id: SubscriptionId,
    ) -> Result<Arc<KnownSubscription>, AppError> {
        let found = self.subscription(id).await?;
        if found.customer == *customer && found.partner.is_some() {
            Ok(found)
        } else {
            Err(Refusal::UnknownSubscription(id).into())
        }
    }
}

pub(super) async fn load_order(desk: &mut Desk<'_>, customer: &CustomerId, id: OrderId) -> Result<Order, AppError> {
    let key = desk.space().order(customer, id);
    desk.load(&key).await?.ok_or_else(|| Refusal::UnknownOrder(id.to_string()).into())
}

/// A code for a purchase that is only tried out.
pub(super) fn no_code(desk: &Desk<'_>) -> AuthorizationCode {
    AuthorizationCode { text: String::new(), issued_at: desk.now(), expires_at: desk.now() }
}
