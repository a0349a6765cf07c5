//! Whether this process runs in a pod, with a service account of its own.

use std::path::Path;

use super::files::last_changed;

/// Where Kubernetes puts a pod's token (*Accessing the Kubernetes API from a Pod*).
pub(super) const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// The variable that Kubernetes sets in every pod.
pub(super) const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

/// Whether this process runs in a pod that has a token.
pub(super) fn is_in_cluster() -> bool {
    std::env::var_os(IN_CLUSTER).is_some() && last_changed(Path::new(TOKEN)).is_some()
}
