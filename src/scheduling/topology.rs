//! The domains that nodes form by the value of one of their labels: zones, racks, hosts.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Node;

/// The domains of one label.
pub(super) struct Topology {
    domain_of: Vec<Option<usize>>,
    /// How many domains there are.
    pub(super) domains: usize,
}

impl Topology {
    /// The domains of the label of this key.
    pub(super) fn new(key: &str, nodes: &[Node]) -> Self {
        let mut numbers = HashMap::new();
        let mut number = |value| {
            let next = numbers.len();
            *numbers.entry(value).or_insert(next)
        };
        let value = |node| label(node, key).map(&mut number);
        let domain_of = nodes.iter().map(value).collect();
        Self {
            domain_of,
            domains: numbers.len(),
        }
    }

    /// The domain of the node of this number, if it is in one.
    pub(super) fn domain(&self, node: usize) -> Option<usize> {
        self.domain_of.get(node).copied().flatten()
    }
}

/// The value of a label of a node.
fn label<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.metadata.labels.as_ref()?.get(key).map(String::as_str)
}
