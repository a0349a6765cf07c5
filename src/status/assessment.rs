//! Everything that is known of a service, judged.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::diagnosis::{self, Blame, Cause, GracePeriods, Verdict};
use super::facts::{ContainerFacts, EventFacts, PodFacts, SliceFacts, StatefulSetFacts, ordinal};
use super::{Endpoint, Phase, Pod, Status, min_ready, readiness};

/// For how long a pod that is not ready needs no explanation: pulling an image that the node has and starting a process
/// is a matter of seconds.
const STARTING: SignedDuration = SignedDuration::from_secs(5);

/// For how long a `StatefulSet` that lacks pods needs none.
const BEGINNING: SignedDuration = SignedDuration::from_secs(1);

/// The evidence on a service, judged as far as that does not depend on the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// Its name.
    name: Box<str>,
    /// How ready it is, as far as Kubernetes reports.
    readiness: Status,
    /// From when on each of its pods counts.
    standing: Box<[Timestamp]>,
    /// How many of its pods are ready.
    ready_pods: usize,
    /// The causes that keep it from being ready.
    causes: Vec<Verdict>,
    /// The objects whose events may explain what nothing else does, and since when they are in that state.
    unexplained: Vec<(Involved, Timestamp)>,
    /// Until when it is kept, since it has failed before.
    kept_until: Option<Timestamp>,
}

/// An object that events are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Involved {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// The evidence besides the `StatefulSet`. Missing evidence never counts against a service.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// The service's pods.
    pub pods: &'a [PodFacts],
    /// The events on its `StatefulSet`, on its pods and on their claims.
    pub events: &'a [EventFacts],
    /// Its Service's endpoint slices; `None` where they are not known, or where no names are to be published.
    pub slices: Option<&'a Vec<SliceFacts>>,
}

impl Assessment {
    /// Judges a service by its objects.
    #[must_use]
    pub fn new(stateful_set: &StatefulSetFacts, evidence: Evidence<'_>) -> Self {
        let name = &stateful_set.name;
        let pods: Vec<PodFacts>;
        let mut evidence = evidence;
        if !evidence.pods.iter().all(|pod| pod.belongs_to(stateful_set)) {
            let ours = evidence.pods.iter().filter(|pod| pod.belongs_to(stateful_set));
            pods = ours.cloned().collect();
            evidence.pods = &pods;
        }
        // Nothing is promised of the names of a service that this plugin did not create.
        let needed_names = evidence.slices.filter(|_| stateful_set.is_ours);
        let readiness = without_ending(stateful_set.readiness.clone(), stateful_set, evidence.pods);
        let mut readiness = with_names(readiness, name, needed_names);
        readiness.pods = evidence.pods.iter().map(pod).collect();
        readiness.endpoints = endpoints(stateful_set, readiness.wanted, evidence.slices).into();
        let there = evidence.pods.iter().filter(|pod| pod.gone_by.is_none());
        let mut assessment = Self {
            name: name.clone(),
            standing: min_ready::of(stateful_set, evidence.pods),
            ready_pods: there.clone().filter(|pod| pod.ready).count(),
            causes: Vec::new(),
            unexplained: Vec::new(),
            readiness,
            kept_until: stateful_set.delete_after,
        };
        if matches!(assessment.readiness.phase, Phase::Failed | Phase::Asleep) {
            return assessment;
        }
        assessment.causes = diagnosis::causes(stateful_set, evidence.pods, evidence.events);
        let lacks_pods =
            usize::try_from(assessment.readiness.wanted.unwrap_or(0)).is_ok_and(|wanted| there.count() < wanted);
        if lacks_pods && let Some(created) = stateful_set.created {
            let lacks_since = (involved("StatefulSet", name), created + BEGINNING);
            assessment.unexplained.push(lacks_since);
        }
        let of_pod = unexplained_pod(evidence.pods, &assessment.causes);
        assessment.unexplained.extend(of_pod);
        // The next pod of its name exists within moments, and only the events of this one explain it.
        let failed = evidence.pods.iter().filter(|pod| pod.failed.is_some());
        let failed = failed.filter_map(|pod| Some((involved("Pod", &pod.name), pod.created?)));
        assessment.unexplained.extend(failed.take(1));
        assessment
    }

    /// The state at a moment. A service that has failed and is kept has failed, even if it has recovered since: it is
    /// deleted when its time is up.
    #[must_use]
    pub fn at(&self, now: Timestamp, grace_periods: &GracePeriods) -> Status {
        let status = self.live(now, grace_periods);
        match self.kept_until {
            Some(until) if !status.phase.has_failed() => status.failed_before(until),
            _ => status,
        }
    }

