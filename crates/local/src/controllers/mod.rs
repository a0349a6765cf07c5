//! What makes pods of a `StatefulSet`, and addresses of pods.
//!
//! The controllers decide as those of Kubernetes 1.36 do, in pure functions from the objects to what is to be done
//! next. One task watches all objects, and looks at each one that something has changed about.

mod binder;
mod cache;
mod endpoints;
mod error;
mod events;
mod owners;
mod pods;
mod queue;
mod scheduler;
pub(crate) mod selector;
mod stateful_set;
#[cfg(test)]
mod tests;
mod watched;
mod world;

use std::pin::Pin;
use std::time::Duration;

use futures::stream::{SelectAll, select_all};
use futures::{FutureExt, Stream, StreamExt};
use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::script::Script;
use error::Failure;
use queue::Work;
use world::{Watched, World};

/// What a watch reports, ready to be taken in.
type Update = Box<dyn FnOnce(&mut World) + Send>;
type Updates = Pin<Box<dyn Stream<Item = Update> + Send>>;

/// Runs the controllers of all namespaces until it is dropped.
///
/// With a script, the scheduler gives no node to the pods to which it gives none.
pub async fn run(client: Client, clock: Clock, script: Option<Script>) {
    let mut updates = updates(&client, &crate::watches::config(script.as_ref()));
    let mut changes = script.as_ref().map(Script::subscribe);
    let mut world = World::new(client, clock);
    world.script = script;
    loop {
        while let Some(Some(update)) = updates.next().now_or_never() {
            update(&mut world);
        }
        let known = world.is_known();
        if known && let Some(work) = world.queue.take() {
            process(&mut world, work).await;
            continue;
        }
        let due = world.queue.next_due().filter(|_| known);
        let wait = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            update = updates.next() => match update {
                Some(update) => update(&mut world),
                None => return,
            },
            () = wait => {}
            () = changed(&mut changes) => world.look_again(),
        }
    }
}

/// Waits until the script has changed, if there is one.
async fn changed(changes: &mut Option<watch::Receiver<u64>>) {
    let is_over = match changes {
        Some(changes) => changes.changed().await.is_err(),
        None => true,
    };
    if is_over {
        std::future::pending::<()>().await;
    }
}

/// Does one piece of work, and adds it again if it failed or is to be done later.
async fn process(world: &mut World, work: Work) {
    let result = match &work {
        Work::Claim(key) => binder::sync(world, key).await.map(|()| None),
        Work::Pod(key) => scheduler::sync(world, key).await.map(|()| None),
        Work::Service(key) => endpoints::sync(world, key).await.map(|()| None),
        Work::StatefulSet(key) => stateful_set::sync(world, key).await,
    };
    note(world, work, result);
}

fn note(world: &mut World, work: Work, result: Result<Option<Duration>, Failure>) {
    match result {
        Ok(again) => {
            world.queue.succeeded(&work);
            if let Some(pause) = again {
                world.queue.add_after(work, pause);
            }
        }
        Err(failure) => {
            tracing::debug!(?work, %failure, "a controller tries again");
            world.queue.failed(work);
        }
    }
}

/// What the watches of all kinds report.
fn updates(client: &Client, config: &watcher::Config) -> SelectAll<Updates> {
    select_all([
        watch::<Node>(client, config),
        watch::<PersistentVolumeClaim>(client, config),
        watch::<ControllerRevision>(client, config),
        watch::<Pod>(client, config),
        watch::<Service>(client, config),
        watch::<EndpointSlice>(client, config),
        watch::<StatefulSet>(client, config),
    ])
}

fn watch<K: Watched>(client: &Client, config: &watcher::Config) -> Updates {
    let events = watcher(Api::<K>::all(client.clone()), config.clone()).default_backoff();
    let updates = events.filter_map(|event| async {
        match event {
            Ok(event) => {
                let take_in = |world: &mut World| {
                    let changes = K::cache(world).observe(event);
                    world.note(changes);
                };
                Some(Box::new(take_in) as Update)
            }
            Err(error) => {
                tracing::debug!(%error, kind = %K::kind(&()), "a watch of the controllers starts again");
                None
            }
        }
    });
    Box::pin(updates)
}
