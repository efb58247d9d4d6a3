"""Progress of queued runs."""

import time
from typing import Final

from rich.status import Status
from rich.text import Text

from flowport.client.api_client import JsonObject, RetryPolicy, backoff_delays
from flowport.client.errors import ServerUnavailable, WaitTimedOut
from flowport.client.runs import RunRef, RunState, fetch_run
from flowport.commands.session import Session

WAIT_SECONDS: Final = 3_600.0
ENDED: Final = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED})


def wait_for_run(session: Session, ref: RunRef, *, seconds: float = WAIT_SECONDS) -> JsonObject:
    """Wait for a run, and return it. Raises WaitTimedOut; the run continues on the server."""
    try:
        with session.output.notes.status(Text(f"{ref.run_id}  queued")) as status:
            return _poll_until_ended(session, ref, status, deadline=time.monotonic() + seconds)
    except (KeyboardInterrupt, WaitTimedOut):
        note_run_continues(session, ref.run_id)
        raise


def note_run_continues(session: Session, run_id: str) -> None:
    """Print how to follow a run that the command stops waiting for."""
    session.output.print_note(
        f"The run continues. Use `flowport runs show {run_id}` or `flowport runs cancel {run_id}`"
    )


def _poll_until_ended(session: Session, ref: RunRef, status: Status, *, deadline: float) -> JsonObject:
    started, retries = time.monotonic(), RetryPolicy(ref.run_id)
    for delay in backoff_delays():
        try:
            found = fetch_run(session.client, ref)
        except ServerUnavailable as error:
            found = {"status": "unknown (server unavailable)"}
            retries.wait_or_raise(error)
        else:
            retries.reset()
        if found["status"] in ENDED:
            return found
        status.update(Text(f"{ref.run_id}  {found['status']}  {time.monotonic() - started:.0f} s"))
        if time.monotonic() + delay > deadline:
            raise WaitTimedOut(f"run {ref.run_id} is still {found['status']}")
        time.sleep(delay)
    raise AssertionError("backoff_delays is infinite")
