"""The permanent audit log: the cost of a page depends on the page, and pages list every entry once."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.query_log import RecordedStore

from shared.contracts.audit import Actor, AuditEntry, AuditQuery, audit_entry
from shared.store.audit import COLLECTION, INDEXES, AuditStore
from shared.store.products import MONGODB, Product

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ANN, BOB = Actor("ann", "Ann"), Actor("bob", "Bob")


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class Slow(Noon):
    """Clock by which a number of store reads take long."""

    def __init__(self, looks: int) -> None:
        self._ends = [0.3 * (call // 2 + call % 2) for call in range(2 * looks)]

    def monotonic(self) -> float:
        return self._ends.pop(0) if self._ends else 9.0


def entry(number: int, ago: timedelta, *, workspace: str = "ws", actor: Actor = ANN) -> AuditEntry:
    action = "workflow.deployed" if number % 2 else "workflow.promoted"
    return audit_entry(f"id-{number:04}", NOW - ago, workspace, actor, action, target_id=f"wf-{number % 5}")


@pytest.fixture
async def store(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[RecordedStore]:
    store = RecordedStore(mongodb_uri, f"{mongodb_prefix}_audit", INDEXES)
    await store.start()
    yield store
    await store.database.client.drop_database(store.database.name)
    await store.stop()


async def everything(log: AuditStore, limit: int, **narrowing: str) -> list[str]:
    """Return the ids, page after page."""
    seen: list[str] = []
    before: str | None = None
    for _ in range(1_000):
        found, before = await log.find(AuditQuery(workspace_id="ws", limit=limit, before=before, **narrowing))
        assert len(found) <= limit
        seen += [each.id for each in found]
        if before is None:
            return seen
    raise AssertionError("it has no end")


async def test_a_page_reads_no_entries_of_others_nor_of_long_ago(store: RecordedStore) -> None:
    log, number = AuditStore(store, Noon()), 0
    for workspace, ago, count in (("ws", 5, 3), ("ws", 50_000, 200), ("another", 5, 200)):
        entries = [
            entry(number + each, timedelta(minutes=ago, seconds=each), workspace=workspace) for each in range(count)
        ]
        await log.add(*entries)
        number += count
    found, before = await log.find(AuditQuery(workspace_id="ws", limit=2))

    assert [each.id for each in found] == ["id-0000", "id-0001"]
    assert before == found[-1].place
    assert await store.recorded[COLLECTION].examined() <= 9


AGES: Sequence[timedelta] = (
    *[timedelta(microseconds=each) for each in (0, 0, 1, 2, 999, 1000, 1001, 1023, 1024)],
    *[timedelta(seconds=each) for each in (1, 1, 59, 3600)],
    *[timedelta(days=each, microseconds=each) for each in (1, 30, 89, 200, 400, 4_000)],
    -timedelta(days=2),  # another process's clock
)


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_have_everything_once_and_in_order(store: RecordedStore, limit: int) -> None:
    log = AuditStore(store, Noon())
    entries = [entry(number, ago, actor=BOB if number % 3 else ANN) for number, ago in enumerate(AGES)]
    await log.add(*entries)
    in_order = sorted(entries, key=lambda each: each.place, reverse=True)

    assert await everything(log, limit) == [each.id for each in in_order]
    assert await everything(log, limit, actor_id="ann") == [each.id for each in in_order if each.actor == ANN]
    assert await everything(log, limit, action="workflow.deployed", target_id="wf-3") == [
        each.id for each in in_order if each.action == "workflow.deployed" and each.target_id == "wf-3"
    ]


async def test_a_slow_query_returns_a_short_page_and_a_cursor(store: RecordedStore) -> None:
    log = AuditStore(store, Slow(looks=10))
    entries = [entry(number, ago) for number, ago in enumerate(AGES)]
    await log.add(*entries)
    found, before = await log.find(AuditQuery(workspace_id="ws", limit=100, target_id="wf-3"))

    assert [each.id for each in found] == ["id-0003", "id-0008"]
    assert before is not None
    rest = await log.find(AuditQuery(workspace_id="ws", limit=100, target_id="wf-3", before=before))
    assert [each.id for each in rest.entries] == ["id-0013", "id-0018"]


async def test_mongodb_finds_a_page_by_one_query(store: RecordedStore) -> None:
    log = AuditStore(store, Noon())
    await log.add(*(entry(number, timedelta(days=number)) for number in range(30)))
    expected = await everything(log, limit=7)
    store.product = Product(MONGODB, "8.0.4")
    store.recorded[COLLECTION].queries.clear()
    assert await everything(log, limit=7) == expected
    assert len(store.recorded[COLLECTION].queries) == 5

    store.recorded[COLLECTION].queries.clear()
    assert await everything(log, limit=7, actor_id="bob") == []
    assert len(store.recorded[COLLECTION].queries) > 1
