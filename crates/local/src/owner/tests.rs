use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// The variable that makes a test the program that another one starts and kills.
const CHILD: &str = "OWNER_OF_A_TEST";

/// Waits until something is so, for 20 s at most.
fn eventually(is_so: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn a_cluster_is_found_while_it_runs_and_leaves_nothing() {
    let owner = Owner::start(&[], None).expect("a cluster");
    let (socket, data) = (owner.socket(), owner.folders.data().to_owned());
    assert!(running().expect("sockets").contains(&socket));
    assert!(UnixStream::connect(&socket).is_ok());
    assert!(data.is_dir());
    owner.stop();
    assert!(!running().expect("sockets").contains(&socket));
    for path in [&socket, &socket.with_extension("lock"), &data] {
        assert!(!path.exists(), "{}", path.display());
    }
}

#[test]
fn each_has_a_socket_of_its_own_and_the_newest_is_first() {
    let first = Owner::start(&[], None).expect("a cluster");
    std::thread::sleep(Duration::from_millis(20));
    let second = Owner::start(&[], None).expect("a cluster");
    let all = running().expect("sockets");
    let place = |owner: &Owner| all.iter().position(|socket| *socket == owner.socket());
    assert!(place(&second) < place(&first), "{all:?}");
}

/// Not a test: the process that the next one kills.
#[test]
fn the_owner_that_is_killed() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let owner = Owner::start(&[], None).expect("a cluster");
    println!("{}\n{}", owner.socket().display(), owner.folders.data().display());
    loop {
        std::thread::park();
    }
}

#[test]
fn nothing_is_left_of_a_process_that_was_killed() {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "owner::tests::the_owner_that_is_killed", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("output")));
    let mut path = || {
        let line = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with('/'));
        std::path::PathBuf::from(line.expect("a path"))
    };
    let (socket, data) = (path(), path());
    assert!(running().expect("sockets").contains(&socket));
    child.kill().expect("a signal");
    child.wait().expect("an end");
    assert!(
        !running().expect("sockets").contains(&socket),
        "nobody finds it any more"
    );
    assert!(eventually(|| !data.exists()), "its supervisor removes its folder");
    Owner::start(&[], None).expect("a cluster").stop();
    let is_gone = |path: &Path| fs::symlink_metadata(path).is_err();
    assert!(
        is_gone(&socket) && is_gone(&socket.with_extension("lock")),
        "the next one removes the rest"
    );
}

#[test]
fn pods_are_reached_by_addresses_or_by_ports() {
    assert_eq!(addressing(None).expect("a default"), Addressing::default());
    assert_eq!(
        addressing(Some("addresses".into())).expect("a value"),
        Addressing::PerPod
    );
    let ports = addressing(Some("ports".into())).expect("a value");
    assert_eq!(ports, Addressing::Shared(std::net::Ipv4Addr::LOCALHOST));
    let error = addressing(Some("names".into())).expect_err("no value").to_string();
    assert!(
        error.contains("is \"names\"") && error.contains("addresses") && error.contains("ports"),
        "{error}"
    );
}

#[test]
fn a_cluster_has_the_objects_of_files_in_every_namespace() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("objects.yaml");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: v}\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, namespace: mine}\ndata: {k: v}\n";
    fs::write(&file, format!("{secret}---\n{map}")).expect("a file");
    let start = || Owner::start_with(&[], None, Addressing::default(), folder.path().as_os_str());
    let owner = start().expect("a cluster");
    let exists = |path: &str| {
        let mut stream = UnixStream::connect(owner.socket()).expect("a connection");
        let request = format!("GET /api/v1/namespaces/{path} HTTP/1.1\r\nHost: local\r\nConnection: close\r\n\r\n");
        io::Write::write_all(&mut stream, request.as_bytes()).expect("a request");
        io::read_to_string(stream)
            .expect("an answer")
            .starts_with("HTTP/1.1 200")
    };
    assert!(exists("flyte/secrets/s") && exists("default/secrets/s") && exists("mine/secrets/s"));
    assert!(exists("mine/configmaps/m") && !exists("flyte/configmaps/m"));
    owner.stop();

    let place = format!("K8SDATASERVICE_LOCAL_OBJECTS: {}, document 2: ", file.display());
    for (document, problem) in [
        ("kind: Secret", "apiVersion is missing"),
        (
            "apiVersion: v1\nkind: Secrets",
            "a local cluster has no kind Secrets of v1",
        ),
        (secret, "secrets \"s\" already exists"),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: A_B}",
            "Secret \"A_B\" is invalid: metadata.name",
        ),
    ] {
        fs::write(&file, format!("{secret}---\n{document}")).expect("a file");
        let error = start().map(Owner::stop).expect_err("an error").to_string();
        assert!(error.starts_with(&format!("{place}{problem}")), "{error}");
    }
}
