//! A create, counted however it ends.

use super::labels::CreateResult;
use super::note_create;

/// A create that goes on. One that its caller drops counts as cancelled.
pub(crate) struct Attempt(CreateResult);

impl Attempt {
    /// Begins a create.
    pub(crate) fn begin() -> Self {
        Self(CreateResult::Cancelled)
    }

    /// Ends it.
    pub(crate) fn end(mut self, result: CreateResult) {
        self.0 = result;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        note_create(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::counts;

    #[test]
    fn a_create_that_is_dropped_counts_as_cancelled() {
        Attempt::begin().end(CreateResult::Adopted);
        drop(Attempt::begin());
        let counted: Vec<_> = counts().creates.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("adopted", 1), ("cancelled", 1)]);
    }
}
