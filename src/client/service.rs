//! The client, and what its calls have in common.

use std::sync::Arc;
use std::time::Duration;

use super::sight::Sight;
use crate::cluster::{Clusters, LocalClusters};
use crate::lifetime::{Expiry, Pulses};
use crate::platform::Platform;
use crate::watch::Cache;

/// How long a call may take, since Flyte waits 3 s for an answer.
const TIMEOUT: Duration = Duration::from_millis(2500);

/// A client for data services. It connects at its first call, and keeps one connection pool per cluster. Its clones are
/// the same client.
///
/// All its calls need a runtime of tokio, on which the watches go on between calls.
#[derive(Clone)]
pub struct Client {
    pub(super) clusters: Arc<Clusters>,
    pub(super) cache: Arc<Cache>,
    pub(super) expiry: Arc<Expiry>,
    pub(super) sight: Arc<Sight>,
    /// Whether Leases can be made.
    pub(super) lease_sight: Arc<Sight>,
    pub(super) pulses: Arc<Pulses>,
    pub(super) platform: Arc<Platform>,
    pub(super) timeout: Duration,
    pub(super) create_timeout: Duration,
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// The result.
    pub value: T,
    /// A note for the caller.
    pub warning: Option<String>,
}

impl Client {
    /// A client under the settings of a platform.
    #[must_use]
    pub fn new(platform: Platform) -> Self {
        let platform = Arc::new(platform);
        Self {
            clusters: Arc::new(Clusters::new(Arc::clone(&platform), None)),
            cache: Arc::new(Cache::new(platform.grace_periods.clone())),
            expiry: Arc::new(Expiry::new(platform.receipts.clone())),
            sight: Arc::default(),
            lease_sight: Arc::default(),
            pulses: Arc::default(),
            create_timeout: platform.create_timeout,
            platform,
            timeout: TIMEOUT,
        }
    }

    /// The same client, which uses local clusters where the environment variable [`LOCAL`] asks for them.
    ///
    /// [`LOCAL`]: crate::cluster::LOCAL
    #[must_use]
    pub fn with_local(self, local: Arc<dyn LocalClusters>) -> Self {
        Self {
            clusters: Arc::new(Clusters::new(Arc::clone(&self.platform), Some(local))),
            ..self
        }
    }

    /// The same client with another default timeout of its calls, including creates.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self {
            timeout,
            create_timeout: timeout,
            ..self
        }
    }
}

/// Sentences as one warning; `None` where there are none.
pub(super) fn joined(warnings: &[String]) -> Option<String> {
    (!warnings.is_empty()).then(|| warnings.join(" "))
}
