//! The defaults of a `Service`.

use serde_json::{Value, json};

use super::{list, or};
use crate::api_server::value::{has, text, uid};

pub(super) fn fill(service: &mut Value) {
    let address = address(uid(service));
    let spec = &mut service["spec"];
    or(spec, "sessionAffinity", json!("None"));
    or(spec, "type", json!("ClusterIP"));
    for port in list(spec, "ports") {
        or(port, "protocol", json!("TCP"));
        let number = port["port"].clone();
        or(port, "targetPort", number);
    }
    if spec["sessionAffinity"] == "ClientIP" {
        or(
            spec,
            "sessionAffinityConfig",
            json!({"clientIP": {"timeoutSeconds": 10800}}),
        );
    }
    if spec["type"] == "ExternalName" {
        return;
    }
    or(spec, "internalTrafficPolicy", json!("Cluster"));
    or(spec, "ipFamilies", json!(["IPv4"]));
    or(spec, "ipFamilyPolicy", json!("SingleStack"));
    or(spec, "clusterIP", json!(address));
    let address = spec["clusterIP"].clone();
    or(spec, "clusterIPs", json!([address]));
    if matches!(text(spec, "/type"), "NodePort" | "LoadBalancer") {
        or(spec, "externalTrafficPolicy", json!("Cluster"));
    }
    if spec["type"] == "LoadBalancer" {
        or(spec, "allocateLoadBalancerNodePorts", json!(true));
    }
}

/// An address of the range that Kubernetes gives to Services at first. Nothing listens there.
fn address(uid: &str) -> String {
    let number = u32::from_str_radix(uid.get(..8).unwrap_or_default(), 16).unwrap_or_default();
    let [_, _, third, fourth] = number.to_be_bytes();
    format!("10.96.{third}.{}", fourth.clamp(2, 254))
}

/// Keeps the address that the Service was given.
pub(super) fn keep(before: &Value, after: &mut Value) {
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        let pointer = format!("/spec/{field}");
        if !has(after, &pointer) && has(before, &pointer) && text(after, "/spec/type") != "ExternalName" {
            after["spec"][field] = before["spec"][field].clone();
        }
    }
}
