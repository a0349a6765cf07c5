//! Why a node refuses a pod.

/// Why a node takes no (further) pod; the first reason where there are several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FilterReason {
    /// The node is cordoned.
    Unschedulable,
    /// The pod names another node.
    NodeName,
    /// The node has a taint, `key=value`, that the pod does not tolerate.
    Taint(String),
    /// The node's labels or name are not those that the pod selects.
    NodeAffinity,
    /// A port of the node that the pod wants is taken.
    HostPort,
    /// Of these resources the node has too little for one pod, even when it is empty.
    Lacks(Vec<String>),
    /// Of these resources the node has too little left.
    TooLittleLeft(Vec<String>),
    /// The node has as many pods as it may.
    TooManyPods,
    /// The node lacks a label, the key, over whose values pods are to be spread.
    NoTopology(String),
    /// There would be too many pods here compared to elsewhere; the key of the label.
    TopologySpread(String),
    /// The pods that the pod wants to be with are not here.
    PodAffinity,
    /// Pods are here that the pod does not want to be with.
    PodAntiAffinity,
    /// Pods are here that do not want to be with the pod.
    ExistingAntiAffinity,
}

impl FilterReason {
    /// The predicate of so many nodes, as the end of a sentence that begins with their number.
    pub(super) fn of(&self, nodes: u32) -> String {
        let one = nodes == 1;
        let lack = if one { "lacks" } else { "lack" };
        let have = if one { "has" } else { "have" };
        match self {
            Self::Unschedulable => (if one { "is cordoned" } else { "are cordoned" }).to_owned(),
            Self::NodeName => (if one { "is" } else { "are" }).to_owned() + " not the node that the pods name",
            Self::Taint(taint) => format!("{have} a taint that the pods do not tolerate ({taint})"),
            Self::NodeAffinity => (if one { "is" } else { "are" }).to_owned() + " not among those that the pods select",
            Self::HostPort => format!("{have} no host port left that the pods want"),
            Self::Lacks(resources) => format!("{lack} {}", resources.join(" and ")),
            Self::TooLittleLeft(resources) => format!("{have} too little {} left", resources.join(" and ")),
            Self::TooManyPods => format!("{have} as many pods as allowed"),
            Self::NoTopology(key) => format!("{lack} the label {key}, over which the pods are spread"),
            Self::TopologySpread(key) => format!("would have too many of the pods (spread over {key})"),
            Self::PodAffinity => format!("{lack} the pods that the pods want to be with"),
            Self::PodAntiAffinity => format!("{have} pods that the pods do not want to be with"),
            Self::ExistingAntiAffinity => format!("{have} pods that do not want the pods beside them"),
        }
    }

    /// The resources that there is too little of.
    pub(super) fn resources(&self) -> &[String] {
        match self {
            Self::Lacks(resources) | Self::TooLittleLeft(resources) => resources,
            _ => &[],
        }
    }
}
