//! Whoever follows a sandbox sleeps until something happens in it, and is woken by what happens.

use std::future::Future;

use futures_util::{FutureExt, future::Either};
use rehearsal::cli::wiring::{Server, ServerOptions};

/// Whether something is there already.
fn is_ready(future: impl Future) -> bool {
    let mut future = Box::pin(future);
    future.as_mut().now_or_never().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_is_woken_by_the_next_commit_and_by_nothing_before_it() {
    let server = Server::start(ServerOptions::default()).await.unwrap();
    let sandbox = server.app.sandbox(&rehearsal::domain::ids::SandboxId::default_sandbox()).unwrap();
    sandbox.freeze(None).await.unwrap();

    let mut changes = sandbox.changes();
    assert!(!is_ready(changes.next()), "what happened before is nothing new: a busy loop would come of it");
    let woken = changes.next();
    let (woken, commit) = (std::pin::pin!(woken), std::pin::pin!(sandbox.resume()));
    match futures_util::future::select(woken, commit).await {
        Either::Left((woken, _)) => woken.unwrap(),
        Either::Right((committed, woken)) => {
            committed.unwrap();
            woken.await.unwrap();
        }
    }
    server.stop().await.unwrap();
}
