//! The kinds of objects that the server has.

use std::borrow::Cow;

/// A kind of object, by which the server stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindOfObject {
    /// The API group; empty for the core group.
    pub group: Cow<'static, str>,
    /// The version, such as `v1`.
    pub version: Cow<'static, str>,
    /// The name in paths, such as `statefulsets`.
    pub plural: Cow<'static, str>,
    /// The name in objects, such as `StatefulSet`.
    pub kind: Cow<'static, str>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether `status` is a subresource, so that other writes leave it as it is.
    pub has_status: bool,
    /// Whether changes are counted in `metadata.generation`.
    pub has_generation: bool,
}

/// The number of a kind in [`Kinds`].
pub(super) type KindId = usize;

impl KindOfObject {
    const fn known(group: &'static str, plural: &'static str, kind: &'static str, is: Is) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed("v1"),
            plural: Cow::Borrowed(plural),
            kind: Cow::Borrowed(kind),
            namespaced: is.namespaced,
            has_status: is.status,
            has_generation: is.generation,
        }
    }

    /// A kind as a `CustomResourceDefinition` makes it: namespaced, with a generation.
    #[must_use]
    pub fn custom(group: &str, version: &str, plural: &str, kind: &str, has_status: bool) -> Self {
        Self {
            group: Cow::Owned(group.to_owned()),
            version: Cow::Owned(version.to_owned()),
            plural: Cow::Owned(plural.to_owned()),
            kind: Cow::Owned(kind.to_owned()),
            namespaced: true,
            has_status,
            has_generation: true,
        }
    }

    /// The `apiVersion` of its objects.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Its name in Kubernetes's messages, such as `statefulsets.apps`.
    pub(super) fn resource(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// Its name in messages about invalid objects, such as `StatefulSet.apps`.
    pub(super) fn group_kind(&self) -> String {
        qualified(&self.kind, &self.group)
    }

    /// Whether it is none of Kubernetes's own.
    pub(super) fn is_custom(&self) -> bool {
        !KNOWN.contains(self)
    }

    /// Whether it is this kind of Kubernetes itself.
    pub(super) fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

#[derive(Clone, Copy)]
struct Is {
    namespaced: bool,
    status: bool,
    generation: bool,
}

const PLAIN: Is = Is {
    namespaced: true,
    status: false,
    generation: false,
};
const WITH_STATUS: Is = Is { status: true, ..PLAIN };
const WITH_GENERATION: Is = Is {
    generation: true,
    ..PLAIN
};
const WITH_BOTH: Is = Is {
    generation: true,
    ..WITH_STATUS
};
const OF_CLUSTER: Is = Is {
    namespaced: false,
    ..PLAIN
};
const OF_CLUSTER_WITH_STATUS: Is = Is {
    namespaced: false,
    ..WITH_STATUS
};

const CORE: &str = "";

/// The number of the kind `Namespace`.
pub(super) const NAMESPACE: KindId = 0;

/// The number of the kind `Pod`.
pub(super) const POD: KindId = 1;

/// The number of the kind `ServiceAccount`.
pub(super) const SERVICE_ACCOUNT: KindId = 2;

const KNOWN: [KindOfObject; 20] = [
    KindOfObject::known(CORE, "namespaces", "Namespace", OF_CLUSTER_WITH_STATUS),
    KindOfObject::known(CORE, "pods", "Pod", WITH_BOTH),
    KindOfObject::known(CORE, "serviceaccounts", "ServiceAccount", PLAIN),
    KindOfObject::known(CORE, "services", "Service", WITH_STATUS),
    KindOfObject::known(CORE, "events", "Event", PLAIN),
    KindOfObject::known(CORE, "secrets", "Secret", PLAIN),
    KindOfObject::known(CORE, "configmaps", "ConfigMap", PLAIN),
    KindOfObject::known(CORE, "nodes", "Node", OF_CLUSTER_WITH_STATUS),
    KindOfObject::known(CORE, "persistentvolumeclaims", "PersistentVolumeClaim", WITH_STATUS),
    KindOfObject::known(CORE, "persistentvolumes", "PersistentVolume", OF_CLUSTER_WITH_STATUS),
    KindOfObject::known(CORE, "resourcequotas", "ResourceQuota", WITH_STATUS),
    KindOfObject::known(CORE, "limitranges", "LimitRange", PLAIN),
    KindOfObject::known("apps", "statefulsets", "StatefulSet", WITH_BOTH),
    KindOfObject::known("apps", "controllerrevisions", "ControllerRevision", PLAIN),
    KindOfObject::known("discovery.k8s.io", "endpointslices", "EndpointSlice", WITH_GENERATION),
    KindOfObject::known("policy", "poddisruptionbudgets", "PodDisruptionBudget", WITH_BOTH),
    KindOfObject::known("networking.k8s.io", "networkpolicies", "NetworkPolicy", WITH_GENERATION),
    KindOfObject::known("coordination.k8s.io", "leases", "Lease", PLAIN),
    KindOfObject::known(
        "scheduling.k8s.io",
        "priorityclasses",
        "PriorityClass",
        Is {
            generation: true,
            ..OF_CLUSTER
        },
    ),
    KindOfObject::known("storage.k8s.io", "storageclasses", "StorageClass", OF_CLUSTER),
];

/// All kinds that a server has.
#[derive(Debug)]
pub(super) struct Kinds(Vec<KindOfObject>);

impl Default for Kinds {
    fn default() -> Self {
        Self(KNOWN.to_vec())
    }
}

impl Kinds {
    pub(super) fn add(&mut self, kind: KindOfObject) {
        if self.find(&kind.group, &kind.version, &kind.plural).is_none() {
            self.0.push(kind);
        }
    }

    pub(super) fn get(&self, id: KindId) -> &KindOfObject {
        &self.0[id]
    }

    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Option<KindId> {
        self.0
            .iter()
            .position(|kind| kind.group == group && kind.version == version && kind.plural == plural)
    }

    /// The kind that an owner reference names.
    pub(super) fn of_owner(&self, api_version: &str, kind: &str) -> Option<KindId> {
        self.0
            .iter()
            .position(|known| known.kind == kind && known.api_version() == api_version)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (KindId, &KindOfObject)> {
        self.0.iter().enumerate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_the_server_itself_uses_have_the_numbers_it_knows() {
        let kinds = Kinds::default();
        for (number, kind) in [
            (NAMESPACE, "Namespace"),
            (POD, "Pod"),
            (SERVICE_ACCOUNT, "ServiceAccount"),
        ] {
            assert_eq!(kinds.get(number).kind, kind);
        }
    }
}
