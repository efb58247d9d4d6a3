"""Workflows of authors: created, imported, listed, renamed, exported, archived."""

import json
from typing import Any

import pytest
from tests.support.deploy import DeployCaller, at, state

from deploy_service.bootstrap import open_store
from deploy_service.settings import DeploySettings
from shared.clients.deploy.workflows import HttpDeployClient
from shared.contracts import deployments as contracts
from shared.errors import InvalidRequest, InvalidWorkflow, NotFound
from shared.workflow.diff.version_diff import needs_redeployment


async def imported(gateway: DeployCaller, workflow: Any, **fields: Any) -> contracts.Workflow:
    body = contracts.ImportWorkflow(workspace_id="ws", workflow=workflow, **fields)
    return await gateway.http.call("POST", "/internal/workflows/import", body=body, returns=contracts.Workflow)


async def page(gateway: DeployCaller, **query: str) -> contracts.WorkflowPage:
    pairs = {"workspace_id": "ws", **query}
    path = "/internal/workflows?" + "&".join(f"{name}={value}" for name, value in pairs.items())
    return await gateway.http.call("GET", path, returns=contracts.WorkflowPage)


async def test_a_new_workflow_is_found_with_an_empty_draft(gateway: DeployCaller) -> None:
    created = await gateway.create(name="  Greeter ")
    assert created.name == "Greeter"
    found = await gateway.http.call("GET", at(created.id), returns=contracts.Workflow)
    assert found == created
    draft = await gateway.draft(created.id)
    assert draft.revision == 1
    assert draft.state["blocks"] == {}


@pytest.mark.parametrize("wrap", ["envelope", "state", "bare", "text"])
async def test_every_form_of_a_file_is_imported(gateway: DeployCaller, wrap: str) -> None:
    described = {**state(), "metadata": {"name": "From file", "description": "said there"}}
    forms: dict[str, Any] = {
        "envelope": {"version": "1.0", "workflow": {"id": "x", "name": "From file"}, "state": described},
        "state": {"state": described},
        "bare": described,
        "text": json.dumps({"data": {"state": described}}),
    }
    workflow = await imported(gateway, forms[wrap])
    assert (workflow.name, workflow.description) == ("From file", "said there")
    assert set((await gateway.draft(workflow.id)).state["blocks"]) == {"start", "fn"}
    renamed = await imported(gateway, forms[wrap], name="Mine", description="")
    assert (renamed.name, renamed.description) == ("Mine", "")


@pytest.mark.parametrize(
    "file",
    [
        {"blocks": {"a": {"id": "a"}}},
        {"nothing": "here"},
        "not json",
        "[" * 100_000,
        json.dumps({"blocks": {"a": {"id": "a", "type": "x\ud800", "name": "n"}}, "edges": []}),
        [1, 2],
        None,
    ],
    ids=["broken", "foreign", "text", "deep", "half a character", "list", "null"],
)
async def test_an_invalid_file_is_refused_with_its_problems_and_nothing_is_stored(
    gateway: DeployCaller, settings: DeploySettings, file: Any
) -> None:
    with pytest.raises(InvalidWorkflow) as refused:
        await imported(gateway, file)
    assert refused.value.details
    assert (await page(gateway)).workflows == ()
    store = open_store(settings)
    assert await store.collection("drafts").find_one() is None
    await store.stop()


async def test_a_workflow_without_a_good_name_is_refused(gateway: DeployCaller) -> None:
    for name in ("", "   ", "x" * 201):
        with pytest.raises(InvalidRequest):
            await gateway.create(name=name)


