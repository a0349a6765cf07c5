//! The causes that a script can give, by the names that the core reports them by, with the words that Kubernetes and
//! the container runtimes use.

/// A cause: what keeps the pods of a service from being ready, or that nothing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause(&'static Row);

type Row = (&'static str, Act);

/// Which probe nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probed {
    Startup,
    Liveness,
    Readiness,
}

/// What happens to a pod. `{pod}`, `{namespace}`, `{image}` and `{program}` in words are the pod's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Its containers run and are ready.
    Run,
    /// The API server refuses it.
    Refuse {
        code: u16,
        reason: &'static str,
        words: &'static str,
    },
    /// The scheduler gives it no node.
    Unschedulable {
        reason: &'static str,
        words: &'static str,
        /// What an autoscaler reports on it.
        scaling: Option<(&'static str, &'static str)>,
    },
    /// Its node turns it away.
    Reject { reason: &'static str, words: &'static str },
    /// Its node gives it up while it runs.
    GiveUp { reason: &'static str, words: &'static str },
    /// A pod of higher priority takes its place.
    Preempt { words: &'static str },
    /// Its node does not answer any more once the pod is ready.
    Lose,
    /// Its node cannot make its sandbox or its volumes.
    SetUp { reason: &'static str, words: &'static str },
    /// Its image cannot be had. What can pass is tried again.
    Pull { reason: &'static str, words: &'static str },
    /// Its container refers to what does not exist.
    Configure { words: &'static str },
    /// Its container cannot be started.
    Start { words: &'static str },
    /// Its container, or its init container, ends.
    End {
        code: i32,
        reason: &'static str,
        is_init: bool,
    },
    /// Its container runs, and does not answer a probe.
    Silent(Probed),
}

const fn refuse(words: &'static str) -> Act {
    Act::Refuse {
        code: 403,
        reason: "Forbidden",
        words,
    }
}

const fn unschedulable(words: &'static str) -> Act {
    Act::Unschedulable {
        reason: "Unschedulable",
        words,
        scaling: None,
    }
}

const fn set_up(reason: &'static str, words: &'static str) -> Act {
    Act::SetUp { reason, words }
}

const fn pull(words: &'static str) -> Act {
    Act::Pull {
        reason: "ErrImagePull",
        words,
    }
}

const fn configure(words: &'static str) -> Act {
    Act::Configure { words }
}

const fn end(code: i32, reason: &'static str) -> Act {
    Act::End {
        code,
        reason,
        is_init: false,
    }
}

/// What runc reports before the cause itself.
macro_rules! runc {
    ($cause:literal) => {
        Act::Start {
            words: concat!(
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create \
                 failed: unable to start container process: ",
                $cause
            ),
        }
    };
}

/// What the scheduler reports about the only node.
macro_rules! no_node {
    ($cause:literal) => {
        unschedulable(concat!(
            "0/1 nodes are available: ",
            $cause,
            ". preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
        ))
    };
}

const ROWS: &[Row] = &[
    ("Ready", Act::Run),
    // The image.
    (
        "ImageNotFound",
        pull(
            "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve reference \
             \"{image}\": {image}: not found",
        ),
    ),
    (
        "ImageNameInvalid",
        Act::Pull {
            reason: "InvalidImageName",
            words: "Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": invalid \
                    reference format",
        },
    ),
    (
        "ImageNeverPulled",
        Act::Pull {
            reason: "ErrImageNeverPull",
            words: "Container image \"{image}\" is not present with pull policy of Never",
        },
    ),
    (
        "ImagePullUnauthorized",
        pull(
            "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": unexpected status from \
             HEAD request to the registry: 403 Forbidden",
        ),
    ),
    (
        "ImagePullThrottled",
        pull(
            "failed to pull and unpack image \"{image}\": unexpected status code: 429 Too Many Requests - toomanyrequests",
        ),
    ),
    (
        "RegistryUnreachable",
        pull(
            "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": failed to do request: \
             dial tcp: lookup registry: no such host",
        ),
    ),
    (
        "ImagePlatformMismatch",
        pull("failed to pull and unpack image \"{image}\": no match for platform in manifest: not found"),
    ),
    (
        "ImagePullFailed",
        pull("failed to pull and unpack image \"{image}\": failed to extract layer: no space left on device"),
    ),
    // The container.
    (
        "CommandNotFound",
        runc!("exec: \"{program}\": executable file not found in $PATH"),
    ),
    ("CommandNotExecutable", runc!("exec: \"{program}\": permission denied")),
    (
        "ContainerCannotStart",
        runc!("error mounting \"/dev\" to rootfs: invalid argument"),
    ),
    (
        "MemoryLimitTooSmall",
        runc!("container init was OOM-killed (memory limit too low?)"),
    ),
    ("ContainerExits", end(3, "Error")),
    ("ContainerCompleted", end(0, "Completed")),
    ("OutOfMemory", end(137, "OOMKilled")),
    (
        "InitContainerFailed",
        Act::End {
            code: 1,
            reason: "Error",
            is_init: true,
        },
    ),
    ("LivenessProbeFails", Act::Silent(Probed::Liveness)),
    ("StartupProbeFails", Act::Silent(Probed::Startup)),
    ("ReadinessProbeFails", Act::Silent(Probed::Readiness)),
    (
        "RunsAsRoot",
        configure("container has runAsNonRoot and image will run as root"),
    ),
    (
        "ContainerConfigInvalid",
        configure("failed to prepare subPath for volumeMount of container"),
    ),
    ("SecretMissing", configure("secret \"missing\" not found")),
    ("ConfigMapMissing", configure("configmap \"missing\" not found")),
    (
        "KeyMissing",
        configure("couldn't find key missing in Secret {namespace}/credentials"),
    ),
    // The sandbox and the volumes.
    (
        "RuntimeHandlerMissing",
        set_up(
            "FailedCreatePodSandBox",
            "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for \
             \"gvisor\" is configured",
        ),
    ),
    (
        "PodAddressesExhausted",
        set_up(
            "FailedCreatePodSandBox",
            "Failed to create pod sandbox: plugin type=\"host-local\" failed (add): failed to allocate for range 0: no IP \
             addresses available in range set",
        ),
    ),
    (
        "PodNetworkFails",
        set_up(
            "FailedCreatePodSandBox",
            "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox",
        ),
    ),
    (
        "PodSandboxFails",
        set_up(
            "FailedCreatePodSandBox",
            "Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        ),
    ),
    (
        "VolumeMountFails",
        set_up(
            "FailedMount",
            "MountVolume.SetUp failed for volume \"data\" : mount failed: exit status 32",
        ),
    ),
    (
        "VolumeAttachFails",
        set_up(
            "FailedAttachVolume",
            "Multi-Attach error for volume \"data\" Volume is already exclusively attached to one node and can't be \
             attached to another",
        ),
    ),
    // Room on a node.
    ("InsufficientCpu", no_node!("1 Insufficient cpu")),
    ("InsufficientMemory", no_node!("1 Insufficient memory")),
    ("InsufficientGpu", no_node!("1 Insufficient nvidia.com/gpu")),
    ("InsufficientStorage", no_node!("1 Insufficient ephemeral-storage")),
    ("TooManyPods", no_node!("1 Too many pods")),
    (
        "NoMatchingNode",
        no_node!("1 node(s) didn't match Pod's node affinity/selector"),
    ),
    (
        "PodAffinityUnmatched",
        no_node!("1 node(s) didn't match pod affinity rules"),
    ),
    (
        "TaintNotTolerated",
        no_node!("1 node(s) had untolerated taint {dedicated: others}"),
    ),
    ("Unschedulable", no_node!("1 node(s) were unschedulable")),
    ("ClaimMissing", no_node!("persistentvolumeclaim \"missing\" not found")),
    (
        "StorageClassMissing",
        no_node!("storageclass.storage.k8s.io \"missing\" not found"),
    ),
    (
        "ClaimPending",
        no_node!("pod has unbound immediate PersistentVolumeClaims"),
    ),
    (
        "ScaleUpInProgress",
        Act::Unschedulable {
            reason: "Unschedulable",
            words: "0/1 nodes are available: 1 Insufficient cpu.",
            scaling: Some(("TriggeredScaleUp", "pod triggered scale-up: [{nodes 1->2 (max: 4)}]")),
        },
    ),
    (
        "SchedulingGated",
        Act::Unschedulable {
            reason: "SchedulingGated",
            words: "Scheduling is blocked due to non-empty scheduling gates",
            scaling: None,
        },
    ),
    // Rejection by a node.
    (
        "NodeOutOfResources",
        Act::Reject {
            reason: "OutOfcpu",
            words: "Node didn't have enough resource: cpu, requested: 1200, used: 1200, capacity: 2000",
        },
    ),
    (
        "PodNotSupportedByNode",
        Act::Reject {
            reason: "SysctlForbidden",
            words: "forbidden sysctl: \"kernel.msgmax\" not allowlisted",
        },
    ),
    (
        "PodRejectedByNode",
        Act::Reject {
            reason: "UnexpectedAdmissionError",
            words: "Allocate failed due to no healthy devices present; cannot allocate unhealthy devices nvidia.com/gpu, \
                    which is unexpected",
        },
    ),
    // The end of a pod that runs.
    (
        "DeadlineExceeded",
        Act::GiveUp {
            reason: "DeadlineExceeded",
            words: "Pod was active on the node longer than the specified deadline",
        },
    ),
    (
        "PodFailed",
        Act::GiveUp {
            reason: "UnexpectedPodFailure",
            words: "The pod has failed for another reason",
        },
    ),
    (
        "Evicted",
        Act::GiveUp {
            reason: "Evicted",
            words: "The node was low on resource: memory. Threshold quantity: 100Mi, available: 64Mi.",
        },
    ),
    (
        "Preempted",
        Act::Preempt {
            words: "default-scheduler: preempting to accommodate a higher priority pod",
        },
    ),
    ("NodeLost", Act::Lose),
    // Permission to make pods.
    (
        "QuotaExceeded",
        refuse("pods \"{pod}\" is forbidden: exceeded quota: quota, requested: pods=1, used: pods=4, limited: pods=4"),
    ),
    (
        "LimitRangeRefused",
        refuse("pods \"{pod}\" is forbidden: maximum cpu usage per Container is 1, but limit is 2"),
    ),
    (
        "PodSecurityRefused",
        refuse(
            "pods \"{pod}\" is forbidden: violates PodSecurity \"restricted:latest\": seccompProfile (pod or container \
             must set securityContext.seccompProfile.type)",
        ),
    ),
    (
        "AdmissionRefused",
        refuse("admission webhook \"policy.example.com\" denied the request: not allowed"),
    ),
    (
        "WebhookUnavailable",
        Act::Refuse {
            code: 500,
            reason: "InternalError",
            words: "Internal error occurred: failed calling webhook \"policy.example.com\": failed to call webhook: \
                    connection refused",
        },
    ),
    (
        "ServiceAccountMissing",
        refuse(
            "pods \"{pod}\" is forbidden: error looking up service account {namespace}/missing: serviceaccount \
             \"missing\" not found",
        ),
    ),
    (
        "NamespaceTerminating",
        refuse(
            "pods \"{pod}\" is forbidden: unable to create new content in namespace {namespace} because it is being \
             terminated",
        ),
    ),
    (
        "NameTooLong",
        Act::Refuse {
            code: 422,
            reason: "Invalid",
            words: "Pod \"{pod}\" is invalid: metadata.labels: Invalid value: \"{pod}\": must be no more than 63 bytes",
        },
    ),
    (
        "Forbidden",
        refuse("pods \"{pod}\" is forbidden: not allowed in this namespace"),
    ),
    (
        "PodNotCreated",
        Act::Refuse {
            code: 500,
            reason: "InternalError",
            words: "Internal error occurred: etcdserver: request timed out",
        },
    ),
];

impl Cause {
    /// Nothing keeps the pods from being ready.
    pub const READY: Self = Self(&ROWS[0]);

    /// The cause of this name; none for a name that is no cause, or of a cause that no script can give.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ROWS.iter().find(|(known, _)| *known == name).map(Self)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.0
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ROWS.iter().map(|(name, _)| *name)
    }

    pub(crate) fn act(self) -> Act {
        self.0.1
    }
}
