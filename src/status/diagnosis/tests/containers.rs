//! Containers that do not start, or do not stay.

use super::*;

#[test]
fn a_container_that_does_not_start_is_explained_by_its_cause() {
    let runc = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: \
                unable to start container process: exec: \"my-service\": ";
    for (end, reason, at_once) in [
        ("executable file not found in $PATH: unknown", "CommandNotFound", USER),
        ("permission denied: unknown", "CommandNotExecutable", USER),
        ("exec format error: unknown", "CommandNotExecutable", USER),
        (
            "container init was OOM-killed (memory limit too low?): unknown",
            "MemoryLimitTooSmall",
            USER,
        ),
        ("something new", "ContainerCannotStart", None),
    ] {
        let words = format!("{runc}{end}");
        assert_eq!(
            judged(pod(vec![waiting("RunContainerError", &words)])),
            (reason, at_once, USER),
            "{end}"
        );
    }
}

#[test]
fn a_container_that_does_not_stay_is_explained_by_how_it_ended() {
    for (container, reason, at_once) in [
        (ended("OOMKilled", 137, 1), "OutOfMemory", USER),
        (ended("Error", 3, 1), "ContainerExits", None),
        (ended("Error", 3, 3), "ContainerExits", USER),
        (ended("Completed", 0, 1), "ContainerCompleted", None),
        (ended("Completed", 0, 3), "ContainerCompleted", USER),
        (
            ContainerFacts {
                init: true,
                ..ended("Error", 1, 3)
            },
            "InitContainerFailed",
            USER,
        ),
    ] {
        let verdict = of(&[pod(vec![container.clone()])], &[]).expect("a verdict");
        assert_eq!(verdict.log_of, Some(("foo-0".to_owned(), "foo".to_owned())));
        assert_eq!(judged(pod(vec![container])), (reason, at_once, USER));
    }
}

#[test]
fn the_exit_code_says_what_happened() {
    let sentence = |code| {
        of(&[pod(vec![ended("Error", code, 1)])], &[])
            .expect("a verdict")
            .sentence
    };
    assert_eq!(sentence(3), "Container foo of pod foo-0 exited with code 3.");
    assert!(sentence(127).contains("exited with code 127. The shell did not find the program."));
    assert!(sentence(139).contains("exited with code 139, killed by signal 11"));
}

#[test]
fn a_container_that_runs_or_an_init_container_that_is_done_is_no_cause() {
    let ready = ContainerFacts {
        ready: true,
        ..ended("Error", 1, 5)
    };
    let done = ContainerFacts {
        init: true,
        ..ended("Completed", 0, 0)
    };
    let creating = waiting("ContainerCreating", "");
    let unknown = waiting("SomethingNew", "in a later version");
    for container in [ready, done, creating, unknown, ContainerFacts::default()] {
        let pod = PodFacts {
            ready: container.ready,
            ..pod(vec![container])
        };
        assert_eq!(of(&[pod], &[]), None);
    }
    assert_eq!(of(&[], &[]), None);
}
