//! What a user says of the pods in Kubernetes's own words, where the configuration has no field for it.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::wording::shown;

/// The field of the configuration.
const FIELD: &str = "PodTemplate";

/// Which key of the template names the container that is the service's own; the others are Kubernetes's.
const PRIMARY: &str = "primaryContainerName";

/// The name of that container unless the template says something else, as in Flyte's own pod templates.
const DEFAULT_PRIMARY: &str = "primary";

/// A pod template under the service's own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PodTemplate {
    template: PodTemplateSpec,
    primary: String,
}

impl PodTemplate {
    /// Reads a template: `metadata` and `spec` as in Kubernetes, and `primaryContainerName`.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that names the path of the first key or value that Kubernetes has no place for.
    pub fn parse(value: &Value) -> Result<Self> {
        let Value::Object(given) = whole_numbers(value) else {
            return Err(Error::invalid(
                FIELD,
                "must be a dictionary with metadata and spec, as Kubernetes's PodTemplateSpec.",
            ));
        };
        let mut given = given;
        let primary = match given.remove(PRIMARY) {
            None | Some(Value::Null) => DEFAULT_PRIMARY.to_owned(),
            Some(Value::String(name)) => name,
            Some(other) => {
                return Err(Error::invalid(
                    format!("{FIELD}.{PRIMARY}"),
                    format!("must be text, not {}.", shown(&other)),
                ));
            }
        };
        // Kubernetes has no pod without containers; here the service's own is to come.
        if let Some(Value::Object(spec)) = given.get_mut("spec") {
            spec.entry("containers").or_insert_with(|| Value::Array(Vec::new()));
        }
        let given = Value::Object(given);
        let template: PodTemplateSpec = serde_json::from_value(given.clone())
            .map_err(|error| Error::invalid(FIELD, format!("is no pod template of Kubernetes: {error}.")))?;
        let understood = serde_json::to_value(&template).unwrap_or_default();
        if let Some(path) = lost(&given, &understood) {
            return Err(Error::invalid(
                format!("{FIELD}{path}"),
                "is not a field that Kubernetes's pods have.",
            ));
        }
        Ok(Self { template, primary })
    }

    /// The template for a service, whose own container has the service's name.
    #[must_use]
    pub fn for_service(&self, name: &str) -> PodTemplateSpec {
        let mut template = self.template.clone();
        for container in template.spec.iter_mut().flat_map(|spec| &mut spec.containers) {
            if container.name == self.primary {
                name.clone_into(&mut container.name);
            }
        }
        template
    }
}

/// Flyte makes every number a float, and Kubernetes reads whole ones.
fn whole_numbers(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(whole_numbers).collect(),
        Value::Object(fields) => {
            let fields: Map<_, _> = fields
                .iter()
                .map(|(key, value)| (key.clone(), whole_numbers(value)))
                .collect();
            Value::Object(fields)
        }
        Value::Number(number) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "only numbers that an integer can hold are converted"
            )]
            let whole = number
                .as_f64()
                .filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15)
                .map(|float| float as i64);
            whole.map_or_else(|| value.clone(), Value::from)
        }
        _ => value.clone(),
    }
}

/// The path of the first thing that was given and not understood.
fn lost(given: &Value, understood: &Value) -> Option<String> {
    match (given, understood) {
        (Value::Object(given), Value::Object(understood)) => given.iter().find_map(|(key, value)| {
            let empty = value.is_null()
                || value.as_array().is_some_and(Vec::is_empty)
                || value.as_object().is_some_and(Map::is_empty);
            match understood.get(key) {
                Some(counterpart) => lost(value, counterpart).map(|rest| format!(".{key}{rest}")),
                None if empty => None,
                None => Some(format!(".{key}")),
            }
        }),
        (Value::Array(given), Value::Array(understood)) => given
            .iter()
            .zip(understood)
            .enumerate()
            .find_map(|(index, (value, counterpart))| lost(value, counterpart).map(|rest| format!("[{index}]{rest}"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_that_kubernetes_does_not_have_is_named_with_its_path() {
        for (template, words) in [
            (
                json!({"spec": {"nodeSelectr": {"a": "b"}}}),
                "PodTemplate.spec.nodeSelectr is not a field",
            ),
            (
                json!({"spec": {"containers": [{"name": "x"}, {"name": "y", "imagee": "z"}]}}),
                "PodTemplate.spec.containers[1].imagee is not a field",
            ),
            (json!({"kind": "Pod"}), "PodTemplate.kind is not a field"),
            (
                json!({"spec": {"nodeSelector": 3.0}}),
                "PodTemplate is no pod template of Kubernetes",
            ),
            (
                json!({"primaryContainerName": 1}),
                "PodTemplate.primaryContainerName must be text",
            ),
            (json!([]), "PodTemplate must be a dictionary"),
        ] {
            let error = PodTemplate::parse(&template).expect_err("an error").to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn numbers_that_flyte_has_made_floats_are_read_as_the_integers_they_were() {
        let template = json!({"spec": {"terminationGracePeriodSeconds": 5.0, "containers": [
            {"name": "primary", "livenessProbe": {"tcpSocket": {"port": 80.0}}},
        ]}});
        let pod = PodTemplate::parse(&template).expect("a template").for_service("foo");
        let spec = pod.spec.expect("a spec");
        assert_eq!(spec.termination_grace_period_seconds, Some(5));
        assert_eq!(spec.containers[0].name, "foo");
    }

    #[test]
    fn what_is_empty_or_null_asks_for_nothing() {
        let template =
            json!({"metadata": {"labels": {}}, "spec": {"nodeSelector": null, "tolerations": [], "volumes": []}});
        PodTemplate::parse(&template).expect("a template");
    }
}
