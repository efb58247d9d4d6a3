"""Runs by what they did."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from jobs_service.adapters.cursors import behind, cursor_of
from jobs_service.adapters.moments import from_ms, now_ms
from jobs_service.adapters.mongo_views import to_view
from jobs_service.adapters.positions import LAST_ORDER, position_of
from jobs_service.adapters.run_documents import BARE_SPEC, RUNS, payload_in
from jobs_service.domain.run import Phase
from jobs_service.ports import LoggedRun, ViewedRun
from shared.contracts.logs import FindLogs
from shared.contracts.runs import RunStatus
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.errors import store_call

_NEVER_SHOWN: Final = ("spec", BARE_SPEC, "state")


class MongoRunLogs:
    """Implements RunLogs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs = store.collection(RUNS)

    @store_call
    async def find(self, query: FindLogs) -> tuple[Sequence[LoggedRun], bool]:
        """See RunLogs."""
        direction = 1 if query.oldest_first else -1
        order = [("position", direction), ("_id", direction)]
        kept = {"$or": [{"expires_at": None}, {"expires_at": {"$gt": from_ms(await now_ms(self._store))}}]}
        found = self._runs.find({"$and": [*_conditions(query), kept]}, _projection(query)).sort(order)
        documents = await found.limit(query.limit + 1).to_list()
        return [_logged(document) for document in documents[: query.limit]], len(documents) > query.limit


def _logged(document: Document) -> LoggedRun:
    return LoggedRun(ViewedRun(to_view(document), payload_in(document, "blocks")), cursor_of(document))


def _projection(query: FindLogs) -> Document:
    left_out = [*_NEVER_SHOWN, *([] if query.output else ["output"]), *([] if query.blocks else ["blocks"])]
    return dict.fromkeys(left_out, 0)


def _conditions(query: FindLogs) -> Iterator[Document]:
    """Raises InvalidRequest for a cursor that is none of ours."""
    yield {"workspace_id": query.workspace_id}
    yield {"phase": {"$ne": Phase.RESERVED.value}}
    yield from _named(query)
    yield from _in_time(query)
    yield from _between("duration_ms", query.min_duration_ms, query.max_duration_ms)
    yield from _cost(query)
    if query.cursor is not None:
        yield behind(query.cursor, oldest_first=query.oldest_first)


def _named(query: FindLogs) -> Iterator[Document]:
    if query.workflow_ids is not None:
        yield {"workflow_id": {"$in": list(query.workflow_ids)}}
    if query.triggers:
        yield {"trigger": {"$in": list(query.triggers)}}
    if query.level is not None:
        failed = RunStatus.FAILED.value
        yield {"status": failed if query.level == "error" else {"$ne": failed}}
    if query.status is not None:
        yield {"status": query.status.value}
    if query.run_id is not None:
        yield {"_id": query.run_id}
    if query.model is not None:
        yield {"models": query.model}


def _in_time(query: FindLogs) -> Iterator[Document]:
    since = None if query.since is None else position_of(query.since, 0)
    until = None if query.until is None else position_of(query.until, LAST_ORDER)
    yield from _between("position", since, until)


def _cost(query: FindLogs) -> Iterator[Document]:
    """A run that spent nothing has no cost in its document."""
    if query.min_cost_usd is not None and query.min_cost_usd > 0:
        yield {"cost_usd": {"$gte": query.min_cost_usd}}
    if query.max_cost_usd is not None:
        yield {"$or": [{"cost_usd": {"$exists": False}}, {"cost_usd": {"$lte": query.max_cost_usd}}]}


def _between(field: str, lowest: Any, highest: Any) -> Iterator[Document]:
    if lowest is not None:
        yield {field: {"$gte": lowest}}
    if highest is not None:
        yield {field: {"$lte": highest}}
