//! Details of a pod that only some faults need.

use k8s_openapi::api::core::v1::{Container, PodSpec, PodStatus};

use super::reason::{Reason, reason};

/// A readiness gate of a pod that is not open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gate {
    /// The type of the pod's condition that has to be `True`.
    pub condition: String,
    /// The condition's status; empty where no controller has set the condition.
    pub status: String,
    /// Why, if the controller reports it.
    pub reason: Reason,
}

/// Where a container refers to what the kubelet does not find: `secret "s" not found`, `configmap "c" not found`,
/// `couldn't find key k in Secret ns/s`, `couldn't find key k in ConfigMap ns/c`.
pub(super) fn missing_reference(container: &Container, message: &str) -> Option<Box<str>> {
    let lower = message.to_lowercase();
    let of_secret = lower.contains("secret");
    let (key, name) = match message.split_once("couldn't find key ") {
        Some((_, rest)) => {
            let (key, object) = rest.split_once(" in ")?;
            (Some(key), object.rsplit('/').next()?)
        }
        None => (None, message.split('"').nth(1)?),
    };
    let variable = container.env.iter().flatten().find(|variable| {
        let from = variable.value_from.as_ref();
        let secret = from.and_then(|from| from.secret_key_ref.as_ref());
        let config_map = from.and_then(|from| from.config_map_key_ref.as_ref());
        let of = |is_secret: bool, of: &str, of_key: &str| {
            is_secret == of_secret && of == name && key.is_none_or(|key| key == of_key)
        };
        secret.is_some_and(|secret| of(true, &secret.name, &secret.key))
            || config_map.is_some_and(|config_map| of(false, &config_map.name, &config_map.key))
    });
    if let Some(variable) = variable {
        return Some(format!("env[{}]", variable.name).into());
    }
    let source = container.env_from.iter().flatten().position(|source| {
        let secret = source.secret_ref.as_ref().map(|secret| secret.name.as_str());
        let config_map = source
            .config_map_ref
            .as_ref()
            .map(|config_map| config_map.name.as_str());
        (if of_secret { secret } else { config_map }) == Some(name)
    })?;
    Some(format!("envFrom[{source}]").into())
}

/// The readiness gates that are not open.
pub(super) fn closed_gates(spec: Option<&PodSpec>, status: &PodStatus) -> Vec<Gate> {
    let gates = spec
        .and_then(|spec| spec.readiness_gates.as_ref())
        .into_iter()
        .flatten();
    gates
        .filter_map(|gate| {
            let mut conditions = status.conditions.iter().flatten();
            let condition = conditions.find(|condition| condition.type_ == gate.condition_type);
            if condition.is_some_and(|condition| condition.status == "True") {
                return None;
            }
            Some(Gate {
                condition: gate.condition_type.clone(),
                status: condition.map(|condition| condition.status.clone()).unwrap_or_default(),
                reason: condition
                    .map(|condition| reason(condition.reason.as_ref(), condition.message.as_ref()))
                    .unwrap_or_default(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_missing_object_is_found_where_the_container_refers_to_it() {
        let container: Container = serde_json::from_value(json!({
            "name": "foo",
            "env": [
                {"name": "A", "value": "s"},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "s", "key": "k"}}},
                {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                {"name": "D", "valueFrom": {"secretKeyRef": {"name": "s", "key": "other"}}},
            ],
            "envFrom": [{"configMapRef": {"name": "all"}}, {"secretRef": {"name": "all"}}],
        }))
        .expect("a container");
        for (message, place) in [
            ("secret \"s\" not found", Some("env[C]")),
            ("configmap \"s\" not found", Some("env[B]")),
            ("couldn't find key other in Secret ns/s", Some("env[D]")),
            ("couldn't find key k in ConfigMap ns/s", Some("env[B]")),
            ("secret \"all\" not found", Some("envFrom[1]")),
            ("configmap \"all\" not found", Some("envFrom[0]")),
            ("secret \"elsewhere\" not found", None),
            ("something new", None),
        ] {
            assert_eq!(missing_reference(&container, message).as_deref(), place, "{message}");
        }
    }
}
