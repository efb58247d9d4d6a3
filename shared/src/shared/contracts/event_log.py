"""The events of a durable run, for readers who come later or come back."""

from typing import NamedTuple

import msgspec

from shared.contracts.messages import EventBatch
from shared.contracts.runs import RunStatus


class EventPosition(NamedTuple):
    """Where an event stands in its run: comparable, and never given twice."""

    attempt: int
    number: int


class EventLogPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept behind a position, in order, and how the run stands. `has_more`: the page was full."""

    status: RunStatus
    batches: tuple[EventBatch, ...] = ()
    has_more: bool = False
