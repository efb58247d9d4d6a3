"""Fills the store with copies of existing documents."""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import uuid4

from pymongo import MongoClient
from pymongo.collection import Collection

from jobs_service.store.timestamps import from_ms
from shared.store.positions import position_of

Document = dict[str, Any]
BATCH: Final = 1_000
MONTH_MS: Final = 30 * 24 * 3600 * 1000


class StoreFiller:
    """Inserts documents directly into the services' databases."""

    def __init__(self, mongodb_uri: str) -> None:
        self._client: MongoClient[Document] = MongoClient(mongodb_uri)

    def add_runs(self, count: int) -> None:
        """Insert ended runs of the last 30 days, one in twenty failed."""
        newest = time.time_ns() // 1_000_000

        def run(number: int) -> Document:
            created = newest - random.randrange(MONTH_MS)
            failed = {"phase": "failed", "status": "failed"} if number % 20 == 0 else {}
            times = {"created_ms": created, "position": position_of(from_ms(created), number)}
            return {"_id": uuid4().hex, "job_id": f"run_{uuid4().hex[:20]}", **times, **failed}

        self._copy("flowport_jobs", "runs", count, run)

    def add_workspaces(self, count: int) -> None:
        """Insert workspaces, each with a member, an API key, a workflow and a queue."""
        ids = [str(uuid4()) for _ in range(count)]

        def workflow(number: int) -> Document:
            return {"_id": str(uuid4()), "workspace_id": ids[number]}

        def key(number: int) -> Document:
            return {**workflow(number), "key_hash": uuid4().hex, "user_id": ids[number]}

        self._copy("flowport_gateway", "workspaces", count, lambda n: {"_id": ids[n], "members": [{"user_id": ids[n]}]})
        self._copy("flowport_gateway", "api_keys", count, key)
        self._copy("flowport_deploy", "workflows", count, workflow)
        self._copy("flowport_jobs", "queues", count, lambda n: {"_id": ids[n], "queued": 0})

    def add_versions(self, workflow_id: str, count: int) -> None:
        """Insert versions of a workflow, with numbers that later deployments do not reach."""
        first = 1_000_000 + self._collection("flowport_deploy", "versions").estimated_document_count()
        fields = {"workflow_id": workflow_id}
        self._copy("flowport_deploy", "versions", count, lambda n: {**fields, "_id": uuid4().hex, "number": first + n})

    def _copy(self, database: str, name: str, count: int, change: Callable[[int], Document]) -> None:
        collection = self._collection(database, name)
        template = collection.find_one() or {}
        copies = ({**template, **change(number)} for number in range(count))
        for batch in _batches(copies):
            collection.insert_many(batch, ordered=False)

    def _collection(self, database: str, name: str) -> Collection[Document]:
        return self._client[database][name]


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
