"""Index-backed pages: runs of other workspaces, workflows and days add no cost."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.jobs.system import WORKFLOW, WORKSPACE
from tests.support.query_log import RecordedStore

from jobs_service.bootstrap import INDEXES
from jobs_service.runs.documents import RUNS
from jobs_service.runs.words import hash_search, hash_values
from jobs_service.search.index import HOUR_MS, SEGMENTS, IndexedRun, MongoSearchIndex, SearchedRuns
from jobs_service.statistics.intervals import HOURS, Group, Measures, StoredInterval
from jobs_service.statistics.repository import INTERVALS, MongoIntervals
from jobs_service.store import from_ms, now_ms
from jobs_service.views.repository import MongoRunLogs, MongoRunViews, PageQuery
from jobs_service.webhooks.repository import DELIVERIES, MongoDeliveries
from shared.contracts.jobs import RunFilter
from shared.contracts.logs import FindLogs
from shared.contracts.runs import RunStatus
from shared.store.client import Document
from shared.store.pagination import position_of
from shared.store.products import MONGODB, Product

OURS = 3
EXAMINED_AT_MOST = 3 * OURS
OTHERS = 30
"""More of each kind than a page may examine, and few: the store takes milliseconds for each."""


def a_run(number: int, position: int, **fields: Any) -> Document:
    known = {"workspace_id": WORKSPACE, "workflow_id": WORKFLOW, "phase": "completed", "status": "completed"}
    fixed = {"mode": "sync", "trigger": "api", "time_limit_ms": 1, "created_ms": position // 4096, "revision": 1}
    return {"_id": f"run-{number}", "position": position, **known, **fixed, "attempt": 1, **fields}


@pytest.fixture
async def store(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[RecordedStore]:
    """A few of each kind among many."""
    store = RecordedStore(mongodb_uri, f"{mongodb_prefix}_lists", INDEXES)
    await store.start()
    now = from_ms(await now_ms(store))
    recently, long_ago = (position_of(now - timedelta(minutes=1) * ago, 0) for ago in (5, 50_000))
    kinds: list[Document] = [
        *[{"phase": "failed", "status": "failed", "position": recently}] * OURS,
        *[{"phase": "paused", "status": "paused", "position": recently}] * OURS,
        *[{"workflow_id": "another", "position": recently}] * OURS,
        *[{"position": long_ago}] * OTHERS,
        *[{"workspace_id": "another", "position": recently}] * OTHERS,
        *[{"workspace_id": "another", "phase": "failed", "position": recently}] * OTHERS,
    ]
    await store.collection(RUNS).insert_many([{**a_run(number, recently), **kind} for number, kind in enumerate(kinds)])
    sent = {"subscription_id": "s", "run_id": "r", "url": "https://example.com", "state": "delivered", "attempts": 1}
    deliveries = [
        {"workspace_id": WORKSPACE, "position": recently, "created_ms": 1, **kind, **sent, "_id": f"d{number}"}
        for number, kind in enumerate(kinds)
    ]
    await store.collection(DELIVERIES).insert_many(deliveries)
    yield store
    await store.database.client.drop_database(store.database.name)
    await store.stop()


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_an_item_at_a_page_boundary_is_on_the_next_page(store: RecordedStore, oldest_first: bool) -> None:
    query = FindLogs(workspace_id=WORKSPACE, status=RunStatus.FAILED, limit=OURS - 1, oldest_first=oldest_first)
    first = await MongoRunLogs(store).find(query)
    second = await MongoRunLogs(store).find(replace(query, cursor=first.next_cursor))

    assert {each.run.view.run_id for each in (*first.runs, *second.runs)} == {f"run-{number}" for number in range(OURS)}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"limit": OURS}, OURS),
        ({"status": RunStatus.FAILED, "limit": OURS - 1}, OURS - 1),
        ({"level": "error", "limit": OURS - 1}, OURS - 1),
        ({"status": RunStatus.PAUSED}, OURS),
        ({"status": RunStatus.PROCESSING}, 0),
        ({"workflow_ids": ("another",), "limit": OURS - 1}, OURS - 1),
        ({"workflow_ids": ("another",), "triggers": ("api",), "limit": OURS - 1}, OURS - 1),
        ({"workflow_ids": ()}, 0),
        ({"run_id": "run-0"}, 1),
        ({"run_id": "nobody"}, 0),
    ],
)
async def test_a_page_of_logs_reads_no_others(store: RecordedStore, query: dict[str, Any], shown: int) -> None:
    page = await MongoRunLogs(store).find(FindLogs(workspace_id=WORKSPACE, **query))

    assert len(page.runs) == shown
    assert await store.recorded[RUNS].examined() <= EXAMINED_AT_MOST


@pytest.mark.parametrize("status", [None, RunStatus.FAILED])
async def test_failed_runs_are_listed_by_one_query(store: RecordedStore, status: RunStatus | None) -> None:
    page = await MongoRunLogs(store).find(FindLogs(workspace_id=WORKSPACE, level="error", status=status))

    assert len(page.runs) == OURS
    assert {repr(pipeline).count("'status'") for pipeline in store.recorded[RUNS].queries} == {1}


async def test_no_run_is_failed_and_something_else(store: RecordedStore) -> None:
    query = FindLogs(workspace_id=WORKSPACE, level="error", status=RunStatus.PAUSED)
    assert (await MongoRunLogs(store).find(query)).runs == []


@pytest.mark.parametrize("only", [RunFilter(), RunFilter(RunStatus.FAILED), RunFilter(RunStatus.PAUSED)])
async def test_a_page_of_runs_reads_no_others(store: RecordedStore, only: RunFilter) -> None:
    page = await MongoRunViews(store).page(PageQuery(WORKSPACE, only=only, limit=OURS - 1))

    assert len(page.runs) == OURS - 1
    assert await store.recorded[RUNS].examined() <= EXAMINED_AT_MOST


@pytest.mark.parametrize("workflow_ids", [None, (WORKFLOW,)])
async def test_a_search_reads_only_the_hours_of_its_range(
    store: RecordedStore, workflow_ids: tuple[str, ...] | None
) -> None:
    now, later = await now_ms(store), from_ms(await now_ms(store)) + timedelta(days=1)
    words = hash_values(WORKSPACE, [b'"order 4711"']).hashes
    index = MongoSearchIndex(store)
    await index.add(
        [
            IndexedRun(f"run-{workspace}-{ago}", workspace, WORKFLOW, now - ago * HOUR_MS, later, words)
            for workspace in (WORKSPACE, "another")
            for ago in range(50)
        ]
    )
    search = SearchedRuns(hash_search(WORKSPACE, "4711"), None, ())
    hours = {"$gte": (now // HOUR_MS - 2) * HOUR_MS, "$lt": now}
    found = await index.find(WORKSPACE, search, hours, workflow_ids)

    assert {run.run_id for run in found} == {f"run-{WORKSPACE}-{ago}" for ago in range(3)}
    assert await store.recorded[SEGMENTS].examined() == 3


@pytest.mark.parametrize("workflow_ids", [None, (WORKFLOW,)])
async def test_statistics_read_only_the_intervals_of_their_range(
    store: RecordedStore, workflow_ids: tuple[str, ...] | None
) -> None:
    start_ms = await now_ms(store) // HOUR_MS * HOUR_MS
    groups = {Group("api", 1, "completed"): Measures(runs=1, durations={1: 1})}
    intervals = MongoIntervals(store)
    for workspace in (WORKSPACE, "another"):
        workflow = WORKFLOW if workspace == WORKSPACE else "another"
        await intervals.add(
            [StoredInterval(workspace, workflow, start_ms - ago * HOUR_MS, groups) for ago in range(30)]
        )
    read = intervals.read(WORKSPACE, HOURS, start_ms - 2 * HOUR_MS, start_ms + HOUR_MS, workflow_ids=workflow_ids)

    assert [each.start_ms async for each in read]
    assert await store.recorded[INTERVALS].examined() == 3


async def test_a_page_of_deliveries_reads_no_others(store: RecordedStore) -> None:
    page = await MongoDeliveries(store, timedelta(days=1)).page(WORKSPACE, None, limit=OURS, cursor=None)

    assert len(page.deliveries) == OURS
    assert await store.recorded[DELIVERIES].examined() <= EXAMINED_AT_MOST


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"status": RunStatus.FAILED},
        {"workflow_ids": ("another",)},
    ],
)
async def test_mongodb_finds_a_page_by_one_query_where_an_index_finds_it(
    store: RecordedStore, query: dict[str, Any]
) -> None:
    await _same_on_both(store, query)
    assert len(store.recorded[RUNS].queries) == 1


@pytest.mark.parametrize("query", [{"workflow_ids": (WORKFLOW, "another")}, {"status": RunStatus.COMPLETED}])
async def test_mongodb_reads_a_list_by_stretches_that_is_narrowed_by_what_no_index_finds(
    store: RecordedStore, query: dict[str, Any]
) -> None:
    await _same_on_both(store, query)
    assert len(store.recorded[RUNS].queries) > 1


async def _same_on_both(store: RecordedStore, query: dict[str, Any]) -> None:
    """Read a page as on each product. The queries for MongoDB stay in `overheard`."""
    logs, wanted = MongoRunLogs(store), FindLogs(workspace_id=WORKSPACE, limit=100, **query)
    expected = await logs.find(wanted)
    store.recorded[RUNS].queries.clear()
    store.product = Product(MONGODB, "8.0.4")
    found = await logs.find(wanted)
    assert found.runs
    assert [each.run.view.run_id for each in found.runs] == [each.run.view.run_id for each in expected.runs]
