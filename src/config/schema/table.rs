//! The table of the fields in `docs/fields.md`, grouped as their sections are there.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::Value;

use super::{check_document, schema};

const START: &str = "<!-- The table is generated: UPDATE_GOLDEN=1 cargo test --lib config::schema -->\n";
const END: &str = "<!-- The end of the table. -->\n";

#[test]
fn the_table_of_fields_is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/fields.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let (head, rest) = page.split_once(START).expect("the start of the table");
    let (_, tail) = rest.split_once(END).expect("the end of the table");
    check_document(
        "fields.md",
        &[head, START, "\n", &table(tail), "\n", END, tail].concat(),
    );
}

/// The table, in the order of the headings.
fn table(page: &str) -> String {
    let schema = schema();
    let mut table = "| field | | type | default |\n|---|---|---|---|\n".to_owned();
    let mut fields = 0;
    for line in page.lines() {
        if let Some(section) = line.strip_prefix("## ") {
            let anchor = section.to_lowercase().replace(' ', "-").replace(',', "");
            writeln!(table, "| **[{section}](#{anchor})** | | | |").expect("a line");
        }
        if let Some(field) = line.strip_prefix("### ") {
            let of_field = &schema["properties"][field];
            assert!(of_field.is_object(), "{field} is no field");
            let (summary, default) = described(of_field);
            let kind = kind(&schema, of_field);
            writeln!(
                table,
                "| [{field}](#{}) | {summary} | {kind} | {default} |",
                field.to_lowercase()
            )
            .expect("a line");
            fields += 1;
        }
    }
    let all = schema["properties"].as_object().map_or(0, serde_json::Map::len);
    assert_eq!(fields, all, "every field has a heading");
    table
}

/// The first sentence of a description, and its default.
fn described(field: &Value) -> (String, String) {
    let description = field["description"].as_str().unwrap_or_default().replace('\n', " ");
    let (text, default) = description.split_once(" Default: ").unwrap_or((&description, ""));
    let summary = text.split_inclusive(". ").next().unwrap_or_default();
    let summary = summary.trim_end().trim_end_matches('.').replace('|', "\\|");
    (summary, default.trim_end_matches('.').to_owned())
}

/// The type of a field's value.
fn kind(root: &Value, schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#'));
        return target.map_or_else(String::new, |target| kind(root, target));
    }
    let words = |value: &Value| value.as_str().map(|word| format!("`{word}`"));
    if let Some(variants) = schema["enum"].as_array() {
        return variants.iter().filter_map(words).collect::<Vec<_>>().join(", ");
    }
    if schema["const"].is_string() {
        return words(&schema["const"]).unwrap_or_default();
    }
    if let Some(variants) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let mut kinds: Vec<String> = variants.iter().map(|variant| kind(root, variant)).collect();
        kinds.retain(|kind| !kind.is_empty());
        return kinds.join(", ");
    }
    let types = schema["type"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![schema["type"].clone()]);
    let types = types.iter().filter_map(Value::as_str).filter_map(|name| match name {
        "string" => Some("text".to_owned()),
        "integer" => Some("whole number".to_owned()),
        "number" => Some("number".to_owned()),
        "boolean" => Some("true or false".to_owned()),
        "object" => Some("dictionary".to_owned()),
        "array" if schema["items"].is_object() => Some(match kind(root, &schema["items"]).as_str() {
            "text" => "list of text".to_owned(),
            "dictionary" => "list of dictionaries".to_owned(),
            _ => "list".to_owned(),
        }),
        _ => None,
    });
    types.collect::<Vec<_>>().join(" or ")
}
