//! The objects of a service, built once and carried by whatever is done with them.

use k8s_openapi::Metadata;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::Serialize;
use serde_json::Value;

use super::network_policy::network_policy;
use super::pod_disruption_budget::pod_disruption_budget;
use super::service::service;
use super::stateful_set::stateful_set;
use crate::config::DataServiceSpec;
use crate::identity::labels::{instance, is_of_users};
use crate::identity::owner::Identity;

/// The objects of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Objects {
    /// The `StatefulSet`.
    pub stateful_set: StatefulSet,
    /// The dependents of the `StatefulSet`, without the reference to it: its uid is known once it exists.
    dependents: Dependents,
    /// The settings that the configuration leaves to the plugin.
    pub open: Open,
}

/// The objects that a `StatefulSet` owns.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependents {
    /// The headless Service.
    pub service: Service,
    /// The `PodDisruptionBudget`, where the configuration asks for one.
    pub pod_disruption_budget: Option<PodDisruptionBudget>,
    /// The `NetworkPolicy`, where the configuration asks for one.
    pub network_policy: Option<NetworkPolicy>,
}

/// The settings that a configuration leaves to the plugin, which the finished objects do not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Whether the name is made from the owner.
    pub name: bool,
    /// Whether the pod management policy is the default.
    pub pod_management_policy: bool,
}

impl Objects {
    /// Builds the objects of a service.
    #[must_use]
    pub fn new(spec: &DataServiceSpec, identity: &Identity) -> Self {
        Self {
            stateful_set: stateful_set(spec, identity),
            dependents: Dependents {
                service: service(spec, identity),
                pod_disruption_budget: pod_disruption_budget(spec, identity),
                network_policy: network_policy(spec, identity),
            },
            open: Open {
                name: spec.name.is_none(),
                pod_management_policy: spec.pod_management_policy.is_none(),
            },
        }
    }

    /// The name of the service, which all its objects have.
    #[must_use]
    pub fn name(&self) -> &str {
        self.stateful_set.metadata.name.as_deref().unwrap_or_default()
    }

    /// The namespace of the service.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.stateful_set.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// The objects that the `StatefulSet` owns, before it exists.
    #[must_use]
    pub fn dependents(&self) -> &Dependents {
        &self.dependents
    }

    /// The objects that the `StatefulSet` with this uid owns, so that the garbage collector deletes them with it.
    #[must_use]
    pub fn dependents_of(&self, stateful_set_uid: &str) -> Dependents {
        let reference = OwnerReference {
            api_version: "apps/v1".to_owned(),
            kind: "StatefulSet".to_owned(),
            name: self.name().to_owned(),
            uid: stateful_set_uid.to_owned(),
            ..OwnerReference::default()
        };
        let mut dependents = self.dependents.clone();
        refer(&mut dependents.service, &reference);
        if let Some(budget) = &mut dependents.pod_disruption_budget {
            refer(budget, &reference);
        }
        if let Some(policy) = &mut dependents.network_policy {
            refer(policy, &reference);
        }
        dependents
    }

    /// The same objects, where what the configuration leaves open is as in the `StatefulSet` that exists. Kubernetes
    /// changes neither: the plugin before version 2 left the pod management policy to Kubernetes, and version 2.0
    /// selected pods by the name alone. Who uses the service is no part of the configuration, and stays.
    #[must_use]
    pub fn closest_to(mut self, there: &StatefulSet) -> Self {
        let selector = instance(self.name());
        let annotations = self.stateful_set.metadata.annotations.get_or_insert_default();
        let of_users = there
            .metadata
            .annotations
            .iter()
            .flatten()
            .filter(|(key, _)| is_of_users(key));
        annotations.extend(of_users.map(|(key, value)| (key.clone(), value.clone())));
        if let (Some(wanted), Some(there)) = (&mut self.stateful_set.spec, &there.spec) {
            if self.open.pod_management_policy {
                wanted.pod_management_policy.clone_from(&there.pod_management_policy);
            }
            if there.selector.match_labels == Some(selector) {
                wanted.selector.clone_from(&there.selector);
            }
        }
        self
    }

    /// The objects as JSON, in the order in which a create reports them.
    #[must_use]
    pub fn to_json(&self) -> Vec<Value> {
        let Dependents {
            service,
            pod_disruption_budget,
            network_policy,
        } = &self.dependents;
        let always = [json(&self.stateful_set), json(service)];
        let others = [
            pod_disruption_budget.as_ref().map(json),
            network_policy.as_ref().map(json),
        ];
        always.into_iter().chain(others.into_iter().flatten()).collect()
    }
}

fn refer<K: Metadata<Ty = ObjectMeta>>(object: &mut K, owner: &OwnerReference) {
    object.metadata_mut().owner_references = Some(vec![owner.clone()]);
}

/// An object of Kubernetes, which always serializes.
fn json(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Target;
    use crate::identity::owner::{Caller, Owner};
    use serde_json::json;

    fn objects(config: &Value) -> Objects {
        let Ok(Target::New(spec)) = Target::parse(config) else {
            panic!("not a service: {config}");
        };
        let caller = Caller {
            owner: Owner::new("o", "a test"),
            labels: None,
            annotations: None,
            run: None,
        };
        let identity = caller.identity(spec.name.clone(), "flyte".to_owned());
        Objects::new(&spec, &identity)
    }

    #[test]
    fn only_the_dependents_of_a_stateful_set_that_exists_refer_to_it() {
        let objects = objects(&json!({"Name": "foo", "Image": "i", "NetworkPolicy": true}));
        assert_eq!(objects.dependents().service.metadata.owner_references, None);
        let dependents = objects.dependents_of("u1");
        let policy = dependents.network_policy.expect("a NetworkPolicy");
        for metadata in [dependents.service.metadata, policy.metadata] {
            let owners = metadata.owner_references.expect("an owner");
            assert_eq!((owners[0].name.as_str(), owners[0].uid.as_str()), ("foo", "u1"));
        }
        assert_eq!(dependents.pod_disruption_budget, None);
    }

    #[test]
    fn only_what_the_configuration_leaves_open_is_as_it_is() {
        let there: StatefulSet = serde_json::from_value(json!({"spec": {
            "podManagementPolicy": "OrderedReady",
            "selector": {"matchLabels": instance("foo")},
            "template": {},
        }}))
        .expect("a StatefulSet");
        for (policy, expected) in [(Value::Null, "OrderedReady"), (json!("Parallel"), "Parallel")] {
            let wanted = objects(&json!({"Name": "foo", "Image": "i", "PodManagementPolicy": policy}));
            let spec = wanted.closest_to(&there).stateful_set.spec.expect("a spec");
            assert_eq!(spec.pod_management_policy.as_deref(), Some(expected));
            assert_eq!(spec.selector.match_labels, Some(instance("foo")));
        }
    }
}
