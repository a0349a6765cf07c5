//! Which cluster a client is for.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use super::files::{dated, kubeconfig_files};
use super::in_cluster::is_in_cluster;
use crate::platform::ClusterSettings;

/// Which cluster a client is for, by the configuration it was made from. A kubeconfig that changes makes a new key, and
/// so a new client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(pub(super) Source);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Source {
    InCluster,
    /// The socket of a cluster on this machine alone.
    Local(PathBuf),
    Kubeconfig {
        /// The one file that the platform's settings name, instead of the usual ones.
        own: Option<PathBuf>,
        context: Option<String>,
        files: Vec<(PathBuf, Option<SystemTime>)>,
    },
}

/// The name of the cluster for people: the context, after the file where the platform's settings name one. Keys that
/// differ in the time of the kubeconfig have the same.
impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::InCluster => formatter.write_str("in-cluster"),
            Source::Local(_) => formatter.write_str("local"),
            Source::Kubeconfig { own, context, .. } => match (own, context) {
                (Some(own), Some(context)) => write!(formatter, "{} {context}", own.display()),
                (Some(own), None) => own.display().fmt(formatter),
                (None, Some(context)) => formatter.write_str(context),
                (None, None) => formatter.write_str("current-context"),
            },
        }
    }
}

impl Key {
    /// The context of that name, whether or not there is one.
    #[must_use]
    pub fn of_context(name: Option<&str>) -> Option<Self> {
        let context = Some(name?.to_owned());
        Some(Self(Source::Kubeconfig {
            own: None,
            context,
            files: kubeconfig_files(),
        }))
    }

    /// The context `any` of a kubeconfig of this name.
    #[cfg(test)]
    pub(crate) fn of_files(file: &str) -> Self {
        Self(Source::Kubeconfig {
            own: None,
            context: Some("any".to_owned()),
            files: vec![(file.into(), None)],
        })
    }

    /// A cluster of the platform's settings.
    pub(super) fn of_settings(settings: &ClusterSettings) -> Self {
        let context = settings.context.clone();
        match (&settings.kubeconfig, context) {
            (None, None) => Self::of_default(),
            (Some(file), context) => Self(Source::Kubeconfig {
                own: Some(file.clone()),
                context,
                files: vec![dated(file.clone())],
            }),
            (None, context) => Self(Source::Kubeconfig {
                own: None,
                context,
                files: kubeconfig_files(),
            }),
        }
    }

    /// The local cluster of a socket.
    pub(super) fn of_local(socket: PathBuf) -> Self {
        Self(Source::Local(socket))
    }

    /// The cluster that is used when none is named.
    pub(super) fn of_default() -> Self {
        if is_in_cluster() {
            return Self(Source::InCluster);
        }
        Self(Source::Kubeconfig {
            own: None,
            context: None,
            files: kubeconfig_files(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_that_differ_have_different_names() {
        let named = |kubeconfig: Option<&str>, context: Option<&str>| {
            let mut settings = ClusterSettings::default();
            settings.kubeconfig = kubeconfig.map(PathBuf::from);
            settings.context = context.map(str::to_owned);
            Key::of_settings(&settings).to_string()
        };
        assert_eq!(named(None, Some("eu")), "eu");
        assert_eq!(named(Some("/etc/eu"), None), "/etc/eu");
        assert_eq!(named(Some("/etc/eu"), Some("admin")), "/etc/eu admin");
        assert_eq!(Key(Source::InCluster).to_string(), "in-cluster");
    }
}
