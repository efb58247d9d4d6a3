"""Spec of a run that a redrive or a repair starts: it belongs to their caller, not to that of the failed run."""

import msgspec

from shared.contracts.dead_letters import RedriveRun
from shared.contracts.repairs import RepairRun
from shared.contracts.runs import RunMode, RunSpec


def owned_by_caller(spec: RunSpec, request: RedriveRun | RepairRun) -> RunSpec:
    """Return the spec of a queued run with the identity, access to files and retention of the caller of `request`."""
    retention = request.log_retention_ms
    return msgspec.structs.replace(
        spec,
        mode=RunMode.ASYNC,
        listener=None,
        actor_id=request.actor_id,
        caller_name=request.caller_name,
        user_id=request.user_id,
        file_scope=request.file_scope,
        log_retention_ms=spec.log_retention_ms if retention is None else retention,
        traceparent=request.traceparent,
    )
