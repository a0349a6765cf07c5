//! The objects that the pods of a service refer to.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Container, PersistentVolumeClaim, Secret, ServiceAccount, Volume};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Resource;
use kube::core::ApiResource;

/// An object that has to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its kind.
    pub resource: ApiResource,
    /// Whether it lives in the service's namespace; otherwise in none.
    pub namespaced: bool,
    /// Its name.
    pub name: String,
    /// The entry of a Secret or a `ConfigMap` that has to be in it, if a single one is asked for.
    pub key: Option<String>,
    /// Where the `StatefulSet` names it.
    pub path: String,
}

/// Everything that the pods and the claims of a `StatefulSet` cannot do without.
#[must_use]
pub fn references(stateful_set: &StatefulSet) -> Vec<Reference> {
    let Some(spec) = &stateful_set.spec else {
        return Vec::new();
    };
    let mut found = Found::default();
    let claims = spec.volume_claim_templates.iter().flatten().enumerate();
    let mut own_claims = Vec::new();
    for (index, claim) in claims {
        own_claims.extend(claim.metadata.name.clone());
        if let Some(class) = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_ref()) {
            let path = format!("spec.volumeClaimTemplates[{index}].spec.storageClassName");
            found.cluster_wide::<StorageClass>(class, path);
        }
    }
    let Some(pod) = &spec.template.spec else {
        return found.0;
    };
    let at = "spec.template.spec";
    if let Some(account) = &pod.service_account_name {
        found.namespaced::<ServiceAccount>(account, None, format!("{at}.serviceAccountName"));
    }
    // What Kubernetes names so is in every cluster, and need not be readable.
    if let Some(class) = pod
        .priority_class_name
        .as_ref()
        .filter(|class| !class.starts_with("system-"))
    {
        found.cluster_wide::<PriorityClass>(class, format!("{at}.priorityClassName"));
    }
    if let Some(class) = &pod.runtime_class_name {
        found.cluster_wide::<RuntimeClass>(class, format!("{at}.runtimeClassName"));
    }
    for (index, secret) in pod.image_pull_secrets.iter().flatten().enumerate() {
        found.namespaced::<Secret>(&secret.name, None, format!("{at}.imagePullSecrets[{index}].name"));
    }
    for (list, containers) in [
        ("containers", Some(&pod.containers)),
        ("initContainers", pod.init_containers.as_ref()),
    ] {
        for (index, container) in containers.into_iter().flatten().enumerate() {
            found.of_container(container, &format!("{at}.{list}[{index}]"));
        }
    }
    for (index, volume) in pod.volumes.iter().flatten().enumerate() {
        // A claim template takes the place of a volume of its name.
        if !own_claims.contains(&volume.name) {
            found.of_volume(volume, &format!("{at}.volumes[{index}]"));
        }
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Reference>);

impl Found {
    fn namespaced<K: Resource<DynamicType = ()>>(&mut self, name: &str, key: Option<&String>, path: String) {
        self.add::<K>(name, key, path, true);
    }

    fn cluster_wide<K: Resource<DynamicType = ()>>(&mut self, name: &str, path: String) {
        self.add::<K>(name, None, path, false);
    }

    fn add<K: Resource<DynamicType = ()>>(&mut self, name: &str, key: Option<&String>, path: String, namespaced: bool) {
        // An empty name asks for nothing, or is refused for what it is.
        if !name.is_empty() {
            self.0.push(Reference {
                resource: ApiResource::erase::<K>(&()),
                namespaced,
                name: name.to_owned(),
                key: key.cloned(),
                path,
            });
        }
    }

    fn of_container(&mut self, container: &Container, at: &str) {
        for (index, variable) in container.env.iter().flatten().enumerate() {
            let Some(source) = &variable.value_from else { continue };
            let at = format!("{at}.env[{index}].valueFrom");
            if let Some(from) = source
                .secret_key_ref
                .as_ref()
                .filter(|from| from.optional != Some(true))
            {
                self.namespaced::<Secret>(&from.name, Some(&from.key), format!("{at}.secretKeyRef"));
            }
            if let Some(from) = source
                .config_map_key_ref
                .as_ref()
                .filter(|from| from.optional != Some(true))
            {
                self.namespaced::<ConfigMap>(&from.name, Some(&from.key), format!("{at}.configMapKeyRef"));
            }
        }
        for (index, source) in container.env_from.iter().flatten().enumerate() {
            let at = format!("{at}.envFrom[{index}]");
            if let Some(from) = source.secret_ref.as_ref().filter(|from| from.optional != Some(true)) {
                self.namespaced::<Secret>(&from.name, None, format!("{at}.secretRef.name"));
            }
            if let Some(from) = source
                .config_map_ref
                .as_ref()
                .filter(|from| from.optional != Some(true))
            {
                self.namespaced::<ConfigMap>(&from.name, None, format!("{at}.configMapRef.name"));
            }
        }
    }

