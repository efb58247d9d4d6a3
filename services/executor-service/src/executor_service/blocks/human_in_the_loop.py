"""Pauses the run until a person answers a form."""

from datetime import datetime
from typing import Final

from executor_service.blocks.editor_fields import field_value, named_fields
from executor_service.blocks.pause_response import pause_response, resume_links
from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Inputs, Output, Pause, PauseRequest
from shared.clock import iso
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, Missing, to_string
from shared.workflow.format.notifications import NO_NOTIFICATIONS, notifies
from shared.workflow.format.start import RESERVED_FIELDS, coerce

_OPTIONAL_SETTINGS: Final = ("description", "placeholder", "value", "options")
"""Optional settings of a form field besides its name and type."""


class HumanInTheLoopHandler(BlockHandler):
    """Form for a person. The block's edges fire after the answer; its error edge never does."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Pause for an answer. Raises BlockFailure if the author relies on a notification, which is not supported."""
        if notifies(inputs.params.get("notification")):
            raise BlockFailure(NO_NOTIFICATIONS, can_retry=False)
        entries = _objects(inputs.params.get("inputFormat"))
        form = [_field(index, entry) for index, entry in enumerate(entries)]
        shown = _displayed_fields(inputs.params.get("builderData"))
        response = pause_response(
            call,
            {"operation": "human", "responseStructure": list(shown), "inputFormat": list(form), "submission": None},
        )
        links = resume_links(call)
        output: JsonObject = {
            **_without_reserved({str(entry["name"]): _default(entry) for entry in entries}),
            "response": response["data"],
            "url": links["uiUrl"],
            "resumeEndpoint": links["apiUrl"],
        }
        return BlockResult(output, pause=PauseRequest("human", response))

    def resume(self, pause: Pause, answer: JsonObject, at: datetime) -> Output:
        """Return the form's fields at the top level, and the whole answer. No field can control the run."""
        return {
            **pause.output,
            **_without_reserved(answer),
            "submission": answer,
            "resumeInput": answer,
            "submittedAt": iso(at),
        }


def _without_reserved(fields: JsonObject) -> JsonObject:
    return {key: value for key, value in fields.items() if key not in RESERVED_FIELDS}


def _objects(value: Json) -> list[JsonObject]:
    """Return the form's named fields, with names trimmed."""
    entries = (entry for entry in parse_list(value) if isinstance(entry, dict) and entry.get("name"))
    named_fields = ((to_string(entry["name"]).strip(), entry) for entry in entries)
    return [{**entry, "name": name} for name, entry in named_fields if name]


def _displayed_fields(fields: Json, within: str = "") -> list[Json]:
    """Return the displayed fields; an object's fields are listed separately, with dotted names."""
    found: list[Json] = []
    for given, field in named_fields(fields):
        name, kind, value = f"{within}{given.strip()}", field.get("type"), field.get("value")
        inner = _displayed_fields(value, f"{name}.") if kind == "object" else []
        found += inner or [{"name": name, "type": kind, "value": field_value(field)}]
    return found


def _default(entry: JsonObject) -> Json:
    """Convert the default to its type: for a checkbox, the text `false` would count as checked."""
    value = entry.get("value")
    typed = value if value == "" else coerce(value, to_string(entry.get("type") or "string"))
    return None if isinstance(typed, Missing) else typed


def _field(index: int, entry: JsonObject) -> JsonObject:
    optional = {key: entry[key] for key in _OPTIONAL_SETTINGS if entry.get(key) not in (None, "")}
    return {
        "id": entry.get("id") or f"field_{index}",
        "name": entry["name"],
        "label": entry.get("label") or entry["name"],
        "type": entry.get("type") or "string",
        "required": entry.get("required") is True,
        **optional,
    }
