//! The answers of the API server and of admission to dry runs.

use serde_json::Value;

use super::findings::{Findings, Unchecked};
use super::manifest::Manifest;
use super::refusal::findings;
use crate::cluster::{Fault, Inspect, Trial};
use crate::compare::changed_by_admission;
use crate::error::Result;
use crate::lifecycle::retry::{Deadline, Step, retry};
use crate::origins::Origins;

/// An object that was tried out.
pub(super) struct Tried {
    /// The object, as it would be made if that is known, else as it is sent.
    pub(super) object: Value,
    /// Whether it has the server's defaults.
    pub(super) complete: bool,
    /// The fault.
    pub(super) findings: Findings,
    /// The changes that admission makes to it.
    pub(super) changed: Vec<String>,
}

impl Tried {
    /// An object that could not be tried out.
    pub(super) fn unknown(manifest: &Manifest, why: &Unchecked) -> Self {
        let Manifest { resource, object } = manifest;
        let text = |place: &str| object.pointer(place).and_then(Value::as_str).unwrap_or_default();
        let (name, namespace) = (text("/metadata/name"), text("/metadata/namespace"));
        let what = format!("whether Kubernetes accepts {} {name}", resource.kind);
        let note = match why {
            Unchecked::Forbidden => format!(
                "Not checked: {what}; the dry run was skipped: not allowed to create {} in namespace {namespace}.",
                resource.plural
            ),
            Unchecked::Failed(_) => why.note(&what, ""),
        };
        Self {
            object: object.clone(),
            complete: false,
            findings: Findings::note(note),
            changed: Vec::new(),
        }
    }

    /// Whether Kubernetes has judged it.
    pub(super) fn is_checked(&self) -> bool {
        self.complete || !self.findings.problems.is_empty()
    }
}

/// Creates an object in a dry run, even if its name is taken.
pub(super) async fn try_out<A: Inspect>(
    api: &A,
    manifest: &Manifest,
    (namespace, service): (&str, &str),
    origins: &Origins,
    deadline: Deadline,
) -> Result<Tried> {
    let Manifest { resource, object } = manifest;
    let name = object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let step = Step::of("create", resource, namespace, name).optional();
    let mut trial = retry(deadline, &step, || api.try_out(resource, namespace, object)).await?;
    if matches!(trial, Err(Fault::AlreadyExists)) {
        let unnamed = unnamed(object, name);
        trial = retry(deadline, &step, || api.try_out(resource, namespace, &unnamed)).await?;
    }
    let as_sent = |findings| Tried {
        object: object.clone(),
        complete: false,
        findings,
        changed: Vec::new(),
    };
    match trial {
        Ok(Trial::Accepted(mut made)) => {
            made["metadata"]["name"] = name.into();
            Ok(Tried {
                changed: changed_by_admission(object, &made, service),
                object: made,
                complete: true,
                findings: Findings::default(),
            })
        }
        Ok(Trial::Refused(refusal)) => Ok(as_sent(findings(&refusal, &resource.kind, object, origins))),
        Err(fault) if fault.is_missing_permission() => Ok(Tried::unknown(manifest, &Unchecked::Forbidden)),
        Err(fault) => Err(step.failed(fault)),
    }
}

/// The object under a name that the API server makes up.
fn unnamed(object: &Value, name: &str) -> Value {
    let mut object = object.clone();
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.remove("name");
        metadata.insert("generateName".to_owned(), format!("{name}-").into());
    }
    object
}
