//! The kinds of objects that show whether a run of Flyte goes on.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::PartialObjectMeta;
use serde::{Deserialize, Serialize};

use super::Kind;

/// A kind of object of which there is one for each run.
pub trait RunKind: Kind {
    /// The selector of the runs that go on.
    const LIVE: &'static str;

    /// Whether the run has ended, by its object's metadata.
    fn has_ended(metadata: &ObjectMeta) -> bool;

    /// How a run that has ended did so.
    fn outcome(&self) -> RunOutcome;
}

/// The metadata of a run alone: the object itself may have more than a megabyte, since all inputs of the run are in it.
pub type MetadataOf<K> = PartialObjectMeta<K>;

/// How a run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunOutcome {
    /// It has succeeded.
    Succeeded,
    /// It has failed, or took too long.
    Failed,
    /// It was aborted.
    Aborted,
}

/// Whether an object has a label with this value.
pub(super) fn has_label(metadata: &ObjectMeta, key: &str, value: &str) -> bool {
    let labels = metadata.labels.as_ref();
    labels
        .and_then(|labels| labels.get(key))
        .is_some_and(|found| found == value)
}