async def test_lists_are_paginated_without_gaps_or_repetitions(gateway: DeployCaller) -> None:
    created = [(await gateway.create(name=f"n{number}")).id for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        found = await page(gateway, limit="3", **({"cursor": cursor} if cursor else {}))
        seen += [workflow.id for workflow in found.workflows]
        cursor = found.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(created)
    assert len(seen) == 7


async def test_a_filter_lists_only_deployed_workflows(gateway: DeployCaller) -> None:
    await gateway.create(state())
    live = await gateway.create(state())
    await gateway.deploy(live.id)
    assert [workflow.id for workflow in (await page(gateway, deployed_only="true")).workflows] == [live.id]


async def test_a_filter_lists_only_the_workflows_of_a_folder(gateway: DeployCaller) -> None:
    await gateway.create()
    inside = await imported(gateway, state(), folder_id="F1")
    assert [workflow.id for workflow in (await page(gateway, folder_id="F1")).workflows] == [inside.id]


@pytest.mark.parametrize("cursor", ["!!!", "%C3%A9", "a", "////", "eyJhIjoxfQ"])
async def test_an_invalid_cursor_is_refused(gateway: DeployCaller, cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        await page(gateway, cursor=cursor)


async def test_an_impossible_limit_or_a_missing_workspace_is_refused(gateway: DeployCaller) -> None:
    with pytest.raises(InvalidRequest):
        await page(gateway, limit="0")
    with pytest.raises(InvalidRequest) as refused:
        await gateway.http.call("GET", "/internal/workflows")
    assert refused.value.details[0]["path"] == ["workspace_id"]


async def test_a_workflow_is_renamed_described_and_moved(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    live = (await gateway.deploy(workflow.id)).endpoint
    update = contracts.UpdateWorkflow(name="New", description="does this", folder_id="f1")
    changed = await gateway.http.call("PATCH", at(workflow.id), body=update, returns=contracts.Workflow)
    assert (changed.name, changed.description, changed.folder_id) == ("New", "does this", "f1")
    nowhere = contracts.UpdateWorkflow(folder_id=None)
    moved = await gateway.http.call("PATCH", at(workflow.id), body=nowhere, returns=contracts.Workflow)
    assert (moved.name, moved.folder_id) == ("New", None)
    assert moved.endpoint.revision > live.revision
    assert moved.endpoint.snapshot_hash == live.snapshot_hash


async def test_archiving_a_workflow_removes_it_and_its_endpoint(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    await gateway.deploy(workflow.id)
    await gateway.http.call("DELETE", at(workflow.id))
    assert (await page(gateway)).workflows == ()
    with pytest.raises(NotFound):
        await gateway.endpoint(workflow.id)
    with pytest.raises(NotFound):
        await gateway.deploy(workflow.id)
    with pytest.raises(NotFound):
        await gateway.http.call("DELETE", at(workflow.id))


async def test_archived_workflows_can_be_permanently_deleted_by_their_workspace(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    service = HttpDeployClient(gateway.http)
    await gateway.http.call("DELETE", at(workflow.id))
    await service.require_stored("ws", workflow.id)
    for workspace_id, workflow_id in (("other", workflow.id), ("ws", "never")):
        with pytest.raises(NotFound):
            await service.require_stored(workspace_id, workflow_id)


async def test_another_workspace_sees_nothing_and_changes_nothing(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    before = (await gateway.deploy(workflow.id)).endpoint
    deploy = contracts.Deploy(actor_id="m", actor_name="M")
    calls: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PATCH", "", contracts.UpdateWorkflow(name="taken")),
        ("DELETE", "", None),
        ("GET", "draft", None),
        ("PUT", "draft", contracts.SaveDraft(state=state("return 'evil'"))),
        ("GET", "problems", None),
        ("POST", "deploy", deploy),
        ("GET", "versions", None),
        ("GET", "versions/1", None),
        ("PATCH", "versions/1", contracts.UpdateVersion(name="taken")),
        ("POST", "versions/1/promote", None),
        ("POST", "versions/1/load", None),
        ("DELETE", "deployment", None),
        ("PATCH", "access", contracts.UpdateAccess(is_public=True)),
        ("GET", "status", None),
        ("GET", "diff", None),
        ("GET", "export", None),
        ("GET", "endpoint", None),
    ]
    for method, path, body in calls:
        with pytest.raises(NotFound):
            await gateway.http.call(method, at(workflow.id, path, "other"), body=body)
    assert await gateway.endpoint(workflow.id) == before
    assert await gateway.numbers(workflow.id) == [1]
    assert (await gateway.draft(workflow.id)).state == state()


async def test_an_exported_workflow_can_be_imported_again(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state(), name="Round trip")
    file = await gateway.http.call("GET", at(workflow.id, "export"), returns=dict)
    assert file["version"] == "1.0"
    assert file["workflow"]["id"] == workflow.id
    again = await imported(gateway, file)
    assert again.id != workflow.id
    assert again.name == "Round trip"
    assert (await gateway.draft(again.id)).state == state()


async def test_a_workflow_exported_as_yaml_can_be_imported_again(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state(), name="Round trip")
    text = (await gateway.http.fetch("GET", at(workflow.id, "export/yaml"))).decode()
    assert text.startswith("name: Round trip\n")
    again = await imported(gateway, text)
    assert not needs_redeployment((await gateway.draft(again.id)).state, state())
    plain = await gateway.http.fetch("GET", at(workflow.id, "export/yaml", layout="false"))
    assert b"layout:" not in plain


async def test_the_order_of_blocks_survives_draft_snapshot_and_version(
    gateway: DeployCaller, executor: DeployCaller
) -> None:
    turned = state()
    turned["blocks"] = dict(reversed(turned["blocks"].items()))
    workflow = await gateway.create(turned)
    deployed = await gateway.deploy(workflow.id)
    assert list((await gateway.draft(workflow.id)).state["blocks"]) == ["fn", "start"]
    raw = await executor.http.fetch("GET", f"/internal/snapshots/ws/{deployed.endpoint.snapshot_hash}")
    assert list(json.loads(raw)["blocks"]) == ["fn", "start"]
    straight = await gateway.create(state())
    assert (await gateway.deploy(straight.id)).endpoint.snapshot_hash != deployed.endpoint.snapshot_hash
