//! The request of a call, checked in full before anything is sent.

use serde_json::Value;

use super::call::Call;
use super::service::Client;
use crate::cluster::Connection;
use crate::config::{self, Configuration, DataServiceSpec, check_size, every_fault, size_of};
use crate::error::Result;
use crate::identity::owner::Caller;
use crate::lifecycle::{Deadline, Draft};
use crate::manifests::Objects;
use crate::panic::catch_panic_sync;
use crate::platform::Platform;

/// A service to be created or used, and where.
#[derive(Debug)]
pub struct Request {
    /// The configuration as it came.
    pub(super) config: Value,
    pub(super) cluster: Option<String>,
    pub(super) namespace: String,
    pub(super) target: Target,
    pub(super) caller: Caller,
    /// The execution's labels and annotations that Kubernetes would not have accepted.
    pub(super) warnings: Vec<String>,
}

/// The requested service.
#[derive(Debug)]
pub(super) enum Target {
    /// A service to be created.
    New(Box<Service>),
    /// A service that exists, by its name.
    Existing(String),
}

/// A service to be created.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) spec: Box<DataServiceSpec>,
    /// The caller, with labels and annotations that Kubernetes accepts.
    pub(super) caller: Caller,
    /// Its objects, as they were checked.
    pub(super) objects: Box<Objects>,
}

impl Target {
    /// The name of the service.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::New(service) => service.objects.name(),
            Self::Existing(name) => name,
        }
    }
}

impl Client {
    /// Reads a configuration, and applies the platform's settings to it.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`](crate::error::Error::InvalidSpec) that names the fields at fault.
    pub fn prepare(&self, config: Value, namespace: &str, caller: &Caller) -> Result<Request> {
        let parsed = catch_panic_sync(|| Request::parse(&self.platform, &config, namespace, caller))?;
        Ok(parsed.with(config))
    }

    /// The objects as this cluster takes them: those of the request, unless it has sidecars and the API server is older
    /// than native ones.
    pub(super) async fn objects(
        &self,
        call: &Call<'_>,
        connection: &Connection,
        service: Service,
        config: &Value,
        deadline: Deadline,
    ) -> Result<Box<Objects>> {
        let Service {
            mut spec,
            caller,
            objects,
        } = service;
        if spec.sidecars.is_empty() || call.has_native_sidecars(connection, deadline).await? {
            return Ok(objects);
        }
        spec.native_sidecars = false;
        let identity = caller.identity(Some(objects.name().to_owned()), objects.namespace().to_owned());
        Draft::new(&spec, &|objects| check(&self.platform, objects, config))
            .objects(&identity)
            .map(Box::new)
    }
}

impl Request {
    /// The objects that a create sends, in their order; none where the service is one that exists.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        match &self.target {
            Target::New(service) => service.objects.to_json(),
            Target::Existing(_) => Vec::new(),
        }
    }

    pub(super) fn with(self, config: Value) -> Self {
        Self { config, ..self }
    }

    /// Reads a configuration; the request is still without it.
    pub(super) fn parse(platform: &Platform, config: &Value, namespace: &str, caller: &Caller) -> Result<Self> {
        every_fault(config, |config| {
            Self::parse_to_the_first_fault(platform, config, namespace, caller)
        })
    }

    fn parse_to_the_first_fault(platform: &Platform, config: &Value, namespace: &str, caller: &Caller) -> Result<Self> {
        let Configuration { target, place } = platform.resolve(config)?;
        platform.cluster(place.cluster.as_deref())?;
        let namespace = platform.namespace(&place, namespace, &caller.owner.run)?;
        let (target, warnings) = match target {
            config::Target::New(spec) => {
                let (caller, warnings) = caller.clone().decorated(&spec.annotations);
                let identity = caller.clone().identity(spec.name.clone(), namespace.clone());
                let draft_check = |objects: &Objects| check(platform, objects, config);
                let objects = Draft::new(&spec, &draft_check).objects(&identity)?;
                let service = Service {
                    spec: Box::new(spec),
                    caller,
                    objects: Box::new(objects),
                };
                (Target::New(Box::new(service)), warnings)
            }
            config::Target::Existing(name) => (Target::Existing(name), Vec::new()),
        };
        Ok(Self {
            config: Value::Null,
            cluster: place.cluster,
            namespace,
            target,
            caller: caller.clone(),
            warnings,
        })
    }
}

/// Checks objects before they are sent: whether Kubernetes can store them, and whether the platform allows them.
pub(super) fn check(platform: &Platform, objects: &Objects, config: &Value) -> Result<()> {
    let stateful_set = &objects.stateful_set;
    check_size(size_of(stateful_set), config)?;
    platform.check(stateful_set, config)
}
