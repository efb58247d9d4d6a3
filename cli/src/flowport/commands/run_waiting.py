"""Waiting for a queued run, with what is known of its progress."""

import time
from collections.abc import Iterator
from typing import Final

from rich.status import Status
from rich.text import Text

from flowport.client.door import JsonObject
from flowport.client.errors import TookTooLong, TryLater
from flowport.client.runs import RunPlace, RunState, run_state
from flowport.commands.session import Session

SECONDS: Final = 3_600.0
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
PATIENCE: Final = 10
"""How many polls in a row may find the server away."""
ENDED: Final = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED})


def await_run(session: Session, place: RunPlace, *, seconds: float = SECONDS) -> JsonObject:
    """The run once it has ended. Raises TookTooLong, TryLater; the run itself goes on then."""
    try:
        with session.output.notes.status(Text(f"{place.run_id}  queued")) as status:
            return _ended(session, place, status, deadline=time.monotonic() + seconds)
    except (KeyboardInterrupt, TookTooLong):
        goes_on(session, place.run_id)
        raise


def goes_on(session: Session, run_id: str) -> None:
    """Say how to find a run that is not waited for any more."""
    session.output.note(f"The run goes on: flowport runs show {run_id}, or flowport runs cancel {run_id}")


def _ended(session: Session, place: RunPlace, status: Status, *, deadline: float) -> JsonObject:
    began, failures = time.monotonic(), 0
    for pause in _pauses():
        try:
            found = run_state(session.door, place)
            failures = 0
        except TryLater:
            failures += 1
            if failures > PATIENCE:
                raise
            found = {"status": "unknown, the server is away"}
        if found["status"] in ENDED:
            return found
        status.update(Text(f"{place.run_id}  {found['status']}  {time.monotonic() - began:.0f} s"))
        if time.monotonic() + pause > deadline:
            raise TookTooLong(f"the run {place.run_id} is still {found['status']}")
        time.sleep(pause)
    raise AssertionError("pauses never end")


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, LONGEST_PAUSE)
