//! The runner against a made-up server: which calls it makes in which order, and what it makes of bad answers.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use reqwest::StatusCode;
use serde_json::json;

use super::*;
use crate::scenario::{
    Verdict, parse,
    report::text::{self, Alphabet},
};

/// The calls that came in, in order.
type Calls = Arc<Mutex<Vec<String>>>;

/// A server that answers as much as the scenarios below need. Purchases of `stuck` never end, those of `sold-out` are
/// refused.
async fn answer(State(calls): State<Calls>, request: Request) -> Response {
    let call = format!("{} {}", request.method(), request.uri());
    let body = axum::body::to_bytes(request.into_body(), 1 << 16).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    calls.lock().unwrap().push(format!("{call} {body}").trim_end().to_owned());
    match call.split('?').next().unwrap() {
        "POST /sim/v1/sandboxes" => (StatusCode::CREATED, Json(json!({}))).into_response(),
        "DELETE /sim/v1/sandboxes/play-a-b" => StatusCode::NOT_FOUND.into_response(),
        "POST /sim/v1/sandboxes/play-a-b/purchases" if body.contains("stuck") => std::future::pending().await,
        "POST /sim/v1/sandboxes/play-a-b/purchases" if body.contains("sold-out") => {
            let problem = json!({
                "type": "/docs/errors#planStopSell", "title": "t", "status": 422, "detail": "plan p is not sold any more",
                "instance": "1", "code": "planStopSell", "hint": "Take another plan of the offer.", "field": "plan",
            });
            (StatusCode::UNPROCESSABLE_ENTITY, Json(problem)).into_response()
        }
        "POST /sim/v1/sandboxes/play-a-b/purchases" => {
            Json(json!({"id": "s1", "link": {"authorizationCode": "abcdefgh+ijkl=="}})).into_response()
        }
        "GET /sim/v1/sandboxes/play-a-b/environment" => Json(json!({
            "sandbox": "play-a-b", "marketplaceApi": "/api", "authority": "/", "resource": "r", "apiVersion": "v",
            "publishers": [], "partnerCenterApi": "/", "partnerCenterResource": "p", "partners": [],
        }))
        .into_response(),
        "POST /sim/v1/sandboxes/play-a-b/subscriptions/s1/links" => Json(json!({})).into_response(),
        "POST /sim/v1/sandboxes/play-a-b/clock/advance" => Json(json!({})).into_response(),
        "GET /sim/v1/sandboxes/play-a-b/clock" => {
            Json(json!({"now": "2026-01-01T00:00:00Z", "frozen": true})).into_response()
        }
        "GET /sim/v1/sandboxes/play-a-b/journal" => Json(json!({"entries": [{
            "seq": 1, "at": "2026-01-01T00:00:00Z", "wallAt": "2030-05-05T05:05:05Z", "kind": "exchange",
            "from": "partner", "to": "publisher", "correlationId": "d1b2", "summary": "GET /x?token=abcdefgh%2Bijkl%3D%3D",
            "data": {"method": "GET", "path": "/x?token=abcdefgh%2Bijkl%3D%3D", "status": 200, "latencyMicros": 77},
        }]}))
        .into_response(),
        _ => StatusCode::IM_A_TEAPOT.into_response(),
    }
}

