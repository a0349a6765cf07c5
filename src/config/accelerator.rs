//! The field `Accelerator`: the kind of GPU that the service needs, in the names of flytekit's accelerators.

use serde::{Deserialize, Deserializer, Serialize};

use super::shorthand::{Shorthand, shorthand};
use crate::error::{Error, Result};

/// A kind of GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, schemars(deny_unknown_fields))]
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

/// The field as it is written: a device's name alone, or with its partition.
pub(super) struct WrittenAccelerator(Accelerator);

impl Shorthand for WrittenAccelerator {
    type Full = Accelerator;
    const EXPECTED: &'static str =
        "must be the name of a device, such as \"nvidia-tesla-t4\", or a dictionary with a device and its partition.";

    fn from_full(full: Accelerator) -> Self {
        Self(full)
    }

    fn from_text(device: &str) -> Option<Self> {
        let device = device.to_owned();
        Some(Self(Accelerator {
            device,
            partition_size: None,
            unpartitioned: None,
        }))
    }
}

impl<'de> Deserialize<'de> for WrittenAccelerator {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        shorthand(reader)
    }
}

impl WrittenAccelerator {
    /// Checks the field.
    pub(super) fn check(self) -> Result<Accelerator> {
        const FIELD: &str = "Accelerator";
        let accelerator = self.0;
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
        Ok(accelerator)
    }
}
