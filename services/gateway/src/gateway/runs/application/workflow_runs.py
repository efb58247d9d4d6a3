"""The runs of a workflow, for whoever may see or stop them."""

from functools import partial
from typing import Final

from gateway.access.domain.credentials import Caller, Scope
from gateway.runs.application.recent_runs import found_soon
from gateway.runs.ports.attached_runs import AttachedRuns
from gateway.runs.ports.jobs import EVERY_RUN, Jobs, Payloads
from shared.contracts.cancels import CancelAnswer, CancelledRuns, RunFilter
from shared.contracts.jobs import RunPage, RunView
from shared.contracts.payloads import Payload
from shared.errors import NotFound

MISSING: Final = "Execution not found"
ANNOUNCED_SECONDS: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""When a run is looked for that was asked to be recorded; one that is not there then does not exist."""


class WorkflowRuns:
    """Finds, lists and cancels. A run of another workflow or workspace does not exist."""

    def __init__(self, jobs: Jobs, attached: AttachedRuns, payloads: Payloads) -> None:
        self._jobs = jobs
        self._attached = attached
        self._payloads = payloads

    async def find(self, caller: Caller, workflow_id: str, run_id: str, *, output: bool, blocks: bool) -> RunView:
        """One run. Raises MissingScope, NotFound, Unavailable."""
        caller.require(Scope.READ, Scope.EXECUTE)
        return await self.locate(caller, workflow_id, run_id, output=output, blocks=blocks)

    async def locate(self, caller: Caller, workflow_id: str, run_id: str, *, output: bool, blocks: bool) -> RunView:
        """Return one run of the workflow, whatever the caller's scopes. Raises NotFound, Unavailable."""
        return await found_soon(partial(self._own, caller, workflow_id, run_id, output=output, blocks=blocks))

    async def page(
        self, caller: Caller, workflow_id: str, *, limit: int, cursor: str | None, only: RunFilter = EVERY_RUN
    ) -> RunPage:
        """Runs, newest first. Raises MissingScope, InvalidRequest, Unavailable."""
        caller.require(Scope.READ, Scope.EXECUTE)
        return await self._jobs.runs(caller.workspace.id, workflow_id, limit=limit, cursor=cursor, only=only)

    async def cancel_all(self, caller: Caller, workflow_id: str, only: RunFilter) -> CancelledRuns:
        """Stop every run that is not over. Raises Forbidden, Unavailable."""
        require_to_steer(caller)
        return await self._jobs.cancel_all(caller.workspace.id, workflow_id, only)

    async def cancel(self, caller: Caller, workflow_id: str, run_id: str) -> CancelAnswer:
        """Stop a run. Raises Forbidden, NotFound, Conflict (it is over), Unavailable."""
        require_to_steer(caller)
        # Asked first: a cancelled run is soon gone.
        waited_for = self._attached.holds(caller.workspace.id, workflow_id, run_id)
        if not waited_for:
            # jobs-service remembers a cancel of a run that it has not seen, and the next one of that id would meet it.
            await self._require(caller, workflow_id, run_id)
        try:
            answer = await self._jobs.cancel(caller.workspace.id, workflow_id, run_id)
        except NotFound:
            raise NotFound(MISSING) from None
        if waited_for:
            await self._attached.announce(caller.workspace.id, run_id)
        return answer

    async def output(self, run: RunView, payload: Payload) -> bytes:
        """A value of the run as JSON. Raises NotFound, Unavailable."""
        return await self._payloads.get(run.workspace_id, payload)

    async def _require(self, caller: Caller, workflow_id: str, run_id: str) -> None:
        """Wait until the run is known; another process that waits for it has it recorded. Raises NotFound."""
        look = partial(self._own, caller, workflow_id, run_id)
        try:
            await look()
        except NotFound:
            await self._attached.announce(caller.workspace.id, run_id)
            await found_soon(look, ANNOUNCED_SECONDS)

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

    A key may steer the runs that it may start. A person needs the role `write`: the run may be another person's.
    """
    caller.require(Scope.EXECUTE)
    caller.require_role(Scope.WRITE)
