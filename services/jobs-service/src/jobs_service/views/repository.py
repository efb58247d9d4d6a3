"""Views of runs in MongoDB, one by one and in lists."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from jobs_service.runs.documents import (
    BARE_SPEC,
    REPAIR_OF,
    RUNS,
    SEARCH_IS_CUT,
    STATE_ONLY,
    decode_usage,
    payload_in,
    to_run,
)
from jobs_service.runs.run import Phase
from jobs_service.search.index import DRAFT
from jobs_service.store import from_ms, now_ms
from jobs_service.views.lists import RunList
from shared.batching import Batcher
from shared.contracts.jobs import EVERY_RUN, RunFilter, RunPage, RunView
from shared.contracts.logs import FindLogs
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunStatus, Trigger
from shared.store.client import Document, Store, store_call
from shared.store.pagination import LAST_ORDER, Cursor, Page, position_of
from shared.store.server_time import add_server_time


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Filter for runs, newest first. `exclude_canceling`: omit those already being canceled."""

    workspace_id: str
    workflow_id: str | None = None
    only: RunFilter = EVERY_RUN
    limit: int = 50
    cursor: str | None = None
    exclude_canceling: bool = False


@dataclass(frozen=True, slots=True)
class RunWithBlocks:
    """View of a run; its blocks, if requested, still as stored."""

    view: RunView
    blocks: Payload | None
    is_replay: bool = False
    """Whether it replays a recorded run for a set."""


class RunViewRepository(Protocol):
    """Views of runs. A run past its retention is not found."""

    async def by_run_id(self, run_id: str, *, output: bool, blocks: bool) -> RunWithBlocks | None: ...

    async def by_job_id(self, job_id: str, *, output: bool, blocks: bool) -> RunWithBlocks | None: ...

    async def page(self, query: PageQuery) -> RunPage:
        """Return one page. Raises InvalidRequest for an invalid cursor."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A run in a list, and the cursor behind it."""

    run: RunWithBlocks
    cursor: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of runs, possibly fewer than requested. `next_cursor` is None at the end of the list."""

    runs: Sequence[LogEntry]
    next_cursor: str | None


MAX_TOGETHER: Final = 16
"""Limit for runs read together; each may have an output and blocks of a megabyte."""
MAX_WAITING: Final = 10_000
_NEVER_SHOWN: Final = ("spec", BARE_SPEC, "state")


class _Projection(NamedTuple):
    """The key field and the large fields to read of a run."""

    field: str
    output: bool
    blocks: bool

    @property
    def hidden(self) -> Sequence[str]:
        shown = {"output": self.output, "blocks": self.blocks}
        return ["spec", BARE_SPEC, "state", *(name for name, is_shown in shown.items() if not is_shown)]


class _Lookup(NamedTuple):
    projection: _Projection
    id: str


class MongoRunViews:
    """Implements RunViewRepository.

    Callers poll for jobs: concurrent lookups are read together.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs = store.collection(RUNS)
        self._list = RunList(store)
        self._lookups = Batcher(self._find_all, max_items=MAX_TOGETHER, max_waiting=MAX_WAITING)

    async def start(self) -> None:
        """Start taking lookups."""
        await self._lookups.start()

    async def stop(self) -> None:
        """Finish waiting lookups."""
        await self._lookups.stop()

    @store_call
    async def by_run_id(self, run_id: str, *, output: bool, blocks: bool) -> RunWithBlocks | None:
        return await self._find(_Lookup(_Projection("_id", output, blocks), run_id))

    @store_call
    async def by_job_id(self, job_id: str, *, output: bool, blocks: bool) -> RunWithBlocks | None:
        return await self._find(_Lookup(_Projection("job_id", output, blocks), job_id))

    @store_call
    async def page(self, query: PageQuery) -> RunPage:
        only = query.only
        wanted = Page(
            limit=query.limit,
            lowest=None if only.since is None else position_of(only.since, 0),
            highest=None if only.until is None else position_of(only.until, 0) - 1,
            after=None if query.cursor is None else Cursor.parse(query.cursor),
        )
        workflow_ids = None if query.workflow_id is None else [query.workflow_id]
        found, after = await self._list.read(
            query.workspace_id,
            wanted,
            workflow_ids=workflow_ids,
            status=only.status,
            others=[{"cancel_requested": {"$ne": True}}] if query.exclude_canceling else (),
            hidden=STATE_ONLY,
        )
        return RunPage(await self._unexpired(found), after.text if after else None)

    async def _find(self, lookup: _Lookup) -> RunWithBlocks | None:
        found = await self._lookups.submit(lookup)
        return None if found is None else _visible(found)

    async def _find_all(self, lookups: Sequence[_Lookup]) -> Sequence[Document | None]:
        """Return stored documents: an unreadable one fails only its own lookup."""
        groups: defaultdict[_Projection, set[str]] = defaultdict(set)
        for lookup in lookups:
            groups[lookup.projection].add(lookup.id)
        found = await asyncio.gather(*(self._find_group(projection, ids) for projection, ids in groups.items()))
        seen = {lookup: document for each in found for lookup, document in each.items()}
        return [seen.get(lookup) for lookup in lookups]

    async def _find_group(self, projection: _Projection, ids: Collection[str]) -> Mapping[_Lookup, Document]:
        stages: list[Document] = [
            {"$match": {projection.field: {"$in": list(ids)}}},
            add_server_time(blank=projection.hidden),
        ]
        found = await (await self._runs.aggregate(stages)).to_list()
        return {_Lookup(projection, document[projection.field]): document for document in found}

    async def _unexpired(self, documents: Sequence[Document]) -> tuple[RunView, ...]:
        now = from_ms(await now_ms(self._store))
        return tuple(to_view(document) for document in documents if not to_run(document).is_expired(now))


def _visible(document: Document) -> RunWithBlocks | None:
    run = to_run(document)
    if run.phase is Phase.RESERVED or run.is_expired(from_ms(document["now_ms"])):
        return None
    return RunWithBlocks(to_view(document), payload_in(document, "blocks"), is_replay=run.is_replay)


def to_view(document: Document) -> RunView:
    """Convert a stored run to a view without its blocks."""
    run = to_run(document)
    return RunView(
        run_id=run.id,
        job_id=document.get("job_id"),
        workspace_id=run.workspace_id,
        workflow_id=run.workflow_id,
        version=document.get("version"),
        version_id=document.get("version_id"),
        conversation_id=document.get("conversation_id"),
        caller_name=document.get("caller_name"),
        status=run.status,
        mode=RunMode(document["mode"]),
        trigger=Trigger(document["trigger"]),
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        duration_ms=document.get("duration_ms"),
        time_limit_ms=run.limit_text_ms,
        attempt=run.attempt,
        output=payload_in(document, "output"),
        error=run.error,
        usage=decode_usage(document.get("usage")),
        paused_at=run.paused_at if run.status is RunStatus.PAUSED else None,
        pauses=tuple(pause.point for pause in run.pauses if not pause.is_answered),
        repair_of=document.get(REPAIR_OF),
        search_is_cut=document.get(SEARCH_IS_CUT, False),
    )


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
