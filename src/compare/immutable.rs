//! The fields that Kubernetes does not change in an existing `StatefulSet`.

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::{Value, json};

use super::subset::is_subset;
use crate::config::FIELDS;

/// The immutable fields of a `StatefulSet` that this plugin sets.
const OURS: [(&str, &str); 2] = [
    ("selector", "the selector of its pods"),
    ("serviceName", "the name of its Service"),
];

/// The fields in which a `StatefulSet` would have to be changed and cannot be, in the words of the configuration.
#[must_use]
pub fn immutable(there: &StatefulSet, wanted: &StatefulSet) -> Vec<&'static str> {
    let [there, wanted] = [there, wanted].map(|object| serde_json::to_value(&object.spec).unwrap_or_default());
    let differs = |field: &str| {
        let default = if field == "podManagementPolicy" {
            json!("OrderedReady")
        } else {
            Value::Null
        };
        let side = |spec: &Value| match &spec[field] {
            Value::Null => default.clone(),
            value => value.clone(),
        };
        let (there, wanted) = (side(&there), side(&wanted));
        // The existing object has the API server's defaults; the number of claims must be equal, too.
        let count = |value: &Value| value.as_array().map_or(0, Vec::len);
        let is_selector = field == "selector" && there != wanted;
        !is_subset(&there, &wanted) || count(&there) != count(&wanted) || is_selector
    };
    let fields = FIELDS.iter().filter(|field| field.immutable);
    let fields = fields.filter_map(|field| Some((field.places.first()?.key(), field.name)));
    let fixed = fields.chain(OURS).filter(|(key, _)| differs(key));
    fixed.map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(spec: &Value) -> StatefulSet {
        serde_json::from_value(json!({"spec": spec})).expect("a StatefulSet")
    }

    #[test]
    fn immutable_fields_are_named() {
        let claim = |size: &str| json!([{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": size}}}}]);
        let filled_in = json!([{
            "metadata": {"name": "data"}, "status": {"phase": "Pending"},
            "spec": {"resources": {"requests": {"storage": "1Gi"}}, "volumeMode": "Filesystem"},
        }]);
        for (there, wanted, named) in [
            (json!({"replicas": 1}), json!({"replicas": 2}), vec![]),
            (
                json!({"volumeClaimTemplates": filled_in}),
                json!({"volumeClaimTemplates": claim("1024Mi")}),
                vec![],
            ),
            (
                json!({"volumeClaimTemplates": filled_in}),
                json!({"volumeClaimTemplates": claim("2Gi")}),
                vec!["VolumeClaimTemplates"],
            ),
            (
                json!({"volumeClaimTemplates": filled_in}),
                json!({}),
                vec!["VolumeClaimTemplates"],
            ),
            (
                json!({}),
                json!({"volumeClaimTemplates": claim("1Gi")}),
                vec!["VolumeClaimTemplates"],
            ),
            (json!({"podManagementPolicy": "OrderedReady"}), json!({}), vec![]),
            (
                json!({"podManagementPolicy": "OrderedReady"}),
                json!({"podManagementPolicy": "Parallel"}),
                vec!["PodManagementPolicy"],
            ),
            (
                json!({"serviceName": "a"}),
                json!({"serviceName": "b"}),
                vec!["the name of its Service"],
            ),
            (
                json!({"selector": {"matchLabels": {"a": "b", "c": "d"}}}),
                json!({"selector": {"matchLabels": {"a": "b"}}}),
                vec!["the selector of its pods"],
            ),
        ] {
            assert_eq!(immutable(&set(&there), &set(&wanted)), named, "{there} {wanted}");
        }
    }
}
