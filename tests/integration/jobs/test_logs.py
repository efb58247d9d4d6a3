"""Runs are found by their properties, page by page."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.eventually import until
from tests.support.jobs.logs import NOW, a_log, a_record, find, found
from tests.support.jobs.system import WORKSPACE, System, a_spec, an_outcome

from jobs_service.store import from_ms, to_ms
from jobs_service.views.logs import PAGE_BYTES
from shared.clients.jobs.payloads import PayloadStore
from shared.contracts.messages import RunRecorded
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunStatus, Trigger, Usage
from shared.errors import InvalidRequest, NotFound


@pytest.fixture
async def logs(system: System) -> AsyncIterator[System]:
    """Four runs, and one of another workspace."""
    spent = Usage(10, 5, 0.25, {"gpt-5": {"input": 0.1, "output": 0.15}})
    await system.executor.record(
        a_record("one", 1, duration_ms=100.0),
        a_record("two", 2, status=RunStatus.FAILED, workflow="wf-2"),
        a_record("three", 3, usage=spent, blocks=(a_log(),)),
        a_record("four", 4, trigger=Trigger.CHAT),
        a_record("hers", 5, workspace="other"),
    )

    async def are_stored() -> bool:
        return await system.stored() == 5

    await until(are_stored)
    yield system


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["four", "three", "two", "one"]),
    ({"oldest_first": True}, ["one", "two", "three", "four"]),
    ({"workflow_ids": ("wf-2", "wf-9")}, ["two"]),
    ({"workflow_ids": ()}, []),
    ({"triggers": ("chat", "webhook")}, ["four"]),
    ({"level": "error"}, ["two"]),
    ({"level": "info"}, ["four", "three", "one"]),
    ({"status": RunStatus.FAILED}, ["two"]),
    ({"status": RunStatus.PAUSED}, []),
    ({"since": NOW + timedelta(minutes=2)}, ["four", "three", "two"]),
    ({"until": NOW + timedelta(minutes=2)}, ["two", "one"]),
    ({"run_id": "three"}, ["three"]),
    ({"run_id": "hers"}, []),
    ({"min_duration_ms": 50}, ["one"]),
    ({"max_duration_ms": 50}, ["four", "three", "two"]),
    ({"min_cost_usd": 0.25}, ["three"]),
    ({"min_cost_usd": 0}, ["four", "three", "two", "one"]),
    ({"max_cost_usd": 0.2}, ["four", "two", "one"]),
    ({"max_cost_usd": 0.25, "min_cost_usd": 0.1}, ["three"]),
    ({"max_cost_usd": 0}, ["four", "two", "one"]),
    ({"max_cost_usd": -1}, []),
    ({"model": "gpt-5"}, ["three"]),
    ({"model": "gpt-4"}, []),
    ({"level": "info", "triggers": ("api",), "oldest_first": True}, ["one", "three"]),
]
"""Filters, and the runs that each leaves. One service answers all of them: a start takes longer than all answers."""


async def test_every_filter_narrows(logs: System) -> None:
    for query, run_ids in FILTERS:
        assert await found(logs, **query) == run_ids, query


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_pages_hold_every_run_once(logs: System, oldest_first: bool) -> None:
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        page = await find(logs, limit=1, cursor=cursor, oldest_first=oldest_first)
        seen += [run.run_id for run in page.runs]
        cursor = page.next_cursor
    assert (cursor, sorted(seen)) == (None, ["four", "one", "three", "two"])


async def test_an_id_that_is_only_taken_is_not_a_run(logs: System) -> None:
    await logs.gateway.reserve("taken")
    assert await found(logs, run_id="taken") == []
    assert await found(logs) == ["four", "three", "two", "one"]


async def test_an_invalid_cursor_is_refused(logs: System) -> None:
    with pytest.raises(InvalidRequest):
        await find(logs, cursor="soon")


async def test_outputs_and_blocks_are_included_on_request(logs: System) -> None:
    (bare,) = (await find(logs, run_id="three")).runs
    assert (bare.output, bare.blocks, bare.version_id, bare.caller_name) == (None, (), "v-3", "Backend")
    (whole,) = (await find(logs, run_id="three", output=True, blocks=True)).runs
    assert whole.output is not None
    assert [log.block_name for log in whole.blocks] == ["Agent"]


async def test_block_logs_too_large_for_a_message_are_stored_by_reference(system: System) -> None:
    blocks = (a_log(output={"text": "x" * 1_100_000}),)
    stored = await PayloadStore(system.executor.client).put(WORKSPACE, msgspec.json.encode(blocks))
    assert stored.blob_id is not None
    await system.executor.record(a_record("big", 1, stored_blocks=stored))

    async def is_stored() -> bool:
        return await system.stored() == 1

    await until(is_stored)
    assert len((await system.gateway.run("big", "?blocks=true")).blocks[0].output["text"]) == 1_100_000
    assert len((await find(system, blocks=True)).runs[0].blocks) == 1


async def test_a_page_of_large_logs_is_a_short_one(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs_service.views.logs.PAGE_BYTES", 1000)
    blocks = (a_log(output={"text": "x" * 600}),)
    await system.executor.record(*(a_record(str(number), number, blocks=blocks) for number in range(3)))

    async def are_stored() -> bool:
        return await system.stored() == 3

    await until(are_stored)
    first = await find(system, blocks=True)
    assert [run.run_id for run in first.runs] == ["2"]
    second = await find(system, blocks=True, cursor=first.next_cursor)
    assert [run.run_id for run in second.runs] == ["1"]


async def test_a_page_of_large_outputs_is_a_short_one_although_they_are_fetched_later(system: System) -> None:
    outcome = msgspec.structs.replace(an_outcome(), output=Payload(blob_id="elsewhere", size=PAGE_BYTES // 2))
    await system.executor.record(*(RunRecorded(a_spec(str(number)), outcome) for number in range(3)))

    async def are_stored() -> bool:
        return await system.stored() == 3

    await until(are_stored)
    assert len((await find(system)).runs) == 3
    first = await find(system, output=True)
    assert len(first.runs) == 2
    assert len((await find(system, output=True, cursor=first.next_cursor)).runs) == 1


async def test_runs_past_their_retention_are_not_found(logs: System) -> None:
    await logs.collection("runs").update_one({"_id": "four"}, {"$set": {"expires_at": NOW - timedelta(days=400)}})
    assert await found(logs) == ["three", "two", "one"]


async def test_a_run_with_an_expired_result_stays_in_the_logs_for_the_retention_of_its_plan(system: System) -> None:
    week_ms = 7 * 86_400_000
    accepted = await system.gateway.accept(a_spec("queued", log_retention_ms=week_ms))
    await system.executor.begin()
    await system.executor.finish("queued", 1)
    await system.executor.record(RunRecorded(a_spec("attached", log_retention_ms=week_ms), an_outcome()))
    runs = system.collection("runs")

    async def are_stored() -> bool:
        return await system.stored() == 2

    await until(are_stored)
    async for stored in runs.find():
        assert stored["expires_at"] - from_ms(stored["result_until_ms"]) == timedelta(days=6)
    await runs.update_many({}, {"$set": {"result_until_ms": to_ms(NOW - timedelta(days=400))}})

    with pytest.raises(NotFound):
        await system.gateway.job(accepted.job_id)
    with pytest.raises(NotFound):
        await system.gateway.run("attached")
    assert set(await found(system)) == {"queued", "attached"}
