//! The client's plan.

use std::time::Duration;

use serde_json::Value;

use super::call::Call;
use super::request::{Request, Target};
use super::service::Client;
use crate::error::{Error, Result};
use crate::identity::owner::Caller;
use crate::lifecycle::plan::{plan_existing, render};
use crate::lifecycle::{self, Action, Plan, Problem};
use crate::panic::catch_panic_sync;

/// A configuration to plan, or its faults.
#[derive(Debug)]
pub struct PlanRequest(std::result::Result<Request, Box<Plan>>);

impl Client {
    /// Reads a configuration for a plan. Its errors become problems of the plan.
    ///
    /// # Errors
    /// [`Error::Bug`].
    pub fn prepare_plan(&self, config: Value, namespace: &str, caller: &Caller) -> Result<PlanRequest> {
        let faulty = |error: Error, config: &Value| {
            let faults = error.into_faults()?;
            let text = |field: &str| {
                let text = config.get(field).and_then(Value::as_str);
                text.filter(|text| !text.is_empty())
            };
            let name = text("Name").unwrap_or_default();
            let namespace = text("Namespace").unwrap_or(namespace);
            let problems = faults.into_iter().map(|fault| Problem {
                message: fault.to_string(),
                path: fault.field,
            });
            let plan = Plan::of_problems(name, namespace, problems.collect());
            Ok(PlanRequest(Err(Box::new(plan))))
        };
        match catch_panic_sync(|| Request::parse(&self.platform, &config, namespace, caller)) {
            Ok(parsed) => Ok(PlanRequest(Ok(parsed.with(config)))),
            Err(error) => faulty(error, &config),
        }
    }

    /// Returns what a create would do, and checks on the cluster whether it would succeed. Nothing is changed.
    ///
    /// # Errors
    /// As [`lifecycle::plan`](lifecycle::plan()).
    pub async fn plan(&self, request: PlanRequest, timeout: Option<Duration>) -> Result<Plan> {
        let request = match request.0 {
            Ok(request) => request,
            Err(plan) => return Ok(*plan),
        };
        let name = request.target.name().to_owned();
        let call = Call {
            verb: "plan",
            namespace: &request.namespace,
            name: &name,
            timeout: timeout.unwrap_or(self.timeout),
        };
        let (connection, deadline) = call
            .connect_to_create(&self.clusters, request.cluster.as_deref())
            .await?;
        let api = &connection.api;
        let mut plan = match request.target {
            Target::New(service) => {
                let objects = self
                    .objects(&call, &connection, *service, &request.config, deadline)
                    .await?;
                // It holds all its requests at once.
                Box::pin(lifecycle::plan(api, &objects, &request.config, deadline)).await
            }
            Target::Existing(name) => plan_existing(api, &name, &request.namespace, deadline).await,
        }
        .map_err(|error| connection.explain(error))?;
        plan.notes.extend(request.warnings);
        plan.notes.extend(connection.warning);
        Ok(plan)
    }

    /// Returns what a create would make, without a cluster.
    ///
    /// # Errors
    /// [`Error::Bug`].
    pub fn render(&self, request: PlanRequest) -> Result<Plan> {
        let request = match request.0 {
            Ok(request) => request,
            Err(plan) => return Ok(*plan),
        };
        catch_panic_sync(|| {
            Ok(match request.target {
                Target::New(service) => render(&service.objects),
                Target::Existing(name) => Plan::of_nothing(Action::Use, &name, &request.namespace),
            })
        })
    }
}
