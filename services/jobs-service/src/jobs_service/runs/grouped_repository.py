"""Groups concurrent reads and writes of runs."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from pymongo.errors import AutoReconnect, WriteConcernError, WTimeoutError

from jobs_service.runs.changes import CHANGE, RunChange, statement_of
from jobs_service.runs.ports import NO_HOOKS, RunHooks
from jobs_service.runs.repository import MongoRuns
from jobs_service.runs.run import Rules
from shared.batching import Batcher
from shared.ids import new_id
from shared.store.client import Document, Store

T = TypeVar("T")
R = TypeVar("R")
MAX_TOGETHER: Final = 64
MAX_CHANGES: Final = 16
"""SecantusDB blocks all other writes of runs during a statement. On MongoDB this is only a bound."""
MAX_WAITING: Final = 10_000
MAX_BYTES: Final = 4 * 1024 * 1024
"""Limit for the changes of a group; with the last change it stays far below a statement's limit of 16 MB."""


class GroupedRuns(MongoRuns):
    """Implements RunRepository. One command for all waiting calls costs the store and this process less per call.

    Runs are decoded separately: one that this version cannot read does not block others.
    """

    def __init__(self, store: Store, rules: Rules, hooks: RunHooks = NO_HOOKS) -> None:
        super().__init__(store, rules, hooks)
        self._states = _grouped(self.find_states)
        self._documents = _grouped(self.find_documents)
        self._changes = Batcher[RunChange, bool](
            self._apply_all,
            max_items=MAX_CHANGES,
            max_waiting=MAX_WAITING,
            max_weight=MAX_BYTES,
            weigh=lambda change: change.size,
        )

    async def start(self) -> None:
        """Start taking requests."""
        for each in (self._states, self._documents, self._changes):
            await each.start()

    async def stop(self) -> None:
        """Finish waiting requests."""
        for each in (self._documents, self._states, self._changes):
            await each.stop()

    async def _find_state(self, run_id: str) -> Document | None:
        return await self._states.submit(run_id)

    async def _find_document(self, run_id: str) -> Document | None:
        return await self._documents.submit(run_id)

    async def _apply(self, change: RunChange) -> bool:
        return await self._changes.submit(change)

    async def _apply_all(self, changes: Sequence[RunChange]) -> Sequence[bool]:
        by_kind: defaultdict[tuple[int, bool], list[int]] = defaultdict(list)
        for n, change in enumerate(changes):
            by_kind[change.kind].append(n)
        groups = ([changes[n] for n in numbers] for numbers in by_kind.values())
        answers = await asyncio.gather(*map(self._apply_group, groups), return_exceptions=True)
        applied: dict[int, bool] = {}
        for numbers, each in zip(by_kind.values(), answers, strict=True):
            if isinstance(each, BaseException):
                raise each
            applied.update(zip(numbers, each, strict=True))
        return [applied[n] for n in range(len(changes))]

    async def _apply_group(self, changes: Sequence[RunChange]) -> Sequence[bool]:
        """Make changes of one kind. Of several changes of one run, the first wins.

        The driver does not repeat a bulk statement after a broken connection, or without a majority after the primary
        stepped down. Change ids show which changes were made, so that a retry is safe.
        """
        if len(changes) == 1:
            return [await super()._apply(changes[0])]
        ids = [new_id() for _ in changes]
        wanted, update = statement_of([change.marked(id_) for change, id_ in zip(changes, ids, strict=True)])
        try:
            if (await self._runs.update_many(wanted, update)).matched_count == len(changes):
                return [True] * len(changes)
        except WTimeoutError:
            raise  # the write has used up the time of the call
        except (AutoReconnect, WriteConcernError):
            await self._runs.update_many(wanted, update)
        found = await self._runs.find({"_id": wanted["_id"]}, {CHANGE: 1}).to_list()
        last = {document["_id"]: document.get(CHANGE) for document in found}
        return [last.get(change.run_id) == id_ for change, id_ in zip(changes, ids, strict=True)]


def _grouped(work: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> Batcher[T, R]:
    return Batcher(work, max_items=MAX_TOGETHER, max_waiting=MAX_WAITING)
