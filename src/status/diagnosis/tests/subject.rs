//! Which field of the configuration a container's fault is in.

use serde_json::json;

use super::*;
use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL};

/// A container as the fields `InitContainers` and `Sidecars` make it.
fn of_a_field(name: &str, restart_policy: Option<&str>) -> serde_json::Value {
    let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    json!({"name": name, "restartPolicy": restart_policy, "securityContext": context})
}

/// A service with a container of each kind.
fn service() -> StatefulSetFacts {
    let stateful_set: StatefulSet = serde_json::from_value(json!({
        "metadata": {"name": "foo", "uid": "set", "labels": {MANAGED_BY_LABEL: MANAGED_BY}},
        "spec": {"selector": {}, "template": {"spec": {
            "containers": [{"name": "foo"}],
            "initContainers": [of_a_field("fetch", None), of_a_field("metrics", Some("Always"))],
        }}},
    }))
    .expect("a StatefulSet");
    StatefulSetFacts::from(&stateful_set)
}

fn init(name: &str, container: ContainerFacts) -> ContainerFacts {
    ContainerFacts {
        name: name.to_owned(),
        init: true,
        ..container
    }
}

fn sidecar(container: ContainerFacts) -> ContainerFacts {
    ContainerFacts {
        name: "metrics".to_owned(),
        sidecar: true,
        ..container
    }
}

fn reported(stateful_set: &StatefulSetFacts, container: ContainerFacts, events: &[EventFacts]) -> Verdict {
    diagnose(stateful_set, &[pod(vec![container])], events).expect("a verdict")
}

#[test]
fn a_sidecar_is_judged_as_any_container() {
    let killing = event("Killing", "Init container metrics failed liveness probe");
    let starting = event("Killing", "Init container metrics failed startup probe");
    for (container, events, reason, words) in [
        (ended("Error", 3, 1), vec![], "ContainerExits", "exited with code 3."),
        (
            ended("Completed", 0, 1),
            vec![],
            "ContainerCompleted",
            "exited with code 0. A sidecar must keep running: run Sidecars[0].command in the foreground.",
        ),
        (
            ended("OOMKilled", 137, 1),
            vec![],
            "OutOfMemory",
            "Raise Sidecars[0].resources.limits.memory.",
        ),
        (
            ended("Error", 137, 1),
            vec![killing],
            "LivenessProbeFails",
            "Correct Sidecars[0].livenessProbe or the service.",
        ),
        (
            ended("Error", 137, 1),
            vec![starting],
            "StartupProbeFails",
            "correct Sidecars[0].startupProbe.",
        ),
        (
            running(true),
            vec![],
            "ReadinessProbeFails",
            "its readiness probe has not passed. Correct Sidecars[0].readinessProbe or the service.",
        ),
    ] {
        let verdict = reported(&service(), sidecar(container), &events);
        assert_eq!(verdict.cause.reason(), reason);
        let start = "Sidecar metrics (Sidecars[0]) of pod foo-0 ";
        assert!(verdict.sentence.starts_with(start), "{}", verdict.sentence);
        assert!(verdict.sentence.ends_with(words), "{}", verdict.sentence);
        assert_eq!(verdict.log_of, Some(("foo-0".to_owned(), "metrics".to_owned())));
    }
    let third = reported(&service(), sidecar(ended("Error", 3, 3)), &[]);
    assert_eq!(failed(&third, 0), USER);
}

