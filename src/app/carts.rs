//! Carts: made, changed and checked out. A cart becomes one order for each billing cycle among its lines.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::{
    acting::Acting,
    customers::load_customer,
    desk::{Desk, decode},
    error::AppError,
    mailbox::Command,
    orders,
    partner_requests::{Made, PartnerRequest},
    purchasing::buy,
    sandbox::Sandbox,
};
use crate::domain::{
    cart::{Cart, CartError, CartErrorCode, CartLine, CartWish},
    catalogue::Plan,
    customer::Customer,
    ids::{CartId, CustomerId},
    money::Currency,
    order::{Order, OrderClient, OrderId},
    product::BillingCycle,
    refusal::Refusal,
    refusal_names::in_names,
    subscription::{self, New, PurchaseOrder},
};

/// What a cart has become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedOut {
    /// The orders.
    pub orders: Vec<Order>,
}

impl Sandbox {
    /// Makes a cart. What is wrong with a line stands at the line; the cart is made all the same.
    ///
    /// # Errors
    /// [`Refusal::UnknownCustomer`].
    pub async fn create_cart(
        &self,
        customer: CustomerId,
        wishes: Vec<CartWish>,
        request: Option<Uuid>,
    ) -> Result<Cart, AppError> {
        self.ask(WriteCart { customer, wishes, place: Place::New(request) }).await
    }

    /// Writes a cart anew.
    ///
    /// # Errors
    /// [`Refusal::UnknownCart`], [`Refusal::CartSubmitted`].
    pub async fn update_cart(
        &self,
        customer: CustomerId,
        cart: CartId,
        wishes: Vec<CartWish>,
    ) -> Result<Cart, AppError> {
        self.ask(WriteCart { customer, wishes, place: Place::Existing(cart) }).await
    }

    /// A cart.
    ///
    /// # Errors
    /// [`Refusal::UnknownCart`] if there is none, or it has expired.
    pub async fn cart(&self, customer: &CustomerId, cart: CartId) -> Result<Cart, AppError> {
        let key = self.world.space.cart(customer, cart);
        let found = self.store.get(&key).await?.ok_or_else(|| unknown(cart))?;
        let found: Cart = decode(&key, &found.bytes)?;
        if self.now() < found.expires() { Ok(found) } else { Err(unknown(cart).into()) }
    }
}

impl Acting<'_> {
    /// Buys what is in a cart, all or nothing. Checked out again by the same request, it gives the same orders.
    ///
    /// # Errors
    /// [`Refusal::UnknownCart`], [`Refusal::CartSubmitted`], [`Refusal::CartLines`], or the first rule that a purchase
    /// breaks.
    pub async fn check_out(
        &self,
        customer: CustomerId,
        cart: CartId,
        client: OrderClient,
        request: Option<Uuid>,
    ) -> Result<CheckedOut, AppError> {
        self.ask(CheckOut { customer, cart, client, request }).await
    }

    /// Buys without a cart: lines of one order.
    ///
    /// # Errors
    /// [`Refusal::CartLines`] for lines that can't be read, or the first rule that a purchase breaks.
    pub async fn place_order(
        &self,
        customer: CustomerId,
        wishes: Vec<CartWish>,
        request: Option<Uuid>,
    ) -> Result<Order, AppError> {
        self.ask(PlaceOrder { customer, wishes, request }).await
    }
}

fn unknown(cart: CartId) -> Refusal {
    Refusal::UnknownCart(cart.to_string())
}

enum Place {
    New(Option<Uuid>),
    Existing(CartId),
}

struct WriteCart {
    customer: CustomerId,
    wishes: Vec<CartWish>,
    place: Place,
}

