"""Search of runs in MongoDB."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jobs_service.runs.documents import BARE_SPEC, payload_in
from jobs_service.search.service import DRAFT
from jobs_service.views.lists import RunList
from jobs_service.views.ports import LogEntry, LogPage, RunWithBlocks
from jobs_service.views.repository import to_view
from shared.contracts.logs import FindLogs
from shared.contracts.runs import RunStatus
from shared.store.client import Document, Store, store_call
from shared.store.cursors import Cursor
from shared.store.pagination import Page
from shared.store.positions import LAST_ORDER, position_of

_NEVER_SHOWN: Final = ("spec", BARE_SPEC, "state")


class MongoRunLogs:
    """Search of runs."""

    def __init__(self, store: Store) -> None:
        self._runs = RunList(store)

    @store_call
    async def find(self, query: FindLogs) -> LogPage:
        """Return up to `query.limit` runs. Raises InvalidRequest for an invalid cursor or text."""
        found, after = await self._runs.read(
            query.workspace_id,
            _page(query),
            workflow_ids=query.workflow_ids,
            status=RunStatus.FAILED if query.status is None and query.level == "error" else query.status,
            run_id=query.run_id,
            text=query.text,
            facts=_facts(query),
            others=list(_others(query)),
            hidden=_projection(query),
        )
        return LogPage([_logged(document) for document in found], after.text if after else None)


def _page(query: FindLogs) -> Page:
    """Return the requested page. Raises InvalidRequest for an invalid cursor."""
    return Page(
        limit=query.limit,
        lowest=None if query.since is None else position_of(query.since, 0),
        highest=None if query.until is None else position_of(query.until, LAST_ORDER),
        after=None if query.cursor is None else Cursor.parse(query.cursor),
        oldest_first=query.oldest_first,
    )


def _logged(document: Document) -> LogEntry:
    return LogEntry(RunWithBlocks(to_view(document), payload_in(document, "blocks")), Cursor.of(document).text)


def _projection(query: FindLogs) -> Document:
    left_out = [*_NEVER_SHOWN, *([] if query.output else ["output"]), *([] if query.blocks else ["blocks"])]
    return dict.fromkeys(left_out, 0)


def _facts(query: FindLogs) -> Mapping[str, str]:
    """Return the filters that the search index contains."""
    facts: dict[str, str] = {}
    if len(query.triggers) == 1:
        facts["trigger"] = query.triggers[0]
    if query.draft:
        facts["version"] = DRAFT
    elif len(query.versions) == 1:
        facts["version"] = str(query.versions[0])
    return facts


def _others(query: FindLogs) -> Iterator[Document]:
    if query.triggers:
        yield {"trigger": {"$in": list(query.triggers)}}
    if query.versions:
        yield {"version": {"$in": list(query.versions)}}
    if query.draft is not None:
        yield {"version": {"$exists": not query.draft}}
    failed = RunStatus.FAILED
    if query.level == "error" and query.status not in (None, failed):
        yield {"status": failed.value}
    elif query.level == "info":
        yield {"status": {"$ne": failed.value}}
    if query.model is not None:
        yield {"models": query.model}
    yield from _between("duration_ms", query.min_duration_ms, query.max_duration_ms)
    yield from _cost(query)


def _cost(query: FindLogs) -> Iterator[Document]:
    """Match costs; a run without costs has no such field."""
    if query.min_cost_usd is not None and query.min_cost_usd > 0:
        yield {"cost_usd": {"$gte": query.min_cost_usd}}
    if query.max_cost_usd is not None:
        free = [{"cost_usd": {"$exists": False}}] if query.max_cost_usd >= 0 else []
        yield {"$or": [*free, {"cost_usd": {"$lte": query.max_cost_usd}}]}


def _between(field: str, lowest: Any, highest: Any) -> Iterator[Document]:
    if lowest is not None:
        yield {field: {"$gte": lowest}}
    if highest is not None:
        yield {field: {"$lte": highest}}
