"""Pauses the run until a person answers a form."""

from datetime import datetime
from typing import Final

from executor_service.blocks.built_fields import named, value_of
from executor_service.blocks.pausing import pause_response, resume_links
from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Inputs, Output, Pause, PauseRequest
from shared.clock import iso
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, Missing, to_string
from shared.workflow.format.notifications import NO_NOTIFICATIONS, notifies
from shared.workflow.format.start import RESERVED_FIELDS, coerce

_MAY_BE_SAID: Final = ("description", "placeholder", "value", "options")
"""What a field of the form says of itself beside its name and type, where its author gave it."""


class HumanInTheLoopHandler(BlockHandler):
    """The block's edges fire when the answer has come; its error edge never does."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Ask. Raises BlockFailure where the author counts on a notification: nobody would come."""
        if notifies(inputs.params.get("notification")):
            raise BlockFailure(NO_NOTIFICATIONS, can_retry=False)
        entries = _objects(inputs.params.get("inputFormat"))
        form = [_field(index, entry) for index, entry in enumerate(entries)]
        shown = _shown(inputs.params.get("builderData"))
        response = pause_response(
            call,
            {"operation": "human", "responseStructure": list(shown), "inputFormat": list(form), "submission": None},
        )
        links = resume_links(call)
        output: JsonObject = {
            **_harmless({str(entry["name"]): _default(entry) for entry in entries}),
            "response": response["data"],
            "url": links["uiUrl"],
            "resumeEndpoint": links["apiUrl"],
        }
        return BlockResult(output, pause=PauseRequest("human", response))

    def resume(self, pause: Pause, answer: JsonObject, at: datetime) -> Output:
        """The form's fields at the top, and the whole answer again. No field of it can steer the run."""
        return {
            **pause.output,
            **_harmless(answer),
            "submission": answer,
            "resumeInput": answer,
            "submittedAt": iso(at),
        }


def _harmless(fields: JsonObject) -> JsonObject:
    return {key: value for key, value in fields.items() if key not in RESERVED_FIELDS}


def _objects(value: Json) -> list[JsonObject]:
    """The form's fields that have a name, without blanks around it."""
    entries = (entry for entry in parse_list(value) if isinstance(entry, dict) and entry.get("name"))
    named = ((to_string(entry["name"]).strip(), entry) for entry in entries)
    return [{**entry, "name": name} for name, entry in named if name]


def _shown(fields: Json, within: str = "") -> list[Json]:
    """What the person sees: the fields of an object each for itself, with a dot before their names."""
    found: list[Json] = []
    for given, field in named(fields):
        name, kind, value = f"{within}{given.strip()}", field.get("type"), field.get("value")
        inner = _shown(value, f"{name}.") if kind == "object" else []
        found += inner or [{"name": name, "type": kind, "value": value_of(field)}]
    return found


def _default(entry: JsonObject) -> Json:
    """As its type says: of a box to tick, `false` in words would count as ticked."""
    value = entry.get("value")
    typed = value if value == "" else coerce(value, to_string(entry.get("type") or "string"))
    return None if isinstance(typed, Missing) else typed


def _field(index: int, entry: JsonObject) -> JsonObject:
    said = {key: entry[key] for key in _MAY_BE_SAID if entry.get(key) not in (None, "")}
    return {
        "id": entry.get("id") or f"field_{index}",
        "name": entry["name"],
        "label": entry.get("label") or entry["name"],
        "type": entry.get("type") or "string",
        "required": entry.get("required") is True,
        **said,
    }
