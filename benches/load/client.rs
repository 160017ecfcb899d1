//! A load client that costs little: keep-alive connections, requests made beforehand, answers read by their length.

use std::{
    net::SocketAddr, sync::Arc, sync::atomic::AtomicUsize, sync::atomic::Ordering, time::Duration, time::Instant,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Requests to send: one again and again, or each of a list once.
#[derive(Clone)]
pub enum Requests {
    Same(Arc<[u8]>),
    Each(Arc<Vec<Vec<u8>>>),
}

/// What a run came to.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub answers: usize,
    pub failures: usize,
    pub per_second: f64,
}

/// A request as it goes over the wire.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

/// Sends requests on some connections for some time, or until each was sent.
pub async fn run(address: SocketAddr, connections: usize, time: Duration, requests: Requests) -> Rate {
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(connection(address, start + time, requests.clone(), Arc::clone(&next))))
        .collect();
    let (mut answers, mut failures) = (0, 0);
    for task in tasks {
        let (answered, failed) = task.await.expect("a connection does not panic");
        answers += answered;
        failures += failed;
    }
    Rate { answers, failures, per_second: answers as f64 / start.elapsed().as_secs_f64() }
}

async fn connection(address: SocketAddr, end: Instant, requests: Requests, next: Arc<AtomicUsize>) -> (usize, usize) {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket option");
    let (mut answers, mut failures) = (0, 0);
    let mut buffer = Vec::with_capacity(64 * 1024);
    while Instant::now() < end {
        let sent = match &requests {
            Requests::Same(request) => stream.write_all(request).await,
            Requests::Each(all) => match all.get(next.fetch_add(1, Ordering::Relaxed)) {
                Some(request) => stream.write_all(request).await,
                None => break,
            },
        };
        sent.expect("the server reads");
        let status = answer(&mut stream, &mut buffer).await;
        answers += 1;
        if !(200..300).contains(&status) {
            failures += 1;
        }
    }
    (answers, failures)
}

/// Reads one answer, and tells its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();
    loop {
        if let Some(head) = read_head(buffer) {
            while buffer.len() < head.length + head.body {
                assert!(stream.read_buf(buffer).await.expect("an answer") > 0, "the connection was closed");
            }
            return head.status;
        }
        assert!(stream.read_buf(buffer).await.expect("an answer") > 0, "the connection was closed");
    }
}

/// What has to be known of an answer's head.
struct Head {
    status: u16,
    length: usize,
    body: usize,
}

/// Reads a head, if it has arrived whole. It is looked at once, so that a long one costs the client next to nothing.
fn read_head(bytes: &[u8]) -> Option<Head> {
    const LENGTH: &[u8] = b"content-length: ";
    let number = |digits: &[u8]| std::str::from_utf8(digits).expect("digits are text").parse().expect("a number");
    let mut body = 0;
    let mut length = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        length += line.len();
        if line == b"\r\n" {
            let status = u16::try_from(number(&bytes[9..12])).expect("a status");
            return Some(Head { status, length, body });
        }
        if line.get(..LENGTH.len()).is_some_and(|name| name.eq_ignore_ascii_case(LENGTH)) && line.ends_with(b"\r\n") {
            body = number(&line[LENGTH.len()..line.len() - 2]);
        }
    }
    None
}
