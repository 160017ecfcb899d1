//! What the specification says becomes of a subscription, told a second time and more simply: whole cents, whole days, one
//! list of what is due.

use super::calendar::{DAY, Day};

pub(super) const STEP: i64 = 500;
const WINDOW: i64 = 10_000;
/// 500 retries in 8 hours.
const RETRIES: u32 = 500;
const PAUSE: i64 = 8 * 60 * 60 * 1000 / 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    Team,
    Business,
}

impl Plan {
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Business => "business",
        }
    }

    /// In cents, for a seat and a month.
    const fn price(self) -> i64 {
        match self {
            Self::Team => 2_450,
            Self::Business => 4_999,
        }
    }

    pub(super) fn sells(self, seats: i64) -> bool {
        match self {
            Self::Team => (5..=50).contains(&seats),
            Self::Business => seats >= 1,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Active,
    Suspended { since: i64 },
    Ended,
}

impl State {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pending => "PendingFulfillmentStart",
            Self::Active => "Subscribed",
            Self::Suspended { .. } => "Suspended",
            Self::Ended => "Unsubscribed",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Seats(i64),
    Plan(Plan),
    End,
    Reinstate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) effect: Effect,
    /// Whether the publisher asked for it: then it goes on by itself, whatever the publisher says.
    pub(super) own: bool,
    pub(super) status: &'static str,
    /// When it goes on, if it does so by itself.
    due: Option<i64>,
}

impl Operation {
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status, "Succeeded" | "Failed" | "Conflict")
    }

    const fn is_change(&self) -> bool {
        matches!(self.effect, Effect::Seats(_) | Effect::Plan(_))
    }

    const fn action(&self) -> &'static str {
        match self.effect {
            Effect::Seats(_) => "ChangeQuantity",
            Effect::Plan(_) => "ChangePlan",
            Effect::End => "Unsubscribe",
            Effect::Reinstate => "Reinstate",
        }
    }
}

/// A call to the webhook that has to be made, or made again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    /// Which operation, if it is one that is kept.
    operation: Option<String>,
    due: i64,
    failures: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) direct: bool,
    pub(super) plan: Plan,
    pub(super) seats: i64,
    pub(super) state: State,
    pub(super) auto_renew: bool,
    pub(super) payment_fails: bool,
    created: i64,
    activated: Option<i64>,
    licensed: Option<i64>,
    /// The day on which billing started: terms are counted from it.
    billed_from: Option<Day>,
    pub(super) term: Option<(Day, Day)>,
    pub(super) operations: Vec<Operation>,
    calls: Vec<Call>,
    /// What the webhook has been told, each once, in order; and of which operation, if it is one that is kept.
    pub(super) told: Vec<(&'static str, Option<String>)>,
    /// The ledger, in cents.
    pub(super) ledger: Vec<i64>,
    /// The same, with the instant at which each was written.
    pub(super) charges: Vec<(i64, i64)>,
}

/// What is due next for a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    NotActivated,
    GraceEnds,
    TermEnds,
    Operation(usize),
    Call(usize),
}

impl Subscription {
    pub(super) fn bought(id: String, direct: bool, plan: Plan, seats: i64, now: i64) -> Self {
        Self {
            id,
            direct,
            plan,
            seats,
            state: State::Pending,
            auto_renew: true,
            payment_fails: false,
            created: now,
            activated: None,
            licensed: None,
            billed_from: None,
            term: None,
            operations: Vec::new(),
            calls: Vec::new(),
            told: Vec::new(),
            ledger: Vec::new(),
            charges: Vec::new(),
        }
    }

    fn charge(&mut self, now: i64, cents: i64) {
        self.ledger.push(cents);
        self.charges.push((now, cents));
    }

    pub(super) fn is_locked(&self) -> bool {
        self.operations.iter().any(|operation| !operation.is_over())
    }

    pub(super) fn activate(&mut self, now: i64) {
        if self.state == State::Pending {
            self.state = State::Active;
            self.activated = Some(now);
            let day = Day::of(now);
            self.term = Some((day, Day(day.plus_months(1).0 - 1)));
            self.start_billing(now);
        }
    }

    pub(super) fn license(&mut self, now: i64) {
        if self.licensed.is_none() && self.state != State::Ended {
            self.licensed = Some(now);
            self.start_billing(now);
        }
    }

