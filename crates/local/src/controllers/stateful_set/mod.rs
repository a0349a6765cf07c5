//! The controller of `StatefulSets`.

mod adoption;
mod claims;
mod decide;
mod execute;
mod identity;
mod pod;
mod revisions;
mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::jiff::Timestamp;

use decide::View;
use revisions::{Revision, Wanted};

use super::cache::Key;
use super::error::Failure;
use super::pods;
use super::world::World;

/// The source of its events.
const COMPONENT: &str = "statefulset-controller";

/// Does what is to be done next about one `StatefulSet`. Returns after what time it is to be looked at again, if so.
pub(super) async fn sync(world: &mut World, of: &Key) -> Result<Option<Duration>, Failure> {
    let Some(set) = world.sets.get(of).cloned() else {
        return Ok(None);
    };
    let mut revisions = adoption::revisions(world, &set).await?;
    let pods = adoption::pods(world, &set).await?;
    revisions::sort(&mut revisions);

    let now = world.clock.now();
    let (update, collisions) = newest_revision(world, &set, &revisions).await?;
    let current = revisions::current(&set, &revisions).unwrap_or_else(|| update.clone());
    let claims: Vec<_> = world.claims.of_namespace(&of.0).cloned().collect();
    let view = View {
        set: &set,
        current: &current,
        update: &update,
        collisions,
        pods: &pods,
        claims: &claims,
        now,
    };
    let mut decision = decide::decide(&view);
    let done = execute::execute(world, &set, &mut decision).await;

    let mut status = decision.status;
    status::complete(&set, &mut status);
    let written = if status::differs(&set, &status) {
        world.patch_status(&*set, &status::patch(&set, &status)).await.map(drop)
    } else {
        Ok(())
    };

    // Outdated revisions go even if something else fails.
    let mut used: BTreeSet<_> = pods.iter().map(|pod| pods::revision(pod)).collect();
    used.extend([current.name.as_str(), update.name.as_str()]);
    for revision in revisions::outdated(&set, &revisions, &used) {
        world.delete(&*revision).await?;
    }
    done.and(written)?;
    Ok(next_available(&set, &pods, now))
}

/// Whether a claim is one of a `StatefulSet`, by its name.
pub(super) fn has_claim(set: &StatefulSet, claim: &PersistentVolumeClaim) -> bool {
    let name = claim.metadata.name.as_deref().unwrap_or_default();
    identity::claim_templates(set).iter().any(|template| {
        let prefix = format!(
            "{}-{}-",
            template.metadata.name.as_deref().unwrap_or_default(),
            identity::name(set)
        );
        name.strip_prefix(&prefix)
            .is_some_and(|ordinal| ordinal.parse::<i32>().is_ok())
    })
}

/// The revision that the pods are to have, which is created if there is none, and how often its name was taken.
async fn newest_revision(
    world: &mut World,
    set: &StatefulSet,
    revisions: &[Arc<ControllerRevision>],
) -> Result<(Revision, i32), Failure> {
    let mut collisions = set
        .status
        .as_ref()
        .and_then(|status| status.collision_count)
        .unwrap_or_default();
    let revision = match revisions::wanted(set, revisions, collisions) {
        Wanted::Newest(revision) => Revision::of(&revision),
        Wanted::Again(revision, number) => {
            let mut again = (*revision).clone();
            again.revision = number;
            Revision::of(&world.replace(&again).await?)
        }
        Wanted::New(mut revision) => loop {
            match world.create(&*revision).await {
                Ok(created) => break Revision::of(&created),
                Err(failure) if failure.is_already_exists() => {
                    let name = revision.metadata.name.as_deref().unwrap_or_default();
                    let there = world.api(&*revision).get(name).await?;
                    if there.data == revision.data {
                        break Revision::of(&there);
                    }
                    collisions += 1;
                    *revision = revisions::new(set, revision.revision, collisions);
                }
                Err(failure) => return Err(failure),
            }
        },
    };
    Ok((revision, collisions))
}

/// When the next pod that is ready becomes available.
fn next_available(set: &StatefulSet, pods: &[Arc<Pod>], now: Timestamp) -> Option<Duration> {
    let seconds = status::min_ready_seconds(set);
    let left = pods.iter().filter_map(|pod| pods::available_in(pod, seconds, now));
    left.filter(|left| !left.is_zero()).min()
}
