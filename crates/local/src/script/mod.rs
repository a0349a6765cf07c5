//! What happens to the pods of a cluster that runs no processes.
//!
//! A script gives each service a cause, such as `InsufficientGpu`, and later ones. The API server, the scheduler and
//! the node then do what those of a real cluster do for that cause: they write the same statuses and events.

mod causes;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

pub use causes::Cause;
pub(crate) use causes::{Act, Probed};
pub(crate) use words::{fill, probe_failure};

use crate::api_server::Refused;

/// What is to happen to the pods of each service. Clones are the same script.
#[derive(Debug, Clone)]
pub struct Script(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rules: Mutex<Rules>,
    /// Counts the changes, of which the passing of time is one.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Rules {
    /// For services without rules of their own.
    all: Vec<Step>,
    /// By service.
    of: BTreeMap<String, Vec<Step>>,
    /// What the containers of each service write, and those of services that have nothing of their own.
    logs: BTreeMap<Option<String>, String>,
    /// When the rules have begun to count for a service: when they were first asked about it.
    begun: BTreeMap<String, Instant>,
}

/// A cause, and how long after the one before it comes.
#[derive(Debug, Clone, Copy)]
struct Step {
    after: Duration,
    cause: Cause,
}

impl Rules {
    fn steps(&self, service: &str) -> &[Step] {
        self.of.get(service).unwrap_or(&self.all)
    }

    /// The causes of a service with the times at which they come.
    fn times<'a>(&'a self, service: &str, begun: Instant) -> impl Iterator<Item = (Instant, Cause)> + 'a {
        self.steps(service).iter().scan(begun, |time, step| {
            *time += step.after;
            Some((*time, step.cause))
        })
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl Script {
    /// A script in which every pod becomes ready.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            rules: Mutex::default(),
            changed: watch::Sender::new(0),
        }))
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.0.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self) {
        self.0.changed.send_modify(|changes| *changes += 1);
    }

    /// Gives a service, or all that have no cause of their own, this cause from now on.
    pub fn set(&self, service: Option<&str>, cause: Cause) {
        let steps = vec![Step {
            after: Duration::ZERO,
            cause,
        }];
        {
            let mut rules = self.rules();
            if let Some(service) = service {
                rules.of.insert(service.to_owned(), steps);
                rules.begun.remove(service);
            } else {
                rules.all = steps;
                let Rules { of, begun, .. } = &mut *rules;
                begun.retain(|service, _| of.contains_key(service));
            }
        }
        self.note();
    }

    /// Lets another cause take the place of the last one, so long after that one came. The time of the first one counts
    /// from when there is something of the service to ask about.
    pub fn then(&self, service: Option<&str>, cause: Cause, after: Duration) {
        {
            let mut rules = self.rules();
            let steps = match service {
                Some(service) => rules.of.entry(service.to_owned()).or_default(),
                None => &mut rules.all,
            };
            if steps.is_empty() {
                steps.push(Step {
                    after: Duration::ZERO,
                    cause: Cause::READY,
                });
            }
            steps.push(Step { after, cause });
        }
        self.note();
    }

    /// Lets the containers of a service, or of all that have no log of their own, have this log from now on.
    pub fn set_log(&self, service: Option<&str>, log: &str) {
        let mut rules = self.rules();
        rules.logs.insert(service.map(str::to_owned), log.to_owned());
    }

    /// The log of each container of a service.
    pub(crate) fn log(&self, service: &str) -> String {
        let rules = self.rules();
        let own = rules.logs.get(&Some(service.to_owned()));
        own.or_else(|| rules.logs.get(&None)).cloned().unwrap_or_default()
    }

    /// The present cause of a service.
    #[must_use]
    pub fn cause(&self, service: &str) -> Cause {
        let now = Instant::now();
        let mut rules = self.rules();
        let begun = rules.begun.get(service).copied().unwrap_or_else(|| {
            rules.begun.insert(service.to_owned(), now);
            // The next time to look has come nearer.
            self.note();
            now
        });
        let due = rules.times(service, begun).take_while(|(time, _)| *time <= now);
        due.last().map_or(Cause::READY, |(_, cause)| cause)
    }

    /// Reports changes. Each is a reason to ask again.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// Reports what changes by the passing of time, until it is dropped.
    pub(crate) async fn run(self) {
        let mut changed = self.subscribe();
        loop {
            let now = Instant::now();
            let next = {
                let rules = self.rules();
                let times = rules
                    .begun
                    .iter()
                    .flat_map(|(service, begun)| rules.times(service, *begun));
                times.map(|(time, _)| time).filter(|time| *time > now).min()
            };
            let wait = async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => self.note(),
                _ = changed.changed() => {}
            }
        }
    }

    /// What happens to a pod.
    pub(crate) fn act(&self, pod: &Pod) -> Act {
        self.cause(&service(pod)).act()
    }

    /// Why the scheduler gives a pod no node: its reason and its words.
    pub(crate) fn unschedulable(&self, pod: &Pod) -> Option<(&'static str, String)> {
        match self.act(pod) {
            Act::Unschedulable { reason, words, .. } => Some((reason, fill(words, pod, None))),
            _ => None,
        }
    }

    /// What an autoscaler reports on a pod without a node: its reason and its words.
    pub(crate) fn scaling(&self, pod: &Pod) -> Option<(&'static str, &'static str)> {
        match self.act(pod) {
            Act::Unschedulable { scaling, .. } => scaling,
            _ => None,
        }
    }

    /// Why the API server refuses an object.
    pub(crate) fn refusal(&self, kind: &str, object: &Value) -> Option<Refused> {
        if kind != "Pod" {
            return None;
        }
        let pod: Pod = serde_json::from_value(object.clone()).ok()?;
        let Act::Refuse { code, reason, words } = self.act(&pod) else {
            return None;
        };
        Some(Refused {
            code,
            reason,
            message: fill(words, &pod, None),
        })
    }
}

/// The service that a pod is of: what controls it, or the pod itself.
fn service(pod: &Pod) -> String {
    let mut owners = pod.owner_references().iter();
    let controller = owners.find(|owner| owner.controller == Some(true));
    controller.map_or_else(|| pod.name_any(), |owner| owner.name.clone())
}

#[cfg(test)]
mod tests;
