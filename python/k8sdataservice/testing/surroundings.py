"""What a test has around it: the environment of local mode, and signals that end pytest as Ctrl-C does."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from k8sdataservice import local
from k8sdataservice.default_client import default_client

_SOCKET = f"{local.VARIABLE}_SOCKET"
_CLAIMS = f"{local.VARIABLE}_CLAIMS"
_NAMESPACE = "K8SDATASERVICE_NAMESPACE"

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Environment:
    """The environment variables of a test, and those that were there before.

    Args:
        is_local: Whether replicas are processes; otherwise they are pods of the kubeconfig's cluster.
    """

    def __init__(self, *, is_local: bool) -> None:
        """Changes nothing yet."""
        self._is_local = is_local
        self._before: dict[str, str | None] | None = None
        #: The socket of the cluster of this process, while it has one.
        self.socket: str | None = None
        #: The namespace of services that name none, where it is not the one of the settings.
        self.namespace: str | None = None

    def set(self) -> None:
        """Sets the variables, also those that a test has changed since."""
        wanted = self._wanted()
        if self._before is None:
            self._before = {name: os.environ.get(name) for name in wanted}
        for name, value in wanted.items():
            _assign(name, value)
        # It may have other settings, and connections to elsewhere.
        default_client.cache_clear()

    def reset(self) -> None:
        """Gives the variables the values that they had before."""
        for name, value in (self._before or {}).items():
            _assign(name, value)
        self._before = None
        default_client.cache_clear()

    def _wanted(self) -> dict[str, str | None]:
        before = os.environ if self._before is None else self._before
        if not self._is_local:
            return dict.fromkeys((local.VARIABLE, _SOCKET))
        return {
            local.VARIABLE: local.PROCESSES,
            # No test finds the services of another process.
            _SOCKET: self.socket,
            # Nor what an earlier one has stored.
            _CLAIMS: None,
            _NAMESPACE: self.namespace or before.get(_NAMESPACE),
        }


def _assign(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


class Signals:
    """The handlers of signals, which flytekit and its tasks change for good.

    flytekit exits at Ctrl-C, which pytest would take for a failure of the test, and first calls a handler for every
    service that a task has ever made, which asks the cluster of the kubeconfig once local mode is off.
    """

    def __init__(self) -> None:
        """Remembers what there is, and lets signals interrupt the test."""
        self._handlers: dict[int, Any] = {}
        self._of_flytekit = list(_of_flytekit())
        if threading.current_thread() is not threading.main_thread():
            return
        for each in _SIGNALS:
            handler = self._handlers[each] = signal.getsignal(each)
            is_of_flytekit = getattr(handler, "__module__", "").startswith("flytekit.")
            if each == signal.SIGINT and is_of_flytekit:
                signal.signal(each, signal.default_int_handler)
            elif handler is signal.SIG_DFL:
                signal.signal(each, _interrupt)

    def restore(self) -> None:
        """Brings back what there was."""
        _of_flytekit()[:] = self._of_flytekit
        for each, handler in self._handlers.items():
            # Python did not install what is None here.
            if handler is not None:
                signal.signal(each, handler)


def _of_flytekit() -> list[Callable[..., Any]]:
    # Without an import of it: a test may have nothing to do with flytekit.
    context = sys.modules.get("flytekit.core.context_manager")
    if context is None:
        return []
    handlers: list[Callable[..., Any]] = context.FlyteContextManager.signal_handlers
    return handlers


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
