"""Pages of a run's stored events."""

from typing import NamedTuple

import msgspec

from shared.contracts.messages import EventBatch
from shared.contracts.runs import RunStatus


class EventPosition(NamedTuple):
    """Position of an event in its run: comparable and unique."""

    attempt: int
    number: int


class EventLogPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Events after a position, in order, and the run's status. `has_more`: the page was full."""

    status: RunStatus
    batches: tuple[EventBatch, ...] = ()
    has_more: bool = False
