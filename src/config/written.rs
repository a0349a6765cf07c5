//! A configuration as it is written: a typed structure for each group of fields.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::basics::WrittenBasics;
use super::claims::WrittenStorage;
use super::container::WrittenContainers;
use super::deserialize::read_group;
use super::metadata::WrittenMetadata;
use super::pod::WrittenPod;
use super::policies::WrittenPolicies;
use super::ports::WrittenPorts;
use super::rollout::WrittenRollout;
use crate::error::{Error, FieldFault, Result};

/// All fields of a service to be made.
pub(super) struct Written {
    pub(super) basics: WrittenBasics,
    pub(super) ports: WrittenPorts,
    pub(super) containers: WrittenContainers,
    pub(super) storage: WrittenStorage,
    pub(super) pod: WrittenPod,
    pub(super) rollout: WrittenRollout,
    pub(super) policies: WrittenPolicies,
    pub(super) metadata: WrittenMetadata,
}

impl Written {
    /// Reads a configuration, a dictionary.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] with everything that cannot be read.
    pub(super) fn read(config: &Value) -> Result<Self> {
        let mut faults = Vec::new();
        let written = Self {
            basics: group(config, &mut faults)?,
            ports: group(config, &mut faults)?,
            containers: group(config, &mut faults)?,
            storage: group(config, &mut faults)?,
            pod: group(config, &mut faults)?,
            rollout: group(config, &mut faults)?,
            policies: group(config, &mut faults)?,
            metadata: group(config, &mut faults)?,
        };
        Error::of_faults(faults).map_or(Ok(written), Err)
    }
}

/// Reads a group of fields, or notes what is wrong with them.
fn group<T: DeserializeOwned + Default>(config: &Value, faults: &mut Vec<FieldFault>) -> Result<T> {
    read_group(config).or_else(|error: Error| {
        faults.extend(error.into_faults()?);
        Ok(T::default())
    })
}
