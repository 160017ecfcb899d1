//! The account's page, live, and the page that the customer gets.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Redirect, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};

use super::{
    Format, failed, json,
    json::AccountBody,
    notice,
    views::{AccountPage, MarketView, Shell, WelcomePage},
};
use crate::{
    http::page::page,
    publisher::{
        Publisher,
        host::HostError,
        page_key::PageKey,
        records::{Account, AccountState},
    },
};

pub(super) async fn show(
    State(publisher): State<Arc<Publisher>>,
    headers: HeaderMap,
    Path(key): Path<String>,
) -> Response {
    let format = Format::wanted(&headers);
    match account_of(&publisher, &key).await {
        Ok(Some((_, account))) if format == Format::Json => {
            json(StatusCode::OK, &AccountBody::of(&publisher, &account))
        }
        Ok(Some((key, account))) => match account_page(&publisher, &key, &account).await {
            Ok(template) => page(StatusCode::OK, &template),
            Err(error) => failed(&error, format),
        },
        Ok(None) => no_account(format),
        Err(error) => failed(&error, format),
    }
}

async fn account_page(publisher: &Publisher, key: &PageKey, account: &Account) -> Result<AccountPage, HostError> {
    let site = publisher.site_of(key, account).await?;
    let shell = site.as_ref().map_or_else(|| Shell::nobody(&key.sandbox), Shell::of);
    // While we work on it, the marketplace is not asked what it thinks of that with every change of the page.
    let market = match site {
        Some(site) if account.state() != AccountState::Provisioning => {
            let now = publisher.now(&key.sandbox).await?;
            Some(MarketView::of(&publisher.ask_marketplace(&site, account, now).await))
        }
        _ => None,
    };
    let pace = publisher.pace(&key.sandbox).await?;
    Ok(AccountPage::new(shell, account, pace, publisher.customer_url(account), market))
}

pub(super) async fn retry(
    State(publisher): State<Arc<Publisher>>,
    headers: HeaderMap,
    Path(key): Path<String>,
) -> Response {
    let format = Format::wanted(&headers);
    let Ok(key) = key.parse::<PageKey>() else { return no_account(format) };
    match publisher.retry(&key).await {
        Ok(Some(account)) if format == Format::Json => json(StatusCode::OK, &AccountBody::of(&publisher, &account)),
        Ok(Some(account)) => Redirect::to(&format!("/publisher/accounts/{}", account.account)).into_response(),
        Ok(None) => no_account(format),
        Err(error) => failed(&error, format),
    }
}

/// One message at once, since the account may have changed after the page was rendered; then one for each change, and
/// the end once it is active. A browser that comes back then gets 204, which tells it to stay away.
pub(super) async fn events(State(publisher): State<Arc<Publisher>>, Path(key): Path<String>) -> Response {
    let Ok(place) = key.parse::<PageKey>() else { return no_account(Format::Json) };
    // Before the account is read, so that no change is missed.
    let changes = match publisher.changes(&place.sandbox).await {
        Ok(changes) => changes,
        Err(HostError::UnknownSandbox(_)) => return no_account(Format::Json),
        Err(error) => return failed(&error, Format::Json),
    };
    match account_of(&publisher, &key).await {
        Ok(Some((_, account))) if account.state() == AccountState::Active => StatusCode::NO_CONTENT.into_response(),
        Ok(Some((key, _))) => {
            let watch = Watch { publisher, key, changes, shown: Shown::Nothing };
            Sse::new(stream::unfold(watch, Watch::step)).keep_alive(KeepAlive::default()).into_response()
        }
        Ok(None) => no_account(Format::Json),
        Err(error) => failed(&error, Format::Json),
    }
}

struct Watch {
    publisher: Arc<Publisher>,
    key: PageKey,
    changes: BoxStream<'static, ()>,
    shown: Shown,
}

/// What the page was told last.
enum Shown {
    Nothing,
    Underway(Box<Account>),
    Active,
}

impl Watch {
    async fn step(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            match self.shown {
                Shown::Active => return None,
                Shown::Nothing => {}
                Shown::Underway(_) => self.changes.next().await?,
            }
            let account = self.publisher.account(&self.key).await.ok().flatten()?;
            if matches!(&self.shown, Shown::Underway(shown) if **shown == account) {
                continue;
            }
            let state = account.state();
            self.shown = if state == AccountState::Active { Shown::Active } else { Shown::Underway(Box::new(account)) };
            return Some((Ok(Event::default().data(state.as_str())), self));
        }
    }
}

pub(super) async fn welcome(State(publisher): State<Arc<Publisher>>, Path(key): Path<String>) -> Response {
    let found = async {
        let Ok(key) = key.parse::<PageKey>() else { return Ok(None) };
        let Some(account) = publisher.welcome(&key).await? else { return Ok(None) };
        Ok(publisher.site_of(&key, &account).await?.map(|site| WelcomePage::new(&site, &account)))
    };
    match found.await {
        Ok(Some(template)) => page(StatusCode::OK, &template),
        Ok(None) => no_account(Format::Page),
        Err(error) => failed(&error, Format::Page),
    }
}

async fn account_of(publisher: &Publisher, key: &str) -> Result<Option<(PageKey, Account)>, HostError> {
    let Ok(key) = key.parse::<PageKey>() else { return Ok(None) };
    Ok(publisher.account(&key).await?.map(|account| (key, account)))
}

fn no_account(format: Format) -> Response {
    let lede = "The address may have been cut short. Open the purchase’s personalized link again to find the account.";
    notice(StatusCode::NOT_FOUND, "noSuchAccount", format, ("There is no account at this address", lede))
}
