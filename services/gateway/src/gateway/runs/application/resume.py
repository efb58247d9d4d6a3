"""Paused runs: list, show and resume."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.access.domain.credentials import Caller, Scope
from gateway.runs.application.workflow_runs import WorkflowRuns
from gateway.runs.domain.pauses import check_answer, responses_of
from gateway.runs.ports import Jobs
from shared.contracts.cancels import RunFilter
from shared.contracts.jobs import RunPage, RunView
from shared.contracts.pauses import ResumeAnswer, ResumeRun
from shared.contracts.runs import RunStatus
from shared.errors import NotFound

NOT_PAUSED = "Paused execution not found"
NO_CONTEXT = "Pause context not found"
MAX_LISTED = 100
PAUSED = RunFilter(RunStatus.PAUSED)


class PausedRuns:
    """Service for paused runs. Runs of another workflow or workspace are not found."""

    def __init__(self, runs: WorkflowRuns, jobs: Jobs) -> None:
        self._runs = runs
        self._jobs = jobs

    async def paused(self, caller: Caller, workflow_id: str, cursor: str | None) -> RunPage:
        """Return the paused runs of a workflow, newest first. Raises MissingScope, InvalidRequest, Unavailable."""
        return await self._runs.page(caller, workflow_id, limit=MAX_LISTED, cursor=cursor, only=PAUSED)

    async def find(self, caller: Caller, workflow_id: str, run_id: str, context_id: str | None = None) -> RunView:
        """Return a paused run, with this context if given. Raises MissingScope, NotFound, Unavailable."""
        try:
            run = await self._runs.find(caller, workflow_id, run_id, output=True, blocks=False)
        except NotFound:
            raise NotFound(NOT_PAUSED) from None
        if not run.pauses:
            raise NotFound(NOT_PAUSED)
        if context_id is not None and all(point.context_id != context_id for point in run.pauses):
            raise NotFound(NO_CONTEXT)
        return run

    async def output(self, run: RunView) -> bytes | None:
        """Return the paused run's output as JSON. Raises NotFound, Unavailable."""
        return None if run.output is None else await self._runs.output(run, run.output)

    async def resume(
        self, caller: Caller, workflow_id: str, run_id: str, context_id: str, answer: Mapping[str, Any]
    ) -> tuple[RunView, ResumeAnswer]:
        """Resume a paused run with an answer to its form.

        Raises MissingScope, NotFound, InvalidRequest, Conflict (answered before), PayloadTooLarge, Unavailable.
        """
        caller.require(Scope.APPROVE)
        try:
            run = await self._runs.locate(caller, workflow_id, run_id, output=True, blocks=False)
        except NotFound:
            raise NotFound(NOT_PAUSED) from None
        if any(point.context_id == context_id for point in run.pauses):
            check_answer(responses_of(run, await self.output(run)).get(context_id), answer)
        request = ResumeRun(caller.workspace.id, workflow_id, context_id, msgspec.Raw(msgspec.json.encode(answer)))
        return run, await self._jobs.resume(run_id, request)
