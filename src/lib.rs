//! The core of the Flyte data service plugin.
//!
//! A *pure core* says what the Kubernetes objects of a data service should be ([`spec`], [`names`], [`quantity`],
//! [`endpoints`], [`manifests`], [`ownership`], [`platform`], [`strict`]), where its pods fit ([`fit`](mod@fit))
//! and what their state means ([`status`]). A *thin lifecycle* makes it so
//! ([`lifecycle`], written against the trait in [`api`]), and a [`cache`] answers without asking the API server. *One border* to Python (`bindings`, behind the feature
//! `python`) exposes it.
//!
//! Arrows point one way: the pure core knows nothing of the lifecycle, and nothing outside `bindings` knows Python.

pub mod api;
pub mod cache;
pub mod clock;
pub mod cluster;
pub mod endpoints;
pub mod error;
pub mod execution;
pub mod fit;
pub mod fuse;
pub mod lifecycle;
pub mod manifests;
pub mod names;
pub mod ownership;
pub mod platform;
pub mod quantity;
pub mod secrets;
pub mod spec;
pub mod status;
pub mod strict;
pub mod wording;

#[cfg(feature = "python")]
mod bindings;
