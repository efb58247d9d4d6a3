"""States of runs and their outputs in the words of run status routes."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.contracts.block_logs import BlockLog
from shared.contracts.jobs import RunView
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunStatus
from shared.workflow.trace.spans import own_id, own_name

SELECTED: Final = "Ids or names of blocks, with commas between: their last outputs come as `blockOutputs`."
_STATUS: Final[Mapping[RunStatus, str]] = {RunStatus.PROCESSING: "running"}


def status_word(status: RunStatus) -> str:
    """`running` is what run status routes call processing."""
    return _STATUS.get(status, status.value)


def status_of(word: str) -> RunStatus:
    """The other way round. Raises ValueError."""
    return RunStatus.PROCESSING if word == _STATUS[RunStatus.PROCESSING] else RunStatus(word)


def given_by(run: RunView) -> Payload | None:
    """What the run gave, or shows while it waits; what a pause showed is nothing that the run gives once it goes on."""
    return run.output if run.status is RunStatus.PAUSED or run.status.is_terminal else None


def cost_of(run: RunView) -> dict[str, float] | None:
    """What a run that is over has cost, in US dollars."""
    return {"total": as_number(run.usage.cost_usd)} if run.status.is_terminal else None


def as_number(amount: float) -> float:
    """A whole number where it is one: written as JavaScript writes it, `0` and not `0.0`."""
    return int(amount) if amount == int(amount) else amount


def block_outputs(blocks: Iterable[BlockLog], wanted: Iterable[str]) -> dict[str, Any] | None:
    """The last outputs of the blocks named, each by id or name; None when none is named."""
    names = [name for name in wanted if name]
    if not names:
        return None
    latest = {key: block.output for block in blocks if block.success for key in _keys(block)}
    return {name: latest[name] for name in names if name in latest}


def _keys(block: BlockLog) -> tuple[str, ...]:
    """As it is in the log, where loops and parallels name their rounds, and as its author knows it."""
    return block.block_id, block.block_name, own_id(block.block_id), own_name(block)


def names_in(query: str | None) -> list[str]:
    """`a,b` as a list."""
    return [part.strip() for part in (query or "").split(",") if part.strip()]
