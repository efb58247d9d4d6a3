"""Saving drafts: a stale save overwrites nothing, and drafts have a maximum size."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from tests.support.deploy import DeployCaller, at, deploy_service, settings_for, state

from deploy_service.application import drafts
from deploy_service.domain import content
from deploy_service.settings import DeploySettings
from shared.clients.deploy.workflows import HttpDeployClient
from shared.contracts import deployments as contracts
from shared.errors import Conflict, InvalidRequest, InvalidWorkflow, NotFound, PayloadTooLarge
from shared.workflow.format.reader import read_state
from shared.workflow.format.structure import structure_problems


async def test_a_save_that_names_an_old_revision_is_refused_with_both_revisions(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state("return 1"))
    saved = await gateway.save(workflow.id, state("return 2"), expected=1)
    assert saved.revision == 2
    with pytest.raises(Conflict) as refused:
        await gateway.save(workflow.id, state("return 3"), expected=1)
    assert refused.value.details == {"expectedRevision": 1, "currentRevision": 2}
    assert (await gateway.draft(workflow.id)).state == state("return 2")


async def test_a_save_whose_response_was_lost_may_be_repeated(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    await gateway.save(workflow.id, state("return 2"), expected=1)
    again = await gateway.save(workflow.id, state("return 2"), expected=1)
    draft = await gateway.draft(workflow.id)
    assert (draft.revision, draft.state) == (again.revision, state("return 2"))


async def test_the_revision_is_read_without_the_draft(gateway: DeployCaller) -> None:
    service = HttpDeployClient(gateway.http)
    workflow = await gateway.create(state("return 1"))
    saved = await service.save_draft("ws", workflow.id, contracts.SaveDraft(state=state("return 2")))
    assert await service.draft_revision("ws", workflow.id) == saved
    for workspace_id, workflow_id in (("other", workflow.id), ("ws", "never")):
        with pytest.raises(NotFound):
            await service.draft_revision(workspace_id, workflow_id)


async def test_a_save_without_a_revision_replaces_any_draft(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    for number in range(3):
        await gateway.save(workflow.id, state(f"return {number}"))
    draft = await gateway.draft(workflow.id)
    assert (draft.revision, draft.state) == (4, state("return 2"))


async def test_one_of_many_saves_of_the_same_revision_wins(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    saves = [gateway.save(workflow.id, state(f"return {number}"), expected=1) for number in range(20)]
    results = await asyncio.gather(*saves, return_exceptions=True)
    won = [result for result in results if isinstance(result, contracts.DraftSaved)]
    assert [result.revision for result in won] == [2]
    assert sum(isinstance(result, Conflict) for result in results) == 19


async def test_an_invalid_workflow_is_refused_and_the_draft_stays(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    states: list[dict[str, Any]] = [{}, {"blocks": []}, {"blocks": {"a": {"id": "b"}}, "edges": [{}]}]
    for bad in states:
        with pytest.raises(InvalidWorkflow) as refused:
            await gateway.save(workflow.id, bad)
        assert refused.value.details
    assert (await gateway.draft(workflow.id)).revision == 1


async def test_an_incomplete_draft_is_saved_and_its_problems_are_reported(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    draft = state()
    del draft["blocks"]["start"]
    await gateway.save(workflow.id, draft)
    found = await gateway.http.call("GET", at(workflow.id, "problems"), returns=contracts.Problems)
    assert "no_start_block" in {problem.code for problem in found.errors}


async def test_saving_changes_the_draft_but_not_the_endpoint(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    saved = await gateway.save(workflow.id, state("return 2"))
    found = await gateway.http.call("GET", at(workflow.id), returns=contracts.Workflow)
    assert found.updated_at == saved.saved_at
    assert found.endpoint == workflow.endpoint


async def test_a_draft_of_no_workflow_is_not_saved(gateway: DeployCaller) -> None:
    with pytest.raises(NotFound):
        await gateway.save("nothing", state())


async def test_a_body_that_is_not_json_or_nested_without_end_is_refused(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state())
    for body in (b"{", b"", b"[]", b'{"state": 1}', b"\xff", b'{"state":{"blocks":' + b"[" * 100_000):
        with pytest.raises(InvalidRequest):
            await gateway.http.call("PUT", at(workflow.id, "draft"), body=body)


class TestLimits:
    @pytest.fixture
    async def small(self, mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[DeployCaller]:
        async with deploy_service(settings_for(mongodb_uri, mongodb_prefix, workflow_limit_bytes=2_048)) as caller:
            yield caller

    async def test_a_state_over_the_limit_is_refused(self, small: DeployCaller) -> None:
        workflow = await small.create(state())
        with pytest.raises(PayloadTooLarge, match="2048"):
            await small.save(workflow.id, state("x" * 2_048))
        assert (await small.draft(workflow.id)).revision == 1

    async def test_a_body_is_read_no_further_than_its_limit(self, small: DeployCaller) -> None:
        with pytest.raises(PayloadTooLarge):
            await small.create(state("x" * 10_000))


async def test_a_body_without_a_length_is_counted_too(app: FastAPI, settings: DeploySettings) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 2**20

    headers = {"authorization": "Bearer gateway-token"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://deploy") as http:
        answer = await http.post("/internal/workflows", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["code"] == "PAYLOAD_TOO_LARGE"


async def test_a_state_larger_than_a_store_document_is_stored(gateway: DeployCaller) -> None:
    large = state()
    text = {"id": "v", "name": "text", "type": "plain", "value": "spam and eggs " * 1_300_000}
    large["variables"] = {"v": text}  # as code, parsing would take most of the test
    workflow = await gateway.create(large)
    await gateway.deploy(workflow.id)
    assert (await gateway.draft(workflow.id)).state == large


async def test_a_state_that_the_store_cannot_encode_is_refused(gateway: DeployCaller) -> None:
    printable = bytes(byte for byte in range(33, 127) if byte not in b'"\\')
    noise = random.Random(1).randbytes(20_900_000).translate((printable * 3)[:256]).decode()
    with pytest.raises(PayloadTooLarge, match="compressed"):
        await gateway.create(state(noise))


async def test_states_are_read_outside_the_event_loop(gateway: DeployCaller, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of 20 MiB takes a quarter of a second, for which every other call would wait."""
    threads: list[int] = []

    def recorded(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(value: Any) -> Any:
            threads.append(threading.get_ident())
            return read(value)

        return call

    monkeypatch.setattr(content, "structure_problems", recorded(structure_problems))
    monkeypatch.setattr(drafts, "read_state", recorded(read_state))
    workflow = await gateway.create(state("return 1"))
    await gateway.save(workflow.id, state("return 2"))
    order = contracts.SnapshotDraft(state("return 3"))
    await gateway.http.call("POST", at(workflow.id, "draft/snapshot"), body=order)
    assert len(threads) == 4
    assert threading.get_ident() not in threads
