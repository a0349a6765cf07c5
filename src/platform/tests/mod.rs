//! Settings, and what becomes of configurations under them.

mod completed;
mod limited;
mod secrets;
mod settings;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Platform, Sources};

/// A platform whose settings come from a file.
fn platform(settings: &Value) -> Platform {
    let sources = [
        ("forced", "/etc/settings.yaml, line 3"),
        ("forced.ServiceAccount", "/etc/settings.yaml, line 12"),
        ("limits", "/etc/settings.yaml, line 30"),
        ("allowedNamespaces", "/etc/settings.yaml, line 2"),
    ];
    let sources: BTreeMap<_, _> = sources
        .map(|(path, source)| (path.to_owned(), source.to_owned()))
        .into();
    Platform::parse(settings, Sources::from(sources)).expect("settings")
}

/// The message of settings that are refused.
fn refusal(settings: &Value) -> String {
    let parsed = Platform::parse(settings, Sources::default());
    parsed.expect_err(&settings.to_string()).to_string()
}

/// A configuration with an image and these fields.
fn config(fields: &Value) -> Value {
    let mut config = json!({"Name": "foo", "Image": "busybox"});
    for (field, value) in fields.as_object().into_iter().flatten() {
        config[field] = value.clone();
    }
    config
}
