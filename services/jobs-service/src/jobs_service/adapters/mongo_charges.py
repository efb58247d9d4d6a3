"""Charges: which attached runs, stored together, have spent something that is not booked yet.

A charge is stored before its runs, and each of them says by which one it is booked: so that a process that dies loses
none, and a record that comes twice is booked once. It is deleted when it is booked. A mark on each run would have to be
taken away again, which costs SecantusDB three times as much as storing the run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jobs_service.adapters.moments import now_ms, to_ms
from jobs_service.adapters.run_documents import CHARGE, RUNS
from jobs_service.domain.run import Phase
from shared.ids import new_id
from shared.store.client import Store
from shared.store.documents import Document

CHARGES: Final = "charges"
LOST_MS: Final = 600_000
"""Whoever stored a charge has stored its runs by then, or is dead: another process has their records."""
SPEND_FIELDS: Final = dict.fromkeys(("workspace_id", "usage", "ended_ms", "created_ms"), 1)
_FIELDS: Final = SPEND_FIELDS | dict.fromkeys(("phase", CHARGE), 1)


@dataclass(frozen=True, slots=True)
class Due:
    """What can be booked: charges whose runs are all stored, and those of their runs that they book."""

    charge_ids: Sequence[str]
    runs: Sequence[Document]


class MongoCharges:
    """Keeps charges."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._charges = store.collection(CHARGES)
        self._runs = store.collection(RUNS)

    async def open(self, run_ids: Sequence[str], now: datetime) -> str:
        """Store a charge for runs that are about to be stored; its id, for their `CHARGE`."""
        charge_id = new_id()
        await self._charges.insert_one({"_id": charge_id, "run_ids": list(run_ids), "at_ms": to_ms(now)})
        return charge_id

    async def due(self, limit: int) -> Due:
        """Of as many charges as have `limit` runs, about."""
        found = _first(await self._charges.find().limit(limit).to_list(), limit)
        ids = {run_id for charge in found for run_id in charge["run_ids"]}
        if not ids:
            return Due([], [])
        runs = {each["_id"]: each for each in await self._runs.find({"_id": {"$in": list(ids)}}, _FIELDS).to_list()}
        stored = {charge["_id"] for charge in found if _is_stored(charge["run_ids"], runs)}
        lost_ms = await now_ms(self._store) - LOST_MS if len(stored) < len(found) else 0
        due = [charge for charge in found if charge["_id"] in stored or charge["at_ms"] < lost_ms]
        booked = [
            run
            for charge in due
            for run_id in charge["run_ids"]
            if (run := runs.get(run_id)) is not None and run.get(CHARGE) == charge["_id"]
        ]
        return Due([charge["_id"] for charge in due], booked)

    async def close(self, charge_ids: Sequence[str]) -> None:
        """They are booked."""
        if charge_ids:
            await self._charges.delete_many({"_id": {"$in": list(charge_ids)}})

    async def still_open(self, charge_ids: Iterable[str]) -> frozenset[str]:
        """Those of them that are not booked."""
        wanted = list(charge_ids)
        if not wanted:
            return frozenset()
        found = await self._charges.find({"_id": {"$in": wanted}}, {"_id": 1}).to_list()
        return frozenset(each["_id"] for each in found)


def _first(charges: Sequence[Document], limit: int) -> Sequence[Document]:
    """Charges until they have so many runs."""
    taken: list[Document] = []
    size = 0
    for charge in charges:
        if size >= limit:
            break
        taken.append(charge)
        size += len(charge["run_ids"])
    return taken


def _is_stored(run_ids: Iterable[str], runs: dict[str, Document]) -> bool:
    """Whether all of them have ended, by this record or another."""
    return all(run_id in runs and Phase(runs[run_id]["phase"]).is_terminal for run_id in run_ids)
