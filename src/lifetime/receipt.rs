//! Receipt: what a service has used by its end, and why it ended.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use super::decision::Terms;
use crate::cluster::{Api, server_time};
use crate::identity::asleep::Asleep;
use crate::identity::holder::Holders;
use crate::identity::owner::owner;
use crate::lifecycle::{Deadline, keep_receipt, own_pods, record_end};
use crate::platform::{Prices, Receipts};
use crate::resources;
use crate::resources::quantity::billionths;

/// How many runs the sentence for people names.
const NAMED: usize = 3;

/// One billion, in which requests are counted.
const BILLION: f64 = 1e9;

const GIBIBYTE: f64 = 1_073_741_824.0;

/// An hour, in seconds.
const HOUR: f64 = 3600.0;

/// The resources that a service has used, as far as Kubernetes knows them at the end: requests, not usage, of the pods
/// that existed then.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    service: String,
    namespace: String,
    uid: String,
    /// The run that created it, as people name it.
    created_by: String,
    created_at: Option<String>,
    /// Since when all its pods were ready, if they were when it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_since: Option<String>,
    ended_at: String,
    /// Why it ended, as the end of a sentence.
    reason: String,
    /// The runs that used it and since when, in the order of their joining.
    used_by: Vec<User>,
    /// How many pods it had at its end.
    pods: usize,
    /// The time that these pods were on a node, in seconds.
    pod_seconds: i64,
    /// Their requests times that time, by resource: core-seconds, byte-seconds.
    request_seconds: BTreeMap<String, f64>,
    /// The size of its claims times the time since it was created, in byte-seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    claim_byte_seconds: Option<f64>,
    /// For how many seconds it was known that no run used it, where that was written on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_seconds: Option<i64>,
    /// That time as a share of the time since it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
}

/// The cost of requests and claims at the platform's prices.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Cost {
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    total: f64,
    parts: BTreeMap<String, f64>,
}

/// A run that used a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct User {
    since: String,
    run: String,
}

impl Receipt {
    /// The receipt of a service that ends now.
    #[must_use]
    pub fn of(stateful_set: &StatefulSet, pods: &[Pod], reason: &str, prices: Option<&Prices>, now: Timestamp) -> Self {
        let metadata = &stateful_set.metadata;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let users: BTreeSet<User> = Holders::of(metadata)
            .known
            .iter()
            .map(|holder| User {
                since: holder.since.clone(),
                run: holder.to_string(),
            })
            .collect();
        let (mut pod_seconds, mut request_seconds) = (0, BTreeMap::new());
        for pod in pods {
            let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref());
            let Some(started) = started else { continue };
            let seconds = now.duration_since(started.0).as_secs().max(0);
            pod_seconds += seconds;
            for (resource, amount) in resources::pod::of(pod) {
                *request_seconds.entry(resource.to_owned()).or_default() +=
                    in_units(amount) * in_units_of_time(seconds);
            }
        }
        let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
        let lived = created.map(|created| now.duration_since(created).as_secs().max(0));
        let claims = claim_bytes(stateful_set).zip(lived);
        let claim_byte_seconds = claims.map(|(bytes, lived)| bytes * in_units_of_time(lived));
        let idle_seconds = Terms::of(metadata)
            .unused
            .map(|unused| now.duration_since(unused.at).as_secs().max(0));
        let idle_share = idle_seconds
            .zip(lived.filter(|lived| *lived > 0))
            .map(|(idle, lived)| in_units_of_time(idle.min(lived)) / in_units_of_time(lived));
        let cost = prices.map(|prices| Cost::of(prices, &request_seconds, claim_byte_seconds));
        Self {
            service: text(&metadata.name),
            namespace: text(&metadata.namespace),
            uid: text(&metadata.uid),
            created_by: owner(metadata).run.to_string(),
            created_at: metadata.creation_timestamp.as_ref().map(|time| to_the_second(time.0)),
            ended_at: to_the_second(now),
            reason: reason.to_owned(),
            used_by: users.into_iter().collect(),
            pods: pods.len(),
            pod_seconds,
            request_seconds,
            ready_since: ready_since(pods).map(to_the_second),
            claim_byte_seconds,
            idle_seconds,
            idle_share,
            cost,
        }
    }

    /// A key that sorts by the time of the end, and is the service's own.
    fn key(&self) -> String {
        let time = self.ended_at.replace(['-', ':'], "");
        format!("{time}.{}.{}", self.service, self.uid)
    }

    /// The receipt as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // A struct of strings and numbers always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A sentence for people who look for the service later.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self {
            service,
            ended_at,
            reason,
            ..
        } = self;
        let runs: BTreeSet<&str> = self.used_by.iter().map(|user| user.run.as_str()).collect();
        let mut named: Vec<String> = runs.iter().take(NAMED).map(|run| (*run).to_owned()).collect();
        if runs.len() > NAMED {
            named.push(format!("{} other runs", runs.len() - NAMED));
        }
        let used = if named.is_empty() {
            String::new()
        } else {
            format!(" It was used by {}.", named.join(", "))
        };
        format!("Data service {service} ended at {ended_at}: {reason}.{used}")
    }
}

