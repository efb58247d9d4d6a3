"""Waits: briefly within the run, or for days while the run is paused."""

import asyncio
import math
from collections.abc import Container
from datetime import datetime, timedelta
from typing import Final

from executor_service.blocks.pause_response import pause_response
from executor_service.blocks.values import number_of
from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Inputs, Output, Pause, PauseRequest
from shared.clock import iso
from shared.workflow.format.js_values import Json, JsonObject, is_enabled, to_string

_UNITS: Final = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_SHORT_UNITS: Final = ("seconds", "minutes")
MAX_SHORT_SECONDS: Final = 5 * 60
MAX_LONG_SECONDS: Final = 30 * 86400
TOO_LONG: Final = "Wait time exceeds maximum of 5 minutes; enable async mode to wait up to 30 days"
MUCH_TOO_LONG: Final = "Wait time exceeds maximum of 30 days"


class WaitHandler(BlockHandler):
    """`async` waits pause the run; others sleep."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Wait, or pause the run until a time."""
        params = inputs.params
        if is_enabled(params.get("async")):
            return _pause(call, _long_seconds(params))
        seconds = _short_seconds(params)
        await asyncio.sleep(seconds)
        return BlockResult({"waitDuration": _ms(seconds), "status": "completed"})

    def resume(self, pause: Pause, answer: JsonObject, at: datetime) -> Output:
        """Continue at that time."""
        return {"waitDuration": pause.output["waitDuration"], "status": "completed"}


def _pause(call: Call, seconds: float) -> BlockResult:
    resume_at = iso(call.now() + timedelta(seconds=seconds))
    output: JsonObject = {"waitDuration": _ms(seconds), "status": "waiting", "resumeAt": resume_at}
    response = pause_response(call, {"operation": "wait", "resumeAt": resume_at})
    return BlockResult(output, pause=PauseRequest("time", response, resume_at))


def _short_seconds(params: JsonObject) -> float:
    unit = to_string(params.get("timeUnit") or "seconds")
    return _seconds(params, unit, _SHORT_UNITS, MAX_SHORT_SECONDS, TOO_LONG)


def _long_seconds(params: JsonObject) -> float:
    unit = to_string(params.get("timeUnitLong") or "minutes")
    if unit == "seconds":
        raise BlockFailure("Seconds are not allowed in async mode")
    return _seconds(params, unit, _UNITS, MAX_LONG_SECONDS, MUCH_TOO_LONG)


def _seconds(params: JsonObject, unit: str, units: Container[str], limit: int, problem: str) -> float:
    if unit not in units:
        raise BlockFailure(f"Unknown wait unit: {unit}")
    seconds = _amount(params.get("timeValue")) * _UNITS[unit]
    if seconds > limit:
        raise BlockFailure(problem)
    return seconds


def _amount(value: Json) -> float:
    number = number_of(value)
    if number is None or not 0 < number < math.inf:
        raise BlockFailure("Wait amount must be a positive number")
    return number


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