    /// Both confirmations have to be there.
    fn start_billing(&mut self, now: i64) {
        if self.billed_from.is_none() && self.activated.is_some() && self.licensed.is_some() {
            let day = Day::of(now);
            self.billed_from = Some(day);
            if matches!(self.state, State::Active | State::Suspended { .. }) {
                self.term = Some((day, Day(day.plus_months(1).0 - 1)));
            }
            self.charge(now, self.plan.price() * self.seats);
        }
    }

    fn tell(&mut self, action: &'static str, operation: Option<String>, now: i64) {
        self.told.push((action, operation.clone()));
        self.calls.push(Call { operation, due: now, failures: 0 });
    }

    /// Somebody asks for something. `own`: the publisher does.
    pub(super) fn ask(&mut self, id: String, effect: Effect, own: bool, now: i64) {
        let mut operation = Operation { id: id.clone(), effect, own, status: "NotStarted", due: Some(now + STEP) };
        if !own {
            operation.status = "InProgress";
            operation.due = (effect == Effect::Reinstate).then_some(now + STEP);
            let action = operation.action();
            self.operations.push(operation);
            self.tell(action, Some(id), now);
        } else {
            self.operations.push(operation);
        }
    }

    /// The buyer, or the end of something, ends it at once.
    pub(super) fn end(&mut self, refundable: bool, now: i64) {
        let was_pending = self.state == State::Pending;
        self.state = State::Ended;
        let paid: i64 = self.ledger.iter().sum();
        if refundable && paid != 0 && now <= self.created + 3 * DAY {
            self.charge(now, -paid);
        }
        if !was_pending {
            self.tell("Unsubscribe", None, now);
        }
        for place in 0..self.operations.len() {
            let operation = &self.operations[place];
            if !operation.is_over() && operation.effect != Effect::End {
                self.give_up(place);
            }
        }
    }

    /// An operation comes to nothing: whoever has not heard of it, never does.
    fn give_up(&mut self, place: usize) {
        self.operations[place].status = "Conflict";
        let id = Some(self.operations[place].id.clone());
        let waiting = self.calls.iter().position(|call| call.operation == id);
        if let Some(call) = waiting.map(|waiting| self.calls.remove(waiting))
            && call.failures == 0
        {
            self.told.retain(|(_, told)| *told != id);
        }
    }

    pub(super) fn suspend(&mut self, now: i64) {
        self.state = State::Suspended { since: now };
        self.tell("Suspend", None, now);
    }

    /// The publisher answers an operation: whether that was taken.
    pub(super) fn answer(&mut self, place: usize, success: bool, now: i64) {
        let operation = self.operations[place].clone();
        if operation.effect == Effect::Reinstate {
            return;
        }
        if success {
            self.go_on(place, now);
        } else {
            self.operations[place].status = "Failed";
        }
    }

    fn fits(&self, effect: Effect) -> bool {
        match effect {
            Effect::Seats(_) | Effect::Plan(_) => self.state == State::Active,
            Effect::Reinstate => matches!(self.state, State::Suspended { .. }),
            Effect::End => true,
        }
    }

    /// An operation that is in progress does what it is for.
    fn go_on(&mut self, place: usize, now: i64) {
        let effect = self.operations[place].effect;
        if !self.fits(effect) {
            self.give_up(place);
            return;
        }
        self.operations[place].status = "Succeeded";
        match effect {
            Effect::Seats(to) => {
                self.prorate(self.plan.price(), -self.seats, now);
                self.prorate(self.plan.price(), to, now);
                self.seats = to;
            }
            Effect::Plan(to) => {
                self.prorate(self.plan.price(), -self.seats, now);
                self.prorate(to.price(), self.seats, now);
                self.plan = to;
            }
            Effect::End if self.state != State::Ended => self.end(true, now),
            Effect::End => {}
            Effect::Reinstate => {
                self.state = State::Active;
                self.payment_fails = false;
            }
        }
    }

    /// A share of the term, by the day, today included; a seat's is rounded to the cent, half away from zero.
    fn prorate(&mut self, price: i64, seats: i64, now: i64) {
        let (Some(_), Some((start, end))) = (self.billed_from, self.term) else { return };
        let (left, all) = (end.0 - Day::of(now).max(start).0 + 1, end.0 - start.0 + 1);
        let of_a_seat = (price * left * 2 + all).div_euclid(all * 2);
        self.charge(now, of_a_seat * seats);
    }

    fn first_due(&self) -> Option<(i64, Due)> {
        self.due().into_iter().min_by_key(|(at, _)| *at)
    }

