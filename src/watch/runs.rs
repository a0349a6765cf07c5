//! The runs of Flyte that go on: one watch over the metadata of all of them, however many there are.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::watcher::Event;
use tokio::sync::Notify;

use super::last_report::{LastReport, WatchState};
use super::stream::{Update, watch};
use crate::cluster::{Api, FlyteWorkflow, Kind, MetadataOf, RunKind, Selection, TaskAction};
use crate::identity::holder::{FLYTE_WORKFLOW, Holder, TASK_ACTION};

/// The runs of a place that go on, as far as the watch has reported them.
pub struct Runs {
    place: RunPlace,
    state: Mutex<State>,
    ended: Notify,
}

/// Where runs are, by the kind of their objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RunPlace {
    /// Runs of Flyte 1: a `FlyteWorkflow` each, in the namespaces of all projects.
    Workflows,
    /// Runs of Flyte 2: a root action each, all in one namespace.
    Actions(String),
}

impl RunPlace {
    /// Where the run of a holder is; `None` for a process.
    #[must_use]
    pub fn of(holder: &Holder) -> Option<Self> {
        match holder.kind.as_str() {
            FLYTE_WORKFLOW => Some(Self::Workflows),
            TASK_ACTION => Some(Self::Actions(holder.namespace.clone())),
            _ => None,
        }
    }
}

#[derive(Default)]
struct State {
    live: Live,
    /// The runs that a relisting watch has listed so far.
    listing: Live,
    /// Whether every change is reported.
    is_current: bool,
    /// Whether the first list and watch have succeeded or failed.
    has_started: bool,
    last_report: LastReport,
}

/// The uids of runs, by namespace and name.
type Live = HashMap<(Box<str>, Box<str>), Box<str>>;

impl Runs {
    /// The runs of a place, of which nothing is known before [`Self::run`].
    #[must_use]
    pub fn of(place: RunPlace) -> Self {
        Self {
            place,
            state: Mutex::default(),
            ended: Notify::new(),
        }
    }

    /// Where the runs are.
    #[must_use]
    pub fn place(&self) -> &RunPlace {
        &self.place
    }

    /// Whether a run goes on; `None` while that may have changed unseen. That it does not is to be confirmed before
    /// anything follows from it: a run that has just begun may not be reported yet.
    #[must_use]
    pub fn is_live(&self, namespace: &str, name: &str, uid: &str) -> Option<bool> {
        let state = self.state();
        let run = (namespace.into(), name.into());
        state
            .is_current
            .then(|| state.live.get(&run).is_some_and(|live| **live == *uid))
    }

