//! Why a controller has to try again.

/// An attempt that failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The API server refused a request, or could not be asked.
    #[error("{}", words(.0))]
    Api(#[from] kube::Error),
    /// Something else is in the way.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// Whether an object of this name is there.
    pub(super) fn is_already_exists(&self) -> bool {
        matches!(self, Self::Api(kube::Error::Api(status)) if status.is_already_exists())
    }

    /// Whether the object has changed, so that the request was about an earlier state.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Api(kube::Error::Api(status)) if status.is_conflict())
    }

    /// Whether the object is gone.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Api(kube::Error::Api(status)) if status.is_not_found())
    }
}

/// The words of the API server, as Kubernetes's own controllers quote them.
fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}
