"""Find the packs with recordings of given runs.

SecantusDB uses an index only for equal fields and one range, with an exclusive upper bound. With any other condition it
reads all packs of all workspaces, so the others are checked here.
"""

from collections.abc import Collection, Iterable, Iterator

from jobs_service.recordings.packs import NEAR_MS, NO_CONTENT, entries_of
from shared.ids import time_in
from shared.store.client import Collection as Documents
from shared.store.client import Document


async def find_packs(packs: Documents, owner: Document, runs: Collection[str]) -> list[Document]:
    """Return the packs of a workflow that have a recording of one of these runs, oldest first, without content."""
    ids: set[str] = set()
    for first, last in _ranges(runs):
        near = {**owner, "first_ms": {"$gte": first - 2 * NEAR_MS, "$lt": last + 1}}
        ids |= {each["_id"] async for each in packs.find(near, {"last_ms": 1}) if each["last_ms"] >= first}
    ids |= {each["_id"] async for each in packs.find({"runs": {"$in": list(runs)}}, {"_id": 1})}
    found = await packs.find({"_id": {"$in": list(ids)}}, NO_CONTENT).to_list()
    wanted = (pack for pack in found if owner.items() <= pack.items() and _has_any(pack, runs))
    return sorted(wanted, key=lambda pack: str(pack["position"]))


def _ranges(runs: Iterable[str]) -> Iterator[list[int]]:
    """Yield the first and the last time of run ids whose times are close together."""
    current: list[int] = []
    for time in sorted(time for run in runs if (time := time_in(run)) is not None):
        if current and time - current[1] > NEAR_MS:
            yield current
            current = []
        current = [current[0] if current else time, time]
    if current:
        yield current


def _has_any(pack: Document, runs: Collection[str]) -> bool:
    return any(entry.run in runs for entry in entries_of(pack))
