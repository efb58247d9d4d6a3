"""Tasks of agents as durable runs: start, answer, read and cancel."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from gateway.a2a.json_rpc import TaskNotCancelable, TaskNotFound, UnsupportedOperation
from gateway.a2a.task import AgentTask
from gateway.access.domain.credentials import Caller
from gateway.runs.executions import Executions, RunFollower
from gateway.runs.ports import FollowedRun
from gateway.runs.requests import ExecuteRequest
from gateway.runs.service import PausedRuns, WorkflowRuns
from shared.contracts.deployments import Endpoint
from shared.contracts.runs import Trigger
from shared.errors import Conflict, InvalidRequest, NotFound

CANCEL_SECONDS: Final = 2.0
"""Time for which a cancel waits for the worker; then the task is returned as it is."""


class AgentTasks:
    """Service for tasks. Runs that were not started by an agent are not found."""

    def __init__(
        self, executions: Executions, runs: WorkflowRuns, follower: RunFollower, paused_runs: PausedRuns
    ) -> None:
        self._executions = executions
        self._runs = runs
        self._follower = follower
        self._paused_runs = paused_runs

    async def begin(self, caller: Caller, endpoint: Endpoint, run_request: ExecuteRequest) -> FollowedRun:
        """Start and follow a task. Raises what Executions.follow raises."""
        return await self._executions.follow(caller, endpoint, run_request)

    async def find(self, caller: Caller, workflow_id: str, task_id: str) -> AgentTask:
        """Return a task. Raises TaskNotFound, MissingScope, Unavailable."""
        try:
            run = await self._runs.find(caller, workflow_id, task_id, output=True, blocks=False)
            output = await self._runs.output(run, run.output) if run.output else b""
        except NotFound:
            raise TaskNotFound from None
        if run.trigger is not Trigger.A2A:
            raise TaskNotFound
        return AgentTask(run, output or b"{}")

    async def answer(
        self, caller: Caller, workflow_id: str, task_id: str, answer: Mapping[str, Any], *, context_id: str | None
    ) -> tuple[AgentTask, FollowedRun]:
        """Answer a waiting task; return the task as it was, followed from its first event.

        Raises TaskNotFound, InvalidRequest (another context), UnsupportedOperation (it waits for nothing),
        MissingScope, PayloadTooLarge, Unavailable.
        """
        task = await self.find(caller, workflow_id, task_id)
        if context_id not in (None, task.context_id):
            raise InvalidRequest("The task belongs to another context")
        if task.question is None:
            raise UnsupportedOperation("The task is not waiting for a message")
        try:
            await self._paused_runs.resume(caller, workflow_id, task_id, task.question.context_id, answer)
        except Conflict:
            raise UnsupportedOperation("The task has already been answered") from None
        return task, await self._follower.open(caller, workflow_id, task_id)

    async def follow(self, caller: Caller, workflow_id: str, task_id: str) -> tuple[AgentTask, FollowedRun]:
        """Follow an unfinished task from its first event. Raises TaskNotFound, UnsupportedOperation, Unavailable."""
        task = await self.find(caller, workflow_id, task_id)
        if task.run.status.is_terminal:
            raise UnsupportedOperation("The task has ended")
        return task, await self._follower.open(caller, workflow_id, task_id)

    async def cancel(self, caller: Caller, workflow_id: str, task_id: str) -> AgentTask:
        """Cancel a task. Raises TaskNotFound, TaskNotCancelable, Forbidden, Unavailable."""
        await self.find(caller, workflow_id, task_id)
        try:
            await self._runs.cancel(caller, workflow_id, task_id)
        except Conflict:
            raise TaskNotCancelable from None
        run = await self._follower.open(caller, workflow_id, task_id)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(rest_of(run), CANCEL_SECONDS)
        finally:
            run.disconnect()
        return await self.find(caller, workflow_id, task_id)


async def rest_of(run: FollowedRun) -> None:
    """Wait until the run is over or paused. Raises what FollowedRun.take raises."""
    while await run.take():
        pass
