"""How many runs workflows have had."""

from datetime import datetime

import msgspec


class RunTally(msgspec.Struct, frozen=True):
    """How many runs of a workflow have begun and ended, and when the last of them ended; the latest may be missing."""

    workspace_id: str
    workflow_id: str
    runs: int
    last_ended_at: datetime

    def plus(self, more: "RunTally") -> "RunTally":
        """Both together."""
        last = max(self.last_ended_at, more.last_ended_at)
        return RunTally(self.workspace_id, self.workflow_id, self.runs + more.runs, last)


class FindTallies(msgspec.Struct, frozen=True):
    """Whose tallies are wanted."""

    workspace_id: str
    workflow_ids: tuple[str, ...]


class RunTallies(msgspec.Struct, frozen=True):
    """Those that there are; a workflow that never ran has none."""

    tallies: tuple[RunTally, ...]
