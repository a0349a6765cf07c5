//! The client's end of a service that has failed.

use std::future::Future;
use std::sync::Arc;

use pyo3::prelude::*;

use super::client::Client;
use super::convert::{Place, seconds};
use super::types::Status;
use crate::error::Result;
use crate::lifecycle::{self, Deadline, Ending, Failing, Scope};

/// What has become of a service that had failed.
#[pyclass(frozen, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Conclusion(lifecycle::Conclusion);

#[pymethods]
impl Conclusion {
    #[getter]
    fn status(&self) -> Status {
        Status::from(self.0.status.clone())
    }

    #[getter]
    fn warning(&self) -> Option<&str> {
        self.0.warning.as_deref()
    }

    fn __repr__(&self) -> String {
        let status = &self.0.status;
        format!(
            "Conclusion(phase={:?}, reason={:?})",
            status.phase.as_str(),
            status.reason
        )
    }
}

/// What ends with a service that has failed, as Python says it.
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) cluster: Option<String>,
    pub(super) uid: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) existing: bool,
    pub(super) keep: Option<f64>,
    pub(super) timeout: Option<f64>,
}

impl Client {
    pub(super) fn concluding(
        &self,
        status: &Status,
        asked: Asked,
    ) -> PyResult<impl Future<Output = Result<Conclusion>> + Send + 'static> {
        let place = Place::new(asked.name, asked.namespace, asked.cluster)?;
        let timeout = asked.timeout.map_or(Ok(self.timeout), seconds)?;
        let keep = asked.keep.map(seconds).transpose()?;
        let scope = (!asked.existing).then(|| asked.owner.map_or(Scope::AnyOfOurs, Scope::OwnedBy));
        let (uid, verdict) = (asked.uid, status.inner().clone());
        let clusters = Arc::clone(&self.clusters);
        let cache = Arc::clone(&self.cache);
        let grace_periods = self.platform.grace_periods.clone();
        Ok(async move {
            let deadline = Deadline::after(timeout);
            let connection = clusters.connect(place.cluster()).await?;
            let failing = Failing {
                namespace: &place.namespace,
                name: &place.name,
                uid: uid.as_deref(),
                verdict: &verdict,
            };
            let ending = Ending { scope, keep };
            let concluding = lifecycle::conclude(&connection.api, failing, &ending, &grace_periods, deadline);
            let conclusion = Box::pin(concluding).await?;
            if let Some(uid) = &conclusion.deleted {
                cache.forget(&connection.key, &place.namespace, uid);
            }
            Ok(Conclusion(conclusion))
        })
    }
}
