//! Run state: whether a run or a process that holds a service goes on.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::timeout;

use super::lease_state::{is_live, is_recent};
use crate::cluster::{Api, Fault, FlyteWorkflow, Kind, MetadataOf, RunKind, RunOutcome, TaskAction, server_time};
use crate::identity::holder::{FLYTE_WORKFLOW, Holder, LEASE, TASK_ACTION};

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(5);

/// Whether a holder goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It goes on.
    Live,
    /// It has ended.
    Over(RunOutcome),
    /// Nobody knows, and why. What is not known ends nothing.
    Unknown(String),
}

/// Looks whether a holder goes on: a run in the cluster of the runs, and a process in that of the service. The answer
/// is the API server's own, not that of a cache.
///
/// A run that was aborted has no object any more. Where another object has its name, the run's own is gone, too.
pub async fn run_state<A: Api>((api, runs): (&A, &A), holder: &Holder) -> RunState {
    match holder.kind.as_str() {
        FLYTE_WORKFLOW => state_of_run::<FlyteWorkflow, A>(runs, holder).await,
        TASK_ACTION => state_of_run::<TaskAction, A>(runs, holder).await,
        LEASE => state_of_lease(api, holder).await,
        other => RunState::Unknown(format!("this version does not know runs of the kind {other}")),
    }
}

async fn state_of_run<K: RunKind, A: Api>(api: &A, holder: &Holder) -> RunState
where
    MetadataOf<K>: Kind,
{
    let metadata = match read::<MetadataOf<K>, A>(api, holder).await {
        Ok(Some(run)) => run.metadata,
        Ok(None) => return RunState::Over(RunOutcome::Aborted),
        Err(why) => return RunState::Unknown(why),
    };
    if metadata.uid.as_deref() != Some(&holder.uid) {
        return RunState::Over(RunOutcome::Aborted);
    }
    if !K::has_ended(&metadata) {
        return RunState::Live;
    }
    match read::<K, A>(api, holder).await {
        Ok(Some(run)) => RunState::Over(run.outcome()),
        // Flyte has collected it in between.
        Ok(None) => RunState::Over(RunOutcome::Succeeded),
        Err(why) => RunState::Unknown(why),
    }
}

/// A Lease that is not there may be one that is not there yet, where it is read from an API server that is behind.
async fn state_of_lease<A: Api>(api: &A, holder: &Holder) -> RunState {
    let lease = match read::<Lease, A>(api, holder).await {
        Ok(lease) => lease.filter(|lease| lease.metadata.uid.as_deref() == Some(&holder.uid)),
        Err(why) => return RunState::Unknown(why),
    };
    // The answer has just had the server's time.
    let now = server_time::now();
    match lease {
        Some(lease) if is_live(&lease, now) => RunState::Live,
        None if is_recent(holder, now) => RunState::Unknown(format!(
            "Lease {} of {holder}, which has just joined, does not exist",
            holder.name
        )),
        _ => RunState::Over(RunOutcome::Aborted),
    }
}

async fn read<K: Kind, A: Api>(api: &A, holder: &Holder) -> Result<Option<K>, String> {
    match timeout(LOOK, api.read::<K>(&holder.namespace, &holder.name)).await {
        Ok(Ok(object)) => Ok(object),
        Ok(Err(fault)) => Err(why(&fault)),
        Err(_) => Err(format!("the API server did not answer within {} s", LOOK.as_secs())),
    }
}

fn why(fault: &Fault) -> String {
    fault.to_string()
}
