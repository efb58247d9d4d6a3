"""Pauses of runs: what is waited for, how the run is kept meanwhile, and how it goes on."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.contracts.block_logs import BlockLog
from shared.contracts.outcomes import RunOutcome
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunSpec
from shared.contracts.usage import Usage


class PauseKind(StrEnum):
    """What a pause waits for."""

    HUMAN = "human"
    TIME = "time"


class PausePoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A block that waits. Both times are the worker's: only their difference to its other times means anything."""

    context_id: str
    """Unique within the run."""
    block_id: str
    kind: PauseKind
    registered_at: datetime
    resume_at: datetime | None = None


class PauseRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attached run has paused: store it, so that it can go on without its caller. It is durable from then on."""

    run: RunSpec
    outcome: RunOutcome
    pauses: tuple[PausePoint, ...]
    state: Payload
    """The engine's; stored and returned unread."""
    blocks: tuple[BlockLog, ...] = ()
    usage: Usage = Usage()
    files: tuple[str, ...] = ()
    """Ids of the files that its blocks may still read."""


class ResumeRun(msgspec.Struct, frozen=True):
    """End a pause of a run of this workflow with `answer`, a JSON object."""

    workspace_id: str
    workflow_id: str
    context_id: str
    answer: msgspec.Raw


class ResumeAnswer(msgspec.Struct, frozen=True):
    """The answer is stored and will be taken once. `is_next` is False while an earlier answer is at work."""

    run_id: str
    is_next: bool
