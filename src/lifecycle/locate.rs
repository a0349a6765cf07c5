//! Locate: where the pods of a service are, also of one that this plugin did not make.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::end_event::recall_end;
use super::retry::{Deadline, Step, retry};
use crate::cluster::Api;
use crate::error::Result;
use crate::identity::asleep::Asleep;
use crate::status::{SERVICE_NAME_LABEL, ordinal};

/// The advice about a service that has ended.
const RELAUNCH: &str = "Relaunch the workflow that creates it: a recovered run gets only the name of the service that its first run \
    used. A Lifetime such as {\"after\": {\"failed\": \"30m\"}} keeps a service for a while.";

/// Where the pods of a service are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// Each pod has a name that resolves.
    At {
        /// The Service that gives the pods their names.
        service: String,
        /// The pods, the first one first.
        pods: Vec<LocatedPod>,
        /// The declared ports of each of them, by their names. Pods that share an address answer at others.
        ports: BTreeMap<String, u16>,
    },
    /// Not all of them have, with the reason as a sentence.
    Unknown(String),
}

/// Where a pod is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedPod {
    /// Its name.
    pub name: String,
    /// Its IP address.
    pub address: String,
    /// The ports at which it answers there, by their names. They differ between pods that share an address.
    pub ports: BTreeMap<String, u16>,
}

/// Finds the pods of a `StatefulSet` by the Service that it names as its own.
///
/// # Errors
/// [`Error::Forbidden`](crate::error::Error::Forbidden), [`Error::Rejected`](crate::error::Error::Rejected), and
/// [`Error::Unavailable`](crate::error::Error::Unavailable) at the deadline.
pub async fn locate<A: Api>(api: &A, namespace: &str, name: &str, deadline: Deadline) -> Result<Location> {
    let reading = Step::new::<StatefulSet>("get", namespace, name);
    let stateful_set: Option<StatefulSet> = retry(deadline, &reading, || api.read(namespace, name))
        .await?
        .map_err(|fault| reading.failed(fault))?;
    let is_asleep = stateful_set
        .as_ref()
        .is_some_and(|stateful_set| Asleep::of(stateful_set).is_some());
    let Some(spec) = stateful_set.and_then(|stateful_set| stateful_set.spec) else {
        let missing = format!("StatefulSet {name} does not exist in namespace {namespace}.");
        let ended = recall_end(api, namespace, name, deadline).await;
        return Ok(Location::Unknown(match ended {
            Some(ended) => format!("{missing} {ended} {RELAUNCH}"),
            // Kubernetes keeps the Event of the end for an hour.
            None => format!("{missing} It may have ended with its run. {RELAUNCH}"),
        }));
    };
    let Some(service) = spec.service_name.filter(|service| !service.is_empty()) else {
        return Ok(Location::Unknown(format!(
            "StatefulSet {name} has no serviceName, so its pods have no names that resolve."
        )));
    };
    let listing = Step::new::<EndpointSlice>("list", namespace, "");
    let selector = format!("{SERVICE_NAME_LABEL}={service}");
    let slices = retry(deadline, &listing, || {
        api.list::<EndpointSlice>(namespace, &selector, "")
    });
    let slices = slices.await?.map_err(|fault| listing.failed(fault))?;
    let (pods, mut ports) = published(name, &slices);
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or_default();
    let there = if pods.len() >= wanted && wanted > 0 {
        let step = Step::new::<Service>("get", namespace, &service).optional();
        let there = retry(deadline, &step, || api.read::<Service>(namespace, &service)).await;
        // Where that cannot be read, it is taken to be as that of a `StatefulSet` should be.
        Some(there.ok().and_then(Result::ok).flatten().unwrap_or_default())
    } else {
        None
    };
    if let Some(there) = there.filter(is_headless) {
        ports.extend(declared(&there, &ports));
        return Ok(Location::At { service, pods, ports });
    }
    Ok(Location::Unknown(if is_asleep {
        format!("It is asleep: run `dataservice wake {name}`, or a task that uses it, to wake it.")
    } else if wanted == 0 {
        format!("StatefulSet {name} has 0 replicas.")
    } else if pods.len() >= wanted {
        format!("Service {service} of StatefulSet {name} is not headless, so the pods have no names that resolve.")
    } else {
        let published = pods.len();
        format!("StatefulSet {name} has {published} of {wanted} pods whose name Service {service} publishes.")
    }))
}

