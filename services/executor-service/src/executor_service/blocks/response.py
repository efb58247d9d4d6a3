"""Response of the whole run: body, status and headers. It never fails."""

from typing import Final

from executor_service.blocks.editor_fields import read_fields
from executor_service.blocks.values import number_of, read_table
from executor_service.engine import BlockHandler, BlockResult, Call, Inputs
from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json
from shared.workflow.format.sizes import MAX_NESTING

DEFAULT_STATUS: Final = 200
_STATUSES: Final = range(100, 600)
JSON_TYPE: Final = {"Content-Type": "application/json"}


class ResponseHandler(BlockHandler):
    """Builds the answer from fields (structured) or from JSON text."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Return the response."""
        params = inputs.params
        data = (
            _from_text(params.get("data"))
            if params.get("dataMode") == "json"
            else _parse_deeply(read_fields(params.get("builderData")))
        )
        given = {name: value for name, value in read_table(params.get("headers")).items() if value}
        headers: JsonObject = {**JSON_TYPE, **given}
        return BlockResult({"data": data, "status": _status(params.get("status")), "headers": headers})


def _status(value: Json) -> int:
    number = number_of(value)
    return DEFAULT_STATUS if number is None or number not in _STATUSES else int(number)


def _from_text(value: Json) -> Json:
    if value in (None, ""):
        return {}
    parsed = parse_json(value) if isinstance(value, str) else value
    return value if parsed is MISSING else parsed


def _parse_deeply(value: Json, nesting: int = MAX_NESTING) -> Json:
    """Parse every text that is JSON, at any depth, including texts within such texts.

    The result nests no deeper than one JSON text may: deeper texts stay unparsed.
    """
    if isinstance(value, str):
        parsed = parse_json(value, nesting)
        return value if parsed is MISSING else parsed if isinstance(parsed, str) else _parse_deeply(parsed, nesting)
    if isinstance(value, list):
        return [_parse_deeply(item, nesting - 1) for item in value]
    if isinstance(value, dict):
        return {key: _parse_deeply(item, nesting - 1) for key, item in value.items()}
    return value
