"""Draft run request: the draft or another state, from any block, on an earlier run's outputs."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET

from gateway.runs.domain.controls import Controls
from shared.contracts.jobs import BlockLog
from shared.contracts.runs import Trigger
from shared.errors import InvalidRequest
from shared.workflow.format.js_values import JsonObject

LATEST: Final = "latest"
TRUNCATED_KEYS: Final = {"truncated", "bytes"}
"""Keys that replace a large output in a log."""


class Continuation(msgspec.Struct, frozen=True):
    """Start at `block_id`, with these outputs or those of the run `run_id`."""

    block_id: str
    outputs: dict[str, Any] | None = None
    run_id: str | None = None


class DraftRun(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a signed-in user's run. `uses_draft` is false for a run of the live version."""

    uses_draft: bool = True
    state: JsonObject | None = None
    start_block_id: str | None = None
    continuation: Continuation | None = None
    input_run_id: str | None = None
    """Run whose input replaces this one's."""

    @property
    def needs_write(self) -> bool:
        """Return whether the run uses something other than the live version."""
        return self.uses_draft or self.continuation is not None or self.input_run_id is not None


def read_draft_run(controls: Controls) -> DraftRun:
    """Parse the draft run options in a session's body. Raises InvalidRequest."""
    state = None if controls.workflow_state_override is UNSET else controls.workflow_state_override
    start = controls.trigger_block_id if controls.trigger_block_id is not UNSET else controls.start_block_id
    return DraftRun(
        uses_draft=controls.use_draft_state is not False or state is not None,
        state=state,
        start_block_id=None if start is UNSET else start,
        continuation=None if controls.run_from_block is UNSET else _continuation(controls.run_from_block),
        input_run_id=None if controls.input_from_execution_id is UNSET else controls.input_from_execution_id,
    )


def trigger_of(controls: Controls) -> Trigger:
    """Return the trigger for logs and the choice of the start block."""
    try:
        return Trigger(controls.trigger_type) if controls.trigger_type is not UNSET else Trigger.MANUAL
    except ValueError:
        return Trigger.MANUAL


def outputs_of(blocks: Iterable[BlockLog]) -> dict[str, Any]:
    """Return each block's last output in a finished run, including errors that an edge handled.

    Raises InvalidRequest if one was too large to log.
    """
    led_on = (log for log in blocks if log.success or log.error_handled)
    return {log.block_id: _full_output(log) for log in led_on if isinstance(log.output, dict)}


def input_of(blocks: Iterable[BlockLog]) -> dict[str, Any] | None:
    """Return a run's input, as its start block output it; None if it is no longer stored.

    Raises InvalidRequest if it was too large to log.
    """
    first = min(blocks, key=lambda log: log.execution_order, default=None)
    return _full_output(first) if first is not None and isinstance(first.output, dict) else None


def _full_output(log: BlockLog) -> dict[str, Any]:
    output: dict[str, Any] = log.output
    if output.keys() == TRUNCATED_KEYS and output["truncated"] is True:
        raise InvalidRequest(f"The output of {log.block_name} was too large to be stored. Run the full workflow.")
    return output


def _continuation(run_from: Mapping[str, Any]) -> Continuation:
    block_id = run_from["startBlockId"]
    if "sourceSnapshot" in run_from:
        states = run_from["sourceSnapshot"].get("blockStates")
        if not isinstance(states, dict):
            raise InvalidRequest("runFromBlock.sourceSnapshot needs blockStates")
        return Continuation(block_id, outputs=_snapshot_outputs(states))
    if "executionId" in run_from:
        return Continuation(block_id, run_id=run_from["executionId"])
    raise InvalidRequest("runFromBlock requires either sourceSnapshot or executionId")


def _snapshot_outputs(states: Mapping[str, Any]) -> dict[str, Any]:
    outputs = {block_id: state.get("output") for block_id, state in states.items() if isinstance(state, dict)}
    return {block_id: output for block_id, output in outputs.items() if isinstance(output, dict)}
