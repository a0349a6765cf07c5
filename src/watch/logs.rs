//! The last lines of logs: read once for each time that a container has ended, however many ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;
use tokio::time::{Duration, Instant};

use crate::cluster::Api;
use crate::lifecycle::{self, Deadline, Tail};
use crate::status::PodFacts;

/// How many to remember. They are as long as a message is.
const MOST: usize = 1024;

/// After which time to try again to read a log that could not be read.
const AGAIN: Duration = Duration::from_secs(10);

/// The last run of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct LogKey {
    pod: String,
    container: String,
    /// The pod's uid.
    uid: Box<str>,
    restarts: i32,
}

impl LogKey {
    /// The last run of a container of one of these pods.
    pub(super) fn of(pods: &[PodFacts], pod: &str, container: &str) -> Option<Self> {
        let facts = pods.iter().find(|facts| facts.name == pod)?;
        let mut containers = facts.containers.iter();
        let restarts = containers.find(|facts| facts.name == container)?.restarts;
        Some(Self {
            pod: pod.to_owned(),
            container: container.to_owned(),
            uid: facts.uid.clone(),
            restarts,
        })
    }
}

/// The lines that were read, and when.
type Cell = Arc<OnceCell<(Tail, Instant)>>;

/// The logs of a namespace.
#[derive(Default)]
pub(super) struct Logs(Mutex<HashMap<LogKey, Cell>>);

impl Logs {
    /// The last lines of a run, if they were read.
    pub(super) fn known(&self, key: &LogKey) -> Option<Tail> {
        let logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tail, _) = logs.get(key).filter(|cell| !is_over(cell))?.get()?;
        Some(tail.clone())
    }

    /// The last lines of a run, which are read unless they are known. Of several who ask at once, one reads.
    pub(super) async fn read<A: Api>(&self, api: &A, namespace: &str, key: &LogKey, deadline: Deadline) -> Tail {
        let cell = self.cell(key);
        let reading = || async {
            let tail = lifecycle::read_tail(api, namespace, &key.pod, &key.container, deadline).await;
            (tail, Instant::now())
        };
        cell.get_or_init(reading).await.0.clone()
    }

    fn cell(&self, key: &LogKey) -> Cell {
        let mut logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if logs.len() >= MOST {
            logs.clear();
        }
        let cell = logs.entry(key.clone()).or_default();
        if is_over(cell) {
            *cell = Cell::default();
        }
        Arc::clone(cell)
    }
}

fn is_over(cell: &Cell) -> bool {
    let read = cell.get();
    read.is_some_and(|(tail, read)| !matches!(tail, Tail::Lines(_)) && read.elapsed() >= AGAIN)
}

#[cfg(test)]
mod tests {
    use super::super::scripted::Scripted;
    use super::*;
    use crate::status::ContainerFacts;

    fn key(pod: &str, restarts: i32) -> LogKey {
        let pods = [PodFacts {
            name: pod.to_owned(),
            containers: vec![ContainerFacts {
                name: "foo".to_owned(),
                restarts,
                ..ContainerFacts::default()
            }],
            ..PodFacts::default()
        }];
        LogKey::of(&pods, pod, "foo").expect("a container")
    }

    async fn read(logs: &Logs, api: &Scripted, key: &LogKey) -> Tail {
        let deadline = Deadline::after(Duration::from_secs(2));
        logs.read(api, "flyte", key, deadline).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_is_read_once_for_each_end_of_its_container_however_many_ask() {
        let (logs, api) = (Logs::default(), Scripted::quiet());
        let lines = |before: usize| Tail::Lines(format!("{before} times before"));
        let first = key("foo-0", 3);
        let asking = (0..20).map(|_| read(&logs, &api, &first));
        assert!(
            futures::future::join_all(asking)
                .await
                .iter()
                .all(|tail| *tail == lines(0))
        );
        assert_eq!(logs.known(&first), Some(lines(0)));
        assert_eq!(logs.known(&key("foo-0", 4)), None);
        assert_eq!(read(&logs, &api, &key("foo-0", 4)).await, lines(1));
        assert_eq!(api.asked("log").len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_cannot_be_read_is_tried_again_after_a_while() {
        let (logs, api) = (Logs::default(), Scripted::quiet());
        let forbidden = key("forbidden-0", 3);
        for _ in 0..10 {
            assert_eq!(read(&logs, &api, &forbidden).await, Tail::Forbidden);
        }
        assert_eq!(api.asked("log").len(), 1);
        tokio::time::advance(AGAIN).await;
        assert_eq!(logs.known(&forbidden), None);
        read(&logs, &api, &forbidden).await;
        assert_eq!(api.asked("log").len(), 2);
    }
}
