//! Plans, as frozen Python classes, and the part of the client that makes them.

use std::future::Future;
use std::sync::Arc;

use pyo3::prelude::*;
use pythonize::pythonize;
use serde_json::Value;

use super::client::Client;
use super::convert::{Strings, identity, read};
use super::errors::to_python;
use crate::error::{Error, Result};
use crate::fuse::fused_call;
use crate::lifecycle::{self, Deadline, plan::plan_existing, plan::sketch};
use crate::names::check_namespace;
use crate::spec::{DataServiceSpec, Target, parse_cluster};

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
    fn ok(&self) -> bool {
        self.0.problems.is_empty()
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
    owner: String,
    execution: String,
    labels: Option<Strings>,
    annotations: Option<Strings>,
}

impl Asked {
    pub(super) fn new(
        config: &Bound<'_, PyAny>,
        namespace: String,
        owner: String,
        execution: String,
        labels: Option<Strings>,
        annotations: Option<Strings>,
    ) -> PyResult<Self> {
        Ok(Self {
            config: read(config)?,
            namespace,
            owner,
            execution,
            labels,
            annotations,
        })
    }

    /// What is to be made and where, or the plan that says what is wrong with the configuration.
    fn parse(&self) -> PyResult<std::result::Result<(Target, Option<String>), lifecycle::Plan>> {
        let parsed = fused_call(|| {
            check_namespace(&self.namespace)?;
            Ok((Target::parse(&self.config)?, parse_cluster(&self.config)?))
        });
        match parsed {
            Ok(parsed) => Ok(Ok(parsed)),
            Err(Error::InvalidSpec { field, problem }) => {
                let name = self.config.get("Name").and_then(Value::as_str).unwrap_or_default();
                let problem = lifecycle::Problem {
                    message: format!("{field} {problem}"),
                    path: field,
                };
                let plan = lifecycle::Plan::of_problem(name, &self.namespace, problem);
                Ok(Err(plan))
            }
            Err(error) => Err(to_python(error)),
        }
    }

    fn identity(self, spec: &DataServiceSpec) -> crate::ownership::Identity {
        identity(
            spec.name.clone(),
            self.namespace,
            self.owner,
            self.execution,
            self.labels,
            self.annotations,
        )
    }
}

impl Client {
    pub(super) fn planning(&self, asked: Asked) -> PyResult<impl Future<Output = Result<Plan>> + Send + 'static> {
        let parsed = asked.parse()?;
        let clusters = Arc::clone(&self.clusters);
        let platform = Arc::clone(&self.platform);
        let timeout = self.timeout;
        Ok(async move {
            let (target, cluster) = match parsed {
                Ok(parsed) => parsed,
                Err(plan) => return Ok(plan.into()),
            };
            let connection = clusters.connect(cluster.as_deref()).await?;
            let (api, deadline) = (&connection.api, Deadline::after(timeout));
            let mut plan = match target {
                Target::New(spec) => {
                    let spec = platform.complete(spec);
                    let config = asked.config.clone();
                    let identity = asked.identity(&spec);
                    // It holds all its requests at once.
                    Box::pin(lifecycle::plan(api, &spec, &config, &identity, deadline)).await?
                }
                Target::Existing(name) => plan_existing(api, &name, &asked.namespace, deadline).await?,
            };
            plan.notes.extend(connection.warning);
            Ok(plan.into())
        })
    }

    pub(super) fn sketched(&self, asked: Asked) -> PyResult<Plan> {
        let target = match asked.parse()? {
            Ok((target, _)) => target,
            Err(plan) => return Ok(plan.into()),
        };
        let plan = fused_call(|| {
            Ok(match target {
                Target::New(spec) => {
                    let spec = self.platform.complete(spec);
                    let identity = asked.identity(&spec);
                    sketch(&spec, &identity)
                }
                Target::Existing(name) => lifecycle::Plan::of_nothing(lifecycle::Action::Use, &name, &asked.namespace),
            })
        });
        plan.map(Plan::from).map_err(to_python)
    }
}