    fn due(&self) -> Vec<(i64, Due)> {
        let mut due = Vec::new();
        match self.state {
            State::Pending => due.push((self.created + 30 * DAY, Due::NotActivated)),
            State::Suspended { since } => due.push((since + 30 * DAY, Due::GraceEnds)),
            State::Active | State::Ended => {}
        }
        if let (Some(_), Some((_, end))) = (self.billed_from, self.term) {
            // What is being cancelled is not renewed.
            let is_ending = self.operations.iter().any(|one| one.effect == Effect::End && !one.is_over());
            let is_waited_for = match self.state {
                State::Active => !(self.auto_renew && is_ending),
                State::Suspended { .. } => !self.auto_renew,
                State::Pending | State::Ended => false,
            };
            if is_waited_for {
                due.push((Day(end.0 + 1).midnight(), Due::TermEnds));
            }
        }
        for (place, operation) in self.operations.iter().enumerate() {
            if let Some(at) = operation.due.filter(|_| !operation.is_over()) {
                due.push((at, Due::Operation(place)));
            }
        }
        due.extend(self.calls.iter().enumerate().map(|(place, call)| (call.due, Due::Call(place))));
        due
    }

    /// Everything that falls due until an instant, while the webhook answers with one status. `from` is now: what was due
    /// before, and waited, happens now.
    pub(super) fn advance(&mut self, from: i64, to: i64, webhook: u16) {
        while let Some((at, due)) = self.first_due().filter(|(at, _)| *at <= to) {
            let now = at.max(from);
            if let Due::Call(place) = due { self.call(place, now, webhook) } else { self.run(due, now) }
        }
    }

    /// Somebody comes about it: what the marketplace should have done by now, it does first, in order, as far as the last
    /// deadline that has passed.
    pub(super) fn catch_up(&mut self, now: i64) {
        let is_deadline = |due: &Due| matches!(due, Due::NotActivated | Due::GraceEnds | Due::TermEnds);
        while self.due().iter().any(|(at, due)| *at <= now && is_deadline(due)) {
            let own = self.due().into_iter().filter(|(_, due)| !matches!(due, Due::Call(_)));
            let Some((_, due)) = own.min_by_key(|(at, _)| *at) else { return };
            self.run(due, now);
        }
    }

    fn run(&mut self, due: Due, now: i64) {
        match due {
            Due::NotActivated => self.state = State::Ended,
            Due::GraceEnds => self.end(false, now),
            Due::TermEnds => self.term_ends(now),
            Due::Operation(place) => self.step(place, now),
            Due::Call(_) => {}
        }
    }

    fn term_ends(&mut self, now: i64) {
        let (Some(first), Some((_, end))) = (self.billed_from, self.term) else { return };
        if !self.auto_renew {
            self.end(false, now);
        } else if self.payment_fails {
            self.suspend(now);
        } else {
            let start = Day(end.0 + 1);
            let nth =
                (0..600).find(|n| first.plus_months(*n) == start).unwrap_or_else(|| panic!("terms drift: {self:?}"));
            self.term = Some((start, Day(first.plus_months(nth + 1).0 - 1)));
            self.charge(now, self.plan.price() * self.seats);
            self.tell("Renew", None, now);
        }
    }

    fn step(&mut self, place: usize, now: i64) {
        if self.operations[place].status == "InProgress" {
            self.go_on(place, now);
            return;
        }
        if !self.fits(self.operations[place].effect) {
            self.give_up(place);
            return;
        }
        self.operations[place].status = "InProgress";
        self.operations[place].due = Some(now + STEP);
        if self.operations[place].is_change() {
            let (action, id) = (self.operations[place].action(), self.operations[place].id.clone());
            self.tell(action, Some(id), now);
        }
    }

    fn call(&mut self, place: usize, now: i64, webhook: u16) {
        let call = self.calls[place].clone();
        let waiting = call.operation.as_ref().and_then(|id| {
            let place = self.operations.iter().position(|operation| operation.id == *id)?;
            let operation = &self.operations[place];
            (operation.is_change() && !operation.own && !operation.is_over()).then_some(place)
        });
        let failures = call.failures + 1;
        match (webhook, waiting) {
            (200, waiting) => {
                self.calls.remove(place);
                if let Some(waiting) = waiting {
                    self.operations[waiting].due = Some(now + WINDOW);
                }
            }
            (500, _) if failures <= RETRIES => self.calls[place] = Call { failures, due: now + PAUSE, ..call },
            (_, waiting) => {
                self.calls.remove(place);
                if let Some(waiting) = waiting {
                    self.operations[waiting].status = "Failed";
                }
            }
        }
    }
}
