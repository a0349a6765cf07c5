//! The `NetworkPolicy`, which keeps strangers from the pods.

use k8s_openapi::api::networking::v1::{
    NetworkPolicy as Object, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::metadata;
use crate::config::{DataServiceSpec, NetworkPolicy};
use crate::identity::labels::selector;
use crate::identity::owner::Identity;

/// The labels that Flyte puts on the pods of its tasks, with their project (flyteadmin, `labels` of an execution).
const PROJECT: [&str; 2] = ["project", "domain"];

/// The port of a cluster's DNS.
const DNS: i32 = 53;

/// Makes the `NetworkPolicy` of a service, if it asks for one.
pub(super) fn network_policy(spec: &DataServiceSpec, identity: &Identity) -> Option<Object> {
    let policy = match spec.network_policy.as_ref()? {
        NetworkPolicy::Project => of_project(identity),
        NetworkPolicy::Said(said) => (**said).clone(),
    };
    Some(Object {
        metadata: metadata(spec, identity),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(own(identity)),
            ..policy
        }),
    })
}

fn own(identity: &Identity) -> LabelSelector {
    LabelSelector {
        match_labels: Some(selector(&identity.name)),
        ..LabelSelector::default()
    }
}

/// The pods of the same project and domain, in whichever namespace they run, and the service's own. In a local run
/// there is no project, and only they are left.
fn of_project(identity: &Identity) -> NetworkPolicySpec {
    let labels = identity.labels.iter();
    let project = labels.filter(|(key, _)| PROJECT.contains(&key.as_str()));
    let project: std::collections::BTreeMap<_, _> = project.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut peers = vec![NetworkPolicyPeer {
        pod_selector: Some(own(identity)),
        ..NetworkPolicyPeer::default()
    }];
    if project.contains_key(PROJECT[0]) {
        peers.push(NetworkPolicyPeer {
            namespace_selector: Some(LabelSelector::default()),
            pod_selector: Some(LabelSelector {
                match_labels: Some(project),
                ..LabelSelector::default()
            }),
            ip_block: None,
        });
    }
    let dns = |protocol: &str| NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(DNS)),
        end_port: None,
    };
    NetworkPolicySpec {
        ingress: Some(vec![NetworkPolicyIngressRule {
            from: Some(peers.clone()),
            ports: None,
        }]),
        egress: Some(vec![
            NetworkPolicyEgressRule {
                to: Some(peers),
                ports: None,
            },
            NetworkPolicyEgressRule {
                to: None,
                ports: Some(vec![dns("UDP"), dns("TCP")]),
            },
        ]),
        policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
        pod_selector: None,
    }
}
