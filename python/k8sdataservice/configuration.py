"""The interface of a task or its configuration, for any version of Flyte."""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard


class Configuration(Protocol):
    """Says what a service is to be. The tasks of the plugins and their configurations do."""

    def to_wire(self) -> dict[str, Any]:
        """Returns the configuration as a dictionary of text, numbers, lists and dictionaries, as it travels to Flyte.

        Raises:
            InvalidSpecError: A field cannot be read.
        """
        ...


def is_configuration(value: Any) -> TypeGuard[Configuration]:
    """Whether a value, such as a variable of a user's module, is a configuration or a task that has one."""
    # Asked of the class: an object may answer to every name, and a class is no configuration yet.
    return not isinstance(value, type) and callable(getattr(type(value), "to_wire", None))
