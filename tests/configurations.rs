//! Configurations and what becomes of them: the hash by which a service that runs is known, or what is wrong.
//!
//! `tests/golden/configurations` has a configuration per line after what it becomes. `UPDATE_GOLDEN=1 cargo test --test
//! configurations` writes what is wrong again. A hash is never written again: with another one, the services that run
//! would count as other ones.

use std::path::PathBuf;

use k8sdataservice::config::Target;
use serde_json::{Value, json};

fn golden(name: &str) -> (PathBuf, Vec<(Value, Value)>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/configurations")
        .join(name);
    let text = std::fs::read_to_string(&path).expect("a golden file");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    (path, lines.collect())
}

/// A configuration that is valid: its hash, or the name of the service that exists.
fn identity(config: &Value) -> Value {
    match Target::parse(config) {
        Ok(Target::New(spec)) => json!(spec.hash()),
        Ok(Target::Existing(name)) => json!({ "existing": name }),
        Err(error) => json!({ "refused": error.to_string() }),
    }
}

#[test]
fn the_hash_of_a_configuration_never_changes() {
    let (_, lines) = golden("hashes.jsonl");
    assert!(lines.len() > 500, "the sample is there");
    for (hash, config) in lines {
        assert_eq!(identity(&config), hash, "{config}");
    }
}

/// The faults of a configuration, sorted by their fields.
fn faults(config: &Value) -> Value {
    let Err(error) = Target::parse(config) else {
        return json!([]);
    };
    let faults = error.into_faults().expect("faults of fields");
    let mut faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    faults.sort();
    json!(faults)
}

#[test]
fn faults_of_a_configuration_have_these_messages() {
    let (path, lines) = golden("faults.jsonl");
    let line = |(_, config): &(Value, Value)| json!([faults(config), config]).to_string() + "\n";
    let now: String = lines.iter().map(line).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &now).expect("written");
    }
    let before = std::fs::read_to_string(&path).expect("a golden file");
    for (now, before) in now.lines().zip(before.lines()) {
        assert_eq!(now, before, "see the head of this file for how to write it again");
    }
}
