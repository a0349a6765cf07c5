"""The process's one client of the core, made when it is first asked for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from flytekit import logger

from flytekitplugins_k8sdataservice import settings

if TYPE_CHECKING:
    from flytekitplugins_k8sdataservice._core import Client


@cache
def default_client() -> Client:
    """Returns the client that the connector, the task and the sensor share.

    It holds connection pools and nothing about any task. Loading the core here, and not at import, keeps
    ``import flytekit`` as fast as it is without this plugin.

    Raises:
        InvalidSpecError: A setting of the platform is at fault.
    """
    from flytekitplugins_k8sdataservice._core import Client

    for warning in settings.warnings():
        logger.warning(warning)
    settings.check()
    return Client(platform=settings.platform(), sources=settings.sources())


def warn(message: str | None) -> None:
    """Logs what the user should know about how a call was carried out."""
    if message:
        logger.warning(message)
