//! What the platform decides for all services, where users do not.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::spec::DataServiceSpec;
use crate::status::diagnosis::{Cause, GracePeriods};
use crate::wording::{nearest, shorten, shortened, shown};

/// For how long a pod has to stand, in seconds, before it counts as ready: one without a readiness probe is Ready the
/// instant its process starts, also one that exits half a second later.
pub const DEFAULT_MIN_READY_SECONDS: i32 = 3;

/// The most that Kubernetes and people can have meant: a day.
const LONGEST: f64 = 86_400.0;

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
            resource_name: crate::quantity::GPU.to_owned(),
            device_node_label: "k8s.amazonaws.com/accelerator".to_owned(),
            partition_size_node_label: "k8s.amazonaws.com/gpu-partition-size".to_owned(),
        }
    }
}

/// The settings of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// For how many seconds a pod has to stand before it counts as ready.
    pub min_ready_seconds: i32,
    /// How long causes may take to pass, where that is not left to [`Cause::fails`].
    pub grace_periods: GracePeriods,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            min_ready_seconds: DEFAULT_MIN_READY_SECONDS,
            grace_periods: GracePeriods::default(),
        }
    }
}

impl Platform {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that names the first setting at fault.
    pub fn parse(settings: &Value) -> Result<Self> {
        let mut platform = Self::default();
        for (key, value) in settings.as_object().into_iter().flatten() {
            match key.as_str() {
                "minReadySeconds" => platform.min_ready_seconds = whole(key, value)?,
                "gracePeriods" => platform.grace_periods = grace_periods(key, value)?,
                _ => {
                    let near = nearest(key, ["minReadySeconds", "gracePeriods"]);
                    return Err(Error::invalid(
                        shortened(key),
                        format!("is no setting. Nearest to it is {near}."),
                    ));
                }
            }
        }
        Ok(platform)
    }

    /// Fills in what the user has left to the platform.
    #[must_use]
    pub fn complete(&self, spec: DataServiceSpec) -> DataServiceSpec {
        DataServiceSpec {
            min_ready_seconds: spec.own_min_ready_seconds.unwrap_or(self.min_ready_seconds),
            ..spec
        }
    }
}

fn grace_periods(key: &str, value: &Value) -> Result<GracePeriods> {
    let Value::Object(periods) = value else {
        return Err(Error::invalid(key, "must give a number of seconds for each reason."));
    };
    let period = |(reason, value): (&String, &Value)| {
        let path = format!("{key}.{}", shortened(reason));
        let Some(cause) = Cause::named(reason) else {
            let near = nearest(reason, Cause::ALL.iter().map(|cause| cause.reason()));
            return Err(Error::invalid(
                path,
                format!("{} is no reason. Nearest to it is {near}.", shorten(reason)),
            ));
        };
        Ok((cause, Duration::from_secs_f64(seconds(&path, value)?)))
    };
    periods.iter().map(period).collect()
}

fn whole(path: &str, value: &Value) -> Result<i32> {
    let seconds = seconds(path, value)?;
    #[expect(clippy::cast_possible_truncation, reason = "a day of seconds fits")]
    if seconds.fract() == 0.0 {
        return Ok(seconds as i32);
    }
    Err(Error::invalid(
        path,
        format!("is {}, but must be a whole number.", shown(value)),
    ))
}

fn seconds(path: &str, value: &Value) -> Result<f64> {
    value
        .as_f64()
        .filter(|seconds| (0.0..=LONGEST).contains(seconds))
        .ok_or_else(|| {
            let words = format!(
                "is {}, but must be a number of seconds from 0 to {LONGEST}.",
                shown(value)
            );
            Error::invalid(path, words)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_said_stays_as_it_is() {
        assert_eq!(Platform::parse(&json!({})).expect("settings"), Platform::default());
        assert_eq!(Platform::default().min_ready_seconds, 3);
    }

    #[test]
    fn settings_are_read() {
        let settings = json!({"minReadySeconds": 10.0, "gracePeriods": {"ClaimPending": 90, "ImageNotFound": 0.5}});
        let platform = Platform::parse(&settings).expect("settings");
        assert_eq!(platform.min_ready_seconds, 10);
        assert_eq!(platform.grace_periods[&Cause::ClaimPending], Duration::from_secs(90));
        assert_eq!(
            platform.grace_periods[&Cause::ImageNotFound],
            Duration::from_millis(500)
        );
    }

    #[test]
    fn a_setting_at_fault_is_named() {
        for (settings, words) in [
            (
                json!({"minReadySecond": 1}),
                "minReadySecond is no setting. Nearest to it is minReadySeconds.",
            ),
            (json!({"minReadySeconds": -1}), "minReadySeconds is -1, but must be"),
            (
                json!({"minReadySeconds": 1.5}),
                "minReadySeconds is 1.5, but must be a whole number",
            ),
            (json!({"gracePeriods": 3}), "gracePeriods must give a number of seconds"),
            (
                json!({"gracePeriods": {"ImageNotfound": 3}}),
                "\"ImageNotfound\" is no reason. Nearest to it is ImageNotFound.",
            ),
            (
                json!({"gracePeriods": {"Evicted": "1"}}),
                "gracePeriods.Evicted is \"1\", but must be",
            ),
        ] {
            let error = Platform::parse(&settings).expect_err("an error").to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
