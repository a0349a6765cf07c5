//! What a user asks for, parsed and validated once, so that a bad state cannot be built.
//!
//! One file per group of fields; each reads its fields in Kubernetes's own words wherever Kubernetes has them.

mod accelerator;
mod basics;
mod claims;
mod container;
mod environment;
pub(crate) mod expansion;
mod faults;
mod fields;
mod flyte_secrets;
mod metadata;
mod pod;
mod policies;
mod ports;
mod probes;
mod rollout;
mod size;
mod template;
mod volumes;

pub use accelerator::Accelerator;
pub use claims::{AccessMode, ClaimTemplate, Fate, Retention};
pub use faults::every_fault;
pub use fields::FIELDS;
pub(crate) use metadata::{ANNOTATIONS_LIMIT, is_key, is_label_value};
pub use policies::NetworkPolicy;
pub use ports::{MAIN_PORT_NAME, Port, Protocol};
pub use size::{check_size, explain_size, size_of};
pub use template::PodTemplate;
pub(crate) use template::{DEFAULT_PRIMARY, FIELD as TEMPLATE, PRIMARY};

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSetUpdateStrategy;
use k8s_openapi::api::core::v1::{Container, PodSpec, VolumeMount};
use k8s_openapi::api::policy::v1::PodDisruptionBudgetSpec;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::container::some;
use self::fields::{Fields, check_unique};
use crate::error::{Error, Result};
use crate::names::{NAME_LIMIT, check_existing_name, check_name, check_namespace};
use crate::platform::{DEFAULT_MIN_READY_SECONDS, GpuNames};
use crate::quantity::{self, Amounts};
use crate::wording::shorten;

/// The port of a service whose user names none.
pub const DEFAULT_PORT: u16 = 40000;
/// The number of pods of a service whose user names none.
pub const DEFAULT_REPLICAS: u32 = 1;

/// The longest name of a cluster, in bytes: it is kept in Flyte's state of the task, which has to stay small.
const CLUSTER_LIMIT: usize = 253;

/// What the configuration of a task asks for.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made for each create, and moved a few times"
)]
pub enum Target {
    /// A service to be made.
    New(DataServiceSpec),
    /// A service that exists already, by its name: it is used, never made, never changed, never deleted by the task.
    Existing(String),
}

/// A service to be made. Each value is valid; defaults are filled in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataServiceSpec {
    /// The name that the user gave. Not part of the hash: it is what two services of the same hash are compared under.
    #[serde(skip)]
    pub name: Option<String>,
    /// The container image.
    pub image: String,
    /// The command; without one the image's own entry point runs.
    pub command: Option<Vec<String>>,
    /// The port that the service listens on, the same in each pod.
    pub port: u16,
    /// The number of pods.
    pub replicas: u32,
    /// For how many seconds a pod has to stand before it counts as ready. Not part of the hash: the platform decides it.
    #[serde(skip)]
    pub min_ready_seconds: i32,
    /// The hash of what the user asked for, where the platform has filled in more since.
    #[serde(skip)]
    pub own_hash: Option<String>,
    /// What each pod requests, by Kubernetes's resource names.
    #[serde(serialize_with = "quantity::by_value")]
    pub requests: Amounts,
    /// What each pod is limited to, by Kubernetes's resource names.
    #[serde(serialize_with = "quantity::by_value")]
    pub limits: Amounts,
    /// What else the user says of the pods. Without one, and without what follows, the hash is what it has always been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<Box<PodTemplate>>,
    /// What the fields say of the pod, without its containers.
    #[serde(skip_serializing_if = "is_default")]
    pub pod: Box<PodSpec>,
    /// What the fields say of the service's own container beyond the fields above.
    #[serde(skip_serializing_if = "is_default")]
    pub container: Box<Container>,
    /// Containers that run before the service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub init_containers: Vec<Container>,
    /// Containers that run beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sidecars: Vec<Container>,
    /// Whether the server knows containers that run beside the others from before they start until after they end.
    /// Not part of the hash: the cluster decides it.
    #[serde(skip)]
    pub native_sidecars: bool,
    /// The ports by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// Which kind of GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<Accelerator>,
    /// What the platform calls GPUs and their kinds. Not part of the hash: the platform decides it.
    #[serde(skip)]
    pub gpu: GpuNames,
    /// Storage of each pod's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<ClaimTemplate>,
    /// When that storage is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Whether pods are started one after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_management_policy: Option<String>,
    /// For how many seconds a pod has to stand before it counts as ready, if the user says it.
    #[serde(rename = "min_ready_seconds", skip_serializing_if = "Option::is_none")]
    pub own_min_ready_seconds: Option<i32>,
    /// How pods are replaced when the service is updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_strategy: Option<StatefulSetUpdateStrategy>,
    /// Whether the pods' names resolve before the pods are ready, if the user says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_not_ready_addresses: Option<bool>,
    /// Labels of all objects and of the pods.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of all objects and of the pods.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// How many pods may be away at once when nodes are drained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_disruption_budget: Option<PodDisruptionBudgetSpec>,
    /// Who may talk to the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,
}

