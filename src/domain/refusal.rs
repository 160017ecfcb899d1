//! The reasons for which a rule says no.
//!
//! Fields, not strings: each face turns a refusal into its own error body. `Display` is one sentence for a person,
//! [`Refusal::code`] is stable, [`Refusal::hint`] says what to do next.

use uuid::Uuid;

use super::{
    cancellation_window::CancellationWindow,
    catalogue::Seats,
    ids::{CartId, CustomerId, OfferId, OperationId, PartnerId, PlanId, PublisherId, SubscriptionId},
    money::Currency,
    notice::EventName,
    operation::OperationStatus,
    partner::MpnId,
    purchase_token::CodeFault,
    subscription::{CustomerOperation, Status},
    time::Timestamp,
    webhook::DeliveryState,
};

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No customer of that id.
    #[error("there is no customer {0}")]
    UnknownCustomer(CustomerId),
    /// No partner of that id.
    #[error("there is no partner {0}")]
    UnknownPartner(PartnerId),
    /// The customer belongs to another partner.
    #[error("{customer} is not a customer of {partner}")]
    CustomerOfAnotherPartner {
        /// The customer.
        customer: CustomerId,
        /// Who asked.
        partner: PartnerId,
    },
    /// The customer has not accepted the Microsoft Customer Agreement.
    #[error("{0} has not accepted the Microsoft Customer Agreement")]
    AgreementMissing(CustomerId),
    /// The publisher's steps come first.
    #[error("the subscription is not activated yet: the publisher's steps come first")]
    NotActivatedYet,
    /// The time in which a partner may cancel is over.
    #[error("the cancellation window of {0} is over")]
    CancellationWindowOver(CancellationWindow),
    /// A clock was to be moved into the past.
    #[error("the clock stands at {now} and moves forward only, not back to {to}")]
    ClockBackwards {
        /// Where it stands.
        now: Timestamp,
        /// Where it was to go.
        to: Timestamp,
    },
    /// No clock shows an instant so far away.
    #[error("{} is beyond {}, where clocks end", .0, Timestamp::latest().date())]
    BeyondCalendar(Timestamp),
    /// Somebody else has changed it since it was read.
    #[error("the subscription has been changed since it was read")]
    Stale,
    /// There is no order of that number.
    #[error("there is no order {0}")]
    UnknownOrder(String),
    /// There is no such cart.
    #[error("there is no cart {0}")]
    UnknownCart(String),
    /// The cart has become orders already.
    #[error("cart {0} has been submitted already")]
    CartSubmitted(CartId),
    /// Lines of the cart can't be bought.
    #[error("lines of the cart can't be bought: {0}")]
    CartLines(String),
    /// The same contact has confirmed the agreement before.
    #[error("{0} has confirmed the Microsoft Customer Agreement already")]
    AgreementConfirmed(CustomerId),
    /// Another customer has that domain.
    #[error("the domain {0} belongs to another customer")]
    DomainTaken(String),
    /// The id of a request that has made something of another kind.
    #[error("the request {0} was another one before: its id can't be used again")]
    RequestOfAnotherKind(Uuid),
    /// More than an integration sandbox may have.
    #[error("the integration sandbox has reached its limit")]
    SandboxLimit,
    /// The plan is not sold in the customer's country.
    #[error("plan {plan} is not sold in {country}")]
    NotInMarket {
        /// The plan.
        plan: PlanId,
        /// The customer's country.
        country: String,
    },
    /// The plan's prices are in another currency than the subscription's.
    #[error("plan {plan} is sold in {}, and the subscription is paid for in {}", .currency.code(), .paid_in.code())]
    PlanInOtherCurrency {
        /// The plan.
        plan: PlanId,
        /// The currency of its prices.
        currency: Currency,
        /// The currency of the subscription.
        paid_in: Currency,
    },
    /// No indirect reseller of that number.
    #[error("{0} is no indirect reseller of the partner")]
    UnknownReseller(MpnId),
    /// The number of an indirect provider where that of a reseller belongs.
    #[error("{0} is an indirect provider's MPN id, not an indirect reseller's")]
    ProviderAsReseller(MpnId),
    /// The indirect reseller of another partner.
    #[error("{0} is another partner's indirect reseller")]
    ResellerOfAnother(MpnId),
    /// A number of seats below 1.
    #[error("a subscription has at least one seat, not {0}")]
    NoSeats(i64),
    /// A nickname that is too long.
    #[error("a nickname has {0} characters at the most")]
    NicknameTooLong(usize),
    /// Lines that can't be one order.
    #[error("the lines of an order have one billing cycle and one currency")]
    OrderOfSeveral,
    /// No offer of that id.
    #[error("there is no offer {0}")]
    UnknownOffer(OfferId),
    /// No such plan in the offer.
    #[error("offer {offer} has no plan {plan}")]
    UnknownPlan {
        /// The offer.
        offer: OfferId,
        /// The plan asked for.
        plan: PlanId,
    },
    /// A private plan, for others.
    #[error("plan {plan} is private, and {customer} is not in its audience")]
    PlanPrivate {
        /// The plan.
        plan: PlanId,
        /// The customer who may not have it.
        customer: CustomerId,
    },
    /// The plan is not sold any more.
    #[error("plan {0} is not sold any more")]
    PlanStopSell(PlanId),
    /// The plan is not sold for that term.
    #[error("plan {plan} is not sold for {term}; it is sold for {sold}")]
    TermNotSold {
        /// The plan.
        plan: PlanId,
        /// The term asked for, and how it is paid for, in words.
        term: String,
        /// The terms it is sold for, in words.
        sold: String,
    },
    /// A per-user plan needs a number of seats.
    #[error("plan {0} is sold per user: say how many seats")]
    QuantityRequired(PlanId),
    /// A flat-rate plan takes no number of seats.
    #[error("plan {0} is a flat rate: it takes no number of seats")]
    QuantityNotAllowed(PlanId),
    /// Fewer seats than the plan allows.
    #[error("plan {plan} starts at {min} seats; {quantity} are too few")]
    TooFewSeats {
        /// The plan.
        plan: PlanId,
        /// Seats asked for.
        quantity: Seats,
        /// Fewest seats.
        min: Seats,
    },
    /// More seats than the plan allows.
    #[error("plan {plan} ends at {max} seats; {quantity} are too many")]
    TooManySeats {
        /// The plan.
        plan: PlanId,
        /// Seats asked for.
        quantity: Seats,
        /// Most seats.
        max: Seats,
    },
    /// The price times the seats is more than money can be.
    #[error("{quantity} seats of plan {plan} cost more than can be written down")]
    AmountTooLarge {
        /// The plan.
        plan: PlanId,
        /// Seats asked for.
        quantity: Seats,
    },
    /// The authorization code does not open.
    #[error("the authorization code can't be resolved: {}", .0.sentence())]
    Code(CodeFault),
    /// No subscription of that id.
    #[error("there is no subscription {0}")]
    UnknownSubscription(SubscriptionId),
    /// The subscription is another publisher's.
    #[error("subscription {subscription} does not belong to publisher {publisher}")]
    OtherPublisher {
        /// The subscription asked for.
        subscription: SubscriptionId,
        /// Who asked.
        publisher: PublisherId,
    },
    /// What was asked for is not possible in the subscription's state.
    #[error("the subscription is {}: {action} is not possible", .status.as_str())]
    NotInStatus {
        /// The status it is in.
        status: Status,
        /// What was asked for.
        action: &'static str,
    },
    /// A change that says neither plan nor quantity.
    #[error("the change says neither a plan nor a number of seats of at least 1")]
    ChangeMissing,
    /// A change of plan and quantity together.
    #[error("plan and quantity can't be changed together")]
    ChangesTogether,
    /// What the publisher may not do on the customer's behalf.
    #[error("{} is not among the subscription's allowedCustomerOperations", .0.as_str())]
    OperationNotAllowed(CustomerOperation),
    /// Only an active subscription can be changed.
    #[error("the subscription is {}: only an active one can be changed", .0.as_str())]
    NotActive(Status),
    /// An operation is under way, and until it ends there is no other.
    #[error("operation {0} is under way")]
    OperationPending(OperationId),
    /// A term of several years, with payments outstanding.
    #[error("payments are outstanding, the next on {}: it ends with its term", .next.date())]
    PaymentsOutstanding {
        /// When the next one is due.
        next: Timestamp,
    },
    /// The offer has no such plan.
    #[error("the offer has no plan {0:?}")]
    PlanNotInOffer(String),
    /// The subscription has the plan already.
    #[error("subscription {name} has plan {plan} already")]
    SamePlan {
        /// The subscription's name.
        name: String,
        /// The plan.
        plan: PlanId,
    },
    /// The subscription has that many seats already.
    #[error("the subscription has {0} seats already")]
    SameQuantity(Seats),
    /// More seats than any subscription may have.
    #[error("{quantity} seats are more than the {most} that a subscription may have")]
    TooManySeatsForAnyone {
        /// Seats asked for.
        quantity: u64,
        /// The limit.
        most: u32,
    },
    /// No operation of that id on that subscription.
    #[error("there is no operation {0:?} on the subscription")]
    UnknownOperation(String),
    /// The operation has ended.
    #[error("operation {operation} is {} already", .status.as_str())]
    OperationEnded {
        /// Which one.
        operation: OperationId,
        /// How it ended.
        status: OperationStatus,
    },
    /// The publisher started the operation itself: it ends without an answer.
    #[error("operation {0} was started by the publisher and ends by itself: it takes no answer")]
    OwnOperation(OperationId),
    /// A call to a webhook that can't be held, because it waits no more.
    #[error("the call to the webhook is {}: only one that waits can be held", .0.as_str())]
    NotWaiting(DeliveryState),
    /// A partner's program has not registered for an event.
    #[error("the webhook is not registered for {}", .0.as_str())]
    NotRegistered(EventName),
    /// An answer to an operation that says neither yes nor no.
    #[error("an answer is Success or Failure")]
    NoSuchAnswer,
    /// An activation of something else than was bought.
    #[error("the {} to be activated {}", .field, if *.missing { "is missing" } else { "is not the one that was bought" })]
    ActivatedOtherwise {
        /// `planId` or `quantity`.
        field: &'static str,
        /// Whether it is missing.
        missing: bool,
    },
    /// More licences assigned than seats bought.
    #[error("{assigned} licences were assigned, but only {bought} seats were bought")]
    TooManyLicenses {
        /// Licences that the publisher reports.
        assigned: u32,
        /// Seats of the subscription.
        bought: u32,
    },
}

