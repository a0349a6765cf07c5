//! What is done to a service, one file per verb, written against [`crate::api::Api`] alone.

mod bring;
mod claim;
mod create;
mod deadline;
mod delete;
mod elsewhere;
mod evidence;
mod keep;
mod locate;
mod observe;
mod owned;
pub mod plan;
mod scaling;
mod sidecars;
mod stateful_set;
mod update;
mod wait;

pub use claim::Claim;
pub use create::{Created, create};
pub use deadline::Deadline;
pub use delete::{Deletion, Outcome, Scope, delete};
pub use elsewhere::elsewhere;
pub use evidence::{Tail, events_of, read_tail};
pub use keep::keep;
pub use locate::{Location, locate};
pub use observe::{Found, Observed, look, observe};
pub use plan::{Action, Plan, Problem, plan};
pub use scaling::Scaled;
pub use sidecars::native_sidecars;
pub use update::{Check, Updated, update};
pub use wait::wait;
