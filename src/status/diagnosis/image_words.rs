//! The words of a container runtime's message, without the names in it.
//!
//! Most messages name the image, its registry and URLs made of them, and any word or code may stand in a name.

/// The end of a message, which has the registry's answer, without what repeats that the image was to be pulled.
pub(super) fn own_words<'a>(message: &'a str, image: &str) -> &'a str {
    let mut words = message;
    if let Some((_, rest)) = words.split_once("rpc error: code = ")
        && let Some((_, rest)) = rest.split_once(" desc = ")
    {
        words = rest;
    }
    for lead in ["failed to pull and unpack image \"", "failed to resolve reference \""] {
        if let Some((_, rest)) = words.strip_prefix(lead).and_then(|rest| rest.split_once("\": ")) {
            words = rest;
        }
    }
    let without_image = words.strip_prefix(image).and_then(|rest| rest.strip_prefix(": "));
    without_image.unwrap_or(words)
}

/// A message in lower case without the names in it: those of the image in all their forms, URLs, paths and hosts.
///
/// The order matters: the image's own name may contain characters that end a path or a host elsewhere.
pub(super) fn without_names(message: &str, image: &str) -> String {
    without_paths(&without_image(message, image))
}

/// A message in lower case without the image's name and everything that is made of it.
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
    for lead in ["manifest ", "manifests ", "tag "] {
        if let Some(tag) = tag {
            words = without_behind(&words, lead, tag);
        }
    }
    words
}

/// A text without a word where that stands behind another one.
fn without_behind(text: &str, lead: &str, word: &str) -> String {
    let mut parts = text.split(lead);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(lead);
        let rest = part.strip_prefix(word);
        let rest =
            rest.filter(|rest| !rest.starts_with(|letter: char| letter.is_alphanumeric() || "-_.".contains(letter)));
        kept.push_str(rest.unwrap_or(part));
    }
    kept
}

/// A text without paths, hosts, addresses and digests: the names of mirrors, nodes and files.
///
/// None of the words that identify errors has a slash, a dot or an at sign inside it.
fn without_paths(text: &str) -> String {
    let mut kept = String::new();
    for token in text.split_inclusive(|letter: char| letter.is_whitespace() || "\"'`<>()[]{},=".contains(letter)) {
        let word =
            token.trim_end_matches(|letter: char| letter.is_whitespace() || "\"'`<>()[]{},=.:;".contains(letter));
        if word.contains(['/', '.', '@']) {
            kept.push_str(&token[word.len()..]);
        } else {
            kept.push_str(token);
        }
    }
    kept
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
        // The text after a colon at the end is another part of the sentence.
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

/// The text after the tag and the digest at its beginning.
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
                "reading manifest  in : manifest unknown",
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
    fn names_of_mirrors_hosts_and_files_are_no_part_of_the_error() {
        for (message, rest) in [
            (
                "failed to resolve reference \"mirror.example:429/unauthorized/a:403\": not found",
                "failed to resolve reference \"\": not found",
            ),
            (
                "pinging container registry unauthorized.example: get \"\": eof",
                "pinging container registry : get \"\": eof",
            ),
            ("open /var/lib/not-found/429: no space left", "open : no space left"),
            (
                "unexpected status code [manifests 503]: 403 forbidden",
                "unexpected status code [manifests ]: 403 forbidden",
            ),
            ("read tcp 10.0.0.1:401->10.0.0.2:403: reset", "read tcp >: reset"),
            ("dial tcp: i/o timeout.", "dial tcp:  timeout."),
        ] {
            assert_eq!(without_names(message, "r.example/a:503"), rest);
        }
    }

    #[test]
    fn the_registrys_answer_is_the_end_of_a_message() {
        for (message, words) in [
            (
                "rpc error: code = NotFound desc = failed to pull and unpack image \"r/a:1\": failed to resolve reference \
                 \"r/a:1\": r/a:1: not found",
                "not found",
            ),
            (
                "failed to pull and unpack image \"r/a:1\": failed to resolve reference \"r/a:1\": pulling from host r failed \
                 with status code [manifests 1]: 403 Forbidden",
                "pulling from host r failed with status code [manifests 1]: 403 Forbidden",
            ),
            (
                "reading manifest 1 in r/a: manifest unknown",
                "reading manifest 1 in r/a: manifest unknown",
            ),
        ] {
            assert_eq!(own_words(message, "r/a:1"), words);
        }
    }
}
