//! The fields about starting, replacing and ending pods.

use k8s_openapi::api::apps::v1::StatefulSetUpdateStrategy;
use serde::{Deserialize, Deserializer};

use super::lifetime::WrittenLifetime;
use super::shorthand::{Shorthand, shorthand};
use super::words::{Count, enumeration};
use crate::error::{Error, Result};
use crate::text::{did_you_mean, shorten};

enumeration!(
    /// How pods are started.
    ManagementPolicy:
    /// All at once.
    Parallel,
    /// One after the other, each when the one before is ready.
    OrderedReady
);

/// The fields as they are written.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct WrittenRollout {
    /// Whether pods are started all at once or one after the other. Default: `Parallel`.
    #[cfg_attr(test, schemars(extend("default" = "Parallel")))]
    pub(super) pod_management_policy: Option<ManagementPolicy>,
    /// For how many seconds a pod has to stand before it counts as ready. Default: the platform's, 3.
    #[cfg_attr(test, schemars(extend("default" = 3)))]
    pub(super) min_ready_seconds: Option<Count<i32>>,
    /// How pods are replaced when the service is updated: `RollingUpdate`, `OnDelete`, or Kubernetes's
    /// StatefulSetUpdateStrategy. Default: `RollingUpdate`.
    #[cfg_attr(test, schemars(extend("default" = "RollingUpdate")))]
    pub(super) update_strategy: Option<WrittenStrategy>,
    /// When the service ends by itself: with the runs that use it (`run`), each execution for itself (`execution`),
    /// never (`persist`), or a dictionary with `bound`, `grace`, `after`, `ttl` and `idle`. Default: `persist` with a
    /// `Name`, else `run`.
    pub(super) lifetime: Option<WrittenLifetime>,
}

/// The field `UpdateStrategy` as it is written: its type alone, or Kubernetes's own words.
pub(super) struct WrittenStrategy(StatefulSetUpdateStrategy);

impl Shorthand for WrittenStrategy {
    type Full = StatefulSetUpdateStrategy;
    const EXPECTED: &'static str = "must be RollingUpdate, OnDelete or Kubernetes's StatefulSetUpdateStrategy.";

    fn from_full(full: StatefulSetUpdateStrategy) -> Self {
        Self(full)
    }

    fn from_text(name: &str) -> Option<Self> {
        Some(Self(StatefulSetUpdateStrategy {
            type_: Some(name.to_owned()),
            rolling_update: None,
        }))
    }
}

impl<'de> Deserialize<'de> for WrittenStrategy {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        shorthand(reader)
    }
}

impl WrittenStrategy {
    /// Checks the field.
    pub(super) fn check(self) -> Result<StatefulSetUpdateStrategy> {
        const FIELD: &str = "UpdateStrategy";
        let strategy = self.0;
        match strategy.type_.as_deref() {
            None | Some("RollingUpdate") => Ok(strategy),
            Some("OnDelete") if strategy.rolling_update.is_none() => Ok(strategy),
            Some("OnDelete") => Err(Error::invalid(
                format!("{FIELD}.rollingUpdate"),
                "must be left out where the type is OnDelete.",
            )),
            Some(other) => Err(Error::invalid(
                format!("{FIELD}.type"),
                format!(
                    "is {}, but must be RollingUpdate or OnDelete{}",
                    shorten(other),
                    did_you_mean(other, ["RollingUpdate", "OnDelete"])
                ),
            )),
        }
    }
}
