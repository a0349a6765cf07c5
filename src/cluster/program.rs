//! Programs that give a user's credentials (Kubernetes, *Authentication: client-go credential plugins*).

use std::collections::HashMap;
use std::io::{ErrorKind, IsTerminal, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;

use super::complaint::Complaint;

/// How long a program may run. It may wait for a login in a browser.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often a program is looked at while it runs.
const INTERVAL: Duration = Duration::from_millis(10);

/// How long what a program printed may take to arrive after its end. Another process may hold the pipe open.
const SETTLE: Duration = Duration::from_millis(500);

/// The most that is read of what a program prints.
const MOST: u64 = 1 << 20;

/// The output of a program.
#[derive(Default)]
pub(super) struct Credential {
    pub(super) token: Option<String>,
    /// A client certificate and its key, in PEM.
    pub(super) certificate: Option<(String, String)>,
    pub(super) expires: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ExecCredential {
    kind: Option<String>,
    status: Option<ExecCredentialStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredentialStatus {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// The name of a program in messages: its file, without its arguments, which may be secret.
pub(super) fn name(program: &ExecConfig) -> String {
    program
        .command
        .clone()
        .unwrap_or_else(|| "without a command".to_owned())
}

/// Whether a program may ask the person at this terminal something.
pub(super) fn is_interactive(program: &ExecConfig) -> bool {
    program.interactive_mode != Some(ExecInteractiveMode::Never) && std::io::stdin().is_terminal()
}

/// Runs a program to its end. This blocks.
///
/// # Errors
/// The fault, as the end of a sentence that begins with the program. Nothing of its arguments, its environment or its
/// standard output is quoted, since any of it may be secret. Of its standard error the last lines are, redacted.
pub(super) fn run(program: &ExecConfig) -> Result<Credential, String> {
    run_for(program, PATIENCE)
}

fn run_for(program: &ExecConfig, patience: Duration) -> Result<Credential, String> {
    let interactive = is_interactive(program);
    if !interactive && program.interactive_mode == Some(ExecInteractiveMode::Always) {
        return Err(
            "needs a terminal (interactiveMode: Always), and this process has none. Use credentials that need no \
                    terminal"
                .to_owned(),
        );
    }
    let mut child = start(program, interactive)?;
    let (sender, printed) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stdout.take(MOST).read_to_end(&mut bytes);
            let _ = sender.send(bytes);
        });
    }
    let is_quiet = program.interactive_mode == Some(ExecInteractiveMode::Never);
    let complaint = child.stderr.take().map(|stderr| Complaint::collect(stderr, is_quiet));
    let last_words = || {
        complaint
            .as_ref()
            .map(|complaint| complaint.last_words(program))
            .unwrap_or_default()
    };
    let end = Instant::now() + patience;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => std::thread::sleep(INTERVAL),
            Ok(None) => {
                stop(&mut child);
                return Err(format!(
                    "did not end within {} s and was stopped. {}",
                    patience.as_secs_f64(),
                    or_by_hand(last_words(), "Run it by hand to see what it waits for")
                ));
            }
            Err(error) => {
                stop(&mut child);
                return Err(format!("cannot be waited for: {error}"));
            }
        }
    };
    if !status.success() {
        let advice = or_by_hand(last_words(), "Run it by hand to see what it reports");
        return Err(format!("ended with {status}. {advice}"));
    }
    let printed = printed.recv_timeout(SETTLE).map_err(|_| "printed no end".to_owned())?;
    parse(&printed)
}

fn start(program: &ExecConfig, interactive: bool) -> Result<Child, String> {
    let Some(path) = &program.command else {
        return Err("has no command. Correct `exec.command` of the user".to_owned());
    };
    let pairs = |env: &HashMap<String, String>| Some((env.get("name")?.clone(), env.get("value")?.clone()));
    let spec = match (&program.cluster, program.provide_cluster_info) {
        (Some(cluster), true) => json!({"interactive": interactive, "cluster": cluster}),
        _ => json!({"interactive": interactive}),
    };
    let information = json!({"kind": "ExecCredential", "apiVersion": program.api_version, "spec": spec});
    let mut command = Command::new(path);
    command
        .args(program.args.iter().flatten())
        .envs(program.env.iter().flatten().filter_map(pairs))
        .env("KUBERNETES_EXEC_INFO", information.to_string())
        .stdin(if interactive { Stdio::inherit() } else { Stdio::null() })
        .stdout(Stdio::piped())
        // A person at this terminal has to see what the program asks for. Otherwise errors show the end of it.
        .stderr(if interactive { Stdio::inherit() } else { Stdio::piped() });
    command.spawn().map_err(|error| {
        let why = match error.kind() {
            ErrorKind::NotFound => "does not exist",
            ErrorKind::PermissionDenied => "may not be run",
            _ => return format!("cannot be run: {error}"),
        };
        let advice = program
            .install_hint
            .as_deref()
            .map(str::trim)
            .filter(|hint| !hint.is_empty());
        let advice = advice.unwrap_or("Install it where this process finds it, or correct `exec.command` of the user");
        format!("{why}. {advice}")
    })
}

