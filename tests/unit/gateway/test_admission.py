"""Admission slots: how many exist, and how many one workspace may hold."""

import asyncio

import pytest
from tests.support.eventually import eventually
from tests.support.gateway.system import running_system
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.worker import Send

from gateway.access.models import AdmissionClosed
from gateway.runs.executions import AdmissionGate
from shared.contracts.runs import RunSpec


def test_a_workspace_takes_at_most_its_share_of_slots() -> None:
    gate = AdmissionGate(10, per_workspace=2)
    gate.admit_to("A")
    gate.admit_to("A")
    with pytest.raises(AdmissionClosed):
        gate.admit_to("A")
    gate.admit_to("B")
    gate.leave_workspace("A")
    gate.admit_to("A")


async def test_a_flood_to_one_workspace_leaves_room_for_others() -> None:
    async def never_ends(run: RunSpec, send: Send) -> None:
        """Log nothing."""

    async with running_system(workspace_max_inflight=3, admission_gate_max_inflight=5) as system:
        system.deployments.put("O", workspace_id=OTHER.id)
        key = system.tenants.issue(OTHER)
        system.worker.perform = never_ends
        flood = [system.execute_call({}) for _ in range(3)]
        await eventually(lambda: len(system.worker.runs) == 3)
        refused = await system.execute({})
        assert (refused.status, refused.json["code"]) == (429, "ADMISSION_GATE_CAPACITY")
        assert (refused.headers["retry-after"], refused.headers["x-ratelimit-remaining"]) == ("5", "97")
        system.worker.perform = None
        assert (await system.execute({}, workflow="O", key=key)).status == 200
        await asyncio.gather(*(call.disconnect() for call in flood))
        assert (await system.execute({})).status == 200
