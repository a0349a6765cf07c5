//! Where the pods of a service are reached.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::DataServiceSpec;

/// The addresses that a consumer of a service needs, as far as they follow from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Declared {
    /// How many pods there are.
    pub replicas: u32,
    /// The port that the service is known by.
    pub port: u16,
    /// The ports that have names of the user's own.
    pub ports: BTreeMap<String, u16>,
}

impl From<&DataServiceSpec> for Declared {
    fn from(spec: &DataServiceSpec) -> Self {
        let ports = spec.ports.iter().map(|port| (port.name.clone(), port.port));
        Self {
            replicas: spec.replicas,
            port: spec.port,
            ports: ports.collect(),
        }
    }
}

/// The stable host name of each pod, resolvable from any pod of the same namespace: `foo-0.foo`, `foo-1.foo`, ...
///
/// From another namespace add it: `foo-0.foo.flyte`. The form is what Kubernetes gives to the pods of a `StatefulSet`
/// behind a headless Service ("Stable Network ID").
#[must_use]
pub fn hostnames(name: &str, replicas: u32) -> Vec<String> {
    (0..replicas)
        .map(|ordinal| format!("{name}-{ordinal}.{name}"))
        .collect()
}

/// The endpoint of each pod as `host:port`: `foo-0.foo:40000`, ...
///
/// With a `namespace` the host is `foo-0.foo.<namespace>`, which resolves from every namespace.
#[must_use]
pub fn endpoints(name: &str, replicas: u32, port: u16, namespace: Option<&str>) -> Vec<String> {
    let suffix = namespace.map(|namespace| format!(".{namespace}")).unwrap_or_default();
    hostnames(name, replicas)
        .into_iter()
        .map(|host| format!("{host}{suffix}:{port}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_the_documented_ones() {
        assert_eq!(endpoints("foo", 2, 1234, None), ["foo-0.foo:1234", "foo-1.foo:1234"]);
        assert_eq!(endpoints("foo", 1, 40000, Some("flyte")), ["foo-0.foo.flyte:40000"]);
        assert!(endpoints("foo", 0, 1, None).is_empty());
    }
}
