//! Plans, as frozen Python classes, and the part of the client that makes them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pythonize::pythonize;
use serde_json::Value;

use super::client::Client;
use super::connect::Call;
use super::convert::{Strings, read, seconds};
use super::errors::to_python;
use super::request::{Request, Requester, Wanted};
use crate::error::Result;
use crate::fuse::fused_call;
use crate::lifecycle::{self, plan::plan_existing, plan::sketch};
use crate::platform::Platform;

/// What a create would make.
#[pyclass(frozen, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Plan(lifecycle::Plan);

impl From<lifecycle::Plan> for Plan {
    fn from(plan: lifecycle::Plan) -> Self {
        Self(plan)
    }
}

#[pymethods]
impl Plan {
    #[getter]
    fn action(&self) -> &'static str {
        self.0.action.as_str()
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn namespace(&self) -> &str {
        &self.0.namespace
    }

    #[getter]
    fn objects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, &self.0.objects)?)
    }

    #[getter]
    fn pod<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, &self.0.pod)?)
    }

    #[getter]
    fn running<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, &self.0.running)?)
    }

    #[getter]
    fn problems(&self) -> Vec<Problem> {
        self.0.problems.iter().cloned().map(Problem).collect()
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.0.notes.clone()
    }

    #[getter]
    fn fit(&self) -> Option<&str> {
        self.0.fit.as_deref()
    }

    #[getter]
    fn checked(&self) -> bool {
        self.0.checked
    }

    #[getter]
    fn ok(&self) -> bool {
        self.0.is_ok()
    }

    fn __repr__(&self) -> String {
        let problems: Vec<&str> = self.0.problems.iter().map(|problem| problem.path.as_str()).collect();
        format!(
            "Plan(action={:?}, name={:?}, problems={problems:?})",
            self.action(),
            self.name()
        )
    }
}

/// Something that keeps a service from being made, or its pods from running.
#[pyclass(frozen, module = "flytekitplugins_k8sdataservice._core")]
pub(super) struct Problem(lifecycle::Problem);

#[pymethods]
impl Problem {
    #[getter]
    fn path(&self) -> &str {
        &self.0.path
    }

    #[getter]
    fn message(&self) -> &str {
        &self.0.message
    }

    fn __repr__(&self) -> String {
        format!("Problem(path={:?}, message={:?})", self.0.path, self.0.message)
    }
}

/// What a call hands over.
pub(super) struct Asked {
    config: Value,
    namespace: String,
    requester: Requester,
    timeout: Option<Duration>,
}

impl Asked {
    pub(super) fn new(
        config: &Bound<'_, PyAny>,
        namespace: String,
        owner: String,
        execution: String,
        labels: Option<Strings>,
        annotations: Option<Strings>,
        timeout: Option<f64>,
    ) -> PyResult<Self> {
        Ok(Self {
            timeout: timeout.map(seconds).transpose()?,
            config: read(config)?,
            namespace,
            requester: Requester {
                owner,
                execution,
                labels,
                annotations,
            },
        })
    }

    /// What is to be made and where, or the plan that says what is wrong with the configuration.
    fn parse(self, platform: &Platform) -> PyResult<std::result::Result<Request, lifecycle::Plan>> {
        let Self {
            config,
            namespace,
            requester,
            ..
        } = self;
        match fused_call(|| Request::read(platform, &config, &namespace, &requester)) {
            Ok(request) => Ok(Ok(request)),
            Err(error) => {
                let faults = error.into_faults().map_err(to_python)?;
                let text = |field: &str| {
                    config
                        .get(field)
                        .and_then(Value::as_str)
                        .filter(|text| !text.is_empty())
                };
                let (name, namespace) = (
                    text("Name").unwrap_or_default(),
                    text("Namespace").unwrap_or(&namespace),
                );
                let problems = faults.into_iter().map(|fault| lifecycle::Problem {
                    message: fault.to_string(),
                    path: fault.field,
                });
                Ok(Err(lifecycle::Plan::of_problems(name, namespace, problems.collect())))
            }
        }
    }
}

impl Client {
    pub(super) fn planning(&self, asked: Asked) -> PyResult<impl Future<Output = Result<Plan>> + Send + 'static> {
        let (config, asked_timeout) = (asked.config.clone(), asked.timeout);
        let parsed = asked.parse(&self.platform)?;
        let clusters = Arc::clone(&self.clusters);
        let timeout = asked_timeout.unwrap_or(self.timeout);
        Ok(async move {
            let request = match parsed {
                Ok(request) => request,
                Err(plan) => return Ok(plan.into()),
            };
            let warnings = request.warnings;
            let name = match &request.wanted {
                Wanted::New(_, identity) => identity.name.clone(),
                Wanted::Existing(name) => name.clone(),
            };
            let call = Call {
                verb: "plan",
                namespace: &request.namespace,
                name: &name,
                timeout,
            };
            let (connection, deadline) = call.connect(&clusters, request.cluster.as_deref()).await?;
            let api = &connection.api;
            let mut plan = match request.wanted {
                Wanted::New(mut spec, identity) => {
                    call.choose_sidecars(&connection, &mut spec, deadline).await?;
                    // It holds all its requests at once.
                    Box::pin(lifecycle::plan(api, &spec, &config, &identity, deadline)).await
                }
                Wanted::Existing(name) => plan_existing(api, &name, &request.namespace, deadline).await,
            }
            .map_err(|error| connection.explain(error))?;
            plan.notes.extend(warnings);
            plan.notes.extend(connection.warning);
            Ok(plan.into())
        })
    }

    pub(super) fn sketched(&self, asked: Asked) -> PyResult<Plan> {
        let request = match asked.parse(&self.platform)? {
            Ok(request) => request,
            Err(plan) => return Ok(plan.into()),
        };
        let plan = fused_call(|| {
            Ok(match request.wanted {
                Wanted::New(spec, identity) => sketch(&spec, &identity),
                Wanted::Existing(name) => {
                    lifecycle::Plan::of_nothing(lifecycle::Action::Use, &name, &request.namespace)
                }
            })
        });
        plan.map(Plan::from).map_err(to_python)
    }
}
