use std::time::Duration;

use super::*;

fn cause(name: &str) -> Cause {
    Cause::named(name).expect("a cause")
}

#[tokio::test(start_paused = true)]
async fn causes_follow_each_other_from_when_a_service_begins() {
    let script = Script::new();
    assert_eq!(script.cause("foo"), Cause::READY);
    script.set(None, cause("InsufficientGpu"));
    script.then(None, cause("ContainerExits"), Duration::from_mins(20));
    script.then(None, Cause::READY, Duration::from_mins(10));
    tokio::time::advance(Duration::from_hours(1)).await;
    let names = async || {
        let mut names = vec![script.cause("foo").name()];
        for _ in 0..3 {
            tokio::time::advance(Duration::from_mins(10)).await;
            names.push(script.cause("foo").name());
        }
        names
    };
    assert_eq!(
        names().await,
        ["InsufficientGpu", "InsufficientGpu", "ContainerExits", "Ready"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_has_causes_of_its_own() {
    let script = Script::new();
    script.set(Some("foo"), cause("Evicted"));
    script.set(None, cause("ImageNotFound"));
    assert_eq!(script.cause("foo").name(), "Evicted");
    assert_eq!(script.cause("bar").name(), "ImageNotFound");
    script.set(None, Cause::READY);
    assert_eq!(
        (script.cause("foo").name(), script.cause("bar")),
        ("Evicted", Cause::READY)
    );
}

#[test]
fn a_service_has_a_log_of_its_own() {
    let script = Script::new();
    assert_eq!(script.log("foo"), "");
    script.set_log(Some("foo"), "own\n");
    script.set_log(None, "common\n");
    assert_eq!([script.log("foo"), script.log("bar")], ["own\n", "common\n"]);
}

#[tokio::test(start_paused = true)]
async fn the_passing_of_time_is_reported() {
    let script = Script::new();
    script.set(None, cause("InsufficientGpu"));
    script.then(None, Cause::READY, Duration::from_mins(20));
    let _ = script.cause("foo");
    let started = Instant::now();
    let running = tokio::spawn(script.clone().run());
    let mut changed = script.subscribe();
    while script.cause("foo") != Cause::READY {
        changed.changed().await.expect("a change");
    }
    assert_eq!(started.elapsed().as_secs(), 20 * 60);
    running.abort();
}

#[test]
fn a_name_is_a_cause_once() {
    let mut names: Vec<_> = Cause::names().collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Cause::names().count());
    assert!(
        Cause::named("ReadinessGateClosed").is_none(),
        "a gate is closed by itself"
    );
}
