//! Pods with network namespaces. These need `CAP_SYS_ADMIN` and `CAP_NET_ADMIN`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::super::Addressing;
use super::support::*;

/// The folder of the owner that is killed; given to the process that is the owner.
const FOLDER: &str = "K8SDATASERVICE_TEST_OF_A_KILLED_NETWORK";

/// A server on all addresses, and a port that is the same for all pods. It answers with the name of its machine.
const SERVER: &str = "
import socket
server = socket.create_server(('0.0.0.0', 40000))
while True:
    with server.accept()[0] as client:
        client.sendall(socket.gethostname().encode())
";

/// Prints what the server of this name answers.
const CLIENT: &str = "
import socket, sys
print(socket.create_connection((sys.argv[1], 40000), timeout=1).recv(100).decode())
";

/// Whether this process may make namespaces; says so if it may not.
fn may_make_namespaces() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let capabilities = u64::from_str_radix(line.expect("capabilities").trim(), 16).expect("a number");
    // CAP_NET_ADMIN and CAP_SYS_ADMIN.
    let may = [12, 21].iter().all(|number| capabilities >> number & 1 == 1);
    if !may {
        eprintln!("skipped: network namespaces need CAP_SYS_ADMIN and CAP_NET_ADMIN");
    }
    may
}

async fn start() -> Local {
    Local::start_with(|options| options.addressing = Addressing::Namespaces).await
}

fn server(service: &str) -> Value {
    json!({"subdomain": service, "terminationGracePeriodSeconds": 1, "containers": [{
        "name": "foo", "command": ["python3", "-c", SERVER], "ports": [{"containerPort": 40000}],
        "readinessProbe": {"tcpSocket": {"port": 40000}, "periodSeconds": 1},
    }]})
}

fn address(pod: &Pod) -> String {
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone());
    address.expect("an address")
}

/// What a pod's server answers to this process.
fn answer(pod: &Pod) -> String {
    let mut text = String::new();
    let mut server = TcpStream::connect((address(pod), 40000)).expect("a server");
    server.read_to_string(&mut text).expect("an answer");
    text
}

/// The link of this machine to the network of a pod.
fn link(pod: &Pod) -> String {
    let address = address(pod);
    let mut numbers = address.split('.');
    format!(
        "kds-{}-{}:",
        numbers.next().expect("a number"),
        numbers.next().expect("a number")
    )
}

fn exists(link: &str) -> bool {
    let links = std::fs::read_to_string("/proc/net/dev").expect("links");
    links.lines().any(|line| line.trim_start().starts_with(link))
}

#[tokio::test]
async fn servers_on_all_addresses_and_one_port_are_found_by_address_and_by_name() {
    if !may_make_namespaces() {
        return;
    }
    let local = start().await;
    for name in ["foo-0", "foo-1"] {
        local.create(name, server("foo")).await;
    }
    let pods = [local.ready("foo-0").await, local.ready("foo-1").await];
    assert_ne!(address(&pods[0]), address(&pods[1]));
    assert!(exists(&link(&pods[0])));
    for pod in &pods {
        assert_eq!(answer(pod), pod.name_any());
    }
    let line = "for name in foo-0 foo-0.foo foo-1.foo.flyte foo-1.foo.flyte.svc foo-0.foo.flyte.svc.cluster.local; do \
                python3 -c \"$0\" $name; done; echo end; exec sleep 100";
    let client = json!({"containers": [{"name": "foo", "command": ["sh", "-c", line, CLIENT]}]});
    let client = local.create("bar-0", client).await;
    let log = local.logged(&client, "end").await;
    assert_eq!(log, "foo-0\nfoo-0\nfoo-1\nfoo-1\nfoo-0\nend\n");
    let of_pods = link(&pods[0]);
    local.node.stop().await;
    assert!(!exists(&of_pods));
}

