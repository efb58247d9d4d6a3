"""The engine's treatment of a handler's results."""

import asyncio
from typing import Any

from tests.support.engine.building import Scripted, block, chain, engine_of, execution, fails, run
from tests.support.left_behind import without_collections

from executor_service.engine import BlockFailure, BlockResult, Call, Execution
from shared.contracts.runs import Usage


async def test_a_block_is_retried_as_configured() -> None:
    tries = 0

    def third_time(call: Call) -> Any:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise fails()
        return {"tries": tries}

    retry = {"enabled": True, "maxTries": 3, "waitBetweenTriesMs": 0}
    result = await run(third_time, chain(block("f", retry=retry)))
    assert result.output == {"tries": 3}
    assert result.blocks[-1].tries == 3


async def test_failed_attempts_are_freed_without_a_garbage_collection() -> None:
    errors = [fails() for _ in range(3)]
    handler = Scripted(lambda call: (_ for _ in ()).throw(errors[handler.runs["f"] - 1]))
    retry = {"enabled": True, "maxTries": 3, "waitBetweenTriesMs": 0}
    with without_collections() as remains:
        result = await execution(engine_of({"function": handler}), chain(block("f", retry=retry))).run()
        await asyncio.sleep(0)
        assert remains.of(Call, Execution) == []
    assert result.blocks[-1].tries == 3


async def test_a_permanent_failure_is_not_retried() -> None:
    handler = Scripted(lambda call: (_ for _ in ()).throw(BlockFailure("final", can_retry=False)))
    retry = {"enabled": True, "maxTries": 5, "waitBetweenTriesMs": 0}
    await execution(engine_of({"function": handler}), chain(block("f", retry=retry))).run()
    assert handler.runs["f"] == 1


async def test_a_variables_block_writes_for_the_rest_of_the_run() -> None:
    workflow = chain(block("a"), block("b"))
    workflow["variables"] = {"v": {"id": "v", "name": "n", "type": "number", "value": "2"}}
    result = await run(lambda call: BlockResult({"seen": call.variables["v"]}, {"v": 5}), workflow)
    assert [log.output for log in result.blocks[1:]] == [{"seen": 2}, {"seen": 5}]


async def test_retries_wait_as_configured() -> None:
    handler = Scripted(lambda call: (_ for _ in ()).throw(fails()))
    retry = {"enabled": True, "maxTries": 2, "waitBetweenTriesMs": 50}
    result = await execution(engine_of({"function": handler}), chain(block("f", retry=retry))).run()
    assert handler.runs["f"] == 2
    assert result.blocks[-1].duration_ms >= 50


async def test_a_block_without_retries_is_tried_once() -> None:
    handler = Scripted(lambda call: (_ for _ in ()).throw(fails()))
    retry = {"enabled": True, "maxTries": 5, "waitBetweenTriesMs": 0}
    await execution(
        engine_of({"human_in_the_loop": handler}), chain(block("w", "human_in_the_loop", retry=retry))
    ).run()
    assert handler.runs["w"] == 1


async def test_usage_and_calls_of_an_oversized_output_are_reported() -> None:
    called: Any = ({"blockId": "within"},)

    def says(call: Call) -> Any:
        call.spend(Usage(3, 4, 0.5))
        return BlockResult({"text": "long"}, child_spans=called)

    engine = engine_of({"function": Scripted(says)}, block_output_bytes=5)
    result = await execution(engine, chain(block("f"))).run()
    assert result.outcome.error is not None
    assert result.usage == Usage(3, 4, 0.5)
    assert result.blocks[-1].child_spans == called
