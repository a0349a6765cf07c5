use std::sync::{Arc, Mutex};

use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::{Binding, Pod};
use kube::Api;
use kube::api::{LogParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::super::{ApiServer, LogQuery};
use super::{object, refusal};
use crate::clock::Clock;

fn pod() -> Pod {
    object(json!({"metadata": {"name": "foo-0"}, "spec": {"containers": [{"name": "foo", "image": "busybox"}]}}))
}

#[tokio::test]
async fn a_scheduler_binds_a_pod_once() {
    let pods = Api::<Pod>::default_namespaced(ApiServer::new(Clock::new()).client("flyte"));
    pods.create(&PostParams::default(), &pod()).await.expect("it is made");
    let binding: Binding = object(json!({"metadata": {"name": "foo-0"}, "target": {"kind": "Node", "name": "local"}}));
    let params = PostParams::default();
    let bind = || pods.create_subresource::<_, serde_json::Value>("binding", "foo-0", &params, &binding);
    assert_eq!(bind().await.expect("it is bound")["status"], "Success");
    let bound = json!(pods.get("foo-0").await.expect("a pod"));
    assert_eq!(bound["spec"]["nodeName"], "local");
    assert_eq!(bound["status"]["conditions"][0]["type"], "PodScheduled");
    assert_eq!(refusal(bind().await).0, 409);
}

#[tokio::test]
async fn a_status_is_written_apart_from_the_rest() {
    let pods = Api::<Pod>::default_namespaced(ApiServer::new(Clock::new()).client("flyte"));
    let made = pods.create(&PostParams::default(), &pod()).await.expect("it is made");
    let status = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    pods.patch("foo-0", &PatchParams::default(), &Patch::Merge(&status))
        .await
        .expect("it is ignored");
    assert_eq!(
        json!(pods.get("foo-0").await.expect("a pod"))["status"]["phase"],
        "Pending"
    );
    let written = pods
        .patch_status("foo-0", &PatchParams::default(), &Patch::Merge(&status))
        .await;
    let written = written.expect("it is written");
    assert_eq!(json!(written)["status"]["phase"], "Running");
    assert_eq!(written.metadata.generation, made.metadata.generation);
}

#[tokio::test]
async fn a_log_comes_from_its_source_or_kubernetes_says_why_there_is_none() {
    let server = ApiServer::new(Clock::new());
    let pods = Api::<Pod>::default_namespaced(server.client("flyte"));
    let asked = Arc::new(Mutex::new(Vec::<LogQuery>::new()));
    let heard = Arc::clone(&asked);
    server.set_logs(Arc::new(move |query| {
        heard.lock().expect("no panic").push(query.clone());
        Ok(b"line".to_vec())
    }));
    let mut pod = pod();
    pod.spec.as_mut().expect("a spec").node_name = Some("local".to_owned());
    pods.create(&PostParams::default(), &pod).await.expect("it is made");
    let params = LogParams {
        tail_lines: Some(5),
        limit_bytes: Some(3),
        ..LogParams::default()
    };
    let waiting = "container \"foo\" in pod \"foo-0\" is waiting to start: ContainerCreating";
    assert_eq!(refusal(pods.logs("foo-0", &params).await).2, waiting);
    let running = json!({"status": {"containerStatuses": [{"name": "foo", "state": {"running": {}}}]}});
    pods.patch_status("foo-0", &PatchParams::default(), &Patch::Merge(&running))
        .await
        .expect("it is written");
    assert_eq!(pods.logs("foo-0", &params).await.expect("a log"), "lin");
    let query = asked.lock().expect("no panic").pop().expect("a query");
    assert_eq!(
        (query.container.as_str(), query.tail_lines, query.previous),
        ("foo", Some(5), false)
    );
    let previous = LogParams {
        previous: true,
        ..LogParams::default()
    };
    let none = "previous terminated container \"foo\" in pod \"foo-0\" not found";
    assert_eq!(refusal(pods.logs("foo-0", &previous).await).2, none);
    let other = LogParams {
        container: Some("bar".to_owned()),
        ..LogParams::default()
    };
    assert_eq!(
        refusal(pods.logs("foo-0", &other).await).2,
        "container bar is not valid for pod foo-0"
    );
}

#[tokio::test]
async fn everybody_may_do_everything() {
    let client = ApiServer::new(Clock::new()).client("flyte");
    let review: SelfSubjectAccessReview = object(json!({"spec": {"resourceAttributes": {"verb": "get"}}}));
    let answer = Api::<SelfSubjectAccessReview>::all(client.clone())
        .create(&PostParams::default(), &review)
        .await;
    assert!(answer.expect("an answer").status.is_some_and(|status| status.allowed));
    let version = client.apiserver_version().await.expect("a version");
    assert_eq!((version.major.as_str(), version.minor.as_str()), ("1", "36"));
    let groups = client.list_api_groups().await.expect("groups");
    assert!(groups.groups.iter().any(|group| group.name == "apps"));
    let resources = client.list_core_api_resources("v1").await.expect("resources");
    assert!(
        resources
            .resources
            .iter()
            .any(|resource| resource.name == "pods/status")
    );
}
