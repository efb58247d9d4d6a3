"""Permanent deletion of workflows and workspaces."""

import asyncio

import pytest
from tests.support.eventually import eventually
from tests.support.gateway.system import System
from tests.support.gateway.worker import ends, outcome

from gateway.deletion.service import PURGE_PERIOD
from shared.contracts.erasure import Erase

SETTLED_SECONDS = 3600


async def test_a_workflow_is_deleted_in_every_service_until_nothing_is_left(system: System) -> None:
    system.deployments.left, system.jobs.left = 3, 5
    answer = await system.send("DELETE", "/api/workspaces/WS1/workflows/W")
    assert answer.status == 202
    assert answer.json["erasure"]["status"] == "erasing"
    await eventually(lambda: system.tenants.under_way["WS1/W"].emptied_at is not None)
    (row,) = (await system.send("GET", "/api/workspaces/WS1/erasures")).json["erasures"]
    assert (row["status"], row["workflowId"], row["documents"]) == ("settling", "W", 8)
    assert {(each.workspace_id, each.workflow_id) for each in system.jobs.requests} == {("WS1", "W")}
    assert system.tenants.closed == []


async def test_an_admin_key_for_some_workflows_deletes_no_other(system: System) -> None:
    system.deployments.put("V")
    limited = system.tenants.issue(workflow_ids=("W",))
    statuses = [
        (await system.send("DELETE", f"/api/workspaces/WS1{rest}", key=limited)).status
        for rest in ("/workflows/V", "", "/workflows/W")
    ]
    assert statuses == [403, 403, 202]
    assert list(system.tenants.under_way) == ["WS1/W"]


@pytest.mark.parametrize("workflow_id", ["never", "..", "foreign"])
async def test_a_workflow_of_another_workspace_is_not_deleted(system: System, workflow_id: str) -> None:
    system.deployments.put("foreign", workspace_id="WS2")
    answer = await system.send("DELETE", f"/api/workspaces/WS1/workflows/{workflow_id}")
    assert answer.status == 404
    assert not system.tenants.under_way
    assert not system.audit.entries


async def test_an_archived_workflow_is_deleted_and_the_request_is_idempotent(system: System) -> None:
    assert (await system.send("DELETE", "/api/workflows/W")).status == 200
    assert (await system.send("DELETE", "/api/workspaces/WS1/workflows/W")).status == 202
    system.deployments.archived.clear()
    assert (await system.send("DELETE", "/api/workspaces/WS1/workflows/W")).status == 202


async def test_data_of_calls_in_progress_is_deleted_once_they_have_ended(system: System) -> None:
    await system.send("DELETE", "/api/workspaces/WS1/workflows/W")
    await eventually(lambda: system.tenants.under_way["WS1/W"].emptied_at is not None)
    rounds = len(system.jobs.requests)
    system.jobs.left = 1
    system.clock.advance(SETTLED_SECONDS)
    await eventually(lambda: system.tenants.under_way["WS1/W"].due_at is None)
    assert len(system.jobs.requests) == rounds + 1
    assert system.tenants.under_way["WS1/W"].documents == 1


async def test_stored_answers_are_deleted_with_their_workflow(system: System) -> None:
    system.worker.script, system.jobs.inline_limit = ends(outcome({"text": "x" * 100})), 50
    await system.execute({}, headers={"Idempotency-Key": "once"})
    assert system.calls.records
    await system.send("DELETE", "/api/workspaces/WS1/workflows/W")
    await eventually(lambda: not system.calls.records)
    assert Erase("WS1", "W", ("blob1",)) in system.jobs.requests


async def test_a_workspace_refuses_access_before_its_deletion_is_answered(system: System) -> None:
    system.deployments.left = 1
    assert (await system.send("DELETE", "/api/workspaces/WS1")).status == 202
    assert "WS1" in system.tenants.closed
    await eventually(lambda: system.tenants.deleted == ["WS1"])
    assert (system.audit.entries[-1].action, system.audit.entries[-1].target_id) == ("workspace.erased", "WS1")


