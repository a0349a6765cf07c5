//! Whether processes may run as root.

use k8s_openapi::api::core::v1::{Container, PodSpec};

/// The user that is root.
const ROOT: i64 = 0;

/// No process runs as root, unless the user sets that one does: then the default does not apply, for the pod or for
/// that one container. A `runAsNonRoot` of the user stays.
pub(super) fn forbid_root(pod: &mut PodSpec) {
    let context = pod.security_context.get_or_insert_default();
    if context.run_as_non_root.is_some() || context.run_as_user == Some(ROOT) {
        return;
    }
    context.run_as_non_root = Some(true);
    for container in pod.init_containers.iter_mut().flatten().chain(&mut pod.containers) {
        let context = container.security_context.as_mut();
        if let Some(context) = context.filter(|context| context.run_as_user == Some(ROOT)) {
            context.run_as_non_root.get_or_insert(false);
        }
    }
}

/// Whether a container is to run as root and is not to: the kubelet never starts it (Kubernetes, `verifyRunAsNonRoot`).
#[must_use]
pub fn contradicts_itself(pod: &PodSpec, container: &Container) -> bool {
    let own = container.security_context.as_ref();
    let of_pod = pod.security_context.as_ref();
    let user = own.and_then(|own| own.run_as_user);
    let user = user.or_else(|| of_pod.and_then(|of_pod| of_pod.run_as_user));
    let non_root = own.and_then(|own| own.run_as_non_root);
    let non_root = non_root.or_else(|| of_pod.and_then(|of_pod| of_pod.run_as_non_root));
    user == Some(ROOT) && non_root == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn forbidden(pod: Value) -> Value {
        let mut pod: PodSpec = serde_json::from_value(pod).expect("a pod");
        forbid_root(&mut pod);
        serde_json::to_value(pod).expect("JSON")
    }

    #[test]
    fn nothing_runs_as_root_but_what_is_said_to() {
        let containers = json!([
            {"name": "a", "securityContext": {"runAsUser": 0}},
            {"name": "b", "securityContext": {"runAsUser": 1}},
            {"name": "c", "securityContext": {"runAsUser": 0, "runAsNonRoot": true}},
            {"name": "d"},
        ]);
        let pod = forbidden(json!({"containers": containers, "initContainers": [containers[0]]}));
        assert_eq!(pod["securityContext"], json!({"runAsNonRoot": true}));
        let of = |index: usize| &pod["containers"][index]["securityContext"]["runAsNonRoot"];
        assert_eq!(
            (of(0), of(1), of(2), of(3)),
            (&json!(false), &Value::Null, &json!(true), &Value::Null)
        );
        assert_eq!(pod["initContainers"][0], pod["containers"][0]);
    }

    #[test]
    fn settings_of_the_pod_stay() {
        for said in [
            json!({"runAsUser": 0}),
            json!({"runAsNonRoot": false}),
            json!({"runAsNonRoot": true, "runAsUser": 0}),
        ] {
            let given = json!({
                "containers": [{"name": "a", "securityContext": {"runAsUser": 0}}], "securityContext": said,
            });
            assert_eq!(forbidden(given.clone()), given);
        }
    }
}
