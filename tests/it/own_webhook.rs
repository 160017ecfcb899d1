//! A publisher's own webhook, outside of the server under test.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::IntoResponse,
    routing::any,
};
use tokio::sync::{mpsc, watch};

/// A publisher's own webhook: answers what it is told to, and keeps what it hears.
pub(crate) struct Webhook {
    pub(crate) address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    /// Hears of each call before it is answered.
    pub(crate) arrivals: mpsc::UnboundedReceiver<()>,
    answer: Arc<Mutex<u16>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) token: String,
    pub(crate) body: String,
    pub(crate) headers: HeaderMap,
}

#[derive(Clone)]
struct Ear {
    calls: Arc<Mutex<Vec<Call>>>,
    arrived: mpsc::UnboundedSender<()>,
    answer: Arc<Mutex<u16>>,
}

impl Webhook {
    pub(crate) async fn listen() -> Self {
        let (calls, answer) = (Arc::<Mutex<Vec<Call>>>::default(), Arc::new(Mutex::new(200)));
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let ear = Ear { calls: Arc::clone(&calls), arrived, answer: Arc::clone(&answer) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(hear).with_state(ear);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, calls, arrivals, answer }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?key=1", self.address)
    }

    pub(crate) fn answers(&self, status: u16) {
        *self.answer.lock().unwrap() = status;
    }

    pub(crate) fn heard(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// What it has heard since the last time that it was asked so.
    pub(crate) fn takes(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    pub(crate) fn last(&self) -> Call {
        self.heard().pop().expect("it was called")
    }
}

async fn hear(State(ear): State<Ear>, uri: Uri, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let authorization =
        headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    assert_eq!(headers["content-type"], "application/json");
    let call = Call {
        path: uri.to_string(),
        token: authorization.strip_prefix("Bearer ").unwrap_or_default().to_owned(),
        body: String::from_utf8(body.to_vec()).unwrap(),
        headers,
    };
    ear.calls.lock().unwrap().push(call);
    let _nobody_counts = ear.arrived.send(());
    let status = StatusCode::from_u16(*ear.answer.lock().unwrap()).unwrap();
    (status, [("location", "/elsewhere")], "thank you")
}

/// A webhook that answers when it is told to.
pub(crate) struct SlowWebhook {
    address: SocketAddr,
    pub(crate) called: watch::Receiver<bool>,
    pub(crate) goes_on: watch::Sender<bool>,
}

impl SlowWebhook {
    pub(crate) async fn listen() -> Self {
        let (goes_on, may) = watch::channel(false);
        let (calls, called) = watch::channel(false);
        let hear = move || {
            let (mut may, calls) = (may.clone(), calls.clone());
            async move {
                calls.send_replace(true);
                may.wait_for(|may| *may).await.unwrap();
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(hear))).await });
        Self { address, called, goes_on }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
}
