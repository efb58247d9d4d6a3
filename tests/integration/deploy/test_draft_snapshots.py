"""The state of a draft run is stored apart from versions, for as long as the run may take, and its worker finds it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.deploy import DeployCaller, at, state

from deploy_service.bootstrap import open_store
from deploy_service.settings import DeploySettings
from shared.contracts.deployments import DraftSnapshot, SnapshotDraft


async def snapshot_draft(gateway: DeployCaller, workflow_id: str, order: SnapshotDraft) -> DraftSnapshot:
    path = at(workflow_id, "draft/snapshot")
    return await gateway.http.call("POST", path, body=order, returns=DraftSnapshot)


async def test_the_draft_can_be_run_without_a_version(gateway: DeployCaller, executor: DeployCaller) -> None:
    workflow = await gateway.create(state("return 1"))
    snapshot = await snapshot_draft(gateway, workflow.id, SnapshotDraft())
    document = await executor.http.fetch("GET", f"/internal/snapshots/ws/{snapshot.snapshot_hash}")
    assert b"return 1" in document
    assert await gateway.numbers(workflow.id) == []
    assert (await snapshot_draft(gateway, workflow.id, SnapshotDraft())).snapshot_hash == snapshot.snapshot_hash


async def test_another_state_can_be_run_and_leaves_the_draft_alone(
    gateway: DeployCaller, executor: DeployCaller
) -> None:
    workflow = await gateway.create(state("return 1"))
    other = state("return 2")
    other["blocks"]["ask"] = {"id": "ask", "type": "agent", "name": "Ask", "subBlocks": {}, "enabled": True}
    snapshot = await snapshot_draft(gateway, workflow.id, SnapshotDraft(other))
    assert snapshot.text_block_ids == ("ask",)
    assert b"return 2" in await executor.http.fetch("GET", f"/internal/snapshots/ws/{snapshot.snapshot_hash}")
    assert (await gateway.draft(workflow.id)).state["blocks"]["fn"]["subBlocks"]["code"]["value"] == "return 1"


ASKS = {"type": "human_in_the_loop", "subBlocks": {}}
WAITS = {"type": "wait", "subBlocks": {"async": {"id": "async", "type": "switch", "value": True}}}
CALLED = {"type": "short-input", "value": "w2"}
CALLS = {"type": "workflow", "subBlocks": {"workflowId": {"id": "workflowId", **CALLED}}}
CALLS_BY_ID = {"type": "workflow_input", "subBlocks": {"manualWorkflowId": {"id": "manualWorkflowId", **CALLED}}}


@pytest.mark.parametrize(("block", "days"), [(None, 1), (ASKS, 365), (WAITS, 365), (CALLS, 365), (CALLS_BY_ID, 365)])
async def test_it_is_stored_for_a_day_or_longer_if_the_run_may_wait_longer(
    gateway: DeployCaller, settings: DeploySettings, block: dict[str, Any] | None, days: int
) -> None:
    workflow, other = await gateway.create(state()), state()
    if block is not None:
        other["blocks"]["b"] = {"id": "b", "name": "B", "enabled": True, "position": {"x": 0, "y": 0}, **block}
    await snapshot_draft(gateway, workflow.id, SnapshotDraft(other))
    store = open_store(settings)
    (document,) = await store.collection("ephemeral_snapshots").find().to_list()
    await store.stop()
    left = document["expires_at"] - datetime.now(UTC)
    assert (left > timedelta(days=days)) is (block is not None)
