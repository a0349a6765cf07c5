//! Selectors of labels and of fields.

use serde_json::Value;

use super::kinds::KindOfObject;
use super::refusal::Refusal;
use super::value::text;

/// Which objects a list or a watch is about.
#[derive(Debug, Clone, Default)]
pub(super) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    DoesNotExist(String),
    Greater(String, i64),
    Less(String, i64),
}

impl Selector {
    pub(super) fn parse(kind: &KindOfObject, labels: &str, fields: &str) -> Result<Self, Refusal> {
        Ok(Self {
            labels: parse_labels(labels)?,
            fields: parse_fields(kind, fields)?,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let label = |key: &str| object.pointer("/metadata/labels")?.get(key)?.as_str();
        self.labels.iter().all(|requirement| requirement.holds(&label))
            && self
                .fields
                .iter()
                .all(|(field, equal, value)| (field_of(object, field) == *value) == *equal)
    }
}

impl Requirement {
    fn holds<'a>(&self, label: &impl Fn(&str) -> Option<&'a str>) -> bool {
        let is_in =
            |key: &str, values: &[String]| label(key).is_some_and(|found| values.iter().any(|one| one == found));
        let as_number = |key: &str| label(key)?.parse::<i64>().ok();
        match self {
            Self::In(key, values) => is_in(key, values),
            Self::NotIn(key, values) => !is_in(key, values),
            Self::Exists(key) => label(key).is_some(),
            Self::DoesNotExist(key) => label(key).is_none(),
            Self::Greater(key, than) => as_number(key).is_some_and(|found| found > *than),
            Self::Less(key, than) => as_number(key).is_some_and(|found| found < *than),
        }
    }
}

/// Splits at commas outside parentheses.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(move |character| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
    .collect()
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, Refusal> {
    parts(text)
        .into_iter()
        .map(|part| {
            parse_label(part).ok_or_else(|| {
                Refusal::bad_request(format!(
                    "unable to parse requirement: found {part:?}, expected: a label selector"
                ))
            })
        })
        .collect()
}

fn parse_label(part: &str) -> Option<Requirement> {
    if let Some((key, values)) = part.split_once('(') {
        let values = values.strip_suffix(')')?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let mut words = key.split_whitespace();
        let (key, operator) = (words.next()?.to_owned(), words.next()?);
        return match (operator, words.next()) {
            ("in", None) => Some(Requirement::In(key, values)),
            ("notin", None) => Some(Requirement::NotIn(key, values)),
            _ => None,
        };
    }
    let found = ["!=", "==", "=", ">", "<"]
        .into_iter()
        .find_map(|operator| Some((operator, part.split_once(operator)?)));
    if let Some((operator, (key, value))) = found {
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        return match operator {
            _ if key.is_empty() => None,
            "!=" => Some(Requirement::NotIn(key, vec![value])),
            ">" => Some(Requirement::Greater(key, value.parse().ok()?)),
            "<" => Some(Requirement::Less(key, value.parse().ok()?)),
            _ => Some(Requirement::In(key, vec![value])),
        };
    }
    let (key, exists) = match part.strip_prefix('!') {
        Some(key) => (key.trim(), false),
        None => (part, true),
    };
    if key.is_empty() || key.contains(char::is_whitespace) {
        return None;
    }
    Some(if exists {
        Requirement::Exists(key.to_owned())
    } else {
        Requirement::DoesNotExist(key.to_owned())
    })
}

fn parse_fields(kind: &KindOfObject, text: &str) -> Result<Vec<(String, bool, String)>, Refusal> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (field, equal, value) = if let Some((field, value)) = pair.split_once("!=") {
                (field, false, value)
            } else if let Some((field, value)) = pair.split_once("==").or_else(|| pair.split_once('=')) {
                (field, true, value)
            } else {
                let message = format!("invalid selector: '{text}'; can't understand '{pair}'");
                return Err(Refusal::bad_request(message));
            };
            if !is_selectable(kind, field) {
                let message = format!("field label not supported: {field}");
                return Err(Refusal::bad_request(message));
            }
            Ok((field.to_owned(), equal, value.to_owned()))
        })
        .collect()
}

/// Whether objects of this kind can be selected by this field.
fn is_selectable(kind: &KindOfObject, field: &str) -> bool {
    let own: &[&str] = match (kind.group.as_ref(), kind.kind.as_ref()) {
        ("", "Pod") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("", "Event") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "Namespace") => &["status.phase"],
        ("", "Node") => &["spec.unschedulable"],
        ("", "Secret") => &["type"],
        ("", "Service") => &["spec.clusterIP", "spec.type"],
        _ => &[],
    };
    field == "metadata.name" || (kind.namespaced && field == "metadata.namespace") || own.contains(&field)
}

fn field_of(object: &Value, field: &str) -> String {
    match field {
        "source" => return text(object, "/source/component").to_owned(),
        "reportingComponent" => {
            // Kubernetes takes the one for the other where an event has only one.
            let reporting = text(object, "/reportingComponent");
            let reporting = if reporting.is_empty() {
                text(object, "/source/component")
            } else {
                reporting
            };
            return reporting.to_owned();
        }
        _ => {}
    }
    match object.pointer(&format!("/{}", field.replace('.', "/"))) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None if matches!(field, "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kinds::{Kinds, POD};
    use super::*;

    fn matches(labels: &str, fields: &str) -> bool {
        let kinds = Kinds::default();
        let pod =
            json!({"metadata": {"name": "foo-0", "labels": {"a": "b", "n": "5"}}, "status": {"phase": "Running"}});
        Selector::parse(kinds.get(POD), labels, fields)
            .expect("a selector")
            .matches(&pod)
    }

    #[test]
    fn labels_are_selected_by_equality_and_by_sets() {
        for (selector, expected) in [
            ("", true),
            ("a=b", true),
            ("a==b,n", true),
            ("a!=b", false),
            ("x!=b", true),
            ("a in (b, c),n notin (6)", true),
            ("a in (c)", false),
            ("x notin (c)", true),
            ("!x", true),
            ("!a", false),
            ("n>4,n<6", true),
            ("n>5", false),
        ] {
            assert_eq!(matches(selector, ""), expected, "{selector}");
        }
    }

    #[test]
    fn fields_are_selected_where_kubernetes_can() {
        assert!(matches("", "metadata.name=foo-0,status.phase!=Pending"));
        assert!(!matches("", "spec.nodeName==local"));
        let kinds = Kinds::default();
        for fields in ["spec.x=y", "nonsense"] {
            let refusal = Selector::parse(kinds.get(POD), "", fields).expect_err("no selector");
            assert_eq!(refusal.code, 400);
        }
        assert!(Selector::parse(kinds.get(POD), "a in b)", "").is_err());
    }
}
