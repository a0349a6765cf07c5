//! What is told of a cluster's configuration that cannot be used: never a value of it, since any may be a credential.
//!
//! The client's own messages quote the lines of a kubeconfig, and all that a credential program was called with and has
//! printed.

use std::error::Error;

use kube::client::AuthError;
use kube::config::KubeconfigError;

/// Why a kubeconfig cannot be used.
#[must_use]
pub fn kubeconfig_problem(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(source) => match source.location() {
            Some(place) => format!(
                "it is no kubeconfig, by line {}, column {}",
                place.line(),
                place.column()
            ),
            None => "it is no kubeconfig".to_owned(),
        },
        other => other.to_string(),
    }
}

/// Why the client could not do something, if that is about credentials or a proxy, whose addresses may hold a password.
#[must_use]
pub fn secret_problem(error: &kube::Error) -> Option<String> {
    match error {
        kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => {
            Some("the protocol of proxy-url is not supported".to_owned())
        }
        other => {
            let mut cause: Option<&(dyn Error + 'static)> = Some(other);
            while let Some(here) = cause {
                if let Some(source) = here.downcast_ref::<AuthError>() {
                    return Some(auth_problem(source));
                }
                cause = here.source();
            }
            None
        }
    }
}

/// Why a credential cannot be had.
fn auth_problem(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { out, .. } => format!(
            "the kubeconfig's credential program ended with {}; run it by hand to see what it says",
            out.status
        ),
        AuthError::AuthExecParse(_) => {
            "what the kubeconfig's credential program has printed is no ExecCredential".to_owned()
        }
        AuthError::AuthExecSerialize(_) | AuthError::AuthExec(_) => {
            "the kubeconfig's credential program cannot be run".to_owned()
        }
        AuthError::ParseTokenKey(_) => "what the kubeconfig's auth provider has printed has no such token".to_owned(),
        AuthError::MalformedTokenExpirationDate(_) => "the token's expiration date is no date".to_owned(),
        other => other.to_string(),
    }
}

// An exit status is made as on Unix.
#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{ExitStatus, Output};

    use super::*;
    use kube::config::Kubeconfig;

    #[test]
    fn a_line_that_is_no_yaml_is_named_and_not_shown() {
        let text = "users:\n- name: u\n  user:\n    token: [canary\n";
        let error = Kubeconfig::from_yaml(text).expect_err("no YAML");
        let problem = kubeconfig_problem(&error);
        assert!(problem.starts_with("it is no kubeconfig, by line "), "{problem}");
        assert!(!problem.contains("canary"), "{problem}");
    }

    #[test]
    fn a_credential_program_that_fails_is_not_quoted() {
        let failed = AuthError::AuthExecRun {
            cmd: "KEY=canary login --password canary".to_owned(),
            out: Box::new(Output {
                status: ExitStatus::from_raw(256),
                stdout: b"canary".to_vec(),
                stderr: b"canary".to_vec(),
            }),
        };
        // As it comes from a client that is being made, and from a request.
        for error in [
            kube::Error::Auth(failed),
            kube::Error::Service(Box::new(AuthError::AuthExec("canary".to_owned()))),
        ] {
            let problem = secret_problem(&error).expect("a credential");
            assert!(problem.contains("the kubeconfig's credential program"), "{problem}");
            assert!(!problem.contains("canary"), "{problem}");
        }
    }
}
