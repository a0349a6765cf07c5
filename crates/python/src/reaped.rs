//! The result of a sweep, as frozen Python classes.

use k8sdataservice::client::Answer;
use k8sdataservice::error::Result;
use k8sdataservice::lifetime;
use pyo3::prelude::*;

/// The result of a sweep for a service.
#[pyclass(frozen, get_all, skip_from_py_object, module = "k8sdataservice._core")]
#[derive(Clone)]
pub(crate) struct Reaped {
    name: String,
    namespace: String,
    deleted: bool,
    ends: bool,
    put_to_sleep: bool,
    reason: String,
}

/// The result of a sweep.
#[pyclass(frozen, get_all, module = "k8sdataservice._core")]
pub(crate) struct Sweep {
    services: Vec<Reaped>,
    errors: Vec<String>,
    warning: Option<String>,
}

impl From<lifetime::Reaped> for Reaped {
    fn from(reaped: lifetime::Reaped) -> Self {
        Self {
            reason: reaped.decision.to_string(),
            ends: matches!(reaped.decision, lifetime::Decision::Ends(_)),
            deleted: reaped.is_deleted,
            put_to_sleep: reaped.is_put_to_sleep,
            name: reaped.name,
            namespace: reaped.namespace,
        }
    }
}

impl From<Answer<Vec<Result<lifetime::Reaped>>>> for Sweep {
    fn from(answer: Answer<Vec<Result<lifetime::Reaped>>>) -> Self {
        let (mut services, mut errors) = (Vec::new(), Vec::new());
        for each in answer.value {
            match each {
                Ok(reaped) => services.push(reaped.into()),
                Err(error) => errors.push(error.to_string()),
            }
        }
        Self {
            services,
            errors,
            warning: answer.warning,
        }
    }
}
