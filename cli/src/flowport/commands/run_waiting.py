"""Waiting for a queued run, with what is known of its progress."""

import time
from typing import Final

from rich.status import Status
from rich.text import Text

from flowport.client.door import JsonObject
from flowport.client.errors import TookTooLong, TryLater
from flowport.client.patience import Patience, pauses
from flowport.client.runs import RunPlace, RunState, run_state
from flowport.commands.session import Session

SECONDS: Final = 3_600.0
ENDED: Final = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED})


def await_run(session: Session, place: RunPlace, *, seconds: float = SECONDS) -> JsonObject:
    """The run once it has ended. Raises TookTooLong; the run itself goes on then."""
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
    began, patience = time.monotonic(), Patience(place.run_id)
    for pause in pauses():
        try:
            found = run_state(session.door, place)
        except TryLater as error:
            found = {"status": "unknown, the server is away"}
            patience.endure(error)
        else:
            patience.regain()
        if found["status"] in ENDED:
            return found
        status.update(Text(f"{place.run_id}  {found['status']}  {time.monotonic() - began:.0f} s"))
        if time.monotonic() + pause > deadline:
            raise TookTooLong(f"the run {place.run_id} is still {found['status']}")
        time.sleep(pause)
    raise AssertionError("pauses never end")
