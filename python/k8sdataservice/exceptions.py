"""The exceptions. Their messages are sentences for the person who reads them in Flyte's console.

The core raises these. They are defined here because several have a built-in exception as their second base, so that
code which catches, say, ``PermissionError`` keeps working.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class DataServiceError(Exception):
    """The base of every exception of this package; raised itself where nothing below fits.

    Attributes:
        reason: A stable CamelCase code; Kubernetes's own where it gave one, such as ``Invalid``.
        namespace: The namespace of the object concerned, if there is one.
        name: The name of the object concerned, if there is one.
        code: The HTTP status code of the API server's answer, if it gave one.
    """

    reason: str = "DataServiceError"
    namespace: str | None = None
    name: str | None = None
    code: int | None = None


class Fault(NamedTuple):
    """One field of a configuration that is at fault.

    Attributes:
        field: The path of the field, such as ``Requests.cpu``.
        message: What is wrong with it, and what to write instead.
    """

    field: str
    message: str


class InvalidSpecError(DataServiceError, ValueError):
    """Fields of the configuration hold values that no service can be made from. Nothing was made.

    The message has a line for each field at fault.

    Attributes:
        field: The path of the first field at fault, such as ``Requests.cpu``.
        faults: All fields at fault.
    """

    field: str | None = None
    faults: Sequence[Fault] = ()


class NotFoundError(DataServiceError, LookupError):
    """Something that must exist, such as the namespace, does not."""


class ConflictError(DataServiceError):
    """The name is taken by a service that is not the one asked for, or cannot be changed so. Nothing was changed."""


class NotOwnedError(DataServiceError, PermissionError):
    """The object was not made by a data service task, so it was left alone."""


class ForbiddenError(DataServiceError, PermissionError):
    """The account in use lacks a permission; the message names the verb, the resource and the namespace."""


class UnavailableError(DataServiceError, ConnectionError):
    """The API server did not answer usefully until the deadline. You can safely retry the call."""


class DataServiceTimeoutError(DataServiceError, TimeoutError):
    """The service did not get ready in time. It was left as it is."""
