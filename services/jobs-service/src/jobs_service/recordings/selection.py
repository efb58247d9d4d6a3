"""Select recordings to replay, without reading their content."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from jobs_service.recordings.packs import NO_CONTENT, entries_of, searches
from jobs_service.recordings.repository import PACKS_AT_ONCE, RECORDINGS
from shared.store.client import Document, Store


class StoredRecording(NamedTuple):
    """A recording of the run with this key."""

    run: str
    expires_at: datetime
    is_cut: bool


class RecordingSelection:
    """Finds the recordings that are stored."""

    def __init__(self, store: Store) -> None:
        self._packs = store.collection(RECORDINGS)

    async def of_runs(self, runs: Sequence[str], wanted: Document) -> dict[str, StoredRecording]:
        """Return the recordings of these runs whose documents match `wanted`, by run."""
        chosen = set(runs)
        found: dict[str, StoredRecording] = {}
        for search in searches(chosen):
            if len(found) < len(chosen):
                packs = await self._packs.find({**wanted, **search}, NO_CONTENT).to_list()
                found |= {each.run: each for pack in packs for each in _recordings(pack) if each.run in chosen}
        if rest := list(chosen - found.keys()):  # of an earlier version
            older = await self._packs.find({**wanted, "_id": {"$in": rest}}, NO_CONTENT).to_list()
            found |= {each.run: each for pack in older for each in _recordings(pack)}
        return found

    async def newest(self, limit: int, wanted: Document) -> list[StoredRecording]:
        """Return the newest whole recordings whose documents match `wanted`."""
        found: list[StoredRecording] = []
        async for pack in self._packs.find(wanted, NO_CONTENT).sort("position", -1).batch_size(PACKS_AT_ONCE):
            found += [each for each in _recordings(pack) if not each.is_cut]
            if len(found) >= limit:
                break
        return found[:limit]


def _recordings(pack: Document) -> list[StoredRecording]:
    """Return the recordings of a pack, newest first."""
    return [
        StoredRecording(entry.run, pack["expires_at"], entry.summary.is_cut) for entry in reversed(entries_of(pack))
    ]
