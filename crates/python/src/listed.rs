//! The services of a list, as frozen Python classes.

use k8sdataservice::client::Answer;
use k8sdataservice::lifetime::{self, Ends};
use pyo3::prelude::*;

/// A service, as a list shows it. Times are in seconds since 1970.
#[pyclass(frozen, get_all, skip_from_py_object, module = "k8sdataservice._core")]
#[derive(Clone)]
pub(crate) struct Listed {
    name: String,
    namespace: String,
    phase: &'static str,
    reason: &'static str,
    message: String,
    ready: i32,
    wanted: Option<i32>,
    created: Option<f64>,
    created_by: String,
    image: String,
    used_by: Vec<String>,
    ends: &'static str,
    ends_at: Option<f64>,
}

/// The services of a namespace or of the cluster.
#[pyclass(frozen, get_all, module = "k8sdataservice._core")]
pub(crate) struct Listing {
    services: Vec<Listed>,
    warning: Option<String>,
}

impl From<lifetime::Listed> for Listed {
    fn from(listed: lifetime::Listed) -> Self {
        let (ends, ends_at) = match listed.ends {
            Ends::Never => ("never", None),
            Ends::WithRuns => ("with its last run", None),
            Ends::At(moment) => ("at", Some(moment)),
            Ends::Now => ("now", None),
            Ends::Unknown => ("unknown", None),
        };
        Self {
            phase: listed.status.phase.as_str(),
            reason: listed.status.reason,
            message: listed.status.message,
            ready: listed.status.ready,
            wanted: listed.status.wanted,
            created: listed.created.map(|created| created.as_duration().as_secs_f64()),
            ends_at: ends_at.map(|moment| moment.as_duration().as_secs_f64()),
            name: listed.name,
            namespace: listed.namespace,
            created_by: listed.created_by,
            image: listed.image,
            used_by: listed.used_by,
            ends,
        }
    }
}

impl From<Answer<Vec<lifetime::Listed>>> for Listing {
    fn from(answer: Answer<Vec<lifetime::Listed>>) -> Self {
        Self {
            services: answer.value.into_iter().map(Listed::from).collect(),
            warning: answer.warning,
        }
    }
}
