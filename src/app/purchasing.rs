//! Buying, and fresh links to what was bought.

use futures_util::future::BoxFuture;

use super::{
    audit,
    customers::find_customer,
    desk::Desk,
    error::AppError,
    fulfillment::{load_up_to_date, save},
    journal::Player,
    list_pages::Indexed,
    mailbox::Command,
    operations,
    sandbox::Sandbox,
};
use crate::domain::{
    audit::{AuditStatus, Audited},
    ids::SubscriptionId,
    lifecycle,
    order::{Order, OrderClient, OrderId, OrderLine, OrderPlace},
    product::BillingCycle,
    purchase_token::{self, AuthorizationCode},
    refusal::Refusal,
    rules::{CspAccount, SubscriptionIds},
    subscription::{self, Buyer, New, PurchaseOrder, Subscription, decide},
};

/// Subscriptions of a customer in an integration sandbox (docs:test-and-debug).
const SANDBOX_SUBSCRIPTIONS: usize = 5;

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
            let mut bought = buy(desk, std::slice::from_ref(&self.0), OrderClient::Web).await?;
            bought.pop().ok_or_else(|| Refusal::UnknownCustomer(self.0.customer.clone()).into())
        })
    }
}

/// Buys some plans for a customer, all or none, as one order if a partner buys. All are billed equally often.
pub(super) async fn buy(
    desk: &mut Desk<'_>,
    wanted: &[PurchaseOrder],
    client: OrderClient,
) -> Result<Vec<Subscription>, AppError> {
    let order = OrderId::from_bytes(desk.head.seed.draws("order", desk.next_entry()).bytes());
    count_in_sandbox(desk, wanted).await?;
    let mut bought = Vec::with_capacity(wanted.len());
    for (line, wish) in (0..).zip(wanted) {
        bought.push(buy_one(desk, wish, OrderPlace { order, line }).await?);
    }
    if let Some(order) = order_of(desk, order, &bought, client)? {
        let key = desk.space().order(&order.customer, order.id);
        desk.put(key, &order)?;
        let place = Indexed(desk.next_entry().0, order.id);
        desk.list(desk.space().orders_by_time(&order.customer), order.listed, &place)?;
        let about = (&order.partner, Some(&order.customer));
        audit::note(desk, about, AuditStatus::Succeeded, Audited::OrderCreated { order: order.id }).await?;
    }
    Ok(bought)
}

/// Counts what a partner buys for a customer in an integration sandbox, which has its limit.
async fn count_in_sandbox(desk: &mut Desk<'_>, wanted: &[PurchaseOrder]) -> Result<(), AppError> {
    let is_limited = desk.head.rules.csp_account == CspAccount::IntegrationSandbox;
    let Some(first) = wanted.first().filter(|first| is_limited && first.buyer != Buyer::Customer) else {
        return Ok(());
    };
    let key = desk.space().bought_in_sandbox(&first.customer);
    let before: usize = desk.load(&key).await?.unwrap_or_default();
    let after = before.saturating_add(wanted.len());
    if after > SANDBOX_SUBSCRIPTIONS {
        return Err(Refusal::SandboxLimit.into());
    }
    desk.put(key, &after)
}

/// Counts out what has ended of what was bought in an integration sandbox: it makes room for another.
pub(super) async fn count_out(desk: &mut Desk<'_>, ended: &Subscription) -> Result<(), AppError> {
    if !ended.csp_sandbox {
        return Ok(());
    }
    let key = desk.space().bought_in_sandbox(&ended.customer);
    let before: usize = desk.load(&key).await?.unwrap_or_default();
    desk.put(key, &before.saturating_sub(1))
}

async fn buy_one(desk: &mut Desk<'_>, wish: &PurchaseOrder, place: OrderPlace) -> Result<Subscription, AppError> {
    let customer = find_customer(desk, &wish.customer).await?;
    let customer = customer.ok_or_else(|| Refusal::UnknownCustomer(wish.customer.clone()))?;
    let mut draws = desk.head.seed.draws("purchase", desk.next_entry());
    let id = match desk.head.rules.subscription_ids {
        SubscriptionIds::Random => draws.subscription_id(),
        SubscriptionIds::Version4 => draws.subscription_id_of_version_4(),
    };
    let trial_is_used = desk.get(&desk.space().trial(&wish.customer, &wish.offer, &wish.plan)).await?.is_some();
    let new = New { id, order: Some(place), code: seal_code(desk, id), trial_is_used };
    let catalogue = &desk.world.catalogue;
    let (subscription, decision) = subscription::purchase(catalogue, &customer, wish, new, desk.context())?;
    let subscription = save(desk, Player::Partner, None, subscription, &decision).await?;
    activate_by_itself(desk, subscription).await
}

/// The order that was placed; `None` if a customer has bought for itself.
fn order_of(
    desk: &Desk<'_>,
    id: OrderId,
    bought: &[Subscription],
    client: OrderClient,
) -> Result<Option<Order>, AppError> {
    let Some(first) = bought.first() else { return Ok(None) };
    let Some(partner) = first.partner.clone() else { return Ok(None) };
    let offer = desk.world.catalogue.offer(&first.offer);
    let term =
        offer.and_then(|offer| offer.plan(&first.plan)).and_then(|plan| Some((plan, plan.term(&first.term_unit)?)));
    let (plan, term) = term.ok_or_else(|| Refusal::UnknownOffer(first.offer.clone()))?;
    let (completes, listed) = Order::dates(desk.now(), desk.head.delays);
    let line = |subscription: &Subscription| OrderLine {
        subscription: subscription.id,
        offer: subscription.offer.clone(),
        plan: subscription.plan.clone(),
        term_unit: subscription.term_unit.clone(),
        quantity: subscription.quantity.map_or(1, u32::from),
        friendly_name: Some(subscription.name.clone()),
        reseller: subscription.reseller.clone(),
    };
    Ok(Some(Order {
        id,
        partner,
        customer: first.customer.clone(),
        billing_cycle: BillingCycle::of(plan, term),
        currency: first.unit_price.currency,
        created: desk.now(),
        completes,
        listed,
        client,
        lines: bought.iter().map(line).collect(),
    }))
}

/// Activates what was bought on a plan that wants no publisher for that.
async fn activate_by_itself(desk: &mut Desk<'_>, subscription: Subscription) -> Result<Subscription, AppError> {
    let offer = desk.world.catalogue.offer(&subscription.offer);
    let offer = offer.ok_or_else(|| Refusal::UnknownOffer(subscription.offer.clone()))?;
    let request = lifecycle::auto_activate(&subscription, offer, operations::new_id(desk), desk.context())?;
    match request {
        None => Ok(subscription),
        Some(request) => {
            let started = operations::start_of_microsoft(desk, subscription, request).await;
            started.map(|(subscription, _)| subscription)
        }
    }
}

struct IssueLink(SubscriptionId);

impl Command for IssueLink {
    type Answer = Subscription;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Subscription, AppError>> {
        Box::pin(async move {
            let subscription = load_up_to_date(desk, self.0).await?;
            let code = seal_code(desk, self.0);
            let context = desk.context();
            let decision = decide(&subscription, subscription::Command::IssueCode(&code), context)?;
            let renewed = Subscription { code, ..subscription.clone() };
            save(desk, Player::Partner, Some(&subscription), renewed, &decision).await
        })
    }
}

fn seal_code(desk: &Desk<'_>, id: SubscriptionId) -> AuthorizationCode {
    let mut draws = desk.head.seed.draws("code", desk.next_entry());
    purchase_token::seal(&desk.world.secrets, id, desk.now(), draws.nonces())
}
