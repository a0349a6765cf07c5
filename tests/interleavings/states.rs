//! What the cluster holds when a scenario begins.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8sdataservice::api::Kind;
use k8sdataservice::manifests::{service, stateful_set};
use k8sdataservice::names::{APP, APP_LABEL, DELETE_AFTER_ANNOTATION, INSTANCE_LABEL, selector};
use serde_json::json;

use crate::actor::{NAME, identity, spec};
use crate::server::{Server, Who};

/// A service of alpha is there.
pub fn alphas(server: &mut Server) {
    let (spec, identity) = (spec("one:1"), identity("alpha"));
    let set = put(server, &stateful_set(&spec, &identity));
    put(server, &service(&spec, &identity, set.metadata.uid.as_deref()));
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
    let annotation = (DELETE_AFTER_ANNOTATION, "2100-01-01T00:00:00Z");
    let annotated = server.annotate::<StatefulSet>(NAME, "uid-1", annotation);
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
    let (spec, identity) = (spec("one:1"), identity("alpha"));
    let mut set = stateful_set(&spec, &identity);
    let mut service = service(&spec, &identity, None);
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
