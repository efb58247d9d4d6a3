"""Select recordings to replay, without reading their content."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from jobs_service.recordings.pack_search import find_packs
from jobs_service.recordings.packs import NO_CONTENT, entries_of
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

    async def of_runs(self, runs: Sequence[str], owner: Document) -> dict[str, StoredRecording]:
        """Return the recordings of these runs of a workflow, by run."""
        chosen = set(runs)
        packs = await find_packs(self._packs, owner, chosen)
        return {each.run: each for pack in packs for each in _recordings(pack) if each.run in chosen}

    async def newest(self, limit: int, owner: Document, now: datetime) -> list[StoredRecording]:
        """Return the newest whole recordings of a workflow that have not expired."""
        found: list[StoredRecording] = []
        async with self._packs.find(owner, NO_CONTENT).sort("position", -1).batch_size(PACKS_AT_ONCE) as packs:
            async for pack in packs:
                found += [each for each in _recordings(pack) if not each.is_cut and each.expires_at > now]
                if len(found) >= limit:
                    break
        return found[:limit]


def _recordings(pack: Document) -> list[StoredRecording]:
    """Return the recordings of a pack, newest first."""
    return [
        StoredRecording(entry.run, pack["expires_at"], entry.summary.is_cut) for entry in reversed(entries_of(pack))
    ]
