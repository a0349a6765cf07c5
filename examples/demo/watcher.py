"""Reports what happens to the service while the workflow runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from demo.place import Place, title

#: How often the cluster is looked at, in seconds.
INTERVAL = 0.2


class Watcher:
    """Looks at the cluster from a thread of its own, and says what has changed."""

    def __init__(self, place: Place, say: Callable[[str], None]) -> None:
        self._place = place
        self._say = say
        self._seen: dict[str, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watcher:
        """Begins to watch."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Looks once more and ends."""
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(INTERVAL):
            self._look()

    def _look(self) -> None:
        now = {title(item): state(item) for item in self._place.objects()}
        for name, how in now.items():
            if self._seen.get(name) != how:
                self._say(f"{name}: {how}")
        for name in self._seen:
            if name not in now:
                self._say(f"{name}: gone")
        self._seen = now


def state(item: dict[str, Any]) -> str:
    """Returns how an object is doing, in a few words."""
    if item["metadata"].get("deletionTimestamp"):
        return "ending"
    if item["kind"] == "StatefulSet":
        return f"{item['status'].get('readyReplicas', 0)} of {item['spec']['replicas']} pods ready"
    if item["kind"] == "Service":
        return "headless" if item["spec"]["clusterIP"] == "None" else "not headless"
    status = item["status"]
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", []))
    return f"{'ready' if ready else status['phase']}{' at ' + status['podIP'] if 'podIP' in status else ''}"
