//! What a partner's own program does: calls of Partner Center's API, with an access token of the partner's app.

use reqwest::Method;
use serde_json::Value as Json;

use super::{
    super::{
        ast::Node,
        check::{Check, compare},
        stage::{Call, Stage, Trouble, Turn},
        values,
    },
    Done,
    FieldKind::{Body, OneOf, Shape, Text},
    Role, StepKind, may, need,
};

/// Whom a partner's program can act for.
const ROLES: &[&str] =
    &["globalAdmin", "adminAgent", "salesAgent", "helpdeskAgent", "billingAdmin", "userManagementAdmin"];

pub(super) static STEPS: &[StepKind] = &[StepKind {
    name: "partner.calls",
    about: "Calls Partner Center's API, as the partner's own program. Brings the answer, or what is picked out of it.",
    sentence: "The program of {partner}[, for its {as},] calls {call}.",
    fields: &[
        need("partner", Text, "Whose program: `proseware`."),
        need("call", Text, "Method and path behind `/v1`: `GET /customers/$customer/subscriptions`."),
        may("as", OneOf(ROLES), "The role of the person who has signed in; the program itself if left out."),
        may("body", Body, "The request's body."),
        may("shows", Shape, "What the answer has to hold; of a map only the keys that are given count."),
        may("find", Shape, "Goes on with the first of the answer's `items` that holds this."),
        may(
            "pick",
            Text,
            "What `save` keeps, by its place in what was found: `/items/0/catalogItemId`; all if left out.",
        ),
    ],
    brings: Some(&values::PICKED),
    role: Role::Action,
    act: |stage, turn| Box::pin(calls(stage, turn)),
}];

async fn calls(stage: &mut Stage<'_>, turn: &Turn) -> Result<Done, Trouble> {
    let token = stage.partner_token(turn.needed("partner"), turn.text("as")).await?;
    let (method, path) = split(turn.needed("call"))?;
    let url = stage.partner_center_url(path).await?;
    let call = Call::new(method, url).bearer(token);
    let call = match turn.get("body") {
        Some(body) => call.json(body.json()),
        None => call,
    };
    let Done { brings: body, mut checks } = Done::shows(turn, stage.call(call).await?.accepted()?);
    let found = match turn.get("find") {
        Some(wanted) => {
            let (item, compared) = nearest(wanted, &body)?;
            checks.extend(compared);
            item
        }
        None => &body,
    };
    let picked = match turn.text("pick") {
        Some(place) => found.pointer(place).ok_or_else(|| Trouble::Broken {
            message: format!("there is nothing at `{place}` in {found}"),
            fix: "a place is written with slashes: `/items/0/id`".to_owned(),
        })?,
        None => found,
    };
    Ok(Done::checked(picked.clone(), checks))
}

/// `GET /customers`, in its two parts.
fn split(call: &str) -> Result<(Method, &str), Trouble> {
    let parts = call
        .split_once(' ')
        .and_then(|(method, path)| Some((Method::from_bytes(method.as_bytes()).ok()?, path.trim())));
    parts.filter(|(_, path)| path.starts_with('/')).ok_or_else(|| Trouble::Broken {
        message: format!("`{call}` is not a call"),
        fix: "write the method and the path: `GET /customers`".to_owned(),
    })
}

/// The first of a collection's items that holds what is wanted; if none does, the one that comes nearest.
fn nearest<'b>(wanted: &Node, body: &'b Json) -> Result<(&'b Json, Vec<Check>), Trouble> {
    let against = |item: &'b Json| {
        let mut checks = Vec::new();
        compare("", wanted, Some(item), &mut checks);
        (item, checks)
    };
    let items = body.get("items").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let compared = items.iter().map(against);
    compared.min_by_key(|(_, checks)| checks.iter().filter(|check| !check.passed).count()).ok_or_else(|| {
        Trouble::Broken {
            message: format!("there is nothing in the answer's `items`: {body}"),
            fix: "leave `find` out if the answer is no list".to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_a_method_and_a_path() {
        let table =
            [("GET /customers?size=1", Some(("GET", "/customers?size=1"))), ("GET customers", None), ("/x", None)];
        for (text, wanted) in table {
            let parts = split(text).ok();
            assert_eq!(parts.as_ref().map(|(method, path)| (method.as_str(), *path)), wanted, "{text}");
        }
    }
}
