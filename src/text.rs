//! How other people's values and words are put into this crate's sentences.

use serde_json::Value;

/// The longest value that a message shows whole, in characters.
const LIMIT: usize = 80;

/// A user's text, quoted, and cut where it is long.
#[must_use]
pub fn shorten(text: &str) -> String {
    if text.chars().count() <= LIMIT {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(LIMIT).collect();
    format!("{start:?}...")
}

/// A name, cut where it is long, and quoted where there would be nothing to see.
#[must_use]
pub fn shortened(name: &str) -> String {
    if name.is_empty() {
        return "\"\"".to_owned();
    }
    match name.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}

/// A user's value as the user wrote it: Flyte makes every number a float, so `-1.0` was `-1`. A list or a dictionary is
/// only called that, since anything may be inside, such as a secret.
#[must_use]
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => shorten(text),
        Value::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), |float| float.to_string()),
        Value::Bool(_) | Value::Null => value.to_string(),
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
    }
}

/// The same, where nothing inside of a list or a dictionary is a secret.
#[must_use]
pub fn shown_in_full(value: &Value) -> String {
    if !value.is_array() && !value.is_object() {
        return shown(value);
    }
    let json = value.to_string();
    match json.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}...", &json[..end]),
        None => json,
    }
}

/// The type of a value, without the value.
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a dictionary",
    }
}

/// The one of the known names that is most like a name that is not known.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> &'a str {
    let distance = |known: &&str| strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase());
    known.into_iter().min_by_key(distance).unwrap_or_default()
}

/// The end of a sentence about a name that is not known: a question for the nearest of the known ones.
#[must_use]
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        "" => ".".to_owned(),
        near => format!("; did you mean `{near}`?"),
    }
}

/// A message closed with a full stop, so that it can stand among other sentences.
#[must_use]
pub fn sentence(message: &str) -> String {
    let message = message.trim();
    if message.ends_with(['.', '!', '?']) {
        message.to_owned()
    } else {
        format!("{message}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_shown_as_it_was_written() {
        assert_eq!(shown(&json!(-1.0)), "-1");
        assert_eq!(shown(&json!(1.5)), "1.5");
        assert_eq!(shown(&json!("a\nb")), r#""a\nb""#);
        assert_eq!(shown(&json!(true)), "true");
        assert_eq!(shown(&json!(["a"])), "a list");
        assert_eq!(shown(&json!({"a": 1})), "a dictionary");
        assert_eq!(shown_in_full(&json!(["a"])), r#"["a"]"#);
        assert_eq!(shown_in_full(&json!(-1.0)), "-1");
    }

    #[test]
    fn a_misspelt_name_has_a_nearest_one() {
        assert_eq!(nearest("comand", ["Image", "Command", "Cluster"]), "Command");
        assert_eq!(nearest("x", []), "");
        assert_eq!(
            did_you_mean("comand", ["Image", "Command"]),
            "; did you mean `Command`?"
        );
        assert_eq!(did_you_mean("x", []), ".");
    }

    #[test]
    fn a_long_value_is_cut() {
        assert_eq!(shorten(&"x".repeat(81)), format!("\"{}\"...", "x".repeat(80)));
        assert!(shown_in_full(&json!(vec![0; 100])).len() < 90);
        assert_eq!(shortened(&"x".repeat(81)), format!("{}...", "x".repeat(80)));
        assert_eq!(shortened(""), "\"\"");
    }
}
