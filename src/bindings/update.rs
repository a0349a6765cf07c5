//! The client's update.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use pyo3::prelude::*;

use super::client::Client;
use super::connect::Call;
use super::convert::{Strings, joined, read, seconds};
use super::errors::to_python;
use super::request::{Request, Requester, Wanted};
use crate::error::{Error, Result};
use crate::fuse::fused_call;
use crate::lifecycle::{self, Claim};
use crate::ownership::Owner;
use crate::spec::explain_size;

/// What an update has done.
#[pyclass(frozen, get_all, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Updated {
    name: String,
    namespace: String,
    uid: String,
    changes: Vec<String>,
    adopted_from: Option<String>,
    message: String,
    warning: Option<String>,
}

#[pymethods]
impl Updated {
    fn __repr__(&self) -> String {
        format!(
            "Updated(name={:?}, namespace={:?}, changes={:?})",
            self.name, self.namespace, self.changes
        )
    }
}

impl Updated {
    fn new(updated: lifecycle::Updated, warning: Option<String>) -> Self {
        Self {
            message: updated.to_string(),
            name: updated.name,
            namespace: updated.namespace,
            uid: updated.uid,
            changes: updated.changes,
            adopted_from: updated.adopted_from,
            warning,
        }
    }
}

/// Who asks for an update, as Python says it.
pub(super) struct Asking {
    pub(super) namespace: String,
    pub(super) owner: String,
    pub(super) execution: String,
    pub(super) labels: Option<Strings>,
    pub(super) annotations: Option<Strings>,
    pub(super) adopt: bool,
    pub(super) timeout: Option<f64>,
}

impl Client {
    pub(super) fn updating(
        &self,
        config: &Bound<'_, PyAny>,
        asking: Asking,
    ) -> PyResult<impl Future<Output = Result<Updated>> + Send + 'static> {
        let config = read(config)?;
        let timeout: Duration = asking.timeout.map_or(Ok(self.timeout), seconds)?;
        let requester = Requester {
            owner: asking.owner,
            execution: asking.execution,
            labels: asking.labels,
            annotations: asking.annotations,
        };
        let asked = requester.clone();
        let parse = || {
            let request = Request::read(&self.platform, &config, &asking.namespace, &requester)?;
            let Wanted::New(spec, _) = request.wanted else {
                return Err(Error::invalid(
                    "ExistingReleaseName",
                    "names a service that is used as it is: give its Name and all that it is to be.",
                ));
            };
            let name = spec
                .name
                .clone()
                .ok_or_else(|| Error::invalid("Name", "is missing: say which service is to be changed."))?;
            Ok((name, spec, request.cluster, request.namespace, request.warnings))
        };
        let (name, mut spec, cluster, namespace, mut warnings) = fused_call(parse).map_err(to_python)?;
        let (clusters, cache) = (Arc::clone(&self.clusters), Arc::clone(&self.cache));
        let platform = Arc::clone(&self.platform);
        let (asked, _) = asked.decorated(&spec);
        let claim = Claim {
            owner: Owner {
                id: asked.owner,
                description: asked.execution,
            },
            labels: asked.labels,
            annotations: asked.annotations,
            adopt: asking.adopt,
        };
        Ok(async move {
            let call = Call {
                verb: "update",
                namespace: &namespace,
                name: &name,
                timeout,
            };
            let (connection, deadline) = call.connect(&clusters, cluster.as_deref()).await?;
            call.choose_sidecars(&connection, &mut spec, deadline).await?;
            // What is written has the labels of the service's own execution.
            let check = |stateful_set: &StatefulSet| platform.check(stateful_set, &config);
            let updated = Box::pin(lifecycle::update(
                &connection.api,
                &spec,
                &namespace,
                &name,
                &claim,
                &check,
                deadline,
            ))
            .await
            .map_err(|error| connection.explain(explain_size(error, &config)))?;
            cache.outdate(&connection.key, &namespace, &updated.uid, updated.generation);
            warnings.extend(connection.warning);
            Ok(Updated::new(updated, joined(&warnings)))
        })
    }
}
