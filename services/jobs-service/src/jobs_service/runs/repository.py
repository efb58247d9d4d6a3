"""Single runs in MongoDB: read with the store's time, written only if unchanged."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from pymongo.errors import AutoReconnect, DuplicateKeyError, WriteConcernError, WTimeoutError

from jobs_service.runs.documents import (
    BIG_FIELDS,
    CHANGE,
    NO_HOOKS,
    PENDING_NOTICE,
    RUNS,
    UNSETTLED,
    AdoptedRun,
    ClaimableRun,
    LoadedRun,
    RunChange,
    RunHooks,
    RunResult,
    changes,
    decode_spec,
    length_fields,
    new_document,
    order_of_attached,
    payload_in,
    result_fields,
    spec_fields,
    statement_of,
    to_run,
)
from jobs_service.runs.run import Phase, Rules, Run
from jobs_service.store import from_ms, now_ms, to_ms
from shared import optimistic_concurrency
from shared.batching import Batcher
from shared.clock import whole_ms
from shared.ids import new_id, new_job_id
from shared.store.client import Document, Store, store_call
from shared.store.payloads import encode_payload
from shared.store.server_time import add_server_time, server_time_after

S = TypeVar("S", bound=LoadedRun)
T = TypeVar("T")


async def retry_on_conflict(
    run_id: str,
    read: Callable[[str], Awaitable[S | None]],
    write: Callable[[S | None], Awaitable[T | None]],
    *,
    first: S | None = None,
) -> T:
    """Return the result of `write`, retried with the current run while it returns None.

    `first` is a run already read. Raises Unavailable after repeated conflicts.
    """
    loaded = first

    async def attempt() -> T | None:
        nonlocal loaded
        current, loaded = loaded or await read(run_id), None
        return await write(current)

    conflict = f"Run {run_id} is being changed too often. Try again."
    return await optimistic_concurrency.retry_on_conflict(attempt, conflict=conflict)


WITHOUT_WORKER: Final = [phase.value for phase in (Phase.REQUEUED, Phase.DISPATCHED, Phase.ATTACHED, Phase.PAUSED)]
WATCHED: Final = [Phase.PROCESSING.value, *WITHOUT_WORKER]


class MongoRuns:
    """Implements RunRepository."""

    def __init__(self, store: Store, rules: Rules, hooks: RunHooks = NO_HOOKS) -> None:
        self._hooks = hooks
        self._store = store
        self._runs = store.collection(RUNS)
        self._rules = rules

    @store_call
    async def now(self) -> datetime:
        return from_ms(await now_ms(self._store))

    @store_call
    async def load(self, run_id: str) -> LoadedRun | None:
        found = await self._find_state(run_id)
        return None if found is None else _loaded(found)

    async def find_states(self, run_ids: Sequence[str]) -> Sequence[Document | None]:
        """Return the stored state of each run."""
        return await self._found(run_ids, add_server_time(blank=BIG_FIELDS))

    @store_call
    async def claimable(self, run_id: str) -> ClaimableRun | None:
        found = await self._find_document(run_id)
        return None if found is None or "job_id" not in found else _claimable(found)

    async def find_documents(self, run_ids: Sequence[str]) -> Sequence[Document | None]:
        """Return the complete document of each run."""
        return await self._found(run_ids, add_server_time())

    async def _find_state(self, run_id: str) -> Document | None:
        return (await self.find_states([run_id]))[0]

    async def _find_document(self, run_id: str) -> Document | None:
        return (await self.find_documents([run_id]))[0]

    async def _found(self, run_ids: Sequence[str], shown: Document) -> Sequence[Document | None]:
        found = await self._find({"_id": {"$in": list(run_ids)}}, shown)
        by_id = {document["_id"]: document for document in found}
        return [by_id.get(run_id) for run_id in run_ids]

    @store_call
    async def replace(self, before: Run, after: Run, result: RunResult | None = None) -> bool:
        is_replaced = await self._apply(self._change(before, after, result))
        if is_replaced:
            self._hooks.observe(after, result)
        return is_replaced

    async def _apply(self, change: RunChange) -> bool:
        return (await self._runs.update_one(*statement_of([change]))).matched_count == 1

    def _change(self, before: Run, after: Run, result: RunResult | None) -> RunChange:
        left = length_fields(after) if result is None else result_fields(result)
        fields = changes(before, after) | left
        if before.phase is Phase.WAITING:
            fields[UNSETTLED] = True
        if after.phase.is_terminal and self._hooks.has_subscribers(after.workspace_id):
            fields[PENDING_NOTICE] = True
        return RunChange(before.id, before.revision, fields, after.phase.is_terminal)

    @store_call
    async def renew(self, run_id: str, attempt: int) -> bool:
        held = {"_id": run_id, "attempt": attempt, "phase": Phase.PROCESSING.value, "cancel_requested": False}
        lease_ends = server_time_after(self._rules.lease)
        limit_ends = {"$add": ["$deadline_ms", whole_ms(self._rules.grace)]}
        due = {"due_ms": {"$min": [lease_ends, limit_ends]}, "revision": {"$add": ["$revision", 1]}}
        return (await self._runs.update_one(held, [{"$set": due}])).matched_count == 1

    @store_call
    async def find_overdue(self, limit: int, now: datetime, *, in_progress: bool = True) -> Sequence[LoadedRun]:
        late = {"phase": {"$in": WATCHED if in_progress else WITHOUT_WORKER}, "due_ms": {"$lte": to_ms(now)}}
        found = await self._find(late, {"$limit": limit}, add_server_time(blank=BIG_FIELDS))
        return [_loaded(document) for document in found]

    @store_call
    async def expire_attached(self) -> None:
        update = {"$set": {"due_ms": await now_ms(self._store)}, "$inc": {"revision": 1}}
        await self._runs.update_many({"phase": Phase.ATTACHED.value}, update)

    @store_call
    async def adopt(self, adopted: AdoptedRun) -> bool:
        run, spec = adopted.run, adopted.spec
        fields = new_document(run, spec, order=order_of_attached(run.id)) | result_fields(adopted.result)
        durable = {"job_id": new_job_id(), "state": encode_payload(adopted.state), **spec_fields(spec)}
        wanted = {
            "_id": run.id,
            "workspace_id": run.workspace_id,
            "phase": {"$in": [Phase.RESERVED.value, Phase.ATTACHED.value]},
            "cancel_requested": {"$ne": True},
        }
        fixed = ("_id", "workspace_id", "revision")
        fields = {name: value for name, value in fields.items() if name not in fixed}
        update = {"$set": fields | durable | {"expires_at": None}, "$inc": {"revision": 1}}
        try:
            await self._runs.update_one(wanted, update, upsert=True)
        except DuplicateKeyError:
            return False
        return True

    @store_call
    async def reserve(self, run_id: str, workspace_id: str, workflow_id: str) -> bool:
        now = await now_ms(self._store)
        reserved = {
            "_id": run_id,
            "workspace_id": workspace_id,
            "workflow_id": workflow_id,
            "phase": Phase.RESERVED.value,
            "revision": 0,
            "created_ms": now,
            "expires_at": from_ms(now) + self._rules.retention,
        }
        try:
            await self._runs.insert_one(reserved)
        except DuplicateKeyError:
            return False
        return True

    @store_call
    async def unreserve(self, run_id: str, workspace_id: str) -> None:
        await self._runs.delete_one({"_id": run_id, "phase": Phase.RESERVED.value, "workspace_id": workspace_id})

    async def _find(self, query: Document, *stages: Document) -> list[Document]:
        return await (await self._runs.aggregate([{"$match": query}, *stages])).to_list()


def _loaded(document: Document) -> LoadedRun:
    return LoadedRun(to_run(document), from_ms(document["now_ms"]))


def _claimable(document: Document) -> ClaimableRun:
    return ClaimableRun(
        to_run(document),
        from_ms(document["now_ms"]),
        decode_spec(document["spec"]),
        payload_in(document, "state"),
        tuple(shown for name in ("output", "blocks") if (shown := payload_in(document, name)) is not None),
    )


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
