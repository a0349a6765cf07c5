//! Which fields of the configuration the containers of a running `StatefulSet` come from.
//!
//! The configuration itself is not kept. The order of the containers and the annotation that the manifest carries where a
//! `PodTemplate` has containers of its own say enough.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Container;

use crate::names::TEMPLATE_ANNOTATION;
use crate::ownership::{Maker, maker};

/// Which fields of the configuration the containers of a `StatefulSet` come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerOrigins {
    /// The service's own container; empty where this plugin did not create the `StatefulSet`.
    main: Box<str>,
    /// The other containers, each with its path in the configuration, or in a `StatefulSet` of somebody else.
    others: Box<[(Box<str>, Box<str>)]>,
    /// The service's own container in `PodTemplate`, where it has one.
    primary: Option<Box<str>>,
    /// The keys of the service's own container that come from `PodTemplate`.
    from_template: Box<[Box<str>]>,
}

impl From<&StatefulSet> for ContainerOrigins {
    fn from(stateful_set: &StatefulSet) -> Self {
        let pod = stateful_set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        let first = pod.and_then(|pod| pod.init_containers.as_deref()).unwrap_or_default();
        let beside = pod.map(|pod| pod.containers.as_slice()).unwrap_or_default();
        if maker(&stateful_set.metadata) == Maker::Other {
            let path = |list: &str, index: usize| format!("spec.template.spec.{list}[{index}]").into();
            let first = first.iter().enumerate();
            let first = first.map(|(index, each)| (each.name.as_str().into(), path("initContainers", index)));
            let beside = beside.iter().enumerate();
            let beside = beside.map(|(index, each)| (each.name.as_str().into(), path("containers", index)));
            return Self {
                others: first.chain(beside).collect(),
                ..Self::default()
            };
        }
        let name = stateful_set.metadata.name.as_deref().unwrap_or_default();
        let annotations = stateful_set.metadata.annotations.as_ref();
        let note = annotations.and_then(|annotations| annotations.get(TEMPLATE_ANNOTATION));
        let note = Note::read(note.map(String::as_str).unwrap_or_default());
        let mut counters = Counters::default();
        let mut of = |container: &Container, init: bool| -> (Box<str>, Box<str>) {
            let path = note.path(&container.name, init);
            let path = path.unwrap_or_else(|| counters.path(container, init));
            (container.name.as_str().into(), path.into())
        };
        let mut others: Vec<_> = first.iter().map(|container| of(container, true)).collect();
        let beside = beside.iter().filter(|container| container.name != name);
        others.extend(beside.map(|container| of(container, false)));
        Self {
            main: name.into(),
            others: others.into(),
            primary: note.primary().map(String::into_boxed_str),
            from_template: note.own.iter().map(|key| (*key).into()).collect(),
        }
    }
}

impl ContainerOrigins {
    /// Whether the container is the service's own.
    pub(super) fn is_main(&self, container: &str) -> bool {
        !self.main.is_empty() && *self.main == *container
    }

    /// Where another container than the service's own comes from, such as `Sidecars[0]`; `None` for one that is not in the
    /// `StatefulSet`, since a webhook has added it.
    pub(super) fn path(&self, container: &str) -> Option<&str> {
        let found = self.others.iter().find(|(name, _)| **name == *container);
        found.map(|(_, path)| &**path)
    }

    /// Where a key of the service's own container, such as `livenessProbe`, comes from if that is `PodTemplate`.
    pub(super) fn in_template(&self, key: &str) -> Option<String> {
        let primary = self.primary.as_deref()?;
        let given = self.from_template.iter().any(|given| **given == *key);
        given.then(|| format!("{primary}.{key}"))
    }
}

/// How many containers of each field were met so far.
#[derive(Default)]
struct Counters {
    init_containers: usize,
    sidecars: usize,
}

impl Counters {
    fn path(&mut self, container: &Container, init: bool) -> String {
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

/// What the annotation says: the containers of `PodTemplate` in order, and what it says of the service's own container.
#[derive(Default)]
struct Note<'a> {
    init_containers: Vec<&'a str>,
    containers: Vec<&'a str>,
    own: Vec<&'a str>,
}

impl<'a> Note<'a> {
    fn read(text: &'a str) -> Self {
        let mut note = Self::default();
        for word in text.split_whitespace() {
            match word.split_once('/') {
                Some(("initContainers", name)) => note.init_containers.push(name),
                Some(("containers", name)) => note.containers.push(name),
                Some(("own", key)) => note.own.push(key),
                _ => {}
            }
        }
        note
    }

    fn path(&self, container: &str, init: bool) -> Option<String> {
        let (list, names) = if init {
            ("initContainers", &self.init_containers)
        } else {
            ("containers", &self.containers)
        };
        let index = names.iter().position(|name| *name == container)?;
        Some(format!("PodTemplate.spec.{list}[{index}]"))
    }

    /// The service's own container stands as `*` among the containers, since it has another name there.
    fn primary(&self) -> Option<String> {
        self.path("*", false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{MANAGED_BY, MANAGED_BY_LABEL};
    use serde_json::{Value, json};

    fn origins(annotations: &Value, pod: &Value) -> ContainerOrigins {
        let stateful_set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "foo", "labels": {MANAGED_BY_LABEL: MANAGED_BY}, "annotations": annotations},
            "spec": {"selector": {}, "template": {"spec": pod}},
        }))
        .expect("a StatefulSet");
        ContainerOrigins::from(&stateful_set)
    }

    #[test]
    fn containers_come_from_the_fields_in_order() {
        let pod = json!({
            "containers": [{"name": "foo"}],
            "initContainers": [
                {"name": "fetch"}, {"name": "metrics", "restartPolicy": "Always"},
                {"name": "unpack"}, {"name": "proxy", "restartPolicy": "Always"},
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
        assert_eq!(origins.in_template("command"), None);
    }

    #[test]
    fn a_server_without_native_sidecars_has_them_among_the_containers() {
        let origins = origins(
            &json!({}),
            &json!({"containers": [{"name": "foo"}, {"name": "metrics"}]}),
        );
        assert_eq!(origins.path("metrics"), Some("Sidecars[0]"));
    }

    #[test]
    fn what_a_pod_template_has_is_told_from_the_fields() {
        let pod = json!({
            "containers": [{"name": "foo"}, {"name": "beside"}],
            "initContainers": [{"name": "theirs"}, {"name": "fetch"}, {"name": "metrics", "restartPolicy": "Always"}],
        });
        let note = "initContainers/theirs containers/beside containers/* own/command";
        let origins = origins(&json!({TEMPLATE_ANNOTATION: note}), &pod);
        for (name, path) in [
            ("theirs", "PodTemplate.spec.initContainers[0]"),
            ("beside", "PodTemplate.spec.containers[0]"),
            ("fetch", "InitContainers[0]"),
            ("metrics", "Sidecars[0]"),
        ] {
            assert_eq!(origins.path(name), Some(path), "{name}");
        }
        let command = origins.in_template("command");
        assert_eq!(command.as_deref(), Some("PodTemplate.spec.containers[1].command"));
        assert_eq!(origins.in_template("image"), None);
    }

    #[test]
    fn a_foreign_stateful_set_is_told_by_its_own_places() {
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
