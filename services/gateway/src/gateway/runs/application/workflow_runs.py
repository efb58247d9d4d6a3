"""Runs of a workflow: find, list, cancel, resume."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from gateway.access.domain.credentials import Caller, Scope
from gateway.runs.adapters.attached_runs import BrokerAttachedRuns
from gateway.runs.domain.pauses import check_answer, responses_of
from gateway.runs.domain.run_states import output_payload
from gateway.runs.ports import Jobs, Payloads
from shared.contracts.jobs import (
    EVERY_RUN,
    CancelAnswer,
    CancelledRuns,
    ResumeAnswer,
    ResumeRun,
    RunFilter,
    RunPage,
    RunView,
)
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunStatus
from shared.errors import NotFound

T = TypeVar("T")
RETRY_DELAYS: Final = (0.05, 0.1, 0.2, 0.4)
"""Delays before looking up a run again."""


async def retry_not_found(look: Callable[[], Awaitable[T]], after: Sequence[float] = RETRY_DELAYS) -> T:
    """Return what `look` finds, retried after each delay in `after`. Raises NotFound, and what else `look` raises."""
    for seconds in after:
        with suppress(NotFound):
            return await look()
        await asyncio.sleep(seconds)
    return await look()


MISSING: Final = "Execution not found"
ANNOUNCED_DELAYS: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Delays between look-ups of an announced run; after the last, the run is not found."""


class WorkflowRuns:
    """Service for a workflow's runs. Runs of another workflow or workspace are not found."""

    def __init__(self, jobs: Jobs, attached: BrokerAttachedRuns, payloads: Payloads) -> None:
        self._jobs = jobs
        self._attached = attached
        self._payloads = payloads

    async def find(self, caller: Caller, workflow_id: str, run_id: str, *, output: bool, blocks: bool) -> RunView:
        """Return one run. Raises MissingScope, NotFound, Unavailable."""
        caller.require(Scope.READ, Scope.EXECUTE)
        return await self.locate(caller, workflow_id, run_id, output=output, blocks=blocks)

    async def find_with_output(
        self, caller: Caller, workflow_id: str, run_id: str, *, output: bool, blocks: bool
    ) -> tuple[RunView, bytes | None]:
        """Return one run, and its output as JSON if requested and present. Raises as `find`."""
        run = await self.find(caller, workflow_id, run_id, output=output, blocks=blocks)
        payload = output_payload(run) if output else None
        return run, None if payload is None else await self.output(run, payload)

    async def locate(self, caller: Caller, workflow_id: str, run_id: str, *, output: bool, blocks: bool) -> RunView:
        """Return one run of the workflow, without checking scopes. Raises NotFound, Unavailable."""
        return await retry_not_found(partial(self._own, caller, workflow_id, run_id, output=output, blocks=blocks))

    async def page(
        self, caller: Caller, workflow_id: str, *, limit: int, cursor: str | None, only: RunFilter = EVERY_RUN
    ) -> RunPage:
        """Return runs, newest first. Raises MissingScope, InvalidRequest, Unavailable."""
        caller.require(Scope.READ, Scope.EXECUTE)
        return await self._jobs.runs(caller.workspace.id, workflow_id, limit=limit, cursor=cursor, only=only)

    async def cancel_all(self, caller: Caller, workflow_id: str, only: RunFilter) -> CancelledRuns:
        """Cancel every unfinished run. Raises Forbidden, Unavailable."""
        require_to_steer(caller)
        return await self._jobs.cancel_all(caller.workspace.id, workflow_id, only)

    async def cancel(self, caller: Caller, workflow_id: str, run_id: str) -> CancelAnswer:
        """Cancel a run. Raises Forbidden, NotFound, Conflict (it is over), Unavailable."""
        require_to_steer(caller)
        # Checked first: a cancelled run soon disappears.
        waited_for = self._attached.holds(caller.workspace.id, workflow_id, run_id)
        if not waited_for:
            # jobs-service remembers a cancel of an unknown run and would apply it to the next run with this id.
            await self._require(caller, workflow_id, run_id)
        try:
            answer = await self._jobs.cancel(caller.workspace.id, workflow_id, run_id)
        except NotFound:
            raise NotFound(MISSING) from None
        if waited_for:
            await self._attached.announce(caller.workspace.id, run_id)
        return answer

    async def output(self, run: RunView, payload: Payload) -> bytes:
        """Return a value of the run as JSON. Raises NotFound, Unavailable."""
        return await self._payloads.get(run.workspace_id, payload)

    async def _require(self, caller: Caller, workflow_id: str, run_id: str) -> None:
        """Wait until the run is stored. If it is not, request that from the process that runs it. Raises NotFound."""
        look = partial(self._own, caller, workflow_id, run_id)
        try:
            await look()
        except NotFound:
            await self._attached.announce(caller.workspace.id, run_id)
            await retry_not_found(look, ANNOUNCED_DELAYS)

    async def _own(
        self, caller: Caller, workflow_id: str, run_id: str, *, output: bool = False, blocks: bool = False
    ) -> RunView:
        try:
            run = await self._jobs.run(caller.workspace.id, run_id, output=output, blocks=blocks)
        except NotFound:
            raise NotFound(MISSING) from None
        if run.workflow_id != workflow_id:
            raise NotFound(MISSING)
        return run


def require_to_steer(caller: Caller) -> None:
    """Raise MissingScope or AccessDenied unless the caller may cancel and redrive runs.

    A key may control runs that it may start. A user needs the role `write`: the run may be another user's.
    """
    caller.require(Scope.EXECUTE)
    caller.require_role(Scope.WRITE)


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
