//! Each rule, with the words that Kubernetes, containerd and runc really use.

mod admission;
mod containers;
mod crash_loop;
mod gates;
mod grace;
mod images;
mod loss;
mod page;
mod parallel_rollout;
mod probes;
mod references;
mod rejection;
mod rollout;
mod sandbox;
mod scheduling;
mod subject;
mod verdict;
mod volumes;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;

use super::*;
use crate::identity::labels::labels;
use crate::status::{ContainerFacts, Ended, Reason};

fn stateful_set() -> StatefulSetFacts {
    StatefulSetFacts::from(&StatefulSet {
        metadata: ObjectMeta {
            name: Some("foo".to_owned()),
            uid: Some("set".to_owned()),
            labels: Some(labels("foo", &BTreeMap::new())),
            ..ObjectMeta::default()
        },
        ..StatefulSet::default()
    })
}

fn of(pods: &[PodFacts], events: &[EventFacts]) -> Option<Verdict> {
    diagnose(&stateful_set(), pods, events)
}

fn failed(verdict: &Verdict, second: i64) -> Option<Blame> {
    verdict.failed(Timestamp::from_second(second).expect("a time"), &GracePeriods::new())
}

fn waiting(code: &str, message: &str) -> ContainerFacts {
    let waiting = Reason {
        code: code.to_owned(),
        message: message.to_owned(),
    };
    ContainerFacts {
        name: "foo".to_owned(),
        image: "r/i:1".to_owned(),
        waiting: Some(waiting),
        ..ContainerFacts::default()
    }
}

fn ended(reason: &str, exit_code: i32, restarts: i32) -> ContainerFacts {
    let ended = Ended {
        reason: reason.to_owned(),
        exit_code,
        message: String::new(),
    };
    ContainerFacts {
        name: "foo".to_owned(),
        ended: Some(ended),
        restarts,
        ..ContainerFacts::default()
    }
}

fn pod(containers: Vec<ContainerFacts>) -> PodFacts {
    PodFacts {
        name: "foo-0".to_owned(),
        uid: "pod".into(),
        created: Some(second(0)),
        containers,
        ..PodFacts::default()
    }
}

fn unschedulable(message: &str) -> Reason {
    Reason {
        code: "Unschedulable".to_owned(),
        message: message.to_owned(),
    }
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// The verdict on one pod, as `(reason, blame at once, blame after an hour)`.
fn judged(pod: PodFacts) -> (&'static str, Option<Blame>, Option<Blame>) {
    let verdict = of(&[pod], &[]).expect("a verdict");
    assert!(verdict.sentence.ends_with('.'), "{}", verdict.sentence);
    assert!(
        verdict.sentence.contains("foo-0") && verdict.culprit == "Pod foo-0",
        "{}",
        verdict.sentence
    );
    (verdict.cause.reason(), failed(&verdict, 0), failed(&verdict, 3600))
}

const USER: Option<Blame> = Some(Blame::User);

const SYSTEM: Option<Blame> = Some(Blame::System);

fn event(reason: &str, message: &str) -> EventFacts {
    EventFacts {
        kind: "Pod".to_owned(),
        name: "foo-0".to_owned(),
        uid: "pod".to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        first: Some(second(0)),
        last: Some(second(0)),
    }
}

fn running(started: bool) -> ContainerFacts {
    ContainerFacts {
        name: "foo".to_owned(),
        running_since: Some(second(0)),
        started,
        ..ContainerFacts::default()
    }
}
