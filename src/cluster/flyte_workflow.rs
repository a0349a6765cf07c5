//! The object of a run of Flyte 1: one `FlyteWorkflow` per execution, which Flyte deletes some time after the run's
//! end.
//!
//! Only the fields about the state of the run are read. Flyte's propeller labels the object
//! `termination-status=terminated` in the write that ends the run; the object of an aborted run is deleted without that
//! label.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::{Deserialize, Serialize};

use super::run_kind::{RunKind, RunOutcome, has_label};

/// A run of Flyte 1.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FlyteWorkflow {
    /// Its metadata. The name is that of the execution.
    pub metadata: ObjectMeta,
    /// How far it has come.
    pub status: FlyteWorkflowStatus,
}

/// How far a run has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FlyteWorkflowStatus {
    /// Flyte's `WorkflowPhase` as a number.
    pub phase: i64,
}

impl RunKind for FlyteWorkflow {
    const LIVE: &'static str = "termination-status!=terminated";

    fn has_ended(metadata: &ObjectMeta) -> bool {
        has_label(metadata, "termination-status", "terminated")
    }

    /// By its phase (`WorkflowPhase` of flytepropeller: 3 is success, 5 failure, 6 abort).
    fn outcome(&self) -> RunOutcome {
        match self.status.phase {
            3 => RunOutcome::Succeeded,
            6 => RunOutcome::Aborted,
            _ => RunOutcome::Failed,
        }
    }
}

impl Resource for FlyteWorkflow {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "FlyteWorkflow".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "flyte.lyft.com".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1alpha1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "flyteworkflows".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
