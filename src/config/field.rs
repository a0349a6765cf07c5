//! The properties of each field beside its type: its paths in the objects, how a platform's and a user's values are
//! merged, and how messages describe it.

/// The documented fields of `DataServiceConfig`. Of fields that one place comes from, the first that is written counts.
pub static FIELDS: [Field; 49] = [
    field("Name").at(&[place("metadata.name", "")]).detail(Detail::Nothing),
    field("Image").at(&[place("own.image", "")]).detail(Detail::Value),
    field("Command").at(&[asked_for("own.command", "")]),
    field("Ports")
        .at(&[place("Service/spec.ports[]", "[]"), place("own.ports[]", "[]")])
        .detail(Detail::Parts),
    field("Port")
        .at(&[place("Service/spec.ports[]", ""), place("own.ports[]", "")])
        .detail(Detail::Value),
    field("Replicas")
        .at(&[place("spec.replicas", "")])
        .detail(Detail::Value),
    field("Requests")
        .at(&[
            place("own.resources.requests[]", "{}"),
            place("own.resources.requests", ""),
        ])
        .merged(MergeStrategy::Resources)
        .detail(Detail::Parts),
    field("Limits")
        .at(&[place("own.resources.limits[]", "{}"), place("own.resources.limits", "")])
        .merged(MergeStrategy::Resources)
        .detail(Detail::Parts),
    field("ExistingReleaseName"),
    field("Cluster"),
    field("PodTemplate").merged(MergeStrategy::Template),
    field("Args").at(&[asked_for("own.args", "")]),
    field("Env")
        .at(&[asked_for("own.env[]", "{}")])
        .merged(MergeStrategy::Dictionary)
        .detail(Detail::Parts),
    field("EnvFrom").at(&[asked_for("own.envFrom[]", "[]")]),
    field("ReadinessProbe").at(&[asked_for("own.readinessProbe", "")]),
    field("LivenessProbe").at(&[asked_for("own.livenessProbe", "")]),
    field("StartupProbe").at(&[asked_for("own.startupProbe", "")]),
    field("PreStop").at(&[asked_for("own.lifecycle.preStop", "")]),
    field("TerminationGracePeriodSeconds")
        .at(&[place("pod.terminationGracePeriodSeconds", "")])
        .merged(MergeStrategy::Single)
        .detail(Detail::Value),
    field("Volumes").at(&[asked_for("own.volumeMounts[]", "[]"), asked_for("pod.volumes[]", "[]")]),
    field("Secrets").at(&[asked_for("own.env[]", "[]"), asked_for("pod.volumes[]", "[]")]),
    field("VolumeClaimTemplates")
        .at(&[
            asked_for(
                "spec.volumeClaimTemplates[].spec.storageClassName",
                "[].storageClassName",
            ),
            asked_for(
                "spec.volumeClaimTemplates[].spec.resources.requests[storage]",
                "[].size",
            ),
            asked_for("spec.volumeClaimTemplates[].spec.accessModes", "[].accessModes"),
            asked_for("spec.volumeClaimTemplates[].metadata.name", "[].name"),
            asked_for("spec.volumeClaimTemplates[]", "[]"),
            asked_for("spec.volumeClaimTemplates", ""),
            asked_for("own.volumeMounts[]", "[]"),
        ])
        .immutable(),
    field("PersistentVolumeClaimRetentionPolicy").at(&[place("spec.persistentVolumeClaimRetentionPolicy", "")]),
    field("ServiceAccount")
        .at(&[asked_for("pod.serviceAccountName", ""), place("pod.serviceAccount", "")])
        .merged(MergeStrategy::Single)
        .detail(Detail::Value),
    field("ImagePullSecrets")
        .at(&[asked_for("pod.imagePullSecrets[]", "[]")])
        .merged(MergeStrategy::Additive),
    field("ImagePullPolicy")
        .at(&[place("own.imagePullPolicy", "")])
        .merged(MergeStrategy::Single)
        .detail(Detail::Value),
    field("NodeSelector")
        .at(&[asked_for("pod.nodeSelector", "")])
        .merged(MergeStrategy::Texts),
    field("Tolerations")
        .at(&[asked_for("pod.tolerations", "")])
        .merged(MergeStrategy::Additive),
    field("Affinity")
        .at(&[asked_for("pod.affinity", "")])
        .merged(MergeStrategy::Dictionary),
    field("TopologySpreadConstraints")
        .at(&[asked_for("pod.topologySpreadConstraints", "")])
        .merged(MergeStrategy::List),
    field("PriorityClass")
        .at(&[asked_for("pod.priorityClassName", "")])
        .merged(MergeStrategy::Single)
        .detail(Detail::Value),
    field("RuntimeClass")
        .at(&[asked_for("pod.runtimeClassName", "")])
        .merged(MergeStrategy::Single)
        .detail(Detail::Value),
    field("Accelerator").at(&[asked_for("pod.tolerations", ""), asked_for("pod.affinity", "")]),
    field("PodSecurityContext")
        .at(&[place("pod.securityContext", "")])
        .merged(MergeStrategy::Dictionary),
    field("SecurityContext")
        .at(&[place("own.securityContext", "")])
        .merged(MergeStrategy::Dictionary),
    field("InitContainers").at(&[asked_for("pod.initContainers[]", "[]")]),
    field("Sidecars").at(&[asked_for("pod.initContainers[]", "[]"), place("pod.containers[]", "[]")]),
    field("PodManagementPolicy")
        .at(&[place("spec.podManagementPolicy", "")])
        .immutable(),
    field("MinReadySeconds")
        .at(&[place("spec.minReadySeconds", "")])
        .merged(MergeStrategy::Single)
        .detail(Detail::Value),
    field("UpdateStrategy").at(&[place("spec.updateStrategy", "")]),
    field("Lifetime").merged(MergeStrategy::Whole),
    field("Labels")
        .at(&[place("metadata.labels", ""), place("spec.template.metadata.labels", "")])
        .merged(MergeStrategy::Texts)
        .detail(Detail::Parts),
    field("Annotations")
        .at(&[
            place("metadata.annotations", ""),
            place("spec.template.metadata.annotations", ""),
        ])
        .merged(MergeStrategy::Texts)
        .detail(Detail::Parts),
    field("Namespace")
        .at(&[place("metadata.namespace", "")])
        .detail(Detail::Nothing),
    field("PublishNotReadyAddresses").at(&[place("Service/spec.publishNotReadyAddresses", "")]),
    field("DnsPolicy").at(&[place("pod.dnsPolicy", "")]),
    field("DnsConfig").at(&[asked_for("pod.dnsConfig", "")]),
    field("PodDisruptionBudget").at(&[place("PodDisruptionBudget/spec", "")]),
    field("NetworkPolicy").at(&[place("NetworkPolicy/spec", "")]),
];

