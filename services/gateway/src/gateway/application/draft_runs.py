"""What a run of a signed-in person runs: a snapshot that is kept for a day, on what an earlier run left."""

from dataclasses import dataclass

import msgspec

from gateway.domain.credentials import Caller, Scope
from gateway.domain.draft_run import LATEST, Continuation, DraftRun, outputs_of
from gateway.ports import Authoring, Jobs, Payloads
from shared.contracts.deployments import Endpoint, SnapshotDraft
from shared.contracts.runs import RunFromBlock, SnapshotRef
from shared.errors import InvalidRequest, NotFound


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to run. `snapshot` is None for the live version."""

    snapshot: SnapshotRef | None
    text_block_ids: tuple[str, ...]
    run_from: RunFromBlock | None


class DraftRuns:
    """Prepares them."""

    def __init__(self, authoring: Authoring, jobs: Jobs, payloads: Payloads) -> None:
        self._authoring = authoring
        self._jobs = jobs
        self._payloads = payloads

    async def prepare(self, caller: Caller, endpoint: Endpoint, wish: DraftRun) -> Prepared:
        """Keep what the run needs. Raises Forbidden, NotFound, InvalidWorkflow, InvalidRequest, Unavailable."""
        if wish.needs_write:
            caller.require(Scope.WRITE)
        run_from = None if wish.continuation is None else await self._run_from(endpoint, wish.continuation)
        if not wish.uses_draft:
            return Prepared(None, (), run_from)
        kept = await self._authoring.snapshot_draft(
            endpoint.workspace_id, endpoint.workflow_id, SnapshotDraft(wish.state)
        )
        snapshot = SnapshotRef(endpoint.workspace_id, endpoint.workflow_id, kept.snapshot_hash)
        return Prepared(snapshot, kept.text_block_ids, run_from)

    async def _run_from(self, endpoint: Endpoint, continuation: Continuation) -> RunFromBlock:
        outputs = continuation.outputs
        if outputs is None:
            outputs = await self._left_by(endpoint, continuation.run_id or LATEST)
        document = msgspec.json.encode(outputs)
        return RunFromBlock(continuation.block_id, await self._payloads.put(endpoint.workspace_id, document))

    async def _left_by(self, endpoint: Endpoint, run_id: str) -> dict[str, object]:
        workspace_id, workflow_id = endpoint.workspace_id, endpoint.workflow_id
        which = "workflow" if run_id == LATEST else f"execution {run_id}"
        missing = InvalidRequest(f"No execution state found for {which}. Run the full workflow first.")
        if run_id == LATEST:
            page = await self._jobs.runs(workspace_id, workflow_id, limit=1, cursor=None)
            if not page.runs:
                raise missing
            run_id = page.runs[0].run_id
        try:
            run = await self._jobs.run(workspace_id, run_id, blocks=True)
        except NotFound:
            raise missing from None
        if run.workflow_id != workflow_id:
            raise missing
        return outputs_of(run.blocks)
