//! The door of the control API, where it is not open to everybody: who may call what.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, RawPathParams, Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::problem::ControlError;
use crate::{
    domain::{access::Reach, ids::SandboxId},
    http::{access::Holder, faces::Faces},
};

/// The list of sandboxes, and where they are made: for everybody with a key, who sees and makes what it opens.
const SANDBOXES: &str = "/sim/v1/sandboxes";
/// What a sandbox may use: for its own people to see.
const QUOTAS: &str = "/sim/v1/sandboxes/{sandbox}/quotas";

/// A middleware that lets in whoever has a key to what is called.
pub(super) async fn ask_for_key(
    State(faces): State<Arc<Faces>>,
    path: MatchedPath,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    match faces.holder(request.headers()).await {
        Ok(Some(holder)) => {
            let sandbox = params.iter().find(|(name, _)| *name == "sandbox").map(|(_, sandbox)| sandbox);
            if !may_call(&holder.reach, request.method(), path.as_str(), sandbox) {
                return out_of_reach(&holder).into_response();
            }
            let named = sandbox.and_then(|sandbox| sandbox.parse().ok());
            // Whoever lists sandboxes, or makes one, calls what the key is of.
            let counted = named.or_else(|| holder.reach.own().cloned());
            let sandbox = counted.and_then(|sandbox| faces.app.sandbox(&sandbox).ok());
            // What gives a sandbox more must not be held up by how little it has.
            let is_counted = path.as_str() != QUOTAS;
            if let Some(Err(error)) = sandbox.filter(|_| is_counted).map(|sandbox| sandbox.takes_call()) {
                return ControlError::App(error).into_response();
            }
            request.extensions_mut().insert(holder);
            next.run(request).await
        }
        Ok(None) => ControlError::KeyNeeded.into_response(),
        Err(error) => ControlError::App(error).into_response(),
    }
}

/// Whether a route is open to somebody. What is not about a sandbox is about all of them.
fn may_call(reach: &Reach, method: &Method, route: &str, sandbox: Option<&str>) -> bool {
    match (reach, sandbox) {
        (Reach::Everything, _) => true,
        // Nobody gives themselves more.
        (_, Some(_)) if route == QUOTAS && method != Method::GET => false,
        // What can't be a sandbox's name is refused as such behind the door.
        (_, Some(sandbox)) => sandbox.parse::<SandboxId>().map_or(true, |sandbox| reach.covers(&sandbox)),
        (_, None) => route == SANDBOXES,
    }
}

/// That a key does not open what was called.
pub(super) fn out_of_reach(holder: &Holder) -> ControlError {
    let reach = match &holder.reach {
        Reach::Everything => "everything".to_owned(),
        Reach::Sandbox(own) => format!("{own} and sandboxes that are named {own}.*"),
    };
    ControlError::OutOfReach(format!("your key opens {reach}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_its_sandboxes_and_nothing_of_all() {
        let team = Reach::Sandbox("team-a".parse().unwrap());
        let clock = "/sim/v1/sandboxes/{sandbox}/clock";
        let table = [
            (&Reach::Everything, "/sim/v1/signing-keys", None, true),
            (&Reach::Everything, clock, Some("team-b"), true),
            (&team, clock, Some("team-a"), true),
            (&team, clock, Some("team-a.2"), true),
            (&team, clock, Some("team-b"), false),
            (&team, clock, Some("default"), false),
            (&team, clock, Some("No name"), true),
            (&team, SANDBOXES, None, true),
            (&team, "/sim/v1/signing-keys", None, false),
            (&team, "/sim/v1/keys", None, false),
            (&team, QUOTAS, Some("team-a"), true),
        ];
        for (reach, route, sandbox, expected) in table {
            assert_eq!(may_call(reach, &Method::GET, route, sandbox), expected, "{reach:?} {route} {sandbox:?}");
        }
        assert!(!may_call(&team, &Method::PUT, QUOTAS, Some("team-a")));
        assert!(may_call(&Reach::Everything, &Method::PUT, QUOTAS, Some("team-a")));
    }
}
