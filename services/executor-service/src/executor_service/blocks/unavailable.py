"""Placeholder for a block type that this server cannot run."""

from executor_service.engine import BlockFailure, BlockHandler, Call, Inputs


class UnavailableHandler(BlockHandler):
    """Fails with a reason for the user, before any other error."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def prepare(self, call: Call) -> Inputs:
        """Refuse."""
        raise BlockFailure(self._reason, can_retry=False)
