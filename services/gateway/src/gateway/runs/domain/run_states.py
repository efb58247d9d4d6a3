"""Run states and outputs as run status routes show them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.contracts.jobs import BlockLog, RunView
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunStatus
from shared.workflow.trace.spans import own_id, own_name

SELECTED: Final = "Comma-separated ids or names of blocks. The response has their last outputs as `blockOutputs`."
_STATUS: Final[Mapping[RunStatus, str]] = {RunStatus.PROCESSING: "running"}


def status_name(status: RunStatus) -> str:
    """Return the status name; these routes call `running` processing."""
    return _STATUS.get(status, status.value)


def status_of(word: str) -> RunStatus:
    """Return the status of a name. Raises ValueError."""
    return RunStatus.PROCESSING if word == _STATUS[RunStatus.PROCESSING] else RunStatus(word)


def output_payload(run: RunView) -> Payload | None:
    """Return the run's output, or a paused run's current one; a pause's output ends when the run continues."""
    return run.output if run.status is RunStatus.PAUSED or run.status.is_terminal else None


def cost_of(run: RunView) -> dict[str, float] | None:
    """Return the cost of a finished run, in US dollars."""
    return {"total": as_number(run.usage.cost_usd)} if run.status.is_terminal else None


def as_number(amount: float) -> float:
    """Return whole numbers as integers, as JavaScript writes them: `0` and not `0.0`."""
    return int(amount) if amount == int(amount) else amount


def block_outputs(blocks: Iterable[BlockLog], selected: Iterable[str]) -> dict[str, Any] | None:
    """Return the last outputs of these blocks, by id or name; None if none is named."""
    names = [name for name in selected if name]
    if not names:
        return None
    latest = {key: block.output for block in blocks if block.success for key in _keys(block)}
    return {name: latest[name] for name in names if name in latest}


def _keys(block: BlockLog) -> tuple[str, ...]:
    """Return the block's id and name, as logged (with loop and parallel rounds) and as authored."""
    return block.block_id, block.block_name, own_id(block.block_id), own_name(block)


def split_names(query: str | None) -> list[str]:
    """Split `a,b` into a list."""
    return [part.strip() for part in (query or "").split(",") if part.strip()]
