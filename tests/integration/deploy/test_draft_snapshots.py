"""The state of a draft run: kept apart from versions, for a day, and found by whoever runs it."""

from tests.support.deploy import DeployCaller, at, state

from shared.contracts.deployments import DraftSnapshot, SnapshotDraft


async def kept(gateway: DeployCaller, workflow_id: str, order: SnapshotDraft) -> DraftSnapshot:
    path = at(workflow_id, "draft/snapshot")
    return await gateway.http.call("POST", path, body=order, returns=DraftSnapshot)


async def test_the_draft_can_be_run_without_a_version(gateway: DeployCaller, executor: DeployCaller) -> None:
    workflow = await gateway.create(state("return 1"))
    snapshot = await kept(gateway, workflow.id, SnapshotDraft())
    document = await executor.http.fetch("GET", f"/internal/snapshots/ws/{snapshot.snapshot_hash}")
    assert b"return 1" in document
    assert await gateway.numbers(workflow.id) == []
    assert (await kept(gateway, workflow.id, SnapshotDraft())).snapshot_hash == snapshot.snapshot_hash


async def test_another_state_can_be_run_and_leaves_the_draft_alone(
    gateway: DeployCaller, executor: DeployCaller
) -> None:
    workflow = await gateway.create(state("return 1"))
    other = state("return 2")
    other["blocks"]["ask"] = {"id": "ask", "type": "agent", "name": "Ask", "subBlocks": {}, "enabled": True}
    snapshot = await kept(gateway, workflow.id, SnapshotDraft(other))
    assert snapshot.text_block_ids == ("ask",)
    assert b"return 2" in await executor.http.fetch("GET", f"/internal/snapshots/ws/{snapshot.snapshot_hash}")
    assert (await gateway.draft(workflow.id)).state["blocks"]["fn"]["subBlocks"]["code"]["value"] == "return 1"
