"""How often one thread can look a service up."""

from __future__ import annotations

import json
import sys

from flytekitplugins_k8sdataservice._core import Client

from probes.looking import follow, look_ups_per_second


def main() -> None:
    """Prints the look-ups per second."""
    question = json.load(sys.stdin)
    client = Client()
    follow(client, question["name"], question["namespace"])
    print(json.dumps(look_ups_per_second(client, [question["name"]], question["namespace"], question["seconds"])))


if __name__ == "__main__":
    main()