impl Cost {
    fn of(prices: &Prices, request_seconds: &BTreeMap<String, f64>, claims: Option<f64>) -> Self {
        let used = request_seconds
            .iter()
            .map(|(resource, amount)| (resource.as_str(), *amount));
        let used = used.chain(claims.map(|claims| ("storage", claims)));
        let parts: BTreeMap<String, f64> = used
            .filter_map(|(resource, amount)| {
                let price = prices.per_hour.get(resource)?;
                let is_in_bytes = matches!(resource, "memory" | "storage" | "ephemeral-storage");
                let unit = if is_in_bytes { GIBIBYTE } else { 1.0 };
                Some((resource.to_owned(), amount / unit / HOUR * price))
            })
            .collect();
        Self {
            currency: prices.currency.clone(),
            total: parts.values().sum(),
            parts,
        }
    }
}

/// How many bytes the claims of a service have together, as its templates request them; `None` without any.
fn claim_bytes(stateful_set: &StatefulSet) -> Option<f64> {
    let spec = stateful_set.spec.as_ref()?;
    let templates = spec.volume_claim_templates.as_ref().filter(|all| !all.is_empty())?;
    let each: i128 = templates
        .iter()
        .filter_map(|claim| {
            let resources = claim.spec.as_ref()?.resources.as_ref()?;
            billionths(resources.requests.as_ref()?.get("storage")?)
        })
        .sum();
    // A service that sleeps has its claims still.
    let replicas = Asleep::of(stateful_set).map_or(spec.replicas.unwrap_or(1), |asleep| asleep.replicas);
    Some(in_units(each) * f64::from(replicas))
}

/// Since when all pods are ready; `None` where one is not.
fn ready_since(pods: &[Pod]) -> Option<Timestamp> {
    let since = pods.iter().map(|pod| {
        let conditions = pod.status.as_ref()?.conditions.as_ref()?;
        let ready = conditions
            .iter()
            .find(|each| each.type_ == "Ready" && each.status == "True")?;
        ready.last_transition_time.as_ref().map(|time| time.0)
    });
    since.collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// Records why a service has ended: as a line in the log, as an Event, and, where the platform keeps receipts, in their
/// `ConfigMap`. The service has ended already, so a failure, or a deadline that is over, is logged and changes nothing.
pub async fn record<A: Api>(
    api: &A,
    stateful_set: &StatefulSet,
    reason: &str,
    receipts: &Receipts,
    deadline: Deadline,
) {
    let pods = own_pods(api, stateful_set, deadline).await;
    let now = server_time::now();
    let receipt = Receipt::of(stateful_set, &pods, reason, receipts.prices.as_ref(), now);
    let (sentence, json) = (receipt.sentence(), receipt.json());
    let Receipt { service, namespace, .. } = &receipt;
    tracing::info!(
        namespace,
        object = format!("StatefulSet {service}"),
        receipt = json,
        "{sentence}"
    );
    let recording = record_end(api, stateful_set, (&sentence, json.clone()), now, deadline);
    let keeping = async {
        if receipts.keep > 0 {
            keep_receipt(api, namespace, (&receipt.key(), &json), receipts.keep, deadline).await;
        }
    };
    join(recording, keeping).await;
}

#[expect(clippy::cast_precision_loss, reason = "a receipt is exact to a millionth")]
fn in_units(amount: i128) -> f64 {
    amount as f64 / BILLION
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no service runs for as long as that would take"
)]
fn in_units_of_time(seconds: i64) -> f64 {
    seconds as f64
}

