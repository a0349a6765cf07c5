//! Where else a service of a name is.

use std::future::Future;
use std::sync::Arc;

use pyo3::prelude::*;

use super::client::Client;
use super::convert::Place;
use crate::cluster::Connection;
use crate::error::Result;
use crate::lifecycle::{self, Deadline};

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
            let Connection { api, .. } = clusters.connect(place.cluster()).await?;
            let Place { name, namespace, .. } = &place;
            lifecycle::elsewhere(&api, namespace, name, &candidates, Deadline::after(timeout)).await
        })
    }
}
