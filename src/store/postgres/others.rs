//! What processes that share the database tell each other: which documents have changed. It goes over `LISTEN` and `NOTIFY`,
//! on one connection of its own. Where that does not work, because an engine does not have it or the connection is lost,
//! everything may have changed every half second.
//!
//! A notice has no part in the transaction that it tells of: a commit with a notice in it would queue up behind every other
//! one in the database.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};
use tokio_postgres::{AsyncMessage, Client, Config, Notification};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::open::in_words;
use crate::store::{Key, News};

/// How long notices are gathered before they are sent together.
const GATHERED: Duration = Duration::from_millis(10);
/// How often everything is looked at while nobody can be heard, and how often a connection is tried.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(500);
/// How often everything is looked at although others can be heard: a notice that has got lost does no harm for longer.
const CHECKED_EVERY: Duration = Duration::from_secs(5);

/// The name of the channel: one for each schema of the database. Nothing of it needs an answer, so it is not flushed.
const JOIN: &str = "SELECT set_config('synchronous_commit', 'off', false), 'rehearsal_' || md5(current_schema())";
const TELL: &str = "SELECT pg_notify($1, notice) FROM unnest($2::text[]) AS told(notice)";

/// The line to the other processes.
#[derive(Debug)]
pub(super) struct Others {
    messages: Arc<Messages>,
    talking: JoinHandle<()>,
}

/// What is to be told, and what was heard and not yet read.
#[derive(Debug, Default)]
struct Messages {
    out: Mutex<BTreeSet<Key>>,
    to_be_told: Notify,
    heard: Mutex<Heard>,
    to_be_read: Notify,
}

#[derive(Debug, Default)]
struct Heard {
    changed: BTreeSet<Key>,
    anything: bool,
    is_closed: bool,
}

impl Others {
    /// Begins to listen; `me` is a name that no other process has.
    pub(super) fn begin(config: Config, tls: MakeRustlsConnect, me: &[u8]) -> Self {
        let messages = Arc::<Messages>::default();
        let me = STANDARD_NO_PAD.encode(me);
        let talking = tokio::spawn(talk(config, tls, me, Arc::clone(&messages)));
        Self { messages, talking }
    }

    /// Tells that a document has changed.
    pub(super) fn tell(&self, key: &Key) {
        if self.messages.out().insert(key.clone()) {
            self.messages.to_be_told.notify_one();
        }
    }

    /// Waits for what others tell.
    pub(super) async fn news(&self) -> Option<News> {
        loop {
            let read = self.messages.to_be_read.notified();
            {
                let mut heard = self.messages.heard();
                if heard.is_closed {
                    return None;
                }
                if std::mem::take(&mut heard.anything) {
                    heard.changed.clear();
                    return Some(News::Anything);
                }
                if !heard.changed.is_empty() {
                    return Some(News::Changed(std::mem::take(&mut heard.changed).into_iter().collect()));
                }
            }
            read.await;
        }
    }

    /// Listens no more.
    pub(super) fn end(&self) {
        self.talking.abort();
        self.messages.hear(|heard| heard.is_closed = true);
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        self.talking.abort();
    }
}

impl Messages {
    fn out(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, note: impl FnOnce(&mut Heard)) {
        note(&mut self.heard());
        self.to_be_read.notify_one();
    }

    fn hear_anything(&self) {
        self.hear(|heard| heard.anything = true);
    }
}

#[expect(clippy::disallowed_methods, reason = "other processes and the database keep the machine's time")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Talks as long as the process lives, over one connection after the other.
async fn talk(config: Config, tls: MakeRustlsConnect, me: String, messages: Arc<Messages>) {
    loop {
        if let Err(error) = converse(&config, &tls, &me, &messages).await {
            tracing::debug!(error = %in_words(&error), "other servers can't be heard; looking at everything instead");
        }
        messages.hear_anything();
        pause(LOOKED_AT_EVERY).await;
    }
}

/// Talks over one connection until it ends.
async fn converse(
    config: &Config,
    tls: &MakeRustlsConnect,
    me: &str,
    messages: &Messages,
) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(tls.clone()).await?;
    let (sender, mut notices) = mpsc::unbounded_channel();
    let _driven = AbortOnDrop(tokio::spawn(async move {
        while let Some(message) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            match message {
                Ok(AsyncMessage::Notification(notice)) => match sender.send(notice) {
                    Ok(()) => {}
                    Err(_) => return,
                },
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }));
    let channel: String = client.query_one(JOIN, &[]).await?.get(1);
    client.batch_execute(&format!("LISTEN {channel}")).await?;
    // Whatever was told before, nobody has heard it; what was to be told still is.
    messages.hear_anything();
    messages.to_be_told.notify_one();
    loop {
        tokio::select! {
            notice = notices.recv() => match notice {
                Some(notice) => hear(&notice, me, messages),
                None => return Ok(()),
            },
            () = messages.to_be_told.notified() => {
                pause(GATHERED).await;
                tell(&client, &channel, me, messages).await?;
            }
            () = pause(CHECKED_EVERY) => messages.hear_anything(),
        }
    }
}

fn hear(notice: &Notification, me: &str, messages: &Messages) {
    let Some((who, key)) = notice.payload().split_once(' ') else { return };
    if who == me {
        return;
    }
    if let Ok(bytes) = STANDARD_NO_PAD.decode(key) {
        messages.hear(|heard| {
            heard.changed.insert(Key::from_bytes(bytes));
        });
    }
}

async fn tell(client: &Client, channel: &str, me: &str, messages: &Messages) -> Result<(), tokio_postgres::Error> {
    let keys = std::mem::take(&mut *messages.out());
    if keys.is_empty() {
        return Ok(());
    }
    let notices: Vec<String> =
        keys.iter().map(|key| format!("{me} {}", STANDARD_NO_PAD.encode(key.as_bytes()))).collect();
    if let Err(error) = client.execute(TELL, &[&channel, &notices]).await {
        messages.out().extend(keys);
        return Err(error);
    }
    Ok(())
}

/// The task that drives a connection ends with it.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
