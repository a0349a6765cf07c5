//! Lists in pages and watches, through the Kubernetes client.

use std::time::Duration;

use futures::StreamExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use tokio::time::timeout;

use super::answer::{fault, from_status};
use super::{Change, Changes, Chunk, Fault, Kind, Selection};

/// How long a watch lasts, in seconds. A connection that broke without a word is noticed soon after.
const WATCH_SECONDS: u32 = 60;

/// How long a watch may be silent: the API server ends it before, unless the connection is dead.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);

/// How many objects to list at a time. The process never returns the memory of a long list to the system.
const PAGE: u32 = 100;

/// How long a page may take. An API server that is busy lets a request wait for its turn for at most 15 s.
const LIST: Duration = Duration::from_secs(30);

/// How long a watch may take to begin.
const START: Duration = Duration::from_secs(20);

pub(super) async fn list_chunk<K: Kind>(
    objects: kube::Api<K>,
    selection: &Selection,
    token: Option<&str>,
) -> Result<Chunk<K>, Fault> {
    let mut params = ListParams::default()
        .labels(&selection.labels)
        .fields(&selection.fields)
        .limit(PAGE);
    params.continue_token = token.map(ToOwned::to_owned);
    let list = in_time(LIST, "list", objects.list(&params)).await?;
    Ok(Chunk {
        items: list.items,
        next: list.metadata.continue_.filter(|token| !token.is_empty()),
        version: list.metadata.resource_version.unwrap_or_default(),
    })
}

pub(super) async fn changes<K: Kind>(
    objects: kube::Api<K>,
    selection: &Selection,
    version: &str,
) -> Result<Changes<K>, Fault> {
    let params = WatchParams::default()
        .labels(&selection.labels)
        .fields(&selection.fields)
        .timeout(WATCH_SECONDS);
    let stream = in_time(START, "begin a watch", objects.watch(&params, version)).await?;
    let events = until_silent(stream.boxed());
    Ok(events
        .map(|event| match event? {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => Ok(Change::Applied(object)),
            WatchEvent::Deleted(object) => Ok(Change::Deleted(object)),
            WatchEvent::Bookmark(bookmark) => Ok(Change::Bookmark(bookmark.metadata.resource_version)),
            // Such as 410, "too old resource version".
            WatchEvent::Error(status) => Err(from_status(*status)),
        })
        .boxed())
}

/// The events of a watch; one that is silent for too long ends with a fault.
fn until_silent<K: Kind>(
    stream: futures::stream::BoxStream<'static, kube::Result<WatchEvent<K>>>,
) -> impl futures::Stream<Item = Result<WatchEvent<K>, Fault>> + Send {
    futures::stream::unfold(Some(stream), |stream| async {
        let mut stream = stream?;
        match timeout(SILENCE, stream.next()).await {
            Ok(event) => Some((event?.map_err(fault), Some(stream))),
            Err(_) => Some((Err(Fault::transient("the watch was silent for too long")), None)),
        }
    })
}

async fn in_time<T>(limit: Duration, what: &str, request: impl Future<Output = kube::Result<T>>) -> Result<T, Fault> {
    match timeout(limit, request).await {
        Ok(answer) => answer.map_err(fault),
        Err(_) => Err(Fault::transient(format!(
            "the API server took more than {} s to {what}",
            limit.as_secs()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::pending;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http::{Request, Response};
    use hyper::body::{Body, Bytes, Frame};
    use k8s_openapi::api::core::v1::Pod;
    use kube::Client;
    use tokio::time::Instant;

    use super::*;

    /// The body of an answer that has begun, and of which nothing arrives.
    struct Silence;

    impl Body for Silence {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    /// An API server that takes requests, and answers with no more than the head, if with anything.
    fn pods(answers: bool) -> kube::Api<Pod> {
        let service = tower::service_fn(move |_: Request<kube::client::Body>| async move {
            if !answers {
                pending::<()>().await;
            }
            Ok::<_, Infallible>(Response::new(Silence))
        });
        kube::Api::all(Client::new(service, "flyte"))
    }

    fn everything() -> Selection {
        Selection {
            namespace: String::new(),
            labels: String::new(),
            fields: String::new(),
        }
    }

    /// The seconds until a fault that may pass, and its message. A test that waits for ever would not end by itself.
    async fn fault_of<T>(request: impl Future<Output = Result<T, Fault>>) -> (u64, String) {
        let begin = Instant::now();
        let answer = timeout(Duration::from_hours(1), request).await.expect("an end");
        match answer.err().expect("a fault") {
            Fault::Transient { message, .. } => (begin.elapsed().as_secs(), message),
            other => panic!("{other}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_is_not_answered_ends() {
        let words = "the API server took more than 30 s to list".to_owned();
        for answers in [false, true] {
            let listed = fault_of(list_chunk(pods(answers), &everything(), None)).await;
            assert_eq!(listed, (30, words.clone()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_does_not_begin_ends() {
        let begun = fault_of(changes(pods(false), &everything(), "1")).await;
        assert_eq!(
            begun,
            (20, "the API server took more than 20 s to begin a watch".to_owned())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_is_silent_for_longer_than_it_lasts_ends_once() {
        let mut changes = changes(pods(true), &everything(), "1").await.expect("a watch");
        let silent = fault_of(async { changes.next().await.expect("an event") }).await;
        assert_eq!(silent, (65, "the watch was silent for too long".to_owned()));
        assert!(changes.next().await.is_none());
    }
}
