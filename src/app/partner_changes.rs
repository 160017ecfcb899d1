//! What a partner changes in Partner Center: one command for whatever a change names.

use futures_util::future::BoxFuture;

use super::{
    acting::Acting,
    desk::Desk,
    error::AppError,
    fulfillment::{load_up_to_date, save},
    journal::Player,
    mailbox::Command,
    operations::{carry_out, new_id},
};
use crate::domain::{
    ids::{CustomerId, OperationId, SubscriptionId},
    lifecycle, operation,
    operation::Request,
    partner_change::{self, Next, PartnerWish},
    refusal::Refusal,
    subscription::Subscription,
};

/// What became of a partner's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The subscription as it is now.
    pub subscription: Subscription,
    /// The operation that the publisher has to be told of before the rest of the change is so.
    pub waits_for: Option<OperationId>,
}

impl Acting<'_> {
    /// Changes what a partner has bought for a customer. `edition` is the one that the partner has read, if it said so.
    ///
    /// # Errors
    /// [`AppError::Refused`] with the first rule that the change breaks; nothing of it is done then.
    pub async fn change_for_partner(
        &self,
        customer: CustomerId,
        subscription: SubscriptionId,
        edition: Option<u64>,
        wish: PartnerWish,
    ) -> Result<Changed, AppError> {
        self.ask(PartnerChange { customer, subscription, edition, wish }).await
    }
}

struct PartnerChange {
    customer: CustomerId,
    subscription: SubscriptionId,
    edition: Option<u64>,
    wish: PartnerWish,
}

impl Command for PartnerChange {
    type Answer = Changed;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Changed, AppError>> {
        Box::pin(async move {
            let subscription = load_up_to_date(desk, self.subscription).await?;
            let partner = subscription.partner.as_ref().filter(|_| subscription.customer == self.customer);
            let partner = partner.ok_or(Refusal::UnknownSubscription(self.subscription))?;
            if self.edition.is_some_and(|edition| edition != subscription.edition) {
                return Err(Refusal::Stale.into());
            }
            let catalogue = &desk.world.catalogue;
            let partner = catalogue.partner(partner).ok_or_else(|| Refusal::UnknownPartner(partner.clone()))?;
            let granted =
                partner_change::change(&subscription, (partner, &catalogue.partners), &self.wish, desk.context())?;
            let saved = save(desk, Player::Partner, Some(&subscription), subscription.clone(), &granted.decision);
            let subscription = saved.await?;
            let (id, context) = (new_id(desk), desk.context());
            let request = match granted.next {
                Next::Nothing => return Ok(Changed { subscription, waits_for: None }),
                Next::Change(wish) => {
                    let offer = catalogue.offer(&subscription.offer);
                    let offer = offer.ok_or_else(|| Refusal::UnknownOffer(subscription.offer.clone()))?;
                    operation::change_in_marketplace(&subscription, offer, &wish, id, context)?
                }
                Next::Cancel => operation::cancel_in_marketplace(&subscription, id, context)?,
                Next::Suspend => lifecycle::suspend(&subscription, id, context)?,
                Next::Reinstate => lifecycle::reinstate(&subscription, id, desk.head.delays, context)?,
            };
            let Request { operation, decision } = request;
            let (subscription, operation) =
                carry_out(desk, Player::Partner, subscription, operation, &decision).await?;
            let waits_for = (!operation.status.is_final()).then_some(operation.id);
            Ok(Changed { subscription, waits_for })
        })
    }
}
