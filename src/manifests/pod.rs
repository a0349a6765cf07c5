//! The pods that Kubernetes makes of a `StatefulSet`.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaimVolumeSource, Pod, PodSpec, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The pod that the `StatefulSet` controller creates for one of the replicas; the first one is 0.
///
/// It is the pod as it is sent to the API server, without what the controller alone knows: the uid of its owner and the
/// hash of its revision.
#[must_use]
pub fn pod(stateful_set: &StatefulSet, replica: u32) -> Pod {
    let spec = stateful_set.spec.clone().unwrap_or_default();
    let start = spec.ordinals.and_then(|ordinals| ordinals.start).unwrap_or_default();
    let index = i64::from(start) + i64::from(replica);
    let set = stateful_set.metadata.name.clone().unwrap_or_default();
    let name = format!("{set}-{index}");
    let template = spec.template.metadata.unwrap_or_default();
    let mut labels = template.labels.unwrap_or_default();
    labels.extend(BTreeMap::from([
        ("statefulset.kubernetes.io/pod-name".to_owned(), name.clone()),
        ("apps.kubernetes.io/pod-index".to_owned(), index.to_string()),
    ]));
    let claims = spec.volume_claim_templates.unwrap_or_default();
    let claims: Vec<String> = claims.into_iter().filter_map(|claim| claim.metadata.name).collect();
    let template_spec = spec.template.spec.unwrap_or_default();
    let volumes = volumes(&claims, &name, template_spec.volumes);
    Pod {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: stateful_set.metadata.namespace.clone(),
            labels: Some(labels),
            annotations: template.annotations,
            finalizers: template.finalizers,
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            hostname: Some(name),
            subdomain: spec.service_name,
            volumes: (!volumes.is_empty()).then_some(volumes),
            ..template_spec
        }),
        status: None,
    }
}

/// A volume for each claim template, in the place of one of that name, and then the other volumes.
fn volumes(claims: &[String], pod: &str, others: Option<Vec<Volume>>) -> Vec<Volume> {
    let of_claims = claims.iter().map(|claim| Volume {
        name: claim.clone(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: format!("{claim}-{pod}"),
            read_only: None,
        }),
        ..Volume::default()
    });
    let others = others.into_iter().flatten();
    of_claims
        .chain(others.filter(|volume| !claims.contains(&volume.name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claim_template_takes_the_place_of_a_volume_of_its_name() {
        let set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "foo", "namespace": "flyte"},
            "spec": {
                "serviceName": "foo",
                "ordinals": {"start": 3},
                "selector": {},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
                "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {"containers": [], "volumes": [
                        {"name": "scratch", "emptyDir": {}}, {"name": "data", "emptyDir": {}},
                    ]},
                },
            },
        }))
        .expect("a StatefulSet");
        let pod = serde_json::to_value(pod(&set, 1)).expect("JSON");
        assert_eq!(
            pod["spec"]["volumes"],
            json!([
                {"name": "data", "persistentVolumeClaim": {"claimName": "data-foo-4"}},
                {"name": "scratch", "emptyDir": {}},
            ])
        );
        assert_eq!(
            (&pod["spec"]["hostname"], &pod["spec"]["subdomain"]),
            (&json!("foo-4"), &json!("foo"))
        );
        assert_eq!(
            pod["metadata"]["labels"],
            json!({
                "a": "b",
                "statefulset.kubernetes.io/pod-name": "foo-4",
                "apps.kubernetes.io/pod-index": "4",
            })
        );
    }
}
