use k8s_openapi::api::core::v1::HTTPHeader;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;
use crate::node::environment::Environment;
use crate::node::paths::Paths;
use crate::node::process::{Supervisor, owner};

async fn ask(probe: &Value, port: u16) -> Answer {
    let folder = tempfile::tempdir().expect("a folder");
    let mut environment = Environment::default();
    environment.set("PATH", "/usr/bin:/bin");
    let surroundings = Surroundings {
        sandbox: None,
        environment,
        folder: folder.path().to_owned(),
        paths: Paths::default(),
        scratch: folder.path().to_owned(),
        supervisor: Supervisor::start(&owner(), None).expect("a supervisor"),
    };
    let container: Container =
        serde_json::from_value(json!({"name": "foo", "ports": [{"name": "http", "containerPort": port}]}))
            .expect("a container");
    let target = Target {
        container: &container,
        ports: &ActualPorts::new(),
        address: "127.0.0.1",
        surroundings: &surroundings,
    };
    target
        .ask(&serde_json::from_value(probe.clone()).expect("a probe"))
        .await
}

/// A server that gives each connection this answer.
async fn server(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

fn failed(words: impl Into<String>) -> Answer {
    Answer::Failed(words.into())
}

#[tokio::test]
async fn a_command_passes_by_its_exit_code() {
    let exec = |command: &[&str]| json!({"exec": {"command": command}, "timeoutSeconds": 1});
    assert_eq!(ask(&exec(&["true"]), 1).await, Answer::Passed);
    assert_eq!(
        ask(&exec(&["sh", "-c", "echo no >&2; exit 1"]), 1).await,
        failed("no\n")
    );
    let words = "command timed out: \"sleep 5\" timed out after 1s";
    assert_eq!(ask(&exec(&["sleep", "5"]), 1).await, failed(words));
    let words = "exec: \"nope\": executable file not found in $PATH of this machine: no image can run in local mode";
    assert_eq!(ask(&exec(&["nope"]), 1).await, Answer::Error(words.to_owned()));
}

#[tokio::test]
async fn a_socket_passes_if_it_connects() {
    let port = server("").await;
    assert_eq!(ask(&json!({"tcpSocket": {"port": "http"}}), port).await, Answer::Passed);
    let words = "dial tcp 127.0.0.1:1: connect: connection refused";
    assert_eq!(ask(&json!({"tcpSocket": {"port": 1}}), port).await, failed(words));
    let words = "couldn't find port: nope".to_owned();
    assert_eq!(
        ask(&json!({"tcpSocket": {"port": "nope"}}), port).await,
        Answer::Error(words)
    );
}

#[tokio::test]
async fn http_passes_by_its_status() {
    let get = json!({"httpGet": {"port": "http", "path": "/healthz"}, "timeoutSeconds": 1});
    for (answer, wanted) in [
        ("HTTP/1.1 200 OK\r\n\r\n", Answer::Passed),
        ("HTTP/1.0 302 Found\r\n\r\n", Answer::Passed),
        (
            "HTTP/1.1 503 No\r\n\r\n",
            failed("HTTP probe failed with statuscode: 503"),
        ),
    ] {
        let port = server(answer).await;
        assert_eq!(ask(&get, port).await, wanted);
    }
    let words = "Get \"http://127.0.0.1:1/healthz\": dial tcp 127.0.0.1:1: connect: connection refused";
    assert_eq!(ask(&get, 1).await, failed(words));
    let port = server("nonsense\n").await;
    let words = format!("Get \"http://127.0.0.1:{port}/healthz\": malformed HTTP response");
    assert_eq!(ask(&get, port).await, failed(words));
}

#[tokio::test]
async fn http_waits_no_longer_than_it_may() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let words = "(Client.Timeout exceeded while awaiting headers)";
    let answer = ask(&json!({"httpGet": {"port": port}, "timeoutSeconds": 1}), port).await;
    assert!(
        matches!(&answer, Answer::Failed(message) if message.ends_with(words)),
        "{answer:?}"
    );
}

