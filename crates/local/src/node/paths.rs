//! Where the volumes of a container are. A process has no mounts of its own, so that it reaches a volume by another
//! path than the container's `mountPath`.

use std::path::{Path, PathBuf};

/// Paths of a container and the folders, or files, that stand for them.
#[derive(Debug, Clone, Default)]
pub(super) struct Paths(Vec<(String, PathBuf)>);

impl Paths {
    /// Adds the folder for a path. The root stands for itself: all of a command would have to be rewritten.
    pub(super) fn add(&mut self, path: &str, folder: PathBuf) {
        let path = path.trim_end_matches('/');
        if path.starts_with('/') {
            self.0.push((path.to_owned(), folder));
            // The longest path wins.
            self.0.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        }
    }

    /// Rewrites each path in a text: of a command, an argument or a variable. A path begins where no other begins, so
    /// that `/data` is one in `--dir=/data/x` and `cat /data`, and none in `http://host/data` and `/srv/data`.
    pub(super) fn rewrite(&self, text: &str) -> String {
        let mut rewritten = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('/') {
            rewritten.push_str(&rest[..at]);
            let begins = !rewritten.ends_with(is_of_path);
            rest = &rest[at..];
            let found = self.0.iter().filter(|_| begins).find(|(path, _)| is_prefix(path, rest));
            if let Some((path, folder)) = found {
                rewritten.push_str(&folder.to_string_lossy());
                rest = &rest[path.len()..];
            }
            // The rest of the path: it is no other one.
            let end = rest.find(|letter| !is_of_path(letter)).unwrap_or(rest.len());
            rewritten.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        rewritten.push_str(rest);
        rewritten
    }

    /// The file that a path of the container stands for.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        let found = self.0.iter().find(|(prefix, _)| is_prefix(prefix, path));
        found.map_or_else(
            || PathBuf::from(path),
            |(prefix, folder)| {
                folder.join(
                    Path::new(&path[prefix.len()..])
                        .strip_prefix("/")
                        .unwrap_or(Path::new("")),
                )
            },
        )
    }
}

/// Whether a text begins with a path, and not only with one whose name goes on.
fn is_prefix(path: &str, text: &str) -> bool {
    text.strip_prefix(path)
        .is_some_and(|rest| rest.starts_with('/') || !rest.starts_with(is_of_path))
}

/// Whether a letter may be part of a path, or end a reference to a variable that is part of one.
fn is_of_path(letter: char) -> bool {
    letter.is_alphanumeric()
        || matches!(
            letter,
            '/' | '.' | '_' | '-' | '~' | ')' | '}' | '*' | '?' | '@' | '%' | '+'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> Paths {
        let mut paths = Paths::default();
        paths.add("/data", "/tmp/v/data".into());
        paths.add("/data/inner/", "/tmp/v/inner".into());
        paths.add("/tmp", "/tmp/v/scratch".into());
        paths.add("/", "/tmp/v/root".into());
        paths
    }

    #[test]
    fn paths_are_rewritten_where_they_begin() {
        for (text, wanted) in [
            ("/data", "/tmp/v/data"),
            ("/data/x", "/tmp/v/data/x"),
            ("/data/inner/x", "/tmp/v/inner/x"),
            ("--dir=/data", "--dir=/tmp/v/data"),
            (
                "echo hi >/data/x; ls '/data' /tmp",
                "echo hi >/tmp/v/data/x; ls '/tmp/v/data' /tmp/v/scratch",
            ),
            ("/data:/data/inner", "/tmp/v/data:/tmp/v/inner"),
            ("/database", "/database"),
            ("/data.bak /data-2", "/data.bak /data-2"),
            ("/srv/data", "/srv/data"),
            ("http://host/data", "http://host/data"),
            ("file:///data/x", "file:///data/x"),
            ("$(ROOT)/data ${ROOT}/data", "$(ROOT)/data ${ROOT}/data"),
            ("a/data", "a/data"),
            ("/", "/"),
            ("ö/data ü", "ö/data ü"),
        ] {
            assert_eq!(paths().rewrite(text), wanted);
        }
    }

    #[test]
    fn a_path_is_resolved() {
        assert_eq!(paths().resolve("/data/x/y"), Path::new("/tmp/v/data/x/y"));
        assert_eq!(paths().resolve("/data"), Path::new("/tmp/v/data/"));
        assert_eq!(paths().resolve("/srv"), Path::new("/srv"));
    }
}
