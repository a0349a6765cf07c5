//! The rules of a `StatefulSet`.

use serde_json::{Value, json};

use super::{metadata, pod};
use crate::api_server::refusal::Cause;
use crate::api_server::value::{has, items, name};

const CHANGES: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
    'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

/// The fields that a change may touch.
const FREE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

pub(super) fn check(set: &Value) -> Vec<Cause> {
    let spec = &set["spec"];
    let mut causes = Vec::new();
    let one_of = |field: &str, value: &Value, known: &[&str]| {
        let is_known = known.iter().any(|known| value == known);
        (!is_known).then(|| Cause::not_supported(format!("spec.{field}"), value, known))
    };
    let policy = &spec["podManagementPolicy"];
    causes.extend(one_of("podManagementPolicy", policy, &["OrderedReady", "Parallel"]));
    let strategy = &spec["updateStrategy"];
    match strategy["type"].as_str() {
        Some("RollingUpdate") => {
            let partition = &strategy["rollingUpdate"]["partition"];
            causes.extend(not_negative(partition, "spec.updateStrategy.rollingUpdate.partition"));
        }
        Some("OnDelete") if has(strategy, "/rollingUpdate") => {
            let field = "spec.updateStrategy.rollingUpdate";
            let detail = "only allowed for updateStrategy 'RollingUpdate'";
            causes.push(Cause::invalid(field, &strategy["rollingUpdate"], detail));
        }
        Some("OnDelete") => {}
        _ => {
            let detail = "must be 'RollingUpdate' or 'OnDelete'";
            causes.push(Cause::invalid("spec.updateStrategy", &strategy["type"], detail));
        }
    }
    for moment in ["whenDeleted", "whenScaled"] {
        let field = format!("persistentVolumeClaimRetentionPolicy.{moment}");
        let policy = &spec["persistentVolumeClaimRetentionPolicy"][moment];
        causes.extend(one_of(&field, policy, &["Retain", "Delete"]));
    }
    causes.extend(not_negative(&spec["replicas"], "spec.replicas"));
    causes.extend(not_negative(&spec["minReadySeconds"], "spec.minReadySeconds"));
    causes.extend(selector(spec));
    causes.extend(template(spec));
    causes
}

fn not_negative(number: &Value, path: &str) -> Option<Cause> {
    let is_negative = number.as_i64().is_some_and(|number| number < 0);
    is_negative.then(|| Cause::invalid(path, number, "must be greater than or equal to 0"))
}

fn selector(spec: &Value) -> Option<Cause> {
    if !has(spec, "/selector") {
        return Some(Cause::required("spec.selector", ""));
    }
    let selected = spec["selector"]["matchLabels"].as_object();
    if selected.is_none_or(serde_json::Map::is_empty) && items(spec, "/selector/matchExpressions").is_empty() {
        let detail = "empty selector is invalid for statefulset";
        return Some(Cause::invalid("spec.selector", &spec["selector"], detail));
    }
    let labels = &spec["template"]["metadata"]["labels"];
    let matches = selected
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    let detail = "`selector` does not match template `labels`";
    (!matches).then(|| Cause::invalid("spec.template.metadata.labels", labels, detail))
}

fn template(spec: &Value) -> Vec<Cause> {
    let path = "spec.template";
    let metadata = &spec["template"]["metadata"];
    let mut causes = metadata::labels(&metadata["labels"], &format!("{path}.labels"));
    causes.extend(metadata::annotations(
        &metadata["annotations"],
        &format!("{path}.annotations"),
    ));
    let mut pod = spec["template"]["spec"].clone();
    // A claim is a volume of each pod, in place of one of that name.
    let claims = items(spec, "/volumeClaimTemplates");
    let is_claimed = |volume: &Value| claims.iter().any(|claim| name(claim) == volume["name"]);
    let own = items(&pod, "/volumes")
        .iter()
        .filter(|volume| !is_claimed(volume))
        .cloned();
    let claimed = claims.iter().map(|claim| json!({"name": name(claim)}));
    let volumes: Vec<Value> = own.chain(claimed).collect();
    pod["volumes"] = json!(volumes);
    causes.extend(pod::check(&pod, &format!("{path}.spec")));
    let policy = &pod["restartPolicy"];
    if policy != "Always" {
        causes.push(Cause::not_supported(
            format!("{path}.spec.restartPolicy"),
            policy,
            &["Always"],
        ));
    }
    if has(&pod, "/activeDeadlineSeconds") {
        let detail = "activeDeadlineSeconds in StatefulSet is not Supported";
        causes.push(Cause::forbidden(format!("{path}.spec.activeDeadlineSeconds"), detail));
    }
    causes
}

/// What cannot be changed.
pub(super) fn change(before: &Value, after: &Value) -> Vec<Cause> {
    let fixed = |set: &Value| {
        let mut spec = set["spec"].clone();
        if let Value::Object(fields) = &mut spec {
            fields.retain(|key, _| !FREE.contains(&key.as_str()));
        }
        spec
    };
    if fixed(before) == fixed(after) {
        return Vec::new();
    }
    vec![Cause::forbidden("spec", CHANGES)]
}
