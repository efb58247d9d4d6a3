"""Draft runs of signed-in users: a snapshot stored for a day, on an earlier run's outputs."""

import asyncio
from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.access.domain.credentials import Caller, Scope
from gateway.lookups import or_none
from gateway.runs.domain.draft_run import LATEST, Continuation, DraftRun, input_of, outputs_of
from gateway.runs.ports import Jobs, Payloads
from gateway.workflows.ports import Authoring
from shared.contracts.deployments import Endpoint, SnapshotDraft
from shared.contracts.jobs import REDACTED, RunView
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunFromBlock, RunStatus, SnapshotRef
from shared.errors import InvalidRequest, NotFound
from shared.workflow.format.references import texts

LOOKUP_DELAYS: Final = (0.0, 0.05, 0.2, 0.5, 1.0)
"""Delays between look-ups of an earlier run, which may be recorded shortly after its answer."""
UNFINISHED: Final = frozenset({RunStatus.QUEUED, RunStatus.PROCESSING})


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to run. `snapshot` is None for the live version, `input` if the call brings its own."""

    snapshot: SnapshotRef | None
    text_block_ids: tuple[str, ...]
    run_from: RunFromBlock | None
    input: Payload | None


AS_CALLED: Final = Prepared(None, (), None, None)
"""The live version on the call's own input."""


class DraftRuns:
    """Preparation of draft runs."""

    def __init__(self, authoring: Authoring, jobs: Jobs, payloads: Payloads) -> None:
        self._authoring = authoring
        self._jobs = jobs
        self._payloads = payloads

    async def prepare(self, caller: Caller, endpoint: Endpoint, draft_run: DraftRun) -> Prepared:
        """Store what the run needs. Raises Forbidden, NotFound, InvalidWorkflow, InvalidRequest, Unavailable."""
        if draft_run.needs_write:
            caller.require(Scope.WRITE)
        run_from = None if draft_run.continuation is None else await self._run_from(endpoint, draft_run.continuation)
        input_ = None if draft_run.input_run_id is None else await self._input_of(endpoint, draft_run.input_run_id)
        if not draft_run.uses_draft:
            return Prepared(None, (), run_from, input_)
        stored = await self._authoring.snapshot_draft(
            endpoint.workspace_id, endpoint.workflow_id, SnapshotDraft(draft_run.state)
        )
        snapshot = SnapshotRef(endpoint.workspace_id, endpoint.workflow_id, stored.snapshot_hash)
        return Prepared(snapshot, stored.text_block_ids, run_from, input_)

    async def _run_from(self, endpoint: Endpoint, continuation: Continuation) -> RunFromBlock:
        outputs = continuation.outputs
        if outputs is None:
            outputs = await self._outputs_of_earlier(endpoint, continuation.run_id or LATEST)
        document = msgspec.json.encode(outputs)
        return RunFromBlock(continuation.block_id, await self._payloads.put(endpoint.workspace_id, document))

    async def _outputs_of_earlier(self, endpoint: Endpoint, run_id: str) -> dict[str, object]:
        which = "workflow" if run_id == LATEST else f"execution {run_id}"
        missing = f"No execution state found for {which}. Run the full workflow first."
        if run_id == LATEST:
            page = await self._jobs.runs(endpoint.workspace_id, endpoint.workflow_id, limit=1, cursor=None)
            if not page.runs:
                raise InvalidRequest(missing)
            run_id = page.runs[0].run_id
        run = await self._finished_run(endpoint, run_id)
        if run is None:
            raise InvalidRequest(missing)
        return outputs_of(run.blocks)

    async def _input_of(self, endpoint: Endpoint, run_id: str) -> Payload:
        run = await self._finished_run(endpoint, run_id)
        if run is None:
            raise NotFound("Source workflow execution was not found")
        input_ = input_of(run.blocks)
        if input_ is None:
            raise InvalidRequest(f"No input found for execution {run_id}")
        if any(REDACTED in text for text in texts(input_)):
            problem = f"The input of execution {run_id} contains secrets, which are not stored."
            raise InvalidRequest(f"{problem} Send the input again.")
        return await self._payloads.put(endpoint.workspace_id, msgspec.json.encode(input_))

    async def _finished_run(self, endpoint: Endpoint, run_id: str) -> RunView | None:
        """Return the run with all block outputs. Raises InvalidRequest while it still runs."""
        for seconds in LOOKUP_DELAYS:
            await asyncio.sleep(seconds)
            run = await self._find(endpoint, run_id)
            if run is None or run.status not in UNFINISHED:
                return run
        raise InvalidRequest(f"Execution {run_id} has not ended yet. Retry when it has ended.")

    async def _find(self, endpoint: Endpoint, run_id: str) -> RunView | None:
        run = await or_none(self._jobs.run(endpoint.workspace_id, run_id, blocks=True))
        return run if run is not None and run.workflow_id == endpoint.workflow_id else None
