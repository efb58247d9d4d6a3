"""The cost of a page of versions depends on the page, however often a workflow was deployed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from tests.support.query_log import RecordedStore

from deploy_service.adapters.mongo_versions import COLLECTION, INDEXES, MongoVersions
from shared.store.client import Document

WORKFLOW = "workflow-1"
MANY, PAGE = 300, 3


def document(number: int) -> Document:
    fixed = {"workspace_id": "ws", "snapshot_hash": "0" * 64, "created_at": datetime.now(UTC), "created_by": "ann"}
    return {"_id": f"v{number}", "workflow_id": WORKFLOW, "number": number, "deployed_by": "Ann", **fixed}


@pytest.fixture
async def store(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[RecordedStore]:
    store = RecordedStore(mongodb_uri, f"{mongodb_prefix}_versions", INDEXES)
    await store.start()
    yield store
    await store.stop()


async def numbers(store: RecordedStore, *, before: int | None, newest: int = MANY) -> list[int]:
    found = await MongoVersions(store).page(WORKFLOW, before=before, limit=PAGE, newest=newest)
    return [version.number for version in found]


@pytest.mark.parametrize(("before", "shown"), [(None, [300, 299, 298]), (200, [199, 198, 197]), (3, [2, 1])])
async def test_a_page_of_versions_reads_no_others(store: RecordedStore, before: int | None, shown: list[int]) -> None:
    await store.collection(COLLECTION).insert_many([document(number) for number in range(1, MANY + 1)])

    assert await numbers(store, before=before) == shown
    assert await store.recorded[COLLECTION].examined() <= PAGE


@pytest.mark.parametrize(("before", "shown"), [(None, [298, 2, 1]), (2**31, [298, 2, 1]), (298, [2, 1])])
async def test_numbers_that_are_missing_hide_no_version(
    store: RecordedStore, before: int | None, shown: list[int]
) -> None:
    await store.collection(COLLECTION).insert_many([document(number) for number in (1, 2, 298)])

    assert await numbers(store, before=before) == shown


async def test_a_version_beyond_the_newest_that_went_live_is_shown(store: RecordedStore) -> None:
    await store.collection(COLLECTION).insert_many([document(number) for number in range(1, 11)])

    assert await numbers(store, before=None, newest=9) == [10, 9, 8]
