//! The state of a service over time.

mod min_ready;
mod names;
mod recorded;
mod steady;
