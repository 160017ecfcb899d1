//! What a CSP partner changes of a subscription in Partner Center, and which changes it is refused
//! (docs:change-the-quantity-of-a-subscription and its neighbours).

use super::{
    cancellation_window::CancellationWindow,
    cart::SANDBOX_SEATS,
    charges,
    event::Event,
    operation::Wish,
    partner::{MpnId, Partner},
    refusal::Refusal,
    rules::{CspAccount, CspCancelPending, CspLateCancel, Rules},
    subscription::{Context, Decision, Status, Subscription, check_name},
    time::Timestamp,
};

/// What shall be otherwise; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartnerWish {
    /// `friendlyName`.
    pub nickname: Option<String>,
    /// `partnerId`; an empty one takes the reseller away.
    pub reseller: Option<Option<MpnId>>,
    /// `autoRenewEnabled`.
    pub auto_renew: Option<bool>,
    /// `quantity`.
    pub quantity: Option<i64>,
    /// `status`.
    pub status: Option<StatusWish>,
}

/// `status`, as it shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusWish {
    /// `deleted`: cancelled.
    Deleted,
    /// `suspended`.
    Suspended,
    /// `active`.
    Active,
}

/// What follows from a wish: what is so at once, and what goes on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// What is so at once.
    pub decision: Decision,
    /// What comes of it besides.
    pub next: Next,
}

/// What comes of a wish besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Nothing,
    /// Another number of seats, which the publisher has to be told of first.
    Change(Wish),
    /// The end, at once.
    Cancel,
    /// A suspension.
    Suspend,
    /// A reinstatement.
    Reinstate,
}

/// Decides a wish of one of the partners.
///
/// # Errors
/// The first rule that it breaks: nothing of it is done then.
pub fn change(
    subscription: &Subscription,
    (partner, partners): (&Partner, &[Partner]),
    wish: &PartnerWish,
    context: Context,
) -> Result<Granted, Refusal> {
    let mut decision = Decision::starting_at(context.first_entry);
    let status = subscription.state.status();
    // Nothing of it can be changed, not even to what it is (docs:error-codes, 2011).
    if status == Status::Unsubscribed {
        return Err(Refusal::NotInStatus { status, action: "a change" });
    }
    if let Some(nickname) = wish.nickname.as_ref().filter(|name| name.as_str() != subscription.friendly_name()) {
        check_name(Some(nickname))?;
        decision.events.push(Event::NicknameSet { nickname: nickname.clone() });
    }
    if let Some(reseller) = wish.reseller.as_ref().filter(|reseller| **reseller != subscription.reseller) {
        if let Some(reseller) = reseller {
            partner.check_reseller(reseller, partners)?;
        }
        decision.events.push(Event::ResellerSet { reseller: reseller.clone() });
    }
    let is_pending = status == Status::PendingFulfillmentStart;
    if let Some(auto_renew) = wish.auto_renew.filter(|auto_renew| *auto_renew != subscription.auto_renew) {
        if is_pending {
            return Err(Refusal::NotActivatedYet);
        }
        decision.events.push(Event::AutoRenewSet { auto_renew });
    }
    let quantity = wish.quantity.filter(|quantity| *quantity != billed_quantity(subscription));
    if let Some(none) = quantity.filter(|quantity| *quantity < 1) {
        return Err(Refusal::NoSeats(none));
    }
    let is_limited = context.rules.csp_account == CspAccount::IntegrationSandbox;
    if quantity.is_some_and(|quantity| is_limited && quantity > i64::from(SANDBOX_SEATS)) {
        return Err(Refusal::SandboxLimit);
    }
    let next = match wish.status.filter(|wanted| !is_already(status, *wanted)) {
        Some(StatusWish::Suspended | StatusWish::Active) if is_pending => return Err(Refusal::NotActivatedYet),
        // Seats can't change on the way into a suspension, out of it, or to the end (docs:error-codes, 2001 and 2011); left
        // out of the answer, the change would be lost without a word.
        Some(StatusWish::Suspended | StatusWish::Active) if quantity.is_some() => {
            return Err(Refusal::NotActive(Status::Suspended));
        }
        Some(StatusWish::Deleted) if quantity.is_some() => {
            return Err(Refusal::NotInStatus { status: Status::Unsubscribed, action: "another number of seats" });
        }
        Some(StatusWish::Deleted) => match cancellation(subscription, context.rules, context.now)? {
            Cancellation::AtOnce => Next::Cancel,
            Cancellation::AtRenewal => {
                decision.events.push(Event::AutoRenewSet { auto_renew: false });
                Next::Nothing
            }
            Cancellation::Scheduled => Next::Nothing,
        },
        Some(StatusWish::Suspended) => Next::Suspend,
        Some(StatusWish::Active) => Next::Reinstate,
        None => match quantity {
            None => Next::Nothing,
            Some(_) if is_pending => return Err(Refusal::NotActivatedYet),
            Some(quantity) => Next::Change(Wish { plan: None, quantity: Some(quantity) }),
        },
    };
    Ok(Granted { decision, next })
}

