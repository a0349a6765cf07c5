use std::time::{Duration, Instant};

use kube::ResourceExt;
use serde_json::json;

use super::support::*;

#[tokio::test]
async fn a_deleted_pod_has_its_grace_period_and_is_gone_then() {
    let local = Local::start().await;
    let mut container = shell(
        "foo",
        "trap 'echo bye >> end; exit 0' TERM; touch up; while :; do sleep 0.05; done",
    );
    container["readinessProbe"] = json!({"exec": {"command": ["test", "-e", "up"]}});
    container["lifecycle"] = json!({"preStop": {"exec": {"command": ["sh", "-c", "echo hook >> end"]}}});
    let pod = local.create("foo-0", json!({"containers": [container]})).await;
    local.ready("foo-0").await;
    let folder = local.folder.path().join("pods").join(pod.uid().expect("a uid"));
    assert!(folder.exists());
    local.delete("foo-0", 20).await;
    local.until_gone("foo-0").await;
    let said = std::fs::read_to_string(local.folder.path().join("end")).expect("a file");
    assert_eq!(said, "hook\nbye\n");
    let events = local.events("foo-0").await;
    assert_eq!(
        events.last().map(String::as_str),
        Some("Normal Killing: Stopping container foo")
    );
    local.node.stop().await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_process_that_ignores_the_request_to_end_is_killed_with_its_children() {
    let local = Local::start().await;
    let line = "trap '' TERM; sleep 100 & echo $!; echo $$$$; while :; do sleep 0.1; done";
    local.run("foo-0", line).await;
    let pod = local.ready("foo-0").await;
    let mut log = local.logged(&pod, "\n").await;
    while log.lines().count() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        log = local.log(&pod, false);
    }
    let begin = Instant::now();
    local.delete("foo-0", 3).await;
    local.until_gone("foo-0").await;
    let took = begin.elapsed().as_secs();
    assert!((3..6).contains(&took), "{took} s");
    for process in log.lines() {
        assert!(!runs(process), "{process}");
    }
    local.node.stop().await;
}

#[tokio::test]
async fn a_second_deletion_shortens_the_wait() {
    let local = Local::start().await;
    local.run("foo-0", "trap '' TERM; while :; do sleep 0.1; done").await;
    local.ready("foo-0").await;
    let begin = Instant::now();
    local.delete("foo-0", 60).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    local.delete("foo-0", 1).await;
    local.until_gone("foo-0").await;
    assert!(begin.elapsed() < Duration::from_secs(8));
    local.node.stop().await;
}

#[tokio::test]
async fn a_pod_of_the_same_name_starts_when_the_one_before_has_ended() {
    let local = Local::start().await;
    // The trap comes first, so that the lock is removed however early the signal arrives.
    let line = "trap 'sleep 0.5; rmdir lock; exit' TERM; mkdir lock || exit 1; while :; do sleep 0.05; done";
    local.run("foo-0", line).await;
    let first = local.ready("foo-0").await;
    // It is gone from the API server at once.
    local.delete("foo-0", 0).await;
    local.until_gone("foo-0").await;
    local.run("foo-0", line).await;
    let second = local.ready("foo-0").await;
    assert_ne!(first.uid(), second.uid());
    assert_eq!(foo(&second).expect("a container").restart_count, 0);
    let address = |pod: k8s_openapi::api::core::v1::Pod| pod.status.and_then(|status| status.pod_ip);
    assert!(address(first).is_some() && address(second).is_some());
    local.node.stop().await;
}

#[tokio::test]
async fn a_node_that_is_dropped_leaves_nothing() {
    let local = Local::start().await;
    local
        .run("foo-0", "trap '' TERM; echo $$$$; while :; do sleep 0.1; done")
        .await;
    let pod = local.ready("foo-0").await;
    let process = local.logged(&pod, "\n").await;
    assert!(runs(&process));
    drop(local);
    let end = Instant::now() + Duration::from_secs(10);
    while runs(&process) {
        assert!(Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