/// The last lines of a program, or else the advice to run it by hand.
fn or_by_hand(last_words: String, advice: &str) -> String {
    if last_words.is_empty() {
        advice.to_owned()
    } else {
        last_words
    }
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads what a program has printed: JSON, or YAML as kubectl takes it too.
fn parse(printed: &[u8]) -> Result<Credential, String> {
    const WRONG: &str = "printed something that is not an ExecCredential. Run it by hand to see what it prints";
    let text = std::str::from_utf8(printed).map_err(|_| WRONG.to_owned())?;
    if text.trim().is_empty() {
        return Err("printed nothing. Run it by hand to see its output".to_owned());
    }
    let credential: ExecCredential = serde_saphyr::from_str(text).map_err(|_| WRONG.to_owned())?;
    if credential.kind.is_some_and(|kind| kind != "ExecCredential") {
        return Err(WRONG.to_owned());
    }
    let Some(status) = credential.status else {
        return Err("printed an ExecCredential without a status, so without any credential".to_owned());
    };
    let text = |value: Option<String>| value.filter(|value| !value.is_empty());
    let certificate = text(status.client_certificate_data).zip(text(status.client_key_data));
    let token = text(status.token);
    if certificate.is_none() && token.is_none() {
        return Err("printed an ExecCredential with neither a token nor a client certificate and its key".to_owned());
    }
    let expires = text(status.expiration_timestamp).map(|time| time.parse::<Timestamp>());
    Ok(Credential {
        token,
        certificate,
        expires: expires
            .transpose()
            .map_err(|_| "printed an expirationTimestamp that is not a time".to_owned())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(script: &str) -> ExecConfig {
        ExecConfig {
            api_version: Some("client.authentication.k8s.io/v1".to_owned()),
            command: Some("sh".to_owned()),
            args: Some(vec!["-c".to_owned(), script.to_owned(), "canary".to_owned()]),
            interactive_mode: Some(ExecInteractiveMode::Never),
            ..ExecConfig::default()
        }
    }

    fn failure(program: &ExecConfig) -> String {
        let problem = run_for(program, Duration::from_millis(300)).err().expect("a failure");
        assert!(!problem.contains("canary"), "{problem}");
        problem
    }

    #[test]
    fn a_program_gives_a_token_or_a_certificate() {
        let given = run(&program(
            r#"echo '{"kind": "ExecCredential", "status": {"token": "t", "expirationTimestamp": "2040-01-01T00:00:00Z"}}'"#,
        ));
        let given = given.expect("a credential");
        assert_eq!(given.token.as_deref(), Some("t"));
        assert!(given.expires.is_some());
        let yaml = "printf 'kind: ExecCredential\\nstatus:\\n  clientCertificateData: c\\n  clientKeyData: k\\n'";
        let given = run(&program(yaml)).expect("a credential");
        assert_eq!(given.certificate, Some(("c".to_owned(), "k".to_owned())));
    }

    #[test]
    fn a_program_is_given_which_cluster_it_is_for() {
        let script = r#"printf '{"status": {"token": "%s"}}' "$(printf %s "$KUBERNETES_EXEC_INFO" | tr -d '"')""#;
        let given = run(&program(script)).expect("a credential").token.unwrap_or_default();
        assert!(given.contains("apiVersion:client.authentication.k8s.io/v1"), "{given}");
        assert!(given.contains("interactive:false"), "{given}");
    }

    #[test]
    fn problems_are_reported_without_quoting_values() {
        for (script, words) in [
            ("echo canary; echo canary >&2; exit 3", "ended with exit status: 3"),
            ("echo 'canary: ['", "printed something that is not an ExecCredential"),
            ("echo canary", "printed something that is not an ExecCredential"),
            (
                r#"echo '{"kind": "Canary"}'"#,
                "printed something that is not an ExecCredential",
            ),
            ("", "printed nothing"),
            ("echo '{}'", "without a status"),
            (r#"echo '{"status": {}}'"#, "neither a token"),
            (r#"echo '{"status": {"clientKeyData": "canary"}}'"#, "neither a token"),
            (
                r#"echo '{"status": {"token": "t", "expirationTimestamp": "canary"}}'"#,
                "an expirationTimestamp that is not a time",
            ),
            ("sleep 20", "did not end within 0.3 s"),
            (
                "echo canary >&2; echo please log in >&2; sleep 20",
                "did not end within 0.3 s and was stopped. The last lines of its standard error:\n***\nplease log in",
            ),
            (
                "echo no profile >&2; exit 3",
                "ended with exit status: 3. The last lines of its standard error:\nno profile",
            ),
        ] {
            let problem = failure(&program(script));
            assert!(problem.contains(words), "{problem}");
        }
        let mut missing = program("");
        missing.command = Some("/missing/program".to_owned());
        assert!(
            failure(&missing).starts_with("does not exist. Install it"),
            "{}",
            failure(&missing)
        );
        missing.install_hint = Some("brew install it".to_owned());
        assert_eq!(failure(&missing), "does not exist. brew install it");
        missing.command = None;
        assert!(failure(&missing).starts_with("has no command"));
    }

    #[test]
    fn a_process_that_holds_the_output_open_is_not_waited_for() {
        let begun = Instant::now();
        let _ = run(&program("sleep 20 & echo '{}'"));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