async fn played(steps: &str, options: &RunOptions) -> (ScenarioResult, Vec<String>) {
    let calls = Calls::default();
    let router = Router::new().fallback(answer).with_state(Arc::clone(&calls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let scenario = parse("a/b.yaml", &format!("name: test\nseed: 5\nsteps:\n{steps}")).unwrap();
    let result = run(&scenario, &format!("http://{address}").parse().unwrap(), options).await;
    server.abort();
    let calls = calls.lock().unwrap().clone();
    (result, calls)
}

fn only_failure(result: &ScenarioResult) -> String {
    let failures: Vec<String> = result.failures().map(|failure| text::failure(&result.source, failure)).collect();
    let [only] = failures.as_slice() else { panic!("{failures:?}") };
    only.clone()
}

const BUYS: &str = "  - partner.buys: { customer: c, offer: o, plan: p, save: sub }\n";

#[tokio::test]
async fn each_action_is_followed_by_settling_and_the_sandbox_is_made_and_cleared_away() {
    let steps = format!(
        "{BUYS}  - partner.gets-new-link: {{ subscription: $sub }}\n  - expect.clock: {{ now: 2026-01-01T00:00:00Z }}\n"
    );
    let (result, calls) = played(&steps, &RunOptions::default()).await;
    assert_eq!(result.verdict(), Verdict::Passed, "{}", text::scenario(&result, Alphabet::Unicode));
    assert_eq!(
        calls,
        [
            "DELETE /sim/v1/sandboxes/play-a-b",
            r#"POST /sim/v1/sandboxes {"name":"play-a-b","seed":5,"frozenAt":"2026-01-01T00:00:00Z","timers":"manual"}"#,
            r#"POST /sim/v1/sandboxes/play-a-b/purchases {"customer":"c","offer":"o","plan":"p"}"#,
            r#"POST /sim/v1/sandboxes/play-a-b/clock/advance {"by":"PT0S"}"#,
            "POST /sim/v1/sandboxes/play-a-b/subscriptions/s1/links {}",
            r#"POST /sim/v1/sandboxes/play-a-b/clock/advance {"by":"PT0S"}"#,
            "GET /sim/v1/sandboxes/play-a-b/clock",
            "GET /sim/v1/sandboxes/play-a-b/environment",
            "GET /sim/v1/sandboxes/play-a-b/journal?since=0&limit=500",
            "DELETE /sim/v1/sandboxes/play-a-b",
        ]
    );
}

#[tokio::test]
async fn a_kept_sandbox_is_not_deleted_and_a_given_seed_goes_before_the_files_own() {
    let options = RunOptions { keep: true, seed: Some(99), ..RunOptions::default() };
    let (result, calls) = played(BUYS, &options).await;
    assert_eq!(result.seed, 99);
    assert!(calls[1].contains(r#""seed":99"#));
    assert_eq!(calls.iter().filter(|call| call.starts_with("DELETE")).count(), 1);
}

#[tokio::test]
async fn a_report_holds_neither_address_nor_code_nor_real_time() {
    let (result, _) = played(BUYS, &RunOptions::default()).await;
    let report = text::scenario(&result, Alphabet::Unicode);
    assert!(report.contains("GET /x?token=abcdefgh…  200"), "{report}");
    for secret in ["127.0.0.1", "ijkl", "2030", "d1b2", "77"] {
        assert!(!report.contains(secret), "{secret} in {report}");
    }
}

#[tokio::test]
async fn the_first_failing_step_ends_a_scenario_and_the_rest_is_skipped() {
    let steps = format!("  - expect.clock: {{ frozen: false }}\n{BUYS}");
    let (result, calls) = played(&steps, &RunOptions::default()).await;
    assert_eq!(result.verdict(), Verdict::Failed);
    assert_eq!(result.steps[1].status, StepStatus::Skipped);
    assert!(!calls.iter().any(|call| call.contains("purchases")));
    assert_eq!(
        only_failure(&result),
        "failed: a/b.yaml:4:29\n    4 |   - expect.clock: { frozen: false }\n      |                             ^^^^^\n\
         \x20 about:    frozen\n  expected: false\n  found:    true\n  fix:      if what was found is right, change the \
         expectation; if not, the sequence shows how it came to be\n"
    );
}

#[tokio::test]
async fn a_refusal_is_compared_with_the_expected_one() {
    let sold_out = |refused: &str| format!("  - partner.buys: {{ customer: c, offer: o, plan: sold-out{refused} }}\n");
    let run = async |refused: &str| played(&sold_out(refused), &RunOptions::default()).await.0;

    let expected = run(", refused: { status: 422, code: planStopSell, field: plan, message: not sold }").await;
    assert_eq!(expected.verdict(), Verdict::Passed);
    assert_eq!(expected.steps[0].checks.len(), 4);

    let unexpected = only_failure(&run("").await);
    assert!(unexpected.starts_with("failed: a/b.yaml:4:50\n"), "the field's value is shown: {unexpected}");
    assert!(
        unexpected.contains("found:    refused: 422 planStopSell, plan: plan p is not sold any more"),
        "{unexpected}"
    );
    assert!(unexpected.contains("Take another plan of the offer. If the refusal is right, expect it: `refused: { status: 422, code: planStopSell, field: plan }`"), "{unexpected}");

    let other = only_failure(&run(", refused: { status: 422, code: planPrivate }").await);
    assert!(other.contains("expected: planPrivate\n  found:    planStopSell\n"), "{other}");
}

#[tokio::test]
async fn what_was_to_be_refused_and_is_done_fails() {
    let steps = "  - partner.buys: { customer: c, offer: o, plan: p, refused: { status: 422 } }\n";
    let failure = only_failure(&played(steps, &RunOptions::default()).await.0);
    assert!(failure.starts_with("failed: a/b.yaml:4:53\n"), "{failure}");
    assert!(failure.contains("expected: a refusal\n  found:    it was accepted"), "{failure}");
}

#[tokio::test]
async fn a_scenario_that_takes_too_long_times_out_at_the_step_where_it_is() {
    let steps = "  - partner.buys: { customer: c, offer: o, plan: stuck }\n  - expect.clock: { frozen: true }\n";
    let options = RunOptions { timeout: Duration::from_millis(200), ..RunOptions::default() };
    let (result, calls) = played(steps, &options).await;
    assert_eq!(result.verdict(), Verdict::TimedOut);
    assert!(matches!(result.steps[0].status, StepStatus::TimedOut(_)));
    assert_eq!(result.steps[1].status, StepStatus::Skipped);
    assert!(calls.last().unwrap().starts_with("DELETE"), "the sandbox is cleared away all the same");
}

#[tokio::test]
async fn a_server_that_is_not_there_fails_the_scenario_and_says_so() {
    let scenario = parse("a/b.yaml", &format!("name: test\nsteps:\n{BUYS}")).unwrap();
    // Nobody listens on port 9 of this machine; if somebody does, it is no Rehearsal.
    let result = run(&scenario, &"http://127.0.0.1:9".parse().unwrap(), &RunOptions::default()).await;
    assert_eq!(result.verdict(), Verdict::Failed);
    let failure = only_failure(&result);
    assert!(failure.contains("setting up the sandbox") && failure.contains("{base}"), "{failure}");
}
