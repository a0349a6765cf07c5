use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};

use super::support::*;

use kube::api::PostParams;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_pod_runs_and_is_ready_with_an_address_of_its_own() {
    let local = Local::start().await;
    local.run("foo-0", "echo hello; echo trouble >&2; exec sleep 100").await;
    let pod = local.ready("foo-0").await;
    let status = pod.status.clone().expect("a status");
    assert_eq!(status.phase.as_deref(), Some("Running"));
    assert!(status.pod_ip.expect("an address").starts_with("127.77."));
    assert!(status.start_time.is_some());
    let container = foo(&pod).expect("a container");
    assert!(container.ready && container.started == Some(true) && container.restart_count == 0);
    assert_eq!(local.logged(&pod, "trouble").await, "hello\ntrouble\n");
    let id = container.container_id.clone().expect("an id");
    local.node.stop().await;
    assert!(!runs(id.trim_start_matches("process://")));
}

#[tokio::test]
async fn the_environment_is_what_kubernetes_gives_and_no_more() {
    let local = Local::start_with(|options| options.environment.retain(|name, _| name == "PATH")).await;
    let secrets = Api::<Secret>::namespaced(local.client.clone(), "flyte");
    let secret =
        serde_json::from_value(json!({"metadata": {"name": "s"}, "stringData": {"k": "v1"}, "data": {"j": "djI="}}));
    secrets
        .create(&PostParams::default(), &secret.expect("a secret"))
        .await
        .expect("created");
    let spec = json!({"containers": [{
        "name": "foo", "command": ["sh", "-c"],
        "args": ["env | sort; echo $(GREETING) \"$@\"; exec sleep 100", "sh", "$(POD)"],
        "env": [
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "J", "valueFrom": {"secretKeyRef": {"name": "s", "key": "j"}}},
            {"name": "GREETING", "value": "hello $(POD)"},
            {"name": "SERVER_HOST", "value": "0.0.0.0"},
        ],
    }]});
    local.create("foo-0", spec).await;
    let pod = local.ready("foo-0").await;
    let log = local.logged(&pod, "hello foo-0 foo-0").await;
    let names: Vec<&str> = log.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let wanted = [
        "GREETING",
        "HOSTNAME",
        "IP",
        "J",
        "K8SDATASERVICE_LOCAL_CONTAINER",
        "K8SDATASERVICE_LOCAL_OWNER",
        "PATH",
        "POD",
        "POD_IP",
        "PWD",
        "SERVER_HOST",
    ];
    assert_eq!(names, wanted);
    assert!(log.contains("\nJ=v2\n") && log.contains("\nHOSTNAME=foo-0\n"), "{log}");
    let address = pod.status.and_then(|status| status.pod_ip).expect("an address");
    assert!(log.contains(&format!("\nIP={address}\n")), "{log}");
    assert!(log.contains(&format!("\nPOD_IP={address}\n")), "{log}");
    assert!(
        log.contains("\nSERVER_HOST=0.0.0.0\n"),
        "its own definition wins: {log}"
    );
    local.node.stop().await;
}

#[tokio::test]
async fn a_container_waits_for_what_it_refers_to() {
    let local = Local::start().await;
    let mut container = shell("foo", "echo $K; exec sleep 100");
    container["env"] = json!([{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}]);
    local.create("foo-0", json!({"containers": [container]})).await;
    let wanted = (
        "CreateContainerConfigError".to_owned(),
        "configmap \"m\" not found".to_owned(),
    );
    local
        .until("foo-0", "waiting", |pod| waits(pod) == Some(wanted.clone()))
        .await;
    let maps = Api::<ConfigMap>::namespaced(local.client.clone(), "flyte");
    let map = serde_json::from_value(json!({"metadata": {"name": "m"}, "data": {"k": "v"}})).expect("a map");
    maps.create(&PostParams::default(), &map).await.expect("created");
    let pod = local.ready("foo-0").await;
    assert_eq!(foo(&pod).expect("a container").restart_count, 0);
    let events = local.events("foo-0").await;
    let words = "Warning Failed: Error: configmap \"m\" not found";
    assert!(events.iter().any(|event| event == words), "{events:?}");
    local.node.stop().await;
}

#[tokio::test]
async fn init_containers_and_sidecars_come_first_and_share_volumes() {
    let local = Local::start().await;
    let mount = json!([{"name": "v", "mountPath": "/shared"}]);
    let with_volume = |name: &str, line: &str| {
        let mut container = shell(name, line);
        container["volumeMounts"] = mount.clone();
        container
    };
    let mut sidecar = with_volume(
        "side",
        "cat /shared/x > /shared/y; trap 'echo side >> /shared/end; exit' TERM; while :; do sleep 0.05; done",
    );
    sidecar["restartPolicy"] = json!("Always");
    sidecar["startupProbe"] = json!({"exec": {"command": ["test", "-s", "/shared/y"]}});
    let claims = Api::<PersistentVolumeClaim>::namespaced(local.client.clone(), "flyte");
    let claim = json!({"metadata": {"name": "c"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    claims
        .create(&PostParams::default(), &serde_json::from_value(claim).expect("a claim"))
        .await
        .expect("created");
    let line = "cat /shared/y; trap 'sleep 0.3; echo main >> /shared/end; exit' TERM; while :; do sleep 0.05; done";
    local
        .create(
            "foo-0",
            json!({
                "initContainers": [with_volume("init", "sleep 0.2; echo one > /shared/x"), sidecar],
                "containers": [with_volume("foo", line)],
                "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
            }),
        )
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let pod = local.pods().get("foo-0").await.expect("a pod");
    assert!(!condition(&pod, "PodReadyToStartContainers"), "its claim is not bound");
    let bound = Patch::Merge(json!({"status": {"phase": "Bound"}}));
    claims
        .patch_status("c", &PatchParams::default(), &bound)
        .await
        .expect("bound");
    let pod = local.ready("foo-0").await;
    assert_eq!(local.logged(&pod, "one").await, "one\n");
    local.delete("foo-0", 10).await;
    local.until_gone("foo-0").await;
    let folder = local.folder.path().join("claims/flyte/c");
    assert_eq!(
        std::fs::read_to_string(folder.join("end")).expect("a file"),
        "main\nside\n"
    );
    claims.delete("c", &DeleteParams::default()).await.expect("deleted");
    while folder.exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    local.node.stop().await;
}

#[tokio::test]
async fn a_pod_that_need_not_run_again_ends() {
    let local = Local::start().await;
    let spec =
        json!({"containers": [shell("foo", "echo bye > /dev/termination-log; exit 3")], "restartPolicy": "Never"});
    local.create("foo-0", spec).await;
    let is_failed = |pod: &k8s_openapi::api::core::v1::Pod| {
        pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Failed")
    };
    let pod = local.until("foo-0", "failed", is_failed).await;
    let ended = foo(&pod).and_then(|foo| foo.state.clone()?.terminated).expect("an end");
    assert_eq!((ended.exit_code, ended.reason.as_deref()), (3, Some("Error")));
    assert_eq!(ended.message.as_deref(), Some("bye\n"));
    local.delete("foo-0", 1).await;
    local.until_gone("foo-0").await;
    local.node.stop().await;
}
