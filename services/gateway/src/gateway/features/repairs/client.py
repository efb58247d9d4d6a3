"""Repairs at jobs-service, and the comparison of versions at deploy-service."""

from typing import Protocol

import msgspec

from gateway.runs.adapters.run_keys import by_public_id
from shared.contracts.repairs import FindRepairable, RepairablePage, RepairedRun, RepairRun, ResumeMap
from shared.contracts.runs import Trigger
from shared.ids import public_run_id, run_key
from shared.web.client import InternalClient
from shared.web.paths import path_of


class RepairClient(Protocol):
    """Port of repairs. Every method raises Unavailable."""

    async def repairable_runs(self, request: FindRepairable) -> RepairablePage:
        """Return one run, or a page of failed runs. Raises InvalidRequest for a bad cursor."""

    async def repair(self, run_id: str, request: RepairRun) -> RepairedRun:
        """Continue a failed run. Raises NotFound, Conflict, AtCapacity."""

    async def resume_map(
        self, workspace_id: str, workflow_id: str, *, before: int, after: int, trigger: Trigger
    ) -> ResumeMap:
        """Return the places of one version's blocks in another. Raises NotFound, InvalidWorkflow."""


class HttpRepairClient:
    """Implements RepairClient."""

    def __init__(self, jobs: InternalClient, deployments: InternalClient) -> None:
        self._jobs = jobs
        self._deployments = deployments

    async def repairable_runs(self, request: FindRepairable) -> RepairablePage:
        key = None if request.run_id is None else run_key(request.workspace_id, request.run_id)
        body = msgspec.structs.replace(request, run_id=key)
        page = await self._jobs.call("POST", path_of("repairable-runs"), body=body, returns=RepairablePage)
        runs = (msgspec.structs.replace(run, run_id=public_run_id(run.run_id)) for run in page.runs)
        return RepairablePage(tuple(runs), page.next_cursor)

    async def repair(self, run_id: str, request: RepairRun) -> RepairedRun:
        path = path_of("runs", run_key(request.workspace_id, run_id), "repair")
        repaired = await self._jobs.call("POST", path, body=request, returns=RepairedRun)
        return RepairedRun(by_public_id(repaired.run), repaired.is_repeated)

    async def resume_map(
        self, workspace_id: str, workflow_id: str, *, before: int, after: int, trigger: Trigger
    ) -> ResumeMap:
        versions = {"from": str(before), "to": str(after), "trigger": trigger.value}
        path = path_of("workflows", workflow_id, "resume-map", workspace_id=workspace_id, **versions)
        return await self._deployments.call("GET", path, returns=ResumeMap)