/// A field.
#[derive(Debug)]
pub struct Field {
    /// Its key on the wire.
    pub name: &'static str,
    /// The places in the objects that come from it.
    pub places: &'static [FieldPlace],
    /// How a platform's value is merged with a user's; `None` where the platform cannot set it.
    pub merge: Option<MergeStrategy>,
    /// How a message describes a difference in it.
    pub detail: Detail,
    /// Whether Kubernetes refuses to change it in a `StatefulSet` that exists.
    pub immutable: bool,
}

/// A place in the objects that comes from a field.
///
/// It is in the `StatefulSet` unless a kind stands before it; metadata is alike in all. `pod` is `spec.template.spec`,
/// and `own` the service's own container in it. `[]` is an element of a list.
#[derive(Debug)]
pub struct FieldPlace {
    /// Its path.
    pub path: &'static str,
    /// The part of the field: `[]` is an element of the field's list, looked up by its name, and `{}` the entry of that
    /// name of a field that is a dictionary. What follows in a place follows in the field, too, but for an element that
    /// the field has no list for.
    pub part: &'static str,
    /// Whether it exists only if it was set: the API server never fills it in.
    pub asked_for: bool,
}

impl FieldPlace {
    /// The key that it begins with, in the `StatefulSet`'s specification, in the pod's or in the container's.
    #[must_use]
    pub fn key(&self) -> &'static str {
        let roots = ["own.", "pod.", "spec."];
        let path = roots.iter().find_map(|root| self.path.strip_prefix(root));
        let path = path.unwrap_or(self.path);
        path.split(['.', '[']).next().unwrap_or(path)
    }
}

/// How a platform's value and a user's are merged, which follows from the type of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeStrategy {
    /// Text by name.
    Texts,
    /// Anything by name.
    Dictionary,
    /// A list to which a default is added, as Flyte adds its default tolerations to a task's own.
    Additive,
    /// Any other list.
    List,
    /// One value.
    Single,
    /// One value as a whole, of any type.
    Whole,
    /// Amounts, which give way to each other.
    Resources,
    /// A pod template.
    Template,
}

/// How a message describes a difference. A value may hold a secret, or be too long to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Nothing: it is the same in the objects that are compared.
    Nothing,
    /// Its name alone.
    Name,
    /// Its value, too.
    Value,
    /// Each part by its own name, such as `Env.A`.
    Parts,
}

/// The field of a name.
#[must_use]
pub fn field_named(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

const fn field(name: &'static str) -> Field {
    Field {
        name,
        places: &[],
        merge: None,
        detail: Detail::Name,
        immutable: false,
    }
}

const fn place(path: &'static str, part: &'static str) -> FieldPlace {
    FieldPlace {
        path,
        part,
        asked_for: false,
    }
}

const fn asked_for(path: &'static str, part: &'static str) -> FieldPlace {
    FieldPlace {
        path,
        part,
        asked_for: true,
    }
}

impl Field {
    const fn at(self, places: &'static [FieldPlace]) -> Self {
        Self { places, ..self }
    }

    const fn merged(self, strategy: MergeStrategy) -> Self {
        let merge = Some(strategy);
        Self { merge, ..self }
    }

    const fn detail(self, detail: Detail) -> Self {
        Self { detail, ..self }
    }

    const fn immutable(self) -> Self {
        Self {
            immutable: true,
            ..self
        }
    }
}
