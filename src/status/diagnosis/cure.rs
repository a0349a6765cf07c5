//! What Kubernetes calls each cause, and what the user does about it. The documentation lists both.

use super::Cause;

impl Cause {
    /// Kubernetes's own reasons for it, one of which every message has; none where Kubernetes has no word for it.
    #[must_use]
    pub fn kubernetes_reasons(self) -> &'static [&'static str] {
        match self {
            Self::ImageNotFound
            | Self::ImagePullUnauthorized
            | Self::ImagePullThrottled
            | Self::ImagePlatformMismatch => &["ErrImagePull", "ImagePullBackOff"],
            Self::ImageNameInvalid => &["InvalidImageName"],
            Self::ImageNeverPulled => &["ErrImageNeverPull"],
            Self::RegistryUnreachable => &["ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"],
            Self::ImagePullFailed => &[
                "ErrImagePull",
                "ImagePullBackOff",
                "SignatureValidationFailed",
                "ImageInspectError",
            ],
            Self::CommandNotFound | Self::CommandNotExecutable => {
                &["RunContainerError", "StartError", "CrashLoopBackOff"]
            }
            Self::ContainerCannotStart => &[
                "RunContainerError",
                "CreateContainerError",
                "StartError",
                "CrashLoopBackOff",
            ],
            Self::ContainerExits | Self::InitContainerFailed => &["Error", "CrashLoopBackOff"],
            Self::ContainerCompleted => &["Completed", "CrashLoopBackOff"],
            Self::OutOfMemory => &["OOMKilled"],
            Self::MemoryLimitTooSmall => &["RunContainerError", "CrashLoopBackOff", "FailedCreatePodSandBox"],
            Self::LivenessProbeFails | Self::StartupProbeFails => &["Unhealthy", "CrashLoopBackOff"],
            Self::ReadinessProbeFails => &["Unhealthy"],
            Self::RunsAsRoot | Self::ContainerConfigInvalid => &["CreateContainerConfigError"],
            Self::ReadinessGateClosed => &["ReadinessGatesNotReady"],
            Self::RuntimeHandlerMissing | Self::PodAddressesExhausted => &["FailedCreatePodSandBox"],
            Self::PodNetworkFails => &["FailedCreatePodSandBox", "NetworkNotReady"],
            Self::PodSandboxFails => &[
                "FailedCreatePodSandBox",
                "FailedPodSandBoxStatus",
                "FailedCreatePodContainer",
                "FailedPrepareDynamicResources",
            ],
            Self::SecretMissing | Self::ConfigMapMissing | Self::KeyMissing => {
                &["CreateContainerConfigError", "FailedMount"]
            }
            Self::ServiceAccountMissing
            | Self::QuotaExceeded
            | Self::LimitRangeRefused
            | Self::PodSecurityRefused
            | Self::AdmissionRefused
            | Self::WebhookUnavailable
            | Self::NamespaceTerminating
            | Self::NameTooLong
            | Self::Forbidden
            | Self::PodNotCreated => &["FailedCreate"],
            Self::ClaimMissing
            | Self::InsufficientCpu
            | Self::InsufficientMemory
            | Self::InsufficientGpu
            | Self::InsufficientStorage
            | Self::TooManyPods
            | Self::NoMatchingNode
            | Self::PodAffinityUnmatched
            | Self::TaintNotTolerated
            | Self::Unschedulable => &["FailedScheduling"],
            Self::StorageClassMissing | Self::ClaimPending => &["FailedScheduling", "ProvisioningFailed"],
            Self::VolumeMountFails => &["FailedMount", "FailedMapVolume"],
            Self::VolumeAttachFails => &["FailedAttachVolume"],
            Self::ScaleUpInProgress => &["FailedScheduling", "TriggeredScaleUp"],
            Self::SchedulingGated => &["SchedulingGated"],
            Self::NodeOutOfResources => &["OutOfcpu", "OutOfmemory", "OutOfpods"],
            Self::PodNotSupportedByNode => &["AppArmor", "SysctlForbidden", "PodOSNotSupported"],
            Self::PodRejectedByNode => &["NodeAffinity", "TopologyAffinityError", "UnexpectedAdmissionError"],
            Self::DeadlineExceeded => &["DeadlineExceeded"],
            Self::PodFailed | Self::PodLeftBehind | Self::RolloutStuck => &[],
            Self::Evicted => &["Evicted"],
            Self::Preempted => &["Preempted"],
            Self::NodeLost => &["NodeNotReady"],
            Self::PodTerminating => &["Terminating"],
        }
    }

    /// The user's action against it.
    #[expect(clippy::too_many_lines, reason = "a table, with a row for each cause")]
    #[must_use]
    pub fn cure(self) -> &'static str {
        match self {
            Self::ImageNotFound => "Correct `Image`, or push the image.",
            Self::ImageNameInvalid => "Write `Image` as `registry/name:tag`.",
            Self::ImageNeverPulled => {
                "Set the container's `imagePullPolicy` to `IfNotPresent`, or load the image onto the node."
            }
            Self::ImagePullUnauthorized => {
                "Correct `Image`, or give the pod's service account a pull secret for the registry."
            }
            Self::ImagePullThrottled => "Wait, or pull from a mirror or with an account that has a higher limit.",
            Self::RegistryUnreachable => {
                "Correct the registry in `Image`, or repair the network between the node and the registry."
            }
            Self::ImagePlatformMismatch => {
                "Build the image for the node's platform too, or choose other nodes with `NodeSelector` (`kubernetes.io/arch`)."
            }
            Self::ImagePullFailed => {
                "Follow the runtime's error in the message; a full disk of the node, for example, is for the cluster's administrator."
            }
            Self::CommandNotFound => "Correct `Command`, or add the program to the image.",
            Self::CommandNotExecutable => {
                "Make the program executable for the pod's user (1001 by default), or correct `Command`."
            }
            Self::ContainerCannotStart => "Follow the runtime's error in the message.",
            Self::ContainerExits => {
                "Read the last log lines in the message, and correct the program or its configuration."
            }
            Self::ContainerCompleted => "Let `Command` run in the foreground for as long as the service is needed.",
            Self::OutOfMemory => "Raise `Limits.mem`, or let the process use less memory.",
            Self::MemoryLimitTooSmall => "Raise `Limits.mem`.",
            Self::InitContainerFailed => "Read the last log lines in the message, and correct the init container.",
            Self::LivenessProbeFails => "Correct `LivenessProbe`, or the service that does not answer it.",
            Self::StartupProbeFails => {
                "Raise `failureThreshold` or `periodSeconds` of `StartupProbe`, or correct the probe."
            }
            Self::ReadinessProbeFails => "Correct `ReadinessProbe`, or the service that does not answer it.",
            Self::RunsAsRoot => "Build the image with another user, or set `SecurityContext.runAsUser`.",
            Self::ContainerConfigInvalid => "Correct the part of the container's configuration that the message names.",
            Self::ReadinessGateClosed => {
                "Start or repair the controller that sets the condition, or remove the gate from `PodTemplate`."
            }
            Self::RuntimeHandlerMissing => "Correct `RuntimeClass`, or choose nodes that have the handler.",
            Self::PodAddressesExhausted => "Run fewer pods on the node, or give the network plugin a larger range.",
            Self::PodNetworkFails => "Repair the node's network plugin.",
            Self::PodSandboxFails => "Follow the error of the node's container runtime in the message.",
            Self::SecretMissing => "Create the Secret in the service's namespace, or correct its name.",
            Self::ConfigMapMissing => "Create the ConfigMap in the service's namespace, or correct its name.",
            Self::KeyMissing => "Add the key to the object, or correct its name.",
            Self::ServiceAccountMissing => {
                "Create the ServiceAccount in the service's namespace, or correct `ServiceAccount`."
            }
            Self::ClaimMissing => "Create the PersistentVolumeClaim, or correct its name.",
            Self::StorageClassMissing => "Correct `storageClassName` of the claim, or create the StorageClass.",
            Self::ClaimPending => {
                "See the claim's events for why its provisioner has not made a volume (`kubectl describe pvc`)."
            }
            Self::VolumeMountFails => "Follow the kubelet's error in the message.",
            Self::VolumeAttachFails => {
                "Wait until the volume is detached from its other node, or delete the pod that still uses it."
            }
            Self::InsufficientCpu => "Lower `Requests.cpu`, or wait for room or add a node.",
            Self::InsufficientMemory => "Lower `Requests.mem`, or wait for room or add a node.",
            Self::InsufficientGpu => "Lower `Requests.gpu`, or wait for room or add a node with GPUs.",
            Self::InsufficientStorage => "Lower `Requests.ephemeral_storage`, or wait for room or add a node.",
            Self::TooManyPods => "Wait for room, or add a node.",
            Self::NoMatchingNode => "Correct `NodeSelector` or the affinity, or label a node.",
            Self::PodAffinityUnmatched => "Correct the pod affinity, or start the pods that it asks for.",
            Self::TaintNotTolerated => "Add a toleration to `Tolerations`, or remove the taint.",
            Self::Unschedulable => "Follow the scheduler's words in the message.",
            Self::ScaleUpInProgress => "Wait for the new node.",
            Self::SchedulingGated => "Ask the owner of the queue or controller that removes the scheduling gate.",
            Self::NodeOutOfResources => "Wait for room, or remove what pins the pod to the node.",
            Self::PodNotSupportedByNode => {
                "Remove from `PodTemplate` what the node does not support, or choose other nodes."
            }
            Self::PodRejectedByNode => "Follow the kubelet's words in the message.",
            Self::DeadlineExceeded => "Remove `activeDeadlineSeconds` from `PodTemplate`.",
            Self::PodFailed => "Follow the reason and the words in the message, which are the pod's own.",
            Self::QuotaExceeded => "Lower the requests, or ask for a larger ResourceQuota.",
            Self::LimitRangeRefused => "Change the requests and limits to what the LimitRange allows.",
            Self::PodSecurityRefused => {
                "Remove from the configuration what the message names, or ask for another security level of the namespace."
            }
            Self::AdmissionRefused | Self::Forbidden => "Change the field that the message names.",
            Self::WebhookUnavailable => "Ask the cluster's administrator to repair the webhook.",
            Self::NamespaceTerminating => {
                "Run the task in another namespace, or again once the namespace exists again."
            }
            Self::NameTooLong => "Shorten `Name`.",
            Self::PodNotCreated => "Follow the API server's words in the message.",
            Self::Evicted => "Nothing, if it passes. Otherwise request as much memory and storage as the pod uses.",
            Self::Preempted => "Nothing, if it passes. Otherwise set a higher `priorityClassName` in `PodTemplate`.",
            Self::NodeLost => {
                "Nothing, if the node returns. Otherwise delete the node object, so that Kubernetes gives up its pods."
            }
            Self::PodTerminating => {
                "Remove the finalizer that the message names; if the node is lost, delete the pod with `--force`."
            }
            Self::PodLeftBehind => "Delete the pod that the message names.",
            Self::RolloutStuck => "Delete the pod that the message names, so that it is created at the new revision.",
        }
    }
}
