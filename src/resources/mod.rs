//! The resources of pods: quantities, the resources of `flytekit`, and the sum over a pod.

pub(crate) mod amount;
pub mod flyte;
pub(crate) mod pod;
pub mod quantity;
