use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn launch(folder: &Path, script: &str, more: &[(&str, &str)]) -> Launch {
    let mut environment = vec![("PATH".to_owned(), PATH.to_owned())];
    environment.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    Launch {
        program: "/bin/sh".into(),
        arguments: ["sh", "-c", script].map(str::to_owned).into(),
        environment,
        folder: Some(folder.to_owned()),
        output: File::create(folder.join("log")).expect("a log"),
        is_container: true,
        sandbox: None,
    }
}

/// Whether there is such a process, and more than a zombie of it.
fn runs(process: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", process.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn gone(process: &str) -> bool {
    for _ in 0..200 {
        if !runs(process) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

async fn written(file: &Path) -> String {
    for _ in 0..200 {
        if let Ok(text) = fs::read_to_string(file)
            && text.ends_with('\n')
        {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing in {}", file.display());
}

#[tokio::test]
async fn a_process_writes_its_log_and_has_an_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let supervisor = Supervisor::start(&owner(), None).expect("a supervisor");
    let launch = launch(folder.path(), "echo out; echo err >&2; env; pwd; exit 3", &[("A", "1")]);
    let process = Process::start(launch, &supervisor).await.expect("a process");
    let exit = process.exit().await;
    assert_eq!((exit.code, exit.signal), (3, None));
    let log = fs::read_to_string(folder.path().join("log")).expect("a log");
    assert!(log.starts_with("out\nerr\n") && log.contains("A=1\n"), "{log}");
    assert!(!log.contains("HOME="), "{log}");
    assert!(log.contains(&format!("\n{}\n", folder.path().display())), "{log}");
    supervisor.finish().await;
}

#[tokio::test]
async fn a_signal_is_an_exit_code_of_more_than_128_and_reaches_all_of_the_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let supervisor = Supervisor::start(&owner(), None).expect("a supervisor");
    let child = folder.path().join("child");
    let launch = launch(folder.path(), "sleep 100 & echo $! > child; wait", &[]);
    let process = Process::start(launch, &supervisor).await.expect("a process");
    let child = written(&child).await;
    assert!(runs(&child));
    process.terminate();
    let exit = process.exit().await;
    assert_eq!((exit.code, exit.signal), (143, Some(15)));
    assert!(gone(&child).await);
}

#[tokio::test]
async fn children_end_with_their_process_even_in_a_session_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let supervisor = Supervisor::start(&owner(), None).expect("a supervisor");
    let script = "sleep 100 & echo $! > child; \
                  setsid sh -c 'echo $$ > other; exec sleep 100' & until [ -s other ]; do :; done; exit 0";
    let marker = format!("test/{}", owner());
    let launch = launch(folder.path(), script, &[(CONTAINER, &marker)]);
    let process = Process::start(launch, &supervisor).await.expect("a process");
    assert_eq!(process.exit().await.code, 0);
    for name in ["child", "other"] {
        assert!(gone(&written(&folder.path().join(name)).await).await, "{name}");
    }
}

#[tokio::test]
async fn a_process_that_is_dropped_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let supervisor = Supervisor::start(&owner(), None).expect("a supervisor");
    let launch = launch(folder.path(), "trap '' TERM; sleep 100", &[]);
    let process = Process::start(launch, &supervisor).await.expect("a process");
    let id = process.id().to_string();
    assert!(runs(&id));
    drop(process);
    assert!(gone(&id).await);
}

#[tokio::test]
async fn a_program_that_cannot_be_executed_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let supervisor = Supervisor::start(&owner(), None).expect("a supervisor");
    let mut launch = launch(folder.path(), "", &[]);
    launch.program = folder.path().join("nope");
    let error = Process::start(launch, &supervisor).await.expect_err("no program");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn the_supervisor_kills_what_is_left_when_its_owner_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let me = owner();
    let supervisor = Supervisor::start(&me, None).expect("a supervisor");
    let spawn = |script: &str, marker: &str| {
        let launch = launch(folder.path(), script, &[(OWNER, marker)]);
        launch.command().expect("a command").spawn().expect("a process")
    };
    let mut registered = spawn("exec sleep 100", "another");
    let mut marked = spawn("exec sleep 100", &me);
    let mut other = spawn("exec sleep 100", "another");
    supervisor.add(Pid::from_child(&registered));
    supervisor.add(Pid::from_child(&other));
    supervisor.remove(Pid::from_child(&other));
    // What the end of this process would do.
    supervisor.abandon();
    for child in [&mut registered, &mut marked] {
        let exit = Exit::from(child.wait().expect("an end"));
        assert_eq!(exit.signal, Some(9));
    }
    assert!(runs(&other.id().to_string()));
    other.kill().expect("killed");
    other.wait().expect("an end");
}

#[test]
fn leftovers_of_an_owner_that_is_gone_are_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let me = owner();
    let namespace = me.split('.').next().expect("a namespace");
    let spawn = |marker: &str| {
        let launch = launch(folder.path(), "exec sleep 100", &[(OWNER, marker)]);
        launch.command().expect("a command").spawn().expect("a process")
    };
    let mut left = spawn(&format!("{namespace}.999999999.1.x"));
    let mut ours = spawn(&me);
    assert!(end_leftovers() >= 1);
    assert_eq!(Exit::from(left.wait().expect("an end")).signal, Some(9));
    assert!(runs(&ours.id().to_string()));
    ours.kill().expect("killed");
    ours.wait().expect("an end");
}
