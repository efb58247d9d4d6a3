"""A workflow calls another one that is deployed in its workspace: in one run, in every mode, the live version."""

from collections.abc import AsyncIterator

import pytest
from tests.support.public_api import JsonObject, PublicApi
from tests.support.workflow_states import block, chain, start


def file(name: str, state: JsonObject) -> JsonObject:
    """Return a workflow as a file to import."""
    return {"version": "1.0", "state": {**state, "metadata": {"name": name}}}


def doubling(factor: str) -> JsonObject:
    code = f"return <start.n> * {factor}"
    return file("Times", chain(start({"name": "n", "type": "number"}), block("f", "function", "F", code=code)))


def calling(workflow_id: str) -> JsonObject:
    child = block(
        "c", "workflow_input", "Call", settings={"workflowId": workflow_id, "inputMapping": '{"n": <start.n>}'}
    )
    after = block("r", "function", "R", code="return <call.result.result> + 1")
    return file("Caller", chain(start({"name": "n", "type": "number"}), child, after))


@pytest.fixture
async def child_id(api: PublicApi) -> AsyncIterator[str]:
    yield await api.publish(doubling("2"))


async def test_the_child_s_result_is_returned_synchronously(api: PublicApi, child_id: str) -> None:
    parent = await api.publish(calling(child_id))
    answer = (await api.run(parent, {"n": 20})).json()
    assert (answer["success"], answer["output"]["result"]) == (True, 41)


async def test_a_queued_run_calls_children_as_well(api: PublicApi, child_id: str) -> None:
    parent = await api.publish(calling(child_id))
    accepted = await api.queue(parent, {"n": 4})
    job = await api.ended_job(accepted["jobId"])
    assert (job["status"], job["output"]["result"]) == ("completed", 9)


async def test_a_child_has_environment_values_that_its_caller_does_not_name(api: PublicApi) -> None:
    named = {"value": "from-the-workspace"}
    put = await api.http.put(f"/api/workspaces/{api.workspace_id}/environment/ONLY_THE_CHILD_NAMES_IT", json=named)
    assert put.status_code == 200
    code = "return {{ONLY_THE_CHILD_NAMES_IT}}"
    child = await api.publish(file("Names", chain(start(), block("f", "function", "F", code=code))))
    answer = (await api.run(await api.publish(calling(child)), {"n": 1})).json()
    assert answer["output"]["result"] == "from-the-workspace1"


async def test_a_child_that_is_not_deployed_is_reported(api: PublicApi) -> None:
    imported = await api.import_(doubling("2"))
    draft = imported.json()["data"]["id"]
    answer = await api.run(await api.publish(calling(draft)), {"n": 1})
    assert answer.status_code == 500
    assert answer.json()["error"] == (
        f'Call: "{draft}" failed: Child workflow is not deployed. Please deploy the workflow before invoking it.'
    )
