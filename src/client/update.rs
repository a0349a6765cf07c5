//! The client's update.

use std::time::Duration;

use serde_json::Value;

use super::call::Call;
use super::request::{Request, Service, Target, check};
use super::service::{Answer, Client, joined};
use crate::config::{DataServiceSpec, explain_size};
use crate::error::{Error, Result};
use crate::identity::owner::Caller;
use crate::lifecycle::{self, Access, Draft, Updated};
use crate::manifests::Objects;
use crate::panic::catch_panic_sync;

/// The request of an update, checked in full before anything is sent.
#[derive(Debug)]
pub struct UpdateRequest {
    config: Value,
    cluster: Option<String>,
    namespace: String,
    name: String,
    spec: Box<DataServiceSpec>,
    access: Access,
    warnings: Vec<String>,
}

impl Client {
    /// Reads a configuration for an update. With `adopt` a service of another owner is taken over.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that names the fields at fault.
    pub fn prepare_update(
        &self,
        config: Value,
        namespace: &str,
        caller: &Caller,
        adopt: bool,
    ) -> Result<UpdateRequest> {
        catch_panic_sync(|| {
            let request = Request::parse(&self.platform, &config, namespace, caller)?.with(config);
            let Target::New(service) = request.target else {
                return Err(Error::invalid(
                    "ExistingReleaseName",
                    "cannot be updated: set Name and the complete configuration.",
                ));
            };
            // The objects that were checked here are those of a new service. Those of one that runs keep what was
            // written of its execution, and are built and checked when that is known.
            let Service { spec, caller, .. } = *service;
            let name = spec.name.clone();
            let name = name.ok_or_else(|| Error::invalid("Name", "is missing: say which service is to be changed."))?;
            Ok(UpdateRequest {
                config: request.config,
                cluster: request.cluster,
                namespace: request.namespace,
                name,
                spec,
                access: Access { caller, adopt },
                warnings: request.warnings,
            })
        })
    }

    /// Changes a running service to another configuration; see [`lifecycle::update`].
    ///
    /// # Errors
    /// As [`lifecycle::update`].
    pub async fn update(&self, request: UpdateRequest, timeout: Option<Duration>) -> Result<Answer<Updated>> {
        let UpdateRequest {
            config,
            cluster,
            namespace,
            name,
            mut spec,
            access,
            mut warnings,
        } = request;
        let call = Call {
            verb: "update",
            namespace: &namespace,
            name: &name,
            timeout: timeout.unwrap_or(self.timeout),
        };
        let (connection, deadline) = call.connect_to_change(&self.clusters, cluster.as_deref()).await?;
        if !spec.sidecars.is_empty() {
            spec.native_sidecars = call.has_native_sidecars(&connection, deadline).await?;
        }
        let check = |objects: &Objects| check(&self.platform, objects, &config);
        let draft = Draft::new(&spec, &check);
        let updating = lifecycle::update(&connection.api, draft, (&namespace, &name), &access, deadline);
        let updated = Box::pin(updating).await;
        let updated = updated.map_err(|error| connection.explain(explain_size(error, &config)))?;
        let Updated { uid, generation, .. } = &updated;
        self.cache.outdate(&connection.key, &namespace, uid, *generation);
        warnings.extend(connection.warning);
        Ok(Answer {
            value: updated,
            warning: joined(&warnings),
        })
    }
}
