//! What a call asks for, checked in full before anything is sent.

use serde_json::Value;

use super::convert::Strings;
use crate::error::Result;
use crate::execution::Decoration;
use crate::manifests::stateful_set;
use crate::names::{check_namespace, generate_name};
use crate::ownership::{Identity, Owner};
use crate::platform::Platform;
use crate::spec::{DataServiceSpec, Target, check_size, every_fault, parse_cluster, size_of};

/// A service to be made or used, and where.
pub(super) struct Request {
    pub(super) cluster: Option<String>,
    pub(super) namespace: String,
    pub(super) wanted: Wanted,
    /// What of the execution's labels and annotations Kubernetes would not have taken.
    pub(super) warnings: Vec<String>,
}

/// What is asked for.
pub(super) enum Wanted {
    /// A service to be made.
    New(Box<DataServiceSpec>, Identity),
    /// A service that exists, by its name.
    Existing(String),
}

/// Whom a service is for.
#[derive(Clone)]
pub(super) struct Requester {
    pub(super) owner: String,
    pub(super) execution: String,
    pub(super) labels: Option<Strings>,
    pub(super) annotations: Option<Strings>,
}

impl Request {
    /// Reads a configuration, and all that the platform says about it.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidSpec`] that names the fields at fault.
    pub(super) fn read(platform: &Platform, config: &Value, namespace: &str, requester: &Requester) -> Result<Self> {
        every_fault(config, |config| {
            Self::read_to_the_first_fault(platform, config, namespace, requester.clone())
        })
    }

    fn read_to_the_first_fault(
        platform: &Platform,
        config: &Value,
        namespace: &str,
        requester: Requester,
    ) -> Result<Self> {
        let target = platform.resolve(config)?;
        let cluster = parse_cluster(config)?;
        platform.cluster(cluster.as_deref())?;
        check_namespace(namespace)?;
        let namespace = platform.namespace(config, namespace)?;
        let (wanted, warnings) = match target {
            Target::New(spec) => {
                let (requester, warnings) = requester.decorated(&spec);
                let identity = requester.identity(spec.name.clone(), namespace.clone());
                let stateful_set = stateful_set(&spec, &identity);
                check_size(size_of(&stateful_set), config)?;
                platform.check(&stateful_set, config)?;
                (Wanted::New(Box::new(spec), identity), warnings)
            }
            Target::Existing(name) => (Wanted::Existing(name), Vec::new()),
        };
        Ok(Self {
            cluster,
            namespace,
            wanted,
            warnings,
        })
    }
}

impl Requester {
    /// The same with labels and annotations that Kubernetes takes, and what was changed for that.
    pub(super) fn decorated(self, spec: &DataServiceSpec) -> (Self, Vec<String>) {
        let (has_labels, has_annotations) = (self.labels.is_some(), self.annotations.is_some());
        let (labels, annotations) = (self.labels.unwrap_or_default(), self.annotations.unwrap_or_default());
        let decoration = Decoration::new(labels, annotations, &spec.annotations);
        let requester = Self {
            labels: has_labels.then_some(decoration.labels),
            annotations: has_annotations.then_some(decoration.annotations),
            ..self
        };
        (requester, decoration.warnings)
    }

    /// The identity of a service; without a name, its name is made from its owner.
    fn identity(self, name: Option<String>, namespace: String) -> Identity {
        Identity {
            name: name.unwrap_or_else(|| generate_name(Some(&self.owner))),
            namespace,
            owner: Owner {
                id: self.owner,
                description: self.execution,
            },
            labels: self.labels.unwrap_or_default(),
            annotations: self.annotations.unwrap_or_default(),
        }
    }
}
