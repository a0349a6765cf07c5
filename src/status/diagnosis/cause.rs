//! Every cause that keeps a service from being ready: its code, what it means, and how long it may take to pass.

use std::time::Duration;

/// Whether, when and through whose fault a cause makes a service fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    /// It may pass, however long it takes.
    Never,
    /// It does not pass.
    AtOnce(Blame),
    /// It may pass, but hardly after this long.
    After(Duration, Blame),
}

/// Whose fault a failure is, in Flyte's division: a user's failure is final, a system's is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The user has to change something.
    User,
    /// The same service may well start another time.
    System,
}

const NEVER: Fails = Fails::Never;
const AT_ONCE: Fails = Fails::AtOnce(Blame::User);

const fn after(minutes: u64) -> Fails {
    Fails::After(Duration::from_secs(60 * minutes), Blame::User)
}

const fn retried_after(minutes: u64) -> Fails {
    Fails::After(Duration::from_secs(60 * minutes), Blame::System)
}

macro_rules! causes {
    ($($name:ident: $fails:expr, $meaning:literal;)+) => {
        /// A cause that keeps a service from being ready.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Cause {
            $(#[doc = $meaning] $name,)+
        }

        impl Cause {
            /// All of them, by what they concern.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its stable code.
            #[must_use]
            pub fn reason(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// Its meaning.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)+ }
            }

            /// Whether and when a service fails for it, unless the platform sets another grace period.
            #[must_use]
            pub fn fails(self) -> Fails {
                match self { $(Self::$name => $fails,)+ }
            }
        }
    };
}

