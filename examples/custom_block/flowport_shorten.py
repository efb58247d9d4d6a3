"""Example block type that cuts a text after a number of words.

A block type is a spec and a handler. The spec declares settings and outputs; editors, deploy checks and references
(`<shorten.text>`) use it. The handler executes a block in a run.
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
    # PURE: the block changes nothing outside the run, so it can run again after a crash.
    # A block that only reads external data is REPEATABLE; one that sends, pays or writes is OUTSIDE.
    effect=Effect.PURE,
)


class ShortenHandler(BlockHandler):
    """Stateless: one handler serves all concurrent runs of a worker."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Cut the text. `inputs.params` has the settings with every `<reference>` and `{{NAME}}` resolved."""
        words = to_string(inputs.params["text"]).split(" ")
        limit = _whole_number(inputs.params["words"])
        if len(words) <= limit:
            return BlockResult({"text": " ".join(words), "wasShortened": False})
        ending = to_string(inputs.params["ending"])
        return BlockResult({"text": " ".join(words[:limit]) + ending, "wasShortened": True})


def _whole_number(value: Json) -> int:
    text = to_string(value)
    if not text.isdecimal() or int(text) < 1:
        # Callers see this message after the block's name, unless an error edge handles it.
        raise BlockFailure("Words must be a whole number, at least 1", http_status=400)
    return int(text)


handler = ShortenHandler()
