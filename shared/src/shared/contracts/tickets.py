"""Run tickets: what a worker presents to read what belongs to a run."""

from typing import Final

import msgspec

TICKET_HEADER: Final = "x-flowport-run-ticket"


class RunTicket(msgspec.Struct, frozen=True, array_like=True):
    """The claims of a ticket. They cover one snapshot of one run, and expire.

    Fields are encoded by position: new ones go to the end and have defaults.
    """

    workspace_id: str
    workflow_id: str
    snapshot_hash: str
    run_id: str
    user_id: str | None
    """The person whose own environment values the run may read."""
    expires_at: int
    """In seconds since the epoch."""
