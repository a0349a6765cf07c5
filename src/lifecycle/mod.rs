//! What is done to a service, one file per verb, written against [`crate::api::Api`] alone.

mod bring;
mod claim;
mod conclude;
mod create;
mod deadline;
mod delete;
mod evidence;
mod keep;
mod locate;
mod observe;
mod owned;
pub mod plan;
mod retract;
mod stateful_set;
mod update;
mod verdict_event;
mod wait;

pub use claim::Claim;
pub use conclude::{Conclusion, Ending, Failing, conclude};
pub use create::{Created, create};
pub use deadline::Deadline;
pub use delete::{Deletion, Outcome, Scope, delete};
pub use evidence::{events_of, last_words};
pub use keep::keep;
pub use locate::{Location, locate};
pub use observe::observe;
pub use plan::{Action, Plan, Problem, plan};
pub use retract::{CallId, Retraction, retract};
pub use update::{Updated, update};
pub use wait::wait;
