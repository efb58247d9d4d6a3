"""Runs whose readings and changes go to the store together with those that are asked for at the same time."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from jobs_service.adapters.mongo_runs import MongoRuns
from jobs_service.adapters.run_changes import CHANGE, RunChange, statement_of
from jobs_service.adapters.run_documents import nobody, unheard
from jobs_service.domain.run import Rules, Run
from jobs_service.ports import Claimable, Seen
from shared.batching import Batcher
from shared.ids import new_id
from shared.store.client import Store
from shared.store.errors import store_call

T = TypeVar("T")
R = TypeVar("R")
MAX_TOGETHER: Final = 64
MAX_CHANGES: Final = 16
"""A store may hold up everybody else who writes runs for as long as one statement takes, SecantusDB 1 ms for each."""
MAX_WAITING: Final = 10_000
MAX_BYTES: Final = 4 * 1024 * 1024
"""What changes of a group may set; with the last of them it stays far below what fits into a statement, 16 MB."""


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
        self._changes = Batcher[RunChange, bool](
            self._make_all,
            max_items=MAX_CHANGES,
            max_waiting=MAX_WAITING,
            max_weight=MAX_BYTES,
            weigh=lambda change: change.size,
        )

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

    async def _make(self, change: RunChange) -> bool:
        return await self._changes.submit(change)

    async def _make_all(self, asked: Sequence[RunChange]) -> Sequence[bool]:
        alike: defaultdict[tuple[int, bool], list[int]] = defaultdict(list)
        for n, change in enumerate(asked):
            alike[change.kind].append(n)
        made = [False] * len(asked)

        async def make(numbers: Sequence[int]) -> None:
            for n, answer in zip(numbers, await self._make_alike([asked[n] for n in numbers]), strict=True):
                made[n] = answer

        await asyncio.gather(*map(make, alike.values()))
        return made

    async def _make_alike(self, asked: Sequence[RunChange]) -> Sequence[bool]:
        if len(asked) == 1:
            return [await super()._make(asked[0])]
        ids = [new_id() for _ in asked]
        if (await self._runs.update_many(*statement_of(asked, ids))).matched_count == len(asked):
            return [True] * len(asked)
        found = await self._runs.find({"_id": {"$in": [each.run_id for each in asked]}}, {CHANGE: 1}).to_list()
        last = {document["_id"]: document.get(CHANGE) for document in found}
        return [last.get(each.run_id) == id_ for each, id_ in zip(asked, ids, strict=True)]


def _grouped(work: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> Batcher[T, R]:
    return Batcher(work, max_items=MAX_TOGETHER, max_waiting=MAX_WAITING)
