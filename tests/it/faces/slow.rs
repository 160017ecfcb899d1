//! Clients that take too long: who sends half a request and nothing more is let go.

use std::time::Duration;

use rehearsal::{cli::wiring::ServerOptions, http::connections::Patience};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::world::{SANDBOX, World};

/// Sends some bytes, and reads until the server ends the connection.
async fn answer_to(world: &World, bytes: &str) -> String {
    let address = world.base_url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("the connection ends").unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_does_not_keep_a_connection() {
    let patience = Patience { head: Duration::from_millis(300), body: Duration::from_millis(300) };
    let world = World::start_with(ServerOptions { patience, ..ServerOptions::default() }).await;
    let head = "Host: localhost\r\nContent-Length: 100\r\n";
    world.create_sandbox(SANDBOX).await;
    let token = world.publisher("contoso").await.token;
    let activate = "/api/saas/subscriptions/7d9c0a52-1f3e-4c8b-9a60-2b5f4e8c1d01/activate?api-version=2018-08-31";
    let table = [
        ("nothing at all", String::new(), ""),
        ("half a head", "GET /livez HTTP/1.1\r\nHost: loc".to_owned(), ""),
        ("half a body", format!("POST /sim/v1/sandboxes HTTP/1.1\r\n{head}\r\n{{"), "HTTP/1.1 400"),
        (
            "half a body for the marketplace",
            format!("POST {activate} HTTP/1.1\r\n{head}Authorization: Bearer {token}\r\n\r\n{{"),
            "HTTP/1.1 408",
        ),
        ("one request, and then nothing", "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), "HTTP/1.1 200"),
    ];
    for (what, bytes, start) in table {
        let answer = answer_to(&world, &bytes).await;
        assert!(answer.starts_with(start) && (!start.is_empty() || answer.is_empty()), "{what}: {answer:?}");
    }
    world.stop().await;
}
