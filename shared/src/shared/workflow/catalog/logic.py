"""Code and variables."""

from typing import Final

from shared.workflow.catalog.spec import BlockSpec, Effect, NumberRange, SubBlockSpec, fields
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.models import Block
from shared.workflow.format.paths import OutputField, Outputs


def code_text(value: Json) -> str:
    """Return the source in a `code` setting: text, or a list of `{content}`, one per line."""
    if isinstance(value, str):
        return value
    pieces = (piece.get("content") for piece in value if isinstance(piece, dict)) if isinstance(value, list) else ()
    return "\n".join(piece for piece in pieces if isinstance(piece, str))


def _function_effect(params: JsonObject) -> Effect:
    """Code without network access has no outside effect. Only JavaScript has `fetch`."""
    reaches_out = params.get("language") != "python" and "fetch" in code_text(params.get("code"))
    return Effect.OUTSIDE if reaches_out else Effect.PURE


def _assigned(block: Block) -> Outputs:
    entries = (entry for entry in parse_list(block.value("variables")) if isinstance(entry, dict))
    return {
        name.strip(): OutputField(type="json")
        for entry in entries
        if isinstance(name := entry.get("variableName"), str) and name.strip()
    }


FUNCTION: Final = BlockSpec(
    type="function",
    title="Function",
    description="Runs JavaScript or Python",
    sub_blocks=(
        SubBlockSpec(
            id="language",
            title="Language",
            type="dropdown",
            default="javascript",
            options=("javascript", "python"),
        ),
        SubBlockSpec(id="code", title="Code", type="code"),
        SubBlockSpec(id="timeout", title="Timeout (ms)", number=NumberRange(1, 300_000)),
    ),
    outputs=fields(result="json", stdout="string"),
    effect_of=_function_effect,
)
VARIABLES: Final = BlockSpec(
    type="variables",
    title="Variables",
    description="Sets workflow variables",
    sub_blocks=(SubBlockSpec(id="variables", title="Variable Assignments", type="variables-input"),),
    outputs_of=_assigned,
)
