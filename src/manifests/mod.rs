//! From a specification to Kubernetes objects. Pure: the same input gives the same objects, without a cluster.

mod container;
mod count;
pub mod endpoints;
mod lease;
mod metadata;
mod network_policy;
mod objects;
mod placement;
mod pod;
mod pod_disruption_budget;
mod pod_template;
mod references;
mod run_as_root;
mod service;
mod stateful_set;
mod template_note;

pub use count::{count, with_count};
pub use lease::{LEASE_SECONDS, lease, lease_of, renewed};
pub use objects::{Dependents, Objects, Open};
pub use pod::pod;
pub use references::{Reference, references};
pub use run_as_root::contradicts_itself;
