"""What a run waits for that has paused."""

from datetime import datetime
from enum import StrEnum

import msgspec


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
