"""Pauses of runs: conditions, storage and resume."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.contracts.block_logs import BlockLog
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunOutcome, RunSpec, Usage


class PauseKind(StrEnum):
    """What a pause waits for."""

    HUMAN = "human"
    TIME = "time"


class PausePoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A block that waits. Both times are the worker's: only differences between its times are meaningful."""

    context_id: str
    """Unique within the run."""
    block_id: str
    kind: PauseKind
    registered_at: datetime
    resume_at: datetime | None = None


class PauseRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attached run has paused: store it, so that it can continue without its caller. It is then durable."""

    run: RunSpec
    outcome: RunOutcome
    pauses: tuple[PausePoint, ...]
    state: Payload
    """Engine state; stored and returned unread."""
    blocks: tuple[BlockLog, ...] = ()
    usage: Usage = Usage()
    files: tuple[str, ...] = ()
    """Ids of files that its blocks may still read."""


class ResumeRun(msgspec.Struct, frozen=True):
    """End a pause of a run of this workflow with `answer`, a JSON object."""

    workspace_id: str
    workflow_id: str
    context_id: str
    answer: msgspec.Raw


class ResumeAnswer(msgspec.Struct, frozen=True):
    """The answer is stored and will be consumed once. `is_next` is False while an earlier answer is processed."""

    run_id: str
    is_next: bool
