//! The client's own machinery, and a client in another process.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::watcher::{self, Event, InitialListStrategy};
use tokio::net::{UnixListener, UnixStream};

use super::super::{ApiServer, KindOfObject};
use super::{config_map, refusal};
use crate::clock::Clock;

#[tokio::test(start_paused = true)]
async fn a_watcher_follows_for_days_with_and_without_an_initial_list() {
    for strategy in [InitialListStrategy::ListWatch, InitialListStrategy::StreamingList] {
        let maps = Api::<ConfigMap>::default_namespaced(ApiServer::new(Clock::new()).client("flyte"));
        maps.create(&PostParams::default(), &config_map("a"))
            .await
            .expect("it is made");
        let config = watcher::Config {
            initial_list_strategy: strategy,
            ..watcher::Config::default()
        };
        let events = watcher::watcher(maps.clone(), config).map_ok(|event| match event {
            Event::Apply(map) | Event::InitApply(map) => format!("+{}", map.metadata.name.unwrap_or_default()),
            Event::Delete(map) => format!("-{}", map.metadata.name.unwrap_or_default()),
            Event::Init => "init".to_owned(),
            Event::InitDone => "done".to_owned(),
        });
        let mut events = events.boxed();
        let mut next = async || events.next().await.expect("an event").expect("no fault");
        let first = [next().await, next().await, next().await];
        assert_eq!(first, ["init", "+a", "done"]);
        let later = async {
            tokio::time::sleep(Duration::from_hours(48)).await;
            maps.create(&PostParams::default(), &config_map("b"))
                .await
                .expect("it is made");
            maps.delete("a", &DeleteParams::default()).await.expect("it is deleted");
        };
        let (seen, ()) = tokio::join!(async { [next().await, next().await] }, later);
        assert_eq!(seen, ["+b", "-a"]);
    }
}

#[tokio::test]
async fn others_reach_it_through_a_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("api");
    let listener = UnixListener::bind(&path).expect("a socket");
    let server = ApiServer::new(Clock::new());
    let serving = tokio::spawn({
        let server = server.clone();
        async move { server.serve(listener).await }
    });
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let path = path.clone();
        async move {
            let stream = UnixStream::connect(path).await?;
            let io = hyper_util::rt::TokioIo::new(stream);
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
            tokio::spawn(connection);
            let answer = sender.send_request(request).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(answer)
        }
    });
    let maps = Api::<ConfigMap>::default_namespaced(kube::Client::new(service, "flyte"));
    let mut watch = maps
        .watch(&kube::api::WatchParams::default(), "0")
        .await
        .expect("a watch")
        .boxed();
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .expect("it is made");
    assert!(watch.next().await.is_some_and(|event| event.is_ok()));
    let inside = Api::<ConfigMap>::default_namespaced(server.client("flyte"));
    assert!(inside.get("a").await.is_ok());
    serving.abort();
}

#[tokio::test]
async fn objects_that_are_too_large_are_not_stored() {
    let maps = Api::<ConfigMap>::default_namespaced(ApiServer::new(Clock::new()).client("flyte"));
    let mut large = config_map("a");
    for (megabytes, code, words) in [
        (2, 500, "etcdserver: request is too large"),
        (4, 413, "Request entity too large"),
    ] {
        let text = "x".repeat(megabytes * 1024 * 1024);
        large.data = Some([("text".to_owned(), text)].into());
        let refused = refusal(maps.create(&PostParams::default(), &large).await);
        assert!(refused.0 == code && refused.2.contains(words), "{refused:?}");
    }
}

#[tokio::test]
async fn kinds_and_namespaces_can_be_added() {
    let server = ApiServer::new(Clock::new());
    server.add_kind(KindOfObject::custom(
        "flyte.org",
        "v1",
        "taskactions",
        "TaskAction",
        true,
    ));
    server.create_namespaces(true);
    let resource = kube::core::ApiResource {
        group: "flyte.org".to_owned(),
        version: "v1".to_owned(),
        api_version: "flyte.org/v1".to_owned(),
        kind: "TaskAction".to_owned(),
        plural: "taskactions".to_owned(),
    };
    let runs = Api::<kube::core::DynamicObject>::namespaced_with(server.client("flyte"), "new", &resource);
    let run = kube::core::DynamicObject::new("run", &resource).data(serde_json::json!({"spec": {"any": [{"x": ""}]}}));
    let made = runs.create(&PostParams::default(), &run).await.expect("it is made");
    assert_eq!(made.data["spec"]["any"][0]["x"], "");
    let found = runs.get_metadata("run").await.expect("it is there");
    assert_eq!(found.metadata.generation, Some(1));
}