    fn live(&self, now: Timestamp, grace_periods: &GracePeriods) -> Status {
        let mut status = self.readiness.clone();
        if self.is_decided(now) {
            return status;
        }
        let standing = self.standing.iter().filter(|from| **from <= now).count();
        // The pods' own watch is ahead of the status that a controller derives from them.
        let wanted = usize::try_from(status.wanted.unwrap_or(0)).unwrap_or(usize::MAX);
        let are_ready = wanted > 0 && self.ready_pods >= wanted;
        let is_up = matches!(status.reason, "Ready" | "ReplicasNotAvailable")
            || status.reason == "ReplicasNotReady" && are_ready;
        if is_up {
            status.phase = Phase::Initializing;
            status.reason = "ReplicasNotAvailable";
            let available = i32::try_from(standing).unwrap_or(i32::MAX);
            status.message = readiness::not_available(&self.name, available, status.wanted.unwrap_or(0));
        }
        let Some(verdict) = diagnosis::gravest(&self.causes, now, grace_periods) else {
            return status;
        };
        let message = verdict.message();
        if let Some(blame) = verdict.failed(now, grace_periods) {
            status.phase = match blame {
                Blame::User => Phase::Failed,
                Blame::System => Phase::RetryableFailed,
            };
            status.reason = verdict.cause.reason();
            status.message = message;
            return status;
        }
        if is_up || status.reason == "ReplicasNotReady" {
            // A container that ends again and again is ready in between, which is not worth a report.
            let well = i32::try_from(self.well(now)).unwrap_or(i32::MAX);
            status.message = readiness::not_ready(&self.name, well, status.wanted.unwrap_or(0));
        }
        status.reason = verdict.cause.reason();
        if verdict.cause.waits_for_resources() {
            status.phase = Phase::WaitingForResources;
        }
        status.message.push(' ');
        status.message.push_str(&message);
        status
    }

    /// Whether the service is ready, asleep or gone, so that nothing needs an explanation.
    fn is_decided(&self, now: Timestamp) -> bool {
        match self.readiness.phase {
            Phase::Asleep => true,
            Phase::Ready => self.standing.iter().all(|from| *from <= now),
            phase => phase.is_final(),
        }
    }

    /// How many pods are ready and have nothing wrong.
    fn well(&self, now: Timestamp) -> usize {
        let mut at_fault: Vec<&str> = self
            .causes
            .iter()
            .filter(|verdict| verdict.of_ready_pod && verdict.holds(now))
            .map(|verdict| verdict.culprit.as_str())
            .collect();
        at_fault.dedup();
        self.ready_pods.saturating_sub(at_fault.len())
    }

    /// The objects whose events to read now, since nothing else explains why the service is not ready.
    #[must_use]
    pub fn needs_events(&self, now: Timestamp) -> Vec<Involved> {
        if self.is_decided(now) {
            return Vec::new();
        }
        let due = self.unexplained.iter().filter(|(_, since)| *since <= now);
        due.map(|(involved, _)| involved.clone()).collect()
    }

    /// The pod and the container whose last words belong to the sentence, if the service has failed for their end.
    #[must_use]
    pub fn needs_log(&self, now: Timestamp, grace_periods: &GracePeriods) -> Option<&(String, String)> {
        if self.is_decided(now) {
            return None;
        }
        let verdict = diagnosis::gravest(&self.causes, now, grace_periods)?;
        verdict.failed(now, grace_periods)?;
        verdict.log_of.as_ref()
    }

    /// The node whose platform the status leaves open, if the service has failed for an image that has nothing for it.
    #[must_use]
    pub fn needs_platform(&self, now: Timestamp, grace_periods: &GracePeriods) -> Option<&str> {
        if self.is_decided(now) {
            return None;
        }
        diagnosis::gravest(&self.causes, now, grace_periods)?
            .platform_of
            .as_deref()
    }
}

/// The pod whose events are worth reading, and its claims where it waits for them: the first that is at fault, else the
/// first that is not ready.
fn unexplained_pod(pods: &[PodFacts], causes: &[Verdict]) -> Vec<(Involved, Timestamp)> {
    let there = || pods.iter().filter(|pod| pod.gone_by.is_none());
    let faults_of = |pod: &PodFacts| {
        let culprit = format!("Pod {}", pod.name);
        causes.iter().filter(move |verdict| verdict.culprit == culprit)
    };
    let at_fault = there().find(|pod| faults_of(pod).next().is_some());
    let Some(pod) = at_fault.or_else(|| there().find(|pod| !pod.ready)) else {
        return Vec::new();
    };
    let Some(created) = pod.created else {
        return Vec::new();
    };
    let waits = faults_of(pod).any(|verdict| matches!(verdict.cause, Cause::ClaimPending | Cause::StorageClassMissing));
    let claims = waits.then_some(&pod.claims).into_iter().flatten();
    let claims = claims.map(|claim| (involved("PersistentVolumeClaim", claim), created + BEGINNING));
    // A container that has ended may have been killed for its probe, which only events report.
    let has_ended = |container: &ContainerFacts| container.ended.is_some() && !container.ready;
    let since = if pod.containers.iter().any(has_ended) {
        created
    } else {
        created + STARTING
    };
    std::iter::once((involved("Pod", &pod.name), since))
        .chain(claims)
        .collect()
}

fn involved(kind: &'static str, name: &str) -> Involved {
    let name = name.to_owned();
    Involved { kind, name }
}

