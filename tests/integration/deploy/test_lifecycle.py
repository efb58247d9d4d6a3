"""Effects of deploy, promote, load and undeploy."""

import pytest
from tests.support.deploy import DeployCaller, at, state

from shared.contracts import deployments as contracts
from shared.errors import ContentChanged, InvalidRequest, InvalidWorkflow, NotDeployed, NotFound, PreconditionFailed


async def test_a_first_deploy_makes_version_1_and_makes_it_live(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    assert not workflow.endpoint.is_deployed
    deployed = await gateway.deploy(workflow.id, name=" First ", description="the very first")
    assert (deployed.version.number, deployed.version.is_live, deployed.unchanged) == (1, True, False)
    assert (deployed.version.name, deployed.version.description) == ("First", "the very first")
    assert (deployed.version.created_by, deployed.version.deployed_by) == ("member-1", "Ann")
    endpoint = await gateway.endpoint(workflow.id)
    assert endpoint == deployed.endpoint
    assert endpoint.is_deployed
    assert (endpoint.version, endpoint.version_id) == (1, deployed.version.id)
    assert endpoint.snapshot_hash == deployed.version.snapshot_hash


async def test_a_deploy_that_names_a_revision_publishes_no_other(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state("return 1"))
    seen = await gateway.draft(workflow.id)
    saved = await gateway.save(workflow.id, state("return 2"))
    with pytest.raises(PreconditionFailed) as refused:
        await gateway.deploy(workflow.id, expected=seen.revision)
    assert refused.value.details == {"expectedRevision": 1, "currentRevision": 2}
    assert await gateway.numbers(workflow.id) == []
    assert (await gateway.deploy(workflow.id, expected=saved.revision)).version.number == 1


async def test_a_deploy_that_names_a_content_publishes_no_other(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state("return 1"))
    path = at(workflow.id, "draft/snapshot")
    checked = await gateway.http.call("POST", path, body=contracts.SnapshotDraft(), returns=contracts.DraftSnapshot)
    await gateway.save(workflow.id, state("return 2"))
    with pytest.raises(ContentChanged):
        await gateway.deploy(workflow.id, content=checked.snapshot_hash)
    assert await gateway.numbers(workflow.id) == []
    await gateway.save(workflow.id, state("return 1"))
    deployed = await gateway.deploy(workflow.id, content=checked.snapshot_hash)
    assert deployed.version.snapshot_hash == checked.snapshot_hash


async def test_a_deploy_reports_triggers_without_effect(gateway: DeployCaller) -> None:
    document = state()
    document["blocks"]["daily"] = {"id": "daily", "type": "schedule", "name": "Every Morning", "subBlocks": {}}
    deployed = await gateway.deploy((await gateway.create(document)).id)
    assert deployed.endpoint.is_deployed
    assert [each for each in deployed.warnings if 'Nothing will fire "Every Morning"' in each]


async def test_promoting_an_old_version_reports_triggers_without_effect(gateway: DeployCaller) -> None:
    document = state()
    document["blocks"]["daily"] = {"id": "daily", "type": "schedule", "name": "Every Morning", "subBlocks": {}}
    workflow = await gateway.create(document)
    deployed = await gateway.deploy(workflow.id)
    await gateway.save(workflow.id, state())
    assert (await gateway.deploy(workflow.id)).warnings == ()
    assert (await gateway.promote(workflow.id, 1)).warnings == deployed.warnings
    assert (await gateway.promote(workflow.id, 2)).warnings == ()


async def test_api_calls_run_the_snapshot_and_not_the_draft(gateway: DeployCaller, executor: DeployCaller) -> None:
    workflow = await gateway.create(state("return 'old'"))
    deployed = await gateway.deploy(workflow.id)
    await gateway.save(workflow.id, state("return 'new'"))
    path = f"/internal/snapshots/ws/{deployed.endpoint.snapshot_hash}"
    snapshot = await executor.http.call("GET", path, returns=dict)
    assert snapshot["blocks"]["fn"]["subBlocks"]["code"]["value"] == "return 'old'"


async def test_deploying_an_unchanged_draft_records_a_version_and_reports_it(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    first = await gateway.deploy(workflow.id)
    again = await gateway.deploy(workflow.id)
    assert again.unchanged
    assert again.version.number == 2
    assert again.version.snapshot_hash == first.version.snapshot_hash


async def test_the_same_content_is_stored_once_per_workspace(gateway: DeployCaller) -> None:
    one, other = await gateway.create(state()), await gateway.create(state())
    foreign = await gateway.create(state(), workspace="other")
    hashes = [(await gateway.deploy(each.id)).version.snapshot_hash for each in (one, other)]
    hashes.append((await gateway.deploy(foreign.id, workspace="other")).version.snapshot_hash)
    assert len(set(hashes)) == 1


async def test_promote_makes_an_older_version_live_without_a_new_one(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state("return 1"))
    first = await gateway.deploy(workflow.id)
    await gateway.save(workflow.id, state("return 2"))
    second = await gateway.deploy(workflow.id)
    promoted = await gateway.promote(workflow.id, 1)
    assert promoted.version.is_live
    assert promoted.version.id == first.version.id
    assert promoted.endpoint.snapshot_hash == first.version.snapshot_hash
    assert promoted.endpoint.revision > second.endpoint.revision
    assert await gateway.numbers(workflow.id) == [2, 1]
    page = await gateway.http.call("GET", at(workflow.id, "versions"), returns=contracts.VersionPage)
    assert [version.is_live for version in page.versions] == [False, True]


async def test_promoting_the_live_version_changes_nothing(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    await gateway.deploy(workflow.id)
    promoted = await gateway.promote(workflow.id, 1)
    assert promoted.unchanged
    assert promoted.version.is_live


async def test_numbers_are_never_given_twice_even_after_undeploy(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    await gateway.deploy(workflow.id)
    await gateway.promote(workflow.id, 1)
    await gateway.http.call("DELETE", at(workflow.id, "deployment"))
    assert (await gateway.deploy(workflow.id)).version.number == 2


async def test_undeploy_keeps_versions_and_access_mode(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    await gateway.deploy(workflow.id)
    await gateway.http.call("PATCH", at(workflow.id, "access"), body=contracts.UpdateAccess(is_public=True))
    endpoint = await gateway.http.call("DELETE", at(workflow.id, "deployment"), returns=contracts.Endpoint)
    assert not endpoint.is_deployed
    assert endpoint.is_public
    assert endpoint.deployed_at is None
    assert await gateway.numbers(workflow.id) == [1]
    with pytest.raises(NotDeployed):
        await gateway.http.call("DELETE", at(workflow.id, "deployment"))
    assert (await gateway.promote(workflow.id, 1)).endpoint.is_deployed


@pytest.mark.parametrize("word", ["1", "active"])
async def test_a_version_can_be_loaded_back_into_the_draft(gateway: DeployCaller, word: str) -> None:
    workflow = await gateway.create(state("return 'kept'"))
    live = (await gateway.deploy(workflow.id)).endpoint
    saved = await gateway.save(workflow.id, state("return 'lost'"))
    loaded = await gateway.http.call("POST", at(workflow.id, f"versions/{word}/load"), returns=contracts.DraftSaved)
    draft = await gateway.draft(workflow.id)
    assert loaded.revision == draft.revision == saved.revision + 1
    assert draft.state == state("return 'kept'")
    assert await gateway.endpoint(workflow.id) == live


async def test_missing_versions_cannot_be_loaded_or_promoted(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    with pytest.raises(NotFound):
        await gateway.promote(workflow.id, 1)
    with pytest.raises(NotFound):
        await gateway.http.call("POST", at(workflow.id, "versions/7/load"))
    with pytest.raises(NotDeployed):
        await gateway.http.call("POST", at(workflow.id, "versions/active/load"))
    for word in ("0", "-1", "x", "²"):
        with pytest.raises(InvalidRequest):
            await gateway.http.call("POST", at(workflow.id, f"versions/{word}/load"))
    with pytest.raises(NotFound):
        await gateway.http.call("POST", at(workflow.id, "versions/0/promote"))


async def test_a_deploy_that_is_refused_names_every_problem_and_changes_nothing(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    live = (await gateway.deploy(workflow.id)).endpoint
    broken = state()
    broken["blocks"]["start"]["type"] = "nonsense"
    broken["blocks"]["fn"]["type"] = "rubbish"
    await gateway.save(workflow.id, broken)
    with pytest.raises(InvalidWorkflow) as refused:
        await gateway.deploy(workflow.id)
    codes = {problem["code"] for problem in refused.value.details}
    assert {"no_start_block", "unknown_block_type"} <= codes
    assert {problem.get("block_id") for problem in refused.value.details} >= {"start", "fn"}
    assert await gateway.endpoint(workflow.id) == live
    assert await gateway.numbers(workflow.id) == [1]


async def test_an_empty_workflow_is_not_deployed(gateway: DeployCaller) -> None:
    workflow = await gateway.create()
    with pytest.raises(InvalidWorkflow):
        await gateway.deploy(workflow.id)


async def test_a_version_that_does_not_exist_names_those_that_do(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state("return 1"))
    await gateway.deploy(workflow.id)
    await gateway.deploy(workflow.id)
    with pytest.raises(NotFound) as missing:
        await gateway.promote(workflow.id, 9)
    assert missing.value.message == "Deployment version not found"
    assert missing.value.details == [
        {"path": "version", "message": "Version 9 does not exist. Existing versions: 2, 1"}
    ]


async def test_warnings_do_not_prevent_a_deploy(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state("return <nobody.content>"))
    found = await gateway.http.call("GET", at(workflow.id, "problems"), returns=contracts.Problems)
    assert not found.errors
    assert found.warnings
    deployed = await gateway.deploy(workflow.id)
    assert deployed.warnings == tuple(problem.message for problem in found.warnings)


async def test_a_deploy_that_lists_accepted_warnings_is_refused_for_any_other(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state("return <nobody.content>"))
    with pytest.raises(InvalidWorkflow) as refused:
        await gateway.deploy(workflow.id, accepted_warnings=())
    assert [problem["code"] for problem in refused.value.details] == ["unknown_reference"]
    assert (await gateway.deploy(workflow.id, accepted_warnings=("unknown_reference:fn",))).version.number == 1


async def test_a_version_is_shown_with_its_immutable_state(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state("return 1"))
    await gateway.deploy(workflow.id)
    await gateway.save(workflow.id, state("return 2"))
    await gateway.deploy(workflow.id)
    detail = await gateway.http.call("GET", at(workflow.id, "versions/1"), returns=contracts.VersionDetail)
    assert detail.state == state("return 1")
    assert not detail.version.is_live


async def test_a_version_is_renamed_and_described_and_nothing_else(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    deployed = await gateway.deploy(workflow.id, name="one")
    path = at(workflow.id, "versions/1")
    named = contracts.UpdateVersion(name="  Added memory ", description="why")
    renamed = await gateway.http.call("PATCH", path, body=named, returns=contracts.Version)
    assert (renamed.name, renamed.description) == ("Added memory", "why")
    cleared = await gateway.http.call(
        "PATCH", path, body=contracts.UpdateVersion(description=None), returns=contracts.Version
    )
    assert (cleared.name, cleared.description) == ("Added memory", None)
    assert cleared.snapshot_hash == deployed.version.snapshot_hash
    assert await gateway.endpoint(workflow.id) == deployed.endpoint
    for bad in (contracts.UpdateVersion(name="  "), contracts.UpdateVersion(name="x" * 101)):
        with pytest.raises(InvalidRequest):
            await gateway.http.call("PATCH", path, body=bad)


async def test_versions_are_paginated_newest_first(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    for _ in range(5):
        await gateway.deploy(workflow.id)
    seen: list[int] = []
    before: int | None = None
    while True:
        query = {"limit": "2"} if before is None else {"limit": "2", "before": str(before)}
        page = await gateway.http.call("GET", at(workflow.id, "versions", **query), returns=contracts.VersionPage)
        seen += [version.number for version in page.versions]
        before = page.next_before
        if before is None:
            break
    assert seen == [5, 4, 3, 2, 1]


async def test_moving_a_block_needs_no_redeployment_and_changing_one_does(gateway: DeployCaller) -> None:
    async def needs() -> bool:
        path = at(workflow.id, "status")
        return (await gateway.http.call("GET", path, returns=contracts.DeploymentStatus)).needs_redeployment

    workflow = await gateway.create(state())
    assert not await needs()
    await gateway.deploy(workflow.id)
    assert not await needs()
    await gateway.save(workflow.id, state(moved=50))
    assert not await needs()
    await gateway.save(workflow.id, state("return 2"))
    assert await needs()
    await gateway.deploy(workflow.id)
    await gateway.promote(workflow.id, 1)
    assert await needs()
    await gateway.http.call("DELETE", at(workflow.id, "deployment"))
    assert not await needs()


async def test_two_states_are_compared(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state("return 1"))
    await gateway.deploy(workflow.id)
    await gateway.save(workflow.id, state("return 2"))
    to_draft = await gateway.http.call("GET", at(workflow.id, "diff"), returns=contracts.Diff)
    assert [(change.block_id, change.field) for change in to_draft.changes] == [("fn", "code")]
    await gateway.deploy(workflow.id)
    between = at(workflow.id, "diff", **{"from": "1", "to": "2"})
    assert (await gateway.http.call("GET", between, returns=contracts.Diff)).changes == to_draft.changes
    same = at(workflow.id, "diff", **{"from": "active", "to": "draft"})
    assert (await gateway.http.call("GET", same, returns=contracts.Diff)).changes == ()
