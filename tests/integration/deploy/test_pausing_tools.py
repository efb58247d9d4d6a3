"""Deploy warns where an agent's tool is a workflow that waits for a person: an agent cannot wait."""

import pytest
from tests.support.deploy import DeployCaller, at
from tests.support.workflow_states import block, chain, start

from shared.contracts import deployments as contracts
from shared.errors import InvalidWorkflow
from shared.workflow.format.js_values import Json, JsonObject

PLAIN = chain(start(), block("f", "function", code="return 1"))
ASKS = chain(start(), block("h", "human_in_the_loop"))
LONG: JsonObject = {"async": True, "timeValue": "1", "timeUnitLong": "days"}
SHORT: JsonObject = {"async": "false", "timeValue": "1"}
REFUSED = 'Agent, tool "Approve": the workflow may pause for a person or for days'


def waiting(settings: JsonObject) -> JsonObject:
    return chain(start(), block("w", "wait", settings=settings))


def calling(workflow_id: str, setting: str = "workflowId") -> JsonObject:
    return chain(start(), block("c", "workflow_input", settings={setting: workflow_id}))


def with_tool(workflow_id: Json, **more: Json) -> JsonObject:
    tool: JsonObject = {"type": "workflow_input", "title": "Approve", "params": {"workflowId": workflow_id}, **more}
    return chain(start(), block("a", "agent", "Agent", settings={"model": "vllm/m", "tools": [tool]}))


async def deployed(gateway: DeployCaller, state: JsonObject) -> str:
    workflow = await gateway.create(state)
    await gateway.deploy(workflow.id)
    return workflow.id


@pytest.mark.parametrize("child", [ASKS, waiting(LONG)])
async def test_a_tool_that_may_wait_is_refused_with_the_reason(gateway: DeployCaller, child: JsonObject) -> None:
    agent = await gateway.create(with_tool(await deployed(gateway, child)))
    with pytest.raises(InvalidWorkflow, match=REFUSED):
        await gateway.deploy(agent.id)
    problems = await gateway.http.call("GET", at(agent.id, "problems"), returns=contracts.Problems)
    assert [(problem.block_id, problem.fields) for problem in problems.errors] == [("a", ("tools",))]


@pytest.mark.parametrize("setting", ["workflowId", "manualWorkflowId"])
async def test_however_far_down_the_wait_is(gateway: DeployCaller, setting: str) -> None:
    middle = await deployed(gateway, calling(await deployed(gateway, ASKS), setting))
    agent = await gateway.create(with_tool(await deployed(gateway, calling(middle))))
    with pytest.raises(InvalidWorkflow, match=REFUSED):
        await gateway.deploy(agent.id)


@pytest.mark.parametrize("child", [PLAIN, waiting(SHORT)])
async def test_a_tool_without_a_pause_is_deployed(gateway: DeployCaller, child: JsonObject) -> None:
    await deployed(gateway, with_tool(await deployed(gateway, child)))


async def test_undecidable_cases_are_left_to_the_run(gateway: DeployCaller) -> None:
    asking = await deployed(gateway, ASKS)
    draft = (await gateway.create(ASKS)).id
    foreign = (await gateway.create(ASKS, workspace="other")).id
    await gateway.deploy(foreign, workspace="other")
    for named in (draft, foreign, "nobody", "<start.which>", None, 7):
        await deployed(gateway, with_tool(named))
    await deployed(gateway, with_tool(asking, usageControl="none"))
    await deployed(gateway, calling(asking))


async def test_a_bounded_number_of_workflows_is_inspected_for_one_tool(
    gateway: DeployCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy_service.application.checker.MOST_CALLED", 2)
    middle = await deployed(gateway, calling(await deployed(gateway, ASKS)))
    far = await deployed(gateway, calling(await deployed(gateway, calling(middle))))
    await deployed(gateway, with_tool(far))
    with pytest.raises(InvalidWorkflow, match=REFUSED):
        await deployed(gateway, with_tool(middle))


async def test_mutually_calling_workflows_are_inspected_once(gateway: DeployCaller) -> None:
    workflow = await gateway.create(PLAIN)
    await gateway.save(workflow.id, calling(workflow.id))
    await gateway.deploy(workflow.id)
    await deployed(gateway, with_tool(workflow.id))