impl Target {
    /// Reads a configuration as Flyte delivers it: every number a float, absent fields absent or null.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that names the fields at fault.
    pub fn parse(config: &Value) -> Result<Self> {
        every_fault(config, Self::parse_to_the_first_fault)
    }

    fn parse_to_the_first_fault(config: &Value) -> Result<Self> {
        parse_cluster(config)?;
        let Value::Object(config) = config else {
            return Err(Error::invalid(
                "DataServiceConfig",
                "must be a dictionary of the documented fields.",
            ));
        };
        let fields = Fields::new(config);
        fields.check_known()?;
        check_namespace_of(fields)?;
        // An empty string has always meant "no existing service".
        if let Some(existing) = fields.text("ExistingReleaseName")?.filter(|name| !name.is_empty()) {
            check_existing_name("ExistingReleaseName", &existing)?;
            if existing.len() > NAME_LIMIT {
                return Err(Error::invalid(
                    "ExistingReleaseName",
                    format!("is longer than {NAME_LIMIT} characters, and a StatefulSet of such a name has no pods."),
                ));
            }
            return Ok(Self::Existing(existing));
        }
        DataServiceSpec::parse(fields).map(Self::New)
    }

    /// The name that the configuration gives, if any.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::New(spec) => spec.name.as_deref(),
            Self::Existing(name) => Some(name),
        }
    }
}

/// Reads the field `Cluster`, which names the context to use. An empty string means none.
///
/// # Errors
/// [`Error::InvalidSpec`] when it is not text, or too long.
pub fn parse_cluster(config: &Value) -> Result<Option<String>> {
    let Value::Object(config) = config else { return Ok(None) };
    let cluster = Fields::new(config)
        .text("Cluster")?
        .filter(|cluster| !cluster.is_empty());
    if cluster.as_ref().is_some_and(|cluster| cluster.len() > CLUSTER_LIMIT) {
        return Err(Error::invalid(
            "Cluster",
            format!("is longer than {CLUSTER_LIMIT} characters."),
        ));
    }
    Ok(cluster)
}

/// Checks the field `Namespace`. What it means is for the platform to say. An empty string means none.
fn check_namespace_of(fields: Fields<'_>) -> Result<()> {
    let Some(namespace) = fields.text("Namespace")?.filter(|namespace| !namespace.is_empty()) else {
        return Ok(());
    };
    check_namespace(&namespace).map_err(|_| {
        let problem = format!("is {}, which cannot be the name of a namespace.", shorten(&namespace));
        Error::invalid("Namespace", problem)
    })
}