#[test]
fn headers_of_a_probe_win_over_its_own() {
    let get = HTTPGetAction {
        http_headers: Some(vec![HTTPHeader {
            name: "host".to_owned(),
            value: "example.com".to_owned(),
        }]),
        ..HTTPGetAction::default()
    };
    let request = http::request("/", "127.0.0.1", 80, &get);
    assert!(
        request.contains("\r\nhost: example.com\r\n") && !request.contains("Host: 127"),
        "{request}"
    );
}

#[tokio::test]
async fn grpc_reports_a_server_that_is_none() {
    let grpc = json!({"grpc": {"port": 1}, "timeoutSeconds": 1});
    let words =
        "error: failed to connect service at \"127.0.0.1:1\": dial tcp 127.0.0.1:1: connect: connection refused";
    assert_eq!(ask(&grpc, 1).await, failed(words));
    let port = server("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let answer = ask(&json!({"grpc": {"port": port}, "timeoutSeconds": 1}), port).await;
    let words = "error: health rpc probe failed: an answer that is not HTTP/2";
    assert_eq!(answer, failed(words));
}

fn series(probe: &Value, kind: Kind, started: Instant) -> Series {
    Series::new(&serde_json::from_value(probe.clone()).expect("a probe"), kind, started)
}

#[test]
fn failures_count_once_per_period_and_the_first_success_at_once() {
    let started = Instant::now();
    let probe = json!({"periodSeconds": 10, "failureThreshold": 2});
    let mut series = series(&probe, Kind::Readiness, started);
    let no = failed("no");
    let mut counted = Vec::new();
    let mut asked = Vec::new();
    loop {
        let now = series.next();
        asked.push(now);
        if series.counts(now) {
            counted.push(now.duration_since(started).as_secs());
        }
        if series.answer(&no, now, now) == Verdict::Fails {
            break;
        }
    }
    assert_eq!(counted, [1, 11]);
    assert_eq!(asked[0], started);
    assert!(asked.len() > 15 && asked.len() < 30, "{}", asked.len());
    let now = series.next();
    assert!(now < *asked.last().expect("one") + LEAST);
    assert_eq!(series.answer(&Answer::Passed, now, now), Verdict::Passes);
    assert_eq!(
        series.next(),
        now + Duration::from_secs(10),
        "no more often than its period from then on"
    );
}

const LEAST: Duration = Duration::from_secs(2);

#[test]
fn a_liveness_probe_is_asked_once_per_period() {
    let started = Instant::now();
    let probe = json!({"periodSeconds": 2, "initialDelaySeconds": 5, "failureThreshold": 1});
    let mut series = series(&probe, Kind::Liveness, started);
    let times: Vec<u64> = (0..3)
        .map(|_| {
            let now = series.next();
            assert_eq!(series.answer(&Answer::Passed, now, now), Verdict::Passes);
            now.duration_since(started).as_secs()
        })
        .collect();
    assert_eq!(times, [5, 7, 9]);
    let now = series.next();
    let error = Answer::Error("not asked".to_owned());
    assert_eq!(series.answer(&error, now, now), Verdict::Undecided);
    let now = series.next();
    assert_eq!(series.answer(&failed("no"), now, now), Verdict::Fails);
}

/// Takes a request, and answers as a server of gRPC does: settings, headers, and the message in the last frame.
async fn grpc_server(status: u8) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let size = stream.read(&mut request).await.expect("a request");
            let request = &request[..size];
            assert!(request.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
            assert!(request.windows(28).any(|part| part == b"/grpc.health.v1.Health/Check"));
            assert!(request.ends_with(&[0, 0, 0, 0, 5, 0x0a, 3, b'f', b'o', b'o']));
            let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
            let headers = [0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
            let data = [0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0x08, status];
            let answer = [&settings[..], &headers, &data].concat();
            stream.write_all(&answer).await.expect("an answer");
            let _ = stream.read(&mut [0; 64]).await;
        }
    });
    port
}

#[tokio::test]
async fn grpc_passes_if_the_service_is_healthy() {
    for (status, wanted) in [
        (1, Answer::Passed),
        (2, failed("service unhealthy (responded with \"NOT_SERVING\")")),
    ] {
        let port = grpc_server(status).await;
        let probe = json!({"grpc": {"port": port, "service": "foo"}, "timeoutSeconds": 2});
        assert_eq!(ask(&probe, port).await, wanted);
    }
}
