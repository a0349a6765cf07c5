//! When a service ends, or sleeps.

mod decision;
mod election;
mod expiry;
mod idle_check;
mod leave;
mod list;
mod pulse;
mod reap;
mod reaper;
mod receipt;
mod release;
mod sleep;

pub use decision::{Decision, End, Terms, Unused};
pub use expiry::Expiry;
pub use leave::leave;
pub use list::{Ends, Listed, list};
pub use pulse::Pulses;
pub use reap::{Reaped, reap, sweep};
pub use receipt::{Receipt, record};
pub use release::delete;
pub use sleep::{Slept, sleep};
