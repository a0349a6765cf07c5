//! A service to be made: the validated form of a configuration, and its hash.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSetUpdateStrategy;
use k8s_openapi::api::core::v1::{Container, PodSpec, VolumeMount};
use k8s_openapi::api::policy::v1::PodDisruptionBudgetSpec;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::accelerator::{Accelerator, WrittenAccelerator};
use super::checks::check_unique;
use super::claims::{self, ClaimTemplate, Retention, RetentionPolicy};
use super::container::{self, some};
use super::gpu::GpuNames;
use super::lifetime::{self, Lifetime};
use super::policies::{self, NetworkPolicy};
use super::ports::{self, Port};
use super::rollout::WrittenStrategy;
use super::template::PodTemplate;
use super::words::Count;
use super::written::Written;
use super::{environment, flyte_secrets, metadata, pod, probes, volumes};
use crate::error::{Error, Result};
use crate::identity::names::check_name;
use crate::resources::quantity::{self, Amounts};

/// For how long a pod has to stand, in seconds, before it counts as ready: one without a readiness probe is Ready the
/// instant its process starts, also one that exits half a second later.
pub const DEFAULT_MIN_READY_SECONDS: i32 = 3;

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
    /// For how many seconds a pod has to stand before it counts as ready. Not part of the hash: the platform decides
    /// it.
    #[serde(skip)]
    pub min_ready_seconds: i32,
    /// When the service ends by itself. Not part of the hash, since it does not change the pods.
    #[serde(skip)]
    pub lifetime: Lifetime,
    /// The hash of what the user asked for, where the platform has filled in more since.
    #[serde(skip)]
    pub own_hash: Option<String>,
    /// The requests of each pod, by Kubernetes's resource names.
    #[serde(serialize_with = "quantity::by_value")]
    pub requests: Amounts,
    /// The limits of each pod, by Kubernetes's resource names.
    #[serde(serialize_with = "quantity::by_value")]
    pub limits: Amounts,
    /// The user's pod template. Without one, and without the fields below, the hash is what it has always been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<Box<PodTemplate>>,
    /// The fields of the pod, without its containers.
    #[serde(skip_serializing_if = "is_default")]
    pub pod: Box<PodSpec>,
    /// The fields of the service's own container beyond the fields above.
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
    /// The platform's names for GPUs and their kinds. Not part of the hash: the platform decides it.
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
    /// For how many seconds a pod must be up before it counts as ready, if the user sets it.
    #[serde(rename = "min_ready_seconds", skip_serializing_if = "Option::is_none")]
    pub own_min_ready_seconds: Option<i32>,
    /// How pods are replaced when the service is updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_strategy: Option<StatefulSetUpdateStrategy>,
    /// Whether the pods' names resolve before the pods are ready, if the user sets it.
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
    /// The allowed traffic to the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,
}

impl DataServiceSpec {
    /// Checks a configuration that was read, and fills in its defaults.
    pub(super) fn new(written: Written) -> Result<Self> {
        let Written {
            basics,
            ports: network,
            containers,
            storage,
            mut pod,
            rollout,
            policies,
            metadata: of_objects,
        } = written;
        if let Some(name) = &basics.name {
            check_name("Name", name)?;
        }
        let (requests, limits) = basics.resources()?;
        let image = basics.image()?;
        let ports = ports::ports(&network.ports)?;
        let port = ports::main_port(network.port, &ports);
        let known = probes::Known {
            main: port,
            names: ports.iter().map(|port| port.name.as_str()).collect(),
        };
        let secrets = flyte_secrets::secrets(&containers.secrets)?;
        let init_containers = container::others("InitContainers", &containers.init_containers, &image, &secrets)?;
        let sidecars = container::others("Sidecars", &containers.sidecars, &image, &secrets)?;
        container::check_names(&init_containers, &sidecars)?;
        let replicas = basics.replicas();
        let lifetime = lifetime::lifetime(rollout.lifetime, basics.name.is_some())?;
        let mut container = container::container(containers, basics.args, &known, &secrets)?;
        let claims = claims::claims(&storage.volume_claim_templates)?;
        let retention = storage.persistent_volume_claim_retention_policy.map(Retention::from);
        let deletes_claims = retention.is_some_and(|retention| retention.when_scaled == RetentionPolicy::Delete);
        if lifetime.sleeps() && deletes_claims && !claims.is_empty() {
            return Err(Error::invalid(
                "Lifetime.idle.then",
                "is Sleep, which scales the service to 0, but PersistentVolumeClaimRetentionPolicy.whenScaled is Delete, so that \
                 its claims would be deleted: use Retain, or leave whenScaled out.",
            ));
        }
        let (volumes, mounts): (Vec<_>, Vec<_>) = volumes::volumes(storage.volumes)?.into_iter().unzip();
        check_mounts(&claims, &mounts)?;
        let mounts = mounts.into_iter().chain(claims.iter().map(ClaimTemplate::mount));
        container.volume_mounts = some(container.volume_mounts.into_iter().flatten().chain(mounts).collect());
        let accelerator = pod.accelerator.take().map(WrittenAccelerator::check).transpose()?;
        let pod_template = pod.pod_template.take();
        let pod_template = pod_template
            .map(|template| PodTemplate::parse(&template.0).map(Box::new))
            .transpose()?;
        let pod = pod::pod(pod, secrets.volumes.into_iter().chain(volumes).collect())?;
        environment::check_circles(&container, pod_template.as_deref())?;
        let own_min_ready_seconds = rollout.min_ready_seconds.map(|Count(seconds)| seconds);
        Ok(Self {
            name: basics.name,
            min_ready_seconds: own_min_ready_seconds.unwrap_or(DEFAULT_MIN_READY_SECONDS),
            image,
            command: basics.command.and_then(some),
            port,
            replicas,
            lifetime,
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
            accelerator,
            gpu: GpuNames::default(),
            claims,
            retention,
            pod_management_policy: rollout.pod_management_policy.map(|policy| policy.as_str().to_owned()),
            own_min_ready_seconds,
            update_strategy: rollout.update_strategy.map(WrittenStrategy::check).transpose()?,
            publish_not_ready_addresses: network.publish_not_ready_addresses,
            labels: metadata::labels(of_objects.labels.unwrap_or_default())?,
            annotations: metadata::annotations(of_objects.annotations.unwrap_or_default())?,
            pod_disruption_budget: policies::disruption_budget(policies.pod_disruption_budget)?,
            network_policy: policies::network_policy(policies.network_policy)?,
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
