"""Run tickets: what a worker presents to read what belongs to a run."""

from typing import Final

import msgspec

from shared.contracts.files import FileScope, is_file_of
from shared.ids import public_run_id

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
    run_workflow_id: str = ""
    """The workflow that the run began with, in the ticket of a workflow that it calls; empty in the run's own."""
    file_scope: FileScope = FileScope.RUN

    def may_read_file(self, file_id: str, run_id: str | None = None) -> bool:
        """Return whether the run may read a file, which the run `run_id` stored (by default, this run)."""
        if self.file_scope is FileScope.WORKSPACE:
            return True
        if self.file_scope is FileScope.WORKFLOW and run_id:
            return self._is_of_workflow(file_id, run_id)
        return self.owns_file(file_id)

    def owns_file(self, file_id: str) -> bool:
        """Return whether the id is that of a file of this run."""
        return self._is_of_workflow(file_id, public_run_id(self.run_id))

    def _is_of_workflow(self, file_id: str, run_id: str) -> bool:
        return is_file_of(file_id, self.run_workflow_id or self.workflow_id, run_id)
