//! The configuration of a user, parsed and validated once, so that an invalid state cannot be built.
//!
//! One file per group of fields; each reads its fields in Kubernetes's own words wherever Kubernetes has them.

mod accelerator;
mod basics;
mod checks;
mod claims;
mod container;
mod deserialize;
mod environment;
pub(crate) mod expansion;
mod faults;
mod field;
mod flyte_secrets;
mod gpu;
mod later;
pub mod lifetime;
mod metadata;
mod place;
mod pod;
mod policies;
mod ports;
mod probes;
mod rollout;
#[cfg(test)]
mod schema;
mod shorthand;
mod size;
mod spec;
mod target;
mod template;
mod volumes;
mod words;
mod written;

pub use accelerator::Accelerator;
pub use basics::DEFAULT_REPLICAS;
pub use claims::{AccessMode, ClaimTemplate, Retention, RetentionPolicy};
pub use environment::COUNT_VARIABLE;
pub use faults::every_fault;
pub use field::{Detail, FIELDS, Field, FieldPlace, MergeStrategy, field_named};
pub use gpu::GpuNames;
pub use place::Place;
pub use policies::NetworkPolicy;
pub use ports::{DEFAULT_PORT, MAIN_PORT_NAME, Port, Protocol};
pub use size::{check_size, explain_size, size_of};
pub use spec::{DEFAULT_MIN_READY_SECONDS, DataServiceSpec};
pub use target::{Configuration, Target};
pub use template::PodTemplate;
pub(crate) use template::{DEFAULT_PRIMARY, FIELD as TEMPLATE, PRIMARY};
