"""Workflows whose draft differs from the live version, found with one call for a whole workspace."""

import pytest
from tests.support.deploy import DeployCaller, state

from deploy_service.application import modifications
from shared.contracts import deployments as contracts


async def modified(gateway: DeployCaller, workspace: str = "ws") -> list[str]:
    path = f"/internal/workflows/modified?workspace_id={workspace}"
    return list((await gateway.http.call("GET", path, returns=contracts.ModifiedWorkflows)).workflow_ids)


async def test_only_deployed_workflows_with_another_draft_are_modified(gateway: DeployCaller) -> None:
    unchanged, changed, never_deployed = [await gateway.create(state("return 1")) for _ in range(3)]
    for workflow in (unchanged, changed):
        await gateway.deploy(workflow.id)
    for workflow in (changed, never_deployed):
        await gateway.save(workflow.id, state("return 2"))
    assert await modified(gateway) == [changed.id]
    await gateway.deploy(changed.id)
    assert await modified(gateway) == []


async def test_a_moved_block_is_not_a_modification(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    await gateway.deploy(workflow.id)
    await gateway.save(workflow.id, state(moved=10))
    assert await modified(gateway) == []


async def test_workflows_of_other_workspaces_are_not_listed(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state("return 1"))
    await gateway.deploy(workflow.id)
    await gateway.save(workflow.id, state("return 2"))
    assert await modified(gateway, "other") == []


async def test_workflows_of_every_page_are_compared(gateway: DeployCaller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modifications, "PAGE", 2)
    made = [await gateway.create(state("return 1")) for _ in range(5)]
    for workflow in made:
        await gateway.deploy(workflow.id)
        await gateway.save(workflow.id, state("return 2"))
    assert await modified(gateway) == [workflow.id for workflow in made]