impl DataServiceSpec {
    fn parse(fields: Fields<'_>) -> Result<Self> {
        let name = fields.text("Name")?;
        if let Some(name) = &name {
            check_name("Name", name)?;
        }
        let amounts = |field| {
            fields
                .given(field)
                .map(|value| quantity::from_flyte(field, value))
                .transpose()
        };
        let (requests, limits) = quantity::complete(amounts("Requests")?, amounts("Limits")?)?;
        let image = basics::image(fields)?;
        let ports = ports::ports(fields)?;
        let port = basics::main_port(basics::port(fields)?, &ports);
        let known = probes::Known {
            main: port,
            names: ports.iter().map(|port| port.name.as_str()).collect(),
        };
        let secrets = flyte_secrets::secrets(fields)?;
        let mut container = container::container(fields, &known, &secrets)?;
        let init_containers = container::others(fields, "InitContainers", &image, &secrets)?;
        let sidecars = container::others(fields, "Sidecars", &image, &secrets)?;
        container::check_names(&init_containers, &sidecars)?;
        let own_min_ready_seconds = fields.count("MinReadySeconds")?;
        let claims = claims::claims(fields)?;
        let (volumes, mounts): (Vec<_>, Vec<_>) = volumes::volumes(fields)?.into_iter().unzip();
        check_mounts(&claims, &mounts)?;
        let mounts = mounts.into_iter().chain(claims.iter().map(ClaimTemplate::mount));
        container.volume_mounts = some(container.volume_mounts.into_iter().flatten().chain(mounts).collect());
        let pod = pod::pod(fields, secrets.volumes.into_iter().chain(volumes).collect())?;
        let pod_template = fields
            .given("PodTemplate")
            .map(|template| PodTemplate::parse(template).map(Box::new))
            .transpose()?;
        environment::check_circles(&container, pod_template.as_deref())?;
        Ok(Self {
            name,
            min_ready_seconds: own_min_ready_seconds.unwrap_or(DEFAULT_MIN_READY_SECONDS),
            image,
            command: basics::words(fields, "Command")?,
            port,
            replicas: basics::replicas(fields)?,
            own_hash: None,
            requests,
            limits,
            pod_template,
            pod: Box::new(pod),
            container: Box::new(container),
            init_containers,
            sidecars,
            native_sidecars: true,
            ports,
            accelerator: accelerator::accelerator(fields)?,
            gpu: GpuNames::default(),
            claims,
            retention: claims::retention(fields)?,
            pod_management_policy: fields.one_of("PodManagementPolicy", &["Parallel", "OrderedReady"])?,
            own_min_ready_seconds,
            update_strategy: rollout::update_strategy(fields)?,
            publish_not_ready_addresses: fields.kubernetes("PublishNotReadyAddresses")?,
            labels: metadata::labels(fields)?,
            annotations: metadata::annotations(fields)?,
            pod_disruption_budget: policies::disruption_budget(fields)?,
            network_policy: policies::network_policy(fields)?,
        })
    }

    /// The hash of everything that makes this service what it is: 16 hexadecimal digits.
    ///
    /// Two configurations that ask for the same service have the same hash, however they were written, and whatever the
    /// platform makes of them.
    #[must_use]
    pub fn hash(&self) -> String {
        if let Some(own) = &self.own_hash {
            return own.clone();
        }
        // A struct of strings, numbers and string-keyed maps always serializes.
        let canonical = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(canonical)
            .iter()
            .take(8)
            .fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"))
    }
}