    fn of_volume(&mut self, volume: &Volume, at: &str) {
        if let Some(claim) = &volume.persistent_volume_claim {
            let path = format!("{at}.persistentVolumeClaim.claimName");
            self.namespaced::<PersistentVolumeClaim>(&claim.claim_name, None, path);
        }
        if let Some(secret) = volume.secret.as_ref().filter(|secret| secret.optional != Some(true)) {
            let keys = secret.items.iter().flatten().map(|item| &item.key);
            let name = secret.secret_name.as_deref().unwrap_or_default();
            self.whole_or_keys::<Secret>(name, keys, &format!("{at}.secret"), "secretName");
        }
        if let Some(map) = volume.config_map.as_ref().filter(|map| map.optional != Some(true)) {
            let keys = map.items.iter().flatten().map(|item| &item.key);
            self.whole_or_keys::<ConfigMap>(&map.name, keys, &format!("{at}.configMap"), "name");
        }
        let sources = volume
            .projected
            .iter()
            .flat_map(|projected| projected.sources.iter().flatten());
        for (index, source) in sources.enumerate() {
            let at = format!("{at}.projected.sources[{index}]");
            if let Some(secret) = source.secret.as_ref().filter(|secret| secret.optional != Some(true)) {
                let keys = secret.items.iter().flatten().map(|item| &item.key);
                self.whole_or_keys::<Secret>(&secret.name, keys, &format!("{at}.secret"), "name");
            }
            if let Some(map) = source.config_map.as_ref().filter(|map| map.optional != Some(true)) {
                let keys = map.items.iter().flatten().map(|item| &item.key);
                self.whole_or_keys::<ConfigMap>(&map.name, keys, &format!("{at}.configMap"), "name");
            }
        }
        if let Some(class) = volume
            .ephemeral
            .as_ref()
            .and_then(|ephemeral| ephemeral.volume_claim_template.as_ref())
            .and_then(|claim| claim.spec.storage_class_name.as_ref())
        {
            let path = format!("{at}.ephemeral.volumeClaimTemplate.spec.storageClassName");
            self.cluster_wide::<StorageClass>(class, path);
        }
    }

    fn whole_or_keys<'a, K: Resource<DynamicType = ()>>(
        &mut self,
        name: &str,
        keys: impl Iterator<Item = &'a String>,
        at: &str,
        field: &str,
    ) {
        let mut any = false;
        for (index, key) in keys.enumerate() {
            any = true;
            self.namespaced::<K>(name, Some(key), format!("{at}.items[{index}].key"));
        }
        if !any {
            self.namespaced::<K>(name, None, format!("{at}.{field}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn optional_and_generated_objects_are_not_requested() {
        let set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "foo"},
            "spec": {
                "selector": {},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"storageClassName": "fast"}}],
                "template": {"spec": {
                    "priorityClassName": "system-node-critical",
                    "containers": [{"name": "foo", "env": [
                        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": true}}},
                        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    ], "envFrom": [{"configMapRef": {"name": "m", "optional": true}}]}],
                    "volumes": [
                        {"name": "data", "persistentVolumeClaim": {"claimName": "theirs"}},
                        {"name": "v", "secret": {"secretName": "t", "items": [{"key": "a", "path": "a"}]}},
                    ],
                }},
            },
        }))
        .expect("a StatefulSet");
        let found: Vec<_> = references(&set)
            .into_iter()
            .map(|each| (each.resource.kind, each.name, each.key, each.path))
            .collect();
        let expected = [
            (
                "StorageClass",
                "fast",
                None,
                "spec.volumeClaimTemplates[0].spec.storageClassName",
            ),
            (
                "Secret",
                "s",
                Some("k"),
                "spec.template.spec.containers[0].env[1].valueFrom.secretKeyRef",
            ),
            (
                "Secret",
                "t",
                Some("a"),
                "spec.template.spec.volumes[1].secret.items[0].key",
            ),
        ]
        .map(|(kind, name, key, path)| {
            (
                kind.to_owned(),
                name.to_owned(),
                key.map(str::to_owned),
                path.to_owned(),
            )
        });
        assert_eq!(found, expected);
    }
}
