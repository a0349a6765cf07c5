//! The paths that a source file uses and passes on.

use std::collections::BTreeMap;

/// A path as it is written, and its line.
type Use = (Vec<String>, usize);

/// A module that has a file of its own.
pub struct Module {
    /// Its file, below the root of the crate.
    pub file: String,
    /// Where it is in the crate.
    pub path: Vec<String>,
    /// The paths that it uses.
    pub uses: Vec<Use>,
    /// What it passes on with `pub use`, by name.
    pub passes_on: BTreeMap<String, Vec<String>>,
}

impl Module {
    /// A path of this module from the root of the crate on; `None` where it leads out of the crate.
    pub fn absolute(&self, path: &[String], is_module: impl Fn(&[String]) -> bool) -> Option<Vec<String>> {
        let ups = path.iter().take_while(|step| *step == "super").count();
        let (base, rest) = match path.first().map(String::as_str)? {
            "crate" => (&[][..], &path[1..]),
            "self" => (&self.path[..], &path[1..]),
            "super" => (&self.path[..self.path.len().checked_sub(ups)?], &path[ups..]),
            _ => (&self.path[..], path),
        };
        let absolute = [base, rest].concat();
        let is_relative = !matches!(path[0].as_str(), "crate" | "self" | "super");
        // Without such a word at its beginning it is one of a child, or of another crate.
        (!is_relative || is_module(&absolute[..=base.len()])).then_some(absolute)
    }
}

/// Reads a source file; `None` for one that has tests alone, and for the root of the crate.
pub fn read(file: &str, text: &str) -> Option<Module> {
    let path: Vec<String> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let path = match path.split_last()? {
        (last, folder) if last == "mod" => folder.to_vec(),
        _ => path,
    };
    if path == ["lib"] || path.iter().any(|step| step == "tests") {
        return None;
    }
    let text = text.split("\nmod tests {").next()?;
    let tokens = tokens(text);
    let mut module = Module {
        file: file.to_owned(),
        path,
        uses: Vec::new(),
        passes_on: BTreeMap::new(),
    };
    let mut at = 0;
    while at < tokens.len() {
        // `impl Trait + use<'a>` imports nothing.
        let captures = tokens.get(at + 1).is_some_and(|(token, _)| *token == "<");
        if tokens[at].0 == "use" && !captures {
            let is_public = is_public(&tokens[..at]);
            let mut found = Vec::new();
            at = tree(&tokens, at + 1, &[], &mut found);
            // Another crate, and not a module of the same name.
            found.retain(|(path, _)| !path[0].is_empty());
            for (path, line) in found {
                let name = path.last().cloned().unwrap_or_default();
                let is_of_another = matches!(path[0].as_str(), "crate" | "super");
                if is_public {
                    module.passes_on.insert(name, path.clone());
                }
                // What a module passes on of its children alone, it does not use.
                if is_of_another || !is_public {
                    module.uses.push((path, line));
                }
            }
        } else {
            let (path, line) = (walk(&tokens, at), tokens[at].1);
            let goes_on = at > 0 && tokens[at - 1].0 == "::";
            at += (2 * path.len()).saturating_sub(1).max(1);
            if path.len() > 1 && !goes_on {
                module.uses.push((path, line));
            }
        }
    }
    Some(module)
}

/// Whether the words before a `use` make it public, in whatever part of the crate.
fn is_public(before: &[(&str, usize)]) -> bool {
    let mut words = before.iter().rev().map(|(word, _)| *word);
    match words.next() {
        Some("pub") => true,
        Some(")") => words.take(4).any(|word| word == "pub"),
        _ => false,
    }
}

/// Reads the tree of a `use` from a token on, and returns where it ends.
fn tree(tokens: &[(&str, usize)], mut at: usize, before: &[String], found: &mut Vec<Use>) -> usize {
    let mut path = before.to_vec();
    let line = tokens.get(at).map_or(0, |(_, line)| *line);
    while let Some((token, _)) = tokens.get(at) {
        match *token {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|(token, _)| *token != "}") {
                    at = tree(tokens, at, &path, found);
                    at += usize::from(tokens.get(at).is_some_and(|(token, _)| *token == ","));
                }
                return at + 1;
            }
            "," | ";" | "}" => break,
            "as" => at += 1,
            "::" if path.is_empty() => path.push(String::new()),
            "::" | "*" => {}
            // A module itself, by the side of what is in it.
            "self" if !path.is_empty() => {}
            step => path.push(step.to_owned()),
        }
        at += 1;
    }
    found.push((path, line));
    at
}

/// The path that begins at a token; none where no name is there.
fn walk(tokens: &[(&str, usize)], at: usize) -> Vec<String> {
    let is_name = |token: &str| token.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let mut path = Vec::new();
    for pair in tokens[at..].chunks(2) {
        if !is_name(pair[0].0) {
            break;
        }
        path.push(pair[0].0.to_owned());
        if pair.get(1).is_none_or(|(token, _)| *token != "::") {
            break;
        }
    }
    path
}

/// The tokens of a text, each with its line, without comments and what stands in quotes.
fn tokens(text: &str) -> Vec<(&str, usize)> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(raw) = raw_string(rest) {
            raw
        } else if first == '"' {
            1 + quoted(&rest[1..], '"')
        } else if first == '\'' && is_character(rest) {
            1 + quoted(&rest[1..], '\'')
        } else if is_name(first) {
            rest.find(|c| !is_name(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        let is_code = !token.starts_with("//") && !token.starts_with("/*") && !token.contains(['"', '\'']);
        if is_code && !first.is_whitespace() {
            tokens.push((token, line));
        }
        line += token.matches('\n').count();
        rest = after;
    }
    tokens
}

/// How long a raw string is that a text begins with.
fn raw_string(text: &str) -> Option<usize> {
    let hashes = text.strip_prefix('r')?.find(|c| c != '#')?;
    let inside = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(
        inside
            .find(&end)
            .map_or(text.len(), |at| 1 + hashes + 1 + at + end.len()),
    )
}

/// How long what stands in quotes is, with the quote that ends it.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    text.len()
}

/// Whether a quote begins a character, and not the name of a lifetime.
fn is_character(text: &str) -> bool {
    let mut next = text.chars().skip(1);
    next.next() == Some('\\') || next.next() == Some('\'')
}
