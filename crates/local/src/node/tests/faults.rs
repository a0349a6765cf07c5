use std::time::Duration;

use serde_json::json;

use super::support::*;

#[tokio::test]
async fn a_process_that_ends_is_started_again_with_back_off() {
    let local = Local::start_with(|options| options.first_back_off = Duration::from_secs(1)).await;
    let pod = local
        .run("foo-0", "echo run $(cat n 2>/dev/null); echo x >> n; exit 3")
        .await;
    let message = |wait: &str| {
        let uid = pod.metadata.uid.clone().expect("a uid");
        format!("back-off {wait} restarting failed container=foo pod=foo-0_flyte({uid})")
    };
    for (wait, restarts) in [("1s", 1), ("2s", 2)] {
        let wanted = ("CrashLoopBackOff".to_owned(), message(wait));
        let pod = local
            .until("foo-0", "backing off", |pod| waits(pod) == Some(wanted.clone()))
            .await;
        let foo = foo(&pod).expect("a container");
        assert_eq!(foo.restart_count, restarts);
        let ended = foo.last_state.clone().and_then(|last| last.terminated).expect("an end");
        assert_eq!((ended.exit_code, ended.reason.as_deref()), (3, Some("Error")));
        assert!(!condition(&pod, "Ready"));
        assert_eq!(
            pod.status.clone().and_then(|status| status.phase).as_deref(),
            Some("Running")
        );
    }
    assert_eq!(local.log(&pod, true), "run x\n");
    assert_eq!(local.log(&pod, false), "run x x\n");
    let events = local.events("foo-0").await;
    let words = format!(
        "Warning BackOff: Back-off restarting failed container foo in pod foo-0_flyte({})",
        pod.metadata.uid.expect("a uid")
    );
    assert!(events.contains(&words), "{events:?}");
    local.node.stop().await;
}

#[tokio::test]
async fn a_signal_is_an_exit_code() {
    let local = Local::start().await;
    local.run("foo-0", "kill -9 $$$$").await;
    let (_, ended) = local.first_end("foo-0").await;
    assert_eq!(ended.exit_code, 137);
    local.node.stop().await;
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_reported_as_a_container_runtime_does() {
    let local = Local::start_with(|options| options.first_back_off = Duration::from_secs(20)).await;
    local
        .create(
            "foo-0",
            json!({"containers": [{"name": "foo", "command": ["no-such-program"]}]}),
        )
        .await;
    let (_, ended) = local.first_end("foo-0").await;
    assert_eq!((ended.exit_code, ended.reason.as_deref()), (128, Some("StartError")));
    let words = "failed to start container process: exec: \"no-such-program\": executable file not found in $PATH of this \
                 machine: no image can run in local mode";
    assert_eq!(ended.message.as_deref(), Some(words));
    local
        .until("foo-0", "backing off", |pod| {
            waits(pod).is_some_and(|(reason, _)| reason == "CrashLoopBackOff")
        })
        .await;
    let events = local.events("foo-0").await;
    assert!(
        events.contains(&format!("Warning Failed: Error: {words}")),
        "{events:?}"
    );
    local.node.stop().await;
}

#[tokio::test]
async fn a_script_without_an_interpreter_is_no_program() {
    let local = Local::start().await;
    let script = local.folder.path().join("script");
    std::fs::write(&script, [0x7f, b'E', b'L', b'F', 0, 0]).expect("a file");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("permissions");
    local
        .create("foo-0", json!({"containers": [{"name": "foo", "command": [script]}]}))
        .await;
    let (_, ended) = local.first_end("foo-0").await;
    let message = ended.message.expect("a message");
    assert!(message.ends_with("exec format error"), "{message}");
    local.node.stop().await;
}

#[tokio::test]
async fn a_container_without_a_command_has_no_program() {
    let local = Local::start_with(|options| options.first_back_off = Duration::from_secs(20)).await;
    // The arguments are for the program of the image.
    local
        .create("foo-0", json!({"containers": [{"name": "foo", "args": ["true"]}]}))
        .await;
    let (_, ended) = local.first_end("foo-0").await;
    assert_eq!((ended.exit_code, ended.reason.as_deref()), (128, Some("StartError")));
    let words = "failed to start container process: executable file not found: no image can run in local mode";
    assert_eq!(ended.message.as_deref(), Some(words));
    local.node.stop().await;
}

#[tokio::test]
async fn an_init_container_that_fails_keeps_the_others_from_starting() {
    let local = Local::start().await;
    let spec = json!({"initContainers": [shell("foo", "exit 4")], "containers": [shell("main", "exec sleep 100")]});
    local.create("foo-0", spec).await;
    let pod = local
        .until("foo-0", "failing", |pod| {
            foo(pod).is_some_and(|foo| foo.restart_count > 1)
        })
        .await;
    let status = pod.status.clone().expect("a status");
    assert_eq!(status.phase.as_deref(), Some("Pending"));
    assert!(!condition(&pod, "Initialized"));
    let main = &status.container_statuses.expect("containers")[0];
    let reason = main.state.clone().and_then(|state| state.waiting?.reason);
    assert_eq!(reason.as_deref(), Some("PodInitializing"));
    local.node.stop().await;
}
