//! Servers that share a port, and those that do not.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::support::*;

/// A server that lets others listen on its address and port, as gRPC's core does.
const SERVER: &str = "
import os, socket, sys
server = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind((sys.argv[1], int(sys.argv[2])))
server.listen()
while True:
    server.accept()[0].close()
";

/// A port that is free on all addresses.
fn free_port() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn server(address: &str, port: u16) -> Value {
    json!({"containers": [{
        "name": "foo", "command": ["python3", "-c", SERVER, address, port.to_string()],
        "ports": [{"containerPort": port}],
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
    }], "terminationGracePeriodSeconds": 60})
}

/// A server that is no pod's.
struct Stranger(std::process::Child);

impl Stranger {
    fn start(port: u16) -> Self {
        let mut command = std::process::Command::new("python3");
        command.args(["-c", SERVER, "0.0.0.0", &port.to_string()]);
        Self(command.spawn().expect("a process"))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn waits_because(pod: &Pod, words: &str) -> bool {
    waits(pod) == Some(("CreateContainerConfigError".to_owned(), words.to_owned()))
}

#[tokio::test]
async fn a_server_that_would_get_the_requests_of_another_one_is_ended_until_the_port_is_free() {
    let local = Local::start().await;
    let port = free_port();
    local.create("foo-0", server("0.0.0.0", port)).await;
    local.ready("foo-0").await;
    local.create("foo-1", server("0.0.0.0", port)).await;
    let words = format!(
        "foo-1 and foo-0 both listen on 0.0.0.0:{port} (SO_REUSEPORT), so that each would get the other's requests. Let \
         the server listen on $POD_IP (or $SERVER_HOST) instead of 0.0.0.0."
    );
    let refused = |pod: &Pod| {
        assert!(!condition(pod, "Ready"), "{:?}", pod.status);
        waits_because(pod, &words)
    };
    let pod = local.until("foo-1", "refused", refused).await;
    let ended = foo(&pod)
        .and_then(|foo| foo.last_state.clone()?.terminated)
        .expect("an end");
    assert_eq!(ended.message, Some(words.clone()));
    let events = local.events("foo-1").await;
    assert!(
        events.contains(&format!("Warning Failed: Error: {words}")),
        "{events:?}"
    );
    // It does not come back as long as the other one is there.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let still = local.pods().get("foo-1").await.expect("a pod");
    assert_eq!(
        foo(&still).map(|foo| foo.restart_count),
        foo(&pod).map(|foo| foo.restart_count)
    );
    assert!(condition(&local.pods().get("foo-0").await.expect("a pod"), "Ready"));
    local.delete("foo-0", 1).await;
    local.until_gone("foo-0").await;
    local.ready("foo-1").await;
    local.node.stop().await;
}

#[tokio::test]
async fn of_two_servers_that_start_together_one_is_refused() {
    let local = Local::start().await;
    let port = free_port();
    for name in ["foo-0", "foo-1"] {
        // The first one takes a moment longer.
        let mut spec = server("::", port);
        if name == "foo-0" {
            let line = format!("sleep 0.4; exec python3 -c \"$0\" :: {port}");
            spec["containers"][0]["command"] = json!(["sh", "-c", line, SERVER]);
        }
        local.create(name, spec).await;
    }
    let is_refused = |pod: &Pod| waits(pod).is_some_and(|(_, words)| words.contains("instead of [::]."));
    // Which of them counts as the later one is open.
    let refused = tokio::select! {
        pod = local.until("foo-0", "refused", is_refused) => pod,
        pod = local.until("foo-1", "refused", is_refused) => pod,
    };
    let other = if refused.name_any() == "foo-1" {
        "foo-0"
    } else {
        "foo-1"
    };
    local.ready(other).await;
    let refused = local.pods().get(&refused.name_any()).await.expect("a pod");
    assert!(!condition(&refused, "Ready"));
    local.node.stop().await;
}

#[tokio::test]
async fn a_server_of_nobody_counts_and_processes_of_one_pod_may_share() {
    let local = Local::start().await;
    let port = free_port();
    let stranger = Stranger::start(port);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    local.create("foo-0", server("$(POD_IP)", port)).await;
    let words = format!("and process {} (python3) on 0.0.0.0:{port}", stranger.0.id());
    let is_refused = |pod: &Pod| {
        assert!(!condition(pod, "Ready"), "{:?}", pod.status);
        waits(pod).is_some_and(|(_, message)| message.contains(&words))
    };
    local.until("foo-0", "refused", is_refused).await;
    drop(stranger);
    local.ready("foo-0").await;

    let workers = free_port();
    let mut spec = server("0.0.0.0", workers);
    let line = format!("python3 -c \"$0\" 0.0.0.0 {workers} & exec python3 -c \"$0\" 0.0.0.0 {workers}");
    spec["containers"][0]["command"] = json!(["sh", "-c", line, SERVER]);
    local.create("bar-0", spec).await;
    local.ready("bar-0").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let pod = local.pods().get("bar-0").await.expect("a pod");
    assert!(condition(&pod, "Ready") && foo(&pod).is_some_and(|foo| foo.restart_count == 0));
    local.node.stop().await;
}

#[tokio::test]
async fn servers_on_addresses_of_their_own_have_the_same_port() {
    let local = Local::start().await;
    let port = free_port();
    for (name, address) in [("foo-0", "$(POD_IP)"), ("foo-1", "$(SERVER_HOST)")] {
        local.create(name, server(address, port)).await;
        local.ready(name).await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for name in ["foo-0", "foo-1"] {
        let pod = local.pods().get(name).await.expect("a pod");
        assert!(condition(&pod, "Ready") && foo(&pod).is_some_and(|foo| foo.restart_count == 0));
    }
    local.node.stop().await;
}
