//! The folders and the lock of a local cluster, by which others find it as long as its process lives.

use std::env::{temp_dir, var_os};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The folder in which a user's clusters are.
const NAME: &str = "k8sdataservice";

/// How the name of a lock ends.
const LOCK: &str = "lock";

/// How the name of a socket ends.
const SOCKET: &str = "sock";

/// How the name of a socket ends that others are not to find.
const HIDDEN: &str = "fake";

/// The longest path of a socket that every system can have, in bytes: 104 with its end on macOS, 108 on Linux.
const LONGEST: usize = 103;

/// The folders of one cluster.
#[derive(Debug)]
pub struct Folders {
    /// Open and locked as long as the cluster's process lives.
    _lock: File,
    lock: PathBuf,
    socket: PathBuf,
    data: PathBuf,
}

impl Folders {
    /// Makes the folders of a cluster, and removes those of processes that have ended.
    ///
    /// # Errors
    /// A folder cannot be made, or belongs to another user.
    pub(super) fn make() -> io::Result<Self> {
        Self::with_socket(SOCKET)
    }

    /// Makes the folders of a cluster that [`running`] does not find.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub(crate) fn hidden() -> io::Result<Self> {
        Self::with_socket(HIDDEN)
    }

    fn with_socket(extension: &str) -> io::Result<Self> {
        let runtime = runtime_folder()?;
        remove_dead(&runtime)?;
        let id = format!(
            "{}-{}",
            std::process::id(),
            &uuid::Uuid::new_v4().simple().to_string()[..8]
        );
        let path = runtime.join(&id).with_extension(LOCK);
        let mut options = OpenOptions::new();
        // The lock comes before the name, so that nobody takes it for one of a process that has ended.
        let draft = runtime.join(format!("{id}.new"));
        let lock = options.write(true).create_new(true).mode(0o600).open(&draft)?;
        lock.lock()?;
        fs::rename(&draft, &path)?;
        let data = data_of(&id)?;
        make_private(&data)?;
        Ok(Self {
            _lock: lock,
            lock: path,
            socket: runtime.join(&id).with_extension(extension),
            data,
        })
    }

    /// The socket of the API server.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where pods and claims are.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Removes all of it.
    pub(crate) fn remove(&self) {
        remove(&self.data, &self.socket, &self.lock);
    }
}

/// The sockets of the clusters whose processes live, the newest first.
///
/// # Errors
/// The folder of the sockets cannot be used.
pub fn running() -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for lock in locks(&runtime_folder()?)? {
        if is_held(&lock) {
            let begun = lock.metadata().and_then(|found| found.modified());
            found.push((begun.unwrap_or(SystemTime::UNIX_EPOCH), lock.with_extension(SOCKET)));
        }
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    let sockets = found.into_iter().map(|(_, socket)| socket);
    Ok(sockets.filter(|socket| socket.exists()).collect())
}

/// Removes the folders of clusters whose processes have ended.
fn remove_dead(runtime: &Path) -> io::Result<()> {
    for lock in locks(runtime)? {
        let Some(id) = lock.file_stem().and_then(|id| id.to_str()) else {
            continue;
        };
        if !is_held(&lock) {
            for socket in [SOCKET, HIDDEN] {
                remove(&data_of(id)?, &lock.with_extension(socket), &lock);
            }
        }
    }
    Ok(())
}

/// Removes what a cluster has, the lock last: what is left is found by it.
fn remove(data: &Path, socket: &Path, lock: &Path) {
    let removals = [fs::remove_dir_all(data), fs::remove_file(socket), fs::remove_file(lock)];
    for (path, removal) in [data, socket, lock].iter().zip(removals) {
        if let Err(error) = removal
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("{} could not be removed: {error}", path.display());
        }
    }
}

fn locks(runtime: &Path) -> io::Result<Vec<PathBuf>> {
    let files = fs::read_dir(runtime)?.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(files
        .filter(|path| path.extension().is_some_and(|extension| extension == LOCK))
        .collect())
}

/// Whether the process that made a lock lives.
fn is_held(lock: &Path) -> bool {
    // Several may look at the same time, and none of them may keep the lock from another.
    File::open(lock).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The folder of this user for sockets: below `XDG_RUNTIME_DIR`, or else that of the data.
fn runtime_folder() -> io::Result<PathBuf> {
    let given = var_os("XDG_RUNTIME_DIR").map(|folder| PathBuf::from(folder).join(NAME));
    // The longest name is a process's number of 10 digits, 8 random ones and the ending.
    let fits = |folder: &PathBuf| folder.as_os_str().len() + 1 + 10 + 1 + 8 + 5 <= LONGEST;
    if let Some(folder) = given.filter(fits)
        && make_private(&folder).is_ok()
    {
        return Ok(folder);
    }
    let folder = [temp_dir(), PathBuf::from("/tmp")].map(|folder| folder.join(user_folder()));
    let folder = folder.into_iter().find(fits).unwrap_or_default();
    make_private(&folder)?;
    Ok(folder)
}

/// The folder of a cluster's data. It may become large, so it is not where the sockets are, which may be memory.
fn data_of(id: &str) -> io::Result<PathBuf> {
    let folder = temp_dir().join(user_folder());
    make_private(&folder)?;
    Ok(folder.join(id))
}

fn user_folder() -> String {
    format!("{NAME}-{}", rustix::process::getuid().as_raw())
}

/// Makes a folder that is only for this user, unless it exists.
fn make_private(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(folder)?;
    let is_private = found.is_dir() && found.mode() & 0o777 == 0o700;
    if is_private && found.uid() == rustix::process::getuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!(
            "{} is no folder that only this user can use: remove it, or set TMPDIR to another folder",
            folder.display()
        ),
    ))
}
