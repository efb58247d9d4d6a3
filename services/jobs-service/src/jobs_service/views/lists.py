"""Lists of a workspace's runs, in the order of their requests."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from jobs_service.runs.documents import RUNS
from jobs_service.runs.run import Phase
from jobs_service.search.query import TextQuery
from jobs_service.store import from_ms, now_ms
from shared.contracts.runs import RunStatus
from shared.store.client import Document, Store
from shared.store.pagination import (
    PER_MS,
    Filters,
    Page,
    ResultPage,
    list_documents,
    range_query,
    read_in_one_query,
    read_in_ranges,
)

_NOT_STARTED: Final = (Phase.WAITING, Phase.DISPATCHED, Phase.REQUEUED)
_IN_PROGRESS: Final = (Phase.ATTACHED, Phase.DISPATCHED, Phase.PROCESSING, Phase.REQUEUED)
_OPEN: Final = {
    RunStatus.QUEUED: _NOT_STARTED,
    RunStatus.PROCESSING: _IN_PROGRESS,
    RunStatus.PAUSED: (Phase.PAUSED,),
}
"""Phases of runs that have not ended: so few runs that one query finds them all."""


NO_FACTS: Final[Mapping[str, str]] = MappingProxyType({})


class RunList:
    """Query of a workspace's run list."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs = store.collection(RUNS)

    async def read(
        self,
        workspace_id: str,
        page: Page,
        *,
        workflow_ids: Sequence[str] | None = None,
        status: RunStatus | None = None,
        run_id: str | None = None,
        text: str | None = None,
        facts: Mapping[str, str] = NO_FACTS,
        others: Sequence[Document] = (),
        hidden: Document,
    ) -> ResultPage:
        """Return a page, and the position behind it if more follow. Omitted filters match all.

        `facts` are those of `others` that the search index contains; see RunIndexer.

        Raises InvalidRequest for a text that cannot be searched.
        """
        if workflow_ids is not None and not workflow_ids:
            return [], None
        now = await now_ms(self._store)
        leading = _leading(workspace_id, workflow_ids, status)
        conditions = {
            "status": None if status is None else {"status": status.value},
            "workflow_id": None if workflow_ids is None else {"workflow_id": {"$in": list(workflow_ids)}},
        }
        # A phase's index covers the status that belongs to it.
        led_by = {"status" if name == "phase" else name for name in leading}
        filters = Filters(
            usual=[
                {"phase": {"$ne": Phase.RESERVED.value}},
                {"$or": [{"expires_at": None}, {"expires_at": {"$gt": from_ms(now)}}]},
                *(each for name, each in conditions.items() if each and name in led_by),
            ],
            others=[*(each for name, each in conditions.items() if each and name not in led_by), *others],
        )
        if text is not None:
            query = TextQuery(
                self._store,
                workspace_id=workspace_id,
                workflow_ids=workflow_ids,
                text=text,
                facts=facts if status is None else {**facts, "status": status.value},
                filters=[*filters.all, *([] if run_id is None else [{"_id": run_id}])],
                page=page,
                hidden=hidden,
            )
            return await read_in_ranges(query, page, newest=now * PER_MS)
        few = _few(status, run_id)
        if few is not None:
            of_workspace = {"workspace_id": workspace_id}
            return await read_in_one_query(
                range_query(self._runs, few, [of_workspace, *filters.all], page, hidden), page
            )
        return await list_documents(self._store, self._runs, leading, filters, page, hidden=hidden, now_ms=now)


def _few(status: RunStatus | None, run_id: str | None) -> Document | None:
    """Return a filter that matches only few runs."""
    if run_id is not None:
        return {"_id": run_id}
    return {"phase": {"$in": [phase.value for phase in _OPEN[status]]}} if status in _OPEN else None


def _leading(workspace_id: str, workflow_ids: Sequence[str] | None, status: RunStatus | None) -> Document:
    """Return the prefix of the most selective index."""
    of_workspace = {"workspace_id": workspace_id}
    if status in (RunStatus.FAILED, RunStatus.CANCELLED):
        return {"phase": status.value, **of_workspace}
    if workflow_ids is not None and len(workflow_ids) == 1:
        return {**of_workspace, "workflow_id": workflow_ids[0]}
    return of_workspace
