//! Why something is as it is, in the words of Kubernetes.

/// A reason as Kubernetes gives it: a code and, often, some words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// The code, such as `ImagePullBackOff`.
    pub code: String,
    /// The words.
    pub message: String,
}

pub(super) fn reason(code: Option<&String>, message: Option<&String>) -> Reason {
    Reason {
        code: code.cloned().unwrap_or_default(),
        message: message.cloned().unwrap_or_default(),
    }
}
