//! Wake: give a service that sleeps its replicas back, in one write with the removal of the note that it sleeps.

use std::fmt;

use k8s_openapi::api::apps::v1::StatefulSet;

use super::delete::find_live;
use super::ours::find_to_change;
use super::retry::{Backoff, Deadline, Step, retry};
use crate::cluster::{Api, Fault};
use crate::error::Result;
use crate::identity::asleep::Asleep;
use crate::identity::labels::{ASLEEP_ANNOTATION, UNUSED_SINCE_ANNOTATION};

/// The result of [`wake`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Woken {
    /// The service's name.
    pub name: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// The uid of its `StatefulSet`.
    pub uid: String,
    /// The generation of its `StatefulSet` afterwards. A status of an earlier one describes the service before it.
    pub generation: i64,
    /// How many replicas it has.
    pub replicas: i32,
    /// Whether it slept, and was woken by this call.
    pub is_changed: bool,
}

impl fmt::Display for Woken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, replicas, .. } = self;
        if !self.is_changed {
            return write!(formatter, "Data service {name} is awake already.");
        }
        let replicas = match replicas {
            1 => "1 replica".to_owned(),
            _ => format!("{replicas} replicas"),
        };
        write!(formatter, "Data service {name} is awake: it has {replicas} again.")
    }
}

/// Wakes a service. One that is awake is left as it is.
///
/// # Errors
/// [`Error::NotFound`](crate::error::Error::NotFound), [`Error::NotOwned`](crate::error::Error::NotOwned),
/// [`Error::Unchanged`](crate::error::Error::Unchanged) for one that is being deleted, and as
/// [`delete`](super::delete()).
pub async fn wake<A: Api>(api: &A, namespace: &str, name: &str, deadline: Deadline) -> Result<Woken> {
    let there = find_to_change(api, namespace, name, deadline).await?;
    let uid = there.metadata.uid.clone().unwrap_or_default();
    let (set, is_changed) = match ensure_awake(api, namespace, name, &uid, deadline).await? {
        Awake::Already(set) => (*set, false),
        Awake::Woken(set) => (*set, true),
        // Deleted in between: another one may have its name.
        Awake::Gone => (find_to_change(api, namespace, name, deadline).await?, false),
    };
    Ok(Woken {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        uid: set.metadata.uid.unwrap_or_default(),
        generation: set.metadata.generation.unwrap_or_default(),
        replicas: set.spec.and_then(|spec| spec.replicas).unwrap_or(1),
        is_changed,
    })
}

/// The result of waking a service.
#[derive(Debug, Clone)]
pub enum Awake {
    /// It was awake.
    Already(Box<StatefulSet>),
    /// It slept, and was woken.
    Woken(Box<StatefulSet>),
    /// It is gone, or going.
    Gone,
}

impl Awake {
    /// The generation of the `StatefulSet` of a service that was woken.
    #[must_use]
    pub fn woken_at(&self) -> Option<i64> {
        match self {
            Self::Woken(set) => set.metadata.generation,
            _ => None,
        }
    }
}

/// Makes sure that the service with this uid is awake.
///
/// A run that joins writes itself on the service before this, so that no sleep comes after it: that one is refused,
/// since a run uses the service, or was decided on the version before, and is refused for that.
///
/// # Errors
/// As [`delete`](super::delete()).
pub async fn ensure_awake<A: Api>(
    api: &A,
    namespace: &str,
    name: &str,
    uid: &str,
    deadline: Deadline,
) -> Result<Awake> {
    let patching = Step::new::<StatefulSet>("patch", namespace, name);
    let mut backoff = Backoff::new();
    let mut has_tried = false;
    loop {
        let Some(there) = find_live(api, namespace, name, uid, deadline).await? else {
            return Ok(Awake::Gone);
        };
        let Some(asleep) = Asleep::of(&there) else {
            // The answer to the write may have been lost.
            let there = Box::new(there);
            return Ok(if has_tried {
                Awake::Woken(there)
            } else {
                Awake::Already(there)
            });
        };
        // It counts as used from now on.
        let annotations = [(ASLEEP_ANNOTATION, None), (UNUSED_SINCE_ANNOTATION, None)];
        let scale = || api.scale(&there, asleep.replicas, &annotations);
        match retry(deadline, &patching, scale).await? {
            Ok(woken) => return Ok(Awake::Woken(Box::new(woken))),
            Err(Fault::Changed) => {}
            Err(fault) => return Err(patching.failed(fault)),
        }
        has_tried = true;
        if !backoff.wait(deadline, None).await {
            return Err(patching.unavailable(deadline, "the object keeps changing"));
        }
    }
}
