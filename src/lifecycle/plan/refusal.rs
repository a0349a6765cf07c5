//! Why the API server would refuse an object, in terms of the configuration's fields.

use serde_json::Value;

use super::{Findings, Problem};
use crate::cluster::Refusal;
use crate::origins::{NAMESPACE, Origins, WHOLE};
use crate::resources::quantity::is_amount;
use crate::status::diagnosis::Cause;
use crate::status::diagnosis::admission::classify;
use crate::text::sentence;

/// The problems in a refusal, or a note if the refusal is not about the configuration.
pub(super) fn findings(refusal: &Refusal, kind: &str, object: &Value, origins: &Origins) -> Findings {
    let name = object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let words = refusal.message.as_str();
    if words.contains("does not support dry run") || words.contains("failed calling webhook") {
        return Findings::note(format!(
            "Not checked: whether admission lets {kind} {name} pass: {}",
            sentence(words)
        ));
    }
    let (cause, advice) = classify(kind, words);
    let problem = |path: String, words: &str| {
        let advice = if advice.is_empty() {
            String::new()
        } else {
            format!(" {advice}")
        };
        Problem {
            path,
            message: format!("Kubernetes would refuse {kind} {name}: {}{advice}", sentence(words)),
        }
    };
    let at = |place: &str| origins.field(kind, place);
    let paths = match cause {
        Cause::NamespaceTerminating => return Findings::nowhere(problem(NAMESPACE.to_owned(), words)),
        Cause::ServiceAccountMissing => vec![at("spec.serviceAccountName")],
        Cause::QuotaExceeded => over_quota(words).map(|resource| origins.of_amount(resource)).collect(),
        Cause::LimitRangeRefused => out_of_range(words).map(|amount| origins.of_amount(&amount)).collect(),
        Cause::PodSecurityRefused => {
            let violations = insecurities(words);
            let problems = violations
                .iter()
                .map(|violation| problem(at(&insecure(violation, object)), violation));
            return Findings::of(problems);
        }
        _ if refusal.code == 404 && words.contains("namespaces ") => {
            let advice = "Make it with `kubectl create namespace`, or choose another one.";
            let message = format!("Kubernetes would refuse {kind} {name}: {} {advice}", sentence(words));
            return Findings::nowhere(Problem {
                path: NAMESPACE.to_owned(),
                message,
            });
        }
        _ if words.contains("no PriorityClass with name") => vec![at("spec.priorityClassName")],
        _ if words.contains("pod rejected: RuntimeClass") => vec![at("spec.runtimeClassName")],
        _ if words.contains("failed quota: ") => unspecified(words)
            .map(|(amount, container)| {
                unsaid(amount, container, object).map_or_else(|| origins.of_amount(amount), |place| at(&place))
            })
            .collect(),
        _ if !refusal.violations.is_empty() => {
            let problems = refusal
                .violations
                .iter()
                .map(|violation| problem(at(&violation.field), &violation.message));
            return Findings::of(problems);
        }
        _ if refusal.code == 400 => bad_amount(object, "").map(|place| at(&place)).into_iter().collect(),
        _ => named_place(words).map(at).into_iter().collect(),
    };
    let mut findings = Findings::of(paths.into_iter().map(|path| problem(path, words)));
    findings.problems.dedup();
    if findings.problems.is_empty() {
        findings.problems.push(problem(WHOLE.to_owned(), words));
    }
    findings
}

/// The resources that a quota has too little of: `exceeded quota: q, requested: pods=1,cpu=2, used: ...`.
fn over_quota(words: &str) -> impl Iterator<Item = &str> {
    let requested = words.split_once("requested: ").map_or("", |(_, rest)| rest);
    let requested = requested
        .split_once(", used:")
        .map_or(requested, |(requested, _)| requested);
    requested
        .split(',')
        .filter_map(|each| Some(each.split_once('=')?.0.trim()))
}

/// The amounts that a quota requires to be set, and of which container: `must specify limits.cpu for: foo;
/// limits.memory for: foo`.
fn unspecified(words: &str) -> impl Iterator<Item = (&str, &str)> {
    let specify = words.split_once("must specify ").map_or("", |(_, rest)| rest);
    specify.split(';').filter_map(|each| {
        let (amount, containers) = each.trim().split_once(" for: ")?;
        Some((amount, containers.split(',').next()?.trim()))
    })
}

