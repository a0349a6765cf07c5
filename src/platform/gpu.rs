//! What GPUs are called on the platform's clusters.

use serde_json::Value;

use super::fields::{fields, inside, text};
use crate::error::Result;
use crate::quantity::{Amounts, GPU};

/// The names of the resource and of the nodes' labels, by default those of Flyte's own plugins (`K8sPluginConfig`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuNames {
    /// The resource that stands for a GPU, such as `nvidia.com/gpu`.
    pub resource_name: String,
    /// The label that says which kind of GPU a node has.
    pub device_node_label: String,
    /// The label that says into what a node's GPUs are divided.
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
    pub(super) fn parse(path: &str, value: &Value) -> Result<Self> {
        let mut names = Self::default();
        for (key, value) in fields(
            path,
            value,
            &["resourceName", "deviceNodeLabel", "partitionSizeNodeLabel"],
        )? {
            let text = text(&inside(path, key), value)?.to_owned();
            match key {
                "resourceName" => names.resource_name = text,
                "deviceNodeLabel" => names.device_node_label = text,
                _ => names.partition_size_node_label = text,
            }
        }
        Ok(names)
    }

    /// Amounts with GPUs under the platform's name for them.
    pub(super) fn renamed(&self, mut amounts: Amounts) -> Amounts {
        if let Some(gpus) = amounts.remove(GPU) {
            amounts.insert(self.resource_name.clone(), gpus);
        }
        amounts
    }

    /// What pods call the resource that the core calls by its usual name.
    pub(super) fn in_pods<'a>(&'a self, resource: &'a str) -> &'a str {
        if resource == GPU { &self.resource_name } else { resource }
    }
}
