//! The server, asked through the client.

mod apply;
mod defaults;
mod owners;
mod pods;
mod runtime;
mod verbs;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::ApiServer;
use crate::clock::Clock;

fn client() -> kube::Client {
    ApiServer::new(Clock::new()).client("flyte")
}

fn object<K: serde::de::DeserializeOwned>(value: serde_json::Value) -> K {
    serde_json::from_value(value).expect("an object")
}

fn config_map(name: &str) -> ConfigMap {
    object(json!({"metadata": {"name": name, "labels": {"app": name}}, "data": {"a": "b"}}))
}

/// The code, the reason and the message of a refusal.
fn refusal<T: std::fmt::Debug>(answer: kube::Result<T>) -> (u16, String, String) {
    match answer {
        Err(kube::Error::Api(status)) => (status.code, status.reason.clone(), status.message.clone()),
        other => panic!("no refusal but {other:?}"),
    }
}