/// The path of an amount that a container of a pod has to set.
fn unsaid(amount: &str, container: &str, pod: &Value) -> Option<String> {
    let (side, resource) = amount.split_once('.')?;
    ["containers", "initContainers"].into_iter().find_map(|list| {
        let containers = pod.pointer(&format!("/spec/{list}"))?.as_array()?;
        let index = containers.iter().position(|each| each["name"] == container)?;
        Some(format!("spec.{list}[{index}].resources.{side}[{resource}]"))
    })
}

/// The amounts that a `LimitRange` does not allow: `maximum cpu usage per Container is 1, but limit is 2`.
fn out_of_range(words: &str) -> impl Iterator<Item = String> {
    let starts: Vec<usize> = ["maximum ", "minimum "]
        .iter()
        .flat_map(|word| words.match_indices(word).map(|(start, _)| start))
        .collect();
    let mut pieces: Vec<&str> = starts.into_iter().map(|start| &words[start..]).collect();
    if let Some((before, _)) = words.split_once(" max limit to request ratio") {
        // `cpu max limit to request ratio per Container is 2, but provided ratio is 4`
        let start = before.rfind([' ', '[']).map_or(0, |space| space + 1);
        pieces.push(&words[start..]);
    }
    pieces.into_iter().filter_map(|piece| {
        let of_a_ratio = piece.contains(" max limit to request ratio");
        let mut parts = piece.split_whitespace();
        let first = parts.next()?;
        let resource = if of_a_ratio && !first.starts_with('m') {
            first
        } else {
            parts.next()?
        };
        let end = piece.find(". ").unwrap_or(piece.len());
        let is_request = piece[..end]
            .split(", ")
            .take(2)
            .any(|part| part.starts_with("but request") || part.starts_with("but No request"))
            || piece.split(", ").next().is_some_and(|part| part.contains("No request"));
        Some(format!("{}.{resource}", if is_request { "requests" } else { "limits" }))
    })
}

/// The single complaints of *Pod Security*: `violates PodSecurity "restricted:latest": one (container "a" must ...),
/// two (...)`.
fn insecurities(words: &str) -> Vec<String> {
    let list = words
        .split_once("violates PodSecurity ")
        .map_or(words, |(_, rest)| rest);
    let list = list.split_once("\": ").map_or(list, |(_, rest)| rest);
    let mut complaints = vec![String::new()];
    let mut depth = 0;
    for letter in list.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                complaints.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = complaints.last_mut() {
            last.push(letter);
        }
    }
    complaints.iter().map(|complaint| complaint.trim().to_owned()).collect()
}

/// The place in a pod that a complaint of *Pod Security* is about.
fn insecure(complaint: &str, pod: &Value) -> String {
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        if complaint.contains(host) {
            return format!("spec.{host}");
        }
    }
    let field = [
        "allowPrivilegeEscalation",
        "capabilities",
        "runAsNonRoot",
        "runAsUser",
        "seccompProfile",
        "privileged",
    ]
    .into_iter()
    .find(|field| complaint.contains(&format!("securityContext.{field}")) || complaint.contains(&format!("{field}=")))
    .map_or_else(String::new, |field| format!(".{field}"));
    let quoted = complaint.split('"').skip(1).step_by(2);
    let find = |list: &str, name: &str| {
        let items = pod.pointer(&format!("/spec/{list}"))?.as_array()?;
        let index = items.iter().position(|item| item["name"] == name)?;
        Some(format!("spec.{list}[{index}]"))
    };
    let is_pods = complaint.contains("(pod ");
    for name in quoted {
        if complaint.contains("volume")
            && let Some(volume) = find("volumes", name)
        {
            return volume;
        }
        let container = ["containers", "initContainers"]
            .into_iter()
            .find_map(|list| find(list, name));
        if let Some(container) = container.filter(|_| !is_pods) {
            let port = complaint.contains("hostPort").then_some(".ports");
            return format!(
                "{container}{}",
                port.map_or(format!(".securityContext{field}"), str::to_owned)
            );
        }
    }
    format!("spec.securityContext{field}")
}

