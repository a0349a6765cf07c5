//! A local cluster as a whole: its API server, its controllers and its node.

use std::path::Path;
use std::sync::Arc;

use kube::Client;
use tokio::task::JoinHandle;

use crate::api_server::{ApiServer, LogQuery};
use crate::clock::Clock;
use crate::controllers;
use crate::node::{Addressing, LogPart, Node, NodeOptions};
use crate::script::Script;

/// A cluster on this machine. All its processes are killed when it is dropped; [`Self::stop`] lets them end.
pub struct LocalCluster {
    api: ApiServer,
    node: Node,
    controllers: JoinHandle<()>,
}

impl LocalCluster {
    /// Starts a cluster with one node.
    ///
    /// # Errors
    ///
    /// As [`Node::start`].
    pub async fn start(clock: Clock, options: NodeOptions) -> std::io::Result<Self> {
        let api = ApiServer::new(clock);
        let node = Node::start(api.client("default"), clock, options).await?;
        let logs = node.logs();
        api.set_logs(Arc::new(move |query: &LogQuery| {
            let part = LogPart {
                tail_lines: query.tail_lines,
                limit_bytes: query.limit_bytes,
            };
            let read = logs.read(&query.uid, &query.container, query.previous, part);
            read.map_err(|error| error.to_string())
        }));
        let controllers = tokio::spawn(controllers::run(api.client("default"), clock, None));
        Ok(Self { api, node, controllers })
    }

    /// Starts a cluster that runs no processes: a script says what becomes of its pods.
    #[must_use]
    pub fn start_scripted(clock: Clock, script: &Script) -> Self {
        let api = ApiServer::new(clock);
        let admission = script.clone();
        api.set_admission(Arc::new(move |kind, object| admission.refusal(kind, object)));
        let logs = script.clone();
        api.set_logs(Arc::new(move |query: &LogQuery| Ok(log(&logs, query))));
        api.keep_failed_pods();
        let mut options = NodeOptions::new(Path::new(""));
        options.addressing = Addressing::Imagined;
        let node = Node::start_scripted(api.client("default"), clock, options, script.clone());
        let controllers = tokio::spawn(controllers::run(api.client("default"), clock, Some(script.clone())));
        Self { api, node, controllers }
    }

    /// A client of the cluster, whose default namespace is the given one.
    #[must_use]
    pub fn client(&self, namespace: &str) -> Client {
        self.api.client(namespace)
    }

    /// The API server.
    #[must_use]
    pub fn api(&self) -> &ApiServer {
        &self.api
    }

    /// Ends all processes, each as its pod says, and returns when none is left.
    pub async fn stop(self) {
        self.controllers.abort();
        self.node.stop().await;
    }
}

/// The log that a script gives a pod: its last lines, as many as are asked for.
fn log(script: &Script, query: &LogQuery) -> Vec<u8> {
    let service = query.pod.rsplit_once('-').map_or(&*query.pod, |(service, _)| service);
    let log = script.log(service);
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let first = lines.len().saturating_sub(query.tail_lines.unwrap_or(usize::MAX));
    let mut log = lines[first..].concat().into_bytes();
    log.truncate(query.limit_bytes.unwrap_or(usize::MAX));
    log
}
