//! A plain load balancer: each connection goes to the next server that takes it.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Hands connections out in turn.
#[derive(Debug)]
pub(crate) struct RoundRobin {
    pub(crate) base_url: String,
    targets: Arc<Mutex<Vec<SocketAddr>>>,
    accepting: JoinHandle<()>,
}

impl RoundRobin {
    pub(crate) async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let targets = Arc::<Mutex<Vec<SocketAddr>>>::default();
        let next = Arc::new(AtomicUsize::new(0));
        let known = Arc::clone(&targets);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, Arc::clone(&known), Arc::clone(&next)));
            }
        });
        Self { base_url, targets, accepting }
    }

    /// Hands connections to these servers from now on.
    pub(crate) fn serve(&self, addresses: impl Iterator<Item = SocketAddr>) {
        *self.targets.lock().unwrap() = addresses.collect();
    }
}

impl Drop for RoundRobin {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass_on(mut client: TcpStream, targets: Arc<Mutex<Vec<SocketAddr>>>, next: Arc<AtomicUsize>) {
    let targets = targets.lock().unwrap().clone();
    let first = next.fetch_add(1, Ordering::Relaxed);
    for turn in 0..targets.len() {
        let target = targets[(first + turn) % targets.len()];
        if let Ok(mut server) = TcpStream::connect(target).await {
            let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            return;
        }
    }
}
