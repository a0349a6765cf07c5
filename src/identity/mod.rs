//! Names, labels, annotations and owners of a service and its objects.

pub mod asleep;
pub mod decoration;
pub mod execution;
pub mod holder;
pub mod labels;
pub mod names;
pub mod owner;
