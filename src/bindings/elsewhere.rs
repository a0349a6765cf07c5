//! Where else a service of a name is.

use std::future::Future;
use std::sync::Arc;

use pyo3::prelude::*;

use super::client::Client;
use super::convert::Place;
use crate::error::Result;
use crate::lifecycle;

impl Client {
    pub(super) fn looking_elsewhere(
        &self,
        name: String,
        namespace: String,
        candidates: Vec<String>,
        cluster: Option<String>,
    ) -> PyResult<impl Future<Output = Result<Vec<String>>> + Send + 'static> {
        let place = Place::new(name, namespace, cluster)?;
        let clusters = Arc::clone(&self.clusters);
        let timeout = self.timeout;
        Ok(async move {
            let (connection, deadline) = place.call("get", timeout).connect(&clusters, place.cluster()).await?;
            let Place { name, namespace, .. } = &place;
            let found = lifecycle::elsewhere(&connection.api, namespace, name, &candidates, deadline).await;
            found.map_err(|error| connection.explain(error))
        })
    }
}
