//! The health check of gRPC: one call over HTTP/2 without encryption. It is so small that it is written out here,
//! rather than that all of HTTP/2 becomes a dependency.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::{Answer, connect};
use crate::node::backoff::go;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;

/// Flags of frames. `END_STREAM` and `ACK` are the same bit of different kinds.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The stream of the only call.
const CALL: u32 = 1;

/// How long a frame may be unless both sides agree on more.
const LONGEST: usize = 16 * 1024;

/// Asks a server whether a service of it is healthy, and reports in the words of the kubelet.
pub(super) async fn ask(host: &str, port: u16, service: &str, longest: Duration) -> Answer {
    let end = Instant::now() + longest;
    let address = format!("{host}:{port}");
    let stream = match connect(host, port, longest).await {
        Ok(stream) => stream,
        Err(message) if message.ends_with("timeout") => {
            let within = go(longest);
            return Answer::Failed(format!(
                "timeout: failed to connect service {address:?} within {within}"
            ));
        }
        Err(message) => {
            return Answer::Failed(format!("error: failed to connect service at {address:?}: {message}"));
        }
    };
    match timeout_at(end, call(stream, &address, service)).await {
        Err(_) => Answer::Failed(format!("timeout: health rpc did not complete within {}", go(longest))),
        Ok(Err(error)) => Answer::Failed(format!("error: health rpc probe failed: {error}")),
        Ok(Ok(answer)) => match health(&answer) {
            Some(1) => Answer::Passed,
            Some(status) => Answer::Failed(format!("service unhealthy (responded with {:?})", name(status))),
            None => Answer::Failed(
                "error: health rpc probe failed: the server does not implement the grpc health protocol \
                 (grpc.health.v1.Health), or does not know the service"
                    .to_owned(),
            ),
        },
    }
}

fn name(status: u8) -> &'static str {
    match status {
        0 => "UNKNOWN",
        2 => "NOT_SERVING",
        3 => "SERVICE_UNKNOWN",
        _ => "an unknown status",
    }
}

/// Makes the call, and returns the data of the answer.
async fn call(mut stream: TcpStream, address: &str, service: &str) -> std::io::Result<Vec<u8>> {
    let mut request = PREFACE.to_vec();
    request.extend(frame(SETTINGS, 0, 0, &[]));
    request.extend(frame(HEADERS, END_HEADERS, CALL, &headers(address)));
    request.extend(frame(DATA, END_STREAM, CALL, &message(service)));
    stream.write_all(&request).await?;
    let mut answer = Vec::new();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [high, middle, low, kind, flags, id @ ..] = head;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        if length > LONGEST {
            return Err(std::io::Error::other("an answer that is not HTTP/2"));
        }
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await?;
        let is_call = u32::from_be_bytes(id) == CALL;
        match kind {
            SETTINGS if flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, &[])).await?,
            PING if flags & ACK == 0 => stream.write_all(&frame(PING, ACK, 0, &payload)).await?,
            DATA if is_call => answer.extend(payload),
            RESET | GO_AWAY if is_call || kind == GO_AWAY => return Ok(answer),
            _ => {}
        }
        if is_call && matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            return Ok(answer);
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The headers of the call (HPACK): indexed where both name and value are in the static table, and literal otherwise.
fn headers(address: &str) -> Vec<u8> {
    // `:method: POST` and `:scheme: http`.
    let mut block = vec![0x83, 0x86];
    block.push(0x04);
    text(&mut block, "/grpc.health.v1.Health/Check");
    block.push(0x01);
    text(&mut block, address);
    // `content-type`.
    block.extend([0x0f, 0x10]);
    text(&mut block, "application/grpc");
    block.push(0x00);
    text(&mut block, "te");
    text(&mut block, "trailers");
    block
}

fn text(block: &mut Vec<u8>, text: &str) {
    // Lengths from 127 have more bytes; an address and a path are shorter.
    let text = &text.as_bytes()[..text.len().min(126)];
    block.extend(u8::try_from(text.len()));
    block.extend(text);
}

/// `HealthCheckRequest { service }`.
fn message(service: &str) -> Vec<u8> {
    let mut body = Vec::new();
    if !service.is_empty() {
        body.push(0x0a);
        let mut length = service.len();
        while length >= 128 {
            body.extend(u8::try_from(length % 128 + 128));
            length /= 128;
        }
        body.extend(u8::try_from(length));
        body.extend(service.as_bytes());
    }
    let mut message = vec![0];
    message.extend(u32::try_from(body.len()).unwrap_or_default().to_be_bytes());
    message.extend(body);
    message
}

/// The status of `HealthCheckResponse { status }`; `None` if there is no message.
fn health(answer: &[u8]) -> Option<u8> {
    match answer.get(5..)? {
        [0x08, status, ..] => Some(*status),
        // The default is not written.
        _ => Some(0),
    }
}