causes! {
    // Images.
    ImageNotFound: AT_ONCE, "The registry does not have the image.";
    ImageNameInvalid: AT_ONCE, "`Image` is not a valid image name.";
    ImageNeverPulled: AT_ONCE, "The node does not have the image, and its pull policy does not allow pulling it.";
    ImagePullUnauthorized: after(1), "The registry refuses the image to this account.";
    ImagePullThrottled: NEVER, "The registry limits how often images may be pulled.";
    RegistryUnreachable: retried_after(10), "The registry cannot be reached.";
    ImagePlatformMismatch: AT_ONCE, "The image has nothing for the node's operating system and processor architecture.";
    ImagePullFailed: after(5), "The image cannot be pulled for another reason.";
    // Containers.
    CommandNotFound: AT_ONCE, "The image has no such program as `Command` names.";
    CommandNotExecutable: AT_ONCE, "The program of `Command` may not be executed.";
    ContainerCannotStart: after(2), "The container runtime cannot start the container.";
    ContainerExits: after(5), "The process ends with an error; at its third restart the service fails at once.";
    ContainerCompleted: after(5), "The process ends by itself; at its third restart the service fails at once.";
    OutOfMemory: AT_ONCE, "The process was killed because it used more memory than its limit.";
    MemoryLimitTooSmall: AT_ONCE, "The memory limit leaves no room for the start of the container or the pod.";
    InitContainerFailed: after(5), "An init container fails; at its third restart the service fails at once.";
    LivenessProbeFails: after(5), "The liveness probe fails, so that the container is killed again and again; at its third restart the service fails at once.";
    StartupProbeFails: after(5), "The startup probe fails, so that the container is killed again and again; at its third restart the service fails at once.";
    ReadinessProbeFails: after(10), "The process runs, but its readiness probe does not pass.";
    RunsAsRoot: AT_ONCE, "The image runs as root, which the pod may not.";
    ContainerConfigInvalid: after(1), "The container's configuration cannot be used.";
    ReadinessGateClosed: after(10), "The containers are ready, but a readiness gate of the pod is not open.";
    // The pod's sandbox.
    RuntimeHandlerMissing: after(10), "The node does not have the handler of the pod's `RuntimeClass`.";
    PodAddressesExhausted: retried_after(10), "The node's network plugin has no address left for the pod.";
    PodNetworkFails: retried_after(10), "The node's network plugin cannot connect the pod.";
    PodSandboxFails: retried_after(10), "The node cannot create the pod's sandbox for another reason.";
    // Objects that a pod refers to.
    SecretMissing: after(1), "A Secret does not exist.";
    ConfigMapMissing: after(1), "A `ConfigMap` does not exist.";
    KeyMissing: after(1), "A Secret or a `ConfigMap` does not have the key.";
    ServiceAccountMissing: after(1), "The `ServiceAccount` does not exist.";
    ClaimMissing: after(1), "A `PersistentVolumeClaim` does not exist.";
    StorageClassMissing: after(1), "The `StorageClass` of a claim does not exist.";
    ClaimPending: after(15), "A claim has no volume yet.";
    VolumeMountFails: after(5), "A volume cannot be mounted.";
    VolumeAttachFails: retried_after(10), "A volume cannot be attached to the node.";
    // Room on a node.
    InsufficientCpu: after(15), "No node has enough CPU left.";
    InsufficientMemory: after(15), "No node has enough memory left.";
    InsufficientGpu: after(15), "No node has enough GPUs left.";
    InsufficientStorage: after(15), "No node has enough ephemeral storage left.";
    TooManyPods: after(15), "Every node is at its limit of pods.";
    NoMatchingNode: after(15), "No node has the labels of the pod's node selector or affinity.";
    PodAffinityUnmatched: after(15), "No node has the neighbours that the pod's affinity asks for.";
    TaintNotTolerated: after(15), "Every node that would do has a taint that keeps the pod away.";
    Unschedulable: after(15), "No node takes the pod for another reason.";
    ScaleUpInProgress: after(30), "The cluster's autoscaler adds a node for the pod; counted from when it last said so.";
    SchedulingGated: NEVER, "The pod waits for somebody, such as a queue, to let it be scheduled.";
    // Rejection by a node.
    NodeOutOfResources: after(15), "The node lacks what the scheduler took for free, and turns the pod away: `OutOfcpu`, `OutOfmemory`, `OutOfpods` and the like.";
    PodNotSupportedByNode: AT_ONCE, "The node does not support what the pod asks for, and turns it away: `AppArmor`, `SysctlForbidden`, `PodOSNotSupported` and the like.";
    PodRejectedByNode: retried_after(15), "The node turns the pod away for another reason: `NodeAffinity`, `TopologyAffinityError`, `UnexpectedAdmissionError` and the like.";
    DeadlineExceeded: after(5), "The pod ran for longer than its `activeDeadlineSeconds`.";
    PodFailed: after(5), "The pod failed as a whole for another reason.";
    // Permission to make pods.
    QuotaExceeded: after(15), "The namespace's `ResourceQuota` is used up.";
    LimitRangeRefused: AT_ONCE, "The namespace's `LimitRange` does not allow the pod or its claim.";
    PodSecurityRefused: AT_ONCE, "The namespace's security level does not allow the pod.";
    AdmissionRefused: AT_ONCE, "An admission webhook or policy of the cluster refuses the pod or its claim.";
    WebhookUnavailable: NEVER, "An admission webhook of the cluster is away.";
    NamespaceTerminating: AT_ONCE, "The namespace is being deleted.";
    NameTooLong: AT_ONCE, "The pods' names or labels become too long.";
    Forbidden: after(1), "The cluster forbids the pod or its claim for another reason.";
    PodNotCreated: after(5), "The pods or their claims cannot be made for another reason.";
    // Events in the life of a pod.
    Evicted: NEVER, "The node had to give up the pod; Kubernetes recreates it.";
    Preempted: NEVER, "A pod of higher priority took the place; Kubernetes recreates the pod.";
    NodeLost: NEVER, "The pod's node does not answer or is gone; Kubernetes recreates the pod.";
    PodTerminating: retried_after(10), "Kubernetes recreates a pod only after it is deleted; counted from when it should have been.";
    PodLeftBehind: retried_after(5), "A pod of an earlier service of that name is in the way, and nothing removes it.";
    RolloutStuck: after(5), "A pod of the old revision is not ready, and Kubernetes replaces no pod before it is: with `OrderedReady`, or in 1.35.0 to 1.35.3.";
}

impl Cause {
    /// The cause with this code.
    #[must_use]
    pub fn named(reason: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|cause| cause.reason() == reason)
    }

    /// Whether a service with this cause waits for room or permission, rather than for its own start.
    #[must_use]
    pub fn waits_for_resources(self) -> bool {
        matches!(
            self,
            Self::ClaimMissing
                | Self::StorageClassMissing
                | Self::ClaimPending
                | Self::ServiceAccountMissing
                | Self::InsufficientCpu
                | Self::InsufficientMemory
                | Self::InsufficientGpu
                | Self::InsufficientStorage
                | Self::TooManyPods
                | Self::NoMatchingNode
                | Self::PodAffinityUnmatched
                | Self::TaintNotTolerated
                | Self::Unschedulable
                | Self::ScaleUpInProgress
                | Self::SchedulingGated
                | Self::NodeOutOfResources
                | Self::QuotaExceeded
                | Self::LimitRangeRefused
                | Self::PodSecurityRefused
                | Self::AdmissionRefused
                | Self::WebhookUnavailable
                | Self::NamespaceTerminating
                | Self::NameTooLong
                | Self::Forbidden
                | Self::PodNotCreated
        )
    }
}
