//! The number of pods, which the pods of a service find in `GE_COUNT`.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, EnvVar};

use crate::config::{COUNT_VARIABLE, DataServiceSpec};

/// Whether the variable is this plugin's, and not one of the user's `Env`.
pub(super) fn counts_pods(spec: &DataServiceSpec) -> bool {
    let mut env = spec.container.env.iter().flatten();
    env.all(|variable| variable.name != COUNT_VARIABLE)
}

/// The number that pods find which start from now on.
#[must_use]
pub fn count(set: &StatefulSet) -> Option<&str> {
    let name = set.metadata.name.as_deref();
    let pod = set.spec.as_ref()?.template.spec.as_ref()?;
    let own = pod.containers.iter().find(|each| Some(each.name.as_str()) == name)?;
    let variable = own
        .env
        .iter()
        .flatten()
        .find(|variable| variable.name == COUNT_VARIABLE)?;
    variable.value.as_deref()
}

/// The same `StatefulSet` with another number for its pods to find.
#[must_use]
pub fn with_count(mut set: StatefulSet, count: &str) -> StatefulSet {
    let name = set.metadata.name.clone();
    let pod = set.spec.as_mut().and_then(|spec| spec.template.spec.as_mut());
    let containers = pod.into_iter().flat_map(|pod| &mut pod.containers);
    let own = containers.filter(|each| Some(&each.name) == name.as_ref());
    for variable in own.flat_map(variables) {
        variable.value = Some(count.to_owned());
    }
    set
}

fn variables(container: &mut Container) -> impl Iterator<Item = &mut EnvVar> {
    let env = container.env.iter_mut().flatten();
    env.filter(|variable| variable.name == COUNT_VARIABLE && variable.value_from.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(env: &serde_json::Value) -> StatefulSet {
        let containers = json!([
            {"name": "sidecar", "env": [{"name": "GE_COUNT", "value": "9"}]},
            {"name": "foo", "env": env},
        ]);
        let spec = json!({"selector": {}, "template": {"spec": {"containers": containers}}});
        serde_json::from_value(json!({"metadata": {"name": "foo"}, "spec": spec})).expect("a StatefulSet")
    }

    #[test]
    fn the_number_is_that_of_the_services_own_container() {
        let two = set(&json!([{"name": "A", "value": "1"}, {"name": "GE_COUNT", "value": "2"}]));
        assert_eq!(count(&two), Some("2"));
        let four = with_count(two.clone(), "4");
        assert_eq!(count(&four), Some("4"));
        assert_eq!(with_count(four, "2"), two, "nothing else changes");
    }

    #[test]
    fn a_number_that_the_user_takes_from_elsewhere_is_not_touched() {
        let elsewhere = set(&json!([{"name": "GE_COUNT", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]));
        assert_eq!(count(&elsewhere), None);
        assert_eq!(with_count(elsewhere.clone(), "4"), elsewhere);
        assert_eq!(count(&StatefulSet::default()), None);
    }
}
