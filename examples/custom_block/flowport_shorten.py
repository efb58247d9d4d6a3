"""A block type of our own: cuts a text after so many words.

A block type is a spec and a handler. The spec says what the block takes and gives: editors, deploy checks and
references (`<shorten.text>`) read it. The handler does the work of one block in one run.
"""

from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Inputs
from shared.workflow.catalog import BlockSpec, Effect, SubBlockSpec
from shared.workflow.format.js_values import Json, to_string
from shared.workflow.format.paths import OutputField

spec = BlockSpec(
    type="shorten",
    title="Shorten",
    description="Cuts a text after so many words",
    sub_blocks=(
        SubBlockSpec(id="text", title="Text", type="long-input", required=True),
        SubBlockSpec(id="words", title="Words", default="50"),
        SubBlockSpec(id="ending", title="Ending", type="dropdown", default="…", options=("…", "...", "")),
    ),
    outputs={
        "text": OutputField(type="string", description="The text, no longer than asked for"),
        "wasShortened": OutputField(type="boolean", description="Whether something was cut off"),
    },
    # PURE: it changes nothing outside the run, so after a crash it may simply run again.
    # A block that only reads from elsewhere is REPEATABLE; one that sends, pays or writes is OUTSIDE.
    effect=Effect.PURE,
)


class ShortenHandler(BlockHandler):
    """One handler serves all runs of a worker at once: it keeps nothing of any."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """`inputs.params` holds the settings with every `<reference>` and `{{NAME}}` filled in."""
        words = to_string(inputs.params["text"]).split(" ")
        limit = _whole_number(inputs.params["words"])
        if len(words) <= limit:
            return BlockResult({"text": " ".join(words), "wasShortened": False})
        ending = to_string(inputs.params["ending"])
        return BlockResult({"text": " ".join(words[:limit]) + ending, "wasShortened": True})


def _whole_number(value: Json) -> int:
    text = to_string(value)
    if not text.isdecimal() or int(text) < 1:
        # The sentence reaches the caller, with the block's name before it. An error edge may handle it.
        raise BlockFailure("Words must be a whole number, at least 1", http_status=400)
    return int(text)


handler = ShortenHandler()
