"""The compiled core: it builds the objects of a data service and manages their lifecycle.

Each method of :class:`Client` exists twice: as an awaitable, which needs a running event loop, and with the suffix
``_sync``, which blocks, releases the GIL and ends on Ctrl-C. Cancelling the awaitable stops the work between two
requests.
"""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Literal, final

__all__ = [
    "Client",
    "Conclusion",
    "Created",
    "Deletion",
    "Endpoint",
    "Location",
    "Plan",
    "Pod",
    "Problem",
    "Status",
    "Updated",
    "declared",
    "endpoints",
    "generate_name",
    "hostnames",
    "manifests",
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
        platform: The settings of the platform, as docs/settings.md tells; durations as seconds.
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
        execution: str,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> Awaitable[Created]:
        """Makes the StatefulSet and the Service of a configuration, or finds that they are there.

        The call can be repeated: the same owner, or the same specification under the same name, gives the same service.

        Args:
            config: The wire form of a ``DataServiceConfig``.
            namespace: The namespace to make it in, unless the configuration or its cluster's settings say another one.
            owner: What identifies the node's execution; equal for each retry. A service without a Name is named by it.
            execution: The owner in words, for messages to others.
            labels: Flyte's labels for the execution, put on every object.
            annotations: Flyte's annotations for the execution, put on every object.

        Raises:
            InvalidSpecError: A field is at fault, or the platform does not allow it; nothing was made.
            ConflictError: The name is taken by another service.
            ForbiddenError: The account lacks a right.
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
        execution: str,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> Created:
        """Does what :meth:`create` does, and blocks."""

    def plan(
        self,
        config: Mapping[str, Any],
        *,
        namespace: str,
        owner: str,
        execution: str,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Awaitable[Plan]:
        """Tells what :meth:`create` would do and what would become of it. Nothing is changed.

        Fields at fault are problems of the plan. What could not be checked is a note.

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
        execution: str,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Plan:
        """Does what :meth:`plan` does, and blocks."""

    def sketch(
        self,
        config: Mapping[str, Any],
        *,
        namespace: str,
        owner: str,
        execution: str,
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
        execution: str,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        adopt: bool = False,
        timeout: float | None = None,
    ) -> Awaitable[Updated]:
        """Makes a service that runs as a configuration says. What is so already is left as it is.

        It makes no service. From then on this client tells nothing of how the service was before; it does not wait.

        Args:
            config: The wire form of a ``DataServiceConfig`` with a Name: all that the service is to be.
            namespace: The namespace it lives in.
            owner: Who asks. The service's owner may change it, and so may any node of its execution.
            execution: Who asks, in words, as ``create`` is told it.
            labels: Flyte's labels for the execution. Default: those that are there.
            annotations: Flyte's annotations for the execution. Default: those that are there.
            adopt: Take the service over where it is another owner's.
            timeout: For how many seconds to try. Default: the client's.

        Raises:
            InvalidSpecError: A field is at fault.
            NotFoundError: There is no such service.
            ConflictError: It is another owner's, is being deleted, or has to change in what Kubernetes does not change.
            NotOwnedError: Somebody else's object has the name.
            ForbiddenError: The account lacks a right.
            UnavailableError: The API server could not be used within the timeout.
            DataServiceError: The API server refused the change, or no cluster is configured.
        """

    def update_sync(
        self,
        config: Mapping[str, Any],
        *,
        namespace: str,
        owner: str,
        execution: str,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        adopt: bool = False,
        timeout: float | None = None,
    ) -> Updated:
        """Does what :meth:`update` does, and blocks."""

    def get(
        self, name: str, *, namespace: str, cluster: str | None = None, uid: str | None = None
    ) -> Awaitable[Status]:
        """Tells how a service is doing. A service that does not exist has the phase ``Failed``.

        The first call for a namespace begins to watch it, and asks the API server itself; later ones are answered from
        what the watch has told. A watch that nobody asks about for ten minutes ends.

        Args:
            name: The service's name.
            namespace: The namespace it lives in.
            cluster: The cluster, as in the configuration.
            uid: The uid of the service that is meant. Another one that has come under its name is no answer: the one
                that is meant has failed then.

        Raises:
            ForbiddenError: The account lacks the right to get StatefulSets.
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
            ForbiddenError: The account lacks a right.
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
        timeout: float | None = None,
    ) -> Awaitable[Deletion]:
        """Deletes both objects of a service. What is already gone is a success.

        Args:
            name: The service's name.
            namespace: The namespace it lives in.
            cluster: The cluster, as in the configuration.
            owner: Delete only what was made for this owner, and leave anything else alone without an error. Default:
                delete whatever this plugin has made, for whomever.
            timeout: For how many seconds to try. Default: the client's.

        Raises:
            NotOwnedError: Somebody else's object has the name, and no owner was given.
            ForbiddenError: The account lacks a right.
            UnavailableError: The API server could not be used within the timeout.
        """

    def delete_sync(
        self,
        name: str,
        *,
        namespace: str,
        cluster: str | None = None,
        owner: str | None = None,
        timeout: float | None = None,
    ) -> Deletion:
        """Does what :meth:`delete` does, and blocks."""

@final
class Created:
    """A service that is there."""

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
        """Whose service is used, where another run has made it."""

    @property
    def warning(self) -> str | None:
        """What the user should know about how the cluster was chosen."""

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
        """What has changed, such as ``Replicas 2 -> 4``; empty where it was so already."""

    @property
    def adopted_from(self) -> str | None:
        """Whose it was, where it was taken over."""

    @property
    def message(self) -> str:
        """The same as a sentence."""

    @property
    def warning(self) -> str | None:
        """What the user should know about how the cluster was chosen."""

@final
class Status:
    """The state of a service at one moment."""

    @property
    def phase(
        self,
    ) -> Literal["Pending", "WaitingForResources", "Initializing", "Ready", "Failed", "RetryableFailed"]:
        """Where the service stands.

        Ready, Failed (its user has to change something) and RetryableFailed (another attempt may succeed) are final.
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
    """What has become of a service that had failed."""

    @property
    def status(self) -> Status:
        """The verdict that counts, or the state of a service that has recovered."""

    @property
    def warning(self) -> str | None:
        """What whoever runs the connector should know."""

@final
class Deletion:
    """What became of a deletion."""

    @property
    def outcome(self) -> Literal["NothingThere", "Gone", "Terminating", "LeftAlone"]:
        """``Terminating``: under way, a finalizer holds an object. ``LeftAlone``: there, but not the owner's."""

    @property
    def warning(self) -> str | None:
        """What the user should know about how the cluster was chosen."""

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
    def named_ports(self) -> dict[str, int]:
        """The ports of each pod, by their names; the name of a port without one is empty."""

    @property
    def problem(self) -> str | None:
        """Why it is not known where they are."""

@final
class Plan:
    """What a create would make, and what would become of it."""

    @property
    def action(self) -> Literal["create", "unchanged", "shared", "conflict", "use"]:
        """What a create would do: make the service, find its own or another run's, be refused, or use what there is."""

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
        """The objects that have their names now, without the server's own notes. Of somebody else's nothing is told."""

    @property
    def problems(self) -> list[Problem]:
        """What keeps the service from being made, or its pods from running."""

    @property
    def notes(self) -> list[str]:
        """What else there is to know, such as what could not be checked."""

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
        """What is wrong, and what to do."""

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
    execution: str,
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
