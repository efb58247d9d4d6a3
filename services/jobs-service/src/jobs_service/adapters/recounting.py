"""Checks the books against the runs themselves, as after a restore."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from jobs_service.adapters.books import OVERALL, OpenBooks
from jobs_service.adapters.transactions import Session
from jobs_service.domain.capacity import Ledger
from jobs_service.domain.run import Phase
from shared.store.client import Collection, Document

_EMPTY: Final = Ledger()


@dataclass(frozen=True, slots=True)
class Wrong:
    """A ledger that does not agree with the runs."""

    name: str
    said: Ledger
    found: Ledger


async def count_queued(runs: Collection, session: Session | None = None) -> dict[str, Ledger]:
    """The queued runs of each workspace, counted one by one."""
    pipeline: list[Document] = [
        {"$match": {"phase": {"$in": [Phase.WAITING.value, Phase.DISPATCHED.value]}}},
        {"$group": {"_id": {"w": "$workspace_id", "p": "$phase", "a": "$attempt"}, "n": {"$sum": 1}}},
    ]
    counted: dict[str, Ledger] = {}
    for group in await (await runs.aggregate(pipeline, session=session)).to_list():
        key, n = group["_id"], group["n"]
        if key["a"] > 0:
            continue
        ledger = counted.get(key["w"], _EMPTY)
        dispatched = ledger.dispatched + (n if key["p"] == Phase.DISPATCHED.value else 0)
        counted[key["w"]] = replace(ledger, queued=ledger.queued + n, dispatched=dispatched)
    return counted


def wrong_books(books: OpenBooks, counted: Mapping[str, Ledger]) -> list[Wrong]:
    """Every ledger to be corrected, the one for all last.

    Fewer dispatched runs than booked are no error: the dispatcher has not looked since they were claimed.
    """
    right = dict(books.ledgers)
    wrong = []
    for name in sorted({*counted, *books.ledgers}):
        said, found = books.ledgers.get(name, _EMPTY), counted.get(name, _EMPTY)
        if said.queued - said.dispatched != found.waiting or said.dispatched < found.dispatched:
            wrong.append(Wrong(name, said, found))
            right[name] = found
    total = sum(ledger.queued for ledger in right.values())
    if books.overall.queued != total:
        wrong.append(Wrong(OVERALL, books.overall, Ledger(queued=total)))
    return wrong
