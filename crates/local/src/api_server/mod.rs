//! An API server in memory.
//!
//! It speaks Kubernetes's HTTP API: to a [`kube::Client`] in the same process without a network, and to others through
//! a Unix socket. All its state is in memory, behind one lock, so that every request is answered at one point in time.

mod about;
mod admission;
mod answer;
mod apply;
mod collect;
mod create;
mod defaults;
mod delete;
mod fields;
mod json_patch;
mod kinds;
mod list;
mod patch;
mod pod;
mod provide;
mod refusal;
mod request;
mod selector;
mod store;
#[cfg(test)]
mod tests;
mod typed;
mod update;
mod validate;
mod value;
mod watch;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::DATE;
use http::{Method, Response};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use k8s_openapi::jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;
use tokio::net::UnixListener;
use tokio::task::JoinSet;

pub use admission::{Admission, Refused};
pub use kinds::KindOfObject;
pub use pod::{LogQuery, LogSource};

use crate::clock::Clock;
use answer::{Body, json_answer, no_page, refused};
use refusal::Refusal;
use request::Request;
use store::Store;

/// The largest body of a request, in bytes.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// An API server in memory. Clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    store: Arc<Mutex<Store>>,
    logs: Arc<Mutex<Option<LogSource>>>,
}

fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ApiServer {
    /// A server with the namespaces `default` and `flyte`, and nothing else.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let server = Self {
            store: Arc::new(Mutex::new(Store::new(clock))),
            logs: Arc::default(),
        };
        for namespace in ["default", "flyte"] {
            server.add_namespace(namespace);
        }
        server
    }

    /// Makes a namespace, unless it exists.
    pub fn add_namespace(&self, name: &str) {
        create::namespace(&mut lock(&self.store), name);
    }

    /// Whether a namespace is made when the first object is created in it. A server does not do so at first.
    pub fn create_namespaces(&self, creates: bool) {
        lock(&self.store).creates_namespaces = creates;
    }

    /// Adds a kind, as a `CustomResourceDefinition` does.
    pub fn add_kind(&self, kind: KindOfObject) {
        lock(&self.store).kinds.add(kind);
    }

    /// Says where logs of pods come from. Without a source, every log is empty.
    pub fn set_logs(&self, source: LogSource) {
        *self.logs.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }

    /// Sets how long watches without `timeoutSeconds` last, and how often those that allow bookmarks get one, besides
    /// the one before their end.
    pub fn set_watches(&self, lasts: Duration, bookmarks: Duration) {
        let mut store = lock(&self.store);
        (store.watches, store.bookmarks) = (lasts, bookmarks);
    }

    /// Deletes failed pods only when their node confirms it, as running pods. By default they go at once, as in
    /// Kubernetes, so that hardly any reader sees them.
    pub fn keep_failed_pods(&self) {
        lock(&self.store).keeps_failed = true;
    }

    /// Says which new objects are refused. Without rules, none is that is valid.
    pub fn set_admission(&self, admission: Admission) {
        lock(&self.store).admission = admission::Rules(Some(admission));
    }

    /// Removes an object at once, whatever holds it.
    pub fn remove(&self, kind: &str, namespace: &str, name: &str) {
        let mut store = lock(&self.store);
        let found = store.everything().map(|(key, _)| key).find(|(id, within, called)| {
            (within.as_str(), called.as_str()) == (namespace, name) && store.kinds.get(*id).kind == kind
        });
        if let Some(key) = found.cloned() {
            store.remove(&key);
        }
    }

    /// The objects of a kind, in the order of their names.
    #[must_use]
    pub fn objects_of(&self, kind: &str) -> Vec<Arc<Value>> {
        let store = lock(&self.store);
        let all = store
            .everything()
            .filter(|((id, ..), _)| store.kinds.get(*id).kind == kind);
        all.map(|(_, object)| Arc::clone(object)).collect()
    }

    /// The kind, the namespace and the name of every object.
    #[must_use]
    pub fn objects(&self) -> Vec<(String, String, String)> {
        let store = lock(&self.store);
        let all = store.everything().map(|((id, namespace, name), _)| {
            let kind = store.kinds.get(*id).kind.to_string();
            (kind, namespace.clone(), name.clone())
        });
        all.collect()
    }

    /// A client of this server, whose default namespace is the given one. It works within the runtime that it is made
    /// in.
    #[must_use]
    pub fn client(&self, namespace: &str) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let server = server.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await?;
                Ok::<_, kube::Error>(server.answer(http::Request::from_parts(parts, body)))
            }
        });
        kube::Client::new(service, namespace)
    }

    /// Serves others through a Unix socket, until the future is dropped.
    pub async fn serve(&self, listener: UnixListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let server = self.clone();
                        connections.spawn(async move { server.serve_connection(stream).await });
                    }
                    Err(error) => {
                        // Such as too many open files: connections that end make room.
                        tracing::warn!(%error, "no connection could be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn serve_connection(&self, stream: tokio::net::UnixStream) {
        let service = service_fn(|request: http::Request<hyper::body::Incoming>| async move {
            let (parts, body) = request.into_parts();
            let answer = match body.collect().await {
                Ok(body) => self.answer(http::Request::from_parts(parts, body.to_bytes())),
                Err(error) => refused(&Refusal::bad_request(error.to_string())),
            };
            Ok::<_, Infallible>(answer)
        });
        let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        if let Err(error) = served.await {
            tracing::debug!(%error, "a connection broke");
        }
    }

    /// Answers a request, with the time: clients compare the times of objects with it.
    fn answer(&self, request: http::Request<Bytes>) -> Response<Body> {
        let mut answer = self.answer_undated(request);
        let now = lock(&self.store).clock.now();
        if let Ok(date) = DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&now)
            .unwrap_or_default()
            .parse()
        {
            answer.headers_mut().insert(DATE, date);
        }
        answer
    }

    fn answer_undated(&self, request: http::Request<Bytes>) -> Response<Body> {
        if let Some(answer) = about::answer(&request, &lock(&self.store).kinds) {
            return answer;
        }
        let target = request::target(request.uri().path(), &lock(&self.store).kinds);
        let Some(target) = target else {
            return no_page();
        };
        if request.body().len() > LARGEST_BODY {
            return refused(&Refusal::too_large());
        }
        let request = Request::new(request, target);
        self.of_kind(request).unwrap_or_else(|refusal| refused(&refusal))
    }

    fn log(&self, request: &Request) -> Result<Response<Body>, Refusal> {
        let Some(query) = pod::log_query(&lock(&self.store), request)? else {
            return Ok(answer::text(Bytes::new()));
        };
        let source = self.logs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut log = match source {
            Some(source) => source(&query).map_err(|problem| Refusal::internal(&problem))?,
            None => Vec::new(),
        };
        log.truncate(query.limit_bytes.unwrap_or(usize::MAX));
        Ok(answer::text(log))
    }

    /// Answers a request about objects of a kind.
    fn of_kind(&self, request: Request) -> Result<Response<Body>, Refusal> {
        let target = &request.target;
        let is_one = !target.name.is_empty();
        if request.method == Method::GET && (request.is_set("watch") && target.subresource.is_empty()) {
            return Ok(answer::lines(watch::begin(&self.store, request)?));
        }
        if request.method == Method::GET && target.kind == kinds::POD && target.subresource == "log" {
            return self.log(&request);
        }
        let mut store = lock(&self.store);
        let (code, body) = match (&request.method, target.subresource.as_str()) {
            (&Method::GET, "" | "status") if is_one => (200, list::get(&store, &request)?),
            (&Method::GET, "") => (200, list::list(&store, &request)?),
            (&Method::POST, "") if !is_one => create::create(&mut store, &request)?,
            (&Method::PUT, "" | "status") if is_one => update::replace(&mut store, &request)?,
            (&Method::PATCH, "" | "status") if is_one => patch::patch(&mut store, &request)?,
            (&Method::POST, subresource) if is_one && !subresource.is_empty() => pod::post(&mut store, &request)?,
            (&Method::DELETE, "") if is_one => delete::delete(&mut store, &request)?,
            (&Method::DELETE, "") => (200, delete::collection(&mut store, &request)?),
            (_, "" | "status") => return Err(Refusal::method_not_allowed()),
            _ => return Err(Refusal::no_such_resource()),
        };
        Ok(json_answer(code, &body))
    }
}
