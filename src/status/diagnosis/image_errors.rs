//! The errors that container runtimes report for an image that cannot be pulled.

use super::image_words::without_names;

/// Why an image cannot be pulled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ImageError {
    /// There is none for the node's platform, which the runtime may name, such as `linux/amd64`.
    WrongPlatform(Option<String>),
    Throttled,
    Unauthorized,
    NotFound,
    Unreachable,
}

/// Which error a runtime's message is; `None` where it is another one, or none.
pub(super) fn classify(message: &str, image: &str) -> Option<ImageError> {
    let words = without_names(message, image);
    let any = |needles: &[&str]| needles.iter().any(|needle| has_phrase(&words, needle));
    let status = |codes: &[&str]| codes.iter().any(|code| has_number(&words, code));
    if any(&[
        // containerd
        "no match for platform in manifest",
        // CRI-O and Podman
        "no image found in manifest list for architecture",
        "no image found in image index for architecture",
        // Docker
        "no matching manifest for",
        "does not match the specified platform",
    ]) {
        return Some(ImageError::WrongPlatform(platform(message)));
    }
    if any(&["toomanyrequests", "too many requests"]) || status(&["429"]) {
        return Some(ImageError::Throttled);
    }
    if any(&[
        "unauthorized",
        "authorization failed",
        "403 forbidden",
        "access forbidden",
        "authentication required",
        "no basic auth credentials",
        "denied",
    ]) || status(&["401", "403"])
    {
        return Some(ImageError::Unauthorized);
    }
    if any(&[
        "not found",
        "manifest unknown",
        "name unknown",
        "repository does not exist",
        "does not exist in the registry",
    ]) || status(&["404"])
    {
        return Some(ImageError::NotFound);
    }
    let unreachable = any(&[
        "while awaiting headers",
        "dial tcp",
        "no such host",
        "connection refused",
        "connection reset",
        "no route to host",
        "timeout",
        "timed out",
        "deadline exceeded",
        "bad gateway",
        "service unavailable",
        "registryunavailable",
        "internal server error",
        "tls:",
        "x509:",
        "http: server gave http response to https client",
        "eof",
        "tls",
    ]) || status(&["500", "502", "503", "504"]);
    unreachable.then_some(ImageError::Unreachable)
}

/// Whether a number stands alone in a text, and is no part of an address, a name or a larger number.
fn has_number(text: &str, number: &str) -> bool {
    let joins = |letter: char| letter.is_alphanumeric() || "-_./:@".contains(letter);
    text.match_indices(number).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let mut after = text[start + number.len()..].chars();
        let (next, second) = (after.next(), after.next());
        let ends = match next {
            None => true,
            // The end of a clause, and not a port or a version.
            Some('.' | ':') => second.is_none_or(char::is_whitespace),
            Some(next) => !joins(next),
        };
        before.is_none_or(|before| !joins(before)) && ends
    })
}

/// Whether a phrase stands in a text as whole words: `unauthorized`, but not the name `unauthorized-1`.
fn has_phrase(text: &str, phrase: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || "-_./@".contains(letter);
    text.match_indices(phrase).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let mut after = text[start + phrase.len()..].chars();
        let ends = match after.next() {
            // The end of a sentence.
            Some('.') => after.next().is_none_or(char::is_whitespace),
            next => next.is_none_or(|next| !is_part(next)),
        };
        ends && before.is_none_or(|before| !is_part(before))
    })
}

/// The platform that a message names: `linux/amd64`, or `architecture "amd64", variant "", OS "linux"`.
fn platform(message: &str) -> Option<String> {
    if let Some((_, rest)) = message.split_once("no matching manifest for ") {
        return rest
            .split_whitespace()
            .next()
            .map(|platform| platform.trim_matches(',').to_owned());
    }
    let value = |key: &str| {
        let (_, rest) = message.split_once(key)?;
        let value = rest.trim_start().split([',', ' ', ':']).next()?.trim_matches('"');
        (!value.is_empty()).then(|| value.to_owned())
    };
    Some(format!(
        "{}/{}",
        value(", OS ")?.to_lowercase(),
        value("for architecture ")?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_where_it_stands_alone() {
        for (text, is_alone) in [
            ("status code: 429", true),
            ("429 too many requests", true),
            ("unexpected status 429: no", true),
            ("(429)", true),
            ("10.4.29.1:429", false),
            ("10.429.0.1", false),
            ("port :429", false),
            ("sha256:429", false),
            ("id 1429", false),
            ("v429", false),
        ] {
            assert_eq!(has_number(text, "429"), is_alone, "{text}");
        }
    }

    #[test]
    fn a_runtime_may_name_the_platform() {
        for (message, wanted) in [
            (
                "no matching manifest for linux/amd64 in the manifest list entries",
                Some("linux/amd64"),
            ),
            (
                "choosing image instance: no image found in manifest list for architecture \"arm64\", variant \"v8\", OS \"linux\"",
                Some("linux/arm64"),
            ),
            (
                "no image found in image index for architecture amd64, variant \"\", OS linux",
                Some("linux/amd64"),
            ),
            ("no match for platform in manifest: not found", None),
        ] {
            assert_eq!(
                classify(message, "r.example/a:1"),
                Some(ImageError::WrongPlatform(wanted.map(str::to_owned))),
                "{message}"
            );
        }
    }
}
