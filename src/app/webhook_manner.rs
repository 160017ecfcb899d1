//! How the stand-in publisher's webhook shall take the changes that it is told of: a wish for the next ones.

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{
    desk::{Desk, decode},
    error::AppError,
    journal::{Player, What},
    mailbox::Command,
    sandbox::Sandbox,
};
use crate::domain::catalogue::WebhookManner;

/// A wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookWish {
    /// How to take them.
    pub manner: WebhookManner,
    /// How many; all from now on if `None`.
    pub times: Option<u32>,
}

impl Sandbox {
    /// The wish for the next changes; `None` if they are to be accepted as ever.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn webhook_wish(&self) -> Result<Option<WebhookWish>, AppError> {
        let key = self.world.space.webhook_manner();
        let found = self.store.get(&key).await?;
        found.map(|document| decode(&key, &document.bytes)).transpose()
    }

    /// Wishes how the next changes shall be taken.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn wish_of_webhook(&self, wish: WebhookWish) -> Result<(), AppError> {
        self.ask(Wish(wish)).await
    }

    /// How the change shall be taken that the webhook is told of now.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn use_webhook_manner(&self) -> Result<WebhookManner, AppError> {
        match self.webhook_wish().await? {
            None => Ok(WebhookManner::default()),
            Some(WebhookWish { manner, times: None }) => Ok(manner),
            Some(_) => self.ask(Use).await,
        }
    }
}

struct Wish(WebhookWish);

impl Command for Wish {
    type Answer = ();

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            let key = desk.space().webhook_manner();
            desk.look_at(&key).await?;
            let WebhookWish { manner, times } = self.0;
            let is_lifted = manner == WebhookManner::default() || times == Some(0);
            if is_lifted {
                desk.remove(key);
            } else {
                desk.put(key, &self.0)?;
            }
            let manner = manner.as_str();
            let summary = match times {
                _ if is_lifted => "The publisher's webhook accepts changes again.".to_owned(),
                Some(1) => format!("The publisher's webhook takes the next change so: {manner}."),
                Some(times) => format!("The publisher's webhook takes the next {times} changes so: {manner}."),
                None => format!("The publisher's webhook takes changes so from now on: {manner}."),
            };
            desk.note(Player::Operator, None, What::Steering { summary });
            Ok(())
        })
    }
}

struct Use;

impl Command for Use {
    type Answer = WebhookManner;

    fn decide<'a>(&'a self, desk: &'a mut Desk<'_>) -> BoxFuture<'a, Result<WebhookManner, AppError>> {
        Box::pin(async move {
            let key = desk.space().webhook_manner();
            let Some(wish) = desk.load::<WebhookWish>(&key).await? else { return Ok(WebhookManner::default()) };
            match wish.times.map(|times| times.saturating_sub(1)) {
                None => {}
                Some(0) => desk.remove(key),
                less => desk.put(key, &WebhookWish { times: less, ..wish })?,
            }
            Ok(wish.manner)
        })
    }
}
