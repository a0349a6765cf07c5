//! The ports at which a pod answers where it shares its address with others, as an annotation of the pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// By declared port: a JSON object such as `{"40000": 20001}`.
const ANNOTATION: &str = "k8sdataservice.flyte.org/local-ports";

/// The port at which a pod answers instead of each declared one. It is empty where it answers at the declared ones.
pub(crate) type ActualPorts = BTreeMap<u16, u16>;

/// Those that a pod's node has written.
pub(crate) fn of(pod: &Pod) -> ActualPorts {
    let text = pod.annotations().get(ANNOTATION);
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// The annotations that tell others.
pub(crate) fn annotations(ports: &ActualPorts) -> serde_json::Value {
    serde_json::json!({ANNOTATION: serde_json::json!(ports).to_string()})
}
