//! Which slices a Service is to have, compared with those that it has.
//!
//! As in Kubernetes, pods with the same ports share slices, an endpoint stays in the slice that it is in, and a Service
//! without endpoints has one empty slice.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::endpoint::{self, Family};
use super::{MANAGED_BY_LABEL, MANAGER, SERVICE_NAME_LABEL};
use crate::controllers::owners;

/// So many endpoints are in a slice at most (kube-controller-manager, `--max-endpoints-per-slice`).
const MOST: usize = 100;
const HEADLESS_LABEL: &str = "service.kubernetes.io/headless";

/// A slice to write.
#[derive(Debug, PartialEq)]
pub(super) enum Write {
    Create(Box<EndpointSlice>),
    Replace(Box<EndpointSlice>),
    Delete(Arc<EndpointSlice>),
}

/// The endpoints of pods with the same ports.
#[derive(Debug)]
struct Group {
    ports: Vec<EndpointPort>,
    endpoints: BTreeMap<String, Endpoint>,
}

/// What is to be written so that the slices have the endpoints of the pods.
pub(super) fn writes(service: &Service, pods: &[Arc<Pod>], slices: &[Arc<EndpointSlice>]) -> Vec<Write> {
    let families = families(service);
    let typed = |slice: &&Arc<EndpointSlice>, family: Family| slice.address_type == family.name();
    let mut writes: Vec<_> = families
        .iter()
        .flat_map(|family| of_family(service, pods, slices, *family))
        .collect();
    let wrong = slices
        .iter()
        .filter(|slice| !families.iter().any(|family| typed(slice, *family)));
    writes.extend(wrong.map(|slice| Write::Delete(Arc::clone(slice))));
    // Slices of a Service that is being deleted go with it.
    let leaving = service.metadata.deletion_timestamp.is_some();
    writes.retain(|write| !leaving || !matches!(write, Write::Create(_)));
    writes
}

fn of_family(service: &Service, pods: &[Arc<Pod>], all: &[Arc<EndpointSlice>], family: Family) -> Vec<Write> {
    let mut creates = Vec::new();
    let mut replaces = Vec::new();
    let mut deletes = Vec::new();
    let mut groups = groups(service, pods, family);
    let (own, foreign): (Vec<_>, Vec<_>) = all
        .iter()
        .filter(|slice| slice.address_type == family.name())
        .partition(|slice| owners::is_owned_by(&slice.metadata, &service.metadata));
    deletes.extend(foreign);
    // First each slice keeps what it has, and only then there is room for more.
    let mut kept = Vec::new();
    for slice in own {
        let ports = slice.ports.as_deref().unwrap_or_default();
        let Some(group) = groups.iter_mut().find(|group| group.ports == ports) else {
            deletes.push(slice);
            continue;
        };
        let old = slice.endpoints.iter().flatten();
        let endpoints: Vec<_> = old.filter_map(|old| group.endpoints.remove(&identity(old))).collect();
        kept.push((slice, endpoints));
    }
    let labels = labels(service);
    let mut used = false;
    for (slice, mut endpoints) in kept {
        let ports = slice.ports.as_deref().unwrap_or_default();
        let group = groups.iter_mut().find(|group| group.ports == ports);
        let more = group
            .into_iter()
            .flat_map(|group| std::iter::from_fn(|| group.endpoints.pop_first()));
        let room = MOST.saturating_sub(endpoints.len());
        endpoints.extend(more.take(room).map(|(_, endpoint)| endpoint));
        if endpoints.is_empty() {
            deletes.push(slice);
            continue;
        }
        used = true;
        let old = slice.endpoints.as_deref().unwrap_or_default();
        if endpoints != old || slice.metadata.labels.as_ref() != Some(&labels) {
            let mut new = (**slice).clone();
            new.endpoints = Some(endpoints);
            new.metadata.labels = Some(labels.clone());
            replaces.push(Write::Replace(Box::new(new)));
        }
    }
    for mut group in groups {
        while !group.endpoints.is_empty() {
            let endpoints = std::iter::from_fn(|| group.endpoints.pop_first()).take(MOST);
            let endpoints = endpoints.map(|(_, endpoint)| endpoint).collect();
            creates.push(new(service, family, group.ports.clone(), endpoints));
        }
    }
    if !used && creates.is_empty() {
        creates.push(new(service, family, Vec::new(), Vec::new()));
    }
    finalize(service, creates, replaces, deletes)
}

