"""The JSON Schema of the configuration, as an editor or a validator reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from unit.fields import config_of, examples

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/reference/dataservice-config.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLES = examples()
#: Ends of the core's errors about the type of a value.
WRONG_TYPES = ("true or false.", "a number.", "text.", "a list.", "a dictionary.", "null.")


def golden(name: str) -> list[tuple[Any, dict[str, Any]]]:
    """Returns what the core makes of many configurations, each with the configuration."""
    lines = (ROOT / "tests/golden/configurations" / name).read_text().splitlines()
    return [tuple(json.loads(line)) for line in lines]


def is_odd(config: dict[str, Any]) -> bool:
    """Whether the core accepts a configuration that nobody would write.

    Flyte's own formats make an empty list of an empty dictionary, and null of what is left out. Beside
    `ExistingReleaseName` the other fields do not count.
    """
    return "ExistingReleaseName" in config or any(value in ([], {}, {"a": None}) for value in config.values())


def test_the_schema_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("field", sorted(EXAMPLES))
def test_it_accepts_the_documented_example(field: str) -> None:
    VALIDATOR.validate(config_of(EXAMPLES[field]).to_wire())


def test_it_accepts_what_the_core_accepts() -> None:
    accepted = [config for _, config in golden("hashes.jsonl")]
    accepted += [config for faults, config in golden("faults.jsonl") if not faults]
    accepted = [config for config in accepted if not is_odd(config)]
    assert len(accepted) > 300
    refused = [config for config in accepted if not VALIDATOR.is_valid(config)]
    assert refused == []


def test_it_refuses_values_of_a_wrong_type_and_unknown_fields() -> None:
    faulty = [
        (fault, config)
        for faults, config in golden("faults.jsonl")
        for fault in faults[:1]
        if (" must be " in fault and fault.endswith(WRONG_TYPES)) or " is an unknown field" in fault
        # Kubernetes's own objects are checked by the core alone.
        if "." not in fault.split()[0]
    ]
    assert len(faulty) > 500
    accepted = [fault for fault, config in faulty if VALIDATOR.is_valid(config)]
    assert accepted == []