async def test_the_first_workspace_stays(system: System) -> None:
    system.tenants.first = "WS1"
    answer = await system.send("DELETE", "/api/workspaces/WS1")
    assert (answer.status, answer.json["error"]) == (409, "The first workspace cannot be deleted")
    await asyncio.sleep(0)
    assert not system.tenants.under_way


async def test_a_failing_deletion_delays_no_other_and_continues_once_it_can(system: System) -> None:
    system.deployments.put("V")
    system.jobs.breaks_at = Erase("WS1", "W")
    for workflow_id in ("W", "V"):
        assert (await system.send("DELETE", f"/api/workspaces/WS1/workflows/{workflow_id}")).status == 202
    await eventually(lambda: system.tenants.under_way["WS1/V"].emptied_at is not None)
    assert system.tenants.under_way["WS1/W"].emptied_at is None
    system.jobs.breaks_at = None
    await eventually(lambda: system.tenants.under_way["WS1/W"].emptied_at is not None)


async def test_a_deleted_workflow_is_listed_and_restored(system: System) -> None:
    await system.send("DELETE", "/api/workflows/W")
    (row,) = (await system.send("GET", "/api/workspaces/WS1/workflows/deleted")).json["data"]
    assert (row["id"], row["restorableUntil"], row["liveVersion"]) == ("W", "2026-12-24T12:00:00.000Z", 1)
    answer = await system.send("POST", "/api/workspaces/WS1/workflows/W/restore", body={"redeploy": True})
    assert (answer.status, answer.json["data"]["liveVersion"]) == (200, 1)
    assert (await system.execute({})).status == 200
    assert (await system.send("GET", "/api/workspaces/WS1/workflows/deleted")).json == {"data": []}
    entry = system.audit.entries[-1]
    assert (entry.action, entry.target_id, entry.after) == ("workflow.restored", "W", {"version": 1})


async def test_a_restored_workflow_is_not_deployed_unless_requested(system: System) -> None:
    await system.send("DELETE", "/api/workflows/W")
    answer = await system.send("POST", "/api/workspaces/WS1/workflows/W/restore")
    assert answer.json["data"]["liveVersion"] is None
    assert (await system.send("GET", "/api/workflows/W/deploy")).json["isDeployed"] is False


async def test_a_key_for_some_workflows_lists_and_restores_no_other(system: System) -> None:
    system.deployments.put("V")
    for workflow_id in ("W", "V"):
        await system.send("DELETE", f"/api/workflows/{workflow_id}")
    limited = system.tenants.issue(workflow_ids=("W",))
    found = await system.send("GET", "/api/workspaces/WS1/workflows/deleted", key=limited)
    assert [row["id"] for row in found.json["data"]] == ["W"]
    refused = await system.send("POST", "/api/workspaces/WS1/workflows/V/restore", key=limited)
    assert refused.status == 403


async def test_a_key_for_some_workflows_calls_a_restored_one_again(system: System) -> None:
    system.deployments.put("V")
    limited = system.tenants.issue(workflow_ids=("W",))
    await system.send("DELETE", "/api/workflows/W")
    assert (await system.execute({}, key=limited)).status == 404
    await system.send("POST", "/api/workspaces/WS1/workflows/W/restore", body={"redeploy": True})
    statuses = [(await system.execute({}, key=limited, workflow=each)).status for each in ("W", "V")]
    assert statuses == [200, 403]


async def test_a_permanently_deleted_workflow_is_not_restored(system: System) -> None:
    await system.send("DELETE", "/api/workflows/W")
    await system.send("DELETE", "/api/workspaces/WS1/workflows/W")
    assert (await system.send("POST", "/api/workspaces/WS1/workflows/W/restore")).status == 404


async def test_a_workflow_that_can_no_longer_be_restored_is_deleted_permanently(system: System) -> None:
    system.deployments.expired_workflows = (Erase("WS1", "W"),)
    system.clock.advance(PURGE_PERIOD.total_seconds())
    await eventually(lambda: "WS1/W" in system.tenants.under_way)
    (row,) = (await system.send("GET", "/api/workspaces/WS1/erasures")).json["erasures"]
    assert (row["workflowId"], row["requestedBy"]) == ("W", "retention")
