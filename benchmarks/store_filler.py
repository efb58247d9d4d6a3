"""Fills the store with copies of existing documents."""

import random
import time
from itertools import islice
from typing import Any, Final
from uuid import uuid4

from pymongo import MongoClient

from jobs_service.store.timestamps import from_ms
from shared.store.positions import position_of

BATCH: Final = 1_000
MONTH_MS: Final = 30 * 24 * 3600 * 1000


def add_runs(mongodb_uri: str, count: int) -> None:
    """Insert ended runs of the last 30 days, one in twenty failed."""
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb_uri)
    collection, newest = client["flowport_jobs"]["runs"], time.time_ns() // 1_000_000
    template = collection.find_one() or {}

    def run(number: int) -> dict[str, Any]:
        created = newest - random.randrange(MONTH_MS)
        failed = {"phase": "failed", "status": "failed"} if number % 20 == 0 else {}
        times = {"created_ms": created, "position": position_of(from_ms(created), number)}
        return {**template, "_id": uuid4().hex, "job_id": f"run_{uuid4().hex[:20]}", **times, **failed}

    copies = map(run, range(count))
    while batch := list(islice(copies, BATCH)):
        collection.insert_many(batch, ordered=False)
