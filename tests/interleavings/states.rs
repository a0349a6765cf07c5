//! What the cluster holds when a scenario begins.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8sdataservice::cluster::{FlyteWorkflow, Kind, MetadataOf};
use k8sdataservice::identity::asleep::Asleep;
use k8sdataservice::identity::holder::Holders;
use k8sdataservice::identity::labels::{
    ABANDONED_ANNOTATION, APP, APP_LABEL, ASLEEP_ANNOTATION, CALL_ANNOTATION, DELETE_AFTER_ANNOTATION,
    EXECUTION_ANNOTATION, INSTANCE_LABEL, LIFETIME_ANNOTATION, UNUSED_SINCE_ANNOTATION, selector,
};
use serde_json::json;

use crate::actor::{NAME, bound_objects, holder, objects};
use crate::server::{Server, Who};

/// A service of alpha is there.
pub fn alphas(server: &mut Server) {
    let objects = objects("one:1", "alpha");
    let set = put(server, &objects.stateful_set);
    put(
        server,
        &objects
            .dependents_of(set.metadata.uid.as_deref().expect("a uid"))
            .service,
    );
}

/// Two runs go on.
pub fn two_runs(server: &mut Server) {
    for name in ["f1", "f2"] {
        begin_run(server, name);
    }
}

/// Two runs go on, and the first holds a service that ends with its runs.
pub fn held(server: &mut Server) {
    two_runs(server);
    let uid = server
        .read::<MetadataOf<FlyteWorkflow>>("f1", 0)
        .and_then(|run| run.metadata.uid);
    let holder = holder("f1/n0", "f1", uid.expect("a uid"));
    let objects = bound_objects("one:1", "f1/n0");
    let mut set = objects.stateful_set.clone();
    let annotations = set.metadata.annotations.get_or_insert_default();
    annotations.insert(holder.key(), holder.value());
    let set = put(server, &set);
    let uid = set.metadata.uid.as_deref().expect("a uid");
    put(server, &objects.dependents_of(uid).service);
}

/// Two runs go on, and the first owns its service in the sense of Kubernetes.
pub fn owned(server: &mut Server) {
    held(server);
    server.change::<StatefulSet>(NAME, |set| {
        let holders = Holders::of(&set.metadata);
        let run = holders.known.first().expect("a holder");
        set.metadata.owner_references = Some(vec![run.owner_reference().expect("a run")]);
    });
}

/// A service is left whose run has ended, and another run goes on.
pub fn held_by_one_that_ended(server: &mut Server) {
    held(server);
    let uid = server
        .read::<MetadataOf<FlyteWorkflow>>("f1", 0)
        .and_then(|run| run.metadata.uid);
    let ended = server.delete::<MetadataOf<FlyteWorkflow>>("f1", &uid.expect("a uid"), Who::Before);
    ended.expect("it goes on");
}

