//! Changes on record: the entry in the journal that tells of a call is committed with what the call changes, so that neither is
//! there without the other.

use std::marker::PhantomData;

use futures_util::future::BoxFuture;

use super::{
    desk::Desk,
    error::AppError,
    journal::{Exchange, Player, What},
    mailbox::Command,
    sandbox::Sandbox,
};
use crate::domain::ids::SubscriptionId;

/// A call between players, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCall {
    /// Who called.
    pub from: Player,
    /// The subscription that it concerned, as far as is known.
    pub subscription: Option<SubscriptionId>,
    /// The call.
    pub exchange: Exchange,
}

/// How a call is answered and what the journal tells of it, given what it has come to. It may be asked more than once, as a
/// command may be decided again. `None` for what was done without a call.
pub trait Answering<A, R>: Fn(&A) -> (R, Option<RecordedCall>) + Send + Sync + 'static {}

impl<A, R, F: Fn(&A) -> (R, Option<RecordedCall>) + Send + Sync + 'static> Answering<A, R> for F {}

impl Sandbox {
    /// Decides a command that a call gives, and its entry with it.
    pub(super) async fn ask_on_record<C: Command, R: Send + 'static>(
        &self,
        command: C,
        told: impl Answering<C::Answer, R>,
    ) -> Result<R, AppError> {
        self.ask(OnRecord { command, told, answer: PhantomData }).await
    }

    /// The same with a command that may refuse without failing: a refusal is for the caller to record.
    pub(super) async fn ask_on_record_unless_refused<C, A, F, R>(
        &self,
        command: C,
        told: impl Answering<A, R>,
    ) -> Result<Result<R, F>, AppError>
    where
        C: Command<Answer = Result<A, F>>,
        F: Clone + Send + 'static,
        R: Send + 'static,
    {
        let told = move |outcome: &Result<A, F>| match outcome {
            Ok(done) => {
                let (answer, call) = told(done);
                (Ok(answer), call)
            }
            Err(refused) => (Err(refused.clone()), None),
        };
        self.ask(OnRecord { command, told, answer: PhantomData }).await
    }

    /// Records a call by itself, in its place among the commands, without waiting for it to be durable: one that has changed
    /// nothing, or whose change is durable already.
    ///
    /// # Errors
    /// [`AppError::Stopping`] when the sandbox is gone.
    pub async fn record(&self, call: RecordedCall) -> Result<(), AppError> {
        self.tell(call).await
    }
}

impl Command for RecordedCall {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            note(desk, self.clone());
            Ok(())
        })
    }
}

/// A command, and what tells of it.
struct OnRecord<C, T, R> {
    command: C,
    told: T,
    answer: PhantomData<fn() -> R>,
}

impl<C: Command, T: Answering<C::Answer, R>, R: Send + 'static> Command for OnRecord<C, T, R> {
    type Answer = R;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<R, AppError>> {
        Box::pin(async move {
            let outcome = self.command.decide(desk).await?;
            let (answer, call) = (self.told)(&outcome);
            // A call that turns out to change nothing is not to be refused for its entry.
            if let Some(call) = call.filter(|_| desk.has_changes() || desk.is_filled_by().is_none()) {
                note(desk, call);
            }
            Ok(answer)
        })
    }

    fn may_overfill(&self) -> bool {
        self.command.may_overfill()
    }
}

fn note(desk: &mut Desk<'_>, RecordedCall { from, subscription, exchange }: RecordedCall) {
    desk.note(from, subscription, What::Exchange(exchange));
}
