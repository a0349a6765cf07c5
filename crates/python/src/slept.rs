//! The results of sleep and wake, as frozen Python classes.

use k8sdataservice::client::Answer;
use k8sdataservice::{lifecycle, lifetime};
use pyo3::prelude::*;

/// A service that sleeps.
#[pyclass(frozen, get_all, module = "k8sdataservice._core")]
pub(crate) struct Slept {
    name: String,
    namespace: String,
    uid: String,
    replicas: i32,
    since: String,
    changed: bool,
    message: String,
    warning: Option<String>,
}

impl From<Answer<lifetime::Slept>> for Slept {
    fn from(answer: Answer<lifetime::Slept>) -> Self {
        let slept = answer.value;
        Self {
            message: slept.to_string(),
            name: slept.name,
            namespace: slept.namespace,
            uid: slept.uid,
            replicas: slept.replicas,
            since: slept.since,
            changed: slept.is_changed,
            warning: answer.warning,
        }
    }
}

#[pymethods]
impl Slept {
    fn __repr__(&self) -> String {
        format!("Slept(name={:?}, namespace={:?})", self.name, self.namespace)
    }
}

/// A service that is awake.
#[pyclass(frozen, get_all, module = "k8sdataservice._core")]
pub(crate) struct Woken {
    name: String,
    namespace: String,
    uid: String,
    replicas: i32,
    changed: bool,
    message: String,
    warning: Option<String>,
}

impl From<Answer<lifecycle::Woken>> for Woken {
    fn from(answer: Answer<lifecycle::Woken>) -> Self {
        let woken = answer.value;
        Self {
            message: woken.to_string(),
            name: woken.name,
            namespace: woken.namespace,
            uid: woken.uid,
            replicas: woken.replicas,
            changed: woken.is_changed,
            warning: answer.warning,
        }
    }
}

#[pymethods]
impl Woken {
    fn __repr__(&self) -> String {
        format!("Woken(name={:?}, namespace={:?})", self.name, self.namespace)
    }
}
