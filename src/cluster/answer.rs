//! Errors that something has answered with: the API server, or what stands in front of it.

use std::time::Duration;

use kube::core::Status;

use super::Fault;
use super::unreachable::unreachable;
use crate::error::TOO_LARGE;

/// The reason that the client gives an answer which is not one of Kubernetes's.
const FOREIGN: &str = "Failed to parse error data";

/// The reason of a refusal that is not the API server's.
pub const NOT_KUBERNETES: &str = "NotKubernetes";

/// How much of a foreign answer is shown, in characters.
const SHOWN: usize = 200;

/// Sorts an error of the client by what it means for the caller.
pub(super) fn fault(error: kube::Error) -> Fault {
    match error {
        kube::Error::Api(status) => from_status(*status),
        other => unreachable(&other),
    }
}

/// Whether an answer is the API server's word that there is no such object. A proxy's page for what it does not know is
/// not, nor is the answer of an API server that does not serve the resource yet.
pub(super) fn is_gone(status: &Status) -> bool {
    status.code == 404 && status.reason != FOREIGN
}

/// Sorts an answer by what it means for the caller.
pub(super) fn from_status(status: Status) -> Fault {
    let is_foreign = status.reason == FOREIGN;
    match (status.code, status.reason.as_str()) {
        (409, "AlreadyExists") => Fault::AlreadyExists,
        // etcd, the connection to it, the API server and proxies have limits of their own. The first two are reported
        // as 500.
        (413 | 500..=599, _) if status.code == 413 || is_too_large(&status.message) => Fault::Refused {
            code: 413,
            reason: TOO_LARGE.to_owned(),
            message: words(&status),
        },
        // Permanent faults: not implemented, another version of HTTP, and others that no API server sends for a moment.
        (501 | 505 | 506 | 508 | 510 | 511, _) => refused(status),
        // 409: two writers met at something that the request needs, such as a quota, and the next try gets through.
        // 429 and 5xx: Kubernetes API conventions, "HTTP Status codes"; 408 and 425 come from proxies in front of it.
        (408 | 409 | 425 | 429 | 500..=599, _) => transient(&status),
        // A route of a proxy that is being set up, or an API server that does not serve the resource yet.
        (401 | 404, _) if is_foreign => transient(&status),
        _ => refused(status),
    }
}

fn transient(status: &Status) -> Fault {
    Fault::Transient {
        retry_after: status
            .details
            .as_ref()
            .filter(|details| details.retry_after_seconds > 0)
            .map(|details| Duration::from_secs(u64::from(details.retry_after_seconds))),
        message: if status.reason == FOREIGN {
            words(status)
        } else {
            format!("the API server answered {} ({})", status.code, status.message)
        },
    }
}

fn refused(status: Status) -> Fault {
    let message = words(&status);
    Fault::Refused {
        code: status.code,
        reason: if status.reason == FOREIGN {
            NOT_KUBERNETES.to_owned()
        } else {
            status.reason
        },
        message,
    }
}

/// Whether an answer means that a request is too large for etcd, or for the connection to it.
fn is_too_large(message: &str) -> bool {
    message.contains("request is too large") || message.contains("message larger than max")
}

/// The words of an answer. Of a page of HTML, those that people see.
fn words(status: &Status) -> String {
    if status.reason != FOREIGN {
        return status.message.clone();
    }
    let text = readable(&status.message);
    let text = if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    };
    format!(
        "something in front of the API server, such as a proxy or a load balancer, answered {}{text}",
        status.code
    )
}

/// The text of a page, in one line, and cut where it is long.
fn readable(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title>").zip(lower.find("</title>"));
    let text = match title {
        Some((start, end)) if start + 7 <= end => &page[start + 7..end],
        _ => page,
    };
    let mut is_tag = false;
    let plain: String = text
        .chars()
        .filter(|character| match character {
            '<' => {
                is_tag = true;
                false
            }
            '>' => !std::mem::take(&mut is_tag),
            _ => !is_tag,
        })
        .collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, reason: &str, message: &str) -> Fault {
        from_status(Status::failure(message, reason).with_code(code))
    }

    #[test]
    fn a_full_api_server_is_worth_another_try_and_a_refusal_is_not() {
        for code in [408, 425, 429, 500, 502, 503, 504, 507] {
            assert!(matches!(answer(code, "busy", ""), Fault::Transient { .. }), "{code}");
        }
        for code in [400, 401, 403, 404, 405, 415, 422, 501, 505, 508, 511] {
            assert!(matches!(answer(code, "no", ""), Fault::Refused { .. }), "{code}");
        }
    }

    #[test]
    fn a_name_that_is_taken_is_distinguished_from_writers_that_met() {
        assert!(matches!(answer(409, "AlreadyExists", "x"), Fault::AlreadyExists));
        assert!(matches!(answer(409, "Conflict", "x"), Fault::Transient { .. }));
    }

    #[test]
    fn an_object_that_is_too_large_is_refused_in_every_wording() {
        for (code, reason, message) in [
            (500, "", "etcdserver: request is too large"),
            (
                500,
                "InternalError",
                "Internal error occurred: etcdserver: request is too large",
            ),
            (
                500,
                "",
                "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2100000 vs. 2097152)",
            ),
            (
                413,
                "RequestEntityTooLarge",
                "Request entity too large: limit is 3145728",
            ),
            (
                413,
                FOREIGN,
                "<html><head><title>413 Request Entity Too Large</title></head></html>",
            ),
        ] {
            let fault = answer(code, reason, message);
            assert!(
                matches!(&fault, Fault::Refused { code: 413, reason, .. } if reason == TOO_LARGE),
                "{fault:?}"
            );
        }
        let unrelated = answer(500, "InternalError", "the queue is too large for the moment");
        assert!(matches!(unrelated, Fault::Transient { .. }));
    }

    #[test]
    fn a_page_of_a_proxy_is_no_word_of_the_api_server() {
        let page =
            "<!DOCTYPE html>\n<html>\n<head><title>404 Not\n Found</title></head><body><h1>nginx</h1></body></html>";
        let status = Status::failure(page, FOREIGN).with_code(404);
        assert!(!is_gone(&status));
        let Fault::Transient { message, .. } = from_status(status) else {
            panic!("a route that is being set up");
        };
        assert_eq!(
            message,
            "something in front of the API server, such as a proxy or a load balancer, answered 404: 404 Not Found"
        );
        assert!(is_gone(&Status::failure("x", "NotFound").with_code(404)));
        let Fault::Refused { reason, message, .. } =
            answer(403, FOREIGN, &format!("<p>Log <b>in</b></p> {}", "x".repeat(9999)))
        else {
            panic!("a refusal");
        };
        assert_eq!(reason, "NotKubernetes");
        assert!(
            message.contains("answered 403: Log in xxx") && message.len() < 400,
            "{message}"
        );
    }

    #[test]
    fn a_page_with_letters_of_all_kinds_is_cut_between_them() {
        assert_eq!(readable("<TITLE>é</TITLE>"), "é");
        assert_eq!(readable(&"é".repeat(300)), format!("{}...", "é".repeat(200)));
        assert_eq!(readable("</title><title>"), "");
    }
}
