"""Fields at any depth of an agent's structured answer."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.workflow.format.js_values import Json, object_of, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.references import Path
from shared.workflow.format.response_format import read_response_format
from shared.workflow.validate.settings.agent_settings import AGENT_FIELDS

_OPENING: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf", "patternProperties", "if"})
"""Keys of schemas that may declare other fields."""

_SCALARS: Final = ("string", "number", "integer", "boolean")


class UnknownField(NamedTuple):
    """A step of a path that no answer has."""

    at: int
    """Number of the step from 0."""
    names: tuple[str, ...] = ()
    """Fields at its level."""
    kind: str = ""
    """Type of the value before the step, if it has no fields."""


class AnswerFields:
    """Finds fields below the top level that a strict response format excludes."""

    def __init__(self, state: WorkflowState) -> None:
        self._state = state
        self._properties: dict[str, Mapping[str, Json]] = {}

    def unknown(self, name: str, path: Path) -> UnknownField | None:
        """Return the first step of a path below a field of an answer that the format excludes, if any.

        `name` is the agent's name in references.
        """
        target = self._state.block_named(name)
        if target is None or target.type != "agent" or not path or path[0] in AGENT_FIELDS:
            return None
        if target.id not in self._properties:
            self._properties[target.id] = _properties(target)
        schema = object_of(self._properties[target.id].get(str(path[0])))
        for at, step in enumerate(path[1:], 1):
            if isinstance(step, int):
                schema = object_of(schema.get("items")) if schema.get("type") == "array" else {}
                continue
            if schema.get("type") in _SCALARS and step != "length":
                return UnknownField(at, kind=to_string(schema["type"]))
            properties = object_of(schema.get("properties"))
            if schema.get("type") != "object" or not properties:
                return None
            if step not in properties:
                is_closed = schema.get("additionalProperties") is False and _OPENING.isdisjoint(schema)
                return UnknownField(at, tuple(properties)) if is_closed else None
            schema = object_of(properties[step])
        return None


def _properties(agent: Block) -> Mapping[str, Json]:
    found = read_response_format(agent.value("responseFormat"))
    return object_of(found.schema.get("properties")) if found and found.strict else {}
