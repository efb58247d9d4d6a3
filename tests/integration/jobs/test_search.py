"""Runs are found by words of their input, output and error, and by the start of their id."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.integration.jobs.conftest import Start
from tests.support.eventually import until
from tests.support.jobs.logs import NOW, a_log, a_record, find, found
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec, an_outcome, json_payload

from jobs_service.bootstrap import runs as bootstrap
from jobs_service.runs.documents import RUNS
from jobs_service.runs.words import hash_facts, hash_values
from jobs_service.search import query
from jobs_service.search.index import SEGMENTS, IndexedRun, MongoSearchIndex
from jobs_service.store import from_ms, now_ms
from jobs_service.views.repository import MongoRunLogs
from shared.contracts.erasure import Erase, Erased
from shared.contracts.logs import FindLogs
from shared.contracts.messages import RunRecorded
from shared.contracts.runs import ErrorCode, RunError, RunStatus
from shared.errors import InvalidRequest
from shared.store.client import Document
from shared.store.pagination import position_of


@pytest.fixture(autouse=True)
def _quick_indexing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "INDEXING_SECONDS", 0.05)


def a_run(
    run_id: str, minute: int, *, order: str = "", output: str = "", error: str = "", **fields: Any
) -> RunRecorded:
    """Return a record of a run with these values that started `minute` minutes after noon."""
    blocks = (a_log("Start", output={"orderId": order}),)
    record = a_record(run_id, minute, blocks=blocks, **fields)
    problem = RunError(ErrorCode.BLOCK_EXECUTION_FAILED, error) if error else None
    outcome = msgspec.structs.replace(
        record.outcome, output=json_payload(msgspec.json.encode({"text": output})), error=problem
    )
    return msgspec.structs.replace(record, outcome=outcome)


async def indexed(system: System, count: int) -> None:
    """Wait until the index contains this many runs."""

    async def are_indexed() -> bool:
        segments = await system.collection(SEGMENTS).find().to_list()
        return sum(len(part["runs"]) for segment in segments for part in segment["parts"]) == count

    await until(are_indexed)


@pytest.fixture
async def orders(system: System) -> AsyncIterator[System]:
    """Runs of four orders over a few hours, and one of another workspace."""
    await system.executor.record(
        a_run("aaaaaaaa-1", 1, order="ORD-4711", output="refunded"),
        a_run("aaaaaaaa-2", 62, order="ORD-4712", status=RunStatus.FAILED, error="Order unknown: ORD-4712"),
        a_run("bbbbbbbb-3", 125, order="ORD-4711", output="shipped to joe@example.com", workflow="wf-2"),
        a_run("bbbbbbbb-4", 126, order="ORD-4713", output="refunded"),
        a_run("cccccccc-5", 5, order="ORD-4711", workspace="other", workflow="wf-3"),
    )
    await indexed(system, 5)
    yield system


SEARCHES: list[tuple[dict[str, Any], list[str]]] = [
    ({"text": "ORD-4711"}, ["bbbbbbbb-3", "aaaaaaaa-1"]),
    ({"text": "ord 4711", "oldest_first": True}, ["aaaaaaaa-1", "bbbbbbbb-3"]),
    ({"text": "4712"}, ["aaaaaaaa-2"]),
    ({"text": "Order unknown"}, ["aaaaaaaa-2"]),
    ({"text": "joe@example.com"}, ["bbbbbbbb-3"]),
    ({"text": "refunded 4713"}, ["bbbbbbbb-4"]),
    ({"text": "refunded 4712"}, []),
    ({"text": "nothing"}, []),
    ({"text": "ORD-4711", "workflow_ids": ("wf-2",)}, ["bbbbbbbb-3"]),
    ({"text": "ORD-4711", "workflow_ids": ("wf-2", "wf-9")}, ["bbbbbbbb-3"]),
    ({"text": "ORD-4711", "workflow_ids": ()}, []),
    ({"text": "ord", "status": RunStatus.FAILED}, ["aaaaaaaa-2"]),
    ({"text": "ord", "status": RunStatus.PROCESSING}, []),
    ({"text": "ord", "level": "info", "triggers": ("chat",)}, []),
    ({"text": "ord", "since": NOW + timedelta(minutes=62), "until": NOW + timedelta(minutes=125)},
     ["bbbbbbbb-3", "aaaaaaaa-2"]),
    ({"text": "aaaaaaaa-1"}, ["aaaaaaaa-1"]),
    ({"text": "aaaaaaaa"}, ["aaaaaaaa-2", "aaaaaaaa-1"]),
    ({"text": "aaaaaaaa", "status": RunStatus.FAILED}, ["aaaaaaaa-2"]),
    ({"text": "aaaaaaa"}, []),
    ({"text": "cccccccc-5"}, []),
    ({"text": "ord", "triggers": ("api",), "versions": (3,), "limit": 1}, ["bbbbbbbb-4"]),
    ({"text": "ord", "triggers": ("api", "chat"), "versions": (2, 3), "limit": 1}, ["bbbbbbbb-4"]),
    ({"text": "ord", "triggers": ("chat",)}, []),
    ({"text": "ord", "versions": (4,)}, []),
    ({"text": "ord", "draft": True}, []),
    ({"text": "failed"}, []),
    ({"text": "4711", "run_id": "aaaaaaaa-1"}, ["aaaaaaaa-1"]),
    ({"versions": (3,), "limit": 1}, ["bbbbbbbb-4"]),
    ({"versions": (2,)}, []),
    ({"draft": True}, []),
    ({"draft": False, "text": "4713"}, ["bbbbbbbb-4"]),
]  # fmt: skip
"""Queries, and the runs that each finds. One service answers all of them: a start takes longer than all searches."""


async def test_runs_are_found_by_text_and_filters(orders: System) -> None:
    for search, run_ids in SEARCHES:
        assert await found(orders, **search) == run_ids, search


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_pages_of_a_search_have_every_run_once(orders: System, oldest_first: bool) -> None:
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        page = await find(orders, text="ord", limit=1, cursor=cursor, oldest_first=oldest_first)
        seen += [run.run_id for run in page.runs]
        cursor = page.next_cursor
    expected = ["aaaaaaaa-1", "aaaaaaaa-2", "bbbbbbbb-3", "bbbbbbbb-4"]
    assert (seen, cursor) == (expected if oldest_first else expected[::-1], None)


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_a_search_that_takes_long_continues_on_the_next_page(
    orders: System, monkeypatch: pytest.MonkeyPatch, oldest_first: bool
) -> None:
    monkeypatch.setattr(query, "TIME_BUDGET_SECONDS", -1.0)
    monkeypatch.setattr(query, "AT_ONCE", 1)
    seen: list[str] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor is not None:
        page = await find(orders, text="ord", cursor=cursor, oldest_first=oldest_first)
        seen += [run.run_id for run in page.runs]
        cursor, pages = page.next_cursor, pages + 1
    expected = ["aaaaaaaa-1", "aaaaaaaa-2", "bbbbbbbb-3", "bbbbbbbb-4"]
    assert seen == (expected if oldest_first else expected[::-1])
    assert pages > 1


async def test_a_run_that_is_not_yet_in_the_index_is_found_by_its_id(system: System) -> None:
    accepted = await system.gateway.accept()
    assert await found(system, text=accepted.run_id) == [accepted.run_id]
    assert await found(system, text="mine-1234") == []
    await system.gateway.accept(a_spec(f"mine-1234@{WORKSPACE}"))
    assert await found(system, text="mine-1234") == [f"mine-1234@{WORKSPACE}"]


async def test_a_text_without_a_word_is_refused(system: System) -> None:
    with pytest.raises(InvalidRequest, match="two characters"):
        await find(system, text="x !")


async def test_values_that_must_not_be_stored_are_not_in_the_index(system: System) -> None:
    record = a_run("hidden", 1, order="4711", output="4711", error="4711", status=RunStatus.FAILED)
    record = msgspec.structs.replace(record, run=msgspec.structs.replace(record.run, stores_data=False))
    await system.executor.record(record, a_run("shown", 2, order="4711"))
    await indexed(system, 2)
    assert await found(system, text="4711") == ["shown"]


async def test_masked_values_are_not_in_the_index(system: System) -> None:
    record = a_run("masked", 1, order="4711")
    output = json_payload(b'{"key":"hunter2hunter2"}')
    output = msgspec.structs.replace(output, logged=json_payload(b'{"key":"[REDACTED]"}'))
    await system.executor.record(
        msgspec.structs.replace(record, outcome=msgspec.structs.replace(record.outcome, output=output))
    )
    await indexed(system, 1)
    assert await found(system, text="hunter2hunter2") == []
    assert await found(system, text="4711") == ["masked"]


async def test_durable_runs_are_found_unless_their_values_must_not_be_stored(system: System) -> None:
    await system.gateway.accept(a_spec("queued"))
    granted = await system.executor.begin()
    output = an_outcome(output=b'"order 4711"')
    await system.executor.finish("queued", granted.attempt, output, blocks=(a_log("Start", output={"id": "in-4712"}),))
    await system.gateway.accept(a_spec("hidden", stores_data=False))
    granted = await system.executor.begin()
    await system.executor.finish("hidden", granted.attempt, output)
    await indexed(system, 2)
    assert await found(system, text="4711") == ["queued"]
    assert await found(system, text="4712") == ["queued"]


async def test_a_run_with_too_many_words_is_marked(system: System) -> None:
    many = " ".join(f"word{number}" for number in range(400))
    await system.executor.record(a_run("long", 1, output=many), a_run("short", 2))
    await indexed(system, 2)
    cut = {run.run_id: run.search_is_cut for run in (await find(system)).runs}
    assert cut == {"long": True, "short": False}


async def test_an_expired_run_is_not_found_and_its_words_expire_with_the_last_run_of_their_hour(
    orders: System,
) -> None:
    runs = await orders.collection(RUNS).find().to_list()
    segments = await orders.collection(SEGMENTS).find().to_list()
    assert max(segment["expires_at"] for segment in segments) == max(run["expires_at"] for run in runs)
    await orders.collection(RUNS).delete_one({"_id": "bbbbbbbb-3"})
    assert await found(orders, text="4711") == ["aaaaaaaa-1"]


@pytest.mark.parametrize(("workflow_id", "left"), [("wf-2", ["aaaaaaaa-1"]), (None, [])])
async def test_deletion_removes_words_and_statistics(orders: System, workflow_id: str | None, left: list[str]) -> None:
    async def is_done() -> bool:
        body = Erase(WORKSPACE, workflow_id)
        return not (await orders.gateway.client.call("POST", "/internal/erasures", body=body, returns=Erased)).has_more

    await until(is_done)
    assert await found(orders, text="4711") == left
    deleted = {"workspace_id": WORKSPACE} | ({} if workflow_id is None else {"workflow_id": workflow_id})
    for name in (SEGMENTS, "run_intervals", "tallies"):
        assert await orders.collection(name).count_documents(deleted) == 0
        assert await orders.collection(name).count_documents({"workspace_id": "other"}) > 0


async def test_words_are_indexed_before_the_service_stops(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "INDEXING_SECONDS", 60.0)
    async with start() as first:
        await first.executor.record(a_run("last", 1, order="4711"))

        async def is_stored() -> bool:
            return await first.stored() == 1

        await until(is_stored)
    async with start() as second:
        assert await found(second, text="4711") == ["last"]


def _stored(number: int, created_ms: int, **fields: Any) -> Document:
    known = {"workspace_id": WORKSPACE, "workflow_id": WORKFLOW, "phase": "completed", "status": "completed"}
    fixed = {"mode": "sync", "trigger": "api", "time_limit_ms": 1, "revision": 1, "attempt": 1, "version": 1}
    position = position_of(from_ms(created_ms), number)
    return {"_id": f"run-{number}", "created_ms": created_ms, "position": position, **known, **fixed, **fields}


async def fill(system: System, count: int, *, span: timedelta, special: Sequence[int]) -> None:
    """Store runs evenly over the past `span`, each with its order number and some common words."""
    now = await now_ms(system.store)
    index, expires_at = MongoSearchIndex(system.store), from_ms(now) + timedelta(days=30)
    step = span / timedelta(milliseconds=1) / count
    for first in range(0, count, 1_000):
        numbers = range(first, min(first + 1_000, count))
        times = [now - round(span / timedelta(milliseconds=1) - step * number) for number in numbers]
        failed = {"phase": "failed", "status": "failed"}
        documents = [
            _stored(number, at, **(failed if number in special else {}))
            for number, at in zip(numbers, times, strict=True)
        ]
        await system.collection(RUNS).insert_many(documents, ordered=False)
        await index.add(
            [
                IndexedRun(f"run-{number}", WORKSPACE, WORKFLOW, at, expires_at, hashes(number, special))
                for number, at in zip(numbers, times, strict=True)
            ]
        )


def hashes(number: int, special: Sequence[int]) -> bytes:
    facts = {"status": "failed" if number in special else "completed", "trigger": "api", "version": "1"}
    words = f'{{"orderId":"ORD-{number:07}","text":"A customer asks about the state of an order and its delivery"}}'
    return b"".join([*hash_facts(WORKSPACE, facts), hash_values(WORKSPACE, [words.encode()]).hashes])


@pytest.mark.full
async def test_an_hour_old_failed_run_is_found_by_its_order_number_among_100_000(system: System) -> None:
    """A search that takes more than ten seconds is refused by the client of the store."""
    count = 100_000
    special = count - count // 24  # an hour ago
    await fill(system, count, span=timedelta(days=1), special=[special])
    query = FindLogs(workspace_id=WORKSPACE, text=f"ORD-{special:07}", status=RunStatus.FAILED, limit=50)

    page = await MongoRunLogs(system.store).find(query)

    assert [each.run.view.run_id for each in page.runs] == [f"run-{special}"]
