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

/// A user's value as the user wrote it: Flyte makes every number a float, so `-1.0` was `-1`.
#[must_use]
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => shorten(text),
        Value::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), |float| float.to_string()),
        other => {
            let json = other.to_string();
            if json.chars().count() <= LIMIT {
                json
            } else {
                json.chars().take(LIMIT).collect::<String>() + "..."
            }
        }
    }
}

/// The one of the known names that is most like a name that is not known.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> &'a str {
    let distance = |known: &&str| strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase());
    known.into_iter().min_by_key(distance).unwrap_or_default()
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
        assert_eq!(shown(&json!(["a"])), r#"["a"]"#);
    }

    #[test]
    fn a_misspelt_name_has_a_nearest_one() {
        assert_eq!(nearest("comand", ["Image", "Command", "Cluster"]), "Command");
        assert_eq!(nearest("x", []), "");
    }

    #[test]
    fn a_long_value_is_cut() {
        assert_eq!(shorten(&"x".repeat(81)), format!("\"{}\"...", "x".repeat(80)));
        assert!(shown(&json!(vec![0; 100])).len() < 90);
        assert_eq!(shortened(&"x".repeat(81)), format!("{}...", "x".repeat(80)));
        assert_eq!(shortened(""), "\"\"");
    }
}
