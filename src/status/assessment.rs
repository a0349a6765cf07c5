//! Everything that is known of a service, judged.

use std::sync::Arc;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::diagnosis::{Blame, Cause, GracePeriods, Verdict, diagnose};
use super::facts::{EventFacts, PodFacts, SliceFacts, StatefulSetFacts};
use super::standing::Standing;
use super::{Endpoint, Phase, Pod, Status, readiness};

/// For how long a pod that is not ready needs no explanation: pulling an image that is there and starting a process is a
/// matter of seconds.
const STARTING: SignedDuration = SignedDuration::from_secs(5);

/// For how long a `StatefulSet` that lacks pods needs none.
const BEGINNING: SignedDuration = SignedDuration::from_secs(1);

/// What is known of a service, judged as far as that does not depend on the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// How ready it is.
    readiness: Status,
    /// What has to stand for a while yet, where it is ready otherwise.
    standing: Option<Standing>,
    /// What keeps it from being ready.
    verdict: Option<Verdict>,
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
        if readiness.phase.is_final() {
            let standing = Standing::of(stateful_set, evidence.pods).filter(|_| readiness.phase == Phase::Ready);
            return Self {
                readiness,
                standing,
                verdict: None,
                unexplained: Vec::new(),
                kept_until: stateful_set.delete_after,
            };
        }
        let there = evidence.pods.iter().filter(|pod| pod.gone_by.is_none()).count();
        let lacks_pods = usize::try_from(readiness.wanted.unwrap_or(0)).is_ok_and(|wanted| there < wanted);
        let verdict = diagnose(stateful_set, evidence.pods, evidence.events);
        let mut unexplained = Vec::new();
        if lacks_pods && let Some(created) = stateful_set.created {
            unexplained.push((involved("StatefulSet", name), created + BEGINNING));
        }
        unexplained.extend(unexplained_pod(evidence.pods, verdict.as_ref()));
        Self {
            readiness,
            standing: None,
            verdict,
            unexplained,
            kept_until: stateful_set.delete_after,
        }
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
        if let Some(standing) = self.standing.as_ref().filter(|standing| now < standing.until) {
            status.phase = Phase::Initializing;
            status.reason = "ReplicasNotAvailable";
            status.message.clone_from(&standing.sentence);
        }
        let Some(verdict) = &self.verdict else { return status };
        status.reason = verdict.cause.reason();
        if let Some(blame) = verdict.failed(now, grace_periods) {
            status.phase = match blame {
                Blame::User => Phase::Failed,
                Blame::System => Phase::RetryableFailed,
            };
            status.message.clone_from(&verdict.sentence);
            return status;
        }
        if verdict.cause.waits_for_resources() {
            status.phase = Phase::WaitingForResources;
        }
        status.message.push(' ');
        status.message.push_str(&verdict.sentence);
        status
    }

    /// The objects whose events are worth reading now, since nothing else explains why the service is not ready.
    #[must_use]
    pub fn needs_events(&self, now: Timestamp) -> Vec<Involved> {
        let due = self.unexplained.iter().filter(|(_, since)| *since <= now);
        due.map(|(involved, _)| involved.clone()).collect()
    }

    /// The pod and the container whose last words belong to the sentence, if the service has failed for their end.
    #[must_use]
    pub fn needs_log(&self, now: Timestamp, grace_periods: &GracePeriods) -> Option<&(String, String)> {
        let verdict = self.verdict.as_ref()?;
        verdict.failed(now, grace_periods)?;
        verdict.log_of.as_ref()
    }
}

/// The pod whose events are worth reading, and its claims where it waits for them: the one at fault, else the first.
fn unexplained_pod(pods: &[PodFacts], verdict: Option<&Verdict>) -> Vec<(Involved, Timestamp)> {
    let mut starting = pods.iter().filter(|pod| !pod.ready && pod.gone_by.is_none());
    let at_fault = |pod: &&PodFacts| verdict.is_none_or(|verdict| verdict.culprit == format!("Pod {}", pod.name));
    let pod = starting.clone().find(at_fault).or_else(|| starting.next());
    let Some((pod, created)) = pod.and_then(|pod| Some((pod, pod.created?))) else {
        return Vec::new();
    };
    let claims = verdict
        .is_some_and(|verdict| matches!(verdict.cause, Cause::ClaimPending | Cause::StorageClassMissing))
        .then_some(&pod.claims);
    let claims = claims.into_iter().flatten();
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
    let container = facts.containers.iter().find(|container| !container.init);
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
        let slices = vec![slice(&["foo-10", "foo-0"]), slice(&["foo-2"])];
        let endpoints = endpoints("foo", Some(&slices));
        let names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.hostname.as_str()).collect();
        assert_eq!(names, ["foo-0.foo", "foo-2.foo", "foo-10.foo"]);
        assert_eq!(endpoints[0].ports[1], ("api".into(), 90));
    }
}
