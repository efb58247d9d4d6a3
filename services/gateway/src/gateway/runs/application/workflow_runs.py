"""Runs of a workflow: find, list, cancel."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from gateway.access.domain.credentials import Caller, Scope
from gateway.runs.domain.run_states import output_payload
from gateway.runs.ports import AttachedRuns, Jobs, Payloads
from shared.contracts.cancels import EVERY_RUN, CancelAnswer, CancelledRuns, RunFilter
from shared.contracts.jobs import RunPage, RunView
from shared.contracts.payloads import Payload
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

    def __init__(self, jobs: Jobs, attached: AttachedRuns, payloads: Payloads) -> None:
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
        """Wait until the run is known; the process that holds it records it on request. Raises NotFound."""
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
