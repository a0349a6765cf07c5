//! The `StatefulSet` whose pods are the service.

use k8s_openapi::DeepMerge;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements,
    SeccompProfile, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::metadata;
use crate::names::selector;
use crate::ownership::Identity;
use crate::spec::DataServiceSpec;

/// The user and the group that the pods run as, and that their volumes belong to.
const USER: i64 = 1001;

/// The name of the container's port.
pub(super) const PORT_NAME: &str = "graph-engine";

/// Makes the `StatefulSet` of a service.
#[must_use]
pub fn stateful_set(spec: &DataServiceSpec, identity: &Identity) -> StatefulSet {
    let metadata = metadata(spec, identity);
    let mut template = hardened(&identity.name);
    if let Some(given) = &spec.pod_template {
        template.merge_from(given.for_service(&identity.name));
    }
    template.merge_from(PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: metadata.labels.clone(),
            annotations: (!identity.annotations.is_empty()).then(|| identity.annotations.clone()),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            containers: vec![container(spec, &identity.name)],
            ..PodSpec::default()
        }),
    });
    if let Some(pod) = &mut template.spec {
        // An account is named for what it may do, which takes its token.
        pod.automount_service_account_token
            .get_or_insert(pod.service_account_name.is_some());
    }
    StatefulSet {
        metadata,
        spec: Some(StatefulSetSpec {
            replicas: Some(replicas(spec)),
            selector: LabelSelector {
                match_labels: Some(selector(&identity.name)),
                ..LabelSelector::default()
            },
            service_name: Some(identity.name.clone()),
            min_ready_seconds: Some(spec.min_ready_seconds),
            pod_management_policy: Some("Parallel".to_owned()),
            template,
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

/// What every pod has unless the user says otherwise: as little power as Kubernetes's level `restricted` asks for (*Pod
/// Security Standards*).
fn hardened(name: &str) -> PodTemplateSpec {
    let container = Container {
        name: name.to_owned(),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                ..Capabilities::default()
            }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    };
    let pod = PodSpec {
        containers: vec![container],
        security_context: Some(PodSecurityContext {
            fs_group: Some(USER),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            run_as_non_root: Some(true),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        ..PodSpec::default()
    };
    PodTemplateSpec {
        spec: Some(pod),
        ..PodTemplateSpec::default()
    }
}

fn replicas(spec: &DataServiceSpec) -> i32 {
    // The parser lets no larger number through.
    i32::try_from(spec.replicas).unwrap_or(i32::MAX)
}

fn container(spec: &DataServiceSpec, name: &str) -> Container {
    let variable = |name: &str, value: String| EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    };
    Container {
        name: name.to_owned(),
        image: Some(spec.image.clone()),
        command: spec.command.clone(),
        ports: Some(vec![ContainerPort {
            name: Some(PORT_NAME.to_owned()),
            container_port: i32::from(spec.port),
            ..ContainerPort::default()
        }]),
        env: Some(vec![
            variable("GE_BASE_PORT", spec.port.to_string()),
            variable("GE_COUNT", spec.replicas.to_string()),
            variable("SERVER_PORT", spec.port.to_string()),
        ]),
        resources: Some(ResourceRequirements {
            requests: Some(spec.requests.clone()),
            limits: Some(spec.limits.clone()),
            ..ResourceRequirements::default()
        }),
        ..Container::default()
    }
}
