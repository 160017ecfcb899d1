//! Buying, and fresh links to what was bought.

use futures_util::future::BoxFuture;

use super::{
    desk::Desk,
    error::AppError,
    fulfillment::{load_subscription, save},
    journal::Player,
    mailbox::Command,
    operations,
    sandbox::Sandbox,
};
use crate::domain::{
    ids::SubscriptionId,
    lifecycle,
    purchase_token::{self, AuthorizationCode},
    refusal::Refusal,
    rules::SubscriptionIds,
    subscription::{self, PurchaseOrder, Subscription, decide},
};

impl Sandbox {
    /// Buys. The new subscription is durable when this answers; nothing is billed yet.
    ///
    /// # Errors
    /// [`AppError::Refused`] with the first rule that the order breaks.
    pub async fn purchase(&self, order: PurchaseOrder) -> Result<Subscription, AppError> {
        self.ask(Purchase(order)).await
    }

    /// Makes a personalized link with a fresh authorization code.
    ///
    /// # Errors
    /// [`AppError::Refused`] if there is no such subscription, or it has ended.
    pub async fn issue_link(&self, subscription: SubscriptionId) -> Result<Subscription, AppError> {
        self.ask(IssueLink(subscription)).await
    }
}

struct Purchase(PurchaseOrder);

impl Command for Purchase {
    type Answer = Subscription;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Subscription, AppError>> {
        Box::pin(async move {
            let mut draws = desk.head.seed.draws("purchase", desk.next_entry());
            let id = match desk.head.rules.subscription_ids {
                SubscriptionIds::Random => draws.subscription_id(),
                SubscriptionIds::Version4 => draws.subscription_id_of_version_4(),
            };
            let code = seal_code(desk, id);
            let catalogue = &desk.world.catalogue;
            let (subscription, decision) = subscription::purchase(catalogue, &self.0, id, code, desk.context())?;
            let subscription = save(desk, Player::Partner, None, subscription, &decision)?;
            activate_by_itself(desk, subscription)
        })
    }
}

/// Activates what was bought on a plan that wants no publisher for that.
fn activate_by_itself(desk: &mut Desk<'_>, subscription: Subscription) -> Result<Subscription, AppError> {
    let offer = desk.world.catalogue.offer(&subscription.offer);
    let offer = offer.ok_or_else(|| Refusal::UnknownOffer(subscription.offer.clone()))?;
    let request = lifecycle::auto_activate(&subscription, offer, operations::new_id(desk), desk.context())?;
    match request {
        None => Ok(subscription),
        Some(request) => {
            operations::start_of_microsoft(desk, subscription, request).map(|(subscription, _)| subscription)
        }
    }
}

struct IssueLink(SubscriptionId);

impl Command for IssueLink {
    type Answer = Subscription;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Subscription, AppError>> {
        Box::pin(async move {
            let subscription = load_subscription(desk, self.0).await?;
            let code = seal_code(desk, self.0);
            let context = desk.context();
            let decision = decide(&subscription, subscription::Command::IssueCode(&code), context)?;
            let renewed = Subscription { code, ..subscription.clone() };
            save(desk, Player::Partner, Some(&subscription), renewed, &decision)
        })
    }
}

fn seal_code(desk: &Desk<'_>, id: SubscriptionId) -> AuthorizationCode {
    let mut draws = desk.head.seed.draws("code", desk.next_entry());
    purchase_token::seal(&desk.world.secrets, id, desk.now(), draws.nonces())
}
