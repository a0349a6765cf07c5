//! The core of the Flyte data service plugin.
//!
//! A *pure core* says what the Kubernetes objects of a data service should be and what their state means: [`config`] is
//! what a user wrote, [`platform`] what the platform decides, [`manifests`] the objects, [`compare`] and [`origins`]
//! how they differ and which field they come from, [`scheduling`] where their pods fit, [`status`] what their state
//! means. A *thin lifecycle* makes it so: [`cluster`] is the trait over a cluster and the client behind it,
//! [`lifecycle`] one verb per file against that trait, [`watch`] answers from memory, [`lifetime`] deletes what has
//! expired. The [`client`] has the use cases that every front end calls.
//!
//! Arrows point one way, down this list: client, lifetime, watch, lifecycle, cluster, platform, manifests and origins,
//! compare and config, [`metrics`], status and scheduling, [`identity`] and [`resources`], [`mod@panic`] and the log of
//! errors that no caller gets, [`text`] and [`mod@error`]. Nothing in this crate knows Python; the crate in
//! `crates/python` exposes it.

pub mod client;
pub mod cluster;
pub mod compare;
pub mod config;
pub mod error;
pub mod identity;
pub mod lifecycle;
pub mod lifetime;
pub mod manifests;
pub mod metrics;
pub mod origins;
pub mod panic;
pub mod platform;
pub mod resources;
pub mod scheduling;
pub mod status;
mod swallowed;
pub mod text;
pub mod watch;
