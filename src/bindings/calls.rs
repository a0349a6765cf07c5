//! What the methods of the client do: each reads its arguments at once, and returns a future that is the call.

use std::future::Future;
use std::sync::Arc;

use pyo3::prelude::*;

use super::client::Client;
use super::connect::Call;
use super::convert::{Place, Strings, joined, read, seconds};
use super::errors::to_python;
use super::request::{Request, Requester, Wanted};
use super::types::{Created, Deletion, Status};
use super::unanswered::Unanswered;
use crate::cluster::Connection;
use crate::error::{Error, Result};
use crate::fuse::fused_call;
use crate::lifecycle::{self, CallId, Deadline, Scope};
use crate::spec::explain_size;
use crate::status;

/// What the methods and their twins have in common. Input is checked here, before anything is awaited.
impl Client {
    pub(super) fn known(
        &self,
        name: &str,
        namespace: &str,
        cluster: Option<&str>,
        uid: Option<&str>,
    ) -> Option<Status> {
        let key = self.clusters.connected(cluster.filter(|cluster| !cluster.is_empty()))?;
        let answer = self.cache.look_up(&key, namespace, name, uid)?;
        answer.is_complete().then(|| Status::from(answer.status))
    }

    /// With `waits` the caller waits until what a create without an answer has made is taken back.
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python method")]
    pub(super) fn creating(
        &self,
        config: &Bound<'_, PyAny>,
        namespace: &str,
        owner: String,
        execution: String,
        labels: Option<Strings>,
        annotations: Option<Strings>,
        waits: bool,
    ) -> PyResult<impl Future<Output = Result<Created>> + Send + 'static> {
        let config = read(config)?;
        let requester = Requester {
            owner,
            execution,
            labels,
            annotations,
        };
        let request =
            fused_call(|| Request::read(&self.platform, &config, namespace, &requester)).map_err(to_python)?;
        let clusters = Arc::clone(&self.clusters);
        let timeout = self.create_timeout;
        let mut warnings = request.warnings;
        Ok(async move {
            let (mut spec, identity) = match request.wanted {
                Wanted::New(spec, identity) => (spec, identity),
                // Whether it is there, and how it does, is for `get` to say, which can say it in a phase.
                Wanted::Existing(name) => return Ok(Created::existing(name, request.namespace)),
            };
            let call = Call {
                verb: "create",
                namespace: &identity.namespace,
                name: &identity.name,
                timeout,
            };
            let (connection, deadline) = call.connect(&clusters, request.cluster.as_deref()).await?;
            call.choose_sidecars(&connection, &mut spec, deadline).await?;
            let id = CallId::unique();
            let unanswered = Unanswered::new(&connection.api, &identity, &id);
            let created = lifecycle::create(&connection.api, &spec, &identity, &id, deadline).await;
            match &created {
                Err(error) if id.may_leave(error) && waits => unanswered.retract(timeout).await,
                Err(error) if id.may_leave(error) => drop(unanswered),
                _ => unanswered.answered(),
            }
            let created = created.map_err(|error| connection.explain(explain_size(error, &config)))?;
            warnings.extend(connection.warning);
            Ok(Created::new(created, joined(&warnings)))
        })
    }

    pub(super) fn getting(
        &self,
        name: String,
        namespace: String,
        cluster: Option<String>,
        uid: Option<String>,
    ) -> PyResult<impl Future<Output = Result<Status>> + Send + 'static> {
        let place = Place::new(name, namespace, cluster)?;
        let clusters = Arc::clone(&self.clusters);
        let cache = Arc::clone(&self.cache);
        let timeout = self.timeout;
        Ok(async move {
            let Place { name, namespace, .. } = &place;
            let (connection, deadline) = match place.call("get", timeout).connect(&clusters, place.cluster()).await {
                Ok(connected) => connected,
                // A get does not fail for what may pass.
                Err(error @ Error::Unavailable { .. }) => return Ok(status::Status::unknown(error.to_string()).into()),
                Err(error) => return Err(error),
            };
            let Connection { api, key, .. } = &connection;
            let status = cache.poll(key, api, namespace, name, uid.as_deref(), deadline).await;
            connection.explain_status(status).map(Status::from)
        })
    }

    pub(super) fn waiting(
        &self,
        name: String,
        namespace: String,
        cluster: Option<String>,
        patience: f64,
    ) -> PyResult<impl Future<Output = Result<Status>> + Send + 'static> {
        let place = Place::new(name, namespace, cluster)?;
        let patience = seconds(patience)?;
        let clusters = Arc::clone(&self.clusters);
        let cache = Arc::clone(&self.cache);
        let timeout = self.timeout;
        Ok(async move {
            let (connection, _) = place.call("get", patience).connect(&clusters, place.cluster()).await?;
            let (connection, cache) = (&connection, &cache);
            let Connection { api, key, .. } = connection;
            let Place { name, namespace, .. } = &place;
            let look = || async move {
                let status = cache.poll(key, api, namespace, name, None, Deadline::after(timeout));
                connection.explain_status(status.await)
            };
            let status = lifecycle::wait(namespace, name, patience, look).await;
            status.map(Status::from)
        })
    }

    pub(super) fn keeping(
        &self,
        name: String,
        namespace: String,
        owner: String,
        span: f64,
        cluster: Option<String>,
    ) -> PyResult<impl Future<Output = Result<Option<f64>>> + Send + 'static> {
        let place = Place::new(name, namespace, cluster)?;
        let span = seconds(span)?;
        let clusters = Arc::clone(&self.clusters);
        let timeout = self.timeout;
        Ok(async move {
            let (connection, deadline) = place.call("patch", timeout).connect(&clusters, place.cluster()).await?;
            let Place { name, namespace, .. } = &place;
            let until = lifecycle::keep(&connection.api, namespace, name, &owner, span, deadline).await;
            let until = until.map_err(|error| connection.explain(error))?;
            Ok(until.map(|until| until.as_duration().as_secs_f64()))
        })
    }

    pub(super) fn deleting(
        &self,
        name: String,
        namespace: String,
        cluster: Option<String>,
        owner: Option<String>,
        timeout: Option<f64>,
    ) -> PyResult<impl Future<Output = Result<Deletion>> + Send + 'static> {
        let place = Place::new(name, namespace, cluster)?;
        let timeout = timeout.map_or(Ok(self.timeout), seconds)?;
        let scope = owner.map_or(Scope::AnyOfOurs, Scope::OwnedBy);
        let clusters = Arc::clone(&self.clusters);
        let cache = Arc::clone(&self.cache);
        Ok(async move {
            let (connection, deadline) = place
                .call("delete", timeout)
                .connect(&clusters, place.cluster())
                .await?;
            let outcome = lifecycle::delete(&connection.api, &place.namespace, &place.name, &scope, deadline).await;
            let outcome = outcome.map_err(|error| connection.explain(error))?;
            for uid in &outcome.deleted {
                cache.forget(&connection.key, &place.namespace, uid);
            }
            Ok(Deletion::new(&outcome.deletion, connection.warning))
        })
    }
}
