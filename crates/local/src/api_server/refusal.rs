//! Refusals, in Kubernetes's words.

use serde_json::{Value, json};

use super::admission::Refused;
use super::kinds::KindOfObject;

/// An answer that refuses a request.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: u16,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

/// One field of an object that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    reason: &'static str,
    field: String,
    message: String,
}

impl Cause {
    pub(super) fn required(field: impl Into<String>, detail: &str) -> Self {
        let message = if detail.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {detail}")
        };
        Self::new("FieldValueRequired", field, message)
    }

    pub(super) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::new("FieldValueInvalid", field, format!("Invalid value: {value}: {detail}"))
    }

    pub(super) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {detail}"))
    }

    pub(super) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self::new("FieldValueDuplicate", field, format!("Duplicate value: {value}"))
    }

    pub(super) fn not_found(field: impl Into<String>, value: &Value) -> Self {
        Self::new("FieldValueNotFound", field, format!("Not found: {value}"))
    }

    pub(super) fn too_long(field: impl Into<String>, most: usize) -> Self {
        Self::new(
            "FieldValueTooLong",
            field,
            format!("Too long: may not be more than {most} bytes"),
        )
    }

    pub(super) fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let supported: Vec<_> = supported.iter().map(|value| format!("{value:?}")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", supported.join(", "));
        Self::new("FieldValueNotSupported", field, message)
    }

    fn new(reason: &'static str, field: impl Into<String>, message: String) -> Self {
        Self {
            reason,
            field: field.into(),
            message,
        }
    }
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
        }
    }

    fn of(mut self, kind: &KindOfObject, name: &str) -> Self {
        self.details = Some(details(kind, name));
        self
    }

    pub(super) fn not_found(kind: &KindOfObject, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.resource());
        Self::new(404, "NotFound", message).of(kind, name)
    }

    /// A path that no kind and no subresource has, below a kind that exists.
    pub(super) fn no_such_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    /// What is wrong.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn already_exists(kind: &KindOfObject, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", kind.resource());
        Self::new(409, "AlreadyExists", message).of(kind, name)
    }

    pub(super) fn conflict(kind: &KindOfObject, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.resource());
        Self::new(409, "Conflict", message).of(kind, name)
    }

    pub(super) fn modified(kind: &KindOfObject, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// The fields that other managers own, which an apply without force would change.
    pub(super) fn apply_conflict(message: String, causes: &[(String, String)]) -> Self {
        let causes: Vec<_> = causes
            .iter()
            .map(|(field, message)| json!({"reason": "FieldManagerConflict", "message": message, "field": field}))
            .collect();
        let mut refusal = Self::new(409, "Conflict", message);
        refusal.details = Some(json!({"causes": causes}));
        refusal
    }

    pub(super) fn invalid(kind: &KindOfObject, name: &str, causes: &[Cause]) -> Self {
        let texts: Vec<_> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let text = match &texts[..] {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let causes: Vec<_> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        let message = format!("{} {name:?} is invalid: {text}", kind.group_kind());
        let mut refusal = Self::new(422, "Invalid", message).of(kind, name);
        if let Some(details) = &mut refusal.details {
            details["kind"] = json!(kind.kind);
            details["causes"] = json!(causes);
        }
        refusal
    }

    /// Options of a request that are not valid.
    pub(super) fn invalid_options(cause: &Cause) -> Self {
        let kind = KindOfObject::custom("meta.k8s.io", "v1", "patchoptions", "PatchOptions", false);
        Self::invalid(&kind, "", std::slice::from_ref(cause))
    }

    pub(super) fn forbidden(kind: &KindOfObject, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", kind.resource());
        Self::new(403, "Forbidden", message).of(kind, name)
    }

    /// What a rule of the cluster does not allow.
    pub(super) fn not_admitted(refused: Refused) -> Self {
        Self::new(refused.code, refused.reason, refused.message)
    }

    /// An object of a namespace that is being deleted.
    pub(super) fn terminating(kind: &KindOfObject, name: &str, namespace: &str) -> Self {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut refusal = Self::forbidden(kind, name, &why);
        if let Some(details) = &mut refusal.details {
            let message = format!("namespace {namespace} is being terminated");
            details["causes"] =
                json!([{"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}]);
        }
        refusal
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn unsupported_media_type(media_type: &str) -> Self {
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {media_type}");
        Self::new(415, "UnsupportedMediaType", message)
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message)
    }

    /// A version of which the server has no memory.
    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// A version that is not reached yet.
    pub(super) fn too_large_version(asked: u64, now: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {now}");
        let mut refusal = Self::new(504, "Timeout", message);
        refusal.details = Some(json!({
            "retryAfterSeconds": 1,
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        }));
        refusal
    }

    /// A body that the server does not read to its end.
    pub(super) fn too_large() -> Self {
        let message = "Request entity too large: limit is 3145728";
        Self::new(413, "RequestEntityTooLarge", message)
    }

    /// An object that the real server's storage does not take.
    pub(super) fn too_large_to_store() -> Self {
        Self::new(500, "", "etcdserver: request is too large")
    }

    pub(super) fn internal(message: &str) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {message}"))
    }

    /// The answer's body.
    pub(super) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
            "reason": self.reason, "code": self.code,
        });
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }
}

/// What a status says of the object that it is about.
pub(super) fn details(kind: &KindOfObject, name: &str) -> Value {
    let mut details = json!({"kind": kind.plural});
    if !name.is_empty() {
        details["name"] = json!(name);
    }
    if !kind.group.is_empty() {
        details["group"] = json!(kind.group);
    }
    details
}
