//! What a service's objects mean over time.

mod recorded;
mod standing;
