//! The server's answers about its version, and about the permissions of its callers.

use std::collections::BTreeMap;

use http::{Method, Response};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::answer::{Body, json_answer, refused, text};
use super::kinds::{KindOfObject, Kinds};
use super::refusal::Refusal;

/// Answers a request that is about no stored object; `None` for others.
pub(super) fn answer(request: &http::Request<Bytes>, kinds: &Kinds) -> Option<Response<Body>> {
    let path = request.uri().path().trim_end_matches('/');
    if *request.method() == Method::POST {
        return review(path, request.body());
    }
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let document = match &parts[..] {
        ["healthz" | "livez" | "readyz"] => return Some(text("ok")),
        ["version"] => json!({
            "major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": std::env::consts::OS,
        }),
        ["api"] => json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        ["apis"] => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups(kinds)}),
        ["apis", group] => groups(kinds).into_iter().find(|found| found["name"] == *group)?,
        ["api", version] => resources(kinds, "", version)?,
        ["apis", group, version] => resources(kinds, group, version)?,
        _ => return None,
    };
    Some(json_answer(200, &document))
}

fn groups(kinds: &Kinds) -> Vec<Value> {
    let named = kinds.iter().filter(|(_, kind)| !kind.group.is_empty());
    let versions: BTreeMap<_, _> = named.map(|(_, kind)| (&kind.group, &kind.version)).collect();
    let group = |(group, version): (_, _)| {
        let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
        json!({
            "kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": [version], "preferredVersion": version,
        })
    };
    versions.into_iter().map(group).collect()
}

fn resources(kinds: &Kinds, group: &str, version: &str) -> Option<Value> {
    let of_group = kinds
        .iter()
        .filter(|(_, kind)| kind.group == group && kind.version == version);
    let resources: Vec<Value> = of_group.flat_map(|(_, kind)| resource(kind)).collect();
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    (!resources.is_empty()).then(|| {
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources})
    })
}

fn resource(kind: &KindOfObject) -> Vec<Value> {
    let described = |name: String, verbs: &[&str]| {
        json!({
            "name": name, "singularName": kind.kind.to_lowercase(), "namespaced": kind.namespaced, "kind": kind.kind,
            "verbs": verbs,
        })
    };
    let verbs = [
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    ];
    let mut resources = vec![described(kind.plural.to_string(), &verbs)];
    if kind.has_status {
        resources.push(described(
            format!("{}/status", kind.plural),
            &["get", "patch", "update"],
        ));
    }
    resources
}

/// Answers whether somebody may do something: everybody may do everything.
fn review(path: &str, body: &[u8]) -> Option<Response<Body>> {
    let user = json!({"username": "local", "groups": ["system:masters", "system:authenticated"]});
    let status = match path {
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        | "/apis/authorization.k8s.io/v1/subjectaccessreviews" => {
            json!({"allowed": true, "reason": "a local cluster allows everything"})
        }
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews" => json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        }),
        "/apis/authentication.k8s.io/v1/selfsubjectreviews" => json!({"userInfo": user}),
        _ => return None,
    };
    let review: serde_json::Result<Value> = serde_json::from_slice(body);
    Some(match review {
        Ok(mut review) if review.is_object() => {
            review["status"] = status;
            json_answer(201, &review)
        }
        _ => refused(&Refusal::bad_request("the body of the request is not an object")),
    })
}