#[tokio::test]
async fn all_of_a_pod_is_in_its_namespace_and_sees_the_pods_that_come_and_go() {
    if !may_make_namespaces() {
        return;
    }
    let local = start().await;
    let loopback = ["python3", "-c", CLIENT, "127.0.0.1"];
    let see = "until getent hosts bar-0.bar; do sleep 0.02; done; while getent hosts bar-0.bar; do sleep 0.02; done; \
               readlink /proc/self/ns/net; echo gone; exec sleep 100";
    let init = "import socket; socket.create_server(('0.0.0.0', 40001)); print(socket.gethostname())";
    let mut spec = server("foo");
    spec["initContainers"] = json!([
        {"name": "init", "command": ["python3", "-c", init]},
        {"name": "server", "restartPolicy": "Always", "command": ["python3", "-c", SERVER]},
    ]);
    spec["containers"][0]["command"] = json!(["sh", "-c", see]);
    spec["containers"][0]["readinessProbe"] = json!({"exec": {"command": loopback}, "periodSeconds": 1});
    let hook = "until python3 -c \"$0\" localhost; do sleep 0.1; done";
    spec["containers"][0]["lifecycle"] = json!({"postStart": {"exec": {"command": ["sh", "-c", hook, CLIENT]}}});
    let pod = local.create("foo-0", spec).await;
    local.ready("foo-0").await;
    let first = local.create("bar-0", server("bar")).await;
    let before = local.ready("bar-0").await;
    assert_eq!(answer(&before), "bar-0");
    local.logged(&pod, &address(&before)).await;
    local.delete("bar-0", 1).await;
    local.until_gone("bar-0").await;
    let log = local.logged(&pod, "gone").await;
    let machine = std::fs::read_link("/proc/self/ns/net").expect("a namespace");
    assert!(
        log.contains("net:[") && !log.contains(machine.to_str().expect("text")),
        "{log}"
    );
    // The next pod of that name has the address, and answers at once.
    local.create("bar-0", server("bar")).await;
    let again = local.ready("bar-0").await;
    assert_ne!(first.uid(), again.uid());
    assert_eq!(address(&before), address(&again));
    assert_eq!(answer(&again), "bar-0");
    local.node.stop().await;
}

#[tokio::test]
async fn nodes_have_networks_of_their_own() {
    if !may_make_namespaces() {
        return;
    }
    let (one, other) = tokio::join!(start(), start());
    let mut links = Vec::new();
    for local in [&one, &other] {
        local.create("foo-0", server("foo")).await;
        let pod = local.ready("foo-0").await;
        assert_eq!(answer(&pod), "foo-0");
        links.push(link(&pod));
    }
    assert_ne!(links[0], links[1]);
    one.node.stop().await;
    assert!(!exists(&links[0]) && exists(&links[1]));
    assert_eq!(answer(&other.ready("foo-0").await), "foo-0");
    other.node.stop().await;
}

/// Not a test of its own: another process, which the test below kills.
#[tokio::test]
#[ignore = "the process that another test kills"]
async fn owner() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let local = start().await;
    local.create("foo-0", server("foo")).await;
    let pod = local.ready("foo-0").await;
    let mut file = std::fs::File::create(std::path::Path::new(&folder).join("link")).expect("a file");
    writeln!(file, "{}", link(&pod)).expect("written");
    tokio::time::sleep(Duration::from_mins(5)).await;
}

#[test]
fn no_link_is_left_of_a_process_that_is_killed() {
    if !may_make_namespaces() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut owner = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "node::tests::namespaces::owner", "--ignored"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("a process");
    let end = Instant::now() + Duration::from_secs(20);
    let link = loop {
        match std::fs::read_to_string(folder.path().join("link")) {
            Ok(link) if link.ends_with('\n') => break link.trim().to_owned(),
            _ => assert!(Instant::now() < end, "no pod in time"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(exists(&link));
    owner.kill().expect("killed");
    owner.wait().expect("an end");
    while exists(&link) {
        assert!(Instant::now() < end, "{link} is left");
        std::thread::sleep(Duration::from_millis(20));
    }
}
