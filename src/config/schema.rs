//! The JSON Schema of a configuration, for editors and other programs, and the table of its fields.
//!
//! Both follow from the structures that a configuration is read into. `UPDATE_GOLDEN=1 cargo test --lib config::schema`
//! writes them again.

mod table;
mod types;

use std::path::PathBuf;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::FIELDS;
use super::basics::WrittenBasics;
use super::claims::WrittenStorage;
use super::container::WrittenContainers;
use super::metadata::WrittenMetadata;
use super::place::WrittenPlace;
use super::pod::WrittenPod;
use super::policies::WrittenPolicies;
use super::ports::WrittenPorts;
use super::rollout::WrittenRollout;
pub(super) use types::{Amount, KubernetesObject, MountedVolume, NamedContainer, Resources, Template};

/// Where the schema can be had.
const ID: &str = "https://raw.githubusercontent.com/flyteorg/flytekitplugins-k8sdataservice/main/docs/reference/\
                  dataservice-config.schema.json";

/// What a data service task brings up, or which existing service it uses.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema counts")]
struct DataServiceConfig {
    #[serde(flatten)]
    place: WrittenPlace,
    #[serde(flatten)]
    basics: WrittenBasics,
    #[serde(flatten)]
    ports: WrittenPorts,
    #[serde(flatten)]
    containers: WrittenContainers,
    #[serde(flatten)]
    storage: WrittenStorage,
    #[serde(flatten)]
    pod: WrittenPod,
    #[serde(flatten)]
    rollout: WrittenRollout,
    #[serde(flatten)]
    policies: WrittenPolicies,
    #[serde(flatten)]
    metadata: WrittenMetadata,
}

fn schema() -> Value {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<DataServiceConfig>();
    let mut schema = schema.to_value();
    schema["$id"] = json!(ID);
    schema["additionalProperties"] = json!(false);
    schema["anyOf"] = json!([{"required": ["Image"]}, {"required": ["ExistingReleaseName"]}]);
    for field in schema["properties"]
        .as_object_mut()
        .into_iter()
        .flatten()
        .map(|(_, field)| field)
    {
        let default = field.get("default");
        // The absence of a value is not a value to write.
        if default.is_some_and(|default| default.is_null() || *default == json!([])) {
            field.as_object_mut().map(|field| field.remove("default"));
        }
        // It counts as left out.
        if let Some(Value::String(kind)) = field.get("type") {
            field["type"] = json!([kind, "null"]);
        }
    }
    schema
}

/// Checks a file of the documentation, or writes it again.
fn check_document(name: &str, made: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, made).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        written, made,
        "docs/{name} is out of date: UPDATE_GOLDEN=1 cargo test --lib config::schema writes it again"
    );
}

#[test]
fn the_schema_is_up_to_date() {
    let made = serde_json::to_string_pretty(&schema()).expect("JSON") + "\n";
    check_document("reference/dataservice-config.schema.json", &made);
}

#[test]
fn the_fields_are_those_that_are_read() {
    let schema = schema();
    let properties = schema["properties"].as_object().expect("properties");
    let mut fields: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
    fields.sort_unstable();
    assert_eq!(properties.keys().collect::<Vec<_>>(), fields);
    for (field, schema) in properties {
        let description = schema["description"].as_str().unwrap_or_default();
        assert!(description.ends_with('.'), "{field} is described: {description}");
    }
}
