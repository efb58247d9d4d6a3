"""Runs as readers see them."""

from collections.abc import Sequence

from jobs_service.adapters.moments import from_ms, now_ms
from jobs_service.adapters.run_documents import (
    BARE_SPEC,
    RUNS,
    STATE_ONLY,
    decode_usage,
    payload_in,
    to_run,
)
from jobs_service.adapters.run_lists import RunList
from jobs_service.domain.run import Phase
from jobs_service.ports import PageQuery, ViewedRun
from shared.contracts.jobs import RunPage, RunView
from shared.contracts.runs import RunMode, RunStatus, Trigger
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.errors import store_call
from shared.store.long_lists import Page
from shared.store.places import Place
from shared.store.positions import position_of
from shared.store.server_time import with_now


class MongoRunViews:
    """Implements RunViews."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs = store.collection(RUNS)
        self._list = RunList(store)

    @store_call
    async def by_run_id(self, run_id: str, *, output: bool, blocks: bool) -> ViewedRun | None:
        """See RunViews."""
        return await self._find({"_id": run_id}, output, blocks)

    @store_call
    async def by_job_id(self, job_id: str, *, output: bool, blocks: bool) -> ViewedRun | None:
        """See RunViews."""
        return await self._find({"job_id": job_id}, output, blocks)

    @store_call
    async def page(self, query: PageQuery) -> RunPage:
        """See RunViews."""
        only = query.only
        wanted = Page(
            limit=query.limit,
            lowest=None if only.since is None else position_of(only.since, 0),
            highest=None if only.until is None else position_of(only.until, 0) - 1,
            behind=None if query.cursor is None else Place.read(query.cursor),
        )
        workflow_ids = None if query.workflow_id is None else [query.workflow_id]
        found, behind = await self._list.read(
            query.workspace_id,
            wanted,
            workflow_ids=workflow_ids,
            status=only.status,
            others=[{"cancel_requested": {"$ne": True}}] if query.but_stopping else (),
            hidden=STATE_ONLY,
        )
        return RunPage(await self._unexpired(found), behind.cursor if behind else None)

    async def _find(self, query: Document, output: bool, blocks: bool) -> ViewedRun | None:
        hidden = ["spec", BARE_SPEC, "state", *([] if output else ["output"]), *([] if blocks else ["blocks"])]
        stages: list[Document] = [{"$match": query}, with_now(blank=hidden)]
        found = await (await self._runs.aggregate(stages)).to_list()
        if not found or found[0]["phase"] == Phase.RESERVED.value:
            return None
        document = found[0]
        if to_run(document).is_expired(from_ms(document["now_ms"])):
            return None
        return ViewedRun(to_view(document), payload_in(document, "blocks"))

    async def _unexpired(self, documents: Sequence[Document]) -> tuple[RunView, ...]:
        now = from_ms(await now_ms(self._store))
        return tuple(to_view(document) for document in documents if not to_run(document).is_expired(now))


def to_view(document: Document) -> RunView:
    """A stored run for its readers, without its blocks."""
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
    )
