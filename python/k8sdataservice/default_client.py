"""The process's one client of the core, made when it is first asked for."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from k8sdataservice import settings

if TYPE_CHECKING:
    from k8sdataservice._core import Client


logger = logging.getLogger("k8sdataservice.client")


@cache
def default_client() -> Client:
    """Returns the client that everything in this process shares.

    It holds connection pools and nothing about any service. Loading the core here, and not at import, keeps
    ``import flytekit`` fast where a plugin for it is installed, and ``--help`` as well.

    Raises:
        InvalidSpecError: A setting of the platform is at fault.
    """
    for warning in settings.warnings():
        logger.warning(warning)
    return new_client()


def new_client() -> Client:
    """Returns a client of its own, which shares nothing with others.

    Raises:
        InvalidSpecError: A setting of the platform is at fault.
    """
    from k8sdataservice._core import Client

    settings.check()
    return Client(platform=settings.platform(), sources=settings.sources())


def warn(message: str | None) -> None:
    """Logs what the user should know about how a call was carried out."""
    if message:
        logger.warning(message)