impl Refusal {
    /// The stable name of the reason, for scenarios and programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCustomer(_) => "unknownCustomer",
            Self::UnknownPartner(_) => "unknownPartner",
            Self::CustomerOfAnotherPartner { .. } => "customerOfAnotherPartner",
            Self::AgreementMissing(_) => "agreementMissing",
            Self::NotActivatedYet => "notActivatedYet",
            Self::CancellationWindowOver(_) => "cancellationWindowOver",
            Self::ClockBackwards { .. } => "clockBackwards",
            Self::BeyondCalendar(_) => "beyondCalendar",
            Self::Stale => "stale",
            Self::UnknownOrder(_) => "unknownOrder",
            Self::UnknownCart(_) => "unknownCart",
            Self::CartSubmitted(_) => "cartSubmitted",
            Self::CartLines(_) => "cartLines",
            Self::AgreementConfirmed(_) => "agreementConfirmed",
            Self::DomainTaken(_) => "domainTaken",
            Self::RequestOfAnotherKind(_) => "requestOfAnotherKind",
            Self::SandboxLimit => "sandboxLimit",
            Self::NotInMarket { .. } => "notInMarket",
            Self::PlanInOtherCurrency { .. } => "planInOtherCurrency",
            Self::UnknownReseller(_) => "unknownReseller",
            Self::ProviderAsReseller(_) => "providerAsReseller",
            Self::ResellerOfAnother(_) => "resellerOfAnother",
            Self::NoSeats(_) => "noSeats",
            Self::NicknameTooLong(_) => "nicknameTooLong",
            Self::OrderOfSeveral => "orderOfSeveral",
            Self::UnknownOffer(_) => "unknownOffer",
            Self::UnknownPlan { .. } => "unknownPlan",
            Self::PlanPrivate { .. } => "planPrivate",
            Self::PlanStopSell(_) => "planStopSell",
            Self::TermNotSold { .. } => "termNotSold",
            Self::QuantityRequired(_) => "quantityRequired",
            Self::QuantityNotAllowed(_) => "quantityNotAllowed",
            Self::TooFewSeats { .. } => "tooFewSeats",
            Self::TooManySeats { .. } => "tooManySeats",
            Self::AmountTooLarge { .. } => "amountTooLarge",
            Self::Code(_) => "codeRefused",
            Self::UnknownSubscription(_) => "unknownSubscription",
            Self::OtherPublisher { .. } => "otherPublisher",
            Self::NotInStatus { .. } => "notInStatus",
            Self::ChangeMissing => "changeMissing",
            Self::ChangesTogether => "changesTogether",
            Self::OperationNotAllowed(_) => "operationNotAllowed",
            Self::NotActive(_) => "notActive",
            Self::OperationPending(_) => "operationPending",
            Self::PaymentsOutstanding { .. } => "paymentsOutstanding",
            Self::PlanNotInOffer(_) => "planNotInOffer",
            Self::SamePlan { .. } => "samePlan",
            Self::SameQuantity(_) => "sameQuantity",
            Self::TooManySeatsForAnyone { .. } => "tooManySeatsForAnyone",
            Self::UnknownOperation(_) => "unknownOperation",
            Self::OperationEnded { .. } => "operationEnded",
            Self::OwnOperation(_) => "ownOperation",
            Self::NotWaiting(_) => "notWaiting",
            Self::NotRegistered(_) => "notRegistered",
            Self::NoSuchAnswer => "noSuchAnswer",
            Self::ActivatedOtherwise { .. } => "activatedOtherwise",
            Self::TooManyLicenses { .. } => "tooManyLicenses",
        }
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::UnknownCustomer(_) | Self::UnknownPartner(_) | Self::UnknownOffer(_) | Self::UnknownPlan { .. } => {
                "GET the sandbox's catalogue for the ids that it knows."
            }
            Self::AgreementMissing(_) => {
                "Confirm in Partner Center that the customer has accepted it, or leave agreement: false out of the fixture."
            }
            Self::NotActivatedYet => "Open the personalized link, and let the publisher activate it.",
            Self::CancellationWindowOver(_) => "Turn auto-renew off, or ask the publisher.",
            Self::ClockBackwards { .. } => {
                "Name a later time, or create a sandbox whose clock stands where you want it (frozenAt)."
            }
            Self::BeyondCalendar(_) => "Name an earlier instant, or a shorter period.",
            Self::Stale => "Read it again, and send the change with its new etag.",
            Self::UnknownOrder(_) | Self::UnknownCart(_) => "Take the id from the answer that made it.",
            Self::CartSubmitted(_) => "Look at the orders that it has become.",
            Self::CartLines(_) => "Read the cart for the error of each line.",
            Self::AgreementConfirmed(_) => "Nothing is left to do: buy.",
            Self::DomainTaken(_) => "Take another domain.",
            Self::RequestOfAnotherKind(_) => {
                "Give each request an id of its own, and repeat it only with the same call."
            }
            Self::SandboxLimit => "Delete customers or cancel subscriptions of the integration sandbox.",
            Self::NotInMarket { .. } => "Take a plan whose market is the customer's country.",
            Self::PlanInOtherCurrency { .. } => "Take a plan from listAvailablePlans, or buy the other one anew.",
            Self::NoSeats(_) => "Ask for at least one, or cancel.",
            Self::NicknameTooLong(_) => "Shorten it.",
            Self::OrderOfSeveral => "Place an order for each, or put the lines into a cart.",
            Self::UnknownReseller(_) | Self::ProviderAsReseller(_) | Self::ResellerOfAnother(_) => {
                "Name one of the partner's indirectResellers."
            }
            Self::CustomerOfAnotherPartner { .. } => "Buy as the partner that the customer belongs to.",
            Self::PlanPrivate { .. } => {
                "Add the customer to the plan's audience in the fixture, or take a public plan."
            }
            Self::PlanStopSell(_) => "Take another plan of the offer.",
            Self::TermNotSold { .. } => "Ask for one of the terms that the plan is sold for.",
            Self::QuantityRequired(_) => "Add a quantity of at least 1.",
            Self::QuantityNotAllowed(_) => "Leave the quantity out.",
            Self::TooFewSeats { .. } | Self::TooManySeats { .. } | Self::AmountTooLarge { .. } => {
                "Ask for a number of seats within the plan's limits."
            }
            Self::Code(_) => "Open the subscription again: each new link carries a fresh code.",
            Self::UnknownSubscription(_) => "List the sandbox's subscriptions for the ids that it knows.",
            Self::OtherPublisher { .. } => "Use the app registration of the publisher whose offer was bought.",
            Self::NotInStatus { .. } => "GET the subscription for its status and what is missing.",
            Self::ChangeMissing | Self::ChangesTogether => "Send either planId or quantity.",
            Self::OperationNotAllowed(_) => "Leave changes of what a CSP bought to the CSP.",
            Self::NotActive(_) => "GET the subscription, and change it while it is Subscribed.",
            Self::OperationPending(_) => "Poll the operation until it has ended, then ask again.",
            Self::PaymentsOutstanding { .. } => "Turn auto-renew off: it ends with its term then.",
            Self::PlanNotInOffer(_) | Self::SamePlan { .. } => "Take another plan from listAvailablePlans.",
            Self::SameQuantity(_) | Self::TooManySeatsForAnyone { .. } => "Ask for another number of seats.",
            Self::UnknownOperation(_) => "Take the id from Operation-Location, or list the operations.",
            Self::OperationEnded { .. } => "GET the operation for how it ended.",
            Self::OwnOperation(_) => "Poll the operation until it has ended.",
            Self::NotWaiting(_) => "Hold calls before they are made: set the rule webhookSending to held.",
            Self::NotRegistered(_) => "Register for the event first.",
            Self::NoSuchAnswer => "Send Success or Failure.",
            Self::ActivatedOtherwise { .. } => "Send the plan and the quantity that were bought, or no body.",
            Self::TooManyLicenses { .. } => "Assign at most as many licences as seats were bought.",
        }
    }

    /// The input that the refusal is about, if it is about one: the field's name in the control API.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::UnknownCustomer(_) | Self::CustomerOfAnotherPartner { .. } => Some("customer"),
            Self::AgreementMissing(_) | Self::AgreementConfirmed(_) => Some("customer"),
            Self::DomainTaken(_) => Some("domain"),
            Self::NotInMarket { .. } | Self::PlanInOtherCurrency { .. } => Some("plan"),
            Self::UnknownReseller(_) | Self::ProviderAsReseller(_) | Self::ResellerOfAnother(_) => Some("reseller"),
            Self::UnknownPartner(_) => Some("partner"),
            Self::UnknownOffer(_) => Some("offer"),
            Self::UnknownPlan { .. } | Self::PlanPrivate { .. } | Self::PlanStopSell(_) => Some("plan"),
            Self::TermNotSold { .. } => Some("termUnit"),
            Self::QuantityRequired(_)
            | Self::QuantityNotAllowed(_)
            | Self::TooFewSeats { .. }
            | Self::TooManySeats { .. }
            | Self::SameQuantity(_)
            | Self::TooManySeatsForAnyone { .. }
            | Self::AmountTooLarge { .. } => Some("quantity"),
            Self::Code(_) => Some("token"),
            Self::TooManyLicenses { .. } => Some("assigned"),
            Self::NoSeats(_) => Some("quantity"),
            Self::NicknameTooLong(_) => Some("name"),
            Self::NoSuchAnswer => Some("status"),
            Self::ActivatedOtherwise { field, .. } => Some(field),
            Self::PlanNotInOffer(_) | Self::SamePlan { .. } => Some("planId"),
            Self::UnknownSubscription(_)
            | Self::OtherPublisher { .. }
            | Self::NotInStatus { .. }
            | Self::ChangeMissing
            | Self::ChangesTogether
            | Self::OperationNotAllowed(_)
            | Self::NotActive(_)
            | Self::OperationPending(_)
            | Self::PaymentsOutstanding { .. }
            | Self::RequestOfAnotherKind(_)
            | Self::SandboxLimit
            | Self::OrderOfSeveral
            | Self::NotActivatedYet
            | Self::CancellationWindowOver(_)
            | Self::ClockBackwards { .. }
            | Self::BeyondCalendar(_)
            | Self::Stale
            | Self::UnknownOrder(_)
            | Self::UnknownCart(_)
            | Self::CartSubmitted(_)
            | Self::CartLines(_)
            | Self::UnknownOperation(_)
            | Self::OperationEnded { .. }
            | Self::OwnOperation(_)
            | Self::NotRegistered(_)
            | Self::NotWaiting(_) => None,
        }
    }
}
