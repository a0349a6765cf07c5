//! Objects that a cluster has from the beginning, from files of YAML or JSON.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// How the names of files end that are read in a folder.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

/// An object, and where it is from.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) object: Value,
    /// The file and the document of it, as an error begins.
    place: String,
}

impl Object {
    /// The error about an object that a cluster does not take.
    pub(super) fn refused(place: &str, problem: &str) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("{place}: {problem}"))
    }

    /// The object, and how an error about it begins.
    pub(super) fn into_parts(self) -> (Value, String) {
        (self.object, self.place)
    }
}

/// Reads the objects of files, and of the files in folders.
///
/// # Errors
/// A file cannot be read, or has something else than objects.
pub(super) fn read(paths: &OsStr) -> io::Result<Vec<Object>> {
    let mut objects = Vec::new();
    for path in std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()) {
        for file in files(&path).map_err(|error| unreadable(&path, &error))? {
            let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
            parse(&text, &file, &mut objects)?;
        }
    }
    Ok(objects)
}

fn unreadable(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{} cannot be read: {error}", path.display()))
}

/// The file, or the files of a folder in the order of their names.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let ending = file.extension().and_then(OsStr::to_str).unwrap_or_default();
        if ENDINGS.contains(&ending) && file.is_file() {
            files.push(file);
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn parse(text: &str, file: &Path, objects: &mut Vec<Object>) -> io::Result<()> {
    for (number, document) in documents(text).iter().enumerate() {
        let place = format!("{}, document {}", file.display(), number + 1);
        let parsed: Value = serde_saphyr::from_str(document).map_err(|error| {
            // Without the lines themselves, which may have secrets.
            Object::refused(&place, &format!("it is no valid YAML: {}", error.without_snippet()))
        })?;
        match parsed {
            Value::Null => {}
            Value::Object(_) if parsed["kind"] == "List" => {
                for object in parsed["items"].as_array().into_iter().flatten() {
                    let (object, place) = (object.clone(), place.clone());
                    objects.push(Object { object, place });
                }
            }
            Value::Object(_) => objects.push(Object { object: parsed, place }),
            _ => return Err(Object::refused(&place, "it is no Kubernetes object")),
        }
    }
    Ok(())
}

/// The documents of a file, each with as many empty lines before it as there are lines before it in the file. What has
/// nothing but comments is no document.
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for (number, line) in text.lines().enumerate() {
        let marker = line.strip_prefix("---");
        let begins = marker.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if begins {
            documents.push("\n".repeat(number + 1));
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    documents.retain(|document| {
        let mut lines = document.lines().map(str::trim);
        lines.any(|line| !line.is_empty() && !line.starts_with('#'))
    });
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        let prefix = format!("{}/", folder.path().display());
        let objects = super::read(folder.path().as_os_str());
        objects
            .map(|objects| {
                let name = |object: &Object| object.object["metadata"]["name"].as_str().map(str::to_owned);
                objects.iter().filter_map(name).collect()
            })
            .map_err(|error| error.to_string().replace(&prefix, ""))
    }

    #[test]
    fn every_document_of_every_file_is_an_object() {
        let files = [
            (
                "b.yaml",
                "# a comment\n---\nmetadata: {name: b}\n---\n# nothing\n---\nmetadata:\n  name: c\n",
            ),
            ("a.json", r#"{"kind": "List", "items": [{"metadata": {"name": "a"}}]}"#),
            ("notes.txt", "not: [read"),
            ("empty.yml", ""),
        ];
        assert_eq!(read(&files), Ok(["a", "b", "c"].map(str::to_owned).to_vec()));
        assert!(super::read(OsStr::new("")).expect("no file").is_empty());
    }

    #[test]
    fn an_error_has_the_file_and_the_document_and_no_secret() {
        let error = |text: &str| read(&[("a.yaml", text)]).expect_err("an error");
        let broken = error("metadata: {name: a}\n---\ndata:\n  secret: [hunter2\n  other: }\n");
        assert!(
            broken.starts_with("a.yaml, document 2: it is no valid YAML: "),
            "{broken}"
        );
        assert!(broken.contains("line 5") && !broken.contains("hunter2"), "{broken}");
        assert_eq!(error("hunter2"), "a.yaml, document 1: it is no Kubernetes object");
        let missing = super::read(OsStr::new("/no/such/file.yaml"))
            .expect_err("an error")
            .to_string();
        assert!(missing.starts_with("/no/such/file.yaml cannot be read: "), "{missing}");
    }
}
