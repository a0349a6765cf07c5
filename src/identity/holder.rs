//! The holders of a service: the runs and processes that use it, as they are written on its `StatefulSet` (ADR 30, ADR
//! 31).

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::labels::HOLDER_PREFIX;

/// From this number of holders on, those whose run has ended are removed, and one task stands for all of its run.
/// Kubernetes stores about 1,000 of them on an object.
pub const MANY_HOLDERS: usize = 50;

/// The kind of object that shows whether a run of Flyte 1 goes on.
pub const FLYTE_WORKFLOW: &str = "FlyteWorkflow";

/// The kind of object that shows whether a run of Flyte 2 goes on: its root action.
pub const TASK_ACTION: &str = "TaskAction";

/// The kinds of objects of runs, and their API versions.
const RUNS: [(&str, &str); 2] = [
    (FLYTE_WORKFLOW, "flyte.lyft.com/v1alpha1"),
    (TASK_ACTION, "flyte.org/v1"),
];

/// The kind of object that shows whether a process goes on, such as a local run or a notebook.
pub const LEASE: &str = "Lease";

/// How many characters of the name of a process are kept: user and host names may be long.
const IDENTITY_LIMIT: usize = 100;

/// A user of a service, a task of a run or a process, and the object that shows whether it is still live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// The kind of the object that shows whether the holder goes on.
    pub kind: String,
    /// The namespace of that object.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid, which shows that it was seen.
    pub uid: String,
    /// The id of the task, equal for each of its tries ([`Owner::id`](super::owner::Owner)); of a process, one for each
    /// hold.
    pub owner: String,
    /// When it joined (RFC 3339, UTC).
    pub since: String,
    /// The process for people, such as `user@host/pid`, where the holder is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

impl Holder {
    /// The key of the annotation that the holder is written under: one per task, so that a second try replaces it.
    #[must_use]
    pub fn key(&self) -> String {
        key_of(&self.owner)
    }

    /// The value of the annotation.
    #[must_use]
    pub fn value(&self) -> String {
        // A struct of strings always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The run as an owner in the sense of Kubernetes: an object of its namespace that it owns is deleted with it.
    /// `None` for a process.
    #[must_use]
    pub fn owner_reference(&self) -> Option<OwnerReference> {
        let (_, version) = RUNS.iter().find(|(kind, _)| *kind == self.kind)?;
        Some(OwnerReference {
            api_version: (*version).to_owned(),
            kind: self.kind.clone(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            ..OwnerReference::default()
        })
    }

    /// Whether the holder is a process, which holds the service by a Lease.
    #[must_use]
    pub fn is_lease(&self) -> bool {
        self.kind == LEASE
    }

    /// The object that shows whether the holder goes on: its kind, namespace, name and uid. Tasks of one run have the
    /// same.
    #[must_use]
    pub fn run(&self) -> (&str, &str, &str, &str) {
        (&self.kind, &self.namespace, &self.name, &self.uid)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.identity {
            Some(identity) => formatter.write_str(identity),
            None => write!(formatter, "{}/{}", self.namespace, self.name),
        }
    }
}

/// Whether an owner is a run.
#[must_use]
pub fn is_run(owner: &OwnerReference) -> bool {
    RUNS.contains(&(owner.kind.as_str(), owner.api_version.as_str()))
}

/// The holders that are written on a `StatefulSet`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// Those that can be read, in the order of their keys.
    pub known: Vec<Holder>,
    /// The keys of those that cannot, such as what a later version wrote. Nobody knows whether they hold the service.
    pub unreadable: Vec<String>,
}

impl Holders {
    /// Reads the holders of an object.
    #[must_use]
    pub fn of(metadata: &ObjectMeta) -> Self {
        let mut holders = Self::default();
        for (key, value) in metadata.annotations.iter().flatten() {
            if !key.starts_with(HOLDER_PREFIX) {
                continue;
            }
            match serde_json::from_str::<Holder>(value) {
                Ok(holder) => holders.known.push(holder),
                Err(_) => holders.unreadable.push(key.clone()),
            }
        }
        holders
    }

    /// How many are written on an object, without a look at who they are.
    #[must_use]
    pub fn count(metadata: &ObjectMeta) -> u64 {
        let keys = metadata.annotations.iter().flatten().map(|(key, _)| key);
        keys.map(|key| u64::from(key.starts_with(HOLDER_PREFIX))).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unreadable.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len() + self.unreadable.len()
    }

