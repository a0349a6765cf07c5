"""The short way to Flyte's message says the same as flytekit's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from flyteidl.core.execution_pb2 import TaskExecution, TaskLog
from flytekit.extend.backend.base_connector import Resource
from flytekitplugins_k8sdataservice.resource import Answer

INFO = {"reason": "Ready", "ready": 2, "wanted": 2}


@pytest.mark.parametrize(
    "fields",
    [
        {"outputs": {"name": "foo"}, "custom_info": INFO},
        {"outputs": None, "custom_info": INFO | {"wanted": None}},
        {"outputs": {"name": "foo"}, "custom_info": INFO, "log_links": [TaskLog(name="n", uri="u")]},
        {"outputs": None, "custom_info": INFO, "message": None},
    ],
)
def test_an_answer_is_what_flytekit_would_make_of_it(fields: dict[str, Any]) -> None:
    fields = {"phase": TaskExecution.SUCCEEDED, "message": "all is well"} | fields
    for _ in range(2):  # The second time it is remembered.
        ours = asyncio.run(Answer(**fields).to_flyte_idl())
        assert ours == asyncio.run(Resource(**fields).to_flyte_idl())
