"""The compiled core: it builds the objects of a data service and manages their lifecycle.

Each method of :class:`Client` exists twice: as an awaitable, which needs a running event loop, and with the suffix
``_sync``, which blocks, releases the GIL and ends on Ctrl-C. Cancelling the awaitable stops the work between two
requests.
"""

from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, final

__all__ = [
    "Client",
    "Conclusion",
    "Created",
    "Deletion",
    "Endpoint",
    "Execution",
    "FakeCluster",
    "Listed",
    "Listing",
    "Location",
    "Metrics",
    "NamespaceMetrics",
    "Plan",
    "Pod",
    "Problem",
    "Reaped",
    "Slept",
    "Status",
    "Sweep",
    "Updated",
    "WatchMetrics",
    "Woken",
    "declared",
    "endpoints",
    "generate_name",
    "hostnames",
    "local_cluster",
    "manifests",
    "stop_local_cluster",
    "validate",
]

@final
class Client:
    """A client for data services.

    It connects at its first call and keeps one connection pool per cluster. It has no state about any service, so any
    client can carry on what another has begun.

    Args:
        timeout: How many seconds a call may try before it fails or, for ``get``, says that nothing is known. Faults
            that may pass are retried within. Default: 2.5, since Flyte waits 3 s for an answer, and the platform's
            ``createTimeout`` for a create, since Flyte waits 10 s for that.
        platform: The settings of the platform, as in docs/settings.md; durations as seconds.
        sources: Where settings come from, by their paths, such as ``{"forced.Labels": "/etc/settings.yaml, line 12"}``:
            errors of services that do not follow them name it.

    Raises:
        InvalidSpecError: A setting is at fault.
        ValueError: The timeout is negative or not a number.
    """

    def __new__(
        cls,
        *,
        timeout: float | None = None,
        platform: Mapping[str, Any] | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> Client: ...
    def connect_sync(self, cluster: str | None = None, *, exact: bool = False) -> str | None:
        """Checks that a cluster is configured, without sending anything, and returns a warning about its choice if any.

        Args:
            cluster: The cluster's name.
            exact: Whether it is an error if no context has the name; else the default cluster is used in its place.

        Raises:
            InvalidSpecError: No cluster has the name.
            DataServiceError: No cluster is configured.
        """

    def create(
        self,
        config: Mapping[str, Any],
        *,
        namespace: str,
        owner: str,
        execution: str | Execution,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        holder: str | None = None,
    ) -> Awaitable[Created]:
        """Creates the StatefulSet and the Service of a configuration, unless they already exist.

        You can retry the call: the same owner, or the same specification under the same name, gives the same service.

        Args:
            config: The wire form of a ``DataServiceConfig``.
            namespace: The namespace to make it in, unless the configuration or its cluster's settings say another one.
            owner: What identifies the node's execution; equal for each retry. A service without a Name is named by it.
            execution: The execution of Flyte, or the owner in words, as it is written on the objects. Other nodes of an
                execution may change its services.
            labels: Flyte's labels for the execution, put on every object.
            annotations: Flyte's annotations for the execution, put on every object.
            holder: The name of this process for people, such as ``user@host/pid``: it holds the service by a Lease for
                as long as it lives. Where the account may not make Leases, nothing holds it, and the warning says
                so. Default: the execution alone holds the service.

        Raises:
            InvalidSpecError: A field is at fault, or the platform does not allow it; nothing was made.
            ConflictError: The name is taken by another service.
            ForbiddenError: The account lacks a permission.
            NotFoundError: The namespace does not exist.
            UnavailableError: The API server could not be used within the timeout.
            DataServiceError: The API server refused an object, or no cluster is configured.
        """

    def create_sync(
        self,
        config: Mapping[str, Any],
        *,
        namespace: str,
        owner: str,
        execution: str | Execution,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        holder: str | None = None,
    ) -> Created:
        """Does what :meth:`create` does, and blocks."""

    def plan(
        self,
        config: Mapping[str, Any],
        *,
        namespace: str,
        owner: str,
        execution: str | Execution,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Awaitable[Plan]:
        """Returns what :meth:`create` would do and what the result would be. Nothing is changed.

        Fields at fault are problems of the plan. Skipped checks are notes.

        Args:
            config: The wire form of a ``DataServiceConfig``.
            namespace: As for :meth:`create`.
            owner: As for :meth:`create`.
            execution: As for :meth:`create`.
            labels: As for :meth:`create`.
            annotations: As for :meth:`create`.
            timeout: For how many seconds to try. Default: the client's.

        Raises:
            UnavailableError: The API server could not be used within the timeout.
            DataServiceError: No cluster is configured, or the API server refused to answer.
        """

    def plan_sync(
        self,
        config: Mapping[str, Any],
        *,
        namespace: str,
        owner: str,
        execution: str | Execution,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Plan:
        """Does what :meth:`plan` does, and blocks."""

    def render(
        self,
        config: Mapping[str, Any],
        *,
        namespace: str,
        owner: str,
        execution: str | Execution,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> Plan:
        """Does what :meth:`plan` does, as far as that is possible without a cluster."""

    def update(
        self,
        config: Mapping[str, Any],
        *,
        namespace: str,
        owner: str,
        execution: str | Execution,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        adopt: bool = False,
        timeout: float | None = None,
    ) -> Awaitable[Updated]:
        """Applies a configuration to a running service. Objects that already match it are not changed.

        It creates no service and does not wait. Afterwards this client no longer reports the service's earlier state.

        Args:
            config: The wire form of a ``DataServiceConfig`` with a Name: the complete configuration of the service.
            namespace: The namespace it lives in.
            owner: The caller's owner id. The service's owner may change it, and so may any node of its execution.
            execution: The caller's execution, as for :meth:`create`.
            labels: Flyte's labels for the execution. Default: the existing ones.
            annotations: Flyte's annotations for the execution. Default: those that are there.
            adopt: Take the service over if it belongs to another owner.
            timeout: For how many seconds to try. Default: the client's.

        Raises:
            InvalidSpecError: A field is at fault.
            NotFoundError: There is no such service.
            ConflictError: It is another owner's, is being deleted, or has to change in what Kubernetes does not change.
            NotOwnedError: Somebody else's object has the name.
            ForbiddenError: The account lacks a permission.
            UnavailableError: The API server could not be used within the timeout.
            DataServiceError: The API server refused the change, or no cluster is configured.
        """

    def update_sync(
        self,
        config: Mapping[str, Any],
        *,
        namespace: str,
        owner: str,
        execution: str | Execution,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        adopt: bool = False,
        timeout: float | None = None,
    ) -> Updated:
        """Does what :meth:`update` does, and blocks."""

    def get(
        self, name: str, *, namespace: str, cluster: str | None = None, uid: str | None = None
    ) -> Awaitable[Status]:
        """Returns how a service is doing. A service that does not exist has the phase ``Failed``.

        The first call for a namespace begins to watch it, and asks the API server itself; later ones are answered from
        what the watch has reported. A watch that nobody asks about for ten minutes ends.

        Args:
            name: The service's name.
            namespace: The namespace it lives in.
            cluster: The cluster, as in the configuration.
            uid: The uid of the service that is meant. Another one that has come under its name is no answer: the one
                that is meant has failed then.

        Raises:
            ForbiddenError: The account lacks the permission to get StatefulSets.
            DataServiceError: No cluster is configured.
        """

    def get_sync(self, name: str, *, namespace: str, cluster: str | None = None, uid: str | None = None) -> Status:
        """Does what :meth:`get` does, and blocks."""

    def get_known(
        self, name: str, *, namespace: str, cluster: str | None = None, uid: str | None = None
    ) -> Status | None:
        """Does what :meth:`get` does where a watch knows the answer, and returns None where not.

        It is one look into memory: it sends nothing, waits for nothing and needs no event loop.
        """

    def metrics(self) -> Metrics | None:
        """Returns what this process has counted, and what the client's watches hold.

        Nothing is sent, and no watch goes on for longer because of it. None in a process that was forked from one that
        had already used a client.
        """

    def locate(self, name: str, *, namespace: str, cluster: str | None = None) -> Awaitable[Location]:
        """Finds the pods of a service, also of one that no task made, by the Service that its StatefulSet names.

        Args:
            name: The name of the StatefulSet.
            namespace: The namespace it lives in.
            cluster: The kubeconfig context to use.

        Raises:
            ForbiddenError: The account may not get StatefulSets or list EndpointSlices.
            UnavailableError: The API server could not be used within the timeout.
        """

    def locate_sync(self, name: str, *, namespace: str, cluster: str | None = None) -> Location:
        """Does what :meth:`locate` does, and blocks."""

    def wait(
        self, name: str, *, namespace: str, cluster: str | None = None, timeout: float = 600.0
    ) -> Awaitable[Status]:
        """Waits until a service is ready or has failed, and returns its state then.

        Args:
            name: The service's name.
            namespace: The namespace it lives in.
            cluster: The cluster, as in the configuration.
            timeout: For how many seconds to wait.

        Raises:
            DataServiceTimeoutError: Neither has happened in time. The service is left as it is.
        """

    def wait_sync(self, name: str, *, namespace: str, cluster: str | None = None, timeout: float = 600.0) -> Status:
        """Does what :meth:`wait` does, and blocks."""

    def elsewhere(
        self, name: str, *, namespace: str, candidates: Sequence[str], cluster: str | None = None
    ) -> Awaitable[list[str]]:
        """Finds out in which other namespaces a service of this name exists, after none was found in its own.

        Args:
            name: The service's name.
            namespace: The namespace that has no such service.
            candidates: The namespaces to search where the account may not list the StatefulSets of the whole cluster.
            cluster: The cluster, as in the configuration.

        Raises:
            NotFoundError: The namespace itself does not exist.
            UnavailableError: The API server could not be used within the timeout.
        """

    def elsewhere_sync(
        self, name: str, *, namespace: str, candidates: Sequence[str], cluster: str | None = None
    ) -> list[str]:
        """Does what :meth:`elsewhere` does, and blocks."""

    def everywhere(self, name: str, *, cluster: str | None = None) -> Awaitable[list[str]]:
        """Finds out which of the namespaces that services may use have a service of this name.

        Args:
            name: The service's name.
            cluster: The cluster, as in the configuration.

        Raises:
            ForbiddenError: The account may not list the StatefulSets of the whole cluster, nor get those of each
                namespace that ``allowedNamespaces`` names in full.
            UnavailableError: The API server could not be used in time.
        """

    def everywhere_sync(self, name: str, *, cluster: str | None = None) -> list[str]:
        """Does what :meth:`everywhere` does, and blocks."""

    def keep(
        self, name: str, *, namespace: str, owner: str, seconds: float, cluster: str | None = None
    ) -> Awaitable[float | None]:
        """Lets a service that has failed stay for people to look at, and has it deleted later.

        It is written on the StatefulSet, so that whichever client watches the namespace deletes it then. A new service
        of its name makes it go before.

        Args:
            name: The service's name.
            namespace: The namespace it lives in.
            owner: The owner that it was made for.
            seconds: For how many seconds it stays.
            cluster: The cluster, as in the configuration.

        Returns:
            Until when it stays, in seconds since 1970; None if the owner has no such service any more.

        Raises:
            ForbiddenError: The account lacks a permission.
            UnavailableError: The API server could not be used within the timeout.
        """

    def keep_sync(
        self, name: str, *, namespace: str, owner: str, seconds: float, cluster: str | None = None
    ) -> float | None:
        """Does what :meth:`keep` does, and blocks."""

    def conclude(
        self,
        status: Status,
        name: str,
        *,
        namespace: str,
        cluster: str | None = None,
        uid: str | None = None,
        owner: str | None = None,
        existing: bool = False,
        keep: float | None = None,
        timeout: float | None = None,
    ) -> Awaitable[Conclusion]:
        """Ends a service that has failed, so that every later :meth:`get` with its uid returns the same verdict.

        The service is read again first: one that has recovered is left as it is. The verdict is written to an Event in
        the service's namespace before the service is deleted or kept.

        Args:
            status: The verdict, as :meth:`get` or :meth:`get_known` returned it.
            name: The service's name.
            namespace: The namespace it lives in.
            cluster: The cluster, as in the configuration.
            uid: The uid of its StatefulSet. Default: whichever has the name.
            owner: Delete only what was made for this owner. Default: whatever this plugin has made.
            existing: Whether the service is only used, and so left alone.
            keep: For how many seconds a service that has failed for good stays for people to look at.
            timeout: For how many seconds to try. Default: the client's.

        Returns:
            The verdict that counts, or the state of the service where it has recovered.

        Raises:
            ForbiddenError: The account lacks a permission. The verdict stands, and the service is still there.
            UnavailableError: The API server could not be used within the timeout.
        """

    def conclude_sync(
        self,
        status: Status,
        name: str,
        *,
        namespace: str,
        cluster: str | None = None,
        uid: str | None = None,
        owner: str | None = None,
        existing: bool = False,
        keep: float | None = None,
        timeout: float | None = None,
    ) -> Conclusion:
        """Does what :meth:`conclude` does, and blocks."""

    def delete(
        self,
        name: str,
        *,
        namespace: str,
        cluster: str | None = None,
        owner: str | None = None,
        force: bool = False,
        timeout: float | None = None,
    ) -> Awaitable[Deletion]:
        """Deletes both objects of a service. What is already gone is a success.

        Args:
            name: The service's name.
            namespace: The namespace it lives in.
            cluster: The cluster, as in the configuration.
            owner: Delete only what was made for this owner, and leave anything else alone without an error. Default:
                delete whatever this plugin has made, for whomever.
            force: Delete the service even if several runs use it. Default: it stays, and ends with the last of them.
            timeout: For how many seconds to try. Default: the client's.

        Raises:
            NotOwnedError: Somebody else's object has the name, and no owner was given.
            ForbiddenError: The account lacks a permission.
            UnavailableError: The API server could not be used within the timeout.
        """

    def delete_sync(
        self,
        name: str,
        *,
        namespace: str,
        cluster: str | None = None,
        owner: str | None = None,
        force: bool = False,
        timeout: float | None = None,
    ) -> Deletion:
        """Does what :meth:`delete` does, and blocks."""

    def hold(
        self,
        name: str,
        *,
        namespace: str,
        owner: str,
        holder: str,
        cluster: str | None = None,
        timeout: float | None = None,
    ) -> Awaitable[str | None]:
        """Holds a service that exists by a Lease, which this process renews until :meth:`leave`, or until it ends.

        Args:
            name: The service's name.
            namespace: The namespace it lives in.
            owner: What identifies this hold; equal for no other one.
            holder: The name of this process for people, such as ``user@host/pid``.
            cluster: The cluster, as in the configuration.
            timeout: For how many seconds to try. Default: as for a create.

        Returns:
            What the user should know about how the cluster was chosen.

        Raises:
            NotFoundError: There is no data service of that name.
            ForbiddenError: The account lacks a permission.
            UnavailableError: The API server could not be used within the timeout.
        """

    def hold_sync(
        self,
        name: str,
        *,
        namespace: str,
        owner: str,
        holder: str,
        cluster: str | None = None,
        timeout: float | None = None,
    ) -> str | None:
        """Does what :meth:`hold` does, and blocks."""

    def leave(
        self,
        name: str,
        *,
        namespace: str,
        owner: str,
        cluster: str | None = None,
        timeout: float | None = None,
    ) -> Awaitable[str | None]:
        """Holds a service no more. The service stays, and ends as its lifetime says.

        Args:
            name: The service's name.
            namespace: The namespace it lives in.
            owner: What identifies the hold.
            cluster: The cluster, as in the configuration.
            timeout: For how many seconds to try. Default: the client's.

        Returns:
            What the user should know about how the cluster was chosen.

        Raises:
            ForbiddenError: The account lacks a permission.
            UnavailableError: The API server could not be used within the timeout. The Lease expires all the same.
        """

    def leave_sync(
        self,
        name: str,
        *,
        namespace: str,
        owner: str,
        cluster: str | None = None,
        timeout: float | None = None,
    ) -> str | None:
        """Does what :meth:`leave` does, and blocks."""

    def list(
        self,
        *,
        namespace: str | None = None,
        cluster: str | None = None,
        selector: str | None = None,
        timeout: float = 60.0,
    ) -> Awaitable[Listing]:
        """Lists services: how each is doing, who uses it and when it ends.

        The number of requests does not depend on the number of services, but on that of the runs that use them.

        Args:
            namespace: The namespace of the services. Default: all namespaces.
            cluster: The cluster, as in the configuration.
            selector: A label selector, such as ``team=ml,tier!=test``. Default: all services.
            timeout: For how many seconds to try.

        Raises:
            ForbiddenError: The account lacks the permission to list StatefulSets or pods there.
            UnavailableError: The API server could not be used within the timeout.
        """

    def list_sync(
        self,
        *,
        namespace: str | None = None,
        cluster: str | None = None,
        selector: str | None = None,
        timeout: float = 60.0,
    ) -> Listing:
        """Does what :meth:`list` does, and blocks."""

    def receipts(
        self, *, namespace: str | None = None, cluster: str | None = None, timeout: float = 60.0
    ) -> Awaitable[Sequence[str]]:
        """Returns the receipts of services that have ended, each as JSON.

        These are the receipts that the platform keeps (``receipts.keep``), and those of Events that still exist.

        Args:
            namespace: The namespace of the services. Default: all namespaces.
            cluster: The cluster, as in the configuration.
            timeout: For how many seconds to try.

        Raises:
            ForbiddenError: The account may list neither ConfigMaps nor Events there.
            UnavailableError: The API server could not be used within the timeout.
        """

    def receipts_sync(
        self, *, namespace: str | None = None, cluster: str | None = None, timeout: float = 60.0
    ) -> Sequence[str]:
        """Does what :meth:`receipts` does, and blocks."""

    def reap(
        self, *, namespace: str, cluster: str | None = None, dry_run: bool = False, timeout: float = 60.0
    ) -> Awaitable[Sweep]:
        """Deletes the services of a namespace that no run uses any more, or whose ``ttl`` is over.

        A service whose ``Lifetime`` says so (``idle``) is put to sleep instead.

        Only a run that was seen alive and has ended since ends a service: while it is unknown whether a run goes on,
        nothing is deleted.

        Args:
            namespace: The namespace of the services.
            cluster: The cluster, as in the configuration.
            dry_run: Report what would be deleted, and delete nothing.
            timeout: For how many seconds to try.

        Raises:
            ForbiddenError: The account lacks the permission to list StatefulSets.
            UnavailableError: The API server could not be used within the timeout.
        """

    def reap_sync(
        self, *, namespace: str, cluster: str | None = None, dry_run: bool = False, timeout: float = 60.0
    ) -> Sweep:
        """Does what :meth:`reap` does, and blocks."""

    def sleep(
        self,
        name: str,
        *,
        namespace: str,
        cluster: str | None = None,
        force: bool = False,
        timeout: float | None = None,
    ) -> Awaitable[Slept]:
        """Scales a service to zero, and keeps its claims, until somebody wakes it.

        A create of the same service wakes it, and so does a task that names it as ``ExistingReleaseName``. The template
        of its pods stays as it is, so that there is no new revision. You can retry the call.

        Args:
            name: The service's name.
            namespace: The namespace it lives in.
            cluster: The cluster, as in the configuration.
            force: Put it to sleep even if runs use it. Default: such a service is refused.
            timeout: For how many seconds to try. Default: the client's.

        Raises:
            NotFoundError: There is no such service.
            NotOwnedError: Somebody else's object has the name.
            ConflictError: Runs use it, or it is not known whether they go on; or it is being deleted; or it has no
                replicas; or Kubernetes would delete its claims (``whenScaled``).
            ForbiddenError: The account lacks a permission.
            UnavailableError: The API server could not be used within the timeout.
        """

    def sleep_sync(
        self,
        name: str,
        *,
        namespace: str,
        cluster: str | None = None,
        force: bool = False,
        timeout: float | None = None,
    ) -> Slept:
        """Does what :meth:`sleep` does, and blocks."""

    def wake(
        self, name: str, *, namespace: str, cluster: str | None = None, timeout: float | None = None
    ) -> Awaitable[Woken]:
        """Gives a service that sleeps as many replicas as it had. One that is awake is left as it is.

        It does not wait until the service is ready. Afterwards this client no longer reports that it is asleep.

        Args:
            name: The service's name.
            namespace: The namespace it lives in.
            cluster: The cluster, as in the configuration.
            timeout: For how many seconds to try. Default: the client's.

        Raises:
            NotFoundError: There is no such service.
            NotOwnedError: Somebody else's object has the name.
            ConflictError: It is being deleted.
            ForbiddenError: The account lacks a permission.
            UnavailableError: The API server could not be used within the timeout.
        """

    def wake_sync(
        self, name: str, *, namespace: str, cluster: str | None = None, timeout: float | None = None
    ) -> Woken:
        """Does what :meth:`wake` does, and blocks."""

@final
class Created:
    """An existing service."""

    @property
    def name(self) -> str:
        """The service's name."""

    @property
    def namespace(self) -> str:
        """The namespace it lives in."""

    @property
    def uid(self) -> str | None:
        """The uid of its StatefulSet; None for an existing service, which was not looked up."""

    @property
    def existing(self) -> bool:
        """Whether the configuration named an existing service, so that nothing was made and nothing was looked up."""

    @property
    def shared_with(self) -> str | None:
        """The owner of the service, if another run has created it."""

    @property
    def warning(self) -> str | None:
        """A note for the user about how the cluster was chosen."""

@final
class Updated:
    """A service that is as it was asked for now."""

    @property
    def name(self) -> str:
        """The service's name."""

    @property
    def namespace(self) -> str:
        """The namespace it lives in."""

    @property
    def uid(self) -> str:
        """The uid of its StatefulSet."""

    @property
    def changes(self) -> list[str]:
        """The changes, such as ``Replicas 2 -> 4``; empty if there are none."""

    @property
    def adopted_from(self) -> str | None:
        """Its former owner, if it was adopted."""

    @property
    def message(self) -> str:
        """The same as a sentence."""

    @property
    def warning(self) -> str | None:
        """A note for the user about how the cluster was chosen."""

@final
class Status:
    """The state of a service at one moment."""

    @property
    def phase(
        self,
    ) -> Literal["Pending", "WaitingForResources", "Initializing", "Asleep", "Ready", "Failed", "RetryableFailed"]:
        """Where the service stands.

        Asleep is a service that was scaled to zero until somebody wakes it. Ready, Failed (its user has to change
        something) and RetryableFailed (another attempt may succeed) are final.
        """

    @property
    def reason(self) -> str:
        """A stable CamelCase code for the state."""

    @property
    def message(self) -> str:
        """One or two sentences for the person who waits."""

    @property
    def ready(self) -> int:
        """How many replicas are ready."""

    @property
    def wanted(self) -> int | None:
        """How many replicas are wanted; None where nothing is known of the StatefulSet."""

    @property
    def pods(self) -> list[Pod]:
        """Its pods, as far as they are known."""

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where its pods can be reached, as far as that is known; complete when the service is ready."""

@final
class Pod:
    """A pod of a service."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def container(self) -> str:
        """The name of its first container; empty before that is known."""

    @property
    def created(self) -> float | None:
        """When it was made, in seconds since 1970."""

@final
class Endpoint:
    """Where a pod can be reached."""

    @property
    def hostname(self) -> str:
        """The pod's stable host name, such as ``foo-0.foo``."""

    @property
    def addresses(self) -> list[str]:
        """The addresses that the name resolves to at the moment."""

    @property
    def ports(self) -> list[int]:
        """The ports of the Service."""

    @property
    def named_ports(self) -> dict[str, int]:
        """The same by their names; the main port has the service's name, unless it was given another."""

@final
class Conclusion:
    """The end of a failed service."""

    @property
    def status(self) -> Status:
        """The verdict that counts, or the state of a service that has recovered."""

    @property
    def warning(self) -> str | None:
        """A note for the operator of the connector."""

@final
class Deletion:
    """The result of a deletion."""

    @property
    def outcome(self) -> Literal["NothingThere", "Gone", "Terminating", "LeftAlone", "InUse"]:
        """``Terminating``: under way, a finalizer holds an object. ``LeftAlone``: there, but not the owner's.

        ``InUse``: others use the service, so that it stays, and ends with the last of them if it was deleted by
        name.
        """

    @property
    def used_by(self) -> list[str]:
        """The users of a service left ``InUse``: runs as ``namespace/name``, processes as ``user@host/pid``."""

    @property
    def warning(self) -> str | None:
        """A note for the user about how the cluster was chosen."""

@final
class Slept:
    """A service that sleeps."""

    @property
    def name(self) -> str:
        """The service's name."""

    @property
    def namespace(self) -> str:
        """The namespace it lives in."""

    @property
    def uid(self) -> str:
        """The uid of its StatefulSet."""

    @property
    def replicas(self) -> int:
        """How many replicas it has when it wakes."""

    @property
    def since(self) -> str:
        """Since when it sleeps (RFC 3339, UTC)."""

    @property
    def changed(self) -> bool:
        """Whether this call put it to sleep."""

    @property
    def message(self) -> str:
        """The same as a sentence."""

    @property
    def warning(self) -> str | None:
        """A note for the user about how the cluster was chosen."""

@final
class Woken:
    """A service that is awake."""

    @property
    def name(self) -> str:
        """The service's name."""

    @property
    def namespace(self) -> str:
        """The namespace it lives in."""

    @property
    def uid(self) -> str:
        """The uid of its StatefulSet."""

    @property
    def replicas(self) -> int:
        """How many replicas it has."""

    @property
    def changed(self) -> bool:
        """Whether this call woke it."""

    @property
    def message(self) -> str:
        """The same as a sentence."""

    @property
    def warning(self) -> str | None:
        """A note for the user about how the cluster was chosen."""

@final
class Metrics:
    """The counts of a process since it started, and the services that the watches of a client have reported."""

    @property
    def creates(self) -> dict[str, int]:
        """How many creates there were, by result, such as ``"created"``."""

    @property
    def failures(self) -> dict[str, int]:
        """How many services have failed, by reason, such as ``"ImageNotFound"``."""

    @property
    def polls(self) -> dict[str, int]:
        """How many polls were answered from ``"memory"``, and by a ``"read"``."""

    @property
    def reaped(self) -> dict[str, int]:
        """How many services were ended or put to sleep, by cause, such as ``"run_failed"``."""

    @property
    def ready_buckets(self) -> list[tuple[float, int]]:
        """For each bound in seconds, how many services were ready within it; the last one is infinite."""

    @property
    def ready_count(self) -> int:
        """How many services have become ready."""

    @property
    def ready_sum(self) -> float:
        """How many seconds that took them altogether."""

    @property
    def namespaces(self) -> list[NamespaceMetrics]:
        """The namespaces that the client watches."""

    @property
    def watches(self) -> list[WatchMetrics]:
        """The client's watches."""

@final
class NamespaceMetrics:
    """The services of a namespace that is watched."""

    @property
    def cluster(self) -> str:
        """The context of the cluster, ``"in-cluster"`` or ``"current-context"``."""

    @property
    def namespace(self) -> str:
        """The namespace."""

    @property
    def services(self) -> dict[str, int] | None:
        """How many services there are in each phase, in lower case; None while that is not known."""

    @property
    def held(self) -> int:
        """How many services have a holder."""

    @property
    def holders(self) -> int:
        """How many holders are written on the services."""

    @property
    def leader(self) -> bool | None:
        """Whether this process ends the services of the namespace; None where connectors do not take turns."""

@final
class WatchMetrics:
    """A watch."""

    @property
    def cluster(self) -> str:
        """As of a namespace."""

    @property
    def namespace(self) -> str:
        """The namespace; empty for all of them."""

    @property
    def kind(self) -> str:
        """The kind of the objects, such as ``"Pod"``."""

    @property
    def age(self) -> float | None:
        """How many seconds ago the API server last sent something; None if it never has."""

    @property
    def connected(self) -> bool:
        """Whether every change is reported."""

@final
class Listed:
    """A service, as a list shows it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def namespace(self) -> str:
        """Its namespace."""

    @property
    def phase(self) -> str:
        """Its phase, as in :class:`Status`."""

    @property
    def reason(self) -> str:
        """The reason of its phase, as in :class:`Status`."""

    @property
    def message(self) -> str:
        """A few sentences about its phase. The lines of logs are left out."""

    @property
    def ready(self) -> int:
        """How many replicas are ready."""

    @property
    def wanted(self) -> int | None:
        """How many replicas it has."""

    @property
    def created(self) -> float | None:
        """When it was created, in seconds since 1970."""

    @property
    def created_by(self) -> str:
        """The run that created it, as a sentence names it."""

    @property
    def image(self) -> str:
        """The image of its first container."""

    @property
    def used_by(self) -> Sequence[str]:
        """The runs that use it, or may use it."""

    @property
    def ends(self) -> str:
        """When it ends by itself: ``never``, ``with its last run``, ``at`` (see `ends_at`), ``now`` or ``unknown``."""

    @property
    def ends_at(self) -> float | None:
        """The time at which it ends, in seconds since 1970, where ``ends`` is ``at``."""

@final
class Listing:
    """The services of a namespace or of the cluster."""

    @property
    def services(self) -> Sequence[Listed]:
        """The services, by namespace and name."""

    @property
    def warning(self) -> str | None:
        """A note for the caller."""

@final
class Reaped:
    """The result of a sweep for a service that may end by itself."""

    @property
    def name(self) -> str:
        """The name of the service."""

    @property
    def namespace(self) -> str:
        """Its namespace."""

    @property
    def deleted(self) -> bool:
        """Whether it was deleted; in a dry run, whether it would have been."""

    @property
    def ends(self) -> bool:
        """Whether it ends now."""

    @property
    def put_to_sleep(self) -> bool:
        """Whether it was put to sleep; in a dry run, whether it would have been."""

    @property
    def reason(self) -> str:
        """Why it ends, or why it stays."""

@final
class Sweep:
    """The result of a sweep over a namespace."""

    @property
    def services(self) -> list[Reaped]:
        """The services that may end by themselves."""

    @property
    def errors(self) -> list[str]:
        """Why services could not be looked at or deleted."""

    @property
    def warning(self) -> str | None:
        """A note for the user about how the cluster was chosen."""

@final
class Location:
    """Where the pods of a service are."""

    @property
    def service(self) -> str | None:
        """The Service that gives the pods their names; None where not every pod has one."""

    @property
    def pods(self) -> list[str]:
        """The names of the pods, the first one first."""

    @property
    def addresses(self) -> list[tuple[str, dict[str, int]]]:
        """The IP address of each pod, and the ports at which it answers there, by their names."""

    @property
    def named_ports(self) -> dict[str, int]:
        """The ports of each pod, by their names; the name of a port without one is empty."""

    @property
    def problem(self) -> str | None:
        """Why it is not known where they are."""

@final
class Plan:
    """The objects that a create would make, and their problems."""

    @property
    def action(self) -> Literal["create", "unchanged", "shared", "conflict", "use"]:
        """The action of a create: create the service, find its own or another run's, be refused, or use what exists."""

    @property
    def name(self) -> str:
        """The service's name."""

    @property
    def namespace(self) -> str:
        """The namespace it would live in."""

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The objects that would be made, as the API server would complete them if that is known."""

    @property
    def pod(self) -> dict[str, Any] | None:
        """The first pod that Kubernetes would make of them, likewise."""

    @property
    def running(self) -> list[dict[str, Any]]:
        """The existing objects of these names that are ours, without the server's own fields."""

    @property
    def problems(self) -> list[Problem]:
        """The problems that keep the service from being created, or its pods from running."""

    @property
    def notes(self) -> list[str]:
        """Other notes, such as checks that could not be made."""

    @property
    def fit(self) -> str | None:
        """How many of the pods the nodes have room for, if the account may look at them."""

    @property
    def checked(self) -> bool:
        """Whether the cluster answered any of the checks; True for a plan that asks no cluster."""

    @property
    def ok(self) -> bool:
        """Whether there are no problems, and something was checked."""

@final
class Problem:
    """Something that keeps a service from being made, or its pods from running."""

    @property
    def path(self) -> str:
        """The field of the configuration, such as ``Requests.cpu``."""

    @property
    def message(self) -> str:
        """The fault, and what to do."""

@final
class Execution:
    """An execution of Flyte, or one of its nodes. As a string it is a phrase for people."""

    def __new__(
        cls,
        project: str,
        domain: str,
        name: str,
        node_id: str | None = None,
        *,
        namespace: str | None = None,
        root: str | None = None,
        action: str | None = None,
    ) -> Execution:
        """Names an execution.

        Args:
            project: The project.
            domain: The domain.
            name: The name of the execution.
            node_id: The id of the node. Default: none, for the execution as a whole.
            namespace: The namespace of the object that shows whether the execution goes on, a FlyteWorkflow of its name
                unless it is of Flyte 2. Default: none, so that nothing ends with the execution.
            root: The name of the execution that launched this one, directly or not. Default: none.
            action: The name of the root TaskAction of a run of Flyte 2. Default: none, for Flyte 1.
        """

    @property
    def project(self) -> str:
        """The project."""

    @property
    def domain(self) -> str:
        """The domain."""

    @property
    def name(self) -> str:
        """The name of the execution."""

    @property
    def node_id(self) -> str | None:
        """The id of the node; None for the execution as a whole."""

    @property
    def namespace(self) -> str | None:
        """The namespace of the object that shows whether the execution goes on."""

    @property
    def root(self) -> str | None:
        """The name of the execution that launched this one; None where it is a root itself."""

    @property
    def action(self) -> str | None:
        """The name of the root TaskAction of a run of Flyte 2; None for Flyte 1."""

    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def validate(config: Mapping[str, Any]) -> None:
    """Checks the wire form of a ``DataServiceConfig``, without a cluster.

    Raises:
        InvalidSpecError: A field is at fault; the message starts with its path.
    """

def manifests(
    config: Mapping[str, Any],
    *,
    namespace: str,
    owner: str,
    execution: str | Execution,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    platform: Mapping[str, Any] | None = None,
) -> Sequence[dict[str, Any]]:
    """Returns the StatefulSet, the Service and what else ``create`` would make, or nothing for an existing service.

    Raises:
        InvalidSpecError: A field is at fault.
    """

def declared(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns what a consumer needs: ``replicas``, ``port``, and ``ports`` by name; None for an existing service.

    Raises:
        InvalidSpecError: A field is at fault, or the settings of the platform are, or it does not allow the service.
    """

def generate_name(owner: str | None = None) -> str:
    """Returns the name of a service whose configuration gives none: always the same for an owner, random without."""

def hostnames(name: str, replicas: int) -> list[str]:
    """Returns the stable host name of each pod, such as ``foo-0.foo``."""

def endpoints(name: str, replicas: int = 1, port: int = 40000, namespace: str | None = None) -> list[str]:
    """Returns the endpoint of each pod, such as ``foo-0.foo:40000``; with a namespace ``foo-0.foo.flyte:40000``."""

@final
class FakeCluster:
    """A cluster in memory for tests, in which no processes run: what becomes of pods is said by causes.

    Its time passes as that of the machine does, and can be let pass at once besides.
    """

    @staticmethod
    def start() -> FakeCluster:
        """Starts a cluster in which every pod becomes ready.

        Raises:
            OSError: The folder of its socket cannot be made, or this system has no Unix sockets.
        """

    @staticmethod
    def causes() -> list[str]:
        """Returns the names of all causes, of which one is ``Ready``."""

    @staticmethod
    def seconds(duration: str | float) -> float:
        """Returns a length of time such as ``16m`` in seconds, of which a part counts as a whole one.

        Raises:
            ValueError: It is no duration.
        """

    @property
    def socket(self) -> Path:
        """The socket of its API server."""

    @property
    def now(self) -> float:
        """Its time, in seconds since 1970."""

    def script(self, cause: str, service: str | None = None, after: str | float | None = None) -> None:
        """Says what becomes of the pods of a service.

        Args:
            cause: The cause, as one of :meth:`causes`.
            service: The service. Default: all that have no cause of their own.
            after: How long after the last cause it comes, such as ``20m``. Default: now, in place of all causes.

        Raises:
            ValueError: There is no such cause, or the duration is none.
        """

    def log(self, log: str, service: str | None = None) -> None:
        """Gives the containers of a service a log.

        Args:
            log: The log of each of them.
            service: The service. Default: all that have no log of their own.
        """

    def advance(self, by: str | float) -> None:
        """Lets time pass at once; all that is due in between happens in its order.

        Args:
            by: How much, such as ``16m``, or as a number of seconds.

        Raises:
            ValueError: It is no duration.
        """

    def objects(self) -> list[tuple[str, str, str]]:
        """Returns the kind, namespace and name of each object, without those that every cluster has."""

    def events(self) -> list[list[str]]:
        """Returns what was reported: source, namespace and name of the object, reason and message of each."""

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Removes an object at once, whatever holds it."""

    def stop(self) -> None:
        """Ends the cluster, and its time with it. Every other call raises OSError from then on."""

def local_cluster() -> Path | None:
    """Returns the socket of the local cluster that this process has; None if it has none."""

def stop_local_cluster() -> None:
    """Ends the local cluster that this process has, if any, with all its processes and folders.

    Otherwise it ends with the process.
    """
