//! The landing page.

use std::sync::Arc;

use axum::{
    Form,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use url::{Url, form_urlencoded};

use super::{
    Asked, Format, failed, json,
    json::{AccountBody, ErrorBody, LandingBody, ProblemsBody, SubmittedBody},
    shell_of,
    sign_in::{Entry, enter},
    views::{AskPage, NoticePage, SetUpPage, SiteChoice},
};
use crate::{
    http::{exchange::Visited, page::page},
    publisher::{
        Publisher, Submission,
        answers::Typed,
        host::{HostError, Site},
        landing::{LandingView, Visit},
        records::{Account, Purchase},
        visitor::Visitor,
    },
};

pub(super) async fn show(
    State(publisher): State<Arc<Publisher>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let format = Format::wanted(&headers);
    let asked = Asked::from_pairs(form_urlencoded::parse(query.unwrap_or_default().as_bytes()));
    let shown = async {
        let visit = asked.visit()?;
        let visitor = match enter(&publisher, &asked, &visit, &headers, format).await? {
            Entry::Open(visitor) => visitor,
            Entry::SignInFirst(response) => return Ok(*response),
        };
        let view = publisher.landing(&visit).await?;
        let shown = show_view(&publisher, &visit, (&view, visitor), format).await?;
        Ok(visited(shown, &visit, view.purchase()))
    };
    shown.await.unwrap_or_else(|error| failed(&error, format))
}

pub(super) async fn submit(
    State(publisher): State<Arc<Publisher>>,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let format = Format::wanted(&headers);
    let mut asked = Asked::from_pairs(pairs.into_iter());
    let pasted = asked.code.take();
    if let (Format::Page, None, Some(pasted)) = (format, &asked.token, &pasted) {
        // A pasted code becomes a link, so that the page can be loaded again.
        return Redirect::to(&link(&asked, &code_of(pasted))).into_response();
    }
    asked.token = asked.token.or_else(|| pasted.map(|pasted| code_of(&pasted)));
    let typed: Typed = std::mem::take(&mut asked.answers).into_iter().collect();
    let answered = async {
        let visit = asked.visit()?;
        let visitor = match enter(&publisher, &asked, &visit, &headers, format).await? {
            Entry::Open(visitor) => visitor,
            Entry::SignInFirst(response) => return Ok(*response),
        };
        match publisher.submit(&visit, &typed).await? {
            Submission::Accepted { account, opened } => {
                let answer = accepted(&publisher, &account, opened, format);
                Ok(visited(answer, &visit, Some(&account.purchase)))
            }
            Submission::Refused { set_up, problems } => {
                let answer = if format == Format::Json {
                    json(StatusCode::UNPROCESSABLE_ENTITY, &ProblemsBody { errors: &problems })
                } else {
                    let token = visit.token.as_deref().unwrap_or_default();
                    let form = SetUpPage::new(&set_up, token, &typed, &problems).shown_to(visitor);
                    page(StatusCode::UNPROCESSABLE_ENTITY, &form)
                };
                Ok(visited(answer, &visit, Some(&set_up.purchase)))
            }
            Submission::NotPossible(view) => {
                let answer = show_refused(&publisher, &visit, (&view, visitor), format).await?;
                Ok(visited(answer, &visit, view.purchase()))
            }
        }
    };
    answered.await.unwrap_or_else(|error: HostError| failed(&error, format))
}

/// Marks an answer for the journal.
fn visited(mut answer: Response, visit: &Visit, purchase: Option<&Purchase>) -> Response {
    let subscription = purchase.map(|purchase| purchase.subscription.clone());
    answer.extensions_mut().insert(Visited { sandbox: visit.sandbox.clone(), subscription });
    answer
}

fn accepted(publisher: &Publisher, account: &Account, opened: bool, format: Format) -> Response {
    if format == Format::Page {
        return Redirect::to(&format!("/publisher/accounts/{}", account.account)).into_response();
    }
    let status = if opened { StatusCode::CREATED } else { StatusCode::OK };
    json(status, &SubmittedBody { opened, account: AccountBody::of(publisher, account) })
}

/// A view that stands where a form was submitted: the same page, but never a success to a program.
async fn show_refused(
    publisher: &Publisher,
    visit: &Visit,
    (view, visitor): (&LandingView, Option<Visitor>),
    format: Format,
) -> Result<Response, HostError> {
    let status = status_of(view);
    if format == Format::Json && status.is_success() {
        let status =
            if matches!(view, LandingView::AskForCode { .. }) { StatusCode::BAD_REQUEST } else { StatusCode::CONFLICT };
        return Ok(json(status, &ErrorBody::new(view.name(), message_of(view))));
    }
    show_view(publisher, visit, (view, visitor), format).await
}

async fn show_view(
    publisher: &Publisher,
    visit: &Visit,
    (view, visitor): (&LandingView, Option<Visitor>),
    format: Format,
) -> Result<Response, HostError> {
    let status = status_of(view);
    if format == Format::Json {
        return Ok(if status.is_success() {
            json(status, &LandingBody::of(publisher, view))
        } else {
            json(status, &ErrorBody::new(view.name(), message_of(view)))
        });
    }
    let sites = publisher.sites(&visit.sandbox).await?;
    let at: Vec<Site> = match &visit.site {
        Some(name) => sites.iter().filter(|site| site.publisher == *name).cloned().collect(),
        None => sites.clone(),
    };
    let shell = shell_of(&at, &visit.sandbox);
    let choices = SiteChoice::all(&sites, visit.site.as_ref(), &visit.sandbox);
    Ok(match view {
        LandingView::Account(account) => {
            Redirect::to(&format!("/publisher/accounts/{}", account.account)).into_response()
        }
        LandingView::SetUp(set_up) => {
            let token = visit.token.as_deref().unwrap_or_default();
            page(status, &SetUpPage::new(set_up, token, &Typed::new(), &[]).shown_to(visitor))
        }
        LandingView::AskForCode { .. } => page(status, &AskPage { shell, choices, unknown: None }),
        LandingView::NoSuchSite { .. } => {
            page(status, &AskPage { shell, choices, unknown: visit.site.as_ref().map(ToString::to_string) })
        }
        LandingView::ActiveElsewhere(_)
        | LandingView::BadCode { .. }
        | LandingView::NotOurs
        | LandingView::Cancelled(_)
        | LandingView::Suspended(_)
        | LandingView::OtherStatus { .. }
        | LandingView::MarketplaceFailed { .. } => page(status, &NoticePage::of(view, shell, choices)),
    })
}

fn status_of(view: &LandingView) -> StatusCode {
    match view {
        LandingView::AskForCode { .. }
        | LandingView::SetUp(_)
        | LandingView::Account(_)
        | LandingView::ActiveElsewhere(_)
        | LandingView::Cancelled(_)
        | LandingView::Suspended(_)
        | LandingView::OtherStatus { .. } => StatusCode::OK,
        LandingView::BadCode { .. } => StatusCode::BAD_REQUEST,
        LandingView::NotOurs => StatusCode::FORBIDDEN,
        LandingView::NoSuchSite { .. } => StatusCode::NOT_FOUND,
        LandingView::MarketplaceFailed { .. } => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// One sentence for a program's log.
fn message_of(view: &LandingView) -> String {
    match view {
        LandingView::AskForCode { .. } => "an authorization code is needed: send it as token".to_owned(),
        LandingView::NoSuchSite { .. } => "the sandbox has no publisher of that name".to_owned(),
        LandingView::SetUp(_) => "the purchase waits for set-up".to_owned(),
        LandingView::Account(_) => "the purchase has an account".to_owned(),
        LandingView::ActiveElsewhere(_) => {
            "the purchase is active, though not through this publisher's page".to_owned()
        }
        LandingView::BadCode { message } => format!("the authorization code can't be used: {message}"),
        LandingView::NotOurs => "the purchase belongs to another publisher".to_owned(),
        LandingView::Cancelled(_) => "the purchase is cancelled".to_owned(),
        LandingView::Suspended(_) => "the purchase is suspended".to_owned(),
        LandingView::OtherStatus { status, .. } => format!("the purchase has status {status}"),
        LandingView::MarketplaceFailed { error } => error.to_string(),
    }
}

/// The code in what somebody pasted: without the blanks and line breaks that copying adds; taken out of the link if it
/// is the whole link.
fn code_of(pasted: &str) -> String {
    let joined: String = pasted.split_whitespace().collect();
    if !joined.contains("://") {
        return joined;
    }
    let token = |url: Url| url.query_pairs().find(|(name, _)| name == "token").map(|(_, token)| token.into_owned());
    Url::parse(&joined).ok().and_then(token).unwrap_or(joined)
}

pub(super) fn link(asked: &Asked, code: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("token", code);
    for (name, value) in [("site", &asked.site), ("sandbox", &asked.sandbox), ("signIn", &asked.sign_in)] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty() && *value != "default") {
            query.append_pair(name, value);
        }
    }
    format!("/publisher/landing?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_code_is_tidied_and_found_in_a_link() {
        let table = [
            ("aB+c/d==", "aB+c/d=="),
            ("  aB+c\r\n /d== \n", "aB+c/d=="),
            ("http://127.0.0.1:7070/publisher/landing?site=contoso&token=aB%2Bc%2Fd%3D%3D", "aB+c/d=="),
            ("https://x.example/?nothing=here", "https://x.example/?nothing=here"),
            ("", ""),
        ];
        for (pasted, code) in table {
            assert_eq!(code_of(pasted), code, "{pasted:?}");
        }
        let asked = Asked { site: Some("contoso".to_owned()), sandbox: Some("default".to_owned()), ..Asked::default() };
        assert_eq!(link(&asked, "a+b/c="), "/publisher/landing?token=a%2Bb%2Fc%3D&site=contoso");
    }
}
