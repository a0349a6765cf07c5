//! The objects that have the service's name, and what a create would do to them.

use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::ApiResource;
use serde_json::Value;

use super::findings::{Findings, Problem};
use super::manifest::{Manifest, to_json};
use super::outcome::Action;
use crate::cluster::Inspect;
use crate::error::{Error, ObjectReference, Result};
use crate::identity::asleep::{Asleep, awake};
use crate::identity::labels::ASLEEP_ANNOTATION;
use crate::identity::owner::{ManagedBy, describe, kept_until, managed_by};
use crate::lifecycle::retry::{Deadline, Step, retry};
use crate::lifecycle::stateful_set::use_or_refuse;
use crate::manifests::Objects;

/// An existing object.
pub(super) struct Running {
    /// The action of a create.
    pub(super) action: Action,
    /// The running objects, in the order of those that would be made, without somebody else's.
    pub(super) objects: Vec<Option<Value>>,
    /// The notes for the user.
    pub(super) findings: Findings,
    /// Whether anything could be looked at.
    pub(super) checked: bool,
}

/// One object.
pub(super) enum Seen {
    /// It exists.
    There(Value),
    /// There is none of that name.
    Nothing,
    /// The account may not look, as a sentence.
    Unknown(String),
}

/// Looks what has the names of the objects.
pub(super) async fn look<A: Inspect>(
    api: &A,
    manifests: &[Manifest],
    wanted: &Objects,
    deadline: Deadline,
) -> Result<Running> {
    let (namespace, name) = (wanted.namespace(), wanted.name());
    let looks = manifests
        .iter()
        .map(|manifest| read(api, &manifest.resource, namespace, name, deadline));
    let mut findings = Findings::default();
    let mut objects = Vec::new();
    let mut checked = false;
    for seen in join_all(looks).await {
        let seen = seen?;
        checked |= !matches!(seen, Seen::Unknown(_));
        objects.push(match seen {
            Seen::There(object) => Some(object),
            Seen::Nothing => None,
            Seen::Unknown(note) => {
                findings.notes.push(note);
                None
            }
        });
    }
    let there: Option<StatefulSet> = objects.first().cloned().flatten().and_then(typed);
    if let Some((there, asleep)) = there.as_ref().and_then(|there| Some((there, Asleep::of(there)?))) {
        // A create wakes it, and what it is then is what the configuration is compared with.
        objects[0] = objects[0].take().map(|object| as_awake(object, there));
        findings.notes.push(wakes(&asleep));
    }
    let mut action = match &there {
        None => Action::Create,
        Some(there) => decide(there, &wanted.stateful_set, &mut findings),
    };
    let uid = there.as_ref().and_then(|there| there.metadata.uid.clone());
    for (object, manifest) in objects.iter_mut().zip(manifests) {
        let metadata: Option<ObjectMeta> = object.as_ref().and_then(|object| typed(object["metadata"].clone()));
        let Some(metadata) = metadata.filter(|metadata| managed_by(metadata) == ManagedBy::Other) else {
            continue;
        };
        // Of the StatefulSet that was decided above.
        let owners = metadata.owner_references.iter().flatten();
        let is_its_own = owners.into_iter().any(|owner| Some(&owner.uid) == uid.as_ref());
        if !is_its_own && metadata.uid != uid {
            action = Action::Conflict;
            findings.problems.push(taken(&Error::Conflict {
                object: ObjectReference::new(&manifest.resource.kind, namespace, name),
                difference: format!("it belongs to {}.", describe(&metadata)),
                advice: "Choose another Name.".to_owned(),
            }));
        }
        *object = None;
    }
    Ok(Running {
        action,
        objects,
        findings,
        checked,
    })
}

/// The note that a service sleeps.
pub(super) fn wakes(Asleep { replicas, since }: &Asleep) -> String {
    format!("The service has been asleep since {since}; a create wakes it with Replicas {replicas}.")
}

/// A `StatefulSet` as it was read, but awake.
pub(super) fn as_awake(mut object: Value, there: &StatefulSet) -> Value {
    let awake = awake(there);
    object["spec"]["replicas"] = awake.spec.and_then(|spec| spec.replicas).into();
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.remove(ASLEEP_ANNOTATION);
    }
    object
}

fn decide(there: &StatefulSet, wanted: &StatefulSet, findings: &mut Findings) -> Action {
    let ours = managed_by(&there.metadata) != ManagedBy::Other;
    if ours && there.metadata.deletion_timestamp.is_some() {
        let note = "A service of that name is being deleted; the new one is made when it is gone.";
        findings.notes.push(note.to_owned());
        return Action::Create;
    }
    if kept_until(&there.metadata).is_some() {
        let note = "A service of that name has failed and is kept for people to look at; the new one takes its place.";
        findings.notes.push(note.to_owned());
        return Action::Create;
    }
    match use_or_refuse(there, wanted) {
        Ok(held) => match held.shared_with {
            None => Action::Unchanged,
            Some(owner) => {
                findings
                    .notes
                    .push(format!("The service runs already; it belongs to {owner}."));
                Action::Shared
            }
        },
        Err(error) => {
            findings.problems.push(taken(&error));
            Action::Conflict
        }
    }
}

fn taken(error: &Error) -> Problem {
    Problem {
        path: "Name".to_owned(),
        message: error.to_string(),
    }
}

/// Reads one object, if the account may.
pub(super) async fn read<A: Inspect>(
    api: &A,
    resource: &ApiResource,
    namespace: &str,
    name: &str,
    deadline: Deadline,
) -> Result<Seen> {
    let step = Step::of("get", resource, namespace, name).optional();
    match retry(deadline, &step, || api.look_up(resource, Some(namespace), name)).await? {
        Ok(Some(object)) => {
            let mut object = to_json(&object);
            // An answer to a request for one object always has them; a list's elements do not.
            object["apiVersion"] = resource.api_version.clone().into();
            object["kind"] = resource.kind.clone().into();
            Ok(Seen::There(object))
        }
        Ok(None) => Ok(Seen::Nothing),
        Err(fault) if fault.is_missing_permission() => Ok(Seen::Unknown(format!(
            "Not checked: whether there is a {} {name} already; the account may not get {} in namespace {namespace}.",
            resource.kind, resource.plural
        ))),
        Err(fault) => Err(step.failed(fault)),
    }
}

fn typed<K: serde::de::DeserializeOwned>(object: Value) -> Option<K> {
    serde_json::from_value(object).ok()
}
