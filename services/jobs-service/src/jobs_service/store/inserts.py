"""Idempotent inserts: storing an existing document changes nothing."""

from collections.abc import Sequence
from typing import Any, Final

from pymongo.errors import BulkWriteError

from shared.store.client import Collection, Document

DUPLICATE: Final = 11000


async def insert_new(collection: Collection, documents: Sequence[Document]) -> set[Any]:
    """Store new documents; return the ids of existing ones. Raises BulkWriteError on any other failure."""
    if not documents:
        return set()
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        failures = error.details["writeErrors"]
        may_vanish = bool(error.details["writeConcernErrors"])  # not replicated to a majority
        if may_vanish or any(failure["code"] != DUPLICATE for failure in failures):
            raise
        return {failure["op"]["_id"] for failure in failures}
    return set()
