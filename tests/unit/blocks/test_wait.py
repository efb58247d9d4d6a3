"""Short waits happen within the run; long ones suspend it until they are due."""

from typing import Any

import pytest
from tests.support.blocks.runs import INPUT, PUBLIC_URL, StillClock, echo, engine_of, failure, run, run_block
from tests.support.workflow_states import block, chain

from executor_service.blocks.wait import WaitHandler
from shared.contracts.runs import ErrorCode, RunStatus


async def test_a_short_wait_passes_within_the_run() -> None:
    result = await run_block("wait", WaitHandler(), timeValue="0.01", timeUnit="seconds")
    assert result.output == {"waitDuration": 10, "status": "completed"}


async def test_the_amount_may_come_from_the_caller() -> None:
    result = await run_block("wait", WaitHandler(), {"input": "0.02"}, timeValue="<start.input>")
    assert result.output["waitDuration"] == 20


@pytest.mark.parametrize("amount", ["0", "-1", "soon", "", "Infinity"])
async def test_an_amount_that_is_not_a_positive_number_is_refused(amount: str) -> None:
    result = await run_block("wait", WaitHandler(), timeValue=amount)
    assert failure(result) == "B: Wait amount must be a positive number"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"timeValue": "10", "timeUnit": "minutes"},
            "Wait time exceeds maximum of 5 minutes; enable async mode to wait up to 30 days",
        ),
        ({"timeValue": "1", "timeUnit": "hours"}, "Unknown wait unit: hours"),
        ({"timeValue": "31", "async": True, "timeUnitLong": "days"}, "Wait time exceeds maximum of 30 days"),
        ({"timeValue": "1", "async": True, "timeUnitLong": "seconds"}, "Seconds are not allowed in async mode"),
        ({"timeValue": "1", "async": "true", "timeUnitLong": "weeks"}, "Unknown wait unit: weeks"),
    ],
)
async def test_an_unsupported_wait_is_refused(settings: dict[str, Any], reason: str) -> None:
    assert failure(await run_block("wait", WaitHandler(), **settings)) == f"B: {reason}"


async def test_a_long_wait_puts_the_run_aside() -> None:
    result = await run_block("wait", WaitHandler(), timeValue="2", timeUnitLong="hours", **{"async": True})
    assert result.outcome.status is RunStatus.PAUSED
    (pause,) = result.pauses
    assert (pause.context_id, pause.kind, pause.resume_at) == ("b", "time", "2026-11-24T14:00:00.000Z")
    assert pause.output == {"waitDuration": 7_200_000, "status": "waiting", "resumeAt": "2026-11-24T14:00:00.000Z"}


async def test_a_run_that_waits_answers_until_when_and_where_it_is_resumed() -> None:
    result = await run_block("wait", WaitHandler(), timeValue="1", timeUnitLong="minutes", **{"async": True})
    data = result.output["data"]
    assert (data["operation"], data["resumeAt"]) == ("wait", "2026-11-24T12:01:00.000Z")
    assert data["_resume"]["apiUrl"] == f"{PUBLIC_URL}/api/resume/wf-1/run-1/b"


async def test_blocks_after_a_long_wait_run_when_it_is_due() -> None:
    clock = StillClock()
    engine = engine_of({"wait": WaitHandler()}, clock)
    wait = block("b", "wait", settings={"async": True, "timeValue": "1", "timeUnitLong": "days"})
    document = chain(INPUT, wait, echo("after", "<b.status>"))
    paused = await run(document, engine)
    clock.move(days=1)
    result = await run(document, engine, state=paused.state, resumptions={"b": {}})
    assert result.outcome.status is RunStatus.COMPLETED
    assert result.output == {"data": "completed"}


async def test_a_wait_may_have_the_maximum_duration() -> None:
    result = await run_block("wait", WaitHandler(), timeValue="30", timeUnitLong="days", **{"async": True})
    assert result.outcome.status is RunStatus.PAUSED
    short = block("b", "wait", settings={"timeValue": "5", "timeUnit": "minutes"})
    waiting = await run(chain(INPUT, short), engine_of({"wait": WaitHandler()}), time_limit_ms=50)
    assert waiting.outcome.error is not None
    assert waiting.outcome.error.code is ErrorCode.TIMEOUT, "it was begun"


@pytest.mark.parametrize("value", ["5.01", "6"])
async def test_a_short_wait_over_five_minutes_is_refused(value: str) -> None:
    assert "exceeds maximum of 5 minutes" in failure(
        await run_block("wait", WaitHandler(), timeValue=value, timeUnit="minutes")
    )


async def test_a_wait_that_is_not_to_be_put_aside_is_not() -> None:
    result = await run_block("wait", WaitHandler(), timeValue="0.01", **{"async": "false"})
    assert result.output["status"] == "completed"
