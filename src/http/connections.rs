//! Connections: each is served until its client goes, takes too long, or the server stops.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::StatusCode,
    response::Response,
    serve::Listener,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tower::{Service, ServiceExt as _};
use tower_http::timeout::{TimeoutBody, TimeoutError};

/// How long a client may take, in real time. Who sends half a request and then nothing would keep memory and a socket for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the moment that a request may begin until its head is there; so long a connection may lie idle.
    pub head: Duration,
    /// Between two pieces of a body.
    pub body: Duration,
}

impl Default for Patience {
    /// Long enough for clients that keep connections for a minute.
    fn default() -> Self {
        Self { head: Duration::from_secs(75), body: Duration::from_secs(30) }
    }
}

/// Serves connections until `stopped`, then lets those that are being answered come to their end.
pub async fn serve<L, S>(mut listener: L, service: S, patience: Patience, stopped: impl Future<Output = ()>)
where
    L: Listener,
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience.head);
    let answering = GracefulShutdown::new();
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let (io, _peer) = tokio::select! {
            connection = listener.accept() => connection,
            () = &mut stopped => break,
        };
        let service =
            service.clone().map_request(move |request: Request<_>| request.map(|body| in_time(body, patience)));
        let (builder, watcher) = (builder.clone(), answering.watcher());
        tokio::spawn(async move {
            let connection = builder.serve_connection(TokioIo::new(io), TowerToHyperService::new(service));
            // A client that has gone, or never spoke HTTP, is no concern of ours.
            if let Err(error) = watcher.watch(connection).await {
                tracing::trace!(%error, "a connection has ended");
            }
        });
    }
    drop(listener);
    answering.shutdown().await;
}

/// A body that ends with an error if its next piece does not come in time.
fn in_time<B>(body: B, patience: Patience) -> Body
where
    B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    if body.is_end_stream() { Body::empty() } else { Body::new(TimeoutBody::new(patience.body, body)) }
}

/// The status for a body that can't be read: too slow, or too long.
pub(super) fn status_of_unread(error: &axum::Error) -> StatusCode {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<TimeoutError>() {
            return StatusCode::REQUEST_TIMEOUT;
        }
        cause = error.source();
    }
    StatusCode::PAYLOAD_TOO_LARGE
}
