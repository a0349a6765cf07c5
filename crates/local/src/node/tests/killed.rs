use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::*;

/// The folder of the owner that is killed; given to the process that is the owner.
const FOLDER: &str = "K8SDATASERVICE_TEST_OF_A_KILL";

/// Not a test of its own: another process, which the test below kills.
#[tokio::test]
#[ignore = "the process that another test kills"]
async fn owner() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let local = Local::start_with(|options| options.working_folder = Some(PathBuf::from(folder))).await;
    // One that leaves its group and its session, one that does not, and the child of that.
    let line = "setsid sleep 300 & sleep 300 & echo $$$$ $! > group; exec sleep 300";
    local.run("foo-0", line).await;
    tokio::time::sleep(Duration::from_mins(5)).await;
}

fn sleepers(owner: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("processes");
    let names = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_ours = |name: &String| {
        let environment = std::fs::read(format!("/proc/{name}/environ")).unwrap_or_default();
        let marker = format!("K8SDATASERVICE_LOCAL_OWNER={owner}");
        environment
            .split(|byte| *byte == 0)
            .any(|entry| entry == marker.as_bytes())
            && runs(name)
    };
    names.filter(is_ours).collect()
}

fn until<T>(find: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < end, "not in time");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn nothing_is_left_of_a_process_that_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut owner = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "node::tests::killed::owner", "--ignored"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("a process");
    let group = until(|| {
        std::fs::read_to_string(folder.path().join("group"))
            .ok()
            .filter(|group| group.ends_with('\n'))
    });
    let replica = group.split(' ').next().expect("a process");
    let environment = std::fs::read_to_string(format!("/proc/{replica}/environ")).expect("an environment");
    let mut variables = environment.split('\0');
    let marker = variables.find_map(|variable| variable.strip_prefix("K8SDATASERVICE_LOCAL_OWNER="));
    let marker = marker.expect("a marker").to_owned();
    until(|| (sleepers(&marker).len() == 3).then_some(()));
    owner.kill().expect("killed");
    owner.wait().expect("an end");
    until(|| sleepers(&marker).is_empty().then_some(()));
}
