//! Plans, as frozen Python classes.

use k8sdataservice::lifecycle;
use pyo3::prelude::*;
use pythonize::pythonize;

/// A plan.
#[pyclass(frozen, module = "k8sdataservice._core")]
pub(crate) struct Plan(lifecycle::Plan);

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
#[pyclass(frozen, module = "k8sdataservice._core")]
pub(crate) struct Problem(lifecycle::Problem);

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
