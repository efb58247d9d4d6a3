"""A run is ended from outside: by a cancel, its time limit, or a stopping worker."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from tests.support.engine.building import (
    START,
    Scripted,
    block,
    chain,
    document,
    engine_of,
    execution,
    fails,
    names,
    ok,
    run,
    stream_request,
)
from tests.support.eventually import PATIENCE_MS, PATIENCE_SECONDS

from executor_service.engine import Call
from executor_service.engine.execution import INTERNAL_ERROR
from shared.contracts.runs import ErrorCode, RunStatus, Usage


async def test_a_cancel_reaches_every_block_immediately() -> None:
    wide = document([START, *(block(f"b{n}") for n in range(5))], [("start", "source", f"b{n}") for n in range(5)])
    begun = 0

    async def forever(call: Call) -> Any:
        nonlocal begun
        begun += 1
        if begun == 5:
            asyncio.get_running_loop().call_soon(run_.cancel)
        await asyncio.sleep(60)

    run_ = execution(engine_of({"function": Scripted(forever)}), wide)
    result = await asyncio.wait_for(run_.run(), 30)
    assert result.outcome.status is RunStatus.CANCELLED
    assert result.outcome.error is None
    assert names(result) == ["start", *(f"b{n}!" for n in range(5))]


async def test_a_block_cancelled_from_within_ends_the_run_immediately() -> None:
    async def given_up(call: Call) -> Any:
        waiting = asyncio.get_running_loop().create_future()
        waiting.cancel()
        await waiting

    result = await asyncio.wait_for(run(given_up, chain(block("f")), time_limit_ms=2 * PATIENCE_MS), PATIENCE_SECONDS)
    error = result.outcome.error
    assert error is not None
    assert (error.code, error.message) == (ErrorCode.EXECUTION_FAILED, INTERNAL_ERROR)


async def test_a_block_that_ignores_its_cancellation_blocks_nothing() -> None:
    let_go = asyncio.Event()

    async def stubborn(call: Call) -> Any:
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()
        return {}

    run_ = execution(engine_of({"function": Scripted(stubborn)}, cancel_seconds=0.05), chain(block("f")))
    asyncio.get_running_loop().call_later(0.02, run_.cancel)
    assert (await asyncio.wait_for(run_.run(), 30)).outcome.status is RunStatus.CANCELLED
    let_go.set()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait([task])


async def test_a_run_that_was_cancelled_before_it_began_runs_nothing() -> None:
    handler = Scripted(ok)
    run_ = execution(engine_of({"function": handler}), chain(block("f")))
    run_.cancel()
    assert (await run_.run()).outcome.status is RunStatus.CANCELLED
    assert not handler.runs


async def test_a_busy_run_yields_to_other_runs() -> None:
    def cancelled_soon(call: Call) -> Any:
        if call.block.id == "f" and handler.runs["f"] == 1:
            asyncio.get_running_loop().call_soon(run_.cancel)
        return {}

    loop = block("box", "loop", data={"loopType": "for", "count": 9_000})
    workflow = document([START, loop, block("f", parent="box")], [("start", "source", "box")])
    workflow["edges"].append({"id": "in", "source": "box", "sourceHandle": "loop-start-source", "target": "f"})
    handler = Scripted(cancelled_soon)
    run_ = execution(engine_of({"function": handler}), workflow)
    assert (await run_.run()).outcome.status is RunStatus.CANCELLED
    assert handler.runs["f"] < 9_000


async def test_the_time_limit_ends_the_run_and_keeps_an_agents_text() -> None:
    async def writes(call: Call) -> Any:
        assert call.writer is not None
        await call.writer.write("Once upon")
        await asyncio.sleep(60)

    result = await run(
        writes, chain(block("a", "agent", model="echo")), time_limit_ms=2_000, **stream_request("a.content")
    )
    error = result.outcome.error
    assert error is not None
    assert error.code is ErrorCode.TIMEOUT
    assert result.output == {"content": "Once upon"}
    assert result.blocks[-1].output == {"content": "Once upon"}


async def test_it_is_the_run_that_times_out_and_not_the_block_that_uses_up_its_time() -> None:
    async def fails_at_the_time_limit(call: Call) -> Any:
        await asyncio.sleep(call.remaining_seconds() - 0.005)
        raise fails("timed out after 199ms")

    result = await run(fails_at_the_time_limit, chain(block("f")), time_limit_ms=200)
    assert result.outcome.error is not None
    assert result.outcome.error.text == "Execution timed out after 200 ms"


async def test_a_stopping_worker_concludes_nothing() -> None:
    async def forever(call: Call) -> Any:
        await asyncio.sleep(60)

    handler = Scripted(forever)
    task = asyncio.create_task(execution(engine_of({"function": handler}), chain(block("f"))).run())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handler.active == 0


async def test_the_usage_of_a_stopped_block_counts() -> None:
    async def spends(call: Call) -> Any:
        call.spend(Usage(3, 4, 0.5))
        asyncio.get_running_loop().call_soon(run_.cancel)
        await asyncio.sleep(60)

    run_ = execution(engine_of({"function": Scripted(spends)}), chain(block("f")))
    result = await asyncio.wait_for(run_.run(), 30)
    assert result.outcome.status is RunStatus.CANCELLED
    assert result.usage == Usage(3, 4, 0.5)