/// The first place in the words of a policy that names itself, such as `spec.hostNetwork must not be set`.
fn named_place(words: &str) -> Option<&str> {
    words
        .split(|letter: char| letter.is_whitespace() || "'\"`,;()".contains(letter))
        .map(|word| word.trim_end_matches(['.', ':', '=', '!', '?']))
        .find(|word| word.starts_with("spec.") || word.starts_with("metadata."))
}

/// The first amount in an object that is none. If the API server cannot read an object, it does not report the path.
fn bad_amount(value: &Value, place: &str) -> Option<String> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(key, value)| {
            let holds_amounts = matches!(key.as_str(), "requests" | "limits" | "overhead");
            if let (true, Value::Object(amounts)) = (holds_amounts, value) {
                let bad = amounts
                    .iter()
                    .find(|(_, amount)| amount.as_str().is_some_and(|text| !is_amount(text)));
                return bad.map(|(resource, _)| format!("{place}{key}[{resource}]"));
            }
            if key == "sizeLimit" && value.as_str().is_some_and(|text| !is_amount(text)) {
                return Some(format!("{place}{key}"));
            }
            let next = if value.is_array() {
                format!("{place}{key}")
            } else {
                format!("{place}{key}.")
            };
            bad_amount(value, &next)
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| bad_amount(item, &format!("{place}[{index}]."))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_amounts_that_a_limit_range_or_a_quota_names_are_read() {
        let range = "pods \"foo-0\" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, minimum memory \
                     usage per Container is 1Gi, but request is 16Mi]";
        assert_eq!(
            out_of_range(range).collect::<Vec<_>>(),
            ["limits.cpu", "requests.memory"]
        );
        let ratio = "pods \"foo-0\" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000";
        assert_eq!(out_of_range(ratio).collect::<Vec<_>>(), ["limits.cpu"]);
        let quota = "exceeded quota: q, requested: pods=1,requests.cpu=2, used: pods=1,requests.cpu=0, limited: pods=1,requests.cpu=1";
        assert_eq!(over_quota(quota).collect::<Vec<_>>(), ["pods", "requests.cpu"]);
        let words = "failed quota: q: must specify limits.cpu for: foo; requests.memory for: init,foo";
        let pod = json!({"spec": {"containers": [{"name": "foo"}], "initContainers": [{"name": "init"}]}});
        let places: Vec<_> = unspecified(words)
            .filter_map(|(amount, container)| unsaid(amount, container, &pod))
            .collect();
        assert_eq!(
            places,
            [
                "spec.containers[0].resources.limits[cpu]",
                "spec.initContainers[0].resources.requests[memory]"
            ]
        );
    }

    #[test]
    fn each_complaint_of_pod_security_has_its_place() {
        let words = "pods \"foo-0\" is forbidden: violates PodSecurity \"restricted:latest\": hostNetwork=true, \
                     allowPrivilegeEscalation != false (containers \"a\", \"b\" must set \
                     securityContext.allowPrivilegeEscalation=false), restricted volume types (volume \"v\" uses restricted \
                     volume type \"hostPath\"), runAsUser=0 (pod must not set runAsUser=0)";
        let pod = json!({"spec": {"volumes": [{"name": "v"}], "containers": [{"name": "x"}, {"name": "a"}]}});
        let places: Vec<_> = insecurities(words)
            .iter()
            .map(|complaint| insecure(complaint, &pod))
            .collect();
        assert_eq!(
            places,
            [
                "spec.hostNetwork",
                "spec.containers[1].securityContext.allowPrivilegeEscalation",
                "spec.volumes[0]",
                "spec.securityContext.runAsUser",
            ]
        );
    }

    #[test]
    fn an_amount_that_is_none_is_found() {
        let pod = json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1GB"}}}]}});
        assert_eq!(
            bad_amount(&pod, "").as_deref(),
            Some("spec.containers[0].resources.limits[memory]")
        );
    }

    #[test]
    fn a_policy_may_name_the_place() {
        let words = "ValidatingAdmissionPolicy 'p' denied request: `spec.hostNetwork`: must not be set";
        assert_eq!(named_place(words), Some("spec.hostNetwork"));
    }
}
