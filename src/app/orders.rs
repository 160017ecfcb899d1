//! Orders: looked up, and the subscriptions that came of them.

use std::sync::Arc;

use super::{
    desk::{Desk, decode},
    error::AppError,
    known_subscriptions::KnownSubscription,
    list_pages::Indexed,
    lists::Stretch,
    newest_first::{ListPage, ListPart},
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

    /// A page of the orders that a customer's list shows, the newest first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn listed_orders(
        &self,
        customer: &CustomerId,
        part: ListPart,
        limit: usize,
    ) -> Result<ListPage<Order>, AppError> {
        self.page_of_orders(customer, self.orders_by_time(customer).before(self.now().plus_millis(1)), part, limit)
            .await
    }

    /// A page of what a partner has bought for a customer with so many orders, the newest first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn bought_for(
        &self,
        customer: &CustomerId,
        part: ListPart,
        limit: usize,
    ) -> Result<ListPage<Arc<KnownSubscription>>, AppError> {
        let all = self.orders_by_time(customer);
        let ListPage { items, newer, older } = self.page_of_orders(customer, all, part, limit).await?;
        let mut subscriptions = Vec::with_capacity(items.len());
        for order in &items {
            subscriptions.extend(self.subscriptions_in(order).await?);
        }
        Ok(ListPage { items: subscriptions, newer, older })
    }

    fn orders_by_time(&self, customer: &CustomerId) -> Stretch {
        Stretch::of(self.world.space.orders_by_time(customer))
    }

    async fn page_of_orders(
        &self,
        customer: &CustomerId,
        stretch: Stretch,
        part: ListPart,
        limit: usize,
    ) -> Result<ListPage<Order>, AppError> {
        let ListPage { items, newer, older } = self.page_of(stretch, part, limit).await?;
        let mut orders = Vec::with_capacity(items.len());
        for Indexed(_, id) in items {
            orders.push(self.order(customer, id).await?);
        }
        Ok(ListPage { items: orders, newer, older })
    }

    /// All subscriptions that a partner has bought for a customer, the oldest first.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn subscriptions_for(&self, customer: &CustomerId) -> Result<Vec<Arc<KnownSubscription>>, AppError> {
        let mut subscriptions = Vec::new();
        for order in self.orders_of(customer).await? {
            subscriptions.extend(self.subscriptions_in(&order).await?);
        }
        Ok(subscriptions)
    }

    /// What has come of the lines of an order.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn subscriptions_in(&self, order: &Order) -> Result<Vec<Arc<KnownSubscription>>, AppError> {
        let mut subscriptions = Vec::with_capacity(order.lines.len());
        for line in &order.lines {
            subscriptions.push(self.subscription(line.subscription).await?);
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
