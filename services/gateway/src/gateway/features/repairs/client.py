"""Repairs at jobs-service."""

from typing import Protocol

from shared.contracts.repairs import FindRepairable, RepairablePage, RepairedRun, RepairRun


class RepairClient(Protocol):
    """Port of repairs. Every method raises Unavailable."""

    async def repairable_runs(self, request: FindRepairable) -> RepairablePage:
        """Return one run, or a page of failed runs. Raises InvalidRequest for a bad cursor."""

    async def repair(self, run_id: str, request: RepairRun) -> RepairedRun:
        """Continue a failed run. Raises NotFound, Conflict, AtCapacity."""
