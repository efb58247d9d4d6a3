"""Inserts of documents that may exist already, with every form of result that a store reports."""

from typing import Any

import pytest
from pymongo.errors import BulkWriteError

from jobs_service.store import insert_new

THERE = {"index": 0, "code": 11000, "errmsg": "E11000 duplicate key error", "op": {"_id": "a"}}
TOO_LARGE = {"index": 1, "code": 10334, "errmsg": "BSONObj size is invalid", "op": {"_id": "b"}}
STEPPED_DOWN = {"code": 189, "errmsg": "operation was interrupted"}


class Answers:
    """A collection that answers an insert with these errors."""

    def __init__(self, errors: list[dict[str, Any]], concerns: list[dict[str, Any]]) -> None:
        self._details = {"writeErrors": errors, "writeConcernErrors": concerns}

    async def insert_many(self, documents: list[dict[str, Any]], *, ordered: bool) -> None:
        assert documents, "the driver refuses an empty list"
        if any(self._details.values()):
            raise BulkWriteError(self._details)


async def inserted(*errors: dict[str, Any], concerns: list[dict[str, Any]] | None = None) -> set[str]:
    collection: Any = Answers(list(errors), concerns or [])
    return await insert_new(collection, [{"_id": "a"}, {"_id": "b"}])


async def test_existing_documents_are_named_and_no_failure() -> None:
    assert await inserted() == set()
    assert await inserted(THERE) == {"a"}


async def test_nothing_is_nothing_to_insert() -> None:
    collection: Any = Answers([], [])
    assert await insert_new(collection, []) == set()


async def test_documents_refused_by_the_store_are_a_failure() -> None:
    with pytest.raises(BulkWriteError):
        await inserted(THERE, TOO_LARGE)


@pytest.mark.parametrize("errors", [(), (THERE,)])
async def test_documents_not_accepted_by_a_majority_are_not_stored(errors: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(BulkWriteError):
        await inserted(*errors, concerns=[STEPPED_DOWN])
