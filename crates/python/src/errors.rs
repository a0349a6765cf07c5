//! Errors of the core as the exceptions of `k8sdataservice.exceptions`.
//!
//! The classes are defined in Python, because several have a built-in exception as their second base, and the stable
//! ABI lets an extension give an exception one base only.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use k8sdataservice::error::Error;

const MODULE: &str = "k8sdataservice.exceptions";

/// The exception for an error, with its data as attributes.
#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
pub(crate) fn to_python(error: Error) -> PyErr {
    Python::attach(|py| build(py, &error).unwrap_or_else(|failure| failure))
}

/// An exception of the package with a message alone.
pub(crate) fn raise(class: &str, message: &str) -> PyErr {
    Python::attach(|py| {
        let made = py
            .import(MODULE)
            .and_then(|module| module.getattr(class)?.call1((message,)));
        made.map_or_else(|_| PyRuntimeError::new_err(message.to_owned()), PyErr::from_value)
    })
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let exception = py.import(MODULE)?.getattr(class(error))?.call1((error.to_string(),))?;
    exception.setattr("reason", error.reason())?;
    exception.setattr("code", error.code())?;
    if let Some(object) = error.object() {
        // A list is about no single object, and nodes are in no namespace.
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        exception.setattr("namespace", given(&object.namespace))?;
        exception.setattr("name", given(&object.name))?;
    }
    if let Error::InvalidSpec { field, problem, more } = error {
        exception.setattr("field", field)?;
        let fault = py.import(MODULE)?.getattr("Fault")?;
        let first = std::iter::once((field, problem));
        let all = first.chain(more.iter().map(|fault| (&fault.field, &fault.problem)));
        let faults = all.map(|(field, problem)| fault.call1((field, format!("{field} {problem}"))));
        exception.setattr("faults", faults.collect::<PyResult<Vec<_>>>()?)?;
    }
    Ok(PyErr::from_value(exception))
}

fn class(error: &Error) -> &'static str {
    match error {
        Error::InvalidSpec { .. } => "InvalidSpecError",
        Error::NotFound { .. } => "NotFoundError",
        Error::Conflict { .. } | Error::Unchanged { .. } => "ConflictError",
        Error::NotOwned { .. } => "NotOwnedError",
        Error::Forbidden { .. } => "ForbiddenError",
        Error::Unavailable { .. } => "UnavailableError",
        Error::Timeout { .. } => "DataServiceTimeoutError",
        Error::Partial { error, .. } => class(error),
        Error::Rejected { .. } | Error::Bug { .. } | Error::Cluster { .. } => "DataServiceError",
    }
}
