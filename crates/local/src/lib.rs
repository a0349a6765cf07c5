//! A Kubernetes on this machine alone, for data services whose replicas are processes.
//!
//! It has the three parts of Kubernetes that a data service meets. They know each other by the Kubernetes API alone, so
//! each can stand beside the real counterpart of the others in tests:
//!
//! - [`api_server`]: an API server in memory. A [`kube::Client`] reaches it without a network.
//! - [`controllers`]: what makes pods of a `StatefulSet` and addresses of pods.
//! - [`node`]: a node that runs the containers of its pods as processes.
//!
//! [`owner`] gives a process a cluster of all three, which the user's other processes find. [`fake`] has one for tests,
//! whose node runs nothing: a [`script`] says what becomes of its pods, and its time can be let pass at once.

mod actual_ports;
pub mod api_server;
pub mod clock;
pub mod cluster;
pub mod controllers;
pub mod fake;
pub mod node;
pub mod owner;
pub mod script;
mod watches;
