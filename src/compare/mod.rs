//! The differences between two objects, and whether one is a subset of the other.

mod changes;
mod differences;
mod immutable;
pub(crate) mod normalize;
mod subset;
mod value;

pub use changes::{changed_by_admission, changes, replaces_pods};
pub use differences::differences;
pub use immutable::immutable;
pub use subset::is_subset;
pub(crate) use value::same;
