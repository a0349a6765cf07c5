//! The defaults of a `StatefulSet`.

use serde_json::{Value, json};

use super::pod::fill_spec;
use super::{list, or};

pub(super) fn fill(set: &mut Value) {
    let spec = &mut set["spec"];
    or(spec, "podManagementPolicy", json!("OrderedReady"));
    or(spec, "replicas", json!(1));
    or(spec, "revisionHistoryLimit", json!(10));
    or(spec, "updateStrategy", json!({}));
    let strategy = &mut spec["updateStrategy"];
    or(strategy, "type", json!("RollingUpdate"));
    if strategy["type"] == "RollingUpdate" {
        or(strategy, "rollingUpdate", json!({}));
        or(&mut strategy["rollingUpdate"], "partition", json!(0));
    }
    or(spec, "persistentVolumeClaimRetentionPolicy", json!({}));
    let retention = &mut spec["persistentVolumeClaimRetentionPolicy"];
    or(retention, "whenDeleted", json!("Retain"));
    or(retention, "whenScaled", json!("Retain"));
    let template = &mut spec["template"];
    or(template, "metadata", json!({}));
    or(template, "spec", json!({}));
    fill_spec(&mut template["spec"]);
    for claim in list(spec, "volumeClaimTemplates") {
        claim["kind"] = json!("PersistentVolumeClaim");
        claim["apiVersion"] = json!("v1");
        or(&mut claim["spec"], "volumeMode", json!("Filesystem"));
        claim["status"] = json!({"phase": "Pending"});
    }
}
