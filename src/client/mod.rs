//! The use cases: every front end calls these.
//!
//! A call that takes a configuration has two parts. The first one reads the configuration in full, with what the
//! platform says about it, and sends nothing: [`Client::prepare`], [`Client::prepare_update`],
//! [`Client::prepare_plan`]. The second one is sent.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use k8sdataservice::client::{Cleanup, Client, Place};
//! use k8sdataservice::identity::owner::{Caller, Owner};
//! use k8sdataservice::lifecycle::Scope;
//! use k8sdataservice::platform::Platform;
//!
//! # async fn example() -> k8sdataservice::error::Result<()> {
//! let client = Client::new(Platform::default());
//! let caller = Caller {
//!     owner: Owner::new("training-7", "run 7 of the training"),
//!     labels: None,
//!     annotations: None,
//!     run: None,
//! };
//! let config = serde_json::json!({"Name": "feature-store", "Image": "redis:7", "Port": 6379});
//! let request = client.prepare(config, "flyte", &caller)?;
//! let created = client.create(request, Cleanup::Awaited).await?.value;
//! let place = Place::new(created.name, created.namespace, None)?;
//! let status = client.wait(&place, Duration::from_mins(10)).await?;
//! println!("{}", status.message);
//! client.delete(&place, &Scope::OwnedBy("training-7".to_owned()), None).await?;
//! # Ok(())
//! # }
//! ```

mod attach;
mod call;
mod conclude;
mod connect;
mod create;
mod delete;
mod get;
mod hold;
mod holding;
mod leasing;
mod list;
mod locate;
mod metrics;
mod place;
mod plan;
mod reap;
mod receipts;
mod request;
mod service;
mod sight;
mod sleep;
mod unanswered;
mod update;

pub use conclude::Failed;
pub use create::{Cleanup, Created};
pub use metrics::{Metrics, NamespaceMetrics};
pub use place::Place;
pub use plan::PlanRequest;
pub use request::Request;
pub use service::{Answer, Client};
pub use update::UpdateRequest;
