//! Paths into objects, as the API server writes them: `spec.containers[0].resources.requests[cpu]`.

use serde_json::Value;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a field.
    Key(String),
    /// Into an element of a list, or an entry of a dictionary.
    At(String),
}

impl Step {
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Key(key) | Self::At(key) => key,
        }
    }

    pub(super) fn is(&self, key: &str) -> bool {
        self.key() == key
    }

    /// The index in a list, if it is one.
    pub(super) fn index(&self) -> Option<usize> {
        match self {
            Self::At(key) => key.parse().ok(),
            Self::Key(_) => None,
        }
    }
}

/// Splits a path. The part in brackets may contain dots.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some((key, after)) = rest.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
            steps.push(Step::At(key.to_owned()));
            rest = after;
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len()).max(1).min(rest.len());
        let (key, after) = rest.split_at(end);
        if !key.is_empty() {
            steps.push(Step::Key(key.to_owned()));
        }
        rest = after;
    }
    steps
}

/// Writes a path. A key with dots of its own stands in brackets.
pub(super) fn show(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        let key = step.key();
        if step.index().is_some() || key.contains(['.', '/']) {
            text.extend(["[", key, "]"]);
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(key);
        }
    }
    text
}

/// Whether a path begins with a pattern, whose `[]` matches any element; the index of that element's step, if any.
#[expect(
    clippy::option_option,
    reason = "whether it matches, and whether there is an element"
)]
pub(super) fn matched(pattern: &[Step], path: &[Step]) -> Option<Option<usize>> {
    let any = |step: &Step| matches!(step, Step::At(key) if key.is_empty());
    let fits = |(pattern, step): (&Step, &Step)| pattern.is(step.key()) || any(pattern) && matches!(step, Step::At(_));
    let begins = pattern.len() <= path.len() && pattern.iter().zip(path).all(fits);
    begins.then(|| pattern.iter().position(any))
}

/// The value at a path.
pub(super) fn at<'a>(value: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.index()?),
        other => other.get(step.key()),
    })
}

/// The name that identifies an element among others.
pub(super) fn name_of(element: &Value) -> Option<&str> {
    let name = element.get("name").or_else(|| element.pointer("/metadata/name"));
    name.or(Some(element))?.as_str()
}

/// Where in a list the counterpart of an element is: what has its name or, where there are no names, what is as far
/// down.
pub(super) fn position(list: &[Value], element: &Value, index: usize) -> Option<usize> {
    match name_of(element) {
        Some(name) => list.iter().position(|each| name_of(each) == Some(name)),
        None => Some(index).filter(|index| *index < list.len()),
    }
}
