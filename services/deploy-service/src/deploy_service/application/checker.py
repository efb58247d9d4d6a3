"""Checks whether content may go live, including the workflows that it calls."""

from collections import OrderedDict
from collections.abc import Set
from functools import partial
from typing import Final

import msgspec

from deploy_service.adapters.mongo_environment import MongoEnvironment
from deploy_service.application.changes import WorkflowChanges
from deploy_service.application.contents import Contents
from deploy_service.domain.check import check, values_not_set
from deploy_service.domain.content import Content
from deploy_service.domain.pauses import NO_PAUSES, PauseInfo, pausing_tool_problem, workflow_tools
from deploy_service.domain.workflow import ACTIVE
from shared.compile_slots import CompileSlots
from shared.contracts.deployments import Problems
from shared.errors import InvalidWorkflow, NotDeployed, NotFound
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.models import Block
from shared.workflow.format.reader import read_state

MOST_CALLED: Final = 100
"""Limit for workflows checked for one tool."""

MOST_IN_PROGRESS: Final = 32
"""Limit for checks of one workspace in progress or waiting: each holds a whole workflow in memory."""

CACHED_SNAPSHOTS: Final = 2_048


class WorkflowChecker:
    """Checker of workflow content.

    Live versions that it calls may change after a check; then the run reports the problem.
    """

    def __init__(
        self,
        contents: Contents,
        changes: WorkflowChanges,
        environment: MongoEnvironment,
        keyed_providers: Set[str],
    ) -> None:
        self._contents = contents
        self._changes = changes
        self._environment = environment
        self._keyed_providers = keyed_providers
        self._slots = CompileSlots(most=MOST_IN_PROGRESS)
        self._known: OrderedDict[tuple[str, str], PauseInfo] = OrderedDict()

    async def problems(self, content: Content, workspace_id: str) -> Problems:
        """Return all problems of `content`.

        Raises InvalidWorkflow if it is unreadable, Unavailable if its workspace has too many checks.
        """
        async with self._slots.hold(workspace_id):
            found, named, tools = await self._slots.run(partial(_check, content, self._keyed_providers))
            pauses = [
                pausing_tool_problem(agent, title)
                for agent, title, workflow_id in tools
                if await self._may_pause(workspace_id, workflow_id)
            ]
        known = {entry.name for entry in await self._environment.names(workspace_id)} if named else set()
        unset = named - known
        return msgspec.structs.replace(
            found,
            errors=(*found.errors, *pauses),
            warnings=(*found.warnings, *([values_not_set(unset, known)] if unset else ())),
        )

    async def _may_pause(self, workspace_id: str, workflow_id: str) -> bool:
        """Return whether the workflow, or one that it calls directly or indirectly, may pause."""
        due, seen = [workflow_id], {workflow_id}
        while due and len(seen) <= MOST_CALLED:
            pauses = await self._pause_info(workspace_id, due.pop())
            if pauses.may_pause:
                return True
            fresh = pauses.called - seen
            due += fresh
            seen |= fresh
        return False

    async def _pause_info(self, workspace_id: str, workflow_id: str) -> PauseInfo:
        """Return the pause information of a workflow's live version; none if it has no valid one."""
        try:
            workflow = await self._changes.find(workflow_id, workspace_id)
            key = (workspace_id, workflow.live.snapshot_hash if workflow.live else "")
            if (known := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                return known
            content = await self._contents.named(workflow, ACTIVE)
            found = await self._slots.run(lambda: PauseInfo.of(read_state(content.state)))
        except (NotFound, NotDeployed, InvalidWorkflow):
            return NO_PAUSES
        self._known[key] = found
        if len(self._known) > CACHED_SNAPSHOTS:
            self._known.popitem(last=False)
        return found


def _check(
    content: Content, keyed_providers: Set[str]
) -> tuple[Problems, frozenset[str], list[tuple[Block, str, str]]]:
    """Compile content once. Return its problems, the environment values that it names, and its workflow tools."""
    workflow = compile_workflow(content.state)
    return check(workflow, keyed_providers), workflow.environment_names, list(workflow_tools(workflow.state))