fn pod(facts: &PodFacts) -> Pod {
    let container = facts
        .containers
        .iter()
        .find(|container| !container.init && !container.sidecar);
    Pod {
        name: facts.name.clone(),
        container: container.map(|container| container.name.clone()).unwrap_or_default(),
        created: facts.created,
    }
}

/// Where the pods are, the first one first: slices have them in no order. The Service may select pods of something
/// else, too.
fn endpoints(stateful_set: &StatefulSetFacts, wanted: Option<i32>, slices: Option<&Vec<SliceFacts>>) -> Vec<Endpoint> {
    let StatefulSetFacts { name, service, .. } = stateful_set;
    let service = if service.is_empty() { name } else { service };
    let wanted = u32::try_from(wanted.unwrap_or(0)).unwrap_or(0);
    let hosts = slices
        .into_iter()
        .flatten()
        .flat_map(|slice| slice.hosts.iter().map(move |host| (host, slice)));
    let mut endpoints: Vec<_> = hosts
        .filter_map(|(host, slice)| {
            let ordinal = ordinal(name, &host.name).filter(|ordinal| *ordinal < wanted)?;
            let endpoint = Endpoint {
                hostname: format!("{}.{service}", host.name),
                addresses: host.addresses.clone(),
                ports: Arc::clone(&slice.ports),
            };
            Some((ordinal, endpoint))
        })
        .collect();
    endpoints.sort_by_key(|(ordinal, _)| *ordinal);
    // A Service has a slice for each family of addresses.
    endpoints.dedup_by(|(_, again), (_, first)| {
        let is_same = again.hostname == first.hostname;
        if is_same {
            first.addresses.append(&mut again.addresses);
        }
        is_same
    });
    endpoints.into_iter().map(|(_, endpoint)| endpoint).collect()
}

/// A pod that is being deleted counts as ready for Kubernetes until it ends, also where the service was scaled to zero
/// and back.
fn without_ending(status: Status, stateful_set: &StatefulSetFacts, pods: &[PodFacts]) -> Status {
    let (Phase::Ready, Some(wanted)) = (status.phase, status.wanted) else {
        return status;
    };
    let ordinals = |is_ending: bool| -> BTreeSet<u32> {
        let own = pods.iter().filter(|pod| pod.owner == stateful_set.uid);
        let own = own.filter(|pod| pod.gone_by.is_some() == is_ending);
        let ordinals = own.filter_map(|pod| ordinal(&stateful_set.name, &pod.name));
        ordinals
            .filter(|ordinal| i64::from(*ordinal) < i64::from(wanted))
            .collect()
    };
    let ending = ordinals(true).difference(&ordinals(false)).count();
    if ending == 0 {
        return status;
    }
    let ending = i32::try_from(ending).unwrap_or(i32::MAX);
    Status {
        phase: Phase::Initializing,
        reason: "ReplicasNotReady",
        message: readiness::not_ready(&stateful_set.name, wanted - ending, wanted),
        ..status
    }
}

/// A service is ready only when the name of each of its pods resolves, as its endpoint slices report.
pub(super) fn with_names(status: Status, name: &str, slices: Option<&Vec<SliceFacts>>) -> Status {
    let (Phase::Ready, Some(slices), Some(wanted)) = (status.phase, slices, status.wanted) else {
        return status;
    };
    let published = |pod: &String| {
        slices
            .iter()
            .any(|slice| slice.hosts.iter().any(|host| host.name == *pod))
    };
    let Some(missing) = (0..wanted)
        .map(|ordinal| format!("{name}-{ordinal}"))
        .find(|pod| !published(pod))
    else {
        return status;
    };
    Status {
        phase: Phase::Initializing,
        reason: "NamesNotPublished",
        message: format!(
            "StatefulSet {name} has {} ready, but the name {missing}.{name} does not resolve yet.",
            readiness::pods(wanted)
        ),
        ..status
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::StatefulSet;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::super::facts::Host;
    use super::*;

    fn slice(hosts: &[&str]) -> SliceFacts {
        let host = |name: &&str| Host {
            name: (*name).to_owned(),
            addresses: Vec::new(),
        };
        SliceFacts {
            hosts: hosts.iter().map(host).collect(),
            ports: [("web".into(), 80), ("api".into(), 90)].into(),
            ..SliceFacts::default()
        }
    }

    #[test]
    fn endpoints_come_in_the_order_of_the_pods() {
        let slices = vec![
            slice(&["foo-10", "foo-0"]),
            slice(&["foo-2"]),
            slice(&["foo-0", "foo-2", "foo-11", "stranger", "foo-bar-1", "other-1"]),
        ];
        let stateful_set = StatefulSetFacts::from(&StatefulSet {
            metadata: ObjectMeta {
                name: Some("foo".to_owned()),
                ..ObjectMeta::default()
            },
            ..StatefulSet::default()
        });
        let endpoints = endpoints(&stateful_set, Some(11), Some(&slices));
        let names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.hostname.as_str()).collect();
        assert_eq!(names, ["foo-0.foo", "foo-2.foo", "foo-10.foo"], "each once");
        assert_eq!(endpoints[0].ports[1], ("api".into(), 90));
    }
}
