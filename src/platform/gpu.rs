//! The names of GPUs in the settings.

use serde_json::Value;

use super::reader::{fields, inside, text};
use crate::config::GpuNames;
use crate::error::Result;

/// Reads the setting `gpu`.
pub(super) fn parse(path: &str, value: &Value) -> Result<GpuNames> {
    let mut names = GpuNames::default();
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
