"""Tools of an agent: their descriptions for the model, and their execution."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from executor_service.providers import Tool
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_string

Run = Callable[[JsonObject], Awaitable[Json]]
"""Runs a tool with the model's and the author's arguments; raises BlockFailure."""

_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")
_NAME_LENGTH: Final = 64
_CHECKS: Final[dict[str, tuple[type, ...]]] = {
    "number": (int, float),
    "integer": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@dataclass(frozen=True, slots=True)
class AgentTool:
    """A tool on offer. `fixed` are the author's values: hidden from the model, and with precedence."""

    name: str
    shown_name: str
    """Name in `toolCalls` of the output."""
    description: str
    parameters: JsonObject
    fixed: JsonObject
    is_forced: bool
    run: Run
    partly_fixed: JsonObject = field(default_factory=dict)
    """Objects that the author has partly set; these parts have precedence, the model sets the rest."""

    @property
    def model_tool(self) -> Tool:
        """Return the description for the model, without parameters set by the author."""
        properties = object_of(self.parameters.get("properties"))
        required = self.parameters.get("required")
        names = [key for key in required if isinstance(key, str)] if isinstance(required, list) else []
        return Tool(
            self.name,
            self.description,
            {
                **self.parameters,
                "properties": {key: schema for key, schema in properties.items() if key not in self.fixed},
                "required": [key for key in names if key not in self.fixed],
            },
        )

    def merge_arguments(self, arguments: JsonObject) -> JsonObject:
        """Return the tool's complete arguments."""
        given = ((key, arguments.get(key, {}), partly_fixed) for key, partly_fixed in self.partly_fixed.items())
        whole = {
            key: {**said, **object_of(partly_fixed)} for key, said, partly_fixed in given if isinstance(said, dict)
        }
        return {**arguments, **self.fixed, **whole}

    def problem(self, arguments: JsonObject) -> str | None:
        """Return why the arguments do not fit the schema; None if they do."""
        for name, schema in object_of(self.parameters.get("properties")).items():
            kind = schema.get("type") if isinstance(schema, dict) else None
            wanted = _CHECKS.get(kind) if isinstance(kind, str) else None
            if name in self.fixed and kind in ("array", "object"):
                continue  # an author's table or JSON text: the block parses its own setting
            if wanted and name in arguments and not _fits(arguments[name], wanted):
                article = "an" if to_string(kind)[0] in "aeio" else "a"
                return f"Parameter {name} should be {article} {kind}"
        return None


def tool_name(text: str, end: str = "") -> str:
    """Return a name that model APIs accept, with this suffix."""
    return (_NAME.sub("_", text.strip())[: _NAME_LENGTH - len(end)] or "tool") + end


def filled_values(params: Json) -> JsonObject:
    """Return the author's values of a tool; empty ones are left to the model."""
    return {key: value for key, value in object_of(params).items() if value not in (None, "")}


def _fits(value: Json, wanted: tuple[type, ...]) -> bool:
    return isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))
