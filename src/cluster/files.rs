//! When the files of a cluster's configuration were last changed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often to look whether a kubeconfig has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When files were last changed, and when that was looked up.
type Looked = HashMap<PathBuf, (Instant, Option<SystemTime>)>;

static LOOKED: LazyLock<Mutex<Looked>> = LazyLock::new(Mutex::default);

/// The kubeconfig's files and when each was last changed.
pub(super) fn kubeconfig_files() -> Vec<(PathBuf, Option<SystemTime>)> {
    let named: Vec<PathBuf> = std::env::var_os("KUBECONFIG")
        .map(|value| {
            std::env::split_paths(&value)
                .filter(|path| !path.as_os_str().is_empty())
                .collect()
        })
        .unwrap_or_default();
    let files = if named.is_empty() {
        std::env::home_dir()
            .map(|home| home.join(".kube/config"))
            .into_iter()
            .collect()
    } else {
        named
    };
    files.into_iter().map(dated).collect()
}

/// A file and when it was last changed.
pub(super) fn dated(path: PathBuf) -> (PathBuf, Option<SystemTime>) {
    let changed = last_changed(&path);
    (path, changed)
}

/// When a file was last changed, as of a second ago at most: each poll asks, and a file system may be slow to answer.
pub(super) fn last_changed(path: &Path) -> Option<SystemTime> {
    let looked = || LOOKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, changed)) = looked().get(path)
        && at.elapsed() < LOOK_EVERY
    {
        return *changed;
    }
    // Not under the lock: a file system that does not answer would hold up those who ask for other files.
    let changed = path.metadata().and_then(|metadata| metadata.modified()).ok();
    looked().insert(path.to_owned(), (Instant::now(), changed));
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_looked_at_once_a_second() {
        let path = std::env::temp_dir().join(format!("kubeconfig-{}", uuid::Uuid::new_v4()));
        std::fs::write(&path, "one").expect("a file");
        let before = last_changed(&path);
        assert!(before.is_some());
        std::fs::remove_file(&path).expect("the file");
        assert_eq!(last_changed(&path), before);
        std::thread::sleep(LOOK_EVERY);
        assert_eq!(last_changed(&path), None);
    }
}
