"""Charges: groups of attached runs, stored together, with costs that are not booked yet.

A charge is stored before its runs, and each run names its charge: a process that dies loses none, and a repeated record
is booked once. Booking deletes the charge. Marks on runs would have to be removed: a second write of
each run, which costs SecantusDB three times as much as the first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jobs_service.runs.documents import CHARGE, RUNS
from jobs_service.runs.run import Phase
from jobs_service.store.timestamps import now_ms, to_ms
from shared.ids import new_id
from shared.store.client import Document, Store

CHARGES: Final = "charges"
LOST_MS: Final = 600_000
"""By then the process that stored a charge has stored its runs or is dead: another process has their records."""
OPEN: Final = [Phase.RESERVED.value, Phase.ATTACHED.value]
"""Runs that a record may still change."""
SPEND_FIELDS: Final = dict.fromkeys(("workspace_id", "usage", "ended_ms", "created_ms"), 1)
_FIELDS: Final = SPEND_FIELDS | dict.fromkeys(("phase", CHARGE), 1)


@dataclass(frozen=True, slots=True)
class DueCharges:
    """Charges ready for booking, whose runs are all stored, and the runs that they book."""

    charge_ids: Sequence[str]
    runs: Sequence[Document]


class MongoCharges:
    """Charges in MongoDB."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._charges = store.collection(CHARGES)
        self._runs = store.collection(RUNS)

    async def open(self, run_ids: Sequence[str], now: datetime) -> str:
        """Store a charge for runs about to be stored; return its id for their `CHARGE`."""
        charge_id = new_id()
        await self._charges.insert_one({"_id": charge_id, "run_ids": list(dict.fromkeys(run_ids)), "at_ms": to_ms(now)})
        return charge_id

    async def due(self, limit: int) -> DueCharges:
        """Return the first charges, with about `limit` runs. Charges that must wait do not block others."""
        charge_ids: list[str] = []
        booked: list[Document] = []
        for charges in _portions(await self._charges.find().limit(2 * limit).to_list(), limit):
            due = await self._due_of(charges)
            charge_ids += due.charge_ids
            booked += due.runs
            if len(booked) >= limit:
                break
        return DueCharges(charge_ids, booked)

    async def _due_of(self, charges: Sequence[Document]) -> DueCharges:
        ids = {run_id for charge in charges for run_id in charge["run_ids"]}
        runs = {each["_id"]: each for each in await self._runs.find({"_id": {"$in": list(ids)}}, _FIELDS).to_list()}
        stored = {charge["_id"] for charge in charges if _is_stored(charge["run_ids"], runs)}
        lost_ms = await now_ms(self._store) - LOST_MS if len(stored) < len(charges) else 0
        due = [charge for charge in charges if charge["_id"] in stored or charge["at_ms"] < lost_ms]
        booked = [
            run
            for charge in due
            for run_id in charge["run_ids"]
            if (run := runs.get(run_id)) is not None and run.get(CHARGE) == charge["_id"]
        ]
        return DueCharges([charge["_id"] for charge in due], booked)

    async def close(self, charge_ids: Sequence[str]) -> None:
        """Delete booked charges."""
        if charge_ids:
            await self._charges.delete_many({"_id": {"$in": list(charge_ids)}})

    async def still_open(self, charge_ids: Iterable[str]) -> frozenset[str]:
        """Return the charges that are not booked."""
        wanted = list(charge_ids)
        if not wanted:
            return frozenset()
        found = await self._charges.find({"_id": {"$in": wanted}}, {"_id": 1}).to_list()
        return frozenset(each["_id"] for each in found)


def _portions(charges: Sequence[Document], limit: int) -> Iterator[Sequence[Document]]:
    """Group charges of about `limit` runs."""
    portion: list[Document] = []
    size = 0
    for charge in charges:
        portion.append(charge)
        size += len(charge["run_ids"])
        if size >= limit:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _is_stored(run_ids: Iterable[str], runs: dict[str, Document]) -> bool:
    """Return whether records can no longer change the runs: they have ended, by any record, or become durable."""
    return all(run_id in runs and runs[run_id]["phase"] not in OPEN for run_id in run_ids)
