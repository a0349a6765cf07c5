//! What the node logs.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::support::*;

/// Keeps the messages of this crate's targets from `INFO` on.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Message<'a>(&'a mut Vec<String>);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.push(format!("{value:?}"));
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The targets that the Python package passes on begin so.
        metadata.is_event() && metadata.target().starts_with("k8sdataservice") && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Message(&mut self.0.lock().expect("lines")));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn missing_features_are_logged_once_per_service() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let local = Local::start().await;
    let policies = Api::<k8s_openapi::api::networking::v1::NetworkPolicy>::namespaced(local.client.clone(), "flyte");
    for (name, app) in [("closed", "test"), ("of-others", "other")] {
        let policy = json!({"metadata": {"name": name}, "spec": {"podSelector": {"matchLabels": {"app": app}}}});
        let policy = serde_json::from_value(policy).expect("a policy");
        policies.create(&PostParams::default(), &policy).await.expect("created");
    }
    let owners = Api::<ConfigMap>::namespaced(local.client.clone(), "flyte");
    let owner = serde_json::from_value(json!({"metadata": {"name": "foo"}})).expect("an object");
    let owner = owners.create(&PostParams::default(), &owner).await.expect("created");
    for name in ["foo-0", "foo-1"] {
        let mut container = shell("foo", "exec sleep 100");
        container["resources"] = json!({"limits": {"memory": "1Gi"}});
        local
            .create_of(
                &owner,
                name,
                json!({"containers": [container], "nodeSelector": {"disk": "ssd"}}),
            )
            .await;
        local.ready(name).await;
    }
    let without = "image busybox:1, limits, requests, nodeSelector, NetworkPolicy closed";
    let line = format!(
        "The replicas of data service foo are processes on this machine, each with an address of its own. Local mode \
         runs them without: {without}."
    );
    assert_eq!(*lines.0.lock().expect("lines"), [line]);
    local.node.stop().await;
}
