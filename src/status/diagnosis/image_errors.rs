//! What container runtimes say of an image that cannot be pulled, without the image's own name.
//!
//! The name, the tag, the digest, the registry and the URLs made of them are part of most messages, and any word or code
//! may stand in them.

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
pub(super) fn sort(message: &str, image: &str) -> Option<ImageError> {
    let words = without_image(message, image);
    let any = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
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
        "access denied",
        "access to the resource is denied",
        "access forbidden",
        "authentication required",
        "no basic auth credentials",
        "denied: ",
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
        "internal server error",
        "tls:",
        "x509:",
        "http: server gave http response to https client",
    ]) || has_word(&words, "eof")
        || has_word(&words, "tls")
        || status(&["500", "502", "503", "504"]);
    unreachable.then_some(ImageError::Unreachable)
}

/// A message in lower case without everything that is the image's own name or made of it.
fn without_image(message: &str, image: &str) -> String {
    let mut words = without_urls(&message.to_lowercase());
    let image = image.to_lowercase();
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image.as_str(), None),
    };
    // A colon before the last slash is that of a port.
    let (repository, tag) = match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    };
    let (host, path) = match repository.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
        _ => (None, repository),
    };
    let host_name = host.and_then(|host| Some(host.rsplit_once(':')?.0));
    let official = format!("library/{path}");
    for form in [Some(repository), Some(&official), Some(path), host, host_name]
        .into_iter()
        .flatten()
    {
        words = without(&words, form);
    }
    if let Some(digest) = digest {
        words = without(&words, digest);
    }
    // CRI-O writes the tag alone: `reading manifest 1.0 in registry.example/model: manifest unknown`.
    for lead in ["manifest ", "tag ", "manifests/"] {
        if let Some(tag) = tag {
            words = words.replace(&format!("{lead}{tag} "), lead);
        }
    }
    words
}

/// A text without the URLs in it.
fn without_urls(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    while let Some(start) = ["https://", "http://", "docker://"]
        .iter()
        .filter_map(|scheme| rest.find(scheme))
        .min()
    {
        kept.push_str(&rest[..start]);
        let url = &rest[start..];
        let end = url.find(|letter: char| letter.is_whitespace() || "\"'`<>)".contains(letter));
        // What stands behind a colon at the end is another part of the sentence.
        let end = end.unwrap_or(url.len());
        rest = &url[end..];
        if url[..end].ends_with(':') {
            kept.push(':');
        }
    }
    kept + rest
}

/// A text without a name, wherever that stands alone, and without the tag or the digest behind it.
fn without(text: &str, name: &str) -> String {
    if name.is_empty() {
        return text.to_owned();
    }
    let is_part = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    let mut kept = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(name) {
        let (before, found) = rest.split_at(start);
        let after = &found[name.len()..];
        kept.push_str(before);
        let begins = !kept.ends_with(is_part);
        // A dot may end the sentence.
        let ends = !after.starts_with(|letter: char| letter.is_alphanumeric() || "-_".contains(letter));
        if begins && ends {
            rest = after_tag(after);
        } else {
            kept.push_str(name);
            rest = after;
        }
    }
    kept + rest
}

/// What follows the tag and the digest at the beginning of a text.
fn after_tag(text: &str) -> &str {
    let part = |text: &str| {
        let end = text.find(|letter: char| !(letter.is_alphanumeric() || "-_.".contains(letter)));
        end.unwrap_or(text.len())
    };
    let mut rest = text;
    for separator in [':', '@'] {
        let Some(tag) = rest.strip_prefix(separator) else {
            continue;
        };
        let mut end = part(tag);
        if end == 0 {
            continue;
        }
        // `sha256:<digest>`
        if separator == '@' && tag[end..].starts_with(':') {
            end += 1 + part(&tag[end + 1..]);
        }
        rest = &tag[end..];
    }
    rest
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

/// Whether a word stands alone in a text.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|letter: char| !letter.is_alphanumeric() && !"-_./@".contains(letter))
        .any(|each| each.trim_end_matches('.') == word)
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
    fn an_images_name_is_in_no_form_a_part_of_the_error() {
        for (image, message, rest) in [
            (
                "registry.example:5000/none/model:20240429",
                "failed to resolve reference \"registry.example:5000/none/model:20240429\": \
                 registry.example:5000/none/model:20240429: not found",
                "failed to resolve reference \"\": : not found",
            ),
            (
                "busybox",
                "failed to pull \"docker.io/library/busybox:latest\"",
                "failed to pull \"docker.io/library/\"",
            ),
            ("r.example/a@sha256:429", "r.example/a@sha256:429: denied", ": denied"),
            (
                "r.example/a:1@sha256:429",
                "x r.example/a:1@sha256:429: denied",
                "x : denied",
            ),
            (
                "r.example/a:503",
                "Head \"https://r.example/v2/a/manifests/503\": dial tcp: lookup r.example: no such host",
                "head \"\": dial tcp: lookup : no such host",
            ),
            (
                "r.example/a:429",
                "reading manifest 429 in r.example/a: manifest unknown",
                "reading manifest in : manifest unknown",
            ),
            (
                "r.example/eof",
                "the word in r.example/eof-server stays",
                "the word in /eof-server stays",
            ),
        ] {
            assert_eq!(without_image(message, image), rest, "{image}");
        }
    }

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
                sort(message, "r.example/a:1"),
                Some(ImageError::WrongPlatform(wanted.map(str::to_owned))),
                "{message}"
            );
        }
    }
}
