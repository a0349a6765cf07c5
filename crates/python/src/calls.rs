//! The methods of the client: each reads its arguments at once, and returns a future that is the call.

use std::future::Future;
use std::time::Duration;

use k8sdataservice::client::{Cleanup, Failed};
use k8sdataservice::error::Result;
use k8sdataservice::identity::owner::Caller;
use k8sdataservice::lifecycle::{Ending, Scope};
use pyo3::prelude::*;

use crate::client::Client;
use crate::conclude::Conclusion;
use crate::convert::{place, read, seconds};
use crate::errors::to_python;
use crate::listed::Listing;
use crate::location::Location;
use crate::plan::Plan;
use crate::reaped::Sweep;
use crate::slept::{Slept, Woken};
use crate::types::{Created, Deletion, Status};
use crate::update::Updated;

/// The name, the namespace and the cluster of a service.
pub(crate) type Named = (String, String, Option<String>);

fn optional_seconds(timeout: Option<f64>) -> PyResult<Option<Duration>> {
    timeout.map(seconds).transpose()
}

impl Client {
    pub(crate) fn creating(
        &self,
        config: &Bound<'_, PyAny>,
        namespace: &str,
        caller: &Caller,
        cleanup: Cleanup,
    ) -> PyResult<impl Future<Output = Result<Created>> + Send + 'static> {
        let client = self.core.clone();
        let request = client
            .prepare_create(read(config)?, namespace, caller)
            .map_err(to_python)?;
        Ok(async move { client.create(request, cleanup).await.map(Created::from) })
    }

    pub(crate) fn planning(
        &self,
        config: &Bound<'_, PyAny>,
        namespace: &str,
        caller: &Caller,
        timeout: Option<f64>,
    ) -> PyResult<impl Future<Output = Result<Plan>> + Send + 'static> {
        let (client, timeout) = (self.core.clone(), optional_seconds(timeout)?);
        let request = client
            .prepare_plan(read(config)?, namespace, caller)
            .map_err(to_python)?;
        Ok(async move { client.plan(request, timeout).await.map(Plan::from) })
    }

    pub(crate) fn updating(
        &self,
        config: &Bound<'_, PyAny>,
        namespace: &str,
        caller: &Caller,
        adopt: bool,
        timeout: Option<f64>,
    ) -> PyResult<impl Future<Output = Result<Updated>> + Send + 'static> {
        let (client, config) = (self.core.clone(), read(config)?);
        let timeout = optional_seconds(timeout)?;
        let request = client
            .prepare_update(config, namespace, caller, adopt)
            .map_err(to_python)?;
        Ok(async move { client.update(request, timeout).await.map(Updated::from) })
    }

    pub(crate) fn getting(
        &self,
        (name, namespace, cluster): Named,
        uid: Option<String>,
    ) -> PyResult<impl Future<Output = Result<Status>> + Send + 'static> {
        let (client, place) = (self.core.clone(), place(name, namespace, cluster)?);
        Ok(async move { client.get(&place, uid.as_deref()).await.map(Status::from) })
    }

    pub(crate) fn waiting(
        &self,
        (name, namespace, cluster): Named,
        timeout: f64,
    ) -> PyResult<impl Future<Output = Result<Status>> + Send + 'static> {
        let (client, place) = (self.core.clone(), place(name, namespace, cluster)?);
        let patience = seconds(timeout)?;
        Ok(async move { client.wait(&place, patience).await.map(Status::from) })
    }

    pub(crate) fn locating(
        &self,
        (name, namespace, cluster): Named,
    ) -> PyResult<impl Future<Output = Result<Location>> + Send + 'static> {
        let (client, place) = (self.core.clone(), place(name, namespace, cluster)?);
        Ok(async move { client.locate(&place).await.map(Location::from) })
    }

    pub(crate) fn looking_elsewhere(
        &self,
        (name, namespace, cluster): Named,
        candidates: Vec<String>,
    ) -> PyResult<impl Future<Output = Result<Vec<String>>> + Send + 'static> {
        let (client, place) = (self.core.clone(), place(name, namespace, cluster)?);
        Ok(async move { client.elsewhere(&place, &candidates).await })
    }

    pub(crate) fn looking_everywhere(
        &self,
        name: String,
        cluster: Option<String>,
    ) -> impl Future<Output = Result<Vec<String>>> + Send + 'static {
        let client = self.core.clone();
        async move { client.everywhere(&name, cluster.as_deref()).await }
    }

    pub(crate) fn keeping(
        &self,
        (name, namespace, cluster): Named,
        owner: String,
        span: f64,
    ) -> PyResult<impl Future<Output = Result<Option<f64>>> + Send + 'static> {
        let (client, place) = (self.core.clone(), place(name, namespace, cluster)?);
        let span = seconds(span)?;
        Ok(async move {
            let until = client.keep(&place, &owner, span).await?;
            Ok(until.map(|until| until.as_duration().as_secs_f64()))
        })
    }

    #[expect(clippy::too_many_arguments, reason = "keyword arguments of the Python method")]
    pub(crate) fn concluding(
        &self,
        status: &Status,
        (name, namespace, cluster): Named,
        uid: Option<String>,
        owner: Option<String>,
        existing: bool,
        keep: Option<f64>,
        timeout: Option<f64>,
    ) -> PyResult<impl Future<Output = Result<Conclusion>> + Send + 'static> {
        let client = self.core.clone();
        let failed = Failed {
            place: place(name, namespace, cluster)?,
            uid,
            verdict: status.inner().clone(),
        };
        let timeout = optional_seconds(timeout)?;
        let ending = Ending {
            scope: (!existing).then(|| Scope::new(owner, false)),
            keep: optional_seconds(keep)?,
        };
        Ok(async move { client.conclude(&failed, &ending, timeout).await.map(Conclusion::from) })
    }

    pub(crate) fn deleting(
        &self,
        (name, namespace, cluster): Named,
        owner: Option<String>,
        force: bool,
        timeout: Option<f64>,
    ) -> PyResult<impl Future<Output = Result<Deletion>> + Send + 'static> {
        let (client, place) = (self.core.clone(), place(name, namespace, cluster)?);
        let (scope, timeout) = (Scope::new(owner, force), optional_seconds(timeout)?);
        Ok(async move { client.delete(&place, &scope, timeout).await.map(Deletion::from) })
    }

    pub(crate) fn holding(
        &self,
        (name, namespace, cluster): Named,
        owner: String,
        holder: String,
        timeout: Option<f64>,
    ) -> PyResult<impl Future<Output = Result<Option<String>>> + Send + 'static> {
        let (client, place) = (self.core.clone(), place(name, namespace, cluster)?);
        let timeout = optional_seconds(timeout)?;
        Ok(async move { Ok(client.hold(&place, &owner, &holder, timeout).await?.warning) })
    }

    pub(crate) fn leaving(
        &self,
        (name, namespace, cluster): Named,
        owner: String,
        timeout: Option<f64>,
    ) -> PyResult<impl Future<Output = Result<Option<String>>> + Send + 'static> {
        let (client, place) = (self.core.clone(), place(name, namespace, cluster)?);
        let timeout = optional_seconds(timeout)?;
        Ok(async move { Ok(client.leave(&place, &owner, timeout).await?.warning) })
    }

    pub(crate) fn listing(
        &self,
        namespace: Option<String>,
        cluster: Option<String>,
        selector: Option<String>,
        timeout: f64,
    ) -> PyResult<impl Future<Output = Result<Listing>> + Send + 'static> {
        let (client, timeout) = (self.core.clone(), seconds(timeout)?);
        Ok(async move {
            let selector = selector.unwrap_or_default();
            let listing = client.list(namespace.as_deref(), cluster.as_deref(), &selector, timeout);
            listing.await.map(Listing::from)
        })
    }

    pub(crate) fn receipts_of(
        &self,
        namespace: Option<String>,
        cluster: Option<String>,
        timeout: f64,
    ) -> PyResult<impl Future<Output = Result<Vec<String>>> + Send + 'static> {
        let (client, timeout) = (self.core.clone(), seconds(timeout)?);
        Ok(async move {
            let found = client.receipts(namespace.as_deref(), cluster.as_deref(), timeout);
            Ok(found.await?.value)
        })
    }

    pub(crate) fn reaping(
        &self,
        namespace: String,
        cluster: Option<String>,
        dry_run: bool,
        timeout: f64,
    ) -> PyResult<impl Future<Output = Result<Sweep>> + Send + 'static> {
        let (client, timeout) = (self.core.clone(), seconds(timeout)?);
        Ok(async move {
            let reaping = client.reap(&namespace, cluster.as_deref(), dry_run, timeout);
            reaping.await.map(Sweep::from)
        })
    }

    pub(crate) fn putting_to_sleep(
        &self,
        (name, namespace, cluster): Named,
        force: bool,
        timeout: Option<f64>,
    ) -> PyResult<impl Future<Output = Result<Slept>> + Send + 'static> {
        let (client, place) = (self.core.clone(), place(name, namespace, cluster)?);
        let timeout = optional_seconds(timeout)?;
        Ok(async move { client.sleep(&place, force, timeout).await.map(Slept::from) })
    }

    pub(crate) fn waking(
        &self,
        (name, namespace, cluster): Named,
        timeout: Option<f64>,
    ) -> PyResult<impl Future<Output = Result<Woken>> + Send + 'static> {
        let (client, place) = (self.core.clone(), place(name, namespace, cluster)?);
        let timeout = optional_seconds(timeout)?;
        Ok(async move { client.wake(&place, timeout).await.map(Woken::from) })
    }
}
