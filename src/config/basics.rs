//! The fields that every service has: its name, its image, its words, its number of pods and what each takes.

use serde::Deserialize;
use serde_json::Value;

use super::words::{Replicas, arguments};
use crate::error::{Error, Result};
use crate::resources::flyte;
use crate::resources::quantity::Amounts;
use crate::text::shorten;

/// The number of pods of a service whose user names none.
pub const DEFAULT_REPLICAS: u32 = 1;

/// The fields as they are written.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WrittenBasics {
    /// The container image. Required, unless `ExistingReleaseName` is set.
    #[cfg_attr(test, schemars(extend("pattern" = "^[^\\s]+$")))]
    image: Option<String>,
    /// The command, a word per item; Kubernetes's `command`, Docker's entry point. Default: the image's own.
    #[serde(deserialize_with = "arguments")]
    pub(super) command: Option<Vec<String>>,
    /// The arguments of the command, a word per item; Kubernetes's `args`. Default: the image's own.
    #[serde(deserialize_with = "arguments")]
    pub(super) args: Option<Vec<String>>,
    /// The number of pods, 0 or more. The pods find it in `GE_COUNT`. Default: 1.
    #[cfg_attr(test, schemars(extend("default" = DEFAULT_REPLICAS)))]
    replicas: Option<Replicas>,
    /// The resources that each pod requests. Default: 2 CPUs and 10 GB of memory, or the limits where they are lower.
    #[cfg_attr(test, schemars(with = "Option<super::schema::Resources>", extend("default" = {"cpu": "2", "mem": "10G"})))]
    requests: Option<Value>,
    /// The limits of each pod. Default: 6 CPUs and 16 GB of memory, or the requests where they are higher.
    #[cfg_attr(test, schemars(with = "Option<super::schema::Resources>", extend("default" = {"cpu": "6", "mem": "16G"})))]
    limits: Option<Value>,
    /// The name of the StatefulSet, of its Service and, with a number, of its pods: at most 52 lower-case letters,
    /// digits and hyphens, starting with a letter. Default: `k8s-dataservice-` and twelve hexadecimal digits, the same
    /// for every retry of the task within one execution.
    #[cfg_attr(test, schemars(extend("pattern" = "^[a-z]([-a-z0-9]*[a-z0-9])?$", "maxLength" = 52)))]
    pub(super) name: Option<String>,
}

impl WrittenBasics {
    /// The field `Image`.
    pub(super) fn image(&self) -> Result<String> {
        let image = self.image.clone().unwrap_or_default();
        if image.is_empty() {
            return Err(Error::invalid(
                "Image",
                "is missing: name the container image of the service, or an ExistingReleaseName to use a service that runs already.",
            ));
        }
        if image.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::invalid(
                "Image",
                format!("is {}, but an image's name has no spaces.", shorten(&image)),
            ));
        }
        Ok(image)
    }

    /// The field `Replicas`.
    pub(super) fn replicas(&self) -> u32 {
        self.replicas.map_or(DEFAULT_REPLICAS, |Replicas(number)| number)
    }

    /// The fields `Requests` and `Limits`, completed with the defaults.
    pub(super) fn resources(&self) -> Result<(Amounts, Amounts)> {
        let amounts = |field, written: &Option<Value>| {
            let written = written.as_ref();
            written.map(|value| flyte::from_flyte(field, value)).transpose()
        };
        flyte::complete(amounts("Requests", &self.requests)?, amounts("Limits", &self.limits)?)
    }
}
