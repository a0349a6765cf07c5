"""The process that has the local cluster: it makes and deletes services until its input ends."""

from __future__ import annotations

import itertools
import random
import sys
import threading
from typing import Any

from k8sdataservice._core import Client
from k8sdataservice.exceptions import DataServiceError

NAMESPACE = "flyte"
#: So many services run at the same time.
MOST = 3

#: What a replica runs: a server, one that ignores the request to end, and one with a child in a session of its own.
SERVERS = (
    'exec python3 -m http.server "$SERVER_PORT" --bind "$SERVER_HOST"',
    'trap "" TERM; python3 -m http.server "$SERVER_PORT" --bind "$SERVER_HOST"; sleep 600',
    'setsid sleep 600 & exec python3 -m http.server "$SERVER_PORT" --bind "$SERVER_HOST"',
)


def main(port: int, seed: int) -> None:
    """Makes and deletes services, and prints a word for each."""
    ended = threading.Event()
    threading.Thread(target=_read, args=(ended,), daemon=True).start()
    random_ = random.Random(seed)
    client = Client()
    running: list[str] = []
    for number in itertools.count():
        if ended.is_set():
            return
        if len(running) < MOST:
            created = client.create_sync(
                _config(number, port, random_), namespace=NAMESPACE, owner="soak", execution="soak"
            )
            running.append(created.name)
            print("created", flush=True)
        else:
            name = running.pop(random_.randrange(len(running)))
            client.delete_sync(name, namespace=NAMESPACE)
            print("deleted", flush=True)
        if running and random_.random() < 0.5:
            try:
                ready = client.wait_sync(random_.choice(running), namespace=NAMESPACE, timeout=5)
            except DataServiceError as error:
                # Its replicas may be killed again and again.
                print(f"not ready: {error}", file=sys.stderr, flush=True)
            else:
                print(ready.phase, flush=True)


def _read(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def _config(number: int, port: int, random_: random.Random) -> dict[str, Any]:
    return {
        "Name": f"soak-{number}",
        "Image": "not-used",
        "Replicas": random_.randint(1, 3),
        "Port": port,
        "MinReadySeconds": 0,
        "TerminationGracePeriodSeconds": 1,
        "Command": ["sh", "-c", random_.choice(SERVERS)],
        "ReadinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
        "Volumes": [{"name": "scratch", "mountPath": "/scratch", "emptyDir": {}}],
    }


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
