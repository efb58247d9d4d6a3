"""Repairs of failed runs."""

import msgspec

from shared.clients.calls import ServiceCalls
from shared.clients.jobs.run_keys import by_public_id
from shared.contracts.repairs import FindRepairable, RepairablePage, RepairedRun, RepairRun
from shared.ids import run_key
from shared.web.paths import path_of


class HttpRepairClient(ServiceCalls):
    """Implements RepairClient."""

    async def repairable_runs(self, request: FindRepairable) -> RepairablePage:
        key = None if request.run_id is None else run_key(request.workspace_id, request.run_id)
        body = msgspec.structs.replace(request, run_id=key)
        page = await self._client.call("POST", path_of("repairable-runs"), body=body, returns=RepairablePage)
        return RepairablePage(tuple(map(by_public_id, page.runs)), page.next_cursor)

    async def repair(self, run_id: str, request: RepairRun) -> RepairedRun:
        path = path_of("runs", run_key(request.workspace_id, run_id), "repair")
        repaired = await self._client.call("POST", path, body=request, returns=RepairedRun)
        return RepairedRun(by_public_id(repaired.run), repaired.is_repeated)
