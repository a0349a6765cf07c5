//! How many pods of one shape the nodes of a cluster take now, as the scheduler's own filters decide. Pure.
//!
//! One file per filter of kube-scheduler's default profile: cordons and taints, node selection, host ports, resources,
//! spread over topologies, affinity between pods. Left out are the filters of volumes (claims are ignored, so a volume
//! that is bound to a zone is not seen), dynamic resource allocation, preemption of less important pods, pods that wait
//! for a node themselves, and labels of namespaces beyond their names.

mod filter_reason;
mod fit;
mod host_ports;
mod node_affinity;
mod node_taints;
mod placement;
mod pod_affinity;
mod resources;
mod selector;
mod sentence;
#[cfg(test)]
mod tests;
mod topology;
mod topology_spread;

pub use filter_reason::FilterReason;
pub use fit::{Fit, fit};
