//! Everything that is known of a service, judged.

use std::sync::Arc;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::diagnosis::{self, Blame, Cause, GracePeriods, Verdict};
use super::facts::{EventFacts, PodFacts, SliceFacts, StatefulSetFacts};
use super::{Endpoint, Phase, Pod, Status, readiness, standing};

/// For how long a pod that is not ready needs no explanation: pulling an image that is there and starting a process is a
/// matter of seconds.
const STARTING: SignedDuration = SignedDuration::from_secs(5);

/// For how long a `StatefulSet` that lacks pods needs none.
const BEGINNING: SignedDuration = SignedDuration::from_secs(1);

/// What is known of a service, judged as far as that does not depend on the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// Its name.
    name: Box<str>,
    /// How ready it is, as far as Kubernetes says.
    readiness: Status,
    /// From when on each of its pods counts.
    standing: Box<[Timestamp]>,
    /// How many of its pods are ready.
    ready_pods: usize,
    /// What keeps it from being ready.
    causes: Vec<Verdict>,
    /// The objects whose events may explain what nothing else does, and since when they are in that state.
    unexplained: Vec<(Involved, Timestamp)>,
    /// Until when it is kept, since it has failed before.
    kept_until: Option<Timestamp>,
}

/// An object that events tell of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Involved {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// What is known beside the `StatefulSet`. What is not known is no reason to blame it.
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
        let mut readiness = readiness::with_names(stateful_set.readiness.clone(), name, evidence.slices);
        readiness.pods = evidence.pods.iter().map(pod).collect();
        readiness.endpoints = endpoints(name, evidence.slices).into();
        let there = evidence.pods.iter().filter(|pod| pod.gone_by.is_none());
        let mut assessment = Self {
            name: name.clone(),
            standing: standing::of(stateful_set, evidence.pods),
            ready_pods: there.clone().filter(|pod| pod.ready).count(),
            causes: Vec::new(),
            unexplained: Vec::new(),
            readiness,
            kept_until: stateful_set.delete_after,
        };
        if assessment.readiness.phase == Phase::Failed {
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
        // The next one of its name is there within moments, and has nothing but the events of this one to explain it.
        let failed = evidence.pods.iter().filter(|pod| pod.failed.is_some());
        let failed = failed.filter_map(|pod| Some((involved("Pod", &pod.name), pod.created?)));
        assessment.unexplained.extend(failed.take(1));
        assessment
    }

    /// The state at a moment. A service that has failed and is kept has failed, even if it has recovered since: it is deleted
    /// when its time is up.
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
        let is_up = matches!(status.reason, "Ready" | "ReplicasNotAvailable");
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
            // A container that ends again and again is ready in between, which is not worth telling.
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

    /// Whether the service is ready or gone, so that nothing needs an explanation.
    fn is_decided(&self, now: Timestamp) -> bool {
        match self.readiness.phase {
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

    /// The objects whose events are worth reading now, since nothing else explains why the service is not ready.
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
}

/// The pod whose events are worth reading, and its claims where it waits for them: the first that is at fault, else the first
/// that is not ready.
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
    std::iter::once((involved("Pod", &pod.name), created + STARTING))
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

/// Where the pods are, the first one first: slices have them in no order.
fn endpoints(service: &str, slices: Option<&Vec<SliceFacts>>) -> Vec<Endpoint> {
    let hosts = slices
        .into_iter()
        .flatten()
        .flat_map(|slice| slice.hosts.iter().map(move |host| (host, slice)));
    let mut endpoints: Vec<_> = hosts
        .map(|(host, slice)| {
            let ordinal = host
                .name
                .rsplit('-')
                .next()
                .and_then(|ordinal| ordinal.parse::<u32>().ok());
            let endpoint = Endpoint {
                hostname: format!("{}.{service}", host.name),
                addresses: host.addresses.clone(),
                ports: Arc::clone(&slice.ports),
            };
            (ordinal, endpoint)
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

#[cfg(test)]
mod tests {
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
            slice(&["foo-0", "foo-2"]),
        ];
        let endpoints = endpoints("foo", Some(&slices));
        let names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.hostname.as_str()).collect();
        assert_eq!(names, ["foo-0.foo", "foo-2.foo", "foo-10.foo"], "each once");
        assert_eq!(endpoints[0].ports[1], ("api".into(), 90));
    }
}
