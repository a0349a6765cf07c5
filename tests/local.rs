//! The lifecycle on a cluster of this machine alone: the verbs are those that run on Kubernetes, and the replicas are
//! processes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8sdataservice::cluster::KubeApi;
use k8sdataservice::config::Target;
use k8sdataservice::identity::execution::Run;
use k8sdataservice::identity::owner::{Identity, Owner};
use k8sdataservice::lifecycle::{self, CallId, Deadline, Deletion, Location, Scope};
use k8sdataservice::manifests::Objects;
use k8sdataservice::status::diagnosis::GracePeriods;
use k8sdataservice::status::{Phase, Status};
use k8sdataservice_local::clock::Clock;
use k8sdataservice_local::cluster::LocalCluster;
use k8sdataservice_local::node::{Addressing, NodeOptions};
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use tempfile::TempDir;

const NAMESPACE: &str = "flyte";

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// A cluster, and the folder of its node.
struct Stage {
    cluster: LocalCluster,
    api: KubeApi,
    folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        Self::with(Addressing::default()).await
    }

    async fn with(addressing: Addressing) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = NodeOptions::new(folder.path());
        options.addressing = addressing;
        let cluster = LocalCluster::start(Clock::new(), options).await.expect("a cluster");
        let api = KubeApi::new(cluster.client(NAMESPACE));
        Self { cluster, api, folder }
    }

    async fn create(&self, config: Value) -> String {
        let Ok(Target::New(spec)) = Target::parse(&config) else {
            panic!("not a configuration: {config}")
        };
        let identity = Identity {
            name: spec.name.clone().expect("a name"),
            namespace: NAMESPACE.to_owned(),
            owner: Owner::new("me", Run::from("a test")),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        };
        let objects = Objects::new(&spec, &identity);
        let call = CallId::unique();
        let created = lifecycle::create(&self.api, &objects, &call, Deadline::after(PATIENCE));
        Box::pin(created).await.expect("a service").name
    }

    async fn look(&self, name: &str) -> Status {
        let grace = GracePeriods::default();
        let looked = lifecycle::observe(&self.api, NAMESPACE, name, None, &grace, Deadline::after(PATIENCE)).await;
        looked.expect("a status")
    }

    /// Looks until the service is said to be so.
    async fn until(&self, name: &str, reason: &str) -> Status {
        let until = async {
            loop {
                let status = self.look(name).await;
                if status.reason == reason {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, until).await {
            Ok(status) => status,
            Err(late) => panic!("{late}: {:?}", self.look(name).await),
        }
    }

    async fn pods(&self) -> Vec<Pod> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client(NAMESPACE), NAMESPACE);
        pods.list(&ListParams::default()).await.expect("pods").items
    }

    /// Deletes a service, and waits until its objects and processes are gone.
    async fn delete(&self, name: &str) {
        let deadline = Deadline::after(PATIENCE);
        let mut read = Vec::new();
        let deleted = lifecycle::delete(&self.api, NAMESPACE, name, &Scope::AnyOfOurs, &mut read, deadline);
        assert_eq!(deleted.await.expect("an answer"), Deletion::Gone);
        let client = self.cluster.client(NAMESPACE);
        let sets: Api<StatefulSet> = Api::namespaced(client.clone(), NAMESPACE);
        let services: Api<Service> = Api::namespaced(client, NAMESPACE);
        let until = async {
            while sets.get_opt(name).await.expect("an answer").is_some()
                || services.get_opt(name).await.expect("an answer").is_some()
                || !self.pods().await.is_empty()
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let gone = tokio::time::timeout(PATIENCE, until).await;
        assert!(gone.is_ok(), "{:?}", self.pods().await);
    }

    async fn stop(self) {
        let marker = self.folder.path().to_owned();
        self.cluster.stop().await;
        assert_eq!(processes_in(&marker), Vec::<String>::new());
    }
}

/// The command lines of the processes that name a folder.
fn processes_in(folder: &Path) -> Vec<String> {
    let name = folder.to_string_lossy().into_owned();
    let all = std::fs::read_dir("/proc").expect("processes").flatten();
    let lines = all.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(&name)).collect()
}

