//! Which fields of the configuration the containers of a running `StatefulSet` come from.
//!
//! The configuration itself is not kept; the containers are enough. Those of the fields come in the order of their
//! fields, and carry a security context; those that a `PodTemplate` adds have none, or the annotation names them.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Container;

use crate::identity::labels::TEMPLATE_ANNOTATION;
use crate::identity::owner::{ManagedBy, managed_by};

/// Which fields of the configuration the containers of a `StatefulSet` come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerOrigins {
    /// The service's own container; empty where this plugin did not create the `StatefulSet`.
    main: Box<str>,
    /// The other containers, each with its path in the configuration, or in a `StatefulSet` of somebody else.
    others: Box<[(Box<str>, Box<str>)]>,
}

impl From<&StatefulSet> for ContainerOrigins {
    fn from(stateful_set: &StatefulSet) -> Self {
        let pod = stateful_set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        let first = pod.and_then(|pod| pod.init_containers.as_deref()).unwrap_or_default();
        let beside = pod.map(|pod| pod.containers.as_slice()).unwrap_or_default();
        if managed_by(&stateful_set.metadata) == ManagedBy::Other {
            let path = |list: &str, index: usize| format!("spec.template.spec.{list}[{index}]").into();
            let first = first.iter().enumerate();
            let first = first.map(|(index, each)| (each.name.as_str().into(), path("initContainers", index)));
            let beside = beside.iter().enumerate();
            let beside = beside.map(|(index, each)| (each.name.as_str().into(), path("containers", index)));
            return Self {
                main: Box::default(),
                others: first.chain(beside).collect(),
            };
        }
        let name = stateful_set.metadata.name.as_deref().unwrap_or_default();
        let annotations = stateful_set.metadata.annotations.as_ref();
        let note = annotations.and_then(|annotations| annotations.get(TEMPLATE_ANNOTATION));
        let mut paths = Paths {
            noted: note.into_iter().flat_map(|note| note.split_whitespace()).collect(),
            ..Paths::default()
        };
        let mut of = |container: &Container, init| (container.name.as_str().into(), paths.next(container, init).into());
        let mut others: Vec<_> = first.iter().map(|container| of(container, true)).collect();
        let beside = beside.iter().filter(|container| container.name != name);
        others.extend(beside.map(|container| of(container, false)));
        Self {
            main: name.into(),
            others: others.into(),
        }
    }
}

impl ContainerOrigins {
    /// Whether the container is the service's own.
    pub(super) fn is_main(&self, container: &str) -> bool {
        !self.main.is_empty() && *self.main == *container
    }

    /// Where another container than the service's own comes from, such as `Sidecars[0]`; `None` for one that is not in
    /// the `StatefulSet`, since a webhook has added it.
    pub(super) fn path(&self, container: &str) -> Option<&str> {
        let found = self.others.iter().find(|(name, _)| **name == *container);
        found.map(|(_, path)| &**path)
    }
}

/// The paths of containers, which come one after the other.
#[derive(Default)]
struct Paths<'a> {
    /// The names of the containers that, by the annotation, come from a `PodTemplate`.
    noted: BTreeSet<&'a str>,
    init_containers: usize,
    sidecars: usize,
}

impl Paths<'_> {
    fn next(&mut self, container: &Container, init: bool) -> String {
        let name = &container.name;
        if self.noted.contains(name.as_str()) || !is_as_of_a_field(container) {
            let list = if init { "initContainers" } else { "containers" };
            return format!("PodTemplate.spec.{list}[{name}]");
        }
        // Servers without native sidecars have them among the other containers.
        let is_sidecar = !init || container.restart_policy.as_deref() == Some("Always");
        let (field, counter) = if is_sidecar {
            ("Sidecars", &mut self.sidecars)
        } else {
            ("InitContainers", &mut self.init_containers)
        };
        let path = format!("{field}[{counter}]");
        *counter += 1;
        path
    }
}

/// Whether a container has what each container of the fields `InitContainers` and `Sidecars` is given.
pub(crate) fn is_as_of_a_field(container: &Container) -> bool {
    let context = container.security_context.as_ref();
    context.is_some_and(|context| context.allow_privilege_escalation.is_some() && context.capabilities.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL};
    use serde_json::{Value, json};

    fn origins(annotations: &Value, pod: &Value) -> ContainerOrigins {
        let stateful_set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "foo", "labels": {MANAGED_BY_LABEL: MANAGED_BY}, "annotations": annotations},
            "spec": {"selector": {}, "template": {"spec": pod}},
        }))
        .expect("a StatefulSet");
        ContainerOrigins::from(&stateful_set)
    }

    /// A container as the fields `InitContainers` and `Sidecars` make it.
    fn of_a_field(name: &str, restart_policy: Option<&str>) -> Value {
        let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
        json!({"name": name, "restartPolicy": restart_policy, "securityContext": context})
    }

    #[test]
    fn containers_come_from_the_fields_in_order() {
        let pod = json!({
            "containers": [{"name": "foo"}],
            "initContainers": [
                of_a_field("fetch", None), of_a_field("metrics", Some("Always")),
                of_a_field("unpack", None), of_a_field("proxy", Some("Always")),
            ],
        });
        let origins = origins(&json!({}), &pod);
        assert!(origins.is_main("foo") && !origins.is_main("fetch"));
        for (name, path) in [
            ("fetch", Some("InitContainers[0]")),
            ("unpack", Some("InitContainers[1]")),
            ("metrics", Some("Sidecars[0]")),
            ("proxy", Some("Sidecars[1]")),
            ("injected", None),
        ] {
            assert_eq!(origins.path(name), path, "{name}");
        }
    }

    #[test]
    fn a_server_without_native_sidecars_has_them_among_the_containers() {
        let pod = json!({"containers": [{"name": "foo"}, of_a_field("metrics", None)]});
        let origins = origins(&json!({}), &pod);
        assert_eq!(origins.path("metrics"), Some("Sidecars[0]"));
    }

    #[test]
    fn content_of_a_pod_template_is_distinguished_from_the_fields() {
        let pod = json!({
            "containers": [{"name": "foo"}, {"name": "beside"}],
            "initContainers": [
                {"name": "theirs"}, of_a_field("noted", None), of_a_field("fetch", None), of_a_field("metrics", Some("Always")),
            ],
        });
        let origins = origins(&json!({TEMPLATE_ANNOTATION: "noted other"}), &pod);
        for (name, path) in [
            ("theirs", "PodTemplate.spec.initContainers[theirs]"),
            ("noted", "PodTemplate.spec.initContainers[noted]"),
            ("beside", "PodTemplate.spec.containers[beside]"),
            ("fetch", "InitContainers[0]"),
            ("metrics", "Sidecars[0]"),
        ] {
            assert_eq!(origins.path(name), Some(path), "{name}");
        }
    }

    #[test]
    fn a_foreign_stateful_set_is_explained_by_its_own_places() {
        let stateful_set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "theirs"},
            "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "theirs"}], "initContainers": [{"name": "i"}]}}},
        }))
        .expect("a StatefulSet");
        let origins = ContainerOrigins::from(&stateful_set);
        assert!(!origins.is_main("theirs"));
        assert_eq!(origins.path("theirs"), Some("spec.template.spec.containers[0]"));
        assert_eq!(origins.path("i"), Some("spec.template.spec.initContainers[0]"));
    }
}
