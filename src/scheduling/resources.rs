//! Room on a node: resources and the number of pods (the scheduler's `NodeResourcesFit`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;

use super::filter_reason::FilterReason;
use crate::resources::pod::{Requests, read};
use crate::resources::quantity::counted;

/// How many pods of one shape a node can hold.
pub(super) struct Room<'a> {
    /// The request of one pod, the node's capacity and what is left of it, by resource.
    resources: Vec<Resource<'a>>,
    /// How many pods the node may have, and how many more.
    all_pods: i128,
    pods: i128,
}

struct Resource<'a> {
    name: &'a str,
    asked: i128,
    all: i128,
    free: i128,
}

/// The requests of a pod, as the scheduler counts them.
pub(super) fn asked<'a>(requests: &Requests<'a>) -> BTreeMap<&'a str, i128> {
    let known = requests.iter().filter(|(name, _)| is_counted(name));
    let counted = known.map(|(name, amount)| (*name, counted(name, *amount)));
    counted.filter(|(_, amount)| *amount > 0).collect()
}

/// Whether the scheduler counts a resource at all.
fn is_counted(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage")
        || (name.contains('/') && !name.starts_with("requests."))
        || ["hugepages-", "attachable-volumes-"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

impl<'a> Room<'a> {
    /// The room on an empty node.
    pub(super) fn on(node: &Node, asked: &BTreeMap<&'a str, i128>) -> Self {
        let all = read(node.status.as_ref().and_then(|status| status.allocatable.as_ref()));
        let of = |name: &str| all.get(name).map_or(0, |amount| counted(name, *amount));
        let resource = |(name, asked): (&&'a str, &i128)| Resource {
            name,
            asked: *asked,
            all: of(name),
            free: of(name),
        };
        Self {
            resources: asked.iter().map(resource).collect(),
            all_pods: of("pods"),
            pods: of("pods"),
        }
    }

    /// Takes what a running pod asks for.
    pub(super) fn take(&mut self, requests: &Requests<'_>) {
        self.pods -= 1;
        for resource in &mut self.resources {
            let taken = requests.get(resource.name);
            resource.free -= taken.map_or(0, |amount| counted(resource.name, *amount));
        }
    }

    /// How many pods can be added.
    pub(super) fn left(&self) -> u32 {
        let each = self.resources.iter().map(|resource| resource.free / resource.asked);
        let least = each.fold(self.pods, i128::min).max(0);
        u32::try_from(least).unwrap_or(u32::MAX)
    }

    /// Whether none could be added even if the node were empty.
    pub(super) fn never(&self) -> bool {
        self.all_pods < 1 || self.resources.iter().any(|resource| resource.asked > resource.all)
    }

    /// Why none can be added to so many.
    pub(super) fn refuses(&self, placed: u32) -> Option<FilterReason> {
        let names = |short: &dyn Fn(&Resource<'_>) -> bool| {
            let short = self.resources.iter().filter(|resource| short(resource));
            short.map(|resource| resource.name.to_owned()).collect::<Vec<_>>()
        };
        let lacking = names(&|resource| resource.asked > resource.all);
        if !lacking.is_empty() {
            return Some(FilterReason::Lacks(lacking));
        }
        let placed = i128::from(placed);
        let used_up = names(&|resource| resource.asked > resource.free - placed * resource.asked);
        if !used_up.is_empty() {
            return Some(FilterReason::TooLittleLeft(used_up));
        }
        (self.pods <= placed).then_some(FilterReason::TooManyPods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    use serde_json::json;

    type List = BTreeMap<String, Quantity>;

    fn list(pairs: &[(&str, &str)]) -> List {
        pairs
            .iter()
            .map(|(name, amount)| ((*name).to_owned(), Quantity((*amount).to_owned())))
            .collect()
    }

    /// A node, what a running pod asks for, what a new one asks for; how many of the new fit, and why no more.
    fn room(node: &[(&str, &str)], running: &[(&str, &str)], new: &[(&str, &str)]) -> (u32, Option<FilterReason>) {
        let node: Node = serde_json::from_value(json!({"status": {"allocatable": list(node)}})).expect("a node");
        let (running, new) = (list(running), list(new));
        let mut room = Room::on(&node, &asked(&read(Some(&new))));
        if !running.is_empty() {
            room.take(&read(Some(&running)));
        }
        (room.left(), room.refuses(room.left()))
    }

    #[test]
    fn a_node_has_room_for_as_many_pods_as_its_scarcest_resource_allows() {
        let node = [("cpu", "4"), ("memory", "8Gi"), ("nvidia.com/gpu", "4"), ("pods", "10")];
        let few = |names: &[&str]| {
            Some(FilterReason::TooLittleLeft(
                names.iter().map(|&name| name.to_owned()).collect(),
            ))
        };
        let lacks = |name: &str| Some(FilterReason::Lacks(vec![name.to_owned()]));
        for (running, new, left, reason) in [
            (vec![], vec![("cpu", "1")], 4, few(&["cpu"])),
            (vec![("cpu", "1m")], vec![("cpu", "1")], 3, few(&["cpu"])),
            (vec![("cpu", "100u")], vec![("cpu", "1")], 3, few(&["cpu"])),
            (
                vec![],
                vec![("cpu", "1"), ("memory", "2Gi")],
                4,
                few(&["cpu", "memory"]),
            ),
            (vec![], vec![("memory", "4294967297")], 1, few(&["memory"])),
            (
                vec![("nvidia.com/gpu", "3")],
                vec![("nvidia.com/gpu", "2")],
                0,
                few(&["nvidia.com/gpu"]),
            ),
            (vec![], vec![("nvidia.com/gpu", "5")], 0, lacks("nvidia.com/gpu")),
            (
                vec![],
                vec![("ephemeral-storage", "1Gi")],
                0,
                lacks("ephemeral-storage"),
            ),
            (vec![], vec![("hugepages-2Mi", "4Mi")], 0, lacks("hugepages-2Mi")),
            (vec![], vec![("amd.com/gpu", "0")], 10, Some(FilterReason::TooManyPods)),
            (vec![("cpu", "1")], vec![], 9, Some(FilterReason::TooManyPods)),
            (vec![], vec![("storage", "1Ti")], 10, Some(FilterReason::TooManyPods)),
            // More than there is, as after a node has shrunk.
            (vec![("cpu", "9")], vec![("cpu", "1")], 0, few(&["cpu"])),
            (vec![("cpu", "9")], vec![("memory", "8Gi")], 1, few(&["memory"])),
        ] {
            assert_eq!(room(&node, &running, &new), (left, reason), "{running:?} {new:?}");
        }
    }

    #[test]
    fn a_node_without_a_number_of_pods_takes_none() {
        assert_eq!(room(&[("cpu", "4")], &[], &[("cpu", "1")]).0, 0);
    }
}
