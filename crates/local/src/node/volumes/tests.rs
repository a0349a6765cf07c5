use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::super::environment::Values;
use super::*;

fn files(volume: &Value, folder: &Path) -> Result<(), String> {
    let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "foo-0", "labels": {"a": "1"}}})).expect("a pod");
    let volume: Volume = serde_json::from_value(volume.clone()).expect("a volume");
    let values = Values::from([("user".to_owned(), b"me".to_vec()), ("key".to_owned(), vec![0, 255])]);
    let sources = Sources::from([
        ((Kind::Secret, "s".to_owned()), Some(values.clone())),
        ((Kind::ConfigMap, "m".to_owned()), Some(values)),
        ((Kind::Secret, "x".to_owned()), None),
    ]);
    let place = Place {
        node: "local".to_owned(),
        host: "127.0.0.1".to_owned(),
        address: "127.77.1.1".to_owned(),
        ports: BTreeMap::new(),
    };
    let files = files::of(&pod, &volume, &place, &sources)?;
    files::write(folder, &files.ok_or("not of files")?).map_err(|error| error.to_string())
}

#[test]
fn files_come_from_objects_with_their_modes() {
    let folder = tempfile::tempdir().expect("a folder");
    let volume = json!({"name": "v", "projected": {"defaultMode": 0o400, "sources": [
        {"secret": {"name": "s", "items": [{"key": "key", "path": "deep/er/key", "mode": 0o640}]}},
        {"configMap": {"name": "m"}},
        {"secret": {"name": "x", "optional": true}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]}});
    for _ in 0..2 {
        files(&volume, folder.path()).expect("files");
    }
    for (path, mode, contents) in [
        ("deep/er/key", 0o640, &[0, 255][..]),
        ("user", 0o400, b"me"),
        ("labels", 0o400, b"a=\"1\""),
    ] {
        let file = folder.path().join(path);
        assert_eq!(fs::read(&file).expect("a file"), contents);
        assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o777, mode);
    }
}

#[test]
fn missing_objects_are_reported_in_the_words_of_the_kubelet() {
    let folder = tempfile::tempdir().expect("a folder");
    for (volume, wanted) in [
        (
            json!({"name": "v", "secret": {"secretName": "x"}}),
            "secret \"x\" not found",
        ),
        (
            json!({"name": "v", "configMap": {"name": "x"}}),
            "configmap \"x\" not found",
        ),
        (
            json!({"name": "v", "secret": {"secretName": "s", "items": [{"key": "no", "path": "p"}]}}),
            "references non-existent secret key: no",
        ),
        (
            json!({"name": "v", "secret": {"secretName": "s", "items": [{"key": "key", "path": "../p"}]}}),
            "../p is outside of the volume",
        ),
    ] {
        assert_eq!(files(&volume, folder.path()), Err(wanted.to_owned()));
    }
}

#[test]
fn a_container_finds_its_volumes_by_path_and_by_variable() {
    let folder = tempfile::tempdir().expect("a folder");
    let folders = Folders::from([("my-data".to_owned(), folder.path().to_owned())]);
    let mount = |more: Value| {
        let mut mount = json!({"name": "my-data", "mountPath": "/data"});
        mount
            .as_object_mut()
            .expect("a mount")
            .extend(more.as_object().expect("fields").clone());
        let container = serde_json::from_value(json!({"name": "foo", "volumeMounts": [mount]})).expect("a container");
        let mut defined = Environment::default();
        defined.set("POD", "foo-0");
        of_container(&container, &folders, &defined)
    };
    let (paths, variables) = mount(json!({})).expect("paths");
    assert_eq!(paths.resolve("/data/x"), folder.path().join("x"));
    assert_eq!(variables.get("K8SDATASERVICE_VOLUME_MY_DATA"), folder.path().to_str());
    let (paths, _) = mount(json!({"subPathExpr": "$(POD)/a"})).expect("paths");
    assert_eq!(paths.resolve("/data/x"), folder.path().join("foo-0/a/x"));
    assert!(folder.path().join("foo-0/a").is_dir());
    assert!(mount(json!({"subPath": "../a"})).is_err() && mount(json!({"name": "other"})).is_err());
}
