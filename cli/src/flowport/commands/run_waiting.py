"""Waiting for a queued run, with what is known of its progress."""

import time
from collections.abc import Iterator
from typing import Final

from rich.status import Status

from flowport.client.door import JsonObject, path
from flowport.client.errors import TookTooLong, TryLater
from flowport.commands.session import Session

SECONDS: Final = 3_600.0
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
PATIENCE: Final = 10
"""How many polls in a row may find the server away."""
ENDED: Final = frozenset({"completed", "failed", "cancelled"})


def await_run(session: Session, workflow_id: str, run_id: str, *, seconds: float = SECONDS) -> JsonObject:
    """The run once it has ended. Raises TookTooLong, TryLater; the run itself goes on then."""
    try:
        with session.output.notes.status(f"{run_id}  queued") as status:
            return _ended(session, workflow_id, run_id, status, deadline=time.monotonic() + seconds)
    except (KeyboardInterrupt, TookTooLong):
        session.output.note(f"The run goes on: flowport runs show {workflow_id} {run_id}")
        raise


def _ended(session: Session, workflow_id: str, run_id: str, status: Status, *, deadline: float) -> JsonObject:
    began, failures = time.monotonic(), 0
    for pause in _pauses():
        try:
            found = run_state(session, workflow_id, run_id)
            failures = 0
        except TryLater:
            failures += 1
            if failures > PATIENCE:
                raise
            found = {"status": "unknown, the server is away"}
        if found["status"] in ENDED:
            return found
        status.update(f"{run_id}  {found['status']}  {time.monotonic() - began:.0f} s")
        if time.monotonic() + pause > deadline:
            raise TookTooLong(f"the run {run_id} is still {found['status']}")
        time.sleep(pause)
    raise AssertionError("pauses never end")


def run_state(session: Session, workflow_id: str, run_id: str, *, output: bool = True) -> JsonObject:
    """A run as it stands."""
    query = {"includeOutput": str(output).lower()}
    found: JsonObject = session.door.call("GET", path("v2", "workflows", workflow_id, "runs", run_id), query=query)[
        "data"
    ]
    return found


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, LONGEST_PAUSE)