impl Command for WriteCart {
    type Answer = Cart;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Cart, AppError>> {
        Box::pin(async move {
            let customer = load_customer(desk, &self.customer).await?;
            let now = desk.now();
            let (before, request) = match self.place {
                Place::Existing(id) => (Some(open_cart(desk, &self.customer, id).await?), None),
                Place::New(request) => (None, request),
            };
            let request = PartnerRequest { partner: &customer.partner, id: request };
            let made = |made| if let Made::Cart(id) = made { Some(id) } else { None };
            if let Some(made) = request.made(desk, made).await? {
                return load_cart(desk, &self.customer, made).await;
            }
            // Nothing is written to the journal for a cart, so a counter of its own keeps carts apart.
            let id = match &before {
                Some(before) => before.id,
                None => new_cart_id(desk).await?,
            };
            let numbered = self.wishes.iter().cloned().zip(numbers(&self.wishes));
            let lines = numbered.map(|(wish, id)| line(desk, &customer, id, wish)).collect();
            let created = before.map_or(now, |before| before.created);
            let partner = customer.partner.clone();
            let cart = Cart { id, partner, customer: customer.id.clone(), created, modified: now, lines, orders: None };
            let key = desk.space().cart(&self.customer, cart.id);
            desk.put(key, &cart)?;
            request.has_made(desk, &Made::Cart(cart.id))?;
            Ok(cart)
        })
    }
}

async fn new_cart_id(desk: &mut Desk<'_>) -> Result<CartId, AppError> {
    let key = desk.space().newest_cart();
    let number: u64 = desk.load(&key).await?.unwrap_or_default();
    desk.put(key, &number.saturating_add(1))?;
    let mut draws = desk.head.seed.draws(&format!("cart {number}"), crate::domain::event::Seq(0));
    Ok(CartId::from_bytes(draws.bytes()))
}

/// A line of a cart, with what is wrong with it: what it says, then what the rules of a purchase say.
fn line(desk: &Desk<'_>, customer: &Customer, id: u32, wish: CartWish) -> CartLine {
    let catalogue = &desk.world.catalogue;
    let read = wish.read(catalogue, customer, desk.head.rules.csp_account);
    let checked = read.and_then(|(order, cycle)| {
        let new = New {
            id: desk.head.seed.draws("cart line", desk.next_entry()).subscription_id(),
            order: None,
            code: orders::no_code(desk),
            // What a line costs is not said.
            trial_is_used: false,
        };
        match subscription::purchase(catalogue, customer, &order, new, desk.context()) {
            Ok((subscription, _)) => Ok((cycle, subscription.unit_price.currency.code().to_owned())),
            // The agreement stands in the way of the order, not of the cart (docs:error-codes, 13605).
            Err(Refusal::AgreementMissing(_)) => {
                let offer = catalogue.offer(&order.offer).and_then(|offer| offer.plan(&order.plan));
                Ok((cycle, offer.and_then(|plan| plan.currency()).map_or_else(String::new, |it| it.code().to_owned())))
            }
            Err(refusal) => Err(CartError::of(&refusal, &in_names(&refusal, catalogue, customer, Some(&order.offer)))),
        }
    });
    match checked {
        Ok((cycle, currency)) => {
            CartLine { id, wish, error: None, billing_cycle: Some(cycle), currency: Some(currency) }
        }
        Err(error) => CartLine { id, wish, error: Some(error), billing_cycle: None, currency: None },
    }
}

/// The numbers of the lines: those that their partner gave them, or their places if those don't tell the lines apart, as when
/// a client of the .NET SDK leaves them at 0 (inferred).
fn numbers(wishes: &[CartWish]) -> Vec<u32> {
    let given: Vec<u32> = (0..).zip(wishes).map(|(place, wish)| wish.id.unwrap_or(place)).collect();
    let apart: BTreeSet<u32> = given.iter().copied().collect();
    if apart.len() == given.len() { given } else { (0..).zip(wishes).map(|(place, _)| place).collect() }
}

async fn load_cart(desk: &mut Desk<'_>, customer: &CustomerId, id: CartId) -> Result<Cart, AppError> {
    let key = desk.space().cart(customer, id);
    let cart: Option<Cart> = desk.load(&key).await?;
    let now = desk.now();
    Ok(cart.filter(|cart| now < cart.expires()).ok_or_else(|| unknown(id))?)
}

/// A cart that can still be changed.
async fn open_cart(desk: &mut Desk<'_>, customer: &CustomerId, id: CartId) -> Result<Cart, AppError> {
    let cart = load_cart(desk, customer, id).await?;
    match cart.orders {
        None => Ok(cart),
        Some(_) => Err(Refusal::CartSubmitted(id).into()),
    }
}

struct CheckOut {
    customer: CustomerId,
    cart: CartId,
    client: OrderClient,
    request: Option<Uuid>,
}

