//! Errors of the client that no API server has answered with: what happened, and what to do about it.

use std::error::Error;

use super::Fault;
use super::fault::{CREDENTIALS, Ended, Unauthenticated, Unreachable};
use super::redaction::secret_problem;

/// The fault that an error of the client means which is not an answer of the API server.
pub(super) fn unreachable(error: &kube::Error) -> Fault {
    if let Some(Unauthenticated(problem)) = find::<Unauthenticated>(error) {
        return no_credentials(problem);
    }
    if let Some(Unreachable(problem)) = find::<Unreachable>(error) {
        return Fault::transient(problem.clone());
    }
    if let Some(ended) = find::<Ended>(error) {
        return Fault::Refused {
            code: 401,
            reason: CREDENTIALS.to_owned(),
            message: ended.to_string().replacen("the", "The", 1),
        };
    }
    match error {
        // A credential that cannot be had or a request that cannot be built stays so, however often it is repeated.
        kube::Error::Auth(_) => no_credentials(&secret_problem(error).unwrap_or_default()),
        kube::Error::BuildRequest(source) => Fault::Refused {
            code: 400,
            reason: "BadRequest".to_owned(),
            message: source.to_string(),
        },
        // Such as the page of a proxy where one has to log in.
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Fault::transient(
            "what answered is not a Kubernetes API server, or something in front of it: its answer is not a Kubernetes object.",
        ),
        other => {
            let words = innermost(other);
            let why = secret_problem(other).unwrap_or_else(|| explained(&words));
            let who = if is_about_proxy(other) {
                "proxy of the API server"
            } else {
                "API server"
            };
            let message = format!("the {who} could not be reached ({why}).");
            if is_permanent(&words) {
                Fault::Refused {
                    code: 401,
                    reason: CREDENTIALS.to_owned(),
                    message: message.replacen("the", "The", 1),
                }
            } else {
                Fault::transient(message)
            }
        }
    }
}

/// Whether no connection to the proxy could be made. Its client reports that as the tunnel's failure.
fn is_about_proxy(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| cause.to_string().contains(NO_CONNECTION))
}

fn no_credentials(problem: &str) -> Fault {
    Fault::Refused {
        code: 401,
        reason: CREDENTIALS.to_owned(),
        message: format!("The credentials of the cluster's configuration cannot be used: {problem}"),
    }
}

/// The words of hyper-util's tunnels, over HTTP and SOCKS, where the proxy itself cannot be reached.
const NO_CONNECTION: &str = "failed to create underlying connection";

/// The TLS alerts of a server that rejects a client certificate.
const CERTIFICATE_ALERTS: [&str; 8] = [
    "CertificateRequired",
    "BadCertificate",
    "UnsupportedCertificate",
    "CertificateRevoked",
    "CertificateExpired",
    "CertificateUnknown",
    "UnknownCA",
    "AccessDenied",
];

/// Whether a fault stays until the configuration is corrected.
fn is_permanent(words: &str) -> bool {
    let of_the_server = ["UnknownIssuer", "BadSignature", "not valid for name", "NotValidForName"];
    of_the_server.iter().any(|part| words.contains(part)) || is_alert(words)
}

fn is_alert(words: &str) -> bool {
    words.contains("received fatal alert") && CERTIFICATE_ALERTS.iter().any(|alert| words.ends_with(alert))
}

/// Why the server has rejected a client certificate, if the error is about that.
pub(super) fn rejected_certificate(error: &(dyn Error + 'static)) -> Option<String> {
    let words = innermost(error);
    is_alert(&words).then_some(words)
}

/// The words of a fault of the network, with what they mean where that is not plain.
fn explained(words: &str) -> String {
    const OTHER_AUTHORITY: &str = "its certificate is signed by an unknown authority: correct certificate-authority or \
                                   certificate-authority-data of the cluster, or the server";
    const OTHER_NAME: &str = "its certificate is for other names: correct the server or tls-server-name of the cluster";
    const OWN_CERTIFICATE: &str = "it rejects the client certificate: replace client-certificate(-data) and client-key(-data) \
                                   of the user, which are missing, wrong or have expired";
    const EXPIRED: &str = "its certificate has expired";
    const REFUSED: &str = "the proxy refuses to connect to it";
    let known = [
        ("UnknownIssuer", OTHER_AUTHORITY),
        // Another authority of the same name.
        ("BadSignature", OTHER_AUTHORITY),
        ("not valid for name", OTHER_NAME),
        ("NotValidForName", OTHER_NAME),
        ("certificate expired", EXPIRED),
        ("invalid peer certificate: Expired", EXPIRED),
        (
            "received corrupt message of type InvalidContentType",
            "it does not speak TLS: correct the scheme or the port of the server",
        ),
        (
            "proxy authorization required",
            "the proxy asks for a user and a password",
        ),
        ("tunnel error: unsuccessful", REFUSED),
        ("received fatal alert", OWN_CERTIFICATE),
        (NO_CONNECTION, "nothing answers there"),
        ("SOCKS error", REFUSED),
        ("failed to lookup address information", "its name cannot be resolved"),
        ("Connection refused", "nothing listens there"),
    ];
    let is_ours = is_alert(words);
    let known = known
        .iter()
        .filter(|(_, meaning)| *meaning != OWN_CERTIFICATE || is_ours);
    match known.into_iter().find(|(part, _)| words.contains(part)) {
        Some((_, meaning)) => format!("{meaning}; {words}"),
        None => words.to_owned(),
    }
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// An error and its causes.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

/// The innermost cause of an error, which has the details.
fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ObjectReference;

    #[test]
    fn credentials_that_cannot_be_had_are_a_fault_of_the_configuration() {
        let error = kube::Error::Service(Box::new(Unauthenticated("the program x failed".to_owned())));
        let object = ObjectReference::new("StatefulSet", "flyte", "foo");
        let error = unreachable(&error).into_error("get", ("apps", "statefulsets"), object);
        assert!(matches!(error, crate::error::Error::Cluster { .. }), "{error:?}");
        assert_eq!(
            error.to_string(),
            "The credentials of the cluster's configuration cannot be used: the program x failed."
        );
    }

    #[test]
    fn the_faults_of_a_network_say_what_to_do() {
        for (words, meaning) in [
            (
                "invalid peer certificate: UnknownIssuer",
                "signed by an unknown authority",
            ),
            (
                "invalid peer certificate: BadSignature",
                "signed by an unknown authority",
            ),
            ("Connection refused (os error 111)", "nothing listens there"),
            ("tunnel error: unsuccessful", "the proxy refuses"),
        ] {
            assert!(explained(words).contains(meaning));
            assert!(explained(words).ends_with(words));
        }
        assert_eq!(explained("broken pipe"), "broken pipe");
    }
}
