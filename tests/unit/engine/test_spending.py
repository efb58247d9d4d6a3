"""Model costs count, however a block or a run ends."""

import asyncio
from typing import Any

import pytest
from tests.support.engine.building import Deployed, Scripted, block, chain, engine_of, execution, fails, run

from executor_service.blocks.workflow import WorkflowHandler
from executor_service.engine import Call
from shared.contracts.runs import RunStatus, Usage

TURN = Usage(3, 4, 0.5)
NO_WAIT = {"enabled": True, "maxTries": 3, "waitBetweenTriesMs": 0}


def fails_after_a_turn(call: Call) -> Any:
    call.spend(TURN)
    raise fails()


async def lingers_after_a_turn(call: Call) -> Any:
    call.spend(TURN)
    await asyncio.sleep(60)


async def test_usage_of_a_failed_block_counts() -> None:
    assert (await run(fails_after_a_turn, chain(block("f")))).usage == TURN


async def test_usage_of_every_attempt_of_a_block_counts() -> None:
    result = await run(fails_after_a_turn, chain(block("f", retry=NO_WAIT)))
    assert result.usage == Usage(9, 12, 1.5)


@pytest.mark.parametrize("depth", [0, 1, 2])
async def test_usage_of_a_stopped_block_counts_at_any_depth_of_calls(depth: int) -> None:
    workflows = {f"w{n}": chain(block("call", "workflow_input", workflowId=f"w{n - 1}")) for n in range(1, depth + 1)}
    deployed = Deployed(w0=chain(block("f")), **workflows)
    engine = engine_of({"function": Scripted(lingers_after_a_turn), "workflow_input": WorkflowHandler(deployed)})
    top = {"w0": chain(block("f")), **workflows}[f"w{depth}"]
    run_ = execution(engine, top)
    asyncio.get_running_loop().call_later(0.05, run_.cancel)
    result = await run_.run()
    assert result.outcome.status is RunStatus.CANCELLED
    assert result.usage == TURN


async def test_usage_of_a_block_that_reached_a_bound_counts() -> None:
    def says(call: Call) -> Any:
        call.spend(TURN)
        return {"result": "a long answer"}

    result = await execution(engine_of({"function": Scripted(says)}, run_output_bytes=10), chain(block("f"))).run()
    assert result.outcome.status is RunStatus.FAILED
    assert result.usage == TURN
