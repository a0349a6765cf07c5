//! The calls whose answers the server in memory and the real one are compared by.

use crate::schedule::pick;

/// One call.
#[derive(Debug, Clone, Copy)]
pub enum Call {
    /// Create, with a finalizer or not; a Service belongs to the object of this number.
    Create {
        finalizer: bool,
        owner: Option<usize>,
    },
    Read,
    List,
    /// Delete, with the uid of the object of this number.
    Delete {
        uid_of: usize,
    },
    /// Write an annotation, on the object of this number.
    Annotate {
        uid_of: usize,
    },
    /// Delete the object of this number, at its newest version or at an earlier one.
    DeleteVersion {
        uid_of: usize,
        late: bool,
    },
    /// Write an annotation on the object of this number, at its newest version or at an earlier one.
    AnnotateVersion {
        uid_of: usize,
        late: bool,
    },
    /// Apply a manifest without an owner, to the object of this number, at its newest version or at an earlier one.
    Apply {
        uid_of: usize,
        late: bool,
    },
    /// Note what was written so far as applied.
    Note,
    /// Remove the finalizers.
    Release,
}

/// A call by chance.
pub fn any_call(seed: &mut u64, objects: usize) -> Call {
    let uid_of = pick(objects + 1, seed);
    match pick(18, seed) {
        14 | 15 => Call::DeleteVersion {
            uid_of: objects.saturating_sub(pick(3, seed)),
            late: pick(4, seed) == 0,
        },
        16 | 17 => Call::AnnotateVersion {
            uid_of: objects.saturating_sub(1 + pick(2, seed)),
            late: pick(4, seed) == 0,
        },
        0..=2 => Call::Create {
            finalizer: pick(5, seed) == 0,
            owner: (pick(3, seed) > 0).then_some(uid_of),
        },
        3 => Call::Read,
        4 => Call::List,
        5 => Call::Release,
        6 => Call::Annotate { uid_of },
        7..=9 => Call::Apply {
            uid_of: if pick(4, seed) == 0 {
                uid_of
            } else {
                objects.saturating_sub(1)
            },
            late: pick(5, seed) == 0,
        },
        10 => Call::Note,
        _ => Call::Delete {
            // Mostly that of the newest, which is likely to be there.
            uid_of: if pick(2, seed) == 0 {
                uid_of
            } else {
                objects.saturating_sub(1)
            },
        },
    }
}