/// A service stays for a while after its run, and that while is over; another run goes on.
pub fn due(server: &mut Server) {
    unused_since_long(server, r#"{"bound":"run","grace":"1s"}"#);
}

/// A service with replicas is put to sleep after a while without a run, and that while is over; another run goes on.
pub fn idle(server: &mut Server) {
    unused_since_long(server, r#"{"bound":"run","idle":{"after":"1s","then":"Sleep"}}"#);
    server.change::<StatefulSet>(NAME, |set| set.spec.as_mut().expect("a spec").replicas = Some(3));
}

fn unused_since_long(server: &mut Server, lifetime: &str) {
    held_by_one_that_ended(server);
    server.change::<StatefulSet>(NAME, |set| {
        let annotations = set.metadata.annotations.get_or_insert_default();
        let unused = json!({"at": "2026-01-01T00:00:00Z", "outcome": "succeeded"});
        annotations.insert(UNUSED_SINCE_ANNOTATION.to_owned(), unused.to_string());
        annotations.insert(LIFETIME_ANNOTATION.to_owned(), lifetime.to_owned());
    });
}

/// Two runs go on, and a service with replicas is left whose runs have ended.
pub fn unused(server: &mut Server) {
    held_by_one_that_ended(server);
    begin_run(server, "f1");
    server.change::<StatefulSet>(NAME, |set| set.spec.as_mut().expect("a spec").replicas = Some(3));
}

/// Two runs go on, and a service sleeps that no run uses.
pub fn asleep(server: &mut Server) {
    unused(server);
    let asleep = Asleep {
        replicas: 3,
        since: "2026-01-01T00:00:00Z".to_owned(),
    };
    server.change::<StatefulSet>(NAME, |set| {
        set.spec.as_mut().expect("a spec").replicas = Some(0);
        let annotations = set.metadata.annotations.get_or_insert_default();
        annotations.insert(ASLEEP_ANNOTATION.to_owned(), asleep.value());
    });
}

/// A run of this name goes on.
fn begin_run(server: &mut Server, name: &str) {
    let mut run = FlyteWorkflow::default();
    run.metadata.name = Some(name.to_owned());
    put(server, &run);
}

/// A service is there that a node of an execution of Flyte has made.
pub fn of_a_node(server: &mut Server) {
    let objects = objects("one:1", "f1/n0");
    let set = put(server, &objects.stateful_set);
    put(
        server,
        &objects
            .dependents_of(set.metadata.uid.as_deref().expect("a uid"))
            .service,
    );
}

/// A service is there that version 2.0 has made for a node of an execution of Flyte: only a sentence says so.
pub fn of_a_node_by_2_0(server: &mut Server) {
    let objects = objects("one:1", "f1/n0");
    let by_2_0 = |metadata: &mut ObjectMeta| {
        let annotations = metadata.annotations.as_mut().expect("annotations");
        annotations.retain(|key, _| !key.starts_with(&format!("{EXECUTION_ANNOTATION}-")));
    };
    let mut set = objects.stateful_set.clone();
    by_2_0(&mut set.metadata);
    let set = put(server, &set);
    let mut service = objects
        .dependents_of(set.metadata.uid.as_deref().expect("a uid"))
        .service;
    by_2_0(&mut service.metadata);
    put(server, &service);
}

/// A service of alpha whose maker has abandoned it, and has not looked yet whether another call has adopted it.
pub fn abandoned_alphas(server: &mut Server) {
    alphas(server);
    let marks = [CALL_ANNOTATION, ABANDONED_ANNOTATION].map(|key| (key.to_owned(), Some("its maker".to_owned())));
    let annotated = server.annotate::<StatefulSet>(NAME, "uid-1", &marks);
    annotated.expect("it is there");
}

/// A service of alpha is there whose pod cannot start.
pub fn failed_alphas(server: &mut Server) {
    alphas(server);
    server.change::<StatefulSet>(NAME, |stateful_set| {
        let status = json!({"observedGeneration": 1, "replicas": 1});
        stateful_set.status = Some(serde_json::from_value(status).expect("a status"));
        stateful_set.spec.as_mut().expect("a spec").replicas = Some(1);
    });
    let waiting = json!({"reason": "ErrImageNeverPull", "message": "not there"});
    let container = json!({"name": NAME, "image": "one:1", "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": waiting}});
    let owner =
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": NAME, "uid": "uid-1", "controller": true});
    let pod = json!({
        "metadata": {"name": format!("{NAME}-0"), "labels": selector(NAME), "ownerReferences": [owner]},
        "status": {"phase": "Pending", "containerStatuses": [container]},
    });
    put::<Pod>(server, &serde_json::from_value(pod).expect("a pod"));
}

/// A service of alpha is there that has failed and is kept.
pub fn kept_alphas(server: &mut Server) {
    alphas(server);
    let annotation = (
        DELETE_AFTER_ANNOTATION.to_owned(),
        Some("2100-01-01T00:00:00Z".to_owned()),
    );
    let annotated = server.annotate::<StatefulSet>(NAME, "uid-1", &[annotation]);
    annotated.expect("it is there");
}

/// A Service is there whose `StatefulSet` is gone.
pub fn leftover(server: &mut Server) {
    alphas(server);
    let removed = server.delete::<StatefulSet>(NAME, "uid-1", Who::Finalizer);
    removed.expect("it is there");
}

/// A service is there that the plugin of old has made: it has two labels, and its Service no owner.
pub fn predecessors(server: &mut Server) {
    let objects = objects("one:1", "alpha");
    let mut service = objects.dependents().service.clone();
    let mut set = objects.stateful_set;
    for metadata in [&mut set.metadata, &mut service.metadata] {
        let labels = [(APP_LABEL, APP), (INSTANCE_LABEL, NAME)];
        metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        metadata.annotations = None;
    }
    put(server, &set);
    put(server, &service);
}

/// An object of the name is there that somebody else has made.
pub fn foreign<K: Kind + Default>(server: &mut Server) {
    let mut object = K::default();
    object.meta_mut().name = Some(NAME.to_owned());
    put(server, &object);
}

pub fn put<K: Kind>(server: &mut Server, object: &K) -> K {
    server
        .create(object, Who::Before)
        .expect("nothing of that name is there")
}
