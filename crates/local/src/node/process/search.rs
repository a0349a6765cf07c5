//! The program that a command names.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Why a program of an image is not there.
pub(in super::super) const NO_IMAGE: &str = "no image can run in local mode";

/// Why a program cannot be started, in the words of a container runtime, and that only this machine is searched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum NotFound {
    #[error("exec: \"{0}\": executable file not found in $PATH of this machine: {NO_IMAGE}")]
    OnPath(String),
    #[error("exec: \"{0}\": stat {0}: no such file or directory on this machine: {NO_IMAGE}")]
    File(String),
    #[error("exec: \"{0}\": permission denied")]
    Permission(String),
}

/// Finds a program: a path, relative to the folder in which it will run, or a name on the search path.
pub(in super::super) fn find(program: &str, path: &str, folder: &Path) -> Result<PathBuf, NotFound> {
    if program.contains('/') {
        let file = folder.join(program);
        return match file.metadata() {
            Err(_) => Err(NotFound::File(program.to_owned())),
            Ok(_) if is_executable(&file) => Ok(file),
            Ok(_) => Err(NotFound::Permission(program.to_owned())),
        };
    }
    // An empty entry is the working folder for a shell, and nothing for a container runtime.
    let folders = std::env::split_paths(OsStr::new(path)).filter(|folder| folder.is_absolute());
    let candidates: Vec<PathBuf> = folders.map(|folder| folder.join(program)).collect();
    if let Some(file) = candidates
        .iter()
        .find(|file| !program.is_empty() && is_executable(file))
    {
        return Ok(file.clone());
    }
    Err(if !program.is_empty() && candidates.iter().any(|file| file.is_file()) {
        NotFound::Permission(program.to_owned())
    } else {
        NotFound::OnPath(program.to_owned())
    })
}

fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_is_found_on_the_search_path_and_a_path_in_the_folder() {
        let root = tempfile::tempdir().expect("a folder");
        let bin = root.path().join("bin");
        fs::create_dir(&bin).expect("a folder");
        fs::write(bin.join("serve"), "").expect("a file");
        fs::write(bin.join("data"), "").expect("a file");
        fs::set_permissions(bin.join("serve"), fs::Permissions::from_mode(0o755)).expect("permissions");
        let path = format!("/nowhere::{}", bin.display());
        let find = |program: &str| find(program, &path, root.path());
        assert_eq!(find("serve"), Ok(bin.join("serve")));
        assert_eq!(find("bin/serve"), Ok(root.path().join("bin/serve")));
        assert_eq!(
            find("nope").map_err(|error| error.to_string()),
            Err(format!(
                "exec: \"nope\": executable file not found in $PATH of this machine: {NO_IMAGE}"
            ))
        );
        assert_eq!(
            find("./nope").map_err(|error| error.to_string()),
            Err(format!(
                "exec: \"./nope\": stat ./nope: no such file or directory on this machine: {NO_IMAGE}"
            ))
        );
        assert_eq!(find("data"), Err(NotFound::Permission("data".to_owned())));
        assert_eq!(find(""), Err(NotFound::OnPath(String::new())));
    }
}
