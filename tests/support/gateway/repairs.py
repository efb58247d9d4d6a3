"""Repairs in memory."""

from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import JOB

from shared.contracts.jobs import RunAccepted
from shared.contracts.repairs import (
    FindRepairable,
    RepairablePage,
    RepairableRun,
    RepairedRun,
    RepairRun,
)
from shared.contracts.runs import Trigger
from shared.errors import Conflict, RepairRefused, Unavailable


class FakeRepairs:
    """Implements RepairClient. The failed runs are `failed`, in pages of two; the version of `R9` is incompatible."""

    def __init__(self) -> None:
        self.failed = ["E1"]
        self.requests: dict[str, RepairRun] = {}
        self.searches: list[FindRepairable] = []
        self.versions: dict[str, int] = {}
        """Versions of failed runs, by default 1."""
        self.down_at: str | None = None
        """Cursor of a page that cannot be read; the first page has ""."""

    async def repairable_runs(self, request: FindRepairable) -> RepairablePage:
        self.searches.append(request)
        if self.down_at == (request.cursor or ""):
            raise Unavailable("jobs-service does not respond")
        if request.run_id is not None:
            known = [run_id for run_id in self.failed if run_id == request.run_id]
            return RepairablePage(tuple(RepairableRun(run_id, Trigger.API, 1) for run_id in known))
        first = int(request.cursor or 0)
        page = self.failed[first : first + 2]
        more = str(first + 2) if len(self.failed) > first + 2 else None
        runs = (RepairableRun(run_id, Trigger.API, self.versions.get(run_id, 1)) for run_id in page)
        return RepairablePage(tuple(runs), more)

    async def repair(self, run_id: str, request: RepairRun) -> RepairedRun:
        if run_id == "R9":
            raise RepairRefused("The version cannot continue the run", details={"blockId": "b", "blockName": "B"})
        if run_id == "R8":
            raise Conflict("The run is completed. Only a failed run can be repaired.")
        self.requests[run_id] = request
        return RepairedRun(RunAccepted(f"{run_id}-again", JOB, NOON))
