//! What a cluster's own rules refuse, such as quotas and webhooks: there are none here unless somebody brings them.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// Decides on a new object, by its kind: why it is refused, if it is.
pub type Admission = Arc<dyn Fn(&str, &Value) -> Option<Refused> + Send + Sync>;

/// A refusal of a new object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub code: u16,
    /// The reason, such as `Forbidden`.
    pub reason: &'static str,
    /// The words.
    pub message: String,
}

/// The rules of a cluster, if it has any.
#[derive(Clone, Default)]
pub(super) struct Rules(pub(super) Option<Admission>);

impl Rules {
    pub(super) fn refusal(&self, kind: &str, object: &Value) -> Option<Refused> {
        self.0.as_ref()?(kind, object)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Rules").field(&self.0.is_some()).finish()
    }
}
