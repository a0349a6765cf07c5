//! Reads one value of the settings, and reports its faults.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::text::{did_you_mean, kind, shortened, shown};

/// A day, in seconds.
const DAY: u32 = 86_400;

/// The path of a key inside of another; the settings as a whole have the empty path.
pub(super) fn inside(path: &str, key: &str) -> String {
    let key = shortened(key);
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// The entries of a dictionary that has certain keys only. A null entry counts as left out.
pub(super) fn fields<'a>(path: &str, value: &'a Value, known: &[&str]) -> Result<Vec<(&'a str, &'a Value)>> {
    let said = entries(path, value)?;
    let unknown = value.as_object().into_iter().flatten();
    let mut unknown = unknown.filter(|(key, _)| !known.contains(&key.as_str()));
    if let Some((unknown, _)) = unknown.next() {
        let near = did_you_mean(unknown, known.iter().copied());
        return Err(Error::invalid(
            inside(path, unknown),
            format!("is an unknown setting{near}"),
        ));
    }
    Ok(said)
}

/// The entries of a dictionary of any keys. A null entry counts as left out.
pub(super) fn entries<'a>(path: &str, value: &'a Value) -> Result<Vec<(&'a str, &'a Value)>> {
    let Value::Object(entries) = value else {
        let path = if path.is_empty() { "The settings" } else { path };
        return Err(Error::invalid(
            path,
            format!("must be a dictionary, not {}.", kind(value)),
        ));
    };
    Ok(entries
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.as_str(), value))
        .collect())
}

pub(super) fn text<'a>(path: &str, value: &'a Value) -> Result<&'a str> {
    match value {
        Value::String(text) if text.is_empty() => Err(Error::invalid(path, "must not be empty.")),
        Value::String(text) => Ok(text),
        other => Err(Error::invalid(path, format!("must be text, not {}.", kind(other)))),
    }
}

pub(super) fn boolean(path: &str, value: &Value) -> Result<bool> {
    value
        .as_bool()
        .ok_or_else(|| Error::invalid(path, format!("must be true or false, not {}.", kind(value))))
}

pub(super) fn list<'a>(path: &str, value: &'a Value) -> Result<&'a [Value]> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| Error::invalid(path, format!("must be a list, not {}.", kind(value))))
}

pub(super) fn texts<'a>(path: &str, value: &'a Value) -> Result<Vec<&'a str>> {
    let items = list(path, value)?.iter().enumerate();
    items
        .map(|(index, item)| text(&format!("{path}[{index}]"), item))
        .collect()
}

pub(super) fn whole(path: &str, value: &Value) -> Result<i32> {
    let seconds = seconds(path, value)?;
    #[expect(clippy::cast_possible_truncation, reason = "a day of seconds fits")]
    if seconds.fract() == 0.0 {
        return Ok(seconds as i32);
    }
    Err(Error::invalid(
        path,
        format!("is {}, but must be a whole number.", shown(value)),
    ))
}

/// A number of seconds, of at most a day: more, neither Kubernetes nor people can have meant.
pub(super) fn seconds(path: &str, value: &Value) -> Result<f64> {
    seconds_within(path, value, 1)
}

/// A number of seconds, of at most so many days.
pub(super) fn seconds_within(path: &str, value: &Value, days: u32) -> Result<f64> {
    let longest = DAY * days;
    value
        .as_f64()
        .filter(|seconds| (0.0..=f64::from(longest)).contains(seconds))
        .ok_or_else(|| {
            let in_days = if days == 1 {
                "a day".to_owned()
            } else {
                format!("{days} days")
            };
            let words = format!(
                "is {}, but must be a number of seconds from 0 to {longest}, which is {in_days}.",
                shown(value)
            );
            Error::invalid(path, words)
        })
}
