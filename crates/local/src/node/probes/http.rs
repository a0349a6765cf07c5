//! `httpGet` over plain HTTP/1.1. Only the status of the answer counts, so that its first line is read.

use std::fmt::Write;
use std::time::Duration;

use k8s_openapi::api::core::v1::HTTPGetAction;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::{Answer, connect};

/// How long the first line of an answer may be.
const LINE: usize = 4096;

/// Asks, and reports in the words of the kubelet.
pub(super) async fn get(host: &str, port: u16, get: &HTTPGetAction, longest: Duration) -> Answer {
    let path = get.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
    let slash = if path.starts_with('/') { "" } else { "/" };
    let url = format!("http://{host}:{port}{slash}{path}");
    let end = Instant::now() + longest;
    let mut stream = match connect(host, port, longest).await {
        Ok(stream) => stream,
        Err(message) => return Answer::Failed(format!("Get {url:?}: {message}")),
    };
    let request = request(&format!("{slash}{path}"), host, port, get);
    let answer = async {
        stream.write_all(request.as_bytes()).await?;
        let mut line = Vec::new();
        let mut block = [0; 512];
        while !line.contains(&b'\n') && line.len() < LINE {
            match stream.read(&mut block).await? {
                0 => break,
                size => line.extend_from_slice(&block[..size]),
            }
        }
        std::io::Result::Ok(line)
    };
    let line = match timeout_at(end, answer).await {
        Err(_) => {
            let words = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
            return Answer::Failed(format!("Get {url:?}: {words}"));
        }
        Ok(Err(error)) => return Answer::Failed(format!("Get {url:?}: {error}")),
        Ok(Ok(line)) if line.is_empty() => return Answer::Failed(format!("Get {url:?}: EOF")),
        Ok(Ok(line)) => line,
    };
    match status(&line) {
        Some(200..=399) => Answer::Passed,
        Some(status) => Answer::Failed(format!("HTTP probe failed with statuscode: {status}")),
        None => Answer::Failed(format!("Get {url:?}: malformed HTTP response")),
    }
}

pub(super) fn request(path: &str, host: &str, port: u16, get: &HTTPGetAction) -> String {
    let headers = || get.http_headers.iter().flatten();
    let has = |name: &str| headers().any(|header| header.name.eq_ignore_ascii_case(name));
    let mut request = format!("GET {path} HTTP/1.1\r\n");
    if !has("host") {
        let _ = write!(request, "Host: {host}:{port}\r\n");
    }
    for (name, value) in [("User-Agent", "kube-probe/1.36"), ("Accept", "*/*")] {
        if !has(name) {
            let _ = write!(request, "{name}: {value}\r\n");
        }
    }
    for header in headers() {
        let _ = write!(request, "{}: {}\r\n", header.name, header.value);
    }
    request.push_str("Connection: close\r\n\r\n");
    request
}

/// The status in `HTTP/1.1 200 OK`.
fn status(line: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(line.split(|byte| *byte == b'\n').next()?).ok()?;
    let (version, rest) = line.split_once(' ')?;
    let status = rest.get(..3)?.parse().ok()?;
    version.starts_with("HTTP/1.").then_some(status)
}
