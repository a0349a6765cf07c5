//! Services that do not start, as a real cluster (Kubernetes 1.36) reported them for 48 s: the same fault has one
//! message.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::status::diagnosis::GracePeriods;
use crate::status::{Assessment, EventFacts, Evidence, Phase, PodFacts, StatefulSetFacts, Status};

/// An object, as the watch reported it at some second.
#[derive(Deserialize)]
struct Report {
    at: f64,
    #[serde(rename = "statefulset")]
    stateful_set: Option<StatefulSet>,
    pod: Option<Pod>,
    event: Option<Event>,
}

/// The reported state of a service at each moment of a recording, four times a second.
fn replayed(name: &str) -> Vec<Status> {
    let mut all: BTreeMap<String, Vec<Report>> = serde_json::from_str(include_str!("recorded.json")).expect("reports");
    let reports = all.remove(name).expect("a recording");
    let (mut stateful_set, mut pods) = (None, Vec::new());
    let mut events: BTreeMap<String, EventFacts> = BTreeMap::new();
    let mut reported = Vec::new();
    for (index, report) in reports.iter().enumerate() {
        if let Some(object) = &report.stateful_set {
            stateful_set = Some(StatefulSetFacts::from(object));
        }
        if let Some(pod) = &report.pod {
            pods = vec![PodFacts::from(pod)];
        }
        if let Some(event) = &report.event {
            events.insert(event.metadata.name.clone().expect("a name"), EventFacts::from(event));
        }
        let Some(facts) = &stateful_set else { continue };
        let events: Vec<_> = events.values().cloned().collect();
        let evidence = Evidence {
            pods: &pods,
            events: &events,
            slices: None,
        };
        let assessment = Assessment::new(facts, evidence);
        let mut now = moment(report.at);
        let next = reports.get(index + 1).map_or(now, |next| moment(next.at));
        loop {
            reported.push(assessment.at(now, &GracePeriods::new()));
            now += SignedDuration::from_millis(250);
            if now >= next {
                break;
            }
        }
    }
    reported
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
fn moment(seconds: f64) -> Timestamp {
    Timestamp::from_millisecond((seconds * 1000.0) as i64).expect("a time")
}

#[test]
fn the_message_of_a_fault_stays_as_it_is_through_all_of_its_states() {
    for (name, cause, words) in [
        (
            "exit3",
            "ContainerExits",
            "exited with code 3. (Error, CrashLoopBackOff)",
        ),
        (
            "sleep2",
            "ContainerExits",
            "exited with code 1. (Error, CrashLoopBackOff)",
        ),
        ("live", "LivenessProbeFails", "(Unhealthy, CrashLoopBackOff)"),
        ("image", "ImageNotFound", "(ErrImagePull, ImagePullBackOff)"),
        ("nocmd", "CommandNotFound", "(RunContainerError, CrashLoopBackOff)"),
    ] {
        let reported = replayed(name);
        let first = reported
            .iter()
            .position(|status| status.reason == cause)
            .expect("the cause");
        let messages: BTreeSet<(bool, &str)> = reported[first..]
            .iter()
            .map(|status| (status.phase == Phase::Failed, status.message.as_str()))
            .collect();
        assert!(
            messages.iter().all(|(_, message)| message.contains(words)),
            "{messages:?}"
        );
        let waits = messages.iter().filter(|(failed, _)| !failed).count();
        assert!(waits <= 1 && messages.len() <= waits + 1, "{messages:#?}");
        assert!(reported[first..].iter().all(|status| status.reason == cause), "{name}");
    }
}

#[test]
fn a_service_whose_process_ends_before_it_has_stood_long_enough_is_never_ready() {
    for name in ["exit3", "sleep2", "live"] {
        let reported = replayed(name);
        assert!(reported.iter().all(|status| status.phase != Phase::Ready), "{name}");
    }
    let failed = replayed("exit3").iter().any(|status| status.phase == Phase::Failed);
    assert!(failed, "at its third restart");
}
