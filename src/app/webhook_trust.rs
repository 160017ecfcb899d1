//! The certificate authority that a sandbox's webhooks are trusted by, besides those that everybody trusts.

use futures_util::future::BoxFuture;

use super::{
    desk::{Desk, decode},
    error::AppError,
    journal::{Player, What},
    mailbox::Command,
    sandbox::Sandbox,
};

impl Sandbox {
    /// The authority's certificate (PEM), if one was given.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn webhook_authority(&self) -> Result<Option<String>, AppError> {
        let key = self.world.space.webhook_authority();
        let found = self.store.get(&key).await?;
        found.map(|document| decode(&key, &document.bytes)).transpose()
    }

    /// Trusts an authority, or none any more.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn trust_webhooks(&self, certificate: Option<String>) -> Result<(), AppError> {
        self.ask(Trust(certificate)).await
    }
}

struct Trust(Option<String>);

impl Command for Trust {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            let key = desk.space().webhook_authority();
            desk.look_at(&key).await?;
            let summary = match &self.0 {
                Some(certificate) => {
                    desk.put(key, certificate)?;
                    "Webhooks may show certificates of one more authority."
                }
                None => {
                    desk.remove(key);
                    "Webhooks have to show certificates that everybody trusts."
                }
            };
            desk.note(Player::Operator, None, What::Steering { summary: summary.to_owned() });
            Ok(())
        })
    }
}