    /// Whether the first list is still under way, so that it will soon be known which runs go on, or that the watch
    /// fails.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        !self.state().has_started
    }

    /// How many runs go on; `None` while that may have changed unseen.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        let state = self.state();
        state.is_current.then(|| state.live.len())
    }

    /// The state of the watch.
    #[must_use]
    pub fn watch_state(&self) -> WatchState {
        self.state().last_report.of(match &self.place {
            RunPlace::Workflows => FLYTE_WORKFLOW,
            RunPlace::Actions(_) => TASK_ACTION,
        })
    }

    /// Waits until runs have ended, or it has become known which go on, or that the watch fails.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Watches without end.
    pub async fn run<A: Api>(&self, api: &A) {
        match &self.place {
            RunPlace::Workflows => self.follow::<FlyteWorkflow, A>(api, "").await,
            RunPlace::Actions(namespace) => self.follow::<TaskAction, A>(api, namespace).await,
        }
    }

    async fn follow<K: RunKind, A: Api>(&self, api: &A, namespace: &str)
    where
        MetadataOf<K>: Kind,
    {
        let selection = Selection {
            namespace: namespace.to_owned(),
            labels: K::LIVE.to_owned(),
            fields: String::new(),
        };
        let mut runs = pin!(watch::<_, MetadataOf<K>>(api, selection));
        while let Some(update) = runs.next().await {
            if self.state().take::<K>(update) {
                self.ended.notify_one();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes in what the watch reports, and returns whether runs may have ended.
    fn take<K: RunKind>(&mut self, update: Update<MetadataOf<K>>) -> bool {
        self.last_report.note(&update);
        match update {
            Update::Event(Event::Init) => self.listing.clear(),
            Update::Event(Event::InitApply(run)) => insert::<K>(&mut self.listing, &run.metadata),
            Update::Event(Event::InitDone) => {
                self.live = std::mem::take(&mut self.listing);
                self.live.shrink_to_fit();
            }
            Update::Event(Event::Apply(run)) => {
                insert::<K>(&mut self.live, &run.metadata);
                // A server that knows no selectors would report it so.
                return K::has_ended(&run.metadata);
            }
            Update::Event(Event::Delete(run)) => {
                let (key, uid) = of(&run.metadata);
                if self.live.get(&key) == Some(&uid) {
                    self.live.remove(&key);
                }
                return true;
            }
            Update::Following => {
                self.is_current = true;
                self.has_started = true;
                return true;
            }
            Update::Alive => {}
            Update::Lost(_) => {
                self.is_current = false;
                return !std::mem::replace(&mut self.has_started, true);
            }
        }
        false
    }
}

fn insert<K: RunKind>(runs: &mut Live, metadata: &ObjectMeta) {
    let (key, uid) = of(metadata);
    if K::has_ended(metadata) {
        runs.remove(&key);
    } else {
        runs.insert(key, uid);
    }
}

fn of(metadata: &ObjectMeta) -> ((Box<str>, Box<str>), Box<str>) {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
    ((text(&metadata.namespace), text(&metadata.name)), text(&metadata.uid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Fault;

    type RunMetadata = MetadataOf<FlyteWorkflow>;

    fn run(name: &str, uid: &str, labels: &[(&str, &str)]) -> RunMetadata {
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        RunMetadata {
            metadata: ObjectMeta {
                namespace: Some("p-d".to_owned()),
                name: Some(name.to_owned()),
                uid: Some(uid.to_owned()),
                labels: Some(labels.collect()),
                ..ObjectMeta::default()
            },
            ..RunMetadata::default()
        }
    }

    fn listed(runs: &[(&str, &str)]) -> Runs {
        let known = Runs::of(RunPlace::Workflows);
        known.state().take::<FlyteWorkflow>(Update::Event(Event::Init));
        for (name, uid) in runs {
            known
                .state()
                .take::<FlyteWorkflow>(Update::Event(Event::InitApply(run(name, uid, &[]))));
        }
        known.state().take::<FlyteWorkflow>(Update::Event(Event::InitDone));
        known
    }

    #[test]
    fn a_run_is_over_however_it_leaves_the_watch() {
        let runs = listed(&[("f1", "u1"), ("f2", "u2")]);
        assert_eq!(
            runs.is_live("p-d", "f1", "u1"),
            None,
            "not every change is reported yet"
        );
        assert!(runs.state().take::<FlyteWorkflow>(Update::Following));
        assert_eq!(runs.is_live("p-d", "f1", "u1"), Some(true));
        assert_eq!(runs.is_live("p-d", "f1", "an earlier one"), Some(false));
        assert_eq!(runs.is_live("other", "f1", "u1"), Some(false));
        assert!(
            !runs
                .state()
                .take::<FlyteWorkflow>(Update::Event(Event::Apply(run("f3", "u3", &[]))))
        );
        assert!(
            runs.state()
                .take::<FlyteWorkflow>(Update::Event(Event::Delete(run("f1", "u1", &[]))))
        );
        let ended = run("f2", "u2", &[("termination-status", "terminated")]);
        assert!(runs.state().take::<FlyteWorkflow>(Update::Event(Event::Apply(ended))));
        assert_eq!(runs.is_live("p-d", "f1", "u1"), Some(false));
        assert_eq!(runs.is_live("p-d", "f2", "u2"), Some(false));
        assert_eq!((runs.is_live("p-d", "f3", "u3"), runs.count()), (Some(true), Some(1)));
    }

    #[test]
    fn nothing_is_known_while_the_watch_is_cut_off() {
        let runs = listed(&[("f1", "u1")]);
        runs.state().take::<FlyteWorkflow>(Update::Following);
        runs.state()
            .take::<FlyteWorkflow>(Update::Lost(Fault::transient("away")));
        assert_eq!(runs.is_live("p-d", "f1", "u1"), None);
        // Runs that have ended meanwhile are not in the next list.
        runs.state().take::<FlyteWorkflow>(Update::Event(Event::Init));
        runs.state().take::<FlyteWorkflow>(Update::Event(Event::InitDone));
        assert!(runs.state().take::<FlyteWorkflow>(Update::Following));
        assert_eq!(runs.is_live("p-d", "f1", "u1"), Some(false));
    }

    #[test]
    fn a_watch_has_started_once_it_follows_or_fails() {
        for first in [Update::Following, Update::Lost(Fault::transient("away"))] {
            let runs = listed(&[("f1", "u1")]);
            assert!(runs.is_starting());
            assert!(runs.state().take::<FlyteWorkflow>(first), "whoever waits looks again");
            assert!(!runs.is_starting());
            let again = Update::Lost(Fault::transient("away"));
            assert!(!runs.state().take::<FlyteWorkflow>(again));
            assert!(!runs.is_starting());
        }
    }

    #[test]
    fn the_end_of_an_earlier_run_of_the_name_ends_no_later_one() {
        let runs = listed(&[("f1", "u2")]);
        runs.state().take::<FlyteWorkflow>(Update::Following);
        runs.state()
            .take::<FlyteWorkflow>(Update::Event(Event::Delete(run("f1", "u1", &[]))));
        assert_eq!(runs.is_live("p-d", "f1", "u2"), Some(true));
    }
}