    /// Whether there are so many holders that those whose run has ended should be removed.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.len() >= MANY_HOLDERS
    }

    /// The holder of another task of the same run, where there are so many that one stands for all.
    #[must_use]
    pub fn standing_for(&self, holder: &Holder) -> Option<&Holder> {
        let mut known = self.known.iter();
        known.find(|other| self.is_crowded() && other.run() == holder.run())
    }

    /// The holder that a task has added, if any.
    #[must_use]
    pub fn of_owner(&self, owner: &str) -> Option<&Holder> {
        self.known.iter().find(|holder| holder.owner == owner)
    }
}

/// The key of the annotation that the holder of a task is written under.
#[must_use]
pub fn key_of(owner: &str) -> String {
    format!("{HOLDER_PREFIX}{}", hexadecimal(owner))
}

/// The name of the Lease that a process holds a service with.
#[must_use]
pub fn lease_name(service: &str, owner: &str) -> String {
    format!("{service}-{}", hexadecimal(owner))
}

/// The name of a process for people, cut where it is long.
#[must_use]
pub fn shortened_identity(identity: &str) -> String {
    identity.chars().take(IDENTITY_LIMIT).collect()
}

fn hexadecimal(owner: &str) -> String {
    let digest = Sha256::digest(owner.as_bytes());
    let bytes = digest.iter().take(5);
    bytes.fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(owner: &str) -> Holder {
        Holder {
            kind: FLYTE_WORKFLOW.to_owned(),
            namespace: "flytesnacks-development".to_owned(),
            name: "f1".to_owned(),
            uid: "u1".to_owned(),
            owner: owner.to_owned(),
            since: "2026-01-01T00:00:00Z".to_owned(),
            identity: None,
        }
    }

    #[test]
    fn a_process_is_named_as_people_know_it() {
        let process = Holder {
            kind: LEASE.to_owned(),
            name: lease_name("foo", "local-1"),
            identity: Some("anna@laptop/4711".to_owned()),
            ..holder("local-1")
        };
        assert_eq!(process.to_string(), "anna@laptop/4711");
        assert!(process.is_lease() && process.name.starts_with("foo-") && process.name.len() == 14);
        assert_eq!(holder("n0").to_string(), "flytesnacks-development/f1");
        assert!(!holder("n0").value().contains("identity"), "as before");
        assert_eq!(shortened_identity(&"ä".repeat(300)).chars().count(), IDENTITY_LIMIT);
    }

    #[test]
    fn a_holder_is_read_as_it_was_written() {
        let written = holder("n0");
        let metadata = ObjectMeta {
            annotations: Some([(written.key(), written.value()), ("other".to_owned(), "x".to_owned())].into()),
            ..ObjectMeta::default()
        };
        let holders = Holders::of(&metadata);
        assert_eq!(holders.known, [written]);
        assert_eq!(holders.len(), 1);
        assert!(holders.of_owner("n0").is_some() && holders.of_owner("n1").is_none());
        assert!(Holders::of(&ObjectMeta::default()).is_empty());
    }

    #[test]
    fn tasks_of_one_run_are_holders_of_their_own() {
        let (one, other) = (holder("n0"), holder("n1"));
        assert_ne!(one.key(), other.key());
        assert_eq!(one.run(), other.run());
        assert_eq!(one.key().len(), HOLDER_PREFIX.len() + 10);
    }

    #[test]
    fn an_annotation_that_cannot_be_read_still_counts() {
        let key = key_of("n0");
        let metadata = ObjectMeta {
            annotations: Some([(key.clone(), "{\"kind\": \"Lease\"}".to_owned())].into()),
            ..ObjectMeta::default()
        };
        let holders = Holders::of(&metadata);
        assert_eq!(holders.unreadable, [key]);
        assert!(!holders.is_empty());
    }

    #[test]
    fn as_many_holders_as_there_may_be_fit_on_an_object() {
        let longest = Holder {
            namespace: "n".repeat(63),
            name: "f".repeat(63),
            uid: "u".repeat(36),
            identity: Some("i".repeat(IDENTITY_LIMIT)),
            ..holder(&"o".repeat(64))
        };
        assert!(MANY_HOLDERS * (longest.key().len() + longest.value().len()) * 10 < (256 << 10));
    }
}
