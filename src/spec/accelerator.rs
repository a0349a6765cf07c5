//! The field `Accelerator`: which kind of GPU the service needs, as flytekit's accelerators say it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::Fields;
use crate::error::{Error, Result};
use crate::strict;

/// A kind of GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accelerator {
    /// The device, as the nodes' label names it, such as `nvidia-tesla-a100`.
    pub device: String,
    /// The partition of the device, such as `1g.5gb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_size: Option<String>,
    /// Whether it has to be a device that is not divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpartitioned: Option<bool>,
}

/// Reads the field: a device's name alone, or with its partition.
pub(super) fn accelerator(fields: Fields<'_>) -> Result<Option<Accelerator>> {
    const FIELD: &str = "Accelerator";
    let accelerator = match fields.given(FIELD) {
        None => return Ok(None),
        Some(Value::String(device)) => Accelerator {
            device: device.clone(),
            partition_size: None,
            unpartitioned: None,
        },
        Some(other) => strict::read(FIELD, other)?,
    };
    if accelerator.device.is_empty() {
        return Err(Error::invalid(
            FIELD,
            "names no device: give it as the nodes' label does, such as \"nvidia-tesla-t4\".",
        ));
    }
    if accelerator.unpartitioned == Some(true) && accelerator.partition_size.is_some() {
        return Err(Error::invalid(
            FIELD,
            "asks for a partition and for an undivided device: leave out one of partitionSize and unpartitioned.",
        ));
    }
    Ok(Some(accelerator))
}
