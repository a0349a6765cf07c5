//! The end of what a credential program writes to its standard error, without secrets.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::config::ExecConfig;

/// How many lines an error shows.
const LINES: usize = 5;

/// How many characters of them an error shows, from the end.
const CHARACTERS: usize = 600;

/// How many bytes are kept, from the end.
const BYTES: usize = 16 * 1024;

/// How long the output may take to arrive after the program's end. Another process may hold the pipe open.
const SETTLE: Duration = Duration::from_millis(500);

/// The replacement of a word that may be secret.
const HIDDEN: &str = "***";

/// The standard error of a program that runs.
pub(super) struct Complaint {
    end: Arc<Mutex<VecDeque<u8>>>,
    is_read: Receiver<()>,
}

impl Complaint {
    /// Collects a program's standard error on a thread of its own. Unless the program is quiet, this process's standard
    /// error gets it too.
    pub(super) fn collect(mut stderr: impl Read + Send + 'static, is_quiet: bool) -> Self {
        let end = Arc::new(Mutex::new(VecDeque::new()));
        let (sender, is_read) = mpsc::channel();
        let kept = Arc::clone(&end);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut buffer) {
                if !is_quiet {
                    let _ = std::io::stderr().write_all(&buffer[..length]);
                }
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(&buffer[..length]);
                let surplus = kept.len().saturating_sub(BYTES);
                kept.drain(..surplus);
            }
            let _ = sender.send(());
        });
        Self { end, is_read }
    }

    /// A sentence with the last lines; empty where there are none.
    pub(super) fn last_words(&self, program: &ExecConfig) -> String {
        let _ = self.is_read.recv_timeout(SETTLE);
        let bytes: Vec<u8> = {
            let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
            end.iter().copied().collect()
        };
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let lines = &lines[lines.len().saturating_sub(LINES)..];
        if lines.is_empty() {
            return String::new();
        }
        let given = given(program);
        let lines: Vec<String> = lines.iter().map(|line| redacted(line, &given)).collect();
        let shown = lines.join("\n");
        let mut characters = shown.char_indices().rev();
        let start = characters.nth(CHARACTERS - 1).map_or(0, |(index, _)| index);
        format!("The last lines of its standard error:\n{}", &shown[start..])
    }
}

/// The arguments and variables of a program, which may be secret. The longest come first, so that
/// none hides only a part of another.
fn given(program: &ExecConfig) -> Vec<&str> {
    let arguments = program.args.iter().flatten().map(String::as_str);
    let arguments = arguments.map(|argument| argument.split_once('=').map_or(argument, |(_, value)| value));
    let variables = program
        .env
        .iter()
        .flatten()
        .filter_map(|variable| variable.get("value"));
    let all = arguments.chain(variables.map(String::as_str));
    // Options are names, and to hide a word of few letters would hide parts of others.
    let mut given: Vec<&str> = all.filter(|text| text.len() > 3 && !text.starts_with('-')).collect();
    given.sort_by_key(|text| std::cmp::Reverse(text.len()));
    given
}

/// A line without control characters, without what the program was called with, and without words that look like
/// secrets.
fn redacted(line: &str, given: &[&str]) -> String {
    let mut line = plain(line);
    for text in given {
        line = line.replace(text, HIDDEN);
    }
    let mut is_named = false;
    let words = line.split(' ').map(|word| {
        let is_value = std::mem::replace(&mut is_named, names_a_secret(word)) && !word.is_empty();
        match word.split_once(['=', ':']) {
            _ if is_value || looks_secret(word) => HIDDEN.to_owned(),
            // `token=x`, `"password":"x"`, and an address with a password.
            Some((name, value)) if !value.is_empty() && names_a_secret(&format!("{name}:")) => {
                format!("{}{HIDDEN}", &word[..=name.len()])
            }
            Some((scheme, rest)) if rest.starts_with("//") && rest.contains('@') => format!("{scheme}://{HIDDEN}"),
            _ => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A line without the sequences that set a terminal's colours, and without other control characters.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                if characters.next() == Some('[') {
                    let _ = characters.find(|character| ('@'..='~').contains(character));
                }
            }
            other if other.is_control() => plain.push(' '),
            other => plain.push(other),
        }
    }
    plain
}

/// Whether the word after this one is a secret: `Bearer x`, `password: x`, `--token x`.
fn names_a_secret(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let name = lower.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    let is_name = [
        "password",
        "passwd",
        "secret",
        "token",
        "apikey",
        "api_key",
        "api-key",
        "access_key",
        "access-key",
    ]
    .iter()
    .any(|end| name.ends_with(end));
    name == "bearer" || (is_name && (lower.ends_with([':', '=']) || lower.starts_with("--")))
}

/// Whether a word looks like a token: a JSON Web Token, or one that is long and mixes letters of both cases with
/// digits.
fn looks_secret(word: &str) -> bool {
    let word = word.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    let has = |test: fn(&char) -> bool| word.chars().any(|character| test(&character));
    let is_mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
    word.contains("eyJ") || (word.len() >= 20 && is_mixed && !word.contains("://"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_last_lines_are_shown_without_secrets() {
        let program = ExecConfig {
            args: Some(vec!["--password=in-an-option".to_owned(), "argument".to_owned()]),
            env: Some(vec![HashMap::from([
                ("name".to_owned(), "KEY".to_owned()),
                ("value".to_owned(), "variable".to_owned()),
            ])]),
            ..ExecConfig::default()
        };
        let written = "one\ntwo\n\nno in-an-option argument variable\n\u{1b}[31mBearer abc, token: abc and --token abc\n\
                       token=abc \"password\":\"abc\" eyJhbGciOi.eyJzdWIi.abc AKIAabcdefgh12345678\n\
                       https://u:abc@host/x\nThe SSO session has expired: run aws sso login\n";
        let complaint = Complaint::collect(written.as_bytes(), true);
        assert_eq!(
            complaint.last_words(&program),
            "The last lines of its standard error:\nno *** *** ***\nBearer *** token: *** and --token ***\ntoken=*** \
             \"password\":*** *** ***\nhttps://***\nThe SSO session has expired: run aws sso login"
        );
    }

    #[test]
    fn much_output_is_cut_at_its_beginning_and_none_is_no_sentence() {
        let shown =
            |text: String| Complaint::collect(std::io::Cursor::new(text), true).last_words(&ExecConfig::default());
        assert_eq!(shown(" \n".to_owned()), "");
        let long = shown("é ".repeat(100_000));
        assert!(long.chars().count() < 700, "{long}");
    }
}
