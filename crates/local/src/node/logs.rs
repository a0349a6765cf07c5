//! The logs of containers: one file per run, to which the process writes itself.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How many runs of a container to keep the logs of, as the kubelet does: the last one and the one before.
const KEPT: u32 = 2;

/// How much of a file to read at once, from its end.
const BLOCK: u64 = 64 * 1024;

/// Reads logs of the containers of a node.
#[derive(Debug, Clone)]
pub struct Logs {
    folder: PathBuf,
}

impl Logs {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder with everything of a pod.
    pub(super) fn pod(&self, uid: &str) -> PathBuf {
        self.folder.join(uid)
    }

    fn container(&self, uid: &str, container: &str) -> PathBuf {
        self.pod(uid).join("logs").join(container)
    }

    /// Makes the log of a run, and removes that of the run before the last one.
    pub(super) fn create(&self, uid: &str, container: &str, run: u32) -> io::Result<File> {
        let folder = self.container(uid, container);
        fs::create_dir_all(&folder)?;
        if let Some(old) = run.checked_sub(KEPT) {
            let _ = fs::remove_file(folder.join(format!("{old}.log")));
        }
        // Whatever is written goes to the end, also after the file was cut.
        File::options()
            .create(true)
            .append(true)
            .open(folder.join(format!("{run}.log")))
    }

    /// Reads the log of the last run of a container, or of the one before it.
    ///
    /// Output and errors are in the order in which they were written. Lines have no times.
    ///
    /// # Errors
    ///
    /// The container has no such run, or the file cannot be read.
    pub fn read(&self, uid: &str, container: &str, previous: bool, part: LogPart) -> io::Result<Vec<u8>> {
        let mut runs: Vec<(u32, PathBuf)> = fs::read_dir(self.container(uid, container))?
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                Some((path.file_stem()?.to_str()?.parse().ok()?, path))
            })
            .collect();
        runs.sort();
        if previous {
            runs.pop();
        }
        let (_, file) = runs.pop().ok_or(io::ErrorKind::NotFound)?;
        part.read(&file)
    }
}

/// Which part of a log to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogPart {
    /// How many lines at most, from the end.
    pub tail_lines: Option<usize>,
    /// How many bytes of these lines at most.
    pub limit_bytes: Option<usize>,
}

impl LogPart {
    fn read(self, file: &Path) -> io::Result<Vec<u8>> {
        let mut file = File::open(file)?;
        let begin = match self.tail_lines {
            Some(lines) => tail(&mut file, lines)?,
            None => 0,
        };
        file.seek(SeekFrom::Start(begin))?;
        let limit = self.limit_bytes.map_or(u64::MAX, |limit| limit as u64);
        let mut log = Vec::new();
        file.take(limit).read_to_end(&mut log)?;
        Ok(log)
    }
}

/// Where the last lines of a file begin.
fn tail(file: &mut File, lines: usize) -> io::Result<u64> {
    let end = file.metadata()?.len();
    let mut at = end;
    let mut found = 0;
    while at > 0 && lines > 0 {
        let size = BLOCK.min(at);
        at -= size;
        let mut block = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut block)?;
        for (index, _) in block.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let next = at + index as u64 + 1;
            // A line break at the end begins no line.
            if next < end {
                found += 1;
                if found == lines {
                    return Ok(next);
                }
            }
        }
    }
    Ok(if lines == 0 { end } else { 0 })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn part(tail_lines: Option<usize>, limit_bytes: Option<usize>) -> LogPart {
        LogPart {
            tail_lines,
            limit_bytes,
        }
    }

    #[test]
    fn the_last_lines_are_read_and_the_run_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = Logs::new(folder.path().to_owned());
        for run in 0..3 {
            let mut file = logs.create("1", "foo", run).expect("a log");
            write!(file, "run {run}\nsecond\nthird").expect("written");
        }
        let read = |previous, part| {
            let log = logs.read("1", "foo", previous, part).expect("a log");
            String::from_utf8(log).expect("text")
        };
        assert_eq!(read(false, part(None, None)), "run 2\nsecond\nthird");
        assert_eq!(read(true, part(Some(9), None)), "run 1\nsecond\nthird");
        assert_eq!(read(false, part(Some(2), None)), "second\nthird");
        assert_eq!(read(false, part(Some(2), Some(3))), "sec");
        assert_eq!(read(false, part(Some(0), None)), "");
        assert!(logs.read("1", "bar", false, LogPart::default()).is_err());
        assert_eq!(
            fs::read_dir(folder.path().join("1/logs/foo")).expect("files").count(),
            2
        );
    }

    #[test]
    fn a_long_log_is_read_from_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = Logs::new(folder.path().to_owned());
        let mut file = logs.create("1", "foo", 0).expect("a log");
        for line in 0..50_000 {
            writeln!(file, "line {line}").expect("written");
        }
        let log = logs
            .read("1", "foo", false, part(Some(30_000), Some(11)))
            .expect("a log");
        assert_eq!(String::from_utf8_lossy(&log), "line 20000\n");
    }
}
