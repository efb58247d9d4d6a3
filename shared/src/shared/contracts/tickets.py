"""Run tickets: permission for a worker to read a run's data."""

from typing import Final

import msgspec

from shared.contracts.files import FileScope, is_file_of
from shared.ids import public_run_id

TICKET_HEADER: Final = "x-flowport-run-ticket"


class RunTicket(msgspec.Struct, frozen=True, array_like=True):
    """The claims of a ticket: one snapshot of one run, until they expire.

    Fields are encoded by position: add new ones at the end, with defaults.
    """

    workspace_id: str
    workflow_id: str
    snapshot_hash: str
    run_id: str
    user_id: str | None
    """User whose personal environment values the run may read."""
    expires_at: int
    """Seconds since the epoch."""
    run_workflow_id: str = ""
    """In the ticket of a called workflow, the workflow that the run began with; empty in the run's own."""
    file_scope: FileScope = FileScope.RUN

    def may_read_file(self, file_id: str, run_id: str | None = None) -> bool:
        """Return whether the run may read a file, which the run `run_id` stored (by default, this run)."""
        if self.file_scope is FileScope.WORKSPACE:
            return True
        if self.file_scope is FileScope.WORKFLOW and run_id:
            return self._is_of_workflow(file_id, run_id)
        return self.owns_file(file_id)

    def owns_file(self, file_id: str) -> bool:
        """Return whether the file id belongs to this run."""
        return self._is_of_workflow(file_id, public_run_id(self.run_id))

    def _is_of_workflow(self, file_id: str, run_id: str) -> bool:
        return is_file_of(file_id, self.run_workflow_id or self.workflow_id, run_id)
