"""Changes of workflows: read, decide, write if unchanged, announce."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy_service.adapters.mongo_workflows import MongoWorkflows
from deploy_service.application.announcer import Announcer
from deploy_service.domain.workflow import Workflow
from shared.errors import NotFound
from shared.keyed_locks import KeyedLocks
from shared.optimistic_concurrency import retry_on_conflict


@dataclass(frozen=True, slots=True)
class Change:
    """A workflow before and after a change; equal if nothing changed."""

    before: Workflow
    after: Workflow


class WorkflowChanges:
    """Reads and changes workflows. Archived workflows and those of other workspaces count as missing."""

    def __init__(self, workflows: MongoWorkflows, announcer: Announcer, locks: KeyedLocks) -> None:
        self._workflows = workflows
        self._announcer = announcer
        self.locks = locks

    async def find(self, workflow_id: str, workspace_id: str | None, *, archived: bool = False) -> Workflow:
        """Return the workflow; with None, of any workspace; with `archived`, only an archived one. Raises NotFound."""
        workflow = await self._workflows.get(workflow_id)
        if (
            workflow is None
            or workflow.is_archived is not archived
            or workspace_id not in (None, workflow.workspace_id)
        ):
            raise NotFound("Workflow not found")
        return workflow

    async def change(
        self, workflow_id: str, workspace_id: str, decide: Callable[[Workflow], Workflow], *, archived: bool = False
    ) -> Change:
        """Change the workflow with `decide`. Raises NotFound, Unavailable and what `decide` raises."""
        async with self.locks.hold(workflow_id):
            return await self.change_in_turn(workflow_id, workspace_id, decide, archived=archived)

    async def change_in_turn(
        self, workflow_id: str, workspace_id: str, decide: Callable[[Workflow], Workflow], *, archived: bool = False
    ) -> Change:
        """Change the workflow for a caller that holds its turn. `decide` may run again with a newer workflow."""

        async def write() -> Change | None:
            before = await self.find(workflow_id, workspace_id, archived=archived)
            after = decide(before)
            if after is before:
                return Change(before, before)
            if not await self._workflows.replace(after, expected_revision=before.revision):
                return None
            await self._announcer.announce(workflow_id, after.revision)
            return Change(before, after)

        conflict = f"Workflow {workflow_id} is being changed too often. Try again."
        return await retry_on_conflict(write, conflict=conflict)
