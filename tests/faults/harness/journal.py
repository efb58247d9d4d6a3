"""A look into the journal: which blocks of which runs will never run again."""

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
"""A look at a long journal is followed by a rest of so many times what it took: it shall not be a load of its own."""


def journaled_blocks(mongodb_uri: str, run_ids: Iterable[str] | None = None) -> dict[tuple[str, str], float]:
    """The blocks that are in the store as done, of these runs or of all, by run id and block id: since when."""
    with MongoClient[dict[str, Any]](mongodb_uri, serverSelectionTimeoutMS=5_000, tz_aware=True) as client:
        query = {"kind": "block"} if run_ids is None else {"run_id": {"$in": list(run_ids)}, "kind": "block"}
        found = client[f"{PREFIX}_jobs"]["journal"].find(query).sort("written_at", -1)
        return {(entry["run_id"], _block_id(entry["data"])): entry["written_at"].timestamp() for entry in found}


def _block_id(data: bytes) -> str:
    return str(json.loads(bytes(data))["log"]["blockId"])


def runs_without_an_end(mongodb_uri: str) -> int:
    """Runs in the store that have not ended, whoever knows of them."""
    with MongoClient[dict[str, object]](mongodb_uri, serverSelectionTimeoutMS=5_000) as client:
        ended = {"phase": {"$nin": ["completed", "failed", "cancelled", "paused"]}}
        return client[f"{PREFIX}_jobs"]["runs"].count_documents(ended)


class JournalWatch:
    """Looks again and again at what is journaled, and since when: what calls the outside for it after that, repeats it.

    Entries go with the end of their run, so that those of a run which ends between two looks are not seen.
    """

    def __init__(self, mongodb_uri: str, witness: Witness, name_of: Callable[[str], str | None]) -> None:
        self._mongodb_uri = mongodb_uri
        self._witness = witness
        self._name_of = name_of
        self._since: dict[tuple[str, str], float] = {}

    @property
    def seen(self) -> int:
        """How many journaled blocks were seen."""
        return len(self._since)

    async def go_on(self, stopping: asyncio.Event) -> None:
        """Look until `stopping` is set; a store that is away is asked again."""
        while not stopping.is_set():
            began = time.monotonic()
            with suppress(PyMongoError):
                self._note(await asyncio.to_thread(journaled_blocks, self._mongodb_uri))
            await asyncio.sleep(max(LOOK_SECONDS, REST * (time.monotonic() - began)))

    def ran_again(self) -> list[str]:
        """Blocks that called the outside after they were in the journal."""
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
