//! Whether a pod can run on the node, in the scheduler's words.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod};

use super::NODE;
use super::selection::{Selectable, selects};

/// What follows a reason for which no pod would have to make room (Kubernetes 1.36).
const NO_PREEMPTION: &str = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";

/// Why a pod cannot run on the node; none if it can. The node counts even before there is an object of it.
pub(super) fn refusal<'a>(
    pod: &Pod,
    node: Option<&Node>,
    claim: impl Fn(&str) -> Option<&'a PersistentVolumeClaim>,
) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    let volumes = spec.volumes.as_deref().unwrap_or_default();
    for name in volumes
        .iter()
        .filter_map(|volume| Some(&volume.persistent_volume_claim.as_ref()?.claim_name))
    {
        let problem = match claim(name) {
            None => format!("persistentvolumeclaim \"{name}\" not found"),
            Some(claim) if claim.metadata.deletion_timestamp.is_some() => {
                format!("persistentvolumeclaim \"{name}\" is being deleted")
            }
            Some(_) => continue,
        };
        return Some(format!("0/1 nodes are available: {problem}. {NO_PREEMPTION}"));
    }
    let labels = node.map_or_else(default_labels, |node| node.metadata.labels.clone().unwrap_or_default());
    let selectable = Selectable {
        name: NODE,
        labels: &labels,
    };
    if !selects(spec, &selectable) {
        let reason = "1 node(s) didn't match Pod's node affinity/selector";
        return Some(format!("0/1 nodes are available: {reason}. {NO_PREEMPTION}"));
    }
    node.and_then(|node| node.spec.as_ref())
        .filter(|spec| spec.unschedulable == Some(true))?;
    Some(format!(
        "0/1 nodes are available: 1 node(s) were unschedulable. {NO_PREEMPTION}"
    ))
}

/// The labels of the node before there is an object of it.
fn default_labels() -> BTreeMap<String, String> {
    [("kubernetes.io/hostname", NODE), ("kubernetes.io/os", "linux")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(spec: &Value, labels: &Value) -> Option<String> {
        let pod = serde_json::from_value(json!({"spec": spec, "metadata": {"name": "foo-0"}})).unwrap();
        let node: Node = serde_json::from_value(json!({"metadata": {"name": "local", "labels": labels}})).unwrap();
        let there: PersistentVolumeClaim = serde_json::from_value(json!({"metadata": {"name": "there"}})).unwrap();
        refusal(&pod, Some(&node), |name| Some(&there).filter(|_| name == "there"))
    }

    #[test]
    fn a_pod_runs_on_the_node_unless_it_selects_another() {
        let affinity = |term: Value| {
            json!({"containers": [], "affinity": {"nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]},
            }}})
        };
        let zone = |operator: &str| json!({"key": "zone", "operator": operator, "values": ["a"]});
        for (spec, runs) in [
            (json!({"containers": []}), true),
            (json!({"containers": [], "nodeSelector": {"zone": "a"}}), true),
            (json!({"containers": [], "nodeSelector": {"zone": "b"}}), false),
            (json!({"containers": [], "nodeSelector": {"gpu": ""}}), false),
            (affinity(json!({"matchExpressions": [zone("In")]})), true),
            (affinity(json!({"matchExpressions": [zone("NotIn")]})), false),
            (affinity(json!({})), false),
        ] {
            assert_eq!(refused(&spec, &json!({"zone": "a"})).is_none(), runs, "{spec}");
        }
        let message = refused(&json!({"containers": [], "nodeSelector": {"gpu": ""}}), &json!({})).unwrap();
        assert!(message.starts_with("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. "));
    }

    #[test]
    fn a_pod_waits_for_its_claims() {
        let spec = |claim: &str| {
            let volume = json!({"name": "data", "persistentVolumeClaim": {"claimName": claim}});
            json!({"containers": [], "volumes": [volume]})
        };
        assert_eq!(refused(&spec("there"), &json!({})), None);
        let message = refused(&spec("missing"), &json!({})).unwrap();
        assert!(
            message.starts_with("0/1 nodes are available: persistentvolumeclaim \"missing\" not found. "),
            "{message}"
        );
    }
}