#[test]
fn advice_names_the_field_of_the_container() {
    let missing = || waiting("CreateContainerConfigError", "secret \"s\" not found");
    let missing = |place: &str| ContainerFacts {
        reference: Some(place.into()),
        ..missing()
    };
    let no_program = || waiting("RunContainerError", "exec: \"x\": executable file not found in $PATH");
    let no_image = || waiting("ErrImagePull", "r/i:1: not found");
    for (container, words) in [
        (
            no_image(),
            "Pod foo-0 cannot pull the image r/i:1: it does not exist there. Correct Image, or push",
        ),
        (
            sidecar(no_image()),
            "Pod foo-0 cannot pull the image r/i:1 of sidecar metrics (Sidecars[0]): it does not exist there. Correct \
             Sidecars[0].image, or",
        ),
        (init("fetch", no_image()), "Correct InitContainers[0].image, or push"),
        (
            init("injected", no_image()),
            "of init container injected (not in StatefulSet foo: a webhook added it): it does not exist there. Correct image of \
             container injected, or",
        ),
        (
            no_program(),
            "Container foo of pod foo-0 cannot start: \"x\" is not in the image r/i:1. Correct Command.",
        ),
        (
            sidecar(no_program()),
            "Sidecar metrics (Sidecars[0]) of pod foo-0 cannot start: \"x\" is not in the image r/i:1. Correct \
             Sidecars[0].command.",
        ),
        (
            init("fetch", no_program()),
            "Init container fetch (InitContainers[0]) of pod foo-0 cannot start: \"x\" is not in the image r/i:1. Correct \
             InitContainers[0].command.",
        ),
        (
            init("fetch", ended("OOMKilled", 137, 1)),
            "Init container fetch (InitContainers[0]) of pod foo-0 was killed because it used more memory than its limit. \
             Raise InitContainers[0].resources.limits.memory.",
        ),
        (missing("env[TOKEN]"), "correct its name in Env.TOKEN."),
        (missing("env[_FSEC_S_K]"), "correct its name in Secrets."),
        (missing("envFrom[1]"), "correct its name in EnvFrom[1]."),
        (
            sidecar(missing("env[TOKEN]")),
            "correct its name in Sidecars[0].env[TOKEN].",
        ),
        (
            init("fetch", missing("envFrom[0]")),
            "correct its name in InitContainers[0].envFrom[0].",
        ),
    ] {
        let sentence = reported(&service(), container, &[]).sentence;
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[test]
fn advice_names_the_place_in_the_pod_template() {
    let stateful_set: StatefulSet = serde_json::from_value(json!({
        "metadata": {"name": "foo", "labels": {MANAGED_BY_LABEL: MANAGED_BY}},
        "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "foo"}, {"name": "beside"}]}}},
    }))
    .expect("a StatefulSet");
    let service = StatefulSetFacts::from(&stateful_set);
    for (container, words) in [
        (
            waiting("RunContainerError", "exec: \"x\": executable file not found in $PATH"),
            "Correct PodTemplate.spec.containers[beside].command.",
        ),
        (
            waiting("ErrImagePull", "r/i:1: not found"),
            "Correct PodTemplate.spec.containers[beside].image, or",
        ),
        (
            ContainerFacts {
                reference: Some("env[TOKEN]".into()),
                ..waiting("CreateContainerConfigError", "secret \"s\" not found")
            },
            "correct its name in PodTemplate.spec.containers[beside].env[TOKEN].",
        ),
    ] {
        let beside = ContainerFacts {
            name: "beside".to_owned(),
            ..container
        };
        let sentence = reported(&service, beside, &[]).sentence;
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[test]
fn advice_on_a_foreign_service_names_the_place_in_its_stateful_set() {
    let stateful_set: StatefulSet = serde_json::from_value(json!({
        "metadata": {"name": "foo"},
        "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "foo"}]}}},
    }))
    .expect("a StatefulSet");
    let service = StatefulSetFacts::from(&stateful_set);
    let sentence = reported(&service, ended("OOMKilled", 137, 1), &[]).sentence;
    let words = "Raise spec.template.spec.containers[0].resources.limits.memory.";
    assert!(sentence.ends_with(words), "{sentence}");
}

#[test]
fn containers_are_listed_in_the_order_of_the_pod() {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "foo-0"},
        "spec": {
            "containers": [{"name": "foo"}, {"name": "a"}],
            "initContainers": [{"name": "metrics", "restartPolicy": "Always"}, {"name": "fetch"}],
        },
        "status": {
            "containerStatuses": [status("a"), status("foo")],
            "initContainerStatuses": [status("metrics"), status("fetch")],
        },
    }))
    .expect("a pod");
    let facts = PodFacts::from(&pod);
    let names: Vec<_> = facts
        .containers
        .iter()
        .map(|each| (each.name.as_str(), each.init, each.sidecar))
        .collect();
    assert_eq!(
        names,
        [
            ("metrics", false, true),
            ("fetch", true, false),
            ("foo", false, false),
            ("a", false, false)
        ]
    );
}

fn status(name: &str) -> serde_json::Value {
    json!({"name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 0})
}
