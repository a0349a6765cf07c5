//! The pod of an ordinal.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaimVolumeSource, Pod, PodSpec, Volume};

use super::identity::{self, claim_name, claim_templates};
use super::revisions::Revision;
use crate::controllers::{owners, pods};

/// The pod of an ordinal, at a revision.
pub(super) fn of(set: &StatefulSet, revision: &Revision, ordinal: i32) -> Pod {
    let template = &revision.template;
    let mut pod = Pod::default();
    if let Some(of_template) = &template.metadata {
        pod.metadata.labels.clone_from(&of_template.labels);
        pod.metadata.annotations.clone_from(&of_template.annotations);
        pod.metadata.finalizers.clone_from(&of_template.finalizers);
    }
    let name = identity::pod_name(set, ordinal);
    pod.metadata.generate_name = Some(format!("{}-", identity::name(set)));
    pod.metadata.namespace.clone_from(&set.metadata.namespace);
    pod.metadata.owner_references = Some(vec![owners::controller_reference(set)]);
    pod.metadata.name = Some(name.clone());
    identity::label(&mut pod, ordinal);
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(pods::REVISION_LABEL.to_owned(), revision.name.clone());
    let service = set.spec.as_ref().and_then(|spec| spec.service_name.clone());
    pod.spec = Some(PodSpec {
        hostname: Some(name),
        subdomain: service.filter(|service| !service.is_empty()),
        ..template.spec.clone().unwrap_or_default()
    });
    mount(set, &mut pod, ordinal);
    pod
}

/// Whether a pod's volumes are the claims of its ordinal.
pub(super) fn mounts(set: &StatefulSet, pod: &Pod, ordinal: i32) -> bool {
    let volumes = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.volumes.as_deref())
        .unwrap_or_default();
    claim_templates(set).iter().all(|template| {
        let claim = claim_name(set, template, ordinal);
        volumes.iter().any(|volume| {
            let source = volume.persistent_volume_claim.as_ref();
            Some(&volume.name) == template.metadata.name.as_ref()
                && source.is_some_and(|source| source.claim_name == claim)
        })
    })
}

/// Makes the claims of an ordinal volumes of its pod, in place of volumes of the same names.
pub(super) fn mount(set: &StatefulSet, pod: &mut Pod, ordinal: i32) {
    let templates = claim_templates(set);
    if templates.is_empty() {
        return;
    }
    let volume = |template| Volume {
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: claim_name(set, template, ordinal),
            read_only: None,
        }),
        name: template.metadata.name.clone().unwrap_or_default(),
        ..Volume::default()
    };
    let mut volumes: Vec<_> = templates.iter().map(volume).collect();
    let spec = pod.spec.get_or_insert_default();
    let others = spec.volumes.take().unwrap_or_default().into_iter();
    let is_claim = |name: &str| {
        templates
            .iter()
            .any(|template| template.metadata.name.as_deref() == Some(name))
    };
    volumes.extend(others.filter(|volume| !is_claim(&volume.name)));
    spec.volumes = Some(volumes);
}
