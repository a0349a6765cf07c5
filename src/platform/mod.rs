//! The platform's settings for all services: defaults, forced values and limits.

mod check;
mod clusters;
mod defaults;
mod forced;
mod gpu;
mod grace;
mod images;
mod limits;
mod metadata;
mod namespaces;
mod overrides;
mod place;
mod pods;
mod reader;
mod receipts;
mod resolve;
mod resources;
mod security;
mod settings;
mod sources;
mod template;
mod volumes;

#[cfg(test)]
mod tests;

pub use clusters::ClusterSettings;
pub use receipts::{Prices, Receipts};
pub use settings::Platform;
pub use sources::Sources;
