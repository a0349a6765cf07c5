//! Lists in pages and watches, through the Kubernetes client.

use std::time::Duration;

use futures::StreamExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use tokio::time::timeout;

use super::answer::from_status;
use super::kube::fault;
use super::{Change, Changes, Chunk, Fault, Kind, Selection};

/// How long a watch lasts, in seconds. A connection that broke without a word is noticed soon after.
const WATCH_SECONDS: u32 = 60;

/// How long a watch may be silent: the API server ends it before, unless the connection is dead.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);

/// How many objects to list at a time. What a list of many takes in memory while it is read, the process keeps.
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
