"""The answer to a poll, in the form that Flyte receives."""

from __future__ import annotations

from functools import lru_cache

from flyteidl.admin.agent_pb2 import Resource as Message
from flyteidl.core.literals_pb2 import Literal, LiteralMap, Primitive, Scalar
from flytekit.extend.backend.base_connector import Resource
from google.protobuf.struct_pb2 import Struct, Value


class Answer(Resource):
    """A ``Resource`` that need not be converted again for every poll.

    A service is polled again and again with the same answer, and flytekit converts each by way of JSON and of its type
    engine, which takes several times as long as finding the answer.
    """

    async def to_flyte_idl(self) -> Message:
        """Returns the message that goes over the wire."""
        if self.log_links or not self.custom_info:
            # With times in its links, it is another answer each time.
            return await super().to_flyte_idl()
        name = self.outputs["name"] if isinstance(self.outputs, dict) else None
        return _message(self.phase, self.message or "", name, **self.custom_info)


@lru_cache(maxsize=4096)
def _message(phase: int, message: str, name: str | None, reason: str, ready: int, wanted: int | None) -> Message:
    info = {"reason": Value(string_value=reason), "ready": Value(number_value=ready)}
    info["wanted"] = Value(null_value=0) if wanted is None else Value(number_value=wanted)  # type: ignore[arg-type]
    outputs = LiteralMap(literals={"name": _literal(name)}) if name else None
    return Message(phase=phase, message=message, outputs=outputs, custom_info=Struct(fields=info))


def _literal(text: str) -> Literal:
    return Literal(scalar=Scalar(primitive=Primitive(string_value=text)))
