//! What requests of partners' programs have brought about, by the ids that the programs gave them: a request that is made
//! again gets the same (docs: `MS-RequestId`).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{desk::Desk, error::AppError};
use crate::domain::{
    ids::{CartId, CustomerId, PartnerId},
    order::OrderId,
    refusal::Refusal,
};

/// What a request has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Made {
    /// A customer.
    Customer(CustomerId),
    /// A cart.
    Cart(CartId),
    /// An order.
    Order(OrderId),
    /// The orders that a cart became.
    Orders(Vec<OrderId>),
}

/// A request of a partner; one without an id can't be known again.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartnerRequest<'a> {
    pub(super) partner: &'a PartnerId,
    pub(super) id: Option<Uuid>,
}

impl PartnerRequest<'_> {
    /// What the request made when it was made before, as `wanted` reads it.
    ///
    /// # Errors
    /// [`Refusal::RequestOfAnotherKind`] if its id belongs to a request that made something else.
    pub(super) async fn made<T>(
        self,
        desk: &mut Desk<'_>,
        wanted: impl FnOnce(Made) -> Option<T>,
    ) -> Result<Option<T>, AppError> {
        let Some(id) = self.id else { return Ok(None) };
        let key = desk.space().request(self.partner, id);
        match desk.load::<Made>(&key).await? {
            None => Ok(None),
            Some(made) => wanted(made).map(Some).ok_or_else(|| Refusal::RequestOfAnotherKind(id).into()),
        }
    }

    /// Remembers what the request has made.
    pub(super) fn has_made(self, desk: &mut Desk<'_>, made: &Made) -> Result<(), AppError> {
        match self.id {
            None => Ok(()),
            Some(id) => desk.put(desk.space().request(self.partner, id), made),
        }
    }
}