fn to_the_second(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::identity::holder::{FLYTE_WORKFLOW, Holder};
    use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL, UNUSED_SINCE_ANNOTATION};

    fn stateful_set(runs: &[&str]) -> StatefulSet {
        let mut annotations = serde_json::Map::new();
        for run in runs {
            let holder = Holder {
                kind: FLYTE_WORKFLOW.to_owned(),
                namespace: "project-development".to_owned(),
                name: (*run).to_owned(),
                uid: format!("uid of {run}"),
                owner: format!("{run}/n0"),
                identity: None,
                since: "2026-01-02T03:00:00Z".to_owned(),
            };
            annotations.insert(holder.key(), Value::String(holder.value()));
        }
        let metadata = json!({
            "name": "foo", "namespace": "flyte", "uid": "u", "creationTimestamp": "2026-01-02T03:00:00Z",
            "labels": {MANAGED_BY_LABEL: MANAGED_BY}, "annotations": annotations,
        });
        serde_json::from_value(json!({"metadata": metadata})).expect("a StatefulSet")
    }

    fn pod(started: Option<&str>) -> Pod {
        let container = json!({"name": "c", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}});
        let status = json!({"startTime": started});
        serde_json::from_value(json!({"spec": {"containers": [container]}, "status": status})).expect("a pod")
    }

    fn now() -> Timestamp {
        "2026-01-02T04:00:00Z".parse().expect("a time")
    }

    #[test]
    fn requests_count_from_the_start_of_each_pod() {
        let pods = [
            pod(Some("2026-01-02T03:59:00Z")),
            pod(Some("2026-01-02T03:58:00Z")),
            pod(None),
        ];
        let receipt = Receipt::of(&stateful_set(&["f1"]), &pods, "its last run has succeeded", None, now());
        assert_eq!((receipt.pods, receipt.pod_seconds), (3, 180));
        let expected = BTreeMap::from([("cpu".to_owned(), 90.0), ("memory".to_owned(), 193_273_528_320.0)]);
        assert_eq!(receipt.request_seconds, expected);
        let read: Value = serde_json::from_str(&receipt.json()).expect("JSON");
        assert_eq!(read["podSeconds"], 180);
        assert_eq!(read["usedBy"][0]["run"], "project-development/f1");
        assert_eq!(read["createdAt"], "2026-01-02T03:00:00Z");
    }

    #[test]
    fn the_sentence_names_the_end_and_the_runs() {
        let sentence =
            |runs: &[&str]| Receipt::of(&stateful_set(runs), &[], "its last run has failed", None, now()).sentence();
        let ended = "Data service foo ended at 2026-01-02T04:00:00Z: its last run has failed.";
        assert_eq!(sentence(&[]), ended);
        let named = "project-development/f1, project-development/f2";
        assert_eq!(sentence(&["f1", "f2"]), format!("{ended} It was used by {named}."));
        let many = sentence(&["f1", "f2", "f3", "f4", "f5"]);
        assert!(many.ends_with("project-development/f3, 2 other runs."), "{many}");
    }

    #[test]
    fn a_clock_that_is_behind_counts_nothing() {
        let receipt = Receipt::of(
            &stateful_set(&[]),
            &[pod(Some("2026-01-02T05:00:00Z"))],
            "x",
            None,
            now(),
        );
        assert_eq!(receipt.pod_seconds, 0);
    }

    #[test]
    fn claims_idleness_and_prices_are_part_of_it() {
        let mut set = stateful_set(&["f1"]);
        let claim = json!({"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "2Gi"}}}});
        let template = json!({"metadata": {}, "spec": {"containers": []}});
        let spec = json!({
            "replicas": 3, "selector": {}, "serviceName": "foo", "template": template, "volumeClaimTemplates": [claim],
        });
        set.spec = Some(serde_json::from_value(spec).expect("a spec"));
        let unused = json!({"at": "2026-01-02T03:45:00Z", "outcome": "succeeded"}).to_string();
        let annotations = set.metadata.annotations.get_or_insert_default();
        annotations.insert(UNUSED_SINCE_ANNOTATION.to_owned(), unused);
        let mut ready = pod(Some("2026-01-02T03:00:00Z"));
        let condition = json!({"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-02T03:00:04Z"});
        let status = ready.status.get_or_insert_default();
        status.conditions = Some(vec![serde_json::from_value(condition).expect("a condition")]);
        let per_hour = [
            ("cpu", 0.5),
            ("memory", 0.25),
            ("storage", 0.125),
            ("nvidia.com/gpu", 9.0),
        ];
        let prices = Prices {
            currency: Some("EUR".to_owned()),
            per_hour: per_hour.map(|(resource, price)| (resource.to_owned(), price)).into(),
        };
        let receipt = Receipt::of(&set, &[ready.clone()], "x", Some(&prices), now());
        let read: Value = serde_json::from_str(&receipt.json()).expect("JSON");
        // An hour of three claims of 2 GiB, of half a core and of 1 GiB of memory.
        assert_eq!(read["claimByteSeconds"], 3.0 * 2.0 * GIBIBYTE * HOUR);
        assert_eq!((&read["idleSeconds"], &read["idleShare"]), (&json!(900), &json!(0.25)));
        assert_eq!(read["readySince"], "2026-01-02T03:00:04Z");
        assert_eq!(
            read["cost"]["parts"],
            json!({"cpu": 0.25, "memory": 0.25, "storage": 0.75})
        );
        assert_eq!(
            (&read["cost"]["total"], &read["cost"]["currency"]),
            (&json!(1.25), &json!("EUR"))
        );
        assert_eq!(receipt.key(), "20260102T040000Z.foo.u");
        let also_unready = [ready, pod(Some("2026-01-02T03:00:00Z"))];
        let read: Value =
            serde_json::from_str(&Receipt::of(&set, &also_unready, "x", None, now()).json()).expect("JSON");
        assert!(read.get("readySince").is_none() && read.get("cost").is_none());
    }
}