/// `quantity` of Partner Center: a flat rate is bought once.
#[must_use]
pub fn billed_quantity(subscription: &Subscription) -> i64 {
    subscription.quantity.map_or(1, |seats| i64::from(seats.get()))
}

const fn is_already(status: Status, wanted: StatusWish) -> bool {
    matches!(
        (status, wanted),
        (Status::Suspended, StatusWish::Suspended)
            | (Status::Subscribed | Status::PendingFulfillmentStart, StatusWish::Active)
    )
}

/// What a cancellation would bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// The end, at once.
    AtOnce,
    /// The end with the running term.
    AtRenewal,
    /// Nothing more: it ends with its term already.
    Scheduled,
}

/// What a cancellation would bring now: within its window the end, afterwards what the sandbox's rule says (sections 8.1 and
/// 16 of what is known).
///
/// # Errors
/// The rule that stands against it.
pub fn cancellation(subscription: &Subscription, rules: Rules, now: Timestamp) -> Result<Cancellation, Refusal> {
    let status = subscription.state.status();
    match status {
        Status::Unsubscribed => return Err(Refusal::NotInStatus { status, action: "a cancellation" }),
        Status::PendingFulfillmentStart => {
            return match rules.csp_cancel_pending {
                CspCancelPending::Refused => Err(Refusal::NotActivatedYet),
                CspCancelPending::Allowed => Ok(Cancellation::AtOnce),
            };
        }
        Status::Subscribed | Status::Suspended => {}
    }
    let until = charges::refundable_until(subscription, rules.refund_window);
    if subscription.free_trial || until.is_none_or(|until| now <= until) {
        return Ok(Cancellation::AtOnce);
    }
    match rules.csp_late_cancel {
        CspLateCancel::Refused => {
            let window = CancellationWindow::of(&subscription.term_unit, rules.refund_window);
            Err(Refusal::CancellationWindowOver(window))
        }
        CspLateCancel::AtRenewal if subscription.auto_renew => Ok(Cancellation::AtRenewal),
        CspLateCancel::AtRenewal => Ok(Cancellation::Scheduled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        event::Seq,
        rules::Rules,
        subscription::{
            Command,
            tests::{at, buy, catalogue, order, run},
        },
    };

    fn bought(activated: Option<&str>) -> Subscription {
        let mut subscription = buy(&order("team", Some(5))).unwrap().0;
        if let Some(now) = activated {
            for command in [Command::Activate { wait: 0 }, Command::ReportLicenses { assigned: 1 }] {
                run(&mut subscription, command, now, 5).unwrap();
            }
        }
        subscription
    }

    fn told(subscription: &Subscription, wish: &PartnerWish, now: &str, rules: &[(&str, &str)]) -> String {
        let mut chosen = Rules::default();
        for (rule, choice) in rules {
            chosen.choose(rule, choice).unwrap();
        }
        let context = Context { now: at(now), first_entry: Seq(9), rules: chosen };
        let partners = catalogue().partners;
        match change(subscription, (&partners[0], &partners), wish, context) {
            Ok(Granted { decision, next }) => {
                let kinds: Vec<_> = decision.events.iter().map(Event::kind).collect();
                format!("{} {next:?}", kinds.join(","))
            }
            Err(refusal) => refusal.code().to_owned(),
        }
    }

    #[test]
    fn a_wish_is_granted_or_refused_by_where_the_subscription_stands() {
        let name = PartnerWish { nickname: Some("Mine".to_owned()), ..PartnerWish::default() };
        let reseller = |id: &str| PartnerWish { reseller: Some(Some(id.parse().unwrap())), ..PartnerWish::default() };
        let seats = PartnerWish { quantity: Some(7), ..PartnerWish::default() };
        let same = PartnerWish { quantity: Some(5), auto_renew: Some(true), ..PartnerWish::default() };
        let renewal = PartnerWish { auto_renew: Some(false), ..PartnerWish::default() };
        let status = |status| PartnerWish { status: Some(status), ..PartnerWish::default() };
        let (pending, active) = (bought(None), bought(Some("2026-01-31T09:00:00Z")));
        let mut over = bought(None);
        run(&mut over, Command::ActivationOverdue, "2026-03-02T09:00:00Z", 5).unwrap();
        let now = "2026-02-01T09:00:00Z";
        let table = [
            (&pending, &name, "nicknameSet Nothing"),
            (&pending, &reseller("1234567"), "resellerSet Nothing"),
            (&pending, &reseller("7654321"), "unknownReseller"),
            (&over, &name, "notInStatus"),
            (&over, &seats, "notInStatus"),
            (&over, &status(StatusWish::Deleted), "notInStatus"),
            (&active, &PartnerWish { quantity: Some(7), ..status(StatusWish::Suspended) }, "notActive"),
            (&active, &PartnerWish { quantity: Some(7), ..status(StatusWish::Deleted) }, "notInStatus"),
            (&active, &PartnerWish { quantity: Some(5), ..status(StatusWish::Suspended) }, " Suspend"),
            (&pending, &seats, "notActivatedYet"),
            (&pending, &renewal, "notActivatedYet"),
            (&pending, &same, " Nothing"),
            (&pending, &status(StatusWish::Deleted), "notActivatedYet"),
            (&pending, &status(StatusWish::Suspended), "notActivatedYet"),
            (&active, &seats, " Change(Wish { plan: None, quantity: Some(7) })"),
            (&active, &renewal, "autoRenewSet Nothing"),
            (&active, &status(StatusWish::Deleted), " Cancel"),
            (&active, &status(StatusWish::Suspended), " Suspend"),
            (&active, &status(StatusWish::Active), " Nothing"),
        ];
        for (subscription, wish, expected) in table {
            assert_eq!(told(subscription, wish, now, &[]), expected, "{wish:?}");
        }
    }

    #[test]
    fn an_integration_sandbox_has_25_seats_however_they_come() {
        let active = bought(Some("2026-01-31T09:00:00Z"));
        let sandbox = ("cspAccount", "integrationSandbox");
        for (seats, rules, expected) in [
            (25, &[sandbox][..], " Change(Wish { plan: None, quantity: Some(25) })"),
            (26, &[sandbox], "sandboxLimit"),
            (26, &[], " Change(Wish { plan: None, quantity: Some(26) })"),
        ] {
            let wish = PartnerWish { quantity: Some(seats), ..PartnerWish::default() };
            assert_eq!(told(&active, &wish, "2026-02-01T09:00:00Z", rules), expected, "{seats}");
        }
    }

    #[test]
    fn a_cancellation_has_its_window() {
        let wish = PartnerWish { status: Some(StatusWish::Deleted), ..PartnerWish::default() };
        let (pending, active) = (bought(None), bought(Some("2026-02-10T09:00:00Z")));
        let older = ("refundWindow", "older");
        let usual = ("refundWindow", "threeDays");
        let table = [
            (&active, "2026-02-03T09:00:00Z", usual, " Cancel"),
            (&active, "2026-02-03T09:00:00.001Z", usual, "cancellationWindowOver"),
            (&active, "2026-02-11T09:00:00Z", older, " Cancel"),
            (&active, "2026-02-11T09:00:00.001Z", older, "cancellationWindowOver"),
            (&active, "2026-03-01T09:00:00Z", ("cspLateCancel", "atRenewal"), "autoRenewSet Nothing"),
            (&pending, "2026-02-01T09:00:00Z", usual, "notActivatedYet"),
            (&pending, "2026-02-01T09:00:00Z", ("cspCancelPending", "allowed"), " Cancel"),
        ];
        for (subscription, now, rule, expected) in table {
            assert_eq!(told(subscription, &wish, now, &[rule]), expected, "{now} {rule:?}");
        }
    }
}
