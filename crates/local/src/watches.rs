//! How the parts of a cluster watch its objects.

use kube::runtime::watcher::Config;

use crate::script::Script;

/// How to watch in a cluster with a script, or in one that has none.
///
/// Where time passes at once, a watch is not begun again every five minutes, as one is whose server may be gone: a day
/// would have thousands of them, and nothing else.
pub(crate) fn config(script: Option<&Script>) -> Config {
    let config = Config::default();
    match script {
        Some(_) => config.timeout(0),
        None => config,
    }
}
