"""Runs whose readings and changes go to the store together with those that are asked for at the same time."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from pymongo import UpdateOne

from jobs_service.adapters.mongo_runs import MongoRuns
from jobs_service.adapters.run_documents import nobody, unheard
from jobs_service.domain.run import Rules, Run
from jobs_service.ports import Claimable, Seen
from shared.batching import Batcher
from shared.ids import new_id
from shared.store.client import Document, Store
from shared.store.errors import store_call

T = TypeVar("T")
R = TypeVar("R")
MAX_TOGETHER: Final = 64
MAX_WAITING: Final = 10_000
CHANGE: Final = "change_id"
"""The last change of a run that was made in a group: whose it was, where a group went through in part."""


@dataclass(frozen=True, slots=True)
class _Change:
    run_id: str
    wanted: Document
    update: Document


class GroupedRuns(MongoRuns):
    """Implements Runs. One command for all that wait costs the store, and this process, a fraction of one each."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        is_told: Callable[[str], bool] = nobody,
        note: Callable[[Run], None] = unheard,
    ) -> None:
        super().__init__(store, rules, is_told, note)
        self._loads = _grouped(self.load_all)
        self._claims = _grouped(self.claimable_all)
        self._changes = _grouped(self._change_all)

    async def start(self) -> None:
        """Take requests."""
        for each in (self._loads, self._claims, self._changes):
            await each.start()

    async def stop(self) -> None:
        """Finish what waits."""
        for each in (self._claims, self._loads, self._changes):
            await each.stop()

    @store_call
    async def load(self, run_id: str) -> Seen | None:
        """See Runs."""
        return await self._loads.submit(run_id)

    @store_call
    async def claimable(self, run_id: str) -> Claimable | None:
        """See Runs."""
        return await self._claims.submit(run_id)

    async def _replace(self, wanted: Document, update: Document) -> bool:
        return await self._changes.submit(_Change(wanted["_id"], wanted, update))

    async def _change_all(self, asked: Sequence[_Change]) -> Sequence[bool]:
        if len(asked) == 1:
            return [(await self._runs.update_one(asked[0].wanted, asked[0].update)).matched_count == 1]
        ids = [new_id() for _ in asked]
        updates = [
            UpdateOne(each.wanted, each.update | {"$set": each.update["$set"] | {CHANGE: id_}})
            for each, id_ in zip(asked, ids, strict=True)
        ]
        if (await self._runs.bulk_write(updates, ordered=False)).matched_count == len(asked):
            return [True] * len(asked)
        made = await self._runs.find({"_id": {"$in": [each.run_id for each in asked]}}, {CHANGE: 1}).to_list()
        last = {document["_id"]: document.get(CHANGE) for document in made}
        return [last.get(each.run_id) == id_ for each, id_ in zip(asked, ids, strict=True)]


def _grouped(work: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> Batcher[T, R]:
    return Batcher(work, max_items=MAX_TOGETHER, max_waiting=MAX_WAITING)
