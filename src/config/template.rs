//! The user's pod template, for everything that has no field of its own.

use k8s_openapi::DeepMerge;
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use serde::Serialize;
use serde_json::Value;

use super::deserialize;
use super::metadata::check_metadata;
use crate::error::{Error, Result};

/// The field of the configuration.
pub(crate) const FIELD: &str = "PodTemplate";

/// Which key of the template names the container that is the service's own; the others are Kubernetes's.
pub(crate) const PRIMARY: &str = "primaryContainerName";

/// The name of that container unless the template sets another one, as in Flyte's own pod templates.
pub(crate) const DEFAULT_PRIMARY: &str = "primary";

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
        let Value::Object(given) = value else {
            return Err(Error::invalid(
                FIELD,
                "must be a dictionary with metadata and spec, as Kubernetes's PodTemplateSpec.",
            ));
        };
        let mut given = given.clone();
        let primary = given.remove(PRIMARY).unwrap_or_default();
        let primary: Option<String> = deserialize::read(&format!("{FIELD}.{PRIMARY}"), &primary)?;
        let template: PodTemplateSpec = deserialize::read(FIELD, &Value::Object(given))?;
        if let Some(metadata) = &template.metadata {
            check_metadata(&format!("{FIELD}.metadata"), metadata)?;
        }
        let primary = primary.unwrap_or_else(|| DEFAULT_PRIMARY.to_owned());
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

impl PodTemplate {
    /// The container of the template that is the service's own.
    pub(super) fn primary_container(&self) -> Option<&Container> {
        let containers = self.template.spec.iter().flat_map(|spec| &spec.containers);
        containers.into_iter().find(|container| container.name == self.primary)
    }

    /// This template, over another one that gives way to it, as a configuration has it.
    #[must_use]
    pub fn over(self, base: &Self) -> Value {
        let mut template = base.for_service(&self.primary);
        template.merge_from(self.template);
        let mut value = serde_json::to_value(template).unwrap_or_default();
        value[PRIMARY] = Value::String(self.primary);
        value
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
                "PodTemplate.spec.nodeSelectr is an unknown field",
            ),
            (
                json!({"spec": {"containers": [{"name": "x"}, {"name": "y", "imagee": "z"}]}}),
                "PodTemplate.spec.containers[1].imagee is an unknown field",
            ),
            (json!({"kind": "Pod"}), "PodTemplate.kind is an unknown field"),
            (
                json!({"spec": {"nodeSelector": 3.0}}),
                "PodTemplate.spec.nodeSelector must be a dictionary",
            ),
            (
                json!({"metadata": {"labels": {"owner": "someone@example.com"}}}),
                "PodTemplate.metadata.labels.owner is \"someone@example.com\", but a label's value",
            ),
            (
                json!({"metadata": {"annotations": {"a b": "c"}}}),
                "PodTemplate.metadata.annotations.a b is no key",
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
    fn empty_and_null_values_request_nothing() {
        let template =
            json!({"metadata": {"labels": {}}, "spec": {"nodeSelector": null, "tolerations": [], "volumes": []}});
        PodTemplate::parse(&template).expect("a template");
    }
}
