//! Requests, read from their path and query.

use std::collections::BTreeMap;

use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE};
use hyper::body::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::kinds::{KindId, Kinds};
use super::refusal::Refusal;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) kind: KindId,
    /// The namespace; empty for all, and for objects that have none.
    pub(super) namespace: String,
    /// The name; empty for all.
    pub(super) name: String,
    /// The subresource; empty for the object itself.
    pub(super) subresource: String,
}

/// A request whose target exists.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) target: Target,
    query: BTreeMap<String, String>,
    accept: String,
    content_type: String,
    user_agent: String,
    body: Bytes,
}

/// The target of a path; `None` for one that no kind has.
pub(super) fn target(path: &str, kinds: &Kinds) -> Option<Target> {
    let parts: Vec<String> = path
        .trim_start_matches('/')
        .split('/')
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (group, version, rest) = match &parts[..] {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        _ => ("", rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, subresource] => (*plural, *name, *subresource),
        _ => return None,
    };
    let kind = kinds.find(group, version, plural)?;
    // An object of a namespace has no other path.
    let is_misplaced =
        kinds.get(kind).namespaced == namespace.is_empty() && (!name.is_empty() || !namespace.is_empty());
    (!is_misplaced).then(|| Target {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        subresource: subresource.to_owned(),
    })
}

/// The parameters of a query.
fn query(text: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        })
        .collect()
}

impl Request {
    pub(super) fn new(request: http::Request<Bytes>, target: Target) -> Self {
        let (parts, body) = request.into_parts();
        let header = |name| {
            let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        Self {
            query: query(parts.uri.query().unwrap_or_default()),
            accept: header(ACCEPT),
            content_type: header(CONTENT_TYPE),
            user_agent: header(http::header::USER_AGENT),
            method: parts.method,
            target,
            body,
        }
    }

    /// A parameter of the query; empty where it is not there.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        matches!(self.parameter(name), "true" | "1")
    }

    /// A parameter that is a number.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let text = self.parameter(name);
        if text.is_empty() {
            return Ok(None);
        }
        let parsed = text.parse().map(Some);
        parsed.map_err(|_| Refusal::bad_request(format!("Invalid value: {text:?}: {name} is not a valid number")))
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.parameter("dryRun") == "All"
    }

    /// Whether only the metadata of objects is asked for.
    pub(super) fn wants_metadata(&self) -> bool {
        self.accept.contains("as=PartialObjectMetadata")
    }

    pub(super) fn media_type(&self) -> &str {
        self.content_type.split(';').next().unwrap_or_default().trim()
    }

    /// The name under which a write is noted: that of the client, unless the request says another.
    pub(super) fn manager(&self) -> &str {
        match self.parameter("fieldManager") {
            "" => match self.user_agent.split('/').next() {
                None | Some("") => "unknown",
                Some(name) => name,
            },
            manager => manager,
        }
    }

    pub(super) fn has_body(&self) -> bool {
        !self.body.is_empty()
    }

    /// The body, as JSON.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Refusal::bad_request(format!("error decoding the body: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_kinds_namespaces_names_and_subresources() {
        let kinds = Kinds::default();
        for (path, expected) in [
            ("/api/v1/pods", Some(("Pod", "", "", ""))),
            ("/api/v1/namespaces/flyte/pods", Some(("Pod", "flyte", "", ""))),
            (
                "/api/v1/namespaces/flyte/pods/foo-0/log",
                Some(("Pod", "flyte", "foo-0", "log")),
            ),
            (
                "/apis/apps/v1/namespaces/flyte/statefulsets/foo",
                Some(("StatefulSet", "flyte", "foo", "")),
            ),
            ("/api/v1/namespaces", Some(("Namespace", "", "", ""))),
            ("/api/v1/namespaces/flyte", Some(("Namespace", "", "flyte", ""))),
            (
                "/api/v1/namespaces/flyte/status",
                Some(("Namespace", "", "flyte", "status")),
            ),
            ("/api/v1/nodes/local", Some(("Node", "", "local", ""))),
            ("/api/v1/namespaces/flyte/nodes/local", None),
            ("/api/v1/pods/foo-0", None),
            ("/apis/apps/v1/namespaces/flyte/deployments", None),
            ("/healthz", None),
        ] {
            let found = target(path, &kinds);
            let found = found.as_ref().map(|found| {
                let kind = kinds.get(found.kind).kind.as_ref();
                (kind, &*found.namespace, &*found.name, &*found.subresource)
            });
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn a_query_is_decoded() {
        let query = query("&labelSelector=a%3Db%2Cc&x=1+2&y");
        assert_eq!(query["labelSelector"], "a=b,c");
        assert_eq!((&*query["x"], &*query["y"]), ("1 2", ""));
    }
}
