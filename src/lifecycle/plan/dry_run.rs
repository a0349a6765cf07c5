//! What the API server and admission say of an object that is not made.

use serde_json::Value;

use super::refusal::findings;
use super::{Findings, Manifest};
use crate::api::{Fault, Inspect, Trial};
use crate::error::{Error, Result};
use crate::lifecycle::deadline::{Deadline, Step, repeat};
use crate::manifests::Origins;

/// An object that was tried out.
pub(super) struct Tried {
    /// The object, as it would be made if that is known, else as it is sent.
    pub(super) object: Value,
    /// Whether it has the server's defaults.
    pub(super) complete: bool,
    /// What is wrong with it.
    pub(super) findings: Findings,
}

/// Asks what would become of an object, also where its name is taken.
pub(super) async fn try_out<A: Inspect>(
    api: &A,
    manifest: &Manifest,
    namespace: &str,
    origins: &Origins,
    deadline: Deadline,
) -> Result<Tried> {
    let Manifest { resource, object } = manifest;
    let name = object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let step = Step::of("create", resource, namespace, name).optional();
    let mut trial = repeat(deadline, &step, || api.try_out(resource, namespace, object)).await?;
    if matches!(trial, Err(Fault::AlreadyExists)) {
        let unnamed = unnamed(object, name);
        trial = repeat(deadline, &step, || api.try_out(resource, namespace, &unnamed)).await?;
    }
    let as_sent = |findings| Tried {
        object: object.clone(),
        complete: false,
        findings,
    };
    match trial {
        Ok(Trial::Accepted(mut made)) => {
            made["metadata"]["name"] = name.into();
            Ok(Tried {
                object: made,
                complete: true,
                findings: Findings::default(),
            })
        }
        Ok(Trial::Refused(refusal)) => Ok(as_sent(findings(&refusal, &resource.kind, object, origins))),
        Err(fault) if fault.is_missing_right() => Ok(as_sent(Findings::note(format!(
            "Not checked: whether Kubernetes accepts {} {name}; the account may not create {} in namespace {namespace}, \
             not even to try.",
            resource.kind, resource.plural
        )))),
        Err(fault) => Err(match step.failed(fault) {
            // Names that the API server makes up are free.
            Error::Conflict { .. } => step.unavailable(deadline, "its name is taken"),
            error => error,
        }),
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
