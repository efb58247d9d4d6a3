"""Charges: which attached runs, stored together, have spent something that is not booked yet.

A charge is stored before its runs, and each of them says by which one it is booked: so that a process that dies loses
none, and a record that comes twice is booked once. It is deleted when it is booked. A mark on each run would have to be
removed again: on both products a second write of each run, which costs SecantusDB three times as much as the first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jobs_service.runs.documents import CHARGE, RUNS
from jobs_service.runs.run import Phase
from jobs_service.store.timestamps import now_ms, to_ms
from shared.ids import new_id
from shared.store.client import Store
from shared.store.documents import Document

CHARGES: Final = "charges"
LOST_MS: Final = 600_000
"""Whoever stored a charge has stored its runs by then, or is dead: another process has their records."""
OPEN: Final = [Phase.RESERVED.value, Phase.ATTACHED.value]
"""Runs that a record may still change."""
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
        await self._charges.insert_one({"_id": charge_id, "run_ids": list(dict.fromkeys(run_ids)), "at_ms": to_ms(now)})
        return charge_id

    async def due(self, limit: int) -> Due:
        """Of the first charges with so many runs, about; those that must wait hold up no others."""
        charge_ids: list[str] = []
        booked: list[Document] = []
        for charges in _portions(await self._charges.find().limit(2 * limit).to_list(), limit):
            due = await self._due_of(charges)
            charge_ids += due.charge_ids
            booked += due.runs
            if len(booked) >= limit:
                break
        return Due(charge_ids, booked)

    async def _due_of(self, charges: Sequence[Document]) -> Due:
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


def _portions(charges: Sequence[Document], limit: int) -> Iterator[Sequence[Document]]:
    """Charges of about so many runs together."""
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
    """Whether no record can change any of them any more: by this one or another they have ended, or become durable."""
    return all(run_id in runs and runs[run_id]["phase"] not in OPEN for run_id in run_ids)
