//! Errors about a cluster's configuration that cannot be used: they never quote a value, since any may be a credential.
//!
//! The client's own messages quote the lines of a kubeconfig, and all that a credential program was called with and has
//! printed.

use std::error::Error;
use std::io::ErrorKind;

use kube::client::{AuthError, RustlsTlsError};
use kube::config::{InClusterError, KubeconfigError, LoadDataError};

/// The problem of a token with characters of its own meaning to HTTP.
pub const NO_HEADER: &str =
    "the token or password is one that no HTTP header can have, such as one with a line break inside";

/// Why a kubeconfig cannot be used, as the end of a sentence.
#[must_use]
pub fn kubeconfig_problem(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(source, file) => format!("{} {}", file.display(), file_problem(source)),
        KubeconfigError::Parse(source) => match source.location() {
            Some(place) => format!(
                "it is not a kubeconfig: see line {}, column {}",
                place.line(),
                place.column()
            ),
            None => "it is not a kubeconfig".to_owned(),
        },
        KubeconfigError::MissingClusterUrl => "the cluster has no server".to_owned(),
        KubeconfigError::ParseClusterUrl(_) => {
            "the server of the cluster is not a URL, such as https://example.com:6443".to_owned()
        }
        KubeconfigError::LoadCertificateAuthority(source) => data_problem("certificate-authority", source),
        KubeconfigError::LoadClientCertificate(source) => data_problem("client-certificate", source),
        KubeconfigError::LoadClientKey(source) => data_problem("client-key", source),
        KubeconfigError::ParseCertificates(_) => {
            "the certificate-authority of the cluster holds no certificate in PEM".to_owned()
        }
        KubeconfigError::KindMismatch | KubeconfigError::ApiVersionMismatch => {
            "its files have different kinds or API versions".to_owned()
        }
        other => other.to_string(),
    }
}

/// Why a file cannot be read, as the end of a sentence that begins with the file.
#[must_use]
pub fn file_problem(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "does not exist".to_owned(),
        ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

fn data_problem(key: &str, error: &LoadDataError) -> String {
    match error {
        LoadDataError::ReadFile(source, file) => format!("the {key} {} {}", file.display(), file_problem(source)),
        LoadDataError::DecodeBase64(_) => format!("the {key}-data is not in base64"),
        LoadDataError::NoBase64DataOrFile => format!("the {key} is missing, though its counterpart is there"),
    }
}

/// Why the service account of this pod cannot be used, as the end of a sentence.
#[must_use]
pub fn in_cluster_problem(error: &InClusterError) -> String {
    match error {
        InClusterError::ReadDefaultNamespace(source) => {
            format!("the service account's file namespace {}", file_problem(source))
        }
        InClusterError::ReadCertificateBundle(source) => {
            format!("the service account's file ca.crt {}", file_problem(source))
        }
        InClusterError::ParseCertificates(_) => {
            "the service account's file ca.crt holds no certificate in PEM".to_owned()
        }
        InClusterError::ReadEnvironmentVariable(_) => {
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must both be set".to_owned()
        }
        InClusterError::ParseClusterPort(_) => "KUBERNETES_SERVICE_PORT is not a port".to_owned(),
        InClusterError::ParseClusterUrl(_) => "KUBERNETES_SERVICE_HOST is not a host".to_owned(),
    }
}

/// Why no client can be made, as the end of a sentence.
#[must_use]
pub fn client_problem(error: &kube::Error) -> String {
    if let kube::Error::InferKubeconfig(source) = error {
        return kubeconfig_problem(source);
    }
    if let kube::Error::RustlsTls(source) = error {
        return match source {
            RustlsTlsError::AddRootCertificate(_) | RustlsTlsError::NoValidNativeRootCA(_) => {
                "the certificate-authority of the cluster cannot be used".to_owned()
            }
            RustlsTlsError::InvalidServerName(_) => "the tls-server-name of the cluster is not a name".to_owned(),
            RustlsTlsError::MissingCertificate => "the client-certificate holds no certificate in PEM".to_owned(),
            RustlsTlsError::MissingPrivateKey => "the client-key holds no private key in PEM".to_owned(),
            _ => "the client-certificate and the client-key cannot be used".to_owned(),
        };
    }
    secret_problem(error).unwrap_or_else(|| error.to_string())
}

/// Why the client could not do something, if that is about credentials.
#[must_use]
pub fn secret_problem(error: &kube::Error) -> Option<String> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(here) = cause {
        if let Some(source) = here.downcast_ref::<AuthError>() {
            return Some(auth_problem(source));
        }
        cause = here.source();
    }
    None
}

/// Why a credential cannot be had.
fn auth_problem(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { out, .. } => format!(
            "the kubeconfig's credential program ended with {}; run it by hand to see its output",
            out.status
        ),
        AuthError::AuthExecParse(_) => {
            "what the kubeconfig's credential program has printed is no ExecCredential".to_owned()
        }
        AuthError::AuthExecSerialize(_) | AuthError::AuthExec(_) => {
            "the kubeconfig's credential program cannot be run".to_owned()
        }
        AuthError::InvalidBearerToken(_) | AuthError::InvalidBasicAuth(_) => NO_HEADER.to_owned(),
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
        assert!(problem.starts_with("it is not a kubeconfig: see line "), "{problem}");
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