/// The names of the pods of a `StatefulSet` that resolve, and their ports. A Service may select other pods besides, has
/// a slice for each family of addresses and for each hundred pods, and a name resolves only while its pod takes
/// requests.
fn published(name: &str, slices: &[EndpointSlice]) -> (Vec<LocatedPod>, BTreeMap<String, u16>) {
    let mut pods = BTreeMap::new();
    let mut ports = BTreeMap::new();
    for slice in slices {
        let named = || {
            slice.ports.iter().flatten().filter_map(|port| {
                let number = u16::try_from(port.port?).ok()?;
                Some((port.name.clone().unwrap_or_default(), number))
            })
        };
        let mut is_of_pods = false;
        for endpoint in slice.endpoints.iter().flatten() {
            let conditions = endpoint.conditions.as_ref();
            let is_ready = conditions.and_then(|conditions| conditions.ready) != Some(false);
            let host = endpoint.hostname.as_deref();
            let target = endpoint.target_ref.as_ref().and_then(|target| target.name.as_deref());
            // A pod of something else that the Service selects may claim the host name of one of these.
            let host = host.filter(|host| target.is_none_or(|target| target == *host));
            let ordinal = host.and_then(|host| ordinal(name, host));
            if let Some(ordinal) = ordinal.filter(|_| is_ready) {
                let pod = LocatedPod {
                    name: format!("{name}-{ordinal}"),
                    address: endpoint.addresses.first().cloned().unwrap_or_default(),
                    ports: named().collect(),
                };
                pods.entry(ordinal).or_insert(pod);
                is_of_pods = true;
            }
        }
        if is_of_pods {
            ports.extend(named());
        }
    }
    (pods.into_values().collect(), ports)
}

/// Whether a Service gives names to its pods.
fn is_headless(service: &Service) -> bool {
    let address = service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref());
    address.is_none_or(|address| address == "None")
}

/// The ports of the published ones that a Service gives by number. They are those of the pods, except on a cluster
/// whose pods share an address, where each pod has a port of its own for it.
fn declared(service: &Service, published: &BTreeMap<String, u16>) -> BTreeMap<String, u16> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let numbered = ports.filter_map(|port| {
        let number = match &port.target_port {
            None => port.port,
            Some(IntOrString::Int(number)) => *number,
            Some(IntOrString::String(_)) => return None,
        };
        Some((port.name.clone().unwrap_or_default(), u16::try_from(number).ok()?))
    });
    numbered.filter(|(name, _)| published.contains_key(name)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn slices(slices: Value) -> Vec<EndpointSlice> {
        serde_json::from_value(slices).expect("slices")
    }

    fn slice(kind: &str, hosts: &[(&str, Value)]) -> Value {
        let endpoints: Vec<Value> = hosts
            .iter()
            .map(|(host, ready)| json!({"addresses": ["x"], "hostname": host, "conditions": {"ready": ready}}))
            .collect();
        json!({"addressType": kind, "endpoints": endpoints, "ports": [{"name": "tcp", "port": 6379}]})
    }

    fn names(pods: &[LocatedPod]) -> Vec<&str> {
        pods.iter().map(|pod| pod.name.as_str()).collect()
    }

    #[test]
    fn each_pod_is_there_once_and_in_order() {
        let yes = json!(true);
        let both = slices(json!([
            slice("IPv6", &[("db-10", yes.clone()), ("db-2", yes.clone())]),
            slice("IPv4", &[("db-2", Value::Null), ("db-10", yes.clone())]),
            slice("IPv4", &[("db-0", yes)]),
        ]));
        let (pods, ports) = published("db", &both);
        assert_eq!(names(&pods), ["db-0", "db-2", "db-10"]);
        assert_eq!(pods[0].address, "x");
        assert_eq!(pods[0].ports, ports);
        assert_eq!(ports, BTreeMap::from([("tcp".to_owned(), 6379)]));
    }

    #[test]
    fn the_declared_ports_are_those_of_the_service_where_pods_answer_at_others() {
        let mut both = [
            slice("IPv4", &[("db-0", json!(true))]),
            slice("IPv4", &[("db-1", json!(true))]),
        ];
        for (index, slice) in both.iter_mut().enumerate() {
            slice["ports"] = json!([{"name": "tcp", "port": 20001 + index}, {"name": "web", "port": 20011 + index}]);
        }
        let (pods, mut ports) = published("db", &slices(json!(both)));
        assert_eq!((pods[0].ports["tcp"], pods[1].ports["tcp"]), (20001, 20002));
        let service: Service = serde_json::from_value(json!({"spec": {"ports": [
            {"name": "tcp", "port": 6379}, {"name": "web", "port": 80, "targetPort": 8080},
            {"name": "unpublished", "port": 1},
        ]}}))
        .expect("a Service");
        ports.extend(declared(&service, &ports));
        assert_eq!(
            ports,
            BTreeMap::from([("tcp".to_owned(), 6379), ("web".to_owned(), 8080)])
        );
        let by_name = json!({"spec": {"ports": [{"name": "tcp", "port": 1, "targetPort": "x"}]}});
        assert!(declared(&serde_json::from_value(by_name).expect("a Service"), &ports).is_empty());
    }

    #[test]
    fn pods_of_others_and_pods_that_take_no_requests_are_left_out() {
        let hosts = [
            ("db-0", json!(true)),
            ("db-1", json!(false)),
            ("db-replica-0", json!(true)),
            ("other-0", json!(true)),
            ("db-", json!(true)),
        ];
        let found = published("db", &slices(json!([slice("IPv4", &hosts)]))).0;
        assert_eq!(names(&found), ["db-0"]);
        let mut claimed = slice("IPv4", &hosts[..1]);
        claimed["endpoints"][0]["targetRef"] = json!({"kind": "Pod", "name": "stranger"});
        assert!(published("db", &slices(json!([claimed]))).0.is_empty());
        let others = slices(json!([slice("IPv4", &hosts[2..])]));
        assert_eq!(published("db", &others), (Vec::new(), BTreeMap::new()));
    }
}