/// Checks that nothing of the fields is mounted over, or called like, something else of them.
fn check_mounts(claims: &[ClaimTemplate], mounts: &[VolumeMount]) -> Result<()> {
    let volume = |index: usize, key| format!("Volumes[{index}].{key}");
    let claim = |index: usize, key| format!("VolumeClaimTemplates[{index}].{key}");
    let volumes = || mounts.iter().enumerate();
    let claims = || claims.iter().enumerate();
    let of_volumes = volumes().map(|(index, mount)| (volume(index, "name"), mount.name.as_str()));
    let of_claims = claims().map(|(index, each)| (claim(index, "name"), each.name.as_str()));
    check_unique(of_volumes.chain(of_claims))?;
    let of_volumes = volumes().map(|(index, mount)| (volume(index, "mountPath"), mount.mount_path.as_str()));
    let of_claims = claims().map(|(index, each)| (claim(index, "mountPath"), each.mount_path.as_str()));
    check_unique(of_volumes.chain(of_claims))
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    fn spec(config: &Value) -> DataServiceSpec {
        match Target::parse(config).expect("valid") {
            Target::New(spec) => spec,
            Target::Existing(name) => panic!("attached to {name}"),
        }
    }

    #[test]
    fn a_configuration_as_flyte_sends_it_is_read() {
        let spec = spec(&json!({
            "Name": "foo", "Image": "busybox", "Command": ["sh", "-c", "true"], "Port": 40001.0, "Replicas": 2.0,
            "ExistingReleaseName": null, "Cluster": null,
        }));
        assert_eq!(spec.name.as_deref(), Some("foo"));
        assert_eq!((spec.port, spec.replicas), (40001, 2));
        assert_eq!(spec.command.expect("a command").len(), 3);
    }

    #[test]
    fn fields_that_are_null_or_absent_get_the_documented_defaults() {
        let with_null: Map<_, _> = FIELDS.iter().map(|field| ((*field).to_owned(), Value::Null)).collect();
        let mut with_null = Value::Object(with_null);
        with_null["Image"] = json!("busybox");
        let spec = spec(&with_null);
        assert_eq!(spec, super::tests::spec(&json!({"Image": "busybox"})));
        assert_eq!(
            (spec.name, spec.command, spec.port, spec.replicas),
            (None, None, 40000, 1)
        );
    }

    #[test]
    fn an_existing_service_needs_nothing_else_and_ignores_placeholders() {
        let target = Target::parse(&json!({"ExistingReleaseName": "foo", "Image": "", "Command": [1], "Port": -1}));
        assert_eq!(target.expect("valid"), Target::Existing("foo".to_owned()));
    }

    #[test]
    fn an_empty_existing_release_name_means_a_new_service() {
        assert_eq!(
            spec(&json!({"ExistingReleaseName": "", "Image": "busybox"})).image,
            "busybox"
        );
    }

    #[test]
    fn bad_input_is_refused_with_the_field_that_is_at_fault() {
        for (config, field) in [
            (json!({}), "Image is missing"),
            (json!({"Image": ""}), "Image is missing"),
            (json!({"Image": "a b"}), "Image is"),
            (json!({"Image": 1}), "Image must be text"),
            (json!({"Image": "i", "Name": "Bad_Name"}), "Name "),
            (json!({"Image": "i", "Name": ""}), "Name "),
            (json!({"Image": "i", "Replicas": -1.0}), "Replicas is -1,"),
            (json!({"Image": "i", "Replicas": 1.5}), "Replicas is 1.5"),
            (json!({"Image": "i", "Replicas": "two"}), "Replicas is \"two\""),
            (json!({"Image": "i", "Replicas": "-2"}), "Replicas is \"-2\""),
            (json!({"Image": "i", "Replicas": true}), "Replicas is"),
            (json!({"Image": "i", "Replicas": 3_000_000_000.0}), "Replicas is"),
            (json!({"Image": "i", "Port": 0.0}), "Port is 0,"),
            (json!({"Image": "i", "Port": 70000.0}), "Port is 70000,"),
            (json!({"Image": "i", "Port": 80.5}), "Port is 80.5"),
            (json!({"Image": "i", "Command": "sleep 1"}), "Command must be a list"),
            (
                json!({"Image": "i", "Command": ["sh", 1]}),
                "Command[1] must be a string",
            ),
            (json!({"Image": "i", "Command": ["a\u{0}b"]}), "Command[0] contains"),
            (json!({"Image": "i", "Requests": {"cpu": "x"}}), "Requests.cpu is"),
            (json!({"Image": "i", "Cluster": 3}), "Cluster must be text"),
            (json!({"Image": "i", "Cluster": "c".repeat(254)}), "Cluster is longer"),
            (json!({"ExistingReleaseName": "A B"}), "ExistingReleaseName "),
            (
                json!({"ExistingReleaseName": "a".repeat(53)}),
                "ExistingReleaseName is longer",
            ),
            (json!({"Image": "i", "Replica": 1}), "Replica is not a field"),
            (json!([]), "DataServiceConfig must be"),
        ] {
            let message = Target::parse(&config)
                .and_then(|_| parse_cluster(&config))
                .expect_err(field)
                .to_string();
            assert!(message.starts_with(field), "{message}");
        }
    }

    #[test]
    fn the_hash_tells_services_apart_but_not_ways_of_writing_one() {
        let plain = spec(&json!({"Image": "i", "Name": "a"}));
        let written_out = spec(&json!({
            "Image": "i", "Name": "b", "Port": 40000.0, "Replicas": "1", "Command": [], "Requests": {"cpu": "2000m", "mem": 1e10},
        }));
        assert_eq!(plain.hash(), written_out.hash());
        assert_eq!(plain.hash().len(), 16);
        for other in [
            json!({"Image": "j"}),
            json!({"Image": "i", "Port": 1}),
            json!({"Image": "i", "Requests": {}}),
        ] {
            assert_ne!(plain.hash(), spec(&other).hash(), "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_configuration_makes_the_parser_panic(image in ".*", name in ".*", port in -1e20..1e20f64, mem in ".*") {
            let config = json!({"Image": image, "Name": name, "Port": port, "Limits": {"mem": mem}});
            if let Ok(Target::New(spec)) = Target::parse(&config) {
                proptest::prop_assert!(spec.port > 0 && !spec.image.is_empty());
            }
        }
    }
}
