use serde_json::json;

use super::support::*;

#[tokio::test]
async fn a_server_is_ready_when_its_probe_passes() {
    let local = Local::start().await;
    let spec = json!({"containers": [{
        "name": "foo", "command": ["python3", "-m", "http.server", "8080", "--bind", "$(POD_IP)"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"port": "http", "path": "/"}, "periodSeconds": 20},
        "livenessProbe": {"tcpSocket": {"port": 8080}},
    }]});
    // Both listen on the same port, each on its own address.
    local.create("foo-0", spec.clone()).await;
    local.create("foo-1", spec).await;
    let pods = [local.ready("foo-0").await, local.ready("foo-1").await];
    let [one, other] = pods.map(|pod| pod.status.and_then(|status| status.pod_ip).expect("an address"));
    assert_ne!(one, other);
    local.node.stop().await;
}

#[tokio::test]
async fn a_container_that_becomes_unready_is_shown() {
    let local = Local::start().await;
    let mut container = shell("foo", "touch up; exec sleep 100");
    let file = local.folder.path().join("up");
    container["readinessProbe"] =
        json!({"exec": {"command": ["test", "-e", "up"]}, "periodSeconds": 1, "failureThreshold": 1});
    local.create("foo-0", json!({"containers": [container]})).await;
    local.ready("foo-0").await;
    std::fs::remove_file(&file).expect("removed");
    let pod = local.until("foo-0", "unready", |pod| !condition(pod, "Ready")).await;
    assert_eq!(foo(&pod).map(|foo| (foo.ready, foo.started)), Some((false, Some(true))));
    std::fs::write(&file, "").expect("a file");
    local.ready("foo-0").await;
    let events = local.events("foo-0").await;
    assert!(
        events
            .iter()
            .any(|event| event == "Warning Unhealthy: Readiness probe failed: "),
        "{events:?}"
    );
    local.node.stop().await;
}

#[tokio::test]
async fn a_liveness_probe_that_fails_restarts_the_container() {
    let local = Local::start().await;
    let mut container = shell("foo", "exec sleep 100");
    container["livenessProbe"] = json!({"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1});
    local
        .create(
            "foo-0",
            json!({"containers": [container], "terminationGracePeriodSeconds": 1}),
        )
        .await;
    let (_, ended) = local.first_end("foo-0").await;
    assert_eq!(ended.exit_code, 143);
    let events = local.events("foo-0").await;
    let wanted = [
        "Normal Created: Container created",
        "Normal Started: Container started",
        "Warning Unhealthy: Liveness probe failed: ",
        "Normal Killing: Container foo failed liveness probe, will be restarted",
    ];
    assert_eq!(events[..4], wanted);
    local.node.stop().await;
}

#[tokio::test]
async fn a_container_that_does_not_start_in_time_is_killed() {
    let local = Local::start().await;
    let mut container = shell("foo", "exec sleep 100");
    container["startupProbe"] = json!({"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 1});
    container["readinessProbe"] = json!({"exec": {"command": ["true"]}});
    local
        .create(
            "foo-0",
            json!({"containers": [container], "terminationGracePeriodSeconds": 1}),
        )
        .await;
    local
        .until("foo-0", "running", |pod| {
            foo(pod).is_some_and(|foo| foo.state.clone().is_some_and(|state| state.running.is_some()))
        })
        .await;
    let pod = local
        .until("foo-0", "killed", |pod| {
            foo(pod).is_some_and(|foo| foo.restart_count > 0)
        })
        .await;
    assert!(!condition(&pod, "Ready"));
    let events = local.events("foo-0").await;
    let words = "Normal Killing: Container foo failed startup probe, will be restarted";
    assert!(events.iter().any(|event| event == words), "{events:?}");
    local.node.stop().await;
}
