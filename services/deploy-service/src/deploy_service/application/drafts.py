"""Drafts: read, save, check, and load from a version."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from deploy_service.adapters.mongo_drafts import MongoDrafts
from deploy_service.adapters.mongo_snapshots import MongoSnapshots
from deploy_service.adapters.mongo_workflows import MongoWorkflows
from deploy_service.application.changes import WorkflowChanges
from deploy_service.application.checker import WorkflowChecker
from deploy_service.application.contents import Contents
from deploy_service.application.timestamps import timestamp
from deploy_service.domain.content import Content, Draft, Snapshot, content_of
from deploy_service.domain.pauses import may_be_suspended
from deploy_service.domain.workflow import Workflow
from shared.clock import Clock
from shared.contracts import deployments as contracts
from shared.errors import NotFound
from shared.optimistic_concurrency import retry_on_conflict
from shared.workflow.catalog.kinds import WRITES_TEXT
from shared.workflow.format.js_values import JsonObject
from shared.workflow.format.reader import read_state

DRAFT_RUN_LIFE: Final = timedelta(hours=24)
WAITING_RUN_LIFE: Final = timedelta(days=400)
"""Longer than any pause: FLOWPORT_PAUSE_DAYS is at most a year."""


class Drafts:
    """The editable state of each workflow. Saving never changes the live version."""

    def __init__(
        self,
        workflows: MongoWorkflows,
        drafts: MongoDrafts,
        contents: Contents,
        changes: WorkflowChanges,
        clock: Clock,
        *,
        snapshots: MongoSnapshots,
        content_limit: int,
        checker: WorkflowChecker,
    ) -> None:
        self._workflows = workflows
        self._drafts = drafts
        self._snapshots = snapshots
        self._contents = contents
        self._changes = changes
        self._clock = clock
        self._content_limit = content_limit
        self._checker = checker

    async def get(self, workflow_id: str, workspace_id: str) -> contracts.Draft:
        """Return the draft. Raises NotFound."""
        draft = await self._contents.draft(await self._changes.find(workflow_id, workspace_id))
        return contracts.Draft(state=draft.content.state, revision=draft.revision, saved_at=draft.saved_at)

    async def revision(self, workflow_id: str, workspace_id: str) -> contracts.DraftSaved:
        """Return the revision of the draft. Raises NotFound."""
        await self._changes.find(workflow_id, workspace_id)
        saved = await self._drafts.saved(workflow_id)
        if saved is None:
            raise NotFound("Workflow not found")
        return contracts.DraftSaved(*saved)

    async def save(self, workflow_id: str, workspace_id: str, save: contracts.SaveDraft) -> contracts.DraftSaved:
        """Replace the draft. Raises NotFound, InvalidWorkflow, PayloadTooLarge, Conflict."""
        workflow = await self._changes.find(workflow_id, workspace_id)
        content = await asyncio.to_thread(content_of, save.state, limit=self._content_limit)
        at = timestamp(self._clock)
        return await self._replace(
            workflow, lambda draft: draft.replaced(content, at, expected_revision=save.expected_revision)
        )

    async def load(self, workflow_id: str, workspace_id: str, reference: str) -> contracts.DraftSaved:
        """Copy a version (`active` or a number) into the draft. Raises NotFound, NotDeployed, InvalidRequest."""
        workflow = await self._changes.find(workflow_id, workspace_id)
        content, at = await self._contents.named(workflow, reference), timestamp(self._clock)
        return await self._replace(workflow, lambda draft: draft.replaced(content, at))

    async def problems(self, workflow_id: str, workspace_id: str) -> contracts.Problems:
        """Return the problems that a deploy would report now. Raises NotFound."""
        draft = await self._contents.draft(await self._changes.find(workflow_id, workspace_id))
        return await self._checker.problems(draft.content, workspace_id)

    async def snapshot(
        self, workflow_id: str, workspace_id: str, order: contracts.SnapshotDraft
    ) -> contracts.DraftSnapshot:
        """Store a state for a run of the draft. Raises NotFound, InvalidWorkflow, PayloadTooLarge."""
        workflow = await self._changes.find(workflow_id, workspace_id)
        if order.state is None:
            content = (await self._contents.draft(workflow)).content
        else:
            content = await asyncio.to_thread(content_of, order.state, limit=self._content_limit)
        life, text_blocks = await asyncio.to_thread(_run_needs, content)
        at = timestamp(self._clock)
        snapshot = Snapshot(workspace_id=workspace_id, content=content, created_at=at)
        await self._snapshots.put_ephemeral(snapshot, workflow_id=workflow_id, until=at + life)
        return contracts.DraftSnapshot(content.hash, text_blocks)

    async def _replace(self, workflow: Workflow, decide: Callable[[Draft], Draft]) -> contracts.DraftSaved:
        async def write() -> contracts.DraftSaved | None:
            before = await self._contents.draft(workflow)
            after = decide(before)
            if not await self._drafts.replace(after, expected_revision=before.revision):
                return None
            await self._workflows.touch(workflow.id, after.saved_at)
            return contracts.DraftSaved(after.revision, after.saved_at)

        conflict = f"The draft of workflow {workflow.id} is being saved too often. Try again."
        return await retry_on_conflict(write, conflict=conflict)


def _run_needs(content: Content) -> tuple[timedelta, tuple[str, ...]]:
    """Return how long a run may need the content, and its blocks that write text."""
    state = content.state
    life = WAITING_RUN_LIFE if may_be_suspended(read_state(state)) else DRAFT_RUN_LIFE
    return life, tuple(_text_blocks(state))


def _text_blocks(state: JsonObject) -> Iterator[str]:
    blocks = state.get("blocks")
    for block_id, block in blocks.items() if isinstance(blocks, dict) else ():
        if isinstance(block, dict) and block.get("type") in WRITES_TEXT:
            yield block_id
