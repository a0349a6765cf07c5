//! Fields of a pod that its containers and volumes may ask for.

use std::collections::BTreeMap;
use std::fmt::Write;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use crate::actual_ports::ActualPorts;

/// Where a pod runs.
#[derive(Debug, Clone)]
pub(in super::super) struct Place {
    pub(in super::super) node: String,
    pub(in super::super) host: String,
    pub(in super::super) address: String,
    pub(in super::super) ports: ActualPorts,
}

/// The value of a `fieldRef`, or why it has none.
pub(in super::super) fn value(pod: &Pod, place: &Place, path: &str) -> Result<String, String> {
    let unsupported = || format!("unsupported fieldPath: {path}");
    if let Some((map, key)) = path
        .split_once("['")
        .and_then(|(map, key)| Some((map, key.strip_suffix("']")?)))
    {
        let map = match map {
            "metadata.labels" => pod.labels(),
            "metadata.annotations" => pod.annotations(),
            _ => return Err(unsupported()),
        };
        return Ok(map.get(key).cloned().unwrap_or_default());
    }
    let spec = pod.spec.as_ref();
    Ok(match path {
        "metadata.name" => pod.name_any(),
        "metadata.namespace" => pod.namespace().unwrap_or_default(),
        "metadata.uid" => pod.uid().unwrap_or_default(),
        "metadata.labels" => lines(pod.labels()),
        "metadata.annotations" => lines(pod.annotations()),
        "spec.nodeName" => place.node.clone(),
        "spec.serviceAccountName" => spec
            .and_then(|spec| spec.service_account_name.clone())
            .unwrap_or_default(),
        "status.hostIP" | "status.hostIPs" => place.host.clone(),
        "status.podIP" | "status.podIPs" => place.address.clone(),
        _ => return Err(unsupported()),
    })
}

/// One line per entry: `key="value"`.
fn lines(map: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (key, value) in map {
        let _ = writeln!(text, "{key}={value:?}");
    }
    text.truncate(text.trim_end().len());
    text
}
