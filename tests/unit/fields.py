"""The documented example of every field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import flytekit
from flytekit.extras.accelerators import A100
from flytekitplugins_k8sdataservice import DataServiceConfig

DOCUMENT = Path(__file__).parents[2] / "docs/fields.md"
IMAGE = "registry.example/feature-store:3"

_EXAMPLE = re.compile(r"^### (\w+)\n\n(.+?)\n\n```python\n(.+?)\n```", re.MULTILINE | re.DOTALL)
_NAMES: dict[str, Any] = {"Resources": flytekit.Resources, "Secret": flytekit.Secret, "A100": A100}


def examples() -> dict[str, str]:
    """Returns the example of each field, as it is written."""
    return {field: example for field, _, example in _EXAMPLE.findall(DOCUMENT.read_text())}


def config_of(example: str) -> DataServiceConfig:
    """Returns the configuration that an example stands for."""
    # The examples are this project's own text.
    said: dict[str, Any] = eval(example, _NAMES | {"DataServiceConfig": dict})
    return DataServiceConfig(**({"Image": IMAGE} | said))
