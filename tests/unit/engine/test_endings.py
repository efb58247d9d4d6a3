"""How a run ends, and its output."""

import asyncio
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.support.engine.building import START, block, chain, document, engine_of, execution, fails, names, ok, run

from executor_service.engine import BlockHandler, BlockResult, Call, Inputs
from shared.contracts.runs import MAX_ERROR_CHARS, ErrorCode, RunStatus
from shared.errors import Unavailable


async def test_the_last_terminal_block_to_complete_is_the_output() -> None:
    forked = document([START, block("slow"), block("fast")], [("start", "source", "slow"), ("start", "source", "fast")])

    async def slow(call: Call) -> Any:
        await asyncio.sleep(0.02 if call.block.id == "slow" else 0)
        return ok(call)

    assert (await run(slow, forked)).output == {"result": "slow"}


async def test_a_run_that_ends_nowhere_gives_an_empty_object() -> None:
    handled = document([START, block("f"), block("h")], [("start", "source", "f"), ("f", "error", "h")])
    result = await run(ok, handled)
    assert result.outcome.status is RunStatus.COMPLETED
    assert result.output == {}


async def test_hidden_keys_stay_inside() -> None:
    assert (await run(lambda call: {"a": 1, "_hidden": 2}, chain(block("f")))).output == {"a": 1}


async def test_the_text_of_a_failure_is_truncated_everywhere() -> None:
    def breaks(call: Call) -> Any:
        raise fails("a remote server's text " * 1_000_000)

    result = await run(breaks, chain(block("f")))
    assert result.outcome.error is not None
    assert len(result.outcome.error.message) == MAX_ERROR_CHARS
    assert len(msgspec.json.encode((result.outcome, result.blocks))) < 4 * MAX_ERROR_CHARS


async def test_an_unhandled_failure_names_its_block() -> None:
    def breaks(call: Call) -> Any:
        raise fails("no", http_status=400)

    result = await run(breaks, chain(block("f", name="My Fn"), block("g")))
    error = result.outcome.error
    assert error is not None
    assert (error.text, error.block_id, error.block_type, error.http_status) == ("My Fn: no", "f", "function", 400)
    assert names(result) == ["start", "My Fn!"]


async def test_a_failure_waits_for_running_blocks_and_starts_none() -> None:
    forked = document(
        [START, block("bad"), block("good"), block("next")],
        [("start", "source", "bad"), ("start", "source", "good"), ("good", "source", "next")],
    )

    async def one_breaks(call: Call) -> Any:
        await asyncio.sleep(0.01 if call.block.id == "good" else 0)
        if call.block.id == "bad":
            raise fails()
        return ok(call)

    result = await run(one_breaks, forked)
    assert names(result) == ["start", "bad!", "good"]


async def test_no_block_starts_when_one_fails_while_another_completes() -> None:
    forked = document(
        [START, block("good"), block("bad"), block("next")],
        [("start", "source", "good"), ("start", "source", "bad"), ("good", "source", "next")],
    )

    def one_breaks(call: Call) -> Any:
        if call.block.id == "bad":
            raise fails()
        return ok(call)

    assert names(await run(one_breaks, forked)) == ["start", "good", "bad!"]


async def test_the_first_failure_is_the_one_reported() -> None:
    forked = document([START, block("a"), block("b")], [("start", "source", "a"), ("start", "source", "b")])

    async def both(call: Call) -> Any:
        await asyncio.sleep(0.01 if call.block.id == "a" else 0)
        raise fails(call.block.id)

    error = (await run(both, forked)).outcome.error
    assert error is not None
    assert error.message == "b"


async def test_a_bug_in_a_block_fails_the_run_with_its_description() -> None:
    with capture_logs() as logs:
        error = (await run(lambda call: 1 / 0, chain(block("f")))).outcome.error
    assert error is not None
    assert error.message == "ZeroDivisionError: division by zero"
    assert [(line["event"], line["block_id"]) for line in logs] == [("block_crashed", "f")]


class Unspeakable(BlockHandler):
    """Has inputs that no log can represent."""

    def prepare(self, call: Call) -> Inputs:
        return Inputs({"text": "\ud800"})

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        return BlockResult({})


@pytest.mark.parametrize("journal", [False, True])
async def test_a_bug_in_the_engine_ends_the_run_and_not_the_worker(journal: bool) -> None:
    engine = engine_of({"function": Unspeakable()})
    with capture_logs() as logs:
        result = await execution(engine, chain(block("f")), journal=journal).run()
    assert result.outcome.error is not None
    assert (result.outcome.status, result.outcome.error.code) == (RunStatus.FAILED, ErrorCode.EXECUTION_FAILED)
    assert "internal error" in result.outcome.error.message
    assert [line["event"] for line in logs] == ["run_crashed"]


async def test_an_unavailable_dependency_fails_the_run_as_retryable() -> None:
    def fails(call: Call) -> Any:
        raise Unavailable("The sandbox is not running")

    error = (await run(fails, chain(block("f")))).outcome.error
    assert error is not None
    assert (error.message, error.http_status) == ("The sandbox is not running", 503)


async def test_a_response_ends_the_run() -> None:
    workflow = document(
        [START, block("r", "response"), block("after"), block("slow")],
        [("start", "source", "r"), ("r", "source", "after"), ("start", "source", "slow")],
    )

    async def answers(call: Call) -> Any:
        if call.block.type == "response":
            return {"data": 1, "status": 201, "headers": {}}
        await asyncio.sleep(0.01)
        raise fails("too late to matter")

    result = await run(answers, workflow)
    assert result.outcome.status is RunStatus.COMPLETED
    assert result.outcome.is_response
    assert result.output["status"] == 201
    assert names(result) == ["start", "r", "slow!"]


async def test_a_failure_without_text_is_a_failure() -> None:
    def breaks(call: Call) -> Any:
        if call.block.id == "f":
            raise fails("")
        return ok(call)

    blocks = [START, block("f"), block("good"), block("bad")]
    result = await run(
        breaks, document(blocks, [("start", "source", "f"), ("f", "source", "good"), ("f", "error", "bad")])
    )
    assert names(result) == ["start", "f!", "bad"]
    assert result.blocks[1].error
