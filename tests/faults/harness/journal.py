"""Observation of the journal: which blocks of which runs must never run again."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from tests.faults.harness.witness import Witness

PREFIX: Final = "flowport"
LOOK_SECONDS: Final = 0.25
REST: Final = 4
"""Pause after reading a long journal, as a multiple of the reading time, so that the observation adds little load."""


def journaled_blocks(mongodb_uri: str, run_ids: Iterable[str] | None = None) -> dict[tuple[str, str], float]:
    """Return the blocks that are journaled as done, of these runs or of all, by run and block id, with their times."""
    with MongoClient[dict[str, Any]](mongodb_uri, serverSelectionTimeoutMS=5_000, tz_aware=True) as client:
        query = {"kind": "block"} if run_ids is None else {"run_id": {"$in": list(run_ids)}, "kind": "block"}
        found = client[f"{PREFIX}_jobs"]["journal"].find(query).sort("written_at", -1)
        return {(entry["run_id"], _block_id(entry["data"])): entry["written_at"].timestamp() for entry in found}


def _block_id(data: bytes) -> str:
    return str(json.loads(bytes(data))["log"]["blockId"])


def runs_without_an_end(mongodb_uri: str) -> int:
    """Return the number of stored runs that have not ended.

    A withdrawn id is no run: its document prevents that a process which continues late stores one.
    """
    ended = ["completed", "failed", "cancelled", "paused"]
    with MongoClient[dict[str, object]](mongodb_uri, serverSelectionTimeoutMS=5_000) as client:
        in_progress = {"phase": {"$nin": ended}, "withdrawn": {"$exists": False}}
        return client[f"{PREFIX}_jobs"]["runs"].count_documents(in_progress)


class JournalWatch:
    """Polls the journaled blocks and their times: an outside call of such a block after that time repeats it.

    Entries are deleted with the end of their run, so a run that ends between two polls is not observed.
    """

    def __init__(self, mongodb_uri: str, witness: Witness, name_of: Callable[[str], str | None]) -> None:
        self._mongodb_uri = mongodb_uri
        self._witness = witness
        self._name_of = name_of
        self._since: dict[tuple[str, str], float] = {}

    @property
    def seen(self) -> int:
        """Number of observed journaled blocks."""
        return len(self._since)

    async def go_on(self, stopping: asyncio.Event) -> None:
        """Poll until `stopping` is set; retry while the store is unavailable."""
        while not stopping.is_set():
            began = time.monotonic()
            with suppress(PyMongoError):
                self._note(await asyncio.to_thread(journaled_blocks, self._mongodb_uri))
            await asyncio.sleep(max(LOOK_SECONDS, REST * (time.monotonic() - began)))

    def repeated_blocks(self) -> list[str]:
        """Return blocks that called the outside after they were journaled."""
        return [
            f"{name}/{step}"
            for (step, name), since in self._since.items()
            if self._witness.last_call(step, name) > since
        ]

    def _note(self, blocks: Mapping[tuple[str, str], float]) -> None:
        for (run_id, step), since in blocks.items():
            name = self._name_of(run_id)
            if name is not None:
                self._since.setdefault((step, name), since)