/// A service of processes that answer on the address of their pod.
fn web(name: &str, replicas: usize) -> Value {
    let serve = "exec python3 -m http.server $GE_BASE_PORT --bind $POD_IP --directory /data";
    json!({
        "Name": name, "Image": "not-used", "Replicas": replicas, "MinReadySeconds": 0,
        "Command": ["sh", "-c", format!("echo $HOSTNAME of $GE_COUNT > /data/index.html; {serve}")],
        "Volumes": [{"name": "data", "mountPath": "/data", "emptyDir": {}}],
        "ReadinessProbe": {"httpGet": {"path": "/", "port": 40000}, "periodSeconds": 1},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_processes_gets_ready_answers_by_its_pods_and_is_gone() {
    let stage = Stage::new().await;
    let name = stage.create(web("foo", 2)).await;
    let status = stage.until(&name, "Ready").await;
    assert_eq!(status.phase, Phase::Ready, "{}", status.message);
    let located = lifecycle::locate(&stage.api, NAMESPACE, &name, Deadline::after(PATIENCE)).await;
    let Ok(Location::At { pods, .. }) = located else {
        panic!("{located:?}")
    };
    assert_eq!(
        pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>(),
        ["foo-0", "foo-1"]
    );
    for (ordinal, pod) in stage.pods().await.iter().enumerate() {
        let address = pod
            .status
            .as_ref()
            .and_then(|status| status.pod_ip.clone())
            .expect("an address");
        assert_eq!(get(&address, 40000), format!("foo-{ordinal} of 2"));
    }
    stage.delete(&name).await;
    stage.stop().await;
}

/// What a server answers.
fn get(address: &str, port: u16) -> String {
    let answer = std::process::Command::new("python3")
        .args([
            "-c",
            "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())",
        ])
        .arg(format!("http://{address}:{port}/"))
        .output()
        .expect("an answer");
    String::from_utf8_lossy(&answer.stdout).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_share_an_address_answer_at_ports_of_their_own() {
    let stage = Stage::with(Addressing::Shared(Ipv4Addr::LOCALHOST)).await;
    let mut config = web("foo", 2);
    let line = "echo $HOSTNAME of $GE_COUNT > /data/index.html; exec python3 -m http.server \"$0\" --directory /data";
    config["Command"] = json!(["sh", "-c", line, "$(SERVER_PORT)"]);
    config["LivenessProbe"] = json!({"tcpSocket": {"port": 40000}});
    let name = stage.create(config).await;
    stage.until(&name, "Ready").await;
    let located = lifecycle::locate(&stage.api, NAMESPACE, &name, Deadline::after(PATIENCE)).await;
    let Ok(Location::At { pods, ports, .. }) = located else {
        panic!("{located:?}")
    };
    assert_eq!(ports, BTreeMap::from([("foo".to_owned(), 40000)]));
    let actual: Vec<_> = pods.iter().map(|pod| pod.ports["foo"]).collect();
    assert!(actual[0] != actual[1] && !actual.contains(&40000), "{actual:?}");
    for (ordinal, pod) in pods.iter().enumerate() {
        assert_eq!(pod.address, "127.0.0.1");
        assert_eq!(get(&pod.address, pod.ports["foo"]), format!("foo-{ordinal} of 2"));
    }
    stage.delete(&name).await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_causes_of_a_failure_are_reported_as_on_kubernetes() {
    let stage = Stage::new().await;
    for (name, command, reason, words) in [
        (
            "exits",
            json!(["sh", "-c", "echo begin; echo the reason; exit 3"]),
            "ContainerExits",
            "exited with code 3",
        ),
        (
            "completes",
            json!(["sh", "-c", "echo the reason"]),
            "ContainerCompleted",
            "exited with code 0",
        ),
        (
            "missing",
            json!(["no-such-program"]),
            "CommandNotFound",
            "Container missing of pod missing-0 cannot start: \"no-such-program\" is not on the PATH of this machine, and no \
             image can run in local mode: set Command to a program on this machine, or run on a cluster.",
        ),
        (
            "file",
            json!(["/no/such/program", "--port", "1"]),
            "CommandNotFound",
            "\"/no/such/program\" is not on this machine, and no image can run in local mode: set Command to",
        ),
        (
            "image",
            json!([]),
            "CommandNotFound",
            "Container image of pod image-0 cannot start: no image can run in local mode: set Command to a program on this \
             machine, or run on a cluster.",
        ),
    ] {
        let config = json!({"Name": name, "Image": "not-used", "Command": command, "MinReadySeconds": 0});
        let name = stage.create(config).await;
        let status = stage.until(&name, reason).await;
        assert!(status.message.contains(words), "{}", status.message);
        stage.delete(&name).await;
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_reads_secrets_and_config_maps_that_its_cluster_was_given() {
    let stage = Stage::new().await;
    for object in [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": "hunter2"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"greeting": "hello"}}),
    ] {
        stage.cluster.api().provide(object).expect("taken");
    }
    let mut config = web("foo", 1);
    let serve = "exec python3 -m http.server $SERVER_PORT --bind $POD_IP --directory /data";
    let line = format!("echo $(cat /etc/m/greeting) $PASSWORD > /data/index.html; {serve}");
    config["Command"] = json!(["sh", "-c", line]);
    config["Env"] = json!({"PASSWORD": {"secretKeyRef": {"name": "s", "key": "password"}}});
    let map = json!({"name": "m", "mountPath": "/etc/m", "configMap": {"name": "m"}});
    config["Volumes"].as_array_mut().expect("volumes").push(map);
    let name = stage.create(config).await;
    stage.until(&name, "Ready").await;
    let address = stage.pods().await[0].status.clone().and_then(|status| status.pod_ip);
    assert_eq!(get(&address.expect("an address"), 40000), "hello hunter2");
    stage.delete(&name).await;
    stage.stop().await;
}

/// A server that lets others listen on its address and port, as gRPC's core does.
const SHARING: &str = "
import os, socket
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(('0.0.0.0', int(os.environ['SERVER_PORT'])))
server.listen()
while True:
    server.accept()[0].close()
";

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_would_get_the_requests_of_each_other_are_refused() {
    let stage = Stage::new().await;
    let port = std::net::TcpListener::bind("0.0.0.0:0").and_then(|socket| socket.local_addr());
    let port = port.expect("a port").port();
    let config = json!({
        "Name": "foo", "Image": "not-used", "Replicas": 2, "Port": port, "Command": ["python3", "-c", SHARING],
        "ReadinessProbe": {"tcpSocket": {"port": port}},
    });
    let name = stage.create(config).await;
    let status = stage.until(&name, "ContainerConfigInvalid").await;
    let both = format!("both listen on 0.0.0.0:{port} (SO_REUSEPORT), so that each would get the other's requests. ");
    let advice = "Let the server listen on $POD_IP (or $SERVER_HOST) instead of 0.0.0.0.";
    assert!(status.message.contains(&(both + advice)), "{}", status.message);
    stage.delete(&name).await;
    stage.stop().await;
}
