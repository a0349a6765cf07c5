//! What the pods of a service report of their own idleness.

use std::net::IpAddr;

use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::cluster::{Api, pod_http};
use crate::config::lifetime::IdleCheck;
use crate::lifecycle::{Deadline, own_pods};

/// The report of all pods together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    /// Every pod is idle, the last one since then.
    IdleSince(Timestamp),
    /// This pod is busy.
    Busy(String),
    /// It is not known, and why. What cannot be reached is not idle.
    Unknown(String),
}

/// The answer of a pod.
#[derive(Deserialize)]
struct Answer {
    idle_since: Value,
}

/// Asks all pods of a service.
pub(super) async fn ask<A: Api>(api: &A, set: &StatefulSet, check: &IdleCheck, deadline: Deadline) -> Report {
    let pods = own_pods(api, set, deadline).await;
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    if i32::try_from(pods.len()) != Ok(wanted) {
        return Report::Unknown(format!("{} of its {wanted} pods exist", pods.len()));
    }
    together(join_all(pods.iter().map(|pod| ask_pod(pod, set, check))).await)
}

async fn ask_pod(pod: &Pod, set: &StatefulSet, check: &IdleCheck) -> Report {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let address = pod
        .status
        .as_ref()
        .and_then(|status| status.pod_ip.as_deref()?.parse().ok());
    let port = check.port.map(i32::from).or_else(|| first_port(set));
    let (Some(address), Some(port)) = (address, port) else {
        return Report::Unknown(format!("pod {name} has no address yet"));
    };
    let address = match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    };
    match pod_http::get(&address, &check.path).await {
        Ok(body) => read(name, &body),
        Err(why) => Report::Unknown(format!("pod {name} {why} (httpGet of {address}{})", check.path)),
    }
}

/// The first port of the service's own container, which has the name of the service.
fn first_port(set: &StatefulSet) -> Option<i32> {
    let pod = set.spec.as_ref()?.template.spec.as_ref()?;
    let own = pod
        .containers
        .iter()
        .find(|each| Some(&each.name) == set.metadata.name.as_ref())?;
    Some(own.ports.as_ref()?.first()?.container_port)
}

fn read(pod: &str, body: &[u8]) -> Report {
    let odd = || {
        Report::Unknown(format!(
            "pod {pod} does not answer {{\"idle_since\": <seconds since 1970> or null}}"
        ))
    };
    let Ok(Answer { idle_since }) = serde_json::from_slice(body) else {
        return odd();
    };
    if idle_since.is_null() {
        return Report::Busy(pod.to_owned());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, and what is out of range is no time"
    )]
    let moment = idle_since
        .as_f64()
        .map(|seconds| Timestamp::from_second(seconds.ceil() as i64));
    match moment {
        Some(Ok(moment)) => Report::IdleSince(moment),
        _ => odd(),
    }
}

/// One busy pod counts before one that is not known, and both before idle ones.
fn together(reports: Vec<Report>) -> Report {
    let rank = |report: &Report| match report {
        Report::IdleSince(_) => 0,
        Report::Unknown(_) => 1,
        Report::Busy(_) => 2,
    };
    let since = |report: &Report| match report {
        Report::IdleSince(moment) => Some(*moment),
        _ => None,
    };
    let none = || Report::Unknown("it has no pods".to_owned());
    reports
        .into_iter()
        .max_by_key(|report| (rank(report), since(report)))
        .unwrap_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(second: i64) -> Report {
        Report::IdleSince(Timestamp::from_second(second).expect("a time"))
    }

    #[test]
    fn an_answer_is_a_time_or_null() {
        assert_eq!(read("foo-0", br#"{"idle_since": 1700000000}"#), idle(1_700_000_000));
        assert_eq!(
            read("foo-0", br#"{"idle_since": 1700000000.25, "clients": 0}"#),
            idle(1_700_000_001)
        );
        assert_eq!(
            read("foo-0", br#"{"idle_since": null}"#),
            Report::Busy("foo-0".to_owned())
        );
        for odd in [
            &b""[..],
            b"{}",
            b"null",
            br#"{"idle_since": "now"}"#,
            br#"{"idle_since": 1e300}"#,
            b"<html>",
        ] {
            assert!(matches!(read("foo-0", odd), Report::Unknown(_)), "{odd:?}");
        }
    }

    #[test]
    fn a_service_is_idle_since_its_last_pod_is() {
        let (busy, unknown) = (Report::Busy("foo-1".to_owned()), Report::Unknown("why".to_owned()));
        assert_eq!(together(vec![idle(3), idle(7), idle(5)]), idle(7));
        assert_eq!(together(vec![idle(3), unknown.clone()]), unknown);
        assert_eq!(together(vec![unknown, busy.clone(), idle(3)]), busy);
        assert!(matches!(together(Vec::new()), Report::Unknown(_)));
    }
}