/// Slices that would be deleted become those that would be created, if they may: their type is immutable.
fn finalize(
    service: &Service,
    creates: Vec<EndpointSlice>,
    replaces: Vec<Write>,
    deletes: Vec<&Arc<EndpointSlice>>,
) -> Vec<Write> {
    let (mut usable, unusable): (Vec<_>, Vec<_>) = deletes
        .into_iter()
        .partition(|slice| owners::is_owned_by(&slice.metadata, &service.metadata));
    let mut writes = Vec::new();
    usable.reverse();
    for create in creates {
        let Some(slice) = usable.pop() else {
            writes.push(Write::Create(Box::new(create)));
            continue;
        };
        let mut new = (**slice).clone();
        new.metadata.labels = create.metadata.labels;
        new.ports = create.ports.filter(|ports| !ports.is_empty());
        new.endpoints = create.endpoints;
        if !is_same(&new, slice) {
            writes.push(Write::Replace(Box::new(new)));
        }
    }
    writes.extend(replaces);
    writes.extend(
        usable
            .into_iter()
            .chain(unusable)
            .map(|slice| Write::Delete(Arc::clone(slice))),
    );
    writes
}

/// Whether two states of a slice say the same: no ports are as good as an empty list of them.
fn is_same(one: &EndpointSlice, other: &EndpointSlice) -> bool {
    let ports = |slice: &EndpointSlice| slice.ports.clone().unwrap_or_default();
    let endpoints = |slice: &EndpointSlice| slice.endpoints.clone().unwrap_or_default();
    one.metadata == other.metadata && ports(one) == ports(other) && endpoints(one) == endpoints(other)
}

/// The endpoints of the pods, by their ports.
fn groups(service: &Service, pods: &[Arc<Pod>], family: Family) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for pod in pods {
        let Some(endpoint) = endpoint::of(service, pod, family) else {
            continue;
        };
        let ports = endpoint::ports(service, pod);
        let new = (identity(&endpoint), endpoint);
        match groups.iter_mut().find(|group| group.ports == ports) {
            Some(group) => group.endpoints.extend([new]),
            None => groups.push(Group {
                ports,
                endpoints: [new].into(),
            }),
        }
    }
    groups
}

/// What makes an endpoint the same one with other conditions: its addresses and its pod.
fn identity(endpoint: &Endpoint) -> String {
    let target = endpoint.target_ref.as_ref();
    let name = target.and_then(|target| target.name.as_deref()).unwrap_or_default();
    let uid = target.and_then(|target| target.uid.as_deref()).unwrap_or_default();
    format!("{name}/{uid}/{}", endpoint.addresses.join(","))
}

fn new(service: &Service, family: Family, ports: Vec<EndpointPort>, endpoints: Vec<Endpoint>) -> EndpointSlice {
    let prefix = service.metadata.name.as_deref().unwrap_or_default();
    EndpointSlice {
        metadata: ObjectMeta {
            generate_name: Some(format!("{prefix}-")),
            namespace: service.metadata.namespace.clone(),
            labels: Some(labels(service)),
            owner_references: Some(vec![owners::controller_reference(service)]),
            ..ObjectMeta::default()
        },
        address_type: family.name().to_owned(),
        endpoints: Some(endpoints),
        ports: Some(ports),
    }
}

/// The labels of the slices: those of the Service, and their own.
fn labels(service: &Service) -> BTreeMap<String, String> {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.remove(HEADLESS_LABEL);
    let address = service
        .spec
        .as_ref()
        .and_then(|spec| spec.cluster_ip.as_deref())
        .unwrap_or_default();
    if matches!(address, "" | "None") {
        labels.insert(HEADLESS_LABEL.to_owned(), String::new());
    }
    labels.insert(
        SERVICE_NAME_LABEL.to_owned(),
        service.metadata.name.clone().unwrap_or_default(),
    );
    labels.insert(MANAGED_BY_LABEL.to_owned(), MANAGER.to_owned());
    labels
}

/// The families of a Service's addresses.
fn families(service: &Service) -> Vec<Family> {
    let names = service
        .spec
        .as_ref()
        .and_then(|spec| spec.ip_families.as_deref())
        .unwrap_or_default();
    let mut families: Vec<_> = [Family::IPv4, Family::IPv6]
        .into_iter()
        .filter(|family| names.iter().any(|name| name == family.name()))
        .collect();
    if families.is_empty() {
        families.push(Family::IPv4);
    }
    families
}
