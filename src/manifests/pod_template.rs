//! The pods of the `StatefulSet`: least privilege, then the user's pod template, then the fields.

use std::collections::HashSet;

use k8s_openapi::DeepMerge;
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, PodSecurityContext, PodSpec, PodTemplateSpec, SeccompProfile, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::container::container;
use super::metadata::metadata;
use super::placement::{add_selectors, require_accelerator};
use super::run_as_root::forbid_root;
use crate::config::DataServiceSpec;
use crate::config::expansion::sort;
use crate::identity::owner::Identity;

/// The user and the group that the pods run as, and that their volumes belong to.
const USER: i64 = 1001;

/// When an image is pulled, unless the user sets it.
const PULL_POLICY: &str = "IfNotPresent";

/// Makes the template of a service's pods.
pub(super) fn pod_template(spec: &DataServiceSpec, identity: &Identity) -> PodTemplateSpec {
    let mut template = hardened(&identity.name);
    if let Some(given) = &spec.pod_template {
        template.merge_from(given.for_service(&identity.name));
    }
    let mut fields = of_fields(spec, identity);
    add_to_lists(&mut template, &mut fields);
    let said: HashSet<String> = variables(&fields, &identity.name)
        .map(|said| said.name.clone())
        .collect();
    template.merge_from(fields);
    if let Some(pod) = &mut template.spec {
        sort_variables(pod, &identity.name, &said);
        forbid_root(pod);
        // An account is named for what it may do, which takes its token.
        pod.automount_service_account_token
            .get_or_insert(pod.service_account_name.is_some());
        if let Some(accelerator) = &spec.accelerator {
            require_accelerator(pod, accelerator, &spec.gpu);
        }
    }
    template
}

/// The variables of the service's own container.
fn variables<'a>(template: &'a PodTemplateSpec, name: &'a str) -> impl Iterator<Item = &'a EnvVar> {
    let containers = template.spec.iter().flat_map(|spec| &spec.containers);
    let own = containers.filter(move |container| container.name == name);
    own.flat_map(|container| container.env.iter().flatten())
}

/// Puts each variable of the service's own container after those that it refers to: those of `Env` have no order, and
/// Kubernetes expands only what stands earlier. Those that a template lists are in their user's order.
fn sort_variables(pod: &mut PodSpec, name: &str, said: &HashSet<String>) {
    for container in pod.containers.iter_mut().filter(|container| container.name == name) {
        let Some(env) = &container.env else { continue };
        // A circle has been refused before.
        if let Ok(sorted) = sort(env.clone(), |variable| !said.contains(&variable.name)) {
            container.env = Some(sorted);
        }
    }
}

/// Kubernetes replaces tolerations and node selectors as a whole; here both those of the template and those of the
/// fields counts.
fn add_to_lists(template: &mut PodTemplateSpec, fields: &mut PodTemplateSpec) {
    let (Some(under), Some(over)) = (&template.spec, &mut fields.spec) else {
        return;
    };
    if let (Some(under), Some(over)) = (&under.tolerations, &mut over.tolerations) {
        let more: Vec<_> = under.iter().filter(|old| !over.contains(old)).cloned().collect();
        over.extend(more);
    }
    if let (Some(under), Some(over)) = (&under.node_selector, &mut over.node_selector) {
        for (key, value) in under {
            over.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// The pod of the fields.
fn of_fields(spec: &DataServiceSpec, identity: &Identity) -> PodTemplateSpec {
    let metadata = metadata(spec, identity);
    let mut annotations = spec.annotations.clone();
    annotations.extend(identity.annotations.clone());
    let mut pod = PodSpec {
        containers: vec![container(spec, &identity.name)],
        ..(*spec.pod).clone()
    };
    let policy = spec.container.image_pull_policy.as_deref().unwrap_or(PULL_POLICY);
    let before = spec
        .init_containers
        .iter()
        .map(|container| completed(container, policy));
    let beside = spec.sidecars.iter().map(|container| completed(container, policy));
    if spec.native_sidecars {
        let always = |container| Container {
            restart_policy: Some("Always".to_owned()),
            ..container
        };
        pod.init_containers = some(before.chain(beside.map(always)).collect());
    } else {
        pod.init_containers = some(before.collect());
        pod.containers.extend(beside);
    }
    add_selectors(&mut pod, &identity.name);
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: metadata.labels,
            annotations: (!annotations.is_empty()).then_some(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(pod),
    }
}

/// The defaults of every pod: the least privilege of Kubernetes's level `restricted` (*Pod
/// Security Standards*).
fn hardened(name: &str) -> PodTemplateSpec {
    let container = Container {
        name: name.to_owned(),
        image_pull_policy: Some(PULL_POLICY.to_owned()),
        security_context: Some(powerless()),
        ..Container::default()
    };
    let pod = PodSpec {
        containers: vec![container],
        security_context: Some(PodSecurityContext {
            fs_group: Some(USER),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
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

/// A container of the fields, by default with the privilege and the pull policy of the service's own.
fn completed(container: &Container, pull_policy: &str) -> Container {
    let mut context = powerless();
    context.merge_from(container.security_context.clone().unwrap_or_default());
    let own_policy = container.image_pull_policy.clone();
    Container {
        image_pull_policy: Some(own_policy.unwrap_or_else(|| pull_policy.to_owned())),
        security_context: Some(context),
        ..container.clone()
    }
}

fn powerless() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            ..Capabilities::default()
        }),
        ..SecurityContext::default()
    }
}

fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}
