//! The object of an action of Flyte 2: a `TaskAction` per action. The root action, `<run>-a0`, lives as long as its
//! run.
//!
//! Only the fields about the state of the run are read. Flyte labels the object
//! `flyte.org/termination-status=terminated` when the action ends, and deletes it an hour later; the root action of an
//! aborted run is deleted at once.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::{Deserialize, Serialize};

use super::run_kind::{RunKind, RunOutcome, has_label};

/// An action of Flyte 2.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskAction {
    /// Its metadata. The name is that of the run and of the action.
    pub metadata: ObjectMeta,
    /// How far it has come.
    pub status: TaskActionStatus,
}

/// How far an action has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskActionStatus {
    /// Its conditions.
    pub conditions: Vec<TaskActionCondition>,
}

/// A condition of an action.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskActionCondition {
    /// Its type, such as `Succeeded`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
}

impl RunKind for TaskAction {
    const LIVE: &'static str = "flyte.org/is-root=true,flyte.org/termination-status!=terminated";

    /// The object of an aborted run stays for a moment, until all that the run has made is deleted.
    fn has_ended(metadata: &ObjectMeta) -> bool {
        metadata.deletion_timestamp.is_some() || has_label(metadata, "flyte.org/termination-status", "terminated")
    }

    fn outcome(&self) -> RunOutcome {
        let is_true = |type_: &str| {
            let mut conditions = self.status.conditions.iter();
            conditions.any(|condition| condition.type_ == type_ && condition.status == "True")
        };
        if is_true("Succeeded") {
            RunOutcome::Succeeded
        } else if self.metadata.deletion_timestamp.is_some() {
            RunOutcome::Aborted
        } else {
            RunOutcome::Failed
        }
    }
}

impl Resource for TaskAction {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "TaskAction".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "flyte.org".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "taskactions".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
