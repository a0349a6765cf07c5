//! The names of GPUs on the platform's clusters.

use crate::resources::flyte::GPU;
use crate::resources::quantity::Amounts;

/// The names of the resource and of the nodes' labels, by default those of Flyte's own plugins (`K8sPluginConfig`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuNames {
    /// The resource that stands for a GPU, such as `nvidia.com/gpu`.
    pub resource_name: String,
    /// The label of a node with its kind of GPU.
    pub device_node_label: String,
    /// The label of a node with the size of its GPU partitions.
    pub partition_size_node_label: String,
}

impl Default for GpuNames {
    fn default() -> Self {
        Self {
            resource_name: GPU.to_owned(),
            device_node_label: "k8s.amazonaws.com/accelerator".to_owned(),
            partition_size_node_label: "k8s.amazonaws.com/gpu-partition-size".to_owned(),
        }
    }
}

impl GpuNames {
    /// Amounts with GPUs under the platform's name for them.
    pub(crate) fn renamed(&self, mut amounts: Amounts) -> Amounts {
        if let Some(gpus) = amounts.remove(GPU) {
            amounts.insert(self.resource_name.clone(), gpus);
        }
        amounts
    }

    /// The pods' name for the resource that the core calls by its usual name.
    pub(crate) fn in_pods<'a>(&'a self, resource: &'a str) -> &'a str {
        if resource == GPU { &self.resource_name } else { resource }
    }
}