impl Command for CheckOut {
    type Answer = CheckedOut;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<CheckedOut, AppError>> {
        Box::pin(async move {
            let customer = load_customer(desk, &self.customer).await?;
            let request = PartnerRequest { partner: &customer.partner, id: self.request };
            let made = |made| if let Made::Orders(ids) = made { Some(ids) } else { None };
            if let Some(made) = request.made(desk, made).await? {
                return placed(desk, &self.customer, &made).await;
            }
            let cart = open_cart(desk, &self.customer, self.cart).await?;
            let wanted = wanted(desk, &customer, cart.lines.iter().map(|line| &line.wish))?;
            let mut made = Vec::new();
            for lines in by_order(wanted) {
                let bought = buy(desk, &lines, self.client).await?;
                made.extend(bought.first().and_then(|first| first.order).map(|place| place.order));
            }
            let key = desk.space().cart(&self.customer, cart.id);
            desk.put(key, &Cart { orders: Some(made.clone()), ..cart })?;
            request.has_made(desk, &Made::Orders(made.clone()))?;
            placed(desk, &self.customer, &made).await
        })
    }
}

struct PlaceOrder {
    customer: CustomerId,
    wishes: Vec<CartWish>,
    request: Option<Uuid>,
}

impl Command for PlaceOrder {
    type Answer = Order;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<Order, AppError>> {
        Box::pin(async move {
            let customer = load_customer(desk, &self.customer).await?;
            let request = PartnerRequest { partner: &customer.partner, id: self.request };
            let made = |made| if let Made::Order(id) = made { Some(id) } else { None };
            if let Some(made) = request.made(desk, made).await? {
                return orders::load_order(desk, &self.customer, made).await;
            }
            let wanted = wanted(desk, &customer, self.wishes.iter())?;
            let mut orders = by_order(wanted);
            let lines = orders.pop().filter(|_| orders.is_empty()).ok_or(Refusal::OrderOfSeveral)?;
            let bought = buy(desk, &lines, OrderClient::Api).await?;
            let place = bought.first().and_then(|first| first.order);
            let place = place.ok_or_else(|| Refusal::CartLines("there are none".to_owned()))?;
            request.has_made(desk, &Made::Order(place.order))?;
            orders::load_order(desk, &self.customer, place.order).await
        })
    }
}

/// What the lines of one order have in common: how often they are billed, and their currency.
type Billed = (BillingCycle, Option<Currency>);

/// What a line wants, and how that is billed.
type Wanted = (PurchaseOrder, Billed);

/// What the lines of a cart want, if all of them can be read.
fn wanted<'a>(
    desk: &Desk<'_>,
    customer: &Customer,
    wishes: impl Iterator<Item = &'a CartWish>,
) -> Result<Vec<Wanted>, AppError> {
    let account = desk.head.rules.csp_account;
    let mut wanted = Vec::new();
    for wish in wishes {
        let catalogue = &desk.world.catalogue;
        let read = wish.read(catalogue, customer, account);
        let (order, cycle) = read.map_err(|error| match error.code {
            CartErrorCode::SandboxLimitExceeded => Refusal::SandboxLimit,
            _ => Refusal::CartLines(error.description),
        })?;
        let plan = catalogue.offer(&order.offer).and_then(|offer| offer.plan(&order.plan));
        wanted.push((order, (cycle, plan.and_then(Plan::currency))));
    }
    if wanted.is_empty() {
        return Err(Refusal::CartLines("there are none".to_owned()).into());
    }
    Ok(wanted)
}

/// Lines with different billing cycles land in different orders (docs:create-a-cart), and so do those in different
/// currencies, because an order has one (docs:order-resources).
fn by_order(wanted: Vec<Wanted>) -> Vec<Vec<PurchaseOrder>> {
    let mut groups: Vec<(Billed, Vec<PurchaseOrder>)> = Vec::new();
    for (order, billed) in wanted {
        match groups.iter_mut().find(|(of, _)| *of == billed) {
            Some((_, lines)) => lines.push(order),
            None => groups.push((billed, vec![order])),
        }
    }
    groups.into_iter().map(|(_, lines)| lines).collect()
}

async fn placed(desk: &mut Desk<'_>, customer: &CustomerId, made: &[OrderId]) -> Result<CheckedOut, AppError> {
    let mut orders = Vec::with_capacity(made.len());
    for id in made {
        orders.push(orders::load_order(desk, customer, *id).await?);
    }
    Ok(CheckedOut { orders })
}
